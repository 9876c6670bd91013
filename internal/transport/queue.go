package transport

import (
	"container/list"
	"context"
	"time"
)

// A waiter is an attempt in the queue.
type waiter struct {
	slot     *slot
	patience patience
	admitted chan error // one value: nil, or the *refusal
}

// patience is how long an attempt can wait; its zero value is for ever.
type patience struct {
	until    time.Time // it may be sent
	deadline time.Time // its answer, and those of what follows it, are of use
}

func newPatience(ctx context.Context, now time.Time, maxWait time.Duration) (p patience) {
	p.deadline, _ = ctx.Deadline()
	if maxWait > 0 {
		p.until = now.Add(maxWait)
	}
	return p
}

// latest is the last moment at which the attempt is worth sending; zero if there
// is none.
func (p patience) latest(roundTrip time.Duration) time.Time {
	if p.deadline.IsZero() {
		return p.until
	}
	last := p.deadline.Add(-roundTrip - slack)
	if !p.until.IsZero() && p.until.Before(last) {
		return p.until
	}
	return last
}

// take waits until the attempt of s may be sent. It fails with a *refusal if
// that moment would leave no time for a round trip before the context's
// deadline or would lie more than maxWait away (0: no bound): at once, or as
// soon as it is known.
//
// Attempts are served in the order in which they came. Those of following
// calls go first: the work that they end came before what is in the queue.
func (p *pacer) take(ctx context.Context, s *slot, maxWait time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.part = partOf(ctx)
	w := &waiter{slot: s, patience: newPatience(ctx, time.Now(), maxWait), admitted: make(chan error, 1)}
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
	p.wake(now)
	if p.isTooLate(now, w) {
		return nil, ErrTooLate
	}
	if p.queue.Len() == 0 && p.canBegin(now, w) && p.tryGrant(now, w.slot) {
		return nil, nil
	}
	if wait, inTime := p.predict(now, w.patience, w.slot.part); !inTime {
		return nil, &refusal{wait: wait}
	}
	place := p.enqueue(w)
	if place.Next() != nil {
		p.revise(now)
	}
	p.serve(now)
	return place, nil
}

// ErrTooLate is the cause of a [Failure] whose call was not sent because less
// time is left before its deadline than an answer takes at best: a write would
// have an unknown outcome. It is a context.DeadlineExceeded.
var ErrTooLate error = tooLate{}

type tooLate struct{}

func (tooLate) Error() string { return "an answer would come too late" }

func (tooLate) Is(target error) bool { return target == context.DeadlineExceeded }

// isTooLate goes by what was learnt just now: only what is sent can show that
// answers come more quickly again.
func (p *pacer) isTooLate(now time.Time, w *waiter) bool {
	deadline := w.patience.deadline
	return !deadline.IsZero() && deadline.Sub(now) < p.quickest && now.Sub(p.heard) < p.quickest
}

// canBegin reports whether what follows an attempt that can go at once has
// room. It asks for no round trips: after a slow answer nothing would be sent
// any more that could show them to be short again. A limit that never has room
// for all of it does not keep it from being begun.
func (p *pacer) canBegin(now time.Time, w *waiter) bool {
	if w.slot.part.followed == 0 || p.free() == p.limit {
		return true
	}
	f := p.forecast(now)
	f.roundTrip = 0
	f.pass(p.promised)
	_, late := f.fits(w.slot.part, w.patience)
	return late <= 0
}

func (p *pacer) enqueue(w *waiter) *list.Element {
	if !w.slot.part.follows {
		return p.queue.PushBack(w)
	}
	before := p.queue.Front()
	for before != nil && before.Value.(*waiter).slot.part.follows {
		before = before.Next()
	}
	if before == nil {
		return p.queue.PushBack(w)
	}
	return p.queue.InsertBefore(w, before)
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
	front := p.queue.Front()
	for front != nil && p.admit(now, front) {
		front = p.queue.Front()
	}
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	if front == nil {
		return
	}
	if next, known := p.next(now, front.Value.(*waiter).slot.part); known {
		p.timer = time.AfterFunc(next.Sub(now), p.tick)
	}
}

// admit answers the first waiter, if it may go now, or never. What delays one
// past its time, though it was promised a turn, is nothing that an answer
// showed: such as an attempt that hangs.
func (p *pacer) admit(now time.Time, front *list.Element) bool {
	w := front.Value.(*waiter)
	var refused error
	if last := w.patience.latest(p.roundTrip); !last.IsZero() && now.Sub(last) > slack {
		refused = &refusal{wait: window / time.Duration(p.limit)}
	} else if !p.tryGrant(now, w.slot) {
		return false
	}
	p.queue.Remove(front)
	w.admitted <- refused
	return true
}

func (p *pacer) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serve(time.Now())
}

// next is the moment at which the first waiter can go. It is not known while
// it depends on an answer that has yet to arrive; that answer calls serve.
func (p *pacer) next(now time.Time, first part) (time.Time, bool) {
	at := now
	if missing := p.needed(first) - p.free(); missing > 0 {
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
