package trengo_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

const (
	serverLimit  = 120
	serverWindow = time.Minute
)

var roundTrips = []time.Duration{time.Millisecond, 200 * time.Millisecond, 5 * time.Second}

// atLimit runs a situation in a bubble for each round trip and a number of
// alignments of the server's window, which opened that long before.
func atLimit(t *testing.T, step time.Duration, situation func(t *testing.T, srv *trengotest.Server, roundTrip, since time.Duration)) {
	t.Helper()
	if underRace {
		step *= 5
	}
	for _, roundTrip := range roundTrips {
		t.Run("round trip "+roundTrip.String(), func(t *testing.T) {
			t.Parallel()
			for since := time.Duration(0); since < serverWindow; since += step {
				synctest.Test(t, func(t *testing.T) {
					srv := trengotest.New()
					srv.Behavior.Latency = roundTrip
					srv.SpendRateLimit(0)
					time.Sleep(since)
					situation(t, srv, roundTrip, since)
				})
			}
		})
	}
}

// A backlog is calls that many goroutines make as fast as they may.
type backlog struct {
	mu       sync.Mutex
	answered []time.Time
}

func (b *backlog) note() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answered = append(b.answered, time.Now())
}

// between is how many calls were answered in an interval.
func (b *backlog) between(from, to time.Time) (n int) {
	for _, at := range b.answered {
		if !at.Before(from) && at.Before(to) {
			n++
		}
	}
	return n
}

func (b *backlog) run(t *testing.T, client *trengo.Client, calls, goroutines int) {
	t.Helper()
	var left atomic.Int64
	left.Store(int64(calls))
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := client.Do(t.Context(), trengo.Request{Path: "/contacts"}, nil); err != nil {
					t.Error(err)
				}
				b.note()
			}
		})
	}
	wg.Wait()
}

// tooMany is how many requests were answered with a 429.
func tooMany(srv *trengotest.Server) (n int) {
	for _, r := range srv.Requests() {
		if r.Status == http.StatusTooManyRequests {
			n++
		}
	}
	return n
}

// workOff makes calls on a token that is ours alone, and returns the part of
// limit per (60 s + round trip) that is served from the second window on.
func workOff(t *testing.T, srv *trengotest.Server, roundTrip time.Duration, calls int) float64 {
	t.Helper()
	var b backlog
	began := time.Now()
	b.run(t, newClient(t, srv), calls, 64)
	cycle := serverWindow + roundTrip
	second := began.Add(cycle)
	cycles := int(b.answered[calls-1].Sub(second) / cycle)
	served := b.between(second, second.Add(time.Duration(cycles)*cycle))
	return float64(served) / float64(cycles*serverLimit)
}

const leastAlone = 0.995

func TestLimit_backlog(t *testing.T) {
	t.Parallel()
	const calls, manyCalls = 1_000, 10_000
	atLimit(t, time.Second, func(t *testing.T, srv *trengotest.Server, roundTrip, since time.Duration) {
		calls := calls
		if since == 0 {
			calls = manyCalls
		}
		began := time.Now()
		part := workOff(t, srv, roundTrip, calls)
		if n := tooMany(srv); n > 0 {
			t.Errorf("window open since %s: %d 429s", since, n)
		}
		if part < leastAlone {
			t.Errorf("window open since %s: %.1f %% of the limit, want 99.5 %%", since, 100*part)
		}
		if since == 0 {
			t.Logf("%d calls in %s; from the second window on %.1f %% of %d per %s",
				calls, time.Since(began), 100*part, serverLimit, serverWindow+roundTrip)
		}
	})
}

// The process before used the token until a moment ago.
func TestLimit_restart(t *testing.T) {
	t.Parallel()
	atLimit(t, time.Second, func(t *testing.T, srv *trengotest.Server, _, since time.Duration) {
		srv.SpendRateLimit(80)
		var b backlog
		began := time.Now()
		b.run(t, newClient(t, srv), 240, 64)
		refused := tooMany(srv)
		t.Logf("window open since %s, 81 of %d spent: %d 429s, 240 calls in %s", since, serverLimit, refused, time.Since(began))
		if refused > 64 {
			t.Errorf("%d 429s: more than were on their way at the first", refused)
		}
	})
}

func TestLimit_burstAfterIdleMinute(t *testing.T) {
	t.Parallel()
	atLimit(t, time.Second, func(t *testing.T, srv *trengotest.Server, roundTrip, _ time.Duration) {
		client := newClient(t, srv)
		var b backlog
		b.run(t, client, 90, 64)
		time.Sleep(serverWindow)
		began := time.Now()
		b.run(t, client, 60, 60)
		if took := time.Since(began); took != roundTrip {
			t.Errorf("60 calls took %s, want one round trip", took)
		}
		if n := tooMany(srv); n > 0 {
			t.Errorf("%d 429s", n)
		}
	})
}

// A share is what processes with a backlog on one token made of the limit.
type share struct {
	throughput float64 // of the limit
	refused    float64 // of the requests
	smaller    float64 // of the calls that were served: those of the process with fewer
}

func (s share) String() string {
	return fmt.Sprintf("%.1f %% of the limit, %.2f %% 429s, the smaller share is %.1f %%", 100*s.throughput, 100*s.refused, 100*s.smaller)
}

// holds says whether the processes shared as they should.
func (s share) holds(roundTrip time.Duration) bool {
	if roundTrip > time.Second {
		// An answer is as old as its round trip. When the last request of a window
		// is counted, those of the last five seconds are still without theirs, at
		// two a second and process; and a Retry-After that was counted from then
		// is waited for from five seconds later on.
		return true
	}
	return s.throughput >= 0.93 && s.refused <= 0.02 && s.smaller >= 0.4
}

// shareToken lets two clients that do not know of each other work off a backlog
// each; the second begins that much later.
func shareToken(t *testing.T, srv *trengotest.Server, minutes int, later time.Duration) share {
	t.Helper()
	end := time.Now().Add(time.Duration(minutes) * time.Minute)
	var processes [2]backlog
	var wg sync.WaitGroup
	for i := range processes {
		client := newClient(t, srv, trengo.WithMaxRetries(100))
		for range 64 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * later)
				for time.Now().Before(end) {
					if err := client.Do(t.Context(), trengo.Request{Path: "/contacts"}, nil); err != nil {
						t.Error(err)
					}
					processes[i].note()
				}
			})
		}
	}
	wg.Wait()
	one, other := processes[0].between(time.Time{}, end), processes[1].between(time.Time{}, end)
	return share{
		throughput: float64(one+other) / float64(minutes*serverLimit),
		refused:    float64(tooMany(srv)) / float64(len(srv.Requests())),
		smaller:    float64(min(one, other)) / float64(one+other),
	}
}

func TestLimit_twoProcesses(t *testing.T) {
	t.Parallel()
	atLimit(t, 5*time.Second, func(t *testing.T, srv *trengotest.Server, roundTrip, since time.Duration) {
		s := shareToken(t, srv, 10, 0)
		t.Logf("window open since %s: %s", since, s)
		if !s.holds(roundTrip) {
			t.Error("want at least 93 %, at most 2 % 429s and at least 40 %")
		}
	})
}

// A process that finds another one at work gets its share of the token.
func TestLimit_lateProcess(t *testing.T) {
	t.Parallel()
	atLimit(t, 12*time.Second, func(t *testing.T, srv *trengotest.Server, roundTrip, since time.Duration) {
		s := shareToken(t, srv, 20, 3*time.Second)
		t.Logf("window open since %s: %s", since, s)
		if !s.holds(roundTrip) {
			t.Error("want at least 93 %, at most 2 % 429s and at least 40 %")
		}
	})
}

func TestLimit_somebodyElseUsesItUp(t *testing.T) {
	t.Parallel()
	atLimit(t, time.Second, func(t *testing.T, srv *trengotest.Server, roundTrip, _ time.Duration) {
		time.AfterFunc(90*time.Second, func() { srv.SpendRateLimit(serverLimit) })
		var b backlog
		b.run(t, newClient(t, srv, trengo.WithMaxRetries(100)), 600, 64)
		onTheirWay(t, srv, roundTrip)
		if n := tooMany(srv); n > 64 {
			t.Errorf("%d 429s for 64 goroutines", n)
		}
	})
}

// onTheirWay checks that only requests which were sent before the answer to the
// first 429 was there met another.
func onTheirWay(t *testing.T, srv *trengotest.Server, roundTrip time.Duration) {
	t.Helper()
	var known time.Time
	for _, r := range srv.Requests() {
		if r.Status != http.StatusTooManyRequests {
			continue
		}
		if known.IsZero() {
			known = r.Time.Add(roundTrip)
		}
		if r.Time.After(known) {
			t.Errorf("a 429 for a request that was sent %s after the first was known", r.Time.Sub(known))
		}
	}
}

func TestLimit_serverChangesIt(t *testing.T) {
	t.Parallel()
	atLimit(t, 10*time.Second, func(t *testing.T, srv *trengotest.Server, roundTrip, since time.Duration) {
		began := time.Now()
		time.AfterFunc(5*time.Minute, func() { srv.SetRateLimit(60) })
		time.AfterFunc(15*time.Minute, func() { srv.SetRateLimit(750) })
		var b backlog
		b.run(t, newClient(t, srv, trengo.WithMaxRetries(100)), 5000, 64)
		onTheirWay(t, srv, roundTrip)
		low := b.between(began.Add(7*time.Minute), began.Add(15*time.Minute))
		high := b.between(began.Add(17*time.Minute), began.Add(20*time.Minute))
		cycle := serverWindow + roundTrip
		wantLow, wantHigh := perCycle(8*time.Minute, cycle, 60), perCycle(3*time.Minute, cycle, 750)
		t.Logf("window open since %s: 8 minutes at 60: %d calls of %d; 3 minutes at 750: %d of %d", since, low, wantLow, high, wantHigh)
		if low < wantLow*95/100 || high < wantHigh*95/100 {
			t.Errorf("window open since %s: want at least 95 %%", since)
		}
	})
}

func perCycle(d, cycle time.Duration, limit int) int {
	return int(float64(d) / float64(cycle) * float64(limit))
}

func TestLimit_deadlines(t *testing.T) {
	t.Parallel()
	const callers, deadline = 500, 10 * time.Second
	atLimit(t, time.Second, func(t *testing.T, srv *trengotest.Server, _, since time.Duration) {
		client := newClient(t, srv)
		var b backlog
		b.run(t, client, 30, 30)
		var served, refused atomic.Int32
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), deadline)
				defer cancel()
				began := time.Now()
				err := client.Do(ctx, trengo.Request{Path: "/contacts"}, nil)
				took := time.Since(began)
				var failed *trengo.Error
				switch {
				case err == nil:
					served.Add(1)
				case errors.Is(err, trengo.ErrRateLimited) && errors.As(err, &failed):
					refused.Add(1)
					if took > 10*time.Millisecond || failed.RetryAfter <= 0 {
						t.Errorf("refused after %s with the advice to wait %s", took, failed.RetryAfter)
					}
				default:
					t.Errorf("told to wait, and failed after %s: %v", took, err)
				}
			})
		}
		wg.Wait()
		t.Logf("window open since %s: %d served, %d refused at once", since, served.Load(), refused.Load())
		if served.Load() < 30 || served.Load()+refused.Load() != callers {
			t.Errorf("%d served and %d refused of %d", served.Load(), refused.Load(), callers)
		}
	})
}

func TestLimit_giveUp(t *testing.T) {
	t.Parallel()
	atLimit(t, time.Second, func(t *testing.T, srv *trengotest.Server, roundTrip, _ time.Duration) {
		client := newClient(t, srv)
		var b backlog
		b.run(t, client, 60, 60)
		began := time.Now()
		var wg sync.WaitGroup
		var waits [20]time.Duration
		var givenUp atomic.Int32
		for i := range waits {
			ctx, cancel := context.WithCancel(t.Context())
			if i < 10 {
				time.AfterFunc(100*time.Millisecond, cancel)
			}
			wg.Go(func() {
				defer cancel()
				if err := client.Do(ctx, trengo.Request{Path: "/contacts"}, nil); errors.Is(err, context.Canceled) {
					givenUp.Add(1)
				}
				waits[i] = time.Since(began) - roundTrip
			})
			synctest.Wait()
		}
		wg.Wait()
		if last := slices.Max(waits[10:]); givenUp.Load() < 9 || last > 6*time.Second {
			t.Errorf("%d gave up, and the last of the ten others waited %s", givenUp.Load(), last)
		}
	})
}

// retryAfterOf reads the header as a careful but plain client would.
func retryAfterOf(resp *http.Response) time.Duration {
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	return time.Duration(seconds) * time.Second
}
