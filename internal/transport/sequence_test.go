package transport

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestSequenceFromContext(t *testing.T) {
	ctx := t.Context()
	if WithoutPrecedence(ctx) != ctx {
		t.Error("the next page of a call without a sequence has one")
	}
	tests := []struct {
		name string
		ctx  context.Context
		want sequence
	}{
		{"none", ctx, sequence{}},
		{"first call", WithSequence(ctx, 1), sequence{remaining: 1}},
		{"more than two remaining calls", WithSequence(ctx, 3), sequence{remaining: 2}},
		{"continuation", WithContinuation(ctx, 2), sequence{continuation: true, remaining: 2}},
		{"last continuation", WithContinuation(WithSequence(ctx, 2), 0), sequence{continuation: true}},
		{"next page of a first call", WithoutPrecedence(WithSequence(ctx, 1)), sequence{remaining: 1}},
		{"next page of a continuation", WithoutPrecedence(WithContinuation(ctx, 1)), sequence{remaining: 1}},
		{"next page of a last continuation", WithoutPrecedence(WithContinuation(ctx, 0)), sequence{}},
	}
	for _, tt := range tests {
		if got := sequenceFrom(tt.ctx); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// Continuations are sent before all other calls, and each group in order.
func TestContinuationsGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(&windowed{limit: 120, rtt: 100 * time.Millisecond})
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
					name += " without room"
				}
				order = append(order, name)
			})
			synctest.Wait()
		}
		call("a single call", t.Context())
		call("a first call", WithSequence(t.Context(), 1))
		call("a continuation", WithContinuation(t.Context(), 0))
		call("another continuation", WithContinuation(t.Context(), 0))
		call("a last single call", t.Context())
		wg.Wait()
		want := []string{"a continuation", "another continuation", "a single call", "a first call", "a last single call"}
		if !slices.Equal(order, want) {
			t.Errorf("sent in the order %q, want %q", order, want)
		}
	})
}

// Under more pairs of calls than there is room for, every pair that starts also
// finishes, and no call that waits misses its deadline.
func TestSequencesBeforeADeadline(t *testing.T) {
	for _, rtt := range []time.Duration{time.Millisecond, 200 * time.Millisecond, 2 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			e := newEngine(&windowed{limit: 120, rtt: rtt})
			drain(t, e, 60, 60)
			time.Sleep(2 * time.Minute)
			drain(t, e, 60, 60)
			var mu sync.Mutex
			var wg sync.WaitGroup
			started, finished, single := 0, 0, 0
			do := func(ctx context.Context, n *int) bool {
				_, err := e.Do(ctx, newCall(http.MethodGet, true))
				f := failureOf(t, err)
				if f != nil && (!f.RateLimited || f.Attempts > 0) {
					t.Errorf("round trip %s: %+v", rtt, f)
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
						do(ctx, &single)
					} else if do(WithSequence(ctx, 1), &started) {
						do(WithContinuation(ctx, 0), &finished)
					}
				})
			}
			wg.Wait()
			t.Logf("round trip %s: %d pairs started, %d finished, %d single calls", rtt, started, finished, single)
			// Two calls per second for 30 s. A pair finds room less often than a
			// single call.
			if started != finished || started == 0 || started+finished+single < 60 {
				t.Error("want every pair finished, and the limit used")
			}
		})
	}
}

// What other processes used an hour ago does not keep a sequence from starting,
// even if no call was made since.
func TestSequenceAfterAnIdleHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &windowed{limit: 20, rtt: 100 * time.Millisecond}
		server.spend(19)
		e := newEngine(server)
		drain(t, e, 1, 1)
		time.Sleep(time.Hour)
		if f := inEightSeconds(t, e, 2); f != nil {
			t.Errorf("on an idle token: %+v", f)
		}
	})
}

// A sequence starts even if the limit is smaller than the sequence, as long as no
// slot is in use.
func TestSequenceWithinASmallLimit(t *testing.T) {
	for limit := 1; limit <= 6; limit++ {
		synctest.Test(t, func(t *testing.T) {
			e := newEngine(&windowed{limit: limit, rtt: 100 * time.Millisecond}, func(o *Options) { o.Limit = limit })
			for range 3 {
				time.Sleep(5 * time.Minute)
				if f := inEightSeconds(t, e, 2); f != nil {
					t.Errorf("limit %d: %+v", limit, f)
				}
			}
		})
	}
}

// MaxWait bounds the wait of one call, not the round trips of the calls after it.
func TestMaxWaitOfASequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(&windowed{limit: 120, rtt: 1500 * time.Millisecond}, func(o *Options) { o.MaxWait = 2 * time.Second })
		drain(t, e, 60, 60)
		began := time.Now()
		_, err := e.Do(WithSequence(t.Context(), 2), newCall(http.MethodGet, true))
		if f := failureOf(t, err); f != nil || time.Since(began) > 3*time.Second {
			t.Errorf("after %s: %+v", time.Since(began), f)
		}
	})
}

// A sequence without room has room after RetryAfter.
func TestRetryAfterOfASequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(&windowed{limit: 120, rtt: 100 * time.Millisecond})
		drain(t, e, 119, 119)
		noRoom := 0
		for f := inEightSeconds(t, e, 2); f != nil; f = inEightSeconds(t, e, 2) {
			if noRoom++; noRoom > 2 || !f.RateLimited {
				t.Fatalf("no room %d times: %+v", noRoom, f)
			}
			time.Sleep(f.RetryAfter)
		}
	})
}
