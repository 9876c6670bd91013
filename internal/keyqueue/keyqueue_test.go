package keyqueue_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo/internal/keyqueue"
)

func TestQueue_firstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var queue keyqueue.Queue[string]
		var order []int
		var wg sync.WaitGroup
		for i := range 10 {
			r := queue.Reserve("a")
			wg.Go(func() {
				defer r.Release()
				if err := r.Wait(t.Context()); err != nil {
					t.Error(err)
				}
				order = append(order, i)
				time.Sleep(time.Second)
			})
		}
		wg.Wait()
		if !slices.IsSorted(order) || len(order) != 10 {
			t.Errorf("served in the order %v", order)
		}
		if queue.Len() != 0 {
			t.Errorf("%d keys are left", queue.Len())
		}
	})
}

func TestQueue_keysDoNotWaitForEachOther(t *testing.T) {
	var queue keyqueue.Queue[string]
	a, b := queue.Reserve("a"), queue.Reserve("b")
	for _, r := range []*keyqueue.Reservation[string]{a, b} {
		if err := r.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if queue.Len() != 2 {
		t.Errorf("%d keys, want 2", queue.Len())
	}
	a.Release()
	b.Release()
	b.Release()
	if queue.Len() != 0 {
		t.Errorf("%d keys are left", queue.Len())
	}
}

func TestReservation_abandoned(t *testing.T) {
	for name, abandoned := range map[string]int{"in the middle": 1, "at the end": 2} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var queue keyqueue.Queue[string]
				reservations := []*keyqueue.Reservation[string]{queue.Reserve("a"), queue.Reserve("a"), queue.Reserve("a")}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if err := reservations[abandoned].Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v, want that of the context", err)
				}
				reservations[abandoned].Release()
				later := queue.Reserve("a")
				remaining := reservations[3-abandoned]
				reservations[0].Release()
				if err := remaining.Wait(t.Context()); err != nil {
					t.Error(err)
				}
				remaining.Release()
				if err := later.Wait(t.Context()); err != nil {
					t.Error(err)
				}
				later.Release()
				if queue.Len() != 0 {
					t.Errorf("%d keys are left", queue.Len())
				}
			})
		})
	}
}

func TestReservation_contextEnded(t *testing.T) {
	var queue keyqueue.Queue[string]
	r := queue.Reserve("a")
	defer r.Release()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}

func TestQueue_oneAtATime(t *testing.T) {
	var queue keyqueue.Queue[int]
	var inside [4]atomic.Int32
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for n := range 200 {
				key := (i + n) % len(inside)
				r := queue.Reserve(key)
				if n%7 == 0 {
					r.Release() // without waiting
					continue
				}
				if err := r.Wait(t.Context()); err != nil {
					t.Error(err)
				}
				if now := inside[key].Add(1); now != 1 {
					t.Errorf("%d at once", now)
				}
				inside[key].Add(-1)
				r.Release()
			}
		})
	}
	wg.Wait()
	if queue.Len() != 0 {
		t.Errorf("%d keys are left", queue.Len())
	}
}

// Owners that reserve the same keys in different orders, and one after the other,
// do not block each other: each key is held by one of them at a time, and those
// that share a key are served in the order in which they came.
func TestQueue_severalKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var queue keyqueue.Queue[int]
		var wg sync.WaitGroup
		const keys, owners = 5, 200
		var served [keys][]int
		var held [keys]bool
		for owner := range owners {
			wanted := []int{owner % keys, (owner*owner + 1) % keys}
			if wanted[0] == wanted[1] {
				wanted = wanted[:1]
			}
			all := queue.ReserveAll(wanted...)
			wg.Go(func() {
				defer all.Release()
				if err := all.Wait(t.Context()); err != nil {
					t.Error(err)
				}
				for _, key := range wanted {
					if held[key] {
						t.Errorf("key %d is held twice", key)
					}
					held[key] = true
					served[key] = append(served[key], owner)
				}
				time.Sleep(time.Second)
				for _, key := range wanted {
					held[key] = false
				}
			})
		}
		wg.Wait()
		for key := range served {
			if !slices.IsSorted(served[key]) || len(served[key]) == 0 {
				t.Errorf("key %d was served in the order %v", key, served[key])
			}
		}
		if queue.Len() != 0 {
			t.Errorf("%d keys are left", queue.Len())
		}
	})
}

// A caller that calls at the same time as others gets all its keys at one point of
// the order.
func TestQueue_severalKeysAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var queue keyqueue.Queue[string]
		var wg sync.WaitGroup
		for range 2_000 {
			wg.Go(func() {
				all := queue.ReserveAll("user", "person")
				defer all.Release()
				if err := all.Wait(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

func TestReservations_contextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var queue keyqueue.Queue[string]
		first := queue.Reserve("b")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		all := queue.ReserveAll("a", "b")
		if all.Immediate() {
			t.Error("one of two queues is not empty, and the reservation is immediate")
		}
		if err := all.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		all.Release()
		first.Release()
		if queue.Len() != 0 {
			t.Errorf("%d keys are left", queue.Len())
		}
	})
}
