package inbound_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo/internal/inbound"
)

// reservation is a Reserve in another goroutine.
type reservation struct {
	granted atomic.Bool
	failed  atomic.Bool
	end     chan struct{}
}

func reserve(ctx context.Context, m *inbound.Memory, bytes int64) *reservation {
	r := &reservation{end: make(chan struct{})}
	go func() {
		release, ok := m.Reserve(ctx, bytes)
		if !ok {
			r.failed.Store(true)
			return
		}
		r.granted.Store(true)
		<-r.end
		release()
	}()
	synctest.Wait()
	return r
}

func (r *reservation) release() {
	close(r.end)
	synctest.Wait()
}

func wantGranted(t *testing.T, step string, reservations map[*reservation]bool) {
	t.Helper()
	for r, want := range reservations {
		if r.granted.Load() != want {
			t.Errorf("%s: granted is %t, want %t", step, !want, want)
		}
	}
}

func TestMemory_inOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := inbound.NewMemory(640)
		a, b := reserve(t.Context(), m, 400), reserve(t.Context(), m, 300)
		c := reserve(t.Context(), m, 200)
		wantGranted(t, "c would fit", map[*reservation]bool{a: true, b: false, c: false})
		small := reserve(t.Context(), m, 10)
		wantGranted(t, "a small one overtakes", map[*reservation]bool{small: true, b: false})
		a.release()
		wantGranted(t, "a has ended", map[*reservation]bool{b: true, c: true})
		for _, r := range []*reservation{b, c, small} {
			r.release()
		}
	})
}

func TestMemory_smallOnesWaitForRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := inbound.NewMemory(640)
		all := reserve(t.Context(), m, 640)
		large, small := reserve(t.Context(), m, 640), reserve(t.Context(), m, 1)
		wantGranted(t, "nothing is free", map[*reservation]bool{all: true, large: false, small: false})
		all.release()
		wantGranted(t, "the first comes first", map[*reservation]bool{large: true, small: false})
		large.release()
		wantGranted(t, "then the small one", map[*reservation]bool{small: true})
		small.release()
	})
}

// What needs more than there is gets all of it, alone.
func TestMemory_tooMuch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := inbound.NewMemory(640)
		one := reserve(t.Context(), m, 1)
		huge := reserve(t.Context(), m, 1<<40)
		wantGranted(t, "one byte is taken", map[*reservation]bool{huge: false})
		one.release()
		wantGranted(t, "all is free", map[*reservation]bool{huge: true})
		huge.release()
		again := reserve(t.Context(), m, 640)
		wantGranted(t, "all is free again", map[*reservation]bool{again: true})
		again.release()
	})
}

func TestMemory_contextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := inbound.NewMemory(640)
		taken := reserve(t.Context(), m, 320)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		large, behind := reserve(ctx, m, 640), reserve(t.Context(), m, 320)
		wantGranted(t, "in its order", map[*reservation]bool{large: false, behind: false})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !large.failed.Load() {
			t.Error("the context has ended, but the reservation waits")
		}
		wantGranted(t, "the one before has gone", map[*reservation]bool{behind: true})
		taken.release()
		behind.release()
		if release, ok := m.Reserve(ctx, 640); ok {
			release()
		}
		all := reserve(t.Context(), m, 640)
		wantGranted(t, "nothing got lost", map[*reservation]bool{all: true})
		all.release()
	})
}

// Never more than there is, and nothing gets lost.
func TestMemory_concurrent(t *testing.T) {
	t.Parallel()
	const size = 1000
	m := inbound.NewMemory(size)
	var taken, granted atomic.Int64
	var workers sync.WaitGroup
	for seed := range uint64(8) {
		workers.Go(func() {
			r := rand.New(rand.NewPCG(seed, 1))
			for range 2000 {
				ctx, cancel := context.WithCancel(t.Context())
				if r.IntN(4) == 0 {
					go cancel()
				}
				bytes := 1 + r.Int64N(size)
				if release, ok := m.Reserve(ctx, bytes); ok {
					granted.Add(1)
					if now := taken.Add(bytes); now > size {
						t.Errorf("%d bytes of %d are taken", now, size)
					}
					taken.Add(-bytes)
					release()
				}
				cancel()
			}
		})
	}
	workers.Wait()
	if release, ok := m.Reserve(t.Context(), size); !ok || granted.Load() < 8000 {
		t.Errorf("%d reservations were granted", granted.Load())
	} else {
		release()
	}
}
