package transport

import (
	"container/list"
	"context"
	"time"
)

// A waiter is an attempt in the queue.
type waiter struct {
	ctx      context.Context
	slot     *slot
	maxWait  time.Duration
	since    time.Time
	admitted chan error // one value: nil, or the *refusal
}

// take waits until the attempt of s may be sent. It fails with a *refusal if
// that moment would leave no time for a round trip before the context's
// deadline or would lie more than maxWait away (0: no bound): at once, or as
// soon as an answer shows it that made the wait longer. If even now is too
// late, it fails as the context will.
//
// Attempts are served in the order in which they came. Those of following
// calls go first: the work that they end came before what is in the queue.
func (p *pacer) take(ctx context.Context, s *slot, maxWait time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.part = partOf(ctx)
	w := &waiter{ctx: ctx, slot: s, maxWait: maxWait, admitted: make(chan error, 1)}
	place, err := p.join(w)
	if place == nil {
		return err
	}
	select {
	case err := <-w.admitted:
		return err
	case <-ctx.Done():
		p.leave(place)
		return ctx.Err()
	}
}

// join gives w its place in the queue; nil if it needs none, or gets none
// because of the error.
func (p *pacer) join(w *waiter) (*list.Element, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	w.since = now
	if p.isTooLate(w.ctx, now) {
		return nil, context.DeadlineExceeded
	}
	if p.queue.Len() == 0 && p.canBegin(now, w) && p.tryGrant(now, w.slot) {
		return nil, nil
	}
	if wait, inTime := p.predict(now, w.bound(p.roundTrip), w.slot.part); !inTime {
		return nil, &refusal{wait: wait}
	}
	place := p.enqueue(w)
	if place.Next() != nil {
		p.revise(now)
	}
	p.serve(now)
	return place, nil
}

// isTooLate reports whether less time is left than an answer usually takes: a
// write that is sent nevertheless has an unknown outcome. What was learnt long
// ago is held against nobody, because only what is sent brings anything newer.
func (p *pacer) isTooLate(ctx context.Context, now time.Time) bool {
	deadline, ok := ctx.Deadline()
	return ok && deadline.Sub(now) < p.usual && now.Sub(p.heard) < window
}

// canBegin reports whether what follows an attempt that can go at once has
// room. It asks for no round trips: after a slow answer nothing would be sent
// any more that could show them to be short again.
func (p *pacer) canBegin(now time.Time, w *waiter) bool {
	if w.slot.part.followed() == 0 {
		return true
	}
	f := p.forecast(now)
	f.roundTrip = 0
	f.pass(p.promised)
	_, inTime := f.fits(w.slot.part, w.bound(0))
	return inTime
}

func (p *pacer) enqueue(w *waiter) *list.Element {
	if w.slot.part != following {
		return p.queue.PushBack(w)
	}
	before := p.queue.Front()
	for before != nil && before.Value.(*waiter).slot.part == following {
		before = before.Next()
	}
	if before == nil {
		return p.queue.PushBack(w)
	}
	return p.queue.InsertBefore(w, before)
}

// bound is the last moment at which the attempt is worth sending; zero if
// there is none.
func (w *waiter) bound(roundTrip time.Duration) time.Time {
	return latest(w.ctx, w.since, roundTrip, w.maxWait)
}

func latest(ctx context.Context, now time.Time, roundTrip, maxWait time.Duration) time.Time {
	var bound time.Time
	if maxWait > 0 {
		bound = now.Add(maxWait)
	}
	if deadline, ok := ctx.Deadline(); ok {
		if last := deadline.Add(-roundTrip - slack); bound.IsZero() || last.Before(bound) {
			bound = last
		}
	}
	return bound
}

func (p *pacer) leave(place *list.Element) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := place.Value.(*waiter)
	select {
	case err := <-w.admitted:
		if err == nil {
			p.remove(w.slot)
		}
	default:
		p.queue.Remove(place)
	}
	p.serve(time.Now())
}

// serve lets as many waiters go as may, and sets the timer for the next.
func (p *pacer) serve(now time.Time) {
	for front := p.queue.Front(); front != nil; front = p.queue.Front() {
		w := front.Value.(*waiter)
		if !p.tryGrant(now, w.slot) {
			break
		}
		p.queue.Remove(front)
		w.admitted <- nil
	}
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	if p.queue.Len() == 0 {
		return
	}
	if next, known := p.next(now); known {
		p.timer = time.AfterFunc(next.Sub(now), p.tick)
	}
}

func (p *pacer) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serve(time.Now())
}

// next is the moment at which the first waiter can go. It is not known while
// it depends on an answer that has yet to arrive; that answer calls serve.
func (p *pacer) next(now time.Time) (time.Time, bool) {
	at := now
	if missing := 1 - p.free(); missing > 0 {
		if missing > p.rested {
			return time.Time{}, false
		}
		at = p.resting[p.restingIndex(missing)].until
	}
	if p.gate.After(at) {
		at = p.gate
	}
	if missing := 1 - p.bucket.TokensAt(at); missing > 0 {
		// A microsecond up, so that rounding never makes the timer fire early.
		at = at.Add(time.Duration(missing/float64(p.bucket.Limit())*float64(time.Second)) + time.Microsecond)
	}
	return at, true
}

// restingIndex is the place in resting at which n slots have come free.
func (p *pacer) restingIndex(n int) int {
	for i, r := range p.resting {
		if n -= r.slots; n <= 0 {
			return i
		}
	}
	return len(p.resting) - 1
}
