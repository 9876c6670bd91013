package transport

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// answered returns a stub with so many answers of 200 before others; from the
// last one on the answers are 200 again.
func answered(ok int, others ...answer) *stub {
	s := &stub{}
	for range ok {
		s.answers = append(s.answers, answer{status: 200})
	}
	s.answers = append(s.answers, others...)
	s.answers = append(s.answers, answer{status: 200})
	return s
}

func pauseFor(seconds string) answer {
	return answer{status: 429, header: http.Header{headerRetryAfter: {seconds}}}
}

// A call that was told to wait, and whose turn would be too late after an answer
// that came meanwhile, is refused with that answer.
func TestRefusedWhenTheOutlookWorsens(t *testing.T) {
	const at = 500 * time.Millisecond // the first token after a burst
	used := answer{status: 200, header: http.Header{headerLimit: {"120"}, headerRemaining: {"0"}}}
	lowered := answer{status: 200, header: http.Header{headerLimit: {"12"}}}
	slow := answer{status: 200, after: 5 * time.Second}
	for name, c := range map[string]struct {
		answer answer
		when   time.Duration
	}{
		"a 429 that asks for a pause":     {pauseFor("50"), at},
		"somebody else uses the window":   {used, at},
		"the limit is lowered":            {lowered, at},
		"the round trip grows to be long": {slow, at + 5*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEngine(answered(60, c.answer), func(o *Options) { o.MaxRetries = 0 })
				drain(t, e, 60, 60)
				began := time.Now()
				var wg sync.WaitGroup
				refused := 0
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
						refused++
						if took := time.Since(began); !f.RateLimited || f.RetryAfter <= 0 || took > c.when+time.Millisecond {
							t.Errorf("after %s: %+v", took, f)
						}
					})
				}
				wg.Wait()
				if refused == 0 {
					t.Error("nobody was refused")
				}
			})
		})
	}
}

// Those behind one that is refused move up.
func TestRefusalMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(answered(60, pauseFor("8")), func(o *Options) { o.MaxRetries = 0 })
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
		call(10 * time.Second) // meets the 429
		for range 8 {
			call(6 * time.Second)
		}
		call(10 * time.Second)
		wg.Wait()
		if last.Truncate(time.Millisecond) != 8500*time.Millisecond {
			t.Errorf("the last one went after %s, want the end of the pause", last)
		}
	})
}

// Nobody waits longer than MaxWait, whatever happens while they do.
func TestMaxWaitHoldsWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(answered(80, pauseFor("300")), func(o *Options) { o.MaxWait = 20 * time.Second })
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

// What a prediction costs goes by the queue, not by what a server says.
func TestHugeLimitCostsNothing(t *testing.T) {
	for _, remaining := range []string{"50000000", "0"} {
		synctest.Test(t, func(t *testing.T) {
			said := http.Header{headerRetryAfter: {"50"}, headerLimit: {"2147483647"}, headerRemaining: {remaining}}
			e := newEngine(&stub{answers: []answer{{status: 200, header: said}, {status: 429, header: said}}}, func(o *Options) { o.MaxRetries = 0 })
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
				t.Errorf("a refusal allocated %d KB", allocated>>10)
			}
		})
	}
}

// What follows goes before what begins, and begins only if that has room.
func TestParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(&windowed{limit: 120, roundTrip: 100 * time.Millisecond})
		drain(t, e, 60, 60)
		var mu sync.Mutex
		var order []string
		var wg sync.WaitGroup
		call := func(name string, ctx context.Context) {
			wg.Go(func() {
				_, err := e.Do(ctx, newCall(http.MethodGet, true))
				mu.Lock()
				defer mu.Unlock()
				if f := failureOf(t, err); f != nil {
					name += " refused"
				}
				order = append(order, name)
			})
			synctest.Wait()
		}
		call("a whole one", t.Context())
		call("an opening one", WithSequence(t.Context(), 1))
		call("a following one", WithContinuation(t.Context(), 0))
		call("another", WithContinuation(t.Context(), 0))
		call("a last one", t.Context())
		wg.Wait()
		want := []string{"a following one", "another", "a whole one", "an opening one", "a last one"}
		if !slices.Equal(order, want) {
			t.Errorf("served in the order %q, want %q", order, want)
		}
	})
}

// Pairs of calls, as many as there is no room for: those that are begun are
// ended, and nobody who was told to wait misses the deadline.
func TestPartsBeforeADeadline(t *testing.T) {
	for _, roundTrip := range []time.Duration{time.Millisecond, 200 * time.Millisecond, 2 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			e := newEngine(&windowed{limit: 120, roundTrip: roundTrip})
			drain(t, e, 60, 60)
			time.Sleep(2 * time.Minute)
			drain(t, e, 60, 60)
			var mu sync.Mutex
			var wg sync.WaitGroup
			begun, ended, alone := 0, 0, 0
			do := func(ctx context.Context, n *int) bool {
				_, err := e.Do(ctx, newCall(http.MethodGet, true))
				f := failureOf(t, err)
				if f != nil && (!f.RateLimited || f.Attempts > 0) {
					t.Errorf("round trip %s: %+v", roundTrip, f)
				}
				mu.Lock()
				defer mu.Unlock()
				if f == nil {
					*n++
				}
				return f == nil
			}
			for i := range 300 {
				wg.Go(func() {
					time.Sleep(time.Duration(i) * 100 * time.Millisecond)
					ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
					defer cancel()
					if i%3 == 0 {
						do(ctx, &alone)
					} else if do(WithSequence(ctx, 1), &begun) {
						do(WithContinuation(ctx, 0), &ended)
					}
				})
			}
			wg.Wait()
			t.Logf("round trip %s: %d begun, %d ended, %d alone", roundTrip, begun, ended, alone)
			// Two a second for 30 s. A pair finds room less often than one alone.
			if begun != ended || begun == 0 || begun+ended+alone < 60 {
				t.Error("want as many ended as begun, and the limit used")
			}
		})
	}
}
