package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptrace"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A jar is somebody's cookie jar that runs a function when it is asked.
type jar func()

func (jar) SetCookies(*url.URL, []*http.Cookie) {}

func (f jar) Cookies(*url.URL) []*http.Cookie { f(); return nil }

// What runs while a slot is held is not ours, and may not return.
func TestSlotSurvivesTheCallersCode(t *testing.T) {
	ends := map[string]func(){"panics": func() { panic("x") }, "ends its goroutine": runtime.Goexit}
	places := []struct {
		name string
		set  func(*Options, func())
		free int // slots right after it
	}{
		{"token source", func(o *Options, end func()) {
			o.Authorization = func(context.Context) (string, error) { end(); return "", nil }
		}, 120},
		{"jar", func(o *Options, end func()) { o.HTTPClient.Jar = jar(end) }, 120},
		{"transport", func(o *Options, end func()) {
			o.HTTPClient.Transport = roundTripper(func(*http.Request) (*http.Response, error) { end(); return nil, io.EOF })
		}, 119},
		{"observer", func(o *Options, end func()) { o.Observer = func(context.Context, Attempt) { end() } }, 119},
	}
	for how, end := range ends {
		for _, place := range places {
			t.Run(place.name+" "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					e := newEngine(&stub{answers: []answer{{status: 200}}}, func(o *Options) { place.set(o, end) })
					var wg sync.WaitGroup
					wg.Go(func() {
						defer func() { _ = recover() }()
						_, _ = e.Do(t.Context(), newCall(http.MethodGet, true))
						t.Error("the call returned")
					})
					wg.Wait()
					if free := e.limiter.slots.free(); free != place.free || len(e.limiter.slots.inFlight) != 0 {
						t.Errorf("%d slots are free and %d held, want %d and none", free, len(e.limiter.slots.inFlight), place.free)
					}
					time.Sleep(window)
					e.limiter.expire(time.Now())
					if free := e.limiter.slots.free(); free != 120 {
						t.Errorf("%d slots are free after a window", free)
					}
				})
			})
		}
	}
}

func TestCookiesOfEachAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cookies, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		cookies.SetCookies(&url.URL{Scheme: "https", Host: "app.trengo.com"}, []*http.Cookie{{Name: "a", Value: "1", Path: "/"}})
		var sent []string
		transport := roundTripper(func(r *http.Request) (*http.Response, error) {
			sent = append(sent, strings.Join(r.Header["Cookie"], "; "))
			return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: http.NoBody}, nil
		})
		in := newCall(http.MethodGet, true)
		_, _ = newEngine(transport, func(o *Options) { o.HTTPClient.Jar = cookies }).Do(t.Context(), in)
		if want := slices.Repeat([]string{"a=1"}, 5); !slices.Equal(sent, want) {
			t.Errorf("the attempts had the cookies %q, want %q", sent, want)
		}
		if len(in.Header) != 1 {
			t.Errorf("the caller's header became %v", in.Header)
		}
	})
}

// A request that the end of its context kept from being sent is no attempt.
func TestContextEndsBeforeTheRequestIsSent(t *testing.T) {
	const timeout = 10 * time.Second
	ends := map[string]struct {
		end   func(cancel func())
		cause error
	}{
		"cancelled": {func(cancel func()) { cancel() }, context.Canceled},
		"too late":  {func(func()) { time.Sleep(timeout + time.Second) }, context.DeadlineExceeded},
	}
	places := map[string]func(*Options, func()){
		"token source": func(o *Options, f func()) {
			o.Authorization = func(context.Context) (string, error) { f(); return "token", nil }
		},
		"jar": func(o *Options, f func()) { o.HTTPClient.Jar = jar(f) },
	}
	for how, e := range ends {
		for place, set := range places {
			for sent := range 2 {
				t.Run(fmt.Sprintf("%s in the %s of attempt %d", how, place, sent+1), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						ctx, cancel := context.WithTimeout(t.Context(), timeout)
						defer cancel()
						server := &stub{answers: []answer{{status: 503}}}
						var observed int
						engine := newEngine(server, func(o *Options) {
							set(o, func() {
								if server.count() == sent {
									e.end(cancel)
								}
							})
							o.Observer = func(context.Context, Attempt) { observed++ }
						})
						_, err := engine.Do(ctx, newCall(http.MethodPut, true))
						f := failureOf(t, err)
						if !errors.Is(f.Cause, e.cause) || errors.As(f.Cause, new(*url.Error)) || f.Attempts != sent || f.OutcomeUnknown != (sent > 0) {
							t.Errorf("failure %+v, want %v after %d attempts", f, e.cause, sent)
						}
						if server.count() != sent || observed != sent {
							t.Errorf("%d requests and %d observations, want %d", server.count(), observed, sent)
						}
						if free := engine.limiter.slots.free(); free != 120-sent {
							t.Errorf("%d slots are free, want %d", free, 120-sent)
						}
					})
				})
			}
		}
	}
}

// What was not sent is not judged by the attempt before it.
func TestUnsentRetryIsNotLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		server := &stub{answers: []answer{{status: 429, header: pauseOf("5")}}}
		var log strings.Builder
		e := newEngine(server, func(o *Options) {
			o.Logger = slog.New(slog.NewTextHandler(&log, nil))
			o.HTTPClient.Jar = jar(func() {
				if server.count() == 1 {
					cancel()
				}
			})
		})
		_, err := e.Do(ctx, newCall(http.MethodPost, false))
		f := failureOf(t, err)
		if !errors.Is(f.Cause, context.Canceled) || f.Attempts != 1 || strings.Count(log.String(), "\n") != 1 {
			t.Errorf("failure %+v, and the log %q; want one retry", f, log.String())
		}
	})
}

// http.Client lets a transport leave out a body that is empty, and refuses
// what makes no sense. So do we, without a panic.
func TestAnswersWithoutABody(t *testing.T) {
	tests := []struct {
		name   string
		method string
		resp   *http.Response
		fails  string // the end of the cause; "": an answer
	}{
		{"no body", http.MethodPost, &http.Response{StatusCode: http.StatusNoContent}, ""},
		{"no body for its length", http.MethodPost, &http.Response{StatusCode: http.StatusOK, ContentLength: 5}, "a response of 5 bytes without a body"},
		{"no body for the length of a HEAD", http.MethodHead, &http.Response{StatusCode: http.StatusOK, ContentLength: 5}, ""},
		{"nothing", http.MethodPost, nil, "neither a response nor an error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent := 0
				transport := roundTripper(func(*http.Request) (*http.Response, error) { sent++; return tt.resp, nil })
				got, err := newEngine(transport).Do(t.Context(), newCall(tt.method, false))
				if sent != 1 {
					t.Errorf("%d requests, want 1", sent)
				}
				if f := failureOf(t, err); tt.fails != "" {
					if f == nil || !f.OutcomeUnknown || !strings.HasSuffix(fmt.Sprint(f.Cause), tt.fails) {
						t.Errorf("failure %+v, want an unknown outcome by %q", f, tt.fails)
					}
					return
				}
				if err != nil || len(got.Body) != 0 {
					t.Errorf("answer %+v, %v", got, err)
				}
			})
		})
	}
}

// A token that was replaced says nothing of the server: the retries are for
// its failures.
func TestReplacedTokenIsNoRetry(t *testing.T) {
	for _, retries := range []int{0, 1, 2} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			synctest.Test(t, func(t *testing.T) {
				answers := []answer{{status: 401}}
				answers = append(answers, slices.Repeat([]answer{{err: errDial, dial: true}}, retries)...)
				server := &stub{answers: append(answers, answer{status: 200})}
				asked := 0
				e := newEngine(server, func(o *Options) {
					o.MaxRetries = retries
					o.Authorization = func(context.Context) (string, error) { asked++; return fmt.Sprint("token ", min(asked, 2)), nil }
				})
				_, err := e.Do(t.Context(), newCall(method, false))
				if err != nil || server.count() != retries+2 {
					t.Errorf("%s, %d retries: %+v after %d requests, want an answer after %d", method, retries, failureOf(t, err), server.count(), retries+2)
				}
				if last := server.sent[len(server.sent)-1]; last.authorization != "token 2" {
					t.Errorf("the last attempt was sent with %q", last.authorization)
				}
			})
		}
	}
}

func TestObservedTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &stub{answers: []answer{
			{status: 503, after: 2 * time.Second, header: http.Header{headerRetryAfter: {"20"}}},
			{status: 200, after: 3 * time.Second},
		}}
		var seen []Attempt
		e := newEngine(server, func(o *Options) { o.Observer = func(_ context.Context, a Attempt) { seen = append(seen, a) } })
		in := newCall(http.MethodGet, true)
		in.Accept = func(*Response) error { time.Sleep(5 * time.Second); return nil }
		if _, err := e.Do(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		want := []Attempt{
			{Method: "GET", Route: "/tickets", StatusCode: 503, Number: 1, Elapsed: 2 * time.Second, Class: ClassServerError},
			{Method: "GET", Route: "/tickets", StatusCode: 200, Number: 2, Waited: 20 * time.Second, Elapsed: 3 * time.Second},
		}
		if !slices.Equal(seen, want) {
			t.Errorf("observed %+v, want %+v", seen, want)
		}
	})
}

func TestClassOfACancelledAttempt(t *testing.T) {
	errGone := errors.New("the caller has gone")
	places := map[string]roundTripper{
		"before there is a connection": func(r *http.Request) (*http.Response, error) {
			httptrace.ContextClientTrace(r.Context()).GetConn("app.trengo.com:443")
			_, err := untilCancelled{r.Context()}.Read(nil)
			return nil, err
		},
		"before the answer": func(r *http.Request) (*http.Response, error) {
			_, err := untilCancelled{r.Context()}.Read(nil)
			return nil, err
		},
		"within the body": func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(untilCancelled{r.Context()})}, nil
		},
	}
	for name, transport := range places {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Second, func() { cancel(errGone) })
				var class AttemptClass
				e := newEngine(transport, func(o *Options) { o.Observer = func(_ context.Context, a Attempt) { class = a.Class } })
				_, err := e.Do(ctx, newCall(http.MethodGet, true))
				f := failureOf(t, err)
				if class != ClassCanceled || !errors.Is(f.Cause, context.Canceled) || !errors.Is(f.Cause, errGone) {
					t.Errorf("class %q with the cause %v", class, f.Cause)
				}
			})
		})
	}
}

// untilCancelled is a body that fails with the cause of its context, as
// net/http's do.
type untilCancelled struct{ ctx context.Context }

func (r untilCancelled) Read([]byte) (int, error) {
	<-r.ctx.Done()
	return 0, context.Cause(r.ctx)
}

// A context that ends while an answer is judged leaves nothing to repeat.
func TestContextEndsAfterAnAnswer(t *testing.T) {
	const timeout = 10 * time.Second
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
		t.Run(cause.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), timeout)
				defer cancel()
				var log strings.Builder
				e := newEngine(&stub{answers: []answer{{status: 503}}}, func(o *Options) {
					o.Logger = slog.New(slog.NewTextHandler(&log, nil))
					o.Observer = func(context.Context, Attempt) {
						if cause == context.Canceled { //nolint:errorlint // a value of this test's table
							cancel()
						} else {
							time.Sleep(timeout + time.Second)
						}
					}
				})
				_, err := e.Do(ctx, newCall(http.MethodGet, true))
				if f := failureOf(t, err); !errors.Is(f.Cause, cause) || f.Attempts != 1 || log.Len() != 0 {
					t.Errorf("failure %+v, and the log %q; want %v", f, log.String(), cause)
				}
			})
		})
	}
}

func TestSilentLoggerCostsNothing(t *testing.T) {
	c := &call{req: newCall(http.MethodGet, true), callerCtx: t.Context(), engine: newEngine(&stub{}, func(o *Options) {
		o.Logger = slog.New(slog.DiscardHandler)
	})}
	if n := testing.AllocsPerRun(100, func() { c.endAttempt(outcomeRefused, nil, time.Second) }); n != 0 {
		t.Errorf("%v allocations for a line that nobody reads", n)
	}
}
