package trengo_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

func TestWithTimeout(t *testing.T) {
	tests := []struct {
		name   string
		own    time.Duration // of the caller's http.Client
		opts   []trengo.Option
		passes time.Duration
	}{
		{"the default", 0, nil, 30 * time.Second},
		{"a shorter one", 0, []trengo.Option{trengo.WithTimeout(5 * time.Second)}, 5 * time.Second},
		{"a shorter one of the HTTP client", 3 * time.Second, []trengo.Option{trengo.WithTimeout(5 * time.Second)}, 3 * time.Second},
		{"a longer one of the HTTP client", 9 * time.Second, []trengo.Option{trengo.WithTimeout(5 * time.Second)}, 5 * time.Second},
		{"a longer one of the HTTP client than the default", time.Hour, nil, 30 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := trengotest.New()
				srv.Inject(trengotest.Slow(2 * time.Hour))
				hc := srv.HTTPClient()
				hc.Timeout = tt.own
				client := newClient(t, srv, append(tt.opts, trengo.WithHTTPClient(hc), trengo.WithMaxRetries(0))...)
				began := time.Now()
				err := client.Do(t.Context(), trengo.Request{Path: "/labels"}, nil)
				if took := time.Since(began); took != tt.passes || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("took %s with %v, want a timeout after %s", took, err, tt.passes)
				}
			})
		})
	}
}

func TestWithTimeout_isOfOneAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := trengotest.New()
		srv.Inject(trengotest.Slow(time.Hour), trengotest.TooManyRequests("40"), trengotest.Slow(4*time.Second))
		client := newClient(t, srv, trengo.WithTimeout(5*time.Second))
		if err := client.Do(t.Context(), trengo.Request{Path: "/labels"}, nil); err != nil {
			t.Error(err)
		}
		if n := len(srv.Requests()); n != 3 {
			t.Errorf("%d requests, want 3", n)
		}
	})
}

func TestWithMaxRetries(t *testing.T) {
	for _, tt := range []struct {
		opts     []trengo.Option
		attempts int
	}{
		{nil, trengo.DefaultMaxRetries + 1},
		{[]trengo.Option{trengo.WithMaxRetries(1)}, 2},
		{[]trengo.Option{trengo.WithMaxRetries(0)}, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := trengotest.New()
			srv.InjectFunc(func(trengotest.Request) trengotest.Fault { return trengotest.NoConnection() })
			err := newClient(t, srv, tt.opts...).Do(t.Context(), trengo.Request{Path: "/labels"}, nil)
			if got := errorOf(t, err).Attempts; got != tt.attempts || len(srv.Requests()) != tt.attempts {
				t.Errorf("%d attempts counted, %d sent, want %d", got, len(srv.Requests()), tt.attempts)
			}
		})
	}
}

func TestWithLogger_levels(t *testing.T) {
	limited := trengotest.TooManyRequests
	tests := []struct {
		name     string
		level    slog.Level
		faults   []trengotest.Fault
		opts     []trengo.Option
		deadline time.Duration
		calls    int
		log      string
	}{
		{
			name: "a retry", level: slog.LevelDebug, faults: []trengotest.Fault{limited("7")}, deadline: time.Minute, calls: 1,
			log: `level=DEBUG msg="trengo attempt" method=HEAD route=/contacts/{id} status=429 attempt=1 waited=0s elapsed=0s class=rate_limited
level=WARN msg="trengo retry" method=HEAD route=/contacts/{id} attempt=1 class=rate_limited wait=7s
level=DEBUG msg="trengo attempt" method=HEAD route=/contacts/{id} status=404 attempt=2 waited=7s elapsed=0s class=refused
`,
		},
		{
			name: "warnings only", level: slog.LevelWarn, faults: []trengotest.Fault{limited("7")}, deadline: time.Minute, calls: 1,
			log: `level=WARN msg="trengo retry" method=HEAD route=/contacts/{id} attempt=1 class=rate_limited wait=7s
`,
		},
		{
			name: "a pause past the deadline is no retry", level: slog.LevelWarn, faults: []trengotest.Fault{limited("40")}, deadline: 10 * time.Second, calls: 1,
			log: `level=WARN msg="trengo rate limit reached" method=HEAD route=/contacts/{id} attempt=1 class=rate_limited wait=40s
`,
		},
		{
			name: "the last 429", level: slog.LevelWarn, faults: []trengotest.Fault{limited("1"), limited("2")},
			opts: []trengo.Option{trengo.WithMaxRetries(1)}, deadline: time.Minute, calls: 1,
			log: `level=WARN msg="trengo retry" method=HEAD route=/contacts/{id} attempt=1 class=rate_limited wait=1s
level=WARN msg="trengo rate limit reached" method=HEAD route=/contacts/{id} attempt=2 class=rate_limited wait=2s
`,
		},
		{
			name: "a call that is not sent", level: slog.LevelDebug, faults: []trengotest.Fault{limited("40")},
			opts: []trengo.Option{trengo.WithMaxWait(time.Second)}, deadline: time.Minute, calls: 2,
			log: `level=DEBUG msg="trengo attempt" method=HEAD route=/contacts/{id} status=429 attempt=1 waited=0s elapsed=0s class=rate_limited
level=WARN msg="trengo rate limit reached" method=HEAD route=/contacts/{id} attempt=1 class=rate_limited wait=40s
level=DEBUG msg="trengo refused" method=HEAD route=/contacts/{id} wait=40s
`,
		},
		{
			name: "an age", level: slog.LevelWarn, faults: []trengotest.Fault{limited("2147483647")}, deadline: time.Minute, calls: 1,
			log: `level=WARN msg="trengo rate limit reached" method=HEAD route=/contacts/{id} attempt=1 class=rate_limited wait=1h0m0s
`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := trengotest.New()
				srv.Inject(tt.faults...)
				var text strings.Builder
				handler := slog.NewTextHandler(&text, &slog.HandlerOptions{Level: tt.level, ReplaceAttr: dropTime})
				client := newClient(t, srv, append(tt.opts, trengo.WithLogger(slog.New(handler)))...)
				ctx, cancel := context.WithTimeout(t.Context(), tt.deadline)
				defer cancel()
				for range tt.calls {
					if err := client.Do(ctx, trengo.Request{Path: "/contacts/5", Method: http.MethodHead}, nil); err == nil {
						t.Error("no error")
					}
				}
				if diff := cmp.Diff(tt.log, text.String()); diff != "" {
					t.Errorf("log (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func dropTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func TestWithTokenSource_asksForEachAttempt(t *testing.T) {
	tests := []struct {
		name   string
		tokens []string // the last one stays
		faults []trengotest.Fault
		sent   []string
		status int // of the error; 0: none
	}{
		{"once for a call that is answered", []string{"one", "two"}, nil, []string{"one"}, 0},
		{"again for a retry", []string{"one", "two"}, []trengotest.Fault{trengotest.LostBefore()}, []string{"one", "two"}, 0},
		{"again for a token that is refused", []string{"revoked", "two"}, nil, []string{"revoked", "two"}, 0},
		{"and gives up if it is refused still", []string{"revoked", "gone", "two"}, nil, []string{"revoked", "gone"}, 401},
		{"and does not repeat a token", []string{"revoked"}, nil, []string{"revoked"}, 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := trengotest.New()
				srv.SetTokens("one", "two")
				srv.Inject(tt.faults...)
				type key struct{}
				asked := 0
				client, err := trengo.NewClient("", trengo.WithHTTPClient(srv.HTTPClient()),
					trengo.WithTokenSource(func(ctx context.Context) (string, error) {
						if ctx.Value(key{}) != "of the call" {
							t.Error("the source did not get the context of the call")
						}
						asked++
						return tt.tokens[min(asked, len(tt.tokens))-1], nil
					}))
				if err != nil {
					t.Fatal(err)
				}
				ctx := context.WithValue(t.Context(), key{}, "of the call")
				err = client.Do(ctx, trengo.Request{Path: "/labels"}, nil)
				if tt.status == 0 && err != nil || tt.status != 0 && errorOf(t, err).StatusCode != tt.status {
					t.Errorf("error is %v, want status %d", err, tt.status)
				}
				var sent []string
				for _, r := range srv.Requests() {
					sent = append(sent, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
				}
				if diff := cmp.Diff(tt.sent, sent); diff != "" {
					t.Errorf("tokens sent (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestWithTokenSource_withoutToken(t *testing.T) {
	t.Parallel()
	errVault := errors.New("vault s3cret is sealed")
	tests := []struct {
		name   string
		source func(context.Context) (string, error)
		cause  error // nil: any
		says   string
	}{
		{"the source fails", func(context.Context) (string, error) { return "s3cret", errVault }, errVault, "trengo: GET /labels: no token: *errors.errorString"},
		{"the source gives up", func(context.Context) (string, error) { return "", context.DeadlineExceeded }, context.DeadlineExceeded, "trengo: GET /labels: no token: timeout"},
		{"the token is empty", func(context.Context) (string, error) { return "", nil }, nil, "trengo: GET /labels: no token: the token is empty"},
		{"the token has a line break", func(context.Context) (string, error) { return "s3cret\n", nil }, nil, "trengo: GET /labels: no token: the token has a character that no token has, such as a blank or a line break"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := trengotest.New()
			err := newClient(t, srv, trengo.WithTokenSource(tt.source)).Do(t.Context(), trengo.Request{Path: "/labels"}, nil)
			failed := errorOf(t, err)
			if failed.Attempts != 0 || failed.StatusCode != 0 || len(srv.Requests()) != 0 {
				t.Errorf("%d attempts, status %d, %d requests; want none", failed.Attempts, failed.StatusCode, len(srv.Requests()))
			}
			if tt.cause != nil && !errors.Is(err, tt.cause) {
				t.Errorf("error %v does not wrap that of the source", err)
			}
			if diff := cmp.Diff(tt.says, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if !trengo.Retryable(err) {
				t.Error("the error is not retryable, though an operator can mend the source")
			}
		})
	}
}

func TestWithRateLimit(t *testing.T) {
	tests := []struct {
		name     string
		server   int // requests a minute that the server states; 0: it states none
		opts     []trengo.Option
		requests int
		least    time.Duration
		most     time.Duration
	}{
		{"starts with 120 by default", 0, nil, 121, time.Minute, 61 * time.Second},
		{"follows the server down by default", 6, nil, 7, time.Minute, 61 * time.Second},
		{"follows the server up by default", 1200, nil, 300, 0, 30 * time.Second},
		{"is exact on the first request", 0, []trengo.Option{trengo.WithRateLimit(1)}, 2, time.Minute, time.Minute},
		{"is a ceiling for the server's limit", 1200, []trengo.Option{trengo.WithRateLimit(6)}, 7, time.Minute, 61 * time.Second},
		{"may begin above the default", 0, []trengo.Option{trengo.WithRateLimit(1200)}, 300, 0, 30 * time.Second},
		{"gives way to a lower limit of the server", 6, []trengo.Option{trengo.WithRateLimit(600)}, 7, time.Minute, 61 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := trengotest.New()
				srv.SetRateLimit(tt.server)
				client := newClient(t, srv, tt.opts...)
				began := time.Now()
				for range tt.requests {
					if err := client.Do(t.Context(), trengo.Request{Path: "/labels"}, nil); err != nil {
						t.Fatal(err)
					}
				}
				if took := time.Since(began); took < tt.least || took > tt.most {
					t.Errorf("%d requests took %s, want %s to %s", tt.requests, took, tt.least, tt.most)
				}
				if n := len(srv.Requests()); n != tt.requests {
					t.Errorf("%d requests were sent, want %d", n, tt.requests)
				}
			})
		})
	}
}

func TestWithMaxWait(t *testing.T) {
	tests := []struct {
		name    string
		pause   string // that the server asks for
		opts    []trengo.Option
		passes  time.Duration
		refused time.Duration // when to come back; 0: the call succeeds
	}{
		{"the default waits as long as it takes", "300", nil, 300 * time.Second, 0},
		{"the default refuses more than five minutes", "301", nil, 0, 301 * time.Second},
		{"a wait below the bound", "9", []trengo.Option{trengo.WithMaxWait(10 * time.Second)}, 9 * time.Second, 0},
		{"a wait above the bound", "11", []trengo.Option{trengo.WithMaxWait(10 * time.Second)}, 0, 11 * time.Second},
		{"a bound beyond five minutes", "301", []trengo.Option{trengo.WithMaxWait(time.Hour)}, 301 * time.Second, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := trengotest.New()
				srv.Inject(trengotest.TooManyRequests(tt.pause))
				began := time.Now()
				err := newClient(t, srv, tt.opts...).Do(t.Context(), trengo.Request{Path: "/labels"}, nil)
				if took := time.Since(began); took != tt.passes {
					t.Errorf("took %s, want %s", took, tt.passes)
				}
				if tt.refused == 0 {
					if err != nil {
						t.Error(err)
					}
					return
				}
				if failed := errorOf(t, err); !errors.Is(err, trengo.ErrRateLimited) || failed.RetryAfter != tt.refused {
					t.Errorf("error is %v, want a rate limit that ends after %s", err, tt.refused)
				}
			})
		})
	}
}

func TestNewClient_clientsShareNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := trengotest.New()
		hc := srv.HTTPClient()
		one := newClient(t, srv, trengo.WithHTTPClient(hc), trengo.WithMaxWait(time.Second), trengo.WithUserAgent("one"))
		other := newClient(t, srv, trengo.WithHTTPClient(hc))
		srv.Inject(trengotest.TooManyRequests("40"))
		labels := trengo.Request{Path: "/labels"}
		if err := one.Do(t.Context(), labels, nil); !errors.Is(err, trengo.ErrRateLimited) {
			t.Fatalf("error is %v, want a rate limit", err)
		}
		if other.RateLimit() != (trengo.RateLimit{}) {
			t.Errorf("the other client knows the rate limit %+v", other.RateLimit())
		}
		began := time.Now()
		if err := other.Do(t.Context(), labels, nil); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("the other client waited %s", took)
		}
		if agent := srv.Requests()[1].Header.Get("User-Agent"); agent == "one" {
			t.Error("the other client has the user agent of the first")
		}
	})
}
