package transport

import (
	"context"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A call that waits beside another process is sent before its deadline.
func TestPredictionsBesideOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &windowed{limit: 120, rtt: 200 * time.Millisecond}
		server.spend(60)
		e := newEngine(server)
		drain(t, e, 1, 1)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				_, err := e.Do(ctx, newCall(http.MethodGet, true))
				if f := failureOf(t, err); f != nil && !f.RateLimited {
					t.Errorf("waited, and failed: %v", f.Cause)
				}
			})
		}
		wg.Wait()
	})
}

// A call without room in time fails at once.
func TestNoRoomAtOnce(t *testing.T) {
	bounds := map[string]func(*Options) time.Duration{
		"deadline": func(*Options) time.Duration { return 10 * time.Second },
		"MaxWait":  func(o *Options) time.Duration { o.MaxWait = 10 * time.Second; return 0 },
	}
	for name, bound := range bounds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var timeout time.Duration
				e := newEngine(&windowed{limit: 120, rtt: 200 * time.Millisecond}, func(o *Options) { timeout = bound(o) })
				drain(t, e, 60, 60)
				var sent, noRoom atomic.Int32
				var wg sync.WaitGroup
				for range 500 {
					wg.Go(func() {
						ctx := t.Context()
						if timeout > 0 {
							var cancel context.CancelFunc
							ctx, cancel = context.WithTimeout(ctx, timeout)
							defer cancel()
						}
						began := time.Now()
						_, err := e.Do(ctx, newCall(http.MethodGet, true))
						f := failureOf(t, err)
						switch {
						case f == nil:
							sent.Add(1)
						case f.RateLimited && time.Since(began) == 0 && f.RetryAfter > 9*time.Second && f.Attempts == 0:
							noRoom.Add(1)
						default:
							t.Errorf("after %s: %+v", time.Since(began), f)
						}
					})
				}
				wg.Wait()
				if sent.Load() < 19 || sent.Load()+noRoom.Load() != 500 {
					t.Errorf("%d sent, %d without room", sent.Load(), noRoom.Load())
				}
			})
		})
	}
}

// A call that waits fails as soon as a response shows that it would be sent too
// late.
func TestNoRoomWhenConditionsWorsen(t *testing.T) {
	const at = 500 * time.Millisecond // the first token after a burst
	used := canned{status: 200, header: http.Header{headerLimit: {"120"}, headerRemaining: {"0"}}}
	lowered := canned{status: 200, header: http.Header{headerLimit: {"12"}}}
	slow := canned{status: 200, after: 5 * time.Second}
	for name, c := range map[string]struct {
		before   canned // of another route
		response canned
		when     time.Duration
	}{
		"a 429 that asks for a pause": {canned{status: 200}, tooManyFor("50"), at},
		"others use up the window":    {canned{status: 200}, used, at},
		"the limit is lowered":        {lowered, lowered, at},
		"the round trip becomes long": {canned{status: 200}, slow, at + 5*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEngine(stubAfter(59, c.before, c.response), func(o *Options) { o.MaxRetries = 0 })
				drain(t, e, 59, 59)
				if _, err := e.Do(t.Context(), callOn("/contacts")); err != nil {
					t.Fatal(failureOf(t, err))
				}
				began := time.Now()
				var wg sync.WaitGroup
				noRoom := 0
				var mu sync.Mutex
				for range 15 {
					wg.Go(func() {
						ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
						defer cancel()
						_, err := e.Do(ctx, newCall(http.MethodGet, true))
						f := failureOf(t, err)
						mu.Lock()
						defer mu.Unlock()
						if f == nil || f.Attempts > 0 {
							return
						}
						noRoom++
						if took := time.Since(began); !f.RateLimited || f.RetryAfter <= 0 || took > c.when+time.Millisecond {
							t.Errorf("after %s: %+v", took, f)
						}
					})
				}
				wg.Wait()
				if noRoom == 0 {
					t.Error("every call had room")
				}
			})
		})
	}
}

// Waiters behind one that is evicted move up.
func TestEvictionMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(stubAfter(60, tooManyFor("8")), func(o *Options) { o.MaxRetries = 0 })
		drain(t, e, 60, 60)
		began := time.Now()
		var wg sync.WaitGroup
		var mu sync.Mutex
		var last time.Duration
		call := func(deadline time.Duration) {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), deadline)
				defer cancel()
				_, _ = e.Do(ctx, newCall(http.MethodGet, true))
				mu.Lock()
				defer mu.Unlock()
				last = max(last, time.Since(began))
			})
			synctest.Wait()
		}
		call(10 * time.Second) // gets the 429
		for range 8 {
			call(6 * time.Second)
		}
		call(10 * time.Second)
		wg.Wait()
		if last.Truncate(time.Millisecond) != 8500*time.Millisecond {
			t.Errorf("the last one ended after %s, want the end of the pause", last)
		}
	})
}

// No call waits longer than MaxWait, whatever happens during the wait.
func TestMaxWaitHoldsWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(stubAfter(80, tooManyFor("300")), func(o *Options) { o.MaxWait = 20 * time.Second })
		drain(t, e, 60, 60)
		var wg sync.WaitGroup
		for range 40 {
			wg.Go(func() {
				began := time.Now()
				_, _ = e.Do(t.Context(), newCall(http.MethodGet, true))
				if waited := time.Since(began); waited > 20*time.Second {
					t.Errorf("waited %s", waited)
				}
			})
		}
		wg.Wait()
	})
}

// The cost of a prediction depends on the queue, not on the limit.
func TestHugeLimitCostsNothing(t *testing.T) {
	for _, remaining := range []string{"50000000", "0"} {
		synctest.Test(t, func(t *testing.T) {
			header := http.Header{headerRetryAfter: {"50"}, headerLimit: {"2147483647"}, headerRemaining: {remaining}}
			e := newEngine(&stub{responses: []canned{{status: 200, header: header}, {status: 429, header: header}}}, func(o *Options) { o.MaxRetries = 0 })
			drain(t, e, 1, 1)
			_, _ = e.Do(t.Context(), newCall(http.MethodGet, true))
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := e.Do(ctx, newCall(http.MethodGet, true))
			runtime.ReadMemStats(&after)
			if f := failureOf(t, err); f == nil || !f.RateLimited {
				t.Errorf("failure %+v", f)
			}
			if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 1<<20 {
				t.Errorf("a prediction allocated %d KB", allocated>>10)
			}
		})
	}
}

// An attempt whose time has passed during the wait is not sent.
func TestNothingIsSentTooLateAfterAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &windowed{limit: 120, rtt: 5 * time.Second}
		e := newEngine(server)
		server.spend(118)
		drain(t, e, 1, 1)
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 58*time.Second)
				defer cancel()
				_, err := e.Do(ctx, newCall(http.MethodPost, false))
				if f := failureOf(t, err); f != nil && f.OutcomeUnknown {
					t.Errorf("%+v", f)
				}
			})
		}
		wg.Wait()
	})
}
