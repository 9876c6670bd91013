package transport

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Whatever happens to the queue, continuations stand before all other waiters,
// each group is in the order of arrival, and every waiter leaves once.
func TestQueue_model(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var q queue
		var continuations, others []*waiter
		late := &noRoomError{}
		for range 200 {
			if rng.IntN(3) > 0 {
				w := &waiter{slot: &slot{seq: sequence{continuation: rng.IntN(2) == 0}}}
				overtakes := q.push(w)
				if w.slot.seq.continuation {
					continuations = append(continuations, w)
				} else {
					others = append(others, w)
				}
				if want := w.slot.seq.continuation && len(others) > 0; overtakes != want {
					t.Errorf("%+v overtakes: %t, want %t", w.slot.seq, overtakes, want)
				}
			} else if q.len() > 0 {
				w := slices.Concat(continuations, others)[rng.IntN(q.len())]
				isW := func(other *waiter) bool { return other == w }
				continuations, others = slices.DeleteFunc(continuations, isW), slices.DeleteFunc(others, isW)
				leave(t, &q, w, late, rng.IntN(4))
			}
			var got []*waiter
			for w := q.first(); w != nil; w = q.after(w) {
				got = append(got, w)
			}
			if want := slices.Concat(continuations, others); !slices.Equal(got, want) || q.len() != len(want) {
				t.Fatalf("seed %d: %d waiters (len %d) in an order that differs from the %d expected", seed, len(got), q.len(), len(want))
			}
		}
	}
}

// leave takes w out of the queue in one of four ways.
func leave(t *testing.T, q *queue, w *waiter, late error, how int) {
	t.Helper()
	switch how {
	case 0:
		q.settle(w, nil)
		if err := <-w.result; err != nil {
			t.Errorf("result %v of a waiter that was granted its slot", err)
		}
	case 1:
		q.settle(w, late)
		if err := <-w.result; err != late { //nolint:errorlint // the very value
			t.Errorf("result %v, want %v", err, late)
		}
	case 2:
		if q.remove(w) {
			t.Error("a waiter without a result was granted its slot")
		}
	case 3: // settled, then removed by a caller that has stopped waiting
		q.settle(w, nil)
		if !q.remove(w) {
			t.Error("a slot that was granted is lost")
		}
	}
	select {
	case err := <-w.result:
		t.Errorf("a second result: %v", err)
	default:
	}
}

// A caller that stops waiting for a slot that it does not get has none to free.
func TestQueue_removeAfterNoRoom(t *testing.T) {
	var q queue
	w := &waiter{slot: &slot{}}
	q.push(w)
	q.settle(w, &noRoomError{})
	if q.remove(w) {
		t.Error("granted")
	}
}

func TestBounds_lastSend(t *testing.T) {
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	const rttMax = 2 * time.Second
	tests := []struct {
		name     string
		deadline time.Duration // zero means none
		maxWait  time.Duration
		want     time.Duration // zero means no bound
	}{
		{"no bound", 0, 0, 0},
		{"deadline", 10 * time.Second, 0, 8*time.Second - slack},
		{"MaxWait", 0, 5 * time.Second, 5 * time.Second},
		{"MaxWait before the deadline", 10 * time.Second, 5 * time.Second, 5 * time.Second},
		{"deadline before MaxWait", 10 * time.Second, time.Minute, 8*time.Second - slack},
		{"deadline within a round trip", time.Second, 0, -time.Second - slack},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx := t.Context()
			if tt.deadline > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithDeadline(ctx, now.Add(tt.deadline))
				defer cancel()
			}
			var want time.Time
			if tt.want != 0 {
				want = now.Add(tt.want)
			}
			if got := newBounds(ctx, now, tt.maxWait).lastSend(rttMax); !got.Equal(want) {
				t.Errorf("last send at %v, want %v", got, want)
			}
		})
	}
}
