package transport

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo/internal/testkit"
)

// join lets a call wait. If it does not have to, its result is there already.
func join(ctx context.Context, l *limiter, seq sequence) *waiter {
	w := &waiter{slot: &slot{seq: seq}, bounds: newBounds(ctx, time.Now(), 0)}
	if queued, err := l.enqueue(w); !queued {
		w.result = make(chan error, 1)
		w.result <- err
	}
	return w
}

// fullQueue returns a limiter with a number of sequences in its queue, and their
// waiters. Their deadline is in a day.
func fullQueue(t *testing.T, waiters, remaining int) (context.Context, *limiter, []*waiter) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
	t.Cleanup(cancel)
	l := newLimiter(120, 0)
	all := make([]*waiter, waiters)
	for i := range all {
		all[i] = join(ctx, l, sequence{remaining: remaining})
	}
	return ctx, l, all
}

// drainQueue lets the waiters be sent, and the calls of their sequences.
func drainQueue(ctx context.Context, t *testing.T, l *limiter, waiting []*waiter, rtt func() time.Duration) {
	t.Helper()
	for _, w := range waiting {
		for {
			if err := <-w.result; err != nil {
				t.Fatal(err)
			}
			took := rtt()
			time.Sleep(took)
			l.complete(w.slot, 1, rateInfo{received: true, rtt: took, limit: 120})
			if w.slot.seq.remaining == 0 {
				break
			}
			w = join(ctx, l, sequence{continuation: true, remaining: w.slot.seq.remaining - 1})
		}
	}
}

// Ten times as many calls that wait cost about ten times as much, not a hundred
// times.
func TestTimetable_cost(t *testing.T) {
	if testkit.UnderRace {
		t.Skip("the race detector has a cost of its own")
	}
	const (
		few, many = 1_000, 10_000
		most      = 30 // n log n is 13
	)
	for _, tt := range []struct {
		name      string
		remaining int
		sent      bool
	}{
		{"calls that join the queue", 0, false},
		{"calls that are sent", 0, true},
		{"sequences of two calls", 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cost := func(n int) time.Duration {
				began := testkit.CPUTime()
				synctest.Test(t, func(t *testing.T) {
					ctx, l, waiting := fullQueue(t, n, tt.remaining)
					if !tt.sent {
						for _, w := range waiting {
							l.abandon(w)
						}
						return
					}
					rng := rand.New(rand.NewPCG(1, 0))
					drainQueue(ctx, t, l, waiting, func() time.Duration { return 200*time.Millisecond + upTo(rng, 100*time.Millisecond) })
				})
				return testkit.CPUTime() - began
			}
			var ratio float64
			for range 5 { // other work on the machine disturbs a measurement a little
				ofFew, ofMany := cost(few), cost(many)
				ratio = float64(ofMany) / float64(ofFew)
				t.Logf("%d: %s, %d: %s, %.1f times", few, ofFew, many, ofMany, ratio)
				if ratio <= most {
					return
				}
			}
			t.Errorf("%d calls cost %.1f times as much as %d, want at most %d times", many, ratio, few, most)
		})
	}
}

// replayed is when an attempt behind the queue would be sent, by a schedule that
// is played from the beginning.
func (l *limiter) replayed(now time.Time) time.Time {
	var buf []time.Time
	s := l.schedule(now, l.slots.reserved+(1+maxRemaining)*l.queue.len(), &buf)
	s.play(now, &l.queue, l.slots.reserved, false)
	return s.next()
}

// The timetable of a short queue is what playing it again would give. That of a
// long one is out of date by a few changes at most.
func TestTimetable_model(t *testing.T) {
	for _, waiters := range []int{20, 100, 1000} {
		for seed := range uint64(5) {
			synctest.Test(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, uint64(waiters)))
				ctx, l, waiting := fullQueue(t, 60+waiters, 0)
				var inFlight, granted []*waiter
				for step := range 400 {
					time.Sleep(upTo(rng, time.Second))
					synctest.Wait()
					waiting, granted = partition(waiting)
					inFlight = append(inFlight, granted...)
					switch n := rng.IntN(10); {
					case n < 3:
						waiting = append(waiting, join(ctx, l, sequence{remaining: rng.IntN(1 + maxRemaining)}))
					case n < 4:
						waiting = append(waiting, join(ctx, l, sequence{continuation: true}))
					case n < 5 && len(waiting) > waiters/2:
						i := rng.IntN(len(waiting))
						l.abandon(waiting[i])
						waiting = append(waiting[:i:i], waiting[i+1:]...)
					case len(inFlight) > 0:
						w := inFlight[0]
						inFlight = inFlight[1:]
						info := rateInfo{received: true, rtt: upTo(rng, 2*time.Second), limit: 120}
						if rng.IntN(10) == 0 {
							info = rateInfo{}
						}
						l.complete(w.slot, 1, info)
					}
					l.mu.Lock()
					now := time.Now()
					l.expire(now)
					l.play(now)
					got, want := l.timetable.end.next(), l.replayed(now)
					l.mu.Unlock()
					tolerance := slack
					if waiters > playedPerChange {
						// Of eight minutes. Between two bursts nothing is sent for this long.
						tolerance = window / 2
					}
					if off := got.Sub(want).Abs(); off > tolerance {
						t.Fatalf("seed %d, step %d: the next of %d is sent after %s, want %s", seed, step, l.queue.len(), got.Sub(now), want.Sub(now))
					}
				}
				for _, w := range waiting {
					l.abandon(w)
				}
			})
		}
	}
}

func upTo(rng *rand.Rand, d time.Duration) time.Duration { return time.Duration(rng.Int64N(int64(d))) }

// partition returns the waiters that still wait, and those that have a slot.
func partition(all []*waiter) (waiting, granted []*waiter) {
	for _, w := range all {
		if len(w.result) > 0 {
			if <-w.result == nil {
				granted = append(granted, w)
			}
			continue
		}
		waiting = append(waiting, w)
	}
	return waiting, granted
}

// A response that delays a long queue fails those that would be sent too late at
// once, as in a short one.
func TestTimetable_pauseOfALongQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l, waiting := fullQueue(t, 1000, 0)
		late, cancel := context.WithTimeout(t.Context(), 9*time.Minute)
		defer cancel()
		last := join(late, l, sequence{})
		if len(last.result) > 0 {
			t.Fatal("no room in time, want it to be sent after about eight minutes")
		}
		l.complete(waiting[0].slot, 1, rateInfo{received: true, rtt: time.Millisecond, pause: 5 * time.Minute})
		if len(last.result) == 0 {
			t.Error("it still waits after a pause of five minutes")
		}
		for _, w := range waiting[1:] {
			l.abandon(w)
		}
	})
}

// A call that does not wait costs the same however many slots cool down, even if
// each response is slower than the one before.
func TestTimetable_nobodyWaits(t *testing.T) {
	cost := func(cooling int) time.Duration {
		l := newLimiter(1_000_000, 0)
		for range cooling {
			l.slots.cool(cooldown{until: time.Now().Add(window), slots: 1})
		}
		began := time.Now()
		for i := range 1000 {
			w := join(t.Context(), l, sequence{})
			if err := <-w.result; err != nil {
				t.Fatal(err)
			}
			l.complete(w.slot, 1, rateInfo{received: true, rtt: time.Duration(i), limit: 1_000_000})
		}
		return time.Since(began)
	}
	var few, many time.Duration
	for range 5 { // other work on the machine disturbs a measurement
		if few, many = cost(10), cost(100_000); many < 10*few {
			return
		}
	}
	t.Errorf("1000 calls take %s while 100,000 slots cool down, and %s while ten do", many, few)
}
