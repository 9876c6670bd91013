package transport

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A windowed server counts as Trengo's does: a window opens with the first
// request after the last one has ended, and has room for limit requests.
type windowed struct {
	limit     int
	roundTrip time.Duration
	silent    bool // states nothing about its limit

	mu      sync.Mutex
	opened  time.Time
	used    int
	most    int
	refused int
	total   int
}

func (s *windowed) spend(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count(n)
}

func (s *windowed) count(n int) bool {
	if now := time.Now(); now.Sub(s.opened) >= window {
		s.opened, s.used = now, 0
	}
	if s.used+n > s.limit {
		s.refused++
		return false
	}
	s.used += n
	s.most = max(s.most, s.used)
	s.total += n
	return true
}

func (s *windowed) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(s.roundTrip / 2) // virtual: every user is in a bubble
	s.mu.Lock()
	status, header := http.StatusOK, http.Header{}
	if !s.count(1) {
		status = http.StatusTooManyRequests
		left := time.Until(s.opened.Add(window))
		header.Set("Retry-After", strconv.Itoa(int((left+time.Second-1)/time.Second)))
	}
	if !s.silent {
		header.Set("X-RateLimit-Limit", strconv.Itoa(s.limit))
		header.Set("X-RateLimit-Remaining", strconv.Itoa(s.limit-s.used))
	}
	s.mu.Unlock()
	time.Sleep(s.roundTrip / 2)
	return &http.Response{StatusCode: status, Header: header, Body: http.NoBody, Request: r}, nil
}

func TestNeverTooManyInAWindow(t *testing.T) {
	for _, roundTrip := range []time.Duration{time.Millisecond, 200 * time.Millisecond, 5 * time.Second} {
		for offset := 0; offset < 60; offset += 7 {
			t.Run(fmt.Sprintf("round trip %s, window open since %ds", roundTrip, offset), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server := &windowed{limit: 120, roundTrip: roundTrip}
					server.spend(0)
					time.Sleep(time.Duration(offset) * time.Second)
					drain(t, newEngine(server), 600, 64)
					if server.refused > 0 || server.most > 120 {
						t.Errorf("%d requests refused, up to %d in a window", server.refused, server.most)
					}
				})
			})
		}
	}
}

// drain sends calls as fast as the engine allows.
func drain(t *testing.T, e *Engine, calls, workers int) {
	t.Helper()
	var left atomic.Int64
	left.Store(int64(calls))
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := e.Do(t.Context(), newCall(http.MethodGet, true)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestThroughputOfABacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &windowed{limit: 120, roundTrip: 200 * time.Millisecond}
		began := time.Now()
		drain(t, newEngine(server), 1200, 64)
		// The last 120 need no rest after them.
		if took, want := time.Since(began), 9*(window+server.roundTrip)+30*time.Second+time.Second; took > want {
			t.Errorf("1200 calls took %s, want at most %s", took, want)
		}
	})
}

func TestBurstAfterIdleMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(&windowed{limit: 120})
		drain(t, e, 120, 64)
		time.Sleep(window)
		began := time.Now()
		drain(t, e, 60, 60)
		if took := time.Since(began); took != 0 {
			t.Errorf("60 calls waited %s", took)
		}
	})
}

func TestEveryAttemptPaysASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Retries alone would be several times the limit.
		const limit, calls = 10, 20
		server := &stub{answers: []answer{{status: 503}}}
		e := newEngine(server, func(o *Options) { o.Limit = limit })
		for range calls {
			_, _ = e.Do(t.Context(), newCall(http.MethodGet, true))
		}
		if n := server.count(); n != 5*calls {
			t.Errorf("%d attempts, want %d", n, 5*calls)
		}
		for i, s := range server.sent[:len(server.sent)-limit] {
			if later := server.sent[i+limit].at.Sub(s.at); later < window {
				t.Errorf("%d attempts within %s", limit+1, later)
			}
		}
	})
}

func TestUnsentAttemptsPayNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(&stub{answers: []answer{{err: errDial, dial: true}}}, func(o *Options) { o.MaxRetries = 0 })
		for range 50 {
			_, _ = e.Do(t.Context(), newCall(http.MethodGet, true))
		}
		if free := e.limiter.slots.free(); free != 120 {
			t.Errorf("%d slots are free, want 120", free)
		}
	})
}

func TestLearnLimit(t *testing.T) {
	tests := []struct {
		name    string
		ceiling int
		said    string
		want    int
	}{
		{"lower", 0, "60", 60},
		{"higher", 0, "750", 750},
		{"missing", 0, "", 120},
		{"no number", 0, "many", 120},
		{"zero", 0, "0", 120},
		{"negative", 0, "-3", 120},
		{"higher than the ceiling", 120, "750", 120},
		{"lower than the ceiling", 120, "60", 60},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &stub{answers: []answer{{status: 200, header: http.Header{headerLimit: {tt.said}, headerRemaining: {"740"}}}}}
				e := newEngine(server, func(o *Options) { o.Ceiling = tt.ceiling })
				_, _ = e.Do(t.Context(), newCall(http.MethodGet, true))
				if e.limiter.slots.limit != tt.want {
					t.Errorf("limit %d, want %d", e.limiter.slots.limit, tt.want)
				}
				if free := e.limiter.slots.free(); free < min(tt.want-1, 739) {
					t.Errorf("%d slots are free: the others were held back without a sign of anybody", free)
				}
			})
		})
	}
}

func TestSomebodyElseOnTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &windowed{limit: 120, roundTrip: 200 * time.Millisecond}
		server.spend(100)
		e := newEngine(server)
		drain(t, e, 1, 1)
		if free := e.limiter.slots.free(); free != 19 {
			t.Errorf("%d slots are free, want the 19 that the server has", free)
		}
		if b := e.limiter.pacer.bucket.Burst(); b != 6 {
			t.Errorf("burst %d, want 6 beside somebody else", b)
		}
		drain(t, e, 19, 19)
		if server.refused > 0 {
			t.Errorf("%d requests refused", server.refused)
		}
		time.Sleep(3 * window)
		drain(t, e, 1, 1)
		if free, b := e.limiter.slots.free(), e.limiter.pacer.bucket.Burst(); free != 119 || b != 60 {
			t.Errorf("%d slots free with burst %d, want 119 and 60 again", free, b)
		}
	})
}

// Six attempts were refused 14 seconds before the end of a window, and somebody
// else uses up the next one.
func TestRefusedAttemptsHideNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &windowed{limit: 120, roundTrip: time.Millisecond}
		server.spend(120)
		time.Sleep(46 * time.Second)
		e := newEngine(server)
		drain(t, e, 6, 6)
		if server.refused != 6 {
			t.Fatalf("%d attempts were refused, want the 6 that are to come again", server.refused)
		}
		server.spend(113)
		drain(t, e, 20, 20)
		if server.refused > 6 {
			t.Errorf("%d more were refused in a window that was known to be used up", server.refused-6)
		}
	})
}

func TestOthersAsLastSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &windowed{limit: 120, roundTrip: time.Millisecond}
		e := newEngine(server)
		steps := []struct {
			after  time.Duration
			spend  int
			free   int
			perSec float64
			what   string
		}{
			{0, 0, 119, 2, "alone"},
			{10 * time.Second, 30, 88, 1.5, "somebody used a quarter"},
			{10 * time.Second, 50, 37, 1, "and then two thirds"},
			{35 * time.Second, 5, 31, 1, "and more"},
			{10 * time.Second, 0, 116, 2, "the server's window has ended"},
			{10 * time.Second, 47, 71, 1.25, "somebody is there again"},
			{61 * time.Second, 0, 119, 2, "a minute without an answer"},
		}
		for _, step := range steps {
			time.Sleep(step.after)
			server.spend(step.spend)
			drain(t, e, 1, 1)
			if free, pace := e.limiter.slots.free(), float64(e.limiter.pacer.bucket.Limit()); free != step.free || pace != step.perSec {
				t.Errorf("%s: %d slots free and %g a second, want %d and %g", step.what, free, pace, step.free, step.perSec)
			}
		}
	})
}

func TestPredictedBesideOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &windowed{limit: 120, roundTrip: 200 * time.Millisecond}
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
					t.Errorf("told to wait, and failed: %v", f.Cause)
				}
			})
		}
		wg.Wait()
	})
}

func TestPace(t *testing.T) {
	for _, tt := range []struct {
		limit, others int
		want          float64 // a minute
	}{{120, 0, 120}, {120, 20, 100}, {120, 60, 60}, {120, 120, 60}, {1, 0, 1}, {1, 1, 0.5}} {
		if got := float64(pace(tt.limit, tt.others)) * window.Seconds(); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("limit %d, %d of them used by others: %g a minute, want %g", tt.limit, tt.others, got, tt.want)
		}
	}
}

func TestGateHoldsEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &stub{answers: []answer{{status: 429, header: http.Header{"Retry-After": {"20"}}}, {status: 200}}}
		e := newEngine(server)
		began := time.Now()
		drain(t, e, 10, 10)
		for _, s := range server.sent[10:] {
			if after := s.at.Sub(began); after < 20*time.Second {
				t.Errorf("a request was sent %s after the 429", after)
			}
		}
	})
}

func TestRefusedWithoutSleeping(t *testing.T) {
	bounds := map[string]func(*Options) time.Duration{
		"deadline":     func(*Options) time.Duration { return 10 * time.Second },
		"longest wait": func(o *Options) time.Duration { o.MaxWait = 10 * time.Second; return 0 },
	}
	for name, bound := range bounds {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var timeout time.Duration
				e := newEngine(&windowed{limit: 120, roundTrip: 200 * time.Millisecond}, func(o *Options) { timeout = bound(o) })
				drain(t, e, 60, 60)
				var served, refused atomic.Int32
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
							served.Add(1)
						case f.RateLimited && time.Since(began) == 0 && f.RetryAfter > 9*time.Second && f.Attempts == 0:
							refused.Add(1)
						default:
							t.Errorf("after %s: %+v", time.Since(began), f)
						}
					})
				}
				wg.Wait()
				if served.Load() < 19 || served.Load()+refused.Load() != 500 {
					t.Errorf("%d served, %d refused", served.Load(), refused.Load())
				}
			})
		})
	}
}

func TestServedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(&windowed{limit: 120})
		drain(t, e, 60, 60)
		var mu sync.Mutex
		var order []int
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				_, _ = e.Do(t.Context(), newCall(http.MethodGet, true))
				mu.Lock()
				defer mu.Unlock()
				order = append(order, i)
			})
			synctest.Wait()
		}
		wg.Wait()
		for i, got := range order {
			if got != i {
				t.Fatalf("served in the order %v", order)
			}
		}
	})
}

func TestGivingUpWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(&windowed{limit: 120})
		drain(t, e, 60, 60)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				_, err := e.Do(ctx, newCall(http.MethodGet, true))
				if f := failureOf(t, err); f == nil || !errors.Is(f.Cause, context.Canceled) {
					t.Errorf("failure %+v", f)
				}
			})
		}
		synctest.Wait()
		var next time.Duration
		began := time.Now()
		wg.Go(func() {
			_, _ = e.Do(t.Context(), newCall(http.MethodGet, true))
			next = time.Since(began)
		})
		synctest.Wait()
		cancel()
		wg.Wait()
		if next > time.Second {
			t.Errorf("the next in the queue waited %s", next)
		}
		if e.limiter.queue.len() != 0 || len(e.limiter.slots.inFlight) != 0 || e.limiter.timer != nil {
			t.Errorf("%d waiters, %d slots and timer %v are left", e.limiter.queue.len(), len(e.limiter.slots.inFlight), e.limiter.timer)
		}
	})
}

func TestRateLimitOfTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(&windowed{limit: 750})
		if said := e.RateLimit(); said != (RateLimit{}) {
			t.Errorf("%+v before the first answer", said)
		}
		drain(t, e, 3, 1)
		want := RateLimit{Limit: 750, Remaining: 747, ReceivedAt: time.Now()}
		if said := e.RateLimit(); said != want {
			t.Errorf("got %+v, want %+v", said, want)
		}
	})
}
