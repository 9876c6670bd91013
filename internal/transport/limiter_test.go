package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestNeverTooManyInAWindow(t *testing.T) {
	for _, rtt := range []time.Duration{time.Millisecond, 200 * time.Millisecond, 5 * time.Second} {
		for offset := 0; offset < 60; offset += 7 {
			t.Run(fmt.Sprintf("round trip %s, window open since %ds", rtt, offset), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server := &windowed{limit: 120, rtt: rtt}
					server.spend(0)
					time.Sleep(time.Duration(offset) * time.Second)
					drain(t, newEngine(server), 600, 64)
					if server.tooMany > 0 || server.most > 120 {
						t.Errorf("%d requests got a 429, up to %d counted in a window", server.tooMany, server.most)
					}
				})
			})
		}
	}
}

func TestThroughputOfABacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &windowed{limit: 120, rtt: 200 * time.Millisecond}
		began := time.Now()
		drain(t, newEngine(server), 1200, 64)
		// No cooldown follows the last 120.
		if took, want := time.Since(began), 9*(window+server.rtt)+30*time.Second+time.Second; took > want {
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

func TestEveryAttemptTakesASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Retries alone would be several times the limit.
		const limit, calls = 10, 20
		server := &stub{responses: []canned{{status: 503}}}
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

// The server may count an attempt without a response of its own up to a minute
// after the attempt was given up.
func TestCooldown(t *testing.T) {
	stated := http.Header{headerLimit: {"120"}, headerRemaining: {"119"}}
	tests := []struct {
		name string
		ends canned
		want time.Duration
	}{
		{"response", canned{status: 200, header: stated}, window},
		{"response without a limit", canned{status: 200}, window},
		{"server error", canned{status: 500}, window},
		{"maintenance", canned{status: 503}, window},
		{"429", tooManyFor("1"), 0},
		{"no connection", canned{err: errDial, dial: true}, 0},
		{"lost connection", canned{err: errReset}, window + maxLag},
		{"timeout", canned{status: 200, after: time.Hour}, window + maxLag},
		{"gateway timeout", canned{status: 504}, window + maxLag},
		{"bad gateway", canned{status: 502}, window + maxLag},
		{"Cloudflare's timeout", canned{status: 524}, window + maxLag},
		{"the server's own 504", canned{status: 504, header: stated}, window},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEngine(&stub{responses: []canned{tt.ends}}, func(o *Options) { o.MaxRetries = 0 })
				_, _ = e.Do(t.Context(), newCall(http.MethodGet, true))
				freeAfter := func(d time.Duration) bool {
					time.Sleep(d)
					e.limiter.expire(time.Now())
					return e.limiter.slots.free() == 120
				}
				if tt.want > 0 && freeAfter(tt.want-1) {
					t.Errorf("the slot is free before %s", tt.want)
				}
				if !freeAfter(min(tt.want, 1)) {
					t.Errorf("the slot is not free after %s", tt.want)
				}
			})
		})
	}
}

// A caller that gives up does not make the slot free earlier.
func TestCooldown_canceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(&stub{responses: []canned{{status: 200, after: time.Hour}}})
		for range 5 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, _ = e.Do(ctx, newCall(http.MethodGet, true))
			cancel()
		}
		time.Sleep(window + maxLag - 5*time.Second + 1)
		e.limiter.expire(time.Now())
		if free := e.limiter.slots.free(); free != 115 {
			t.Errorf("%d slots are free, want 115", free)
		}
	})
}

func TestUnsentAttemptsFreeTheirSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(&stub{responses: []canned{{err: errDial, dial: true}}}, func(o *Options) { o.MaxRetries = 0 })
		for range 50 {
			_, _ = e.Do(t.Context(), newCall(http.MethodGet, true))
		}
		if free := e.limiter.slots.free(); free != 120 {
			t.Errorf("%d slots are free, want 120", free)
		}
	})
}

func TestStatedLimit(t *testing.T) {
	tests := []struct {
		name    string
		ceiling int
		stated  string
		want    int
	}{
		{"lower", 0, "60", 60},
		{"higher", 0, "750", 750},
		{"missing", 0, "", 120},
		{"not a number", 0, "many", 120},
		{"zero", 0, "0", 120},
		{"negative", 0, "-3", 120},
		{"higher than the ceiling", 120, "750", 120},
		{"lower than the ceiling", 120, "60", 60},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &stub{responses: []canned{{status: 200, header: http.Header{headerLimit: {tt.stated}, headerRemaining: {"740"}}}}}
				e := newEngine(server, func(o *Options) { o.Ceiling = tt.ceiling })
				for _, route := range []string{"/contacts", "/tickets"} {
					_, _ = e.Do(t.Context(), callOn(route))
				}
				if e.limiter.slots.limit != tt.want {
					t.Errorf("limit %d, want %d", e.limiter.slots.limit, tt.want)
				}
				if free := e.limiter.slots.free(); free < min(tt.want-2, 739) {
					t.Errorf("%d slots are free: the rest was held back without a sign of another process", free)
				}
			})
		})
	}
}

func TestAnotherProcessOnTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &windowed{limit: 120, rtt: 200 * time.Millisecond}
		server.spend(100)
		e := newEngine(server)
		drain(t, e, 1, 1)
		if free := e.limiter.slots.free(); free != 19 {
			t.Errorf("%d slots are free, want the 19 that the server has", free)
		}
		if b := e.limiter.pacer.bucket.Burst(); b != 6 {
			t.Errorf("burst %d, want 6 beside another process", b)
		}
		drain(t, e, 19, 19)
		if server.tooMany > 0 {
			t.Errorf("%d requests got a 429", server.tooMany)
		}
		time.Sleep(3 * window)
		drain(t, e, 1, 1)
		if free, b := e.limiter.slots.free(), e.limiter.pacer.bucket.Burst(); free != 119 || b != 60 {
			t.Errorf("%d slots free with burst %d, want 119 and 60 again", free, b)
		}
	})
}

// Six attempts get a 429 when a window has 14 seconds left, and another process
// uses up the next window. Their slots must not pass for requests in it.
func TestRateLimitedAttemptsHideNoOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &windowed{limit: 120, rtt: time.Millisecond}
		server.spend(120)
		time.Sleep(46 * time.Second)
		e := newEngine(server)
		drain(t, e, 6, 6)
		if server.tooMany != 6 {
			t.Fatalf("%d attempts got a 429, want all 6", server.tooMany)
		}
		server.spend(113)
		drain(t, e, 20, 20)
		if server.tooMany > 6 {
			t.Errorf("%d more got a 429 in a window that was known to be used up", server.tooMany-6)
		}
	})
}

func TestHeldBackByTheLastResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &windowed{limit: 120, rtt: time.Millisecond}
		e := newEngine(server)
		steps := []struct {
			after  time.Duration
			spend  int
			free   int
			perSec float64
			what   string
		}{
			{0, 0, 119, 2, "alone"},
			{10 * time.Second, 30, 88, 1.5, "others used a quarter"},
			{10 * time.Second, 50, 37, 1, "and then two thirds"},
			{35 * time.Second, 5, 31, 1, "and more"},
			{10 * time.Second, 0, 116, 2, "the server's window has ended"},
			{10 * time.Second, 47, 71, 1.25, "others are there again"},
			{61 * time.Second, 0, 119, 2, "a minute without a response"},
		}
		for _, step := range steps {
			time.Sleep(step.after)
			server.spend(step.spend)
			drain(t, e, 1, 1)
			if free, pace := e.limiter.slots.free(), float64(e.limiter.pacer.bucket.Limit()); free != step.free || pace != step.perSec {
				t.Errorf("%s: %d slots free and %g per second, want %d and %g", step.what, free, pace, step.free, step.perSec)
			}
		}
	})
}

func TestSentInOrder(t *testing.T) {
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
				t.Fatalf("sent in the order %v", order)
			}
		}
	})
}

func TestCancelWhileWaiting(t *testing.T) {
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

// While all slots are in flight, only the end of an attempt lets the next one be
// sent.
func TestEndOfAnAttemptWakesTheQueue(t *testing.T) {
	for name, first := range map[string]canned{
		"a response":                {status: 429, header: pauseOf("1"), after: 5 * time.Second},
		"a failed connection":       {err: errDial, dial: true, after: 5 * time.Second},
		"a call whose context ends": {status: 200, after: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEngine(&stub{responses: []canned{first, {status: 200}}}, func(o *Options) { o.Limit, o.Ceiling, o.MaxRetries = 1, 1, 0 })
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				go func() { _, _ = e.Do(ctx, newCall(http.MethodGet, true)) }()
				synctest.Wait()
				if _, err := e.Do(t.Context(), newCall(http.MethodGet, true)); err != nil {
					t.Error(failureOf(t, err))
				}
			})
		})
	}
}

// A waiter that is abandoned just after it was granted its slot frees it.
func TestAbandonAfterGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(120, 0)
		w := &waiter{slot: &slot{}}
		l.mu.Lock()
		l.queue.push(w)
		l.dispatch(time.Now())
		l.mu.Unlock()
		l.abandon(w)
		if free := l.slots.free(); free != 120 {
			t.Errorf("%d slots are free", free)
		}
	})
}
