package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The caller's code runs while a slot is held. It may panic or end its
// goroutine.
func TestSlotIsNotLostByTheCallersCode(t *testing.T) {
	ends := map[string]func(){"panics": func() { panic("x") }, "ends its goroutine": runtime.Goexit}
	places := []struct {
		name string
		set  func(*Options, func())
		free int // slots right afterwards
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
					e := newEngine(&stub{responses: []canned{{status: 200}}}, func(o *Options) { place.set(o, end) })
					var wg sync.WaitGroup
					wg.Go(func() {
						defer func() { _ = recover() }()
						_, _ = e.Do(t.Context(), newCall(http.MethodGet, true))
						t.Error("the call returned")
					})
					wg.Wait()
					if free := e.limiter.slots.free(); free != place.free || len(e.limiter.slots.inFlight) != 0 {
						t.Errorf("%d slots are free and %d in flight, want %d and none", free, len(e.limiter.slots.inFlight), place.free)
					}
					time.Sleep(window + maxLag)
					e.limiter.expire(time.Now())
					if free := e.limiter.slots.free(); free != 120 {
						t.Errorf("%d slots are free when the server cannot count it any more", free)
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

func TestTokenSourceFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := errors.New("vault")
		server := &stub{responses: []canned{{status: 200}}}
		e := newEngine(server, func(o *Options) {
			o.Authorization = func(context.Context) (string, error) { return "", vault }
		})
		_, err := e.Do(t.Context(), newCall(http.MethodGet, true))
		if f := failureOf(t, err); !errors.Is(f.Cause, vault) || f.Attempts != 0 || server.count() != 0 {
			t.Errorf("failure %+v after %d requests", f, server.count())
		}
		if e.limiter.slots.free() != 120 {
			t.Errorf("%d slots are free, want all", e.limiter.slots.free())
		}
	})
}

func TestContextEnds(t *testing.T) {
	tests := []struct {
		name      string
		responses []canned
		call      *Call
		unknown   bool
	}{
		{"before the response to a read", []canned{{status: 200, after: time.Hour}}, newCall(http.MethodGet, true), false},
		{"before the response to a write", []canned{{status: 200, after: time.Hour}}, newCall(http.MethodPut, true), true},
		{"between the attempts of a read", []canned{{status: 503, header: http.Header{"Retry-After": {"20"}}}}, newCall(http.MethodGet, true), false},
		{"between the attempts of a write", []canned{{status: 503, header: http.Header{"Retry-After": {"20"}}}}, newCall(http.MethodPut, true), true},
		{"behind the gate", []canned{{status: 429, header: http.Header{"Retry-After": {"20"}}}}, newCall(http.MethodPost, false), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(5*time.Second, cancel)
				began := time.Now()
				e := newEngine(&stub{responses: tt.responses})
				_, err := e.Do(ctx, tt.call)
				f := failureOf(t, err)
				if took := time.Since(began); took != 5*time.Second {
					t.Errorf("took %s, want 5s", took)
				}
				if !errors.Is(f.Cause, context.Canceled) || f.OutcomeUnknown != tt.unknown {
					t.Errorf("cause %v, unknown %t; want a canceled context, %t", f.Cause, f.OutcomeUnknown, tt.unknown)
				}
				if n := len(e.limiter.slots.inFlight); n != 0 {
					t.Errorf("%d slots are still in flight", n)
				}
			})
		})
	}
}

// A request that is not sent because its context has ended is not an attempt.
func TestContextEndsBeforeTheRequestIsSent(t *testing.T) {
	const timeout = 10 * time.Second
	ends := map[string]struct {
		end   func(cancel func())
		cause error
	}{
		"canceled": {func(cancel func()) { cancel() }, context.Canceled},
		"too late": {func(func()) { time.Sleep(timeout + time.Second) }, context.DeadlineExceeded},
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
						server := &stub{responses: []canned{{status: 503}}}
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

// If the context ends while the response is checked, the call is not retried.
func TestContextEndsAfterAResponse(t *testing.T) {
	const timeout = 10 * time.Second
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
		t.Run(cause.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), timeout)
				defer cancel()
				var log strings.Builder
				e := newEngine(&stub{responses: []canned{{status: 503}}}, func(o *Options) {
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

// An attempt that was not sent is not logged as if it had ended like the one
// before it.
func TestUnsentRetryIsNotLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		server := &stub{responses: []canned{{status: 429, header: pauseOf("5")}}}
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

func TestMaxWaitIsASum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &stub{responses: []canned{{status: 429, header: pauseOf("6")}}}
		e := newEngine(server, func(o *Options) { o.MaxWait = 10 * time.Second })
		began := time.Now()
		_, err := e.Do(t.Context(), newCall(http.MethodPost, false))
		f := failureOf(t, err)
		if took := time.Since(began); took != 6*time.Second || f.Attempts != 2 || !f.RateLimited || f.RetryAfter != 6*time.Second {
			t.Errorf("took %s with %+v, want 6s and a second 429", took, f)
		}
	})
}

func TestMaxWaitCountsEveryKindOfWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &stub{responses: []canned{{status: 503, header: pauseOf("6")}, {status: 429, header: pauseOf("3")}, {status: 503, header: pauseOf("2")}}}
		e := newEngine(server, func(o *Options) { o.MaxWait = 10 * time.Second })
		began := time.Now()
		_, err := e.Do(t.Context(), newCall(http.MethodGet, true))
		f := failureOf(t, err)
		if took := time.Since(began); took != 9*time.Second || f.Attempts != 3 || f.RateLimited || f.RetryAfter != 2*time.Second {
			t.Errorf("took %s with %+v, want 9s and the last 503", took, f)
		}
	})
}

// A gate that closes during a wait ends the call after the wait. MaxWait counts
// both.
func TestGateClosesDuringAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &stub{responses: []canned{{status: 503, header: pauseOf("6")}, {status: 429, header: pauseOf("9")}}}
		e := newEngine(server, func(o *Options) { o.MaxWait = 10 * time.Second })
		time.AfterFunc(5*time.Second, func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, _ = e.Do(ctx, newCall(http.MethodPost, false))
		})
		began := time.Now()
		_, err := e.Do(t.Context(), newCall(http.MethodPut, true))
		f := failureOf(t, err)
		if took := time.Since(began); took != 6*time.Second || f.Attempts != 1 || !f.RateLimited || !f.OutcomeUnknown || f.RetryAfter != 8*time.Second {
			t.Errorf("took %s with %+v, want no room after 6s for 8s", took, f)
		}
	})
}
