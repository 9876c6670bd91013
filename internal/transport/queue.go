package transport

import (
	"container/list"
	"context"
	"time"
)

// queue holds the attempts that have to wait.
//
// Invariants, checked by TestQueue_model:
//   - Continuations stand before all other waiters, because the sequences that
//     they belong to have waited already. Each of the two groups is in the
//     order of arrival.
//   - A waiter leaves the queue once: by settle, which sends the one value on
//     its result channel, or by remove.
type queue struct{ continuations, others list.List } // of *waiter

// A waiter is an attempt that waits for its slot.
type waiter struct {
	slot   *slot
	bounds bounds
	// result receives one value: nil if the slot is granted, or why it is not.
	// The queue makes it and the place.
	result chan error
	place  *list.Element
}

func (q *queue) len() int { return q.continuations.Len() + q.others.Len() }

// first is the waiter at the front of the queue, or nil.
func (q *queue) first() *waiter {
	if w := waiterAt(q.continuations.Front()); w != nil {
		return w
	}
	return waiterAt(q.others.Front())
}

// after is the waiter behind w, or nil.
func (q *queue) after(w *waiter) *waiter {
	if next := waiterAt(w.place.Next()); next != nil || !w.slot.seq.continuation {
		return next
	}
	return waiterAt(q.others.Front())
}

func waiterAt(place *list.Element) *waiter {
	if place == nil {
		return nil
	}
	return place.Value.(*waiter)
}

// group is the list that a waiter belongs to.
func (q *queue) group(w *waiter) *list.List {
	if w.slot.seq.continuation {
		return &q.continuations
	}
	return &q.others
}

// push adds a waiter. The result says whether it stands before others.
func (q *queue) push(w *waiter) (overtakes bool) {
	w.result = make(chan error, 1)
	w.place = q.group(w).PushBack(w)
	return w.slot.seq.continuation && q.others.Len() > 0
}

// settle takes a waiter out of the queue and gives it its result.
func (q *queue) settle(w *waiter, result error) {
	q.group(w).Remove(w.place)
	w.result <- result
}

// remove takes out a waiter whose caller no longer waits. If the waiter was
// settled before, granted says whether it has a slot.
func (q *queue) remove(w *waiter) (granted bool) {
	select {
	case result := <-w.result:
		return result == nil
	default:
		q.group(w).Remove(w.place)
		return false
	}
}

// bounds are how long an attempt can wait. Zero times mean no bound.
type bounds struct {
	sendBy    time.Time // the attempt has to be sent
	respondBy time.Time // the last response of its sequence has to arrive
}

func newBounds(ctx context.Context, now time.Time, maxWait time.Duration) (b bounds) {
	b.respondBy, _ = ctx.Deadline()
	if maxWait > 0 {
		b.sendBy = now.Add(maxWait)
	}
	return b
}

// lastSend is the last moment at which the attempt is worth sending; zero
// means that there is none.
func (b bounds) lastSend(rttMax time.Duration) time.Time {
	if b.respondBy.IsZero() {
		return b.sendBy
	}
	last := b.respondBy.Add(-rttMax - slack)
	if !b.sendBy.IsZero() && b.sendBy.Before(last) {
		return b.sendBy
	}
	return last
}
