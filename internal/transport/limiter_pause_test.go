package transport

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// The gate is closed for as long as the server asks, up to a maximum, however
// long the calls wait.
func TestGateAfter429(t *testing.T) {
	tests := []struct {
		name    string
		pause   string
		maxWait time.Duration
		opens   time.Duration
		after   time.Duration // the Failure's RetryAfter
	}{
		{"no MaxWait", "40", 0, 40 * time.Second, 40 * time.Second},
		{"MaxWait below the pause", "40", 2 * time.Second, 40 * time.Second, 40 * time.Second},
		{"MaxWait above the pause", "40", time.Minute, 40 * time.Second, 40 * time.Second},
		{"five minutes", "300", 0, 5 * time.Minute, 5 * time.Minute},
		{"too long", "301", 0, 5 * time.Minute, 301 * time.Second},
		{"too long, MaxWait below it", "301", 2 * time.Second, 5 * time.Minute, 301 * time.Second},
		{"too long, MaxWait above five minutes", "1800", 10 * time.Minute, 10 * time.Minute, 30 * time.Minute},
		{"an hour", "3600", 0, 5 * time.Minute, time.Hour},
		{"more than an hour", "3601", 0, 5 * time.Minute, time.Hour},
		{"more than an hour, MaxWait above it", "5400", 2 * time.Hour, 90 * time.Minute, time.Hour},
		{"68 years", "2147483647", 0, 5 * time.Minute, time.Hour},
		{"a date in 9999", "Fri, 31 Dec 9999 23:59:59 GMT", 0, 5 * time.Minute, time.Hour},
		{"a date in 9999, with a MaxWait", "Fri, 31 Dec 9999 23:59:59 GMT", 2 * time.Second, 5 * time.Minute, time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &stub{responses: []canned{{status: 429, header: pauseOf(tt.pause)}, {status: 200}}}
				e := newEngine(server, func(o *Options) { o.MaxWait, o.MaxRetries = tt.maxWait, 0 })
				began := time.Now()
				_, err := e.Do(t.Context(), newCall(http.MethodGet, true))
				if f := failureOf(t, err); f.RetryAfter != tt.after || e.RateLimit().RetryAfter != tt.after {
					t.Errorf("RetryAfter %s, rate limit %+v; want %s", f.RetryAfter, e.RateLimit(), tt.after)
				}
				time.Sleep(tt.opens - time.Second - time.Nanosecond)
				_, err = e.Do(t.Context(), newCall(http.MethodGet, true))
				if err == nil {
					if at := server.sent[1].at.Sub(began); at != tt.opens {
						t.Errorf("the next call was sent after %s, want %s", at, tt.opens)
					}
					return
				}
				t.Errorf("the next call, a second before the gate opens: %+v", failureOf(t, err))
			})
		})
	}
}

// A call fails at once while the gate is closed for longer than MaxWait.
func TestGateClosedForLongerThanMaxWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &stub{responses: []canned{{status: 429, header: pauseOf("40")}, {status: 200}}}
		e := newEngine(server, func(o *Options) { o.MaxWait = 2 * time.Second })
		for left := 40 * time.Second; left > 2*time.Second; left -= time.Second {
			_, err := e.Do(t.Context(), newCall(http.MethodGet, true))
			f := failureOf(t, err)
			if f == nil || !f.RateLimited || f.Cause != nil || f.RetryAfter != left || server.count() != 1 {
				t.Fatalf("%s before the gate opens: %+v after %d requests", left, f, server.count())
			}
			time.Sleep(time.Second)
		}
		if _, err := e.Do(t.Context(), newCall(http.MethodGet, true)); err != nil {
			t.Errorf("two seconds before the gate opens: %+v", failureOf(t, err))
		}
	})
}

func TestGateDelaysEveryCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &stub{responses: []canned{{status: 429, header: http.Header{"Retry-After": {"20"}}}, {status: 200}}}
		e := newEngine(server)
		began := time.Now()
		drain(t, e, 10, 10)
		for _, s := range server.sent[10:] {
			if after := s.at.Sub(began); after < 20*time.Second {
				t.Errorf("a request was sent %s after the 429", after)
			}
		}
	})
}
