package transport

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// A wait is not slept if nothing could come after it.
func TestRetryIsForeseen(t *testing.T) {
	const (
		second = time.Second
		slow   = 5 * time.Second
	)
	shut := answer{status: 429, header: pauseOf("200")}
	fail := func(status int, pause string) answer {
		return answer{status: status, header: pauseOf(pause), after: slow}
	}
	fine := answer{status: 200, after: slow}
	tests := []struct {
		name     string
		before   []answer // to calls of others
		first    answer
		deadline time.Duration
		maxWait  time.Duration
		limit    int
		took     time.Duration
		sent     int // by the call
		limited  bool
		told     time.Duration
	}{
		{name: "the wait leaves no time for the answer", first: fail(503, "40"), deadline: 47 * second, took: slow, sent: 1, told: 40 * second},
		{name: "the wait leaves just enough", first: fail(503, "40"), deadline: 50*second + slack, took: 50 * second, sent: 2},
		{name: "the wait is past the deadline", first: fail(503, "40"), deadline: 20 * second, took: slow, sent: 1, told: 40 * second},
		{name: "the wait is past the bound", first: fail(503, "40"), maxWait: 39 * second, took: slow, sent: 1, told: 40 * second},
		{name: "the wait is just within the bound", first: fail(503, "40"), maxWait: 40 * second, took: 50 * second, sent: 2},
		{name: "the gate leaves no time for the answer", first: fail(429, "40"), deadline: 47 * second, took: slow, sent: 1, limited: true, told: 40 * second},
		{name: "the gate leaves just enough", first: fail(429, "40"), deadline: 50*second + slack, took: 50 * second, sent: 2},
		{name: "somebody's gate is past the deadline", before: []answer{shut}, first: fail(503, "20"), deadline: 60 * second, took: slow, sent: 1, limited: true, told: 195 * second},
		{name: "somebody's gate is past the deadline, and the wait yet longer", before: []answer{shut}, first: fail(503, "250"), deadline: 60 * second, took: slow, sent: 1, limited: true, told: 250 * second},
		{name: "somebody's gate is past the bound", before: []answer{shut}, first: fail(503, "20"), maxWait: 60 * second, took: slow, sent: 1, limited: true, told: 195 * second},
		{name: "somebody's gate is shorter than the wait", before: []answer{{status: 429, header: pauseOf("9")}}, first: fail(503, "20"), maxWait: 60 * second, took: 30 * second, sent: 2},
		{name: "there is no slot in time", limit: 1, first: fail(503, "20"), deadline: 60 * second, took: slow, sent: 1, limited: true, told: 60 * second},
		{name: "there is a slot in time", limit: 1, first: fail(503, "20"), deadline: 80 * second, took: slow + window + slow, sent: 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &stub{answers: append([]answer{tt.first}, append(tt.before, fine)...)}
				e := newEngine(server, func(o *Options) {
					o.MaxWait = tt.maxWait
					if tt.limit > 0 {
						o.Limit = tt.limit
					}
				})
				ctx := t.Context()
				if tt.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.deadline)
					defer cancel()
				}
				others := len(tt.before)
				if others > 0 {
					// They begin after the call and are answered before it.
					time.AfterFunc(time.Nanosecond, func() {
						short, cancel := context.WithTimeout(t.Context(), second)
						defer cancel()
						_, _ = e.Do(short, newCall(http.MethodPost, false))
					})
				}
				began := time.Now()
				_, err := e.Do(ctx, newCall(http.MethodPut, true))
				if took := time.Since(began).Round(10 * time.Millisecond); took != tt.took || server.count() != tt.sent+others {
					t.Errorf("took %s and %d requests, want %s and %d", took, server.count()-others, tt.took, tt.sent)
				}
				f := failureOf(t, err)
				if f == nil {
					if tt.told > 0 {
						t.Error("no failure")
					}
					return
				}
				if f.RateLimited != tt.limited || f.RetryAfter.Round(second) != tt.told || f.OutcomeUnknown != (tt.first.status == 503) {
					t.Errorf("failure %+v, want one that is limited: %t, and told to wait %s", f, tt.limited, tt.told)
				}
			})
		})
	}
}

// A refused token is replaced at once, but its attempt needs room, too.
func TestReplacedTokenIsForeseen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := false
		e := newEngine(&stub{answers: []answer{{status: 401}, {status: 200}}}, func(o *Options) {
			o.Limit, o.MaxWait = 1, time.Second
			o.Authorization = func(context.Context) (string, error) {
				if asked {
					return "new", nil
				}
				asked = true
				return "old", nil
			}
		})
		began := time.Now()
		_, err := e.Do(t.Context(), newCall(http.MethodGet, true))
		f := failureOf(t, err)
		if f == nil || time.Since(began) != 0 || !f.RateLimited || f.RetryAfter != window || f.Response.StatusCode != http.StatusUnauthorized {
			t.Errorf("after %s: %+v", time.Since(began), f)
		}
	})
}

// What could not be foreseen is refused after the wait, and the wait counts.
func TestGateShutsDuringAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &stub{answers: []answer{{status: 503, header: pauseOf("6")}, {status: 429, header: pauseOf("9")}}}
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
			t.Errorf("took %s with %+v, want a refusal after 6s for 8s", took, f)
		}
	})
}
