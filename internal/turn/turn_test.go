package turn_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo/internal/turn"
)

func TestLines_firstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines turn.Lines[string]
		var order []int
		var wg sync.WaitGroup
		for i := range 10 {
			p := lines.Join("a")
			wg.Go(func() {
				defer p.Leave()
				if err := p.Wait(t.Context()); err != nil {
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
		if lines.Len() != 0 {
			t.Errorf("%d lines are left", lines.Len())
		}
	})
}

func TestLines_keysDoNotWaitForEachOther(t *testing.T) {
	var lines turn.Lines[string]
	a, b := lines.Join("a"), lines.Join("b")
	for _, p := range []*turn.Place[string]{a, b} {
		if err := p.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if lines.Len() != 2 {
		t.Errorf("%d lines, want 2", lines.Len())
	}
	a.Leave()
	b.Leave()
	b.Leave()
	if lines.Len() != 0 {
		t.Errorf("%d lines are left", lines.Len())
	}
}

func TestPlace_givingUp(t *testing.T) {
	for name, leaver := range map[string]int{"in the middle": 1, "at the end": 2} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var lines turn.Lines[string]
				places := []*turn.Place[string]{lines.Join("a"), lines.Join("a"), lines.Join("a")}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if err := places[leaver].Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v, want that of the context", err)
				}
				places[leaver].Leave()
				newcomer := lines.Join("a")
				stayed := places[3-leaver]
				places[0].Leave()
				if err := stayed.Wait(t.Context()); err != nil {
					t.Error(err)
				}
				stayed.Leave()
				if err := newcomer.Wait(t.Context()); err != nil {
					t.Error(err)
				}
				newcomer.Leave()
				if lines.Len() != 0 {
					t.Errorf("%d lines are left", lines.Len())
				}
			})
		})
	}
}

func TestPlace_endedContext(t *testing.T) {
	var lines turn.Lines[string]
	p := lines.Join("a")
	defer p.Leave()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}

func TestLines_oneAtATime(t *testing.T) {
	var lines turn.Lines[int]
	var inside [4]atomic.Int32
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for n := range 200 {
				key := (i + n) % len(inside)
				p := lines.Join(key)
				if n%7 == 0 {
					p.Leave() // without waiting
					continue
				}
				if err := p.Wait(t.Context()); err != nil {
					t.Error(err)
				}
				if now := inside[key].Add(1); now != 1 {
					t.Errorf("%d at once", now)
				}
				inside[key].Add(-1)
				p.Leave()
			}
		})
	}
	wg.Wait()
	if lines.Len() != 0 {
		t.Errorf("%d lines are left", lines.Len())
	}
}
