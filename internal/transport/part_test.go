package transport

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// inEightSeconds makes a call that has so long, with followers or without.
func inEightSeconds(t *testing.T, e *Engine, followed int) *Failure {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	_, err := e.Do(WithSequence(ctx, followed), newCall(http.MethodGet, true))
	return failureOf(t, err)
}

// Answers that came too slowly for the callers' deadlines keep nobody away for
// longer than one of them took.
func TestSlowAnswersAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &windowed{limit: 120, roundTrip: 12 * time.Second}
		e := newEngine(server)
		drain(t, e, 20, 5)
		f := inEightSeconds(t, e, 0)
		if f == nil || !errors.Is(f.Cause, context.DeadlineExceeded) || f.Attempts > 0 {
			t.Errorf("with less time than an answer takes: %+v", f)
		}
		server.roundTrip = 100 * time.Millisecond
		time.Sleep(12 * time.Second)
		for range 10 {
			if f := inEightSeconds(t, e, 2); f != nil {
				t.Errorf("when answers come quickly again: %+v", f)
			}
		}
	})
}

// What others did an hour ago does not count, even if nobody called since.
func TestOthersAreForgottenByThoseWhoBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &windowed{limit: 20, roundTrip: 100 * time.Millisecond}
		server.spend(19)
		e := newEngine(server)
		drain(t, e, 1, 1)
		time.Sleep(time.Hour)
		if f := inEightSeconds(t, e, 2); f != nil {
			t.Errorf("on an idle token: %+v", f)
		}
	})
}

// A limit that never leaves room for all at once lets it begin, if nothing else
// is under way.
func TestSmallLimitsBegin(t *testing.T) {
	for limit := 1; limit <= 6; limit++ {
		synctest.Test(t, func(t *testing.T) {
			e := newEngine(&windowed{limit: limit, roundTrip: 100 * time.Millisecond}, func(o *Options) { o.Limit = limit })
			for range 3 {
				time.Sleep(5 * time.Minute)
				if f := inEightSeconds(t, e, 2); f != nil {
					t.Errorf("limit %d: %+v", limit, f)
				}
			}
		})
	}
}

// MaxWait bounds the wait of one call, not the round trips of those after it.
func TestMaxWaitOfAnOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(&windowed{limit: 120, roundTrip: 1500 * time.Millisecond}, func(o *Options) { o.MaxWait = 2 * time.Second })
		drain(t, e, 60, 60)
		began := time.Now()
		_, err := e.Do(WithSequence(t.Context(), 2), newCall(http.MethodGet, true))
		if f := failureOf(t, err); f != nil || time.Since(began) > 3*time.Second {
			t.Errorf("after %s: %+v", time.Since(began), f)
		}
	})
}

// Whoever comes back when told to is served.
func TestRetryAfterOfAnOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(&windowed{limit: 120, roundTrip: 100 * time.Millisecond})
		drain(t, e, 119, 119)
		refused := 0
		for f := inEightSeconds(t, e, 2); f != nil; f = inEightSeconds(t, e, 2) {
			if refused++; refused > 2 || !f.RateLimited {
				t.Fatalf("refused %d times: %+v", refused, f)
			}
			time.Sleep(f.RetryAfter)
		}
	})
}

// Nothing is sent when its time has passed while it waited.
func TestNothingIsSentTooLateAfterAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &windowed{limit: 120, roundTrip: 5 * time.Second}
		e := newEngine(server)
		server.spend(118)
		drain(t, e, 1, 1)
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 58*time.Second)
				defer cancel()
				_, err := e.Do(ctx, newCall(http.MethodPost, false))
				if f := failureOf(t, err); f != nil && f.OutcomeUnknown {
					t.Errorf("%+v", f)
				}
			})
		}
		wg.Wait()
	})
}

// With all slots in flight only an answer, or an attempt that is given up, lets
// the next go.
func TestAnswersWakeTheQueue(t *testing.T) {
	for name, first := range map[string]answer{
		"an answer":            {status: 429, header: http.Header{headerRetryAfter: {"1"}}, after: 5 * time.Second},
		"a failed connection":  {err: errDial, dial: true, after: 5 * time.Second},
		"a call that gives up": {status: 200, after: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := newEngine(&stub{answers: []answer{first, {status: 200}}}, func(o *Options) { o.Limit, o.Ceiling, o.MaxRetries = 1, 1, 0 })
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

// A waiter that leaves just when it is admitted gives its slot back.
func TestLeavingWhenAdmitted(t *testing.T) {
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
