package limit

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
)

// A client that is alone uses the whole limit and meets no 429. Counted are the
// calls from its second window on: at most one limit per window and round trip.
func TestLimit_backlog(t *testing.T) {
	t.Parallel()
	atAlignments(t, time.Second, func(s *situation) {
		calls := 10_000
		if s.since > 0 && !testkit.Soak() {
			calls = 1_000
		}
		began := time.Now()
		var b backlog
		b.run(s.t, s.NewClient(), calls, 64)
		cycle := serverWindow + s.roundTrip
		second := began.Add(cycle)
		cycles := int(b.ended[calls-1].Sub(second) / cycle)
		served := b.between(second, second.Add(time.Duration(cycles)*cycle))
		used := float64(served) / float64(cycles*serverLimit)
		s.figures.add(100*used, "% of the limit")
		if n := s.refused(); n > 0 {
			s.Errorf("%d 429s", n)
		}
		if used < 0.995 {
			s.Errorf("%.1f %% of the limit, want 99.5 %%", 100*used)
		}
	})
}

// The process before used the token until a moment ago.
func TestLimit_restart(t *testing.T) {
	t.Parallel()
	atAlignments(t, time.Second, func(s *situation) {
		const goroutines = 64
		s.SpendRateLimit(80)
		began := time.Now()
		new(backlog).run(s.t, s.NewClient(), 240, goroutines)
		refused := s.refused()
		s.figures.add(float64(refused), "429s")
		s.figures.add(time.Since(began).Seconds(), "seconds for 240 calls")
		if refused > goroutines {
			s.Errorf("%d 429s: more than were on their way at the first", refused)
		}
	})
}

func TestLimit_burstAfterIdleMinute(t *testing.T) {
	t.Parallel()
	atAlignments(t, time.Second, func(s *situation) {
		client := s.NewClient()
		var b backlog
		b.run(s.t, client, 90, 64)
		time.Sleep(serverWindow)
		began := time.Now()
		b.run(s.t, client, 60, 60)
		if took := time.Since(began); took != s.roundTrip {
			s.Errorf("60 calls took %s, want one round trip", took)
		}
		if n := s.refused(); n > 0 {
			s.Errorf("%d 429s", n)
		}
	})
}

// Somebody else uses up the token in the middle of a backlog.
func TestLimit_usedUpByOthers(t *testing.T) {
	t.Parallel()
	atAlignments(t, time.Second, func(s *situation) {
		const goroutines = 64
		time.AfterFunc(90*time.Second, func() { s.SpendRateLimit(serverLimit) })
		new(backlog).run(s.t, s.NewClient(trengo.WithMaxRetries(100)), 600, goroutines)
		s.checkRefused()
		if n := s.refused(); n > goroutines {
			s.Errorf("%d 429s for %d goroutines", n, goroutines)
		}
	})
}

// checkRefused checks that no request was sent and refused after the response
// to the first refused one.
func (s *situation) checkRefused() {
	s.t.Helper()
	var known time.Time
	for _, r := range s.Requests() {
		if r.Status != http.StatusTooManyRequests {
			continue
		}
		if known.IsZero() {
			known = r.Time.Add(s.roundTrip)
		}
		if r.Time.After(known) {
			s.Errorf("a 429 for a request that was sent %s after the first 429 was known", r.Time.Sub(known))
		}
	}
}

// The server changes the limit in the middle of a backlog.
func TestLimit_changedByServer(t *testing.T) {
	t.Parallel()
	atAlignments(t, 10*time.Second, func(s *situation) {
		began := time.Now()
		time.AfterFunc(5*time.Minute, func() { s.SetRateLimit(60) })
		time.AfterFunc(15*time.Minute, func() { s.SetRateLimit(750) })
		var b backlog
		b.run(s.t, s.NewClient(trengo.WithMaxRetries(100)), 5000, 64)
		s.checkRefused()
		for _, c := range []struct {
			limit    int
			from, to time.Duration
		}{
			{60, 7 * time.Minute, 15 * time.Minute},
			{750, 17 * time.Minute, 20 * time.Minute},
		} {
			cycles := float64(c.to-c.from) / float64(serverWindow+s.roundTrip)
			want := int(cycles * float64(c.limit))
			got := b.between(began.Add(c.from), began.Add(c.to))
			if got < want*95/100 {
				s.Errorf("%d calls at a limit of %d, want at least 95 %% of %d", got, c.limit, want)
			}
		}
	})
}

// A call that waits and is canceled leaves its place to the others.
func TestLimit_cancelWhileWaiting(t *testing.T) {
	t.Parallel()
	atAlignments(t, time.Second, func(s *situation) {
		client := s.NewClient()
		new(backlog).run(s.t, client, 60, 60)
		began := time.Now()
		var wg sync.WaitGroup
		var waits [20]time.Duration
		var canceled atomic.Int32
		for i := range waits {
			ctx, cancel := context.WithCancel(s.t.Context())
			if i < 10 {
				time.AfterFunc(100*time.Millisecond, cancel)
			}
			wg.Go(func() {
				defer cancel()
				if err := client.Do(ctx, trengo.Request{Path: "/contacts"}, nil); errors.Is(err, context.Canceled) {
					canceled.Add(1)
				}
				waits[i] = time.Since(began) - s.roundTrip
			})
			synctest.Wait()
		}
		wg.Wait()
		if longest := slices.Max(waits[10:]); canceled.Load() < 9 || longest > 6*time.Second {
			s.Errorf("%d calls were canceled, and the longest wait of the ten others was %s", canceled.Load(), longest)
		}
	})
}
