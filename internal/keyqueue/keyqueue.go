// Package keyqueue makes holders of the same key wait for each other, first
// come, first served.
package keyqueue

import (
	"context"
	"sync"
)

// A Queue hands each key to one holder at a time. The zero value is ready to
// use. A Queue is safe for concurrent use, and a key that nobody has reserved
// takes no memory.
type Queue[K comparable] struct {
	mu   sync.Mutex
	last map[K]*Reservation[K]
}

// Reserve appends a reservation to the queue of key. It does not wait.
func (q *Queue[K]) Reserve(key K) *Reservation[K] {
	r := &Reservation[K]{queue: q, key: key}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.append(r)
	return r
}

// ReserveAll appends a reservation to the queues of several different keys, to
// all of them at once. Of two calls with the same keys, one therefore comes
// first in all their queues, and they never wait for each other.
func (q *Queue[K]) ReserveAll(keys ...K) Reservations[K] {
	all := make(Reservations[K], len(keys))
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, key := range keys {
		all[i].queue, all[i].key = q, key
		q.append(&all[i])
	}
	return all
}

func (q *Queue[K]) append(r *Reservation[K]) {
	if q.last == nil {
		q.last = make(map[K]*Reservation[K])
	}
	if before := q.last[r.key]; before != nil {
		r.ready = make(chan struct{})
		r.prev, before.next = before, r
	}
	q.last[r.key] = r
}

// Len returns the number of keys that are reserved.
func (q *Queue[K]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.last)
}

// A Reservation is a position in the queue of one key. Its owner calls Wait,
// does the work and calls Release. Releasing a reservation that is not first
// in its queue just removes it.
type Reservation[K comparable] struct {
	queue      *Queue[K]
	key        K
	next, prev *Reservation[K]
	ready      chan struct{} // nil if the queue was empty
	released   bool
}

// Immediate reports whether the queue was empty, so that Wait does not wait.
func (r *Reservation[K]) Immediate() bool { return r.ready == nil }

// Wait returns nil once all earlier reservations of the key are released, or
// the context's error. The reservation stays in the queue in either case.
func (r *Reservation[K]) Wait(ctx context.Context) error {
	if err := ctx.Err(); err != nil || r.Immediate() {
		return err
	}
	select {
	case <-r.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Release removes the reservation. A second call does nothing.
func (r *Reservation[K]) Release() {
	q := r.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if r.released {
		return
	}
	r.released = true
	if r.prev != nil {
		r.prev.next = r.next
	}
	switch {
	case r.next == nil && r.prev == nil:
		delete(q.last, r.key)
	case r.next == nil:
		q.last[r.key] = r.prev
	default:
		r.next.prev = r.prev
		if r.prev == nil {
			close(r.next.ready)
		}
	}
}

// Reservations are those of one owner for several keys. An owner that has waited
// for all of them may reserve further keys that nobody reserves together with
// others.
type Reservations[K comparable] []Reservation[K]

// Immediate reports whether all queues were empty.
func (rs Reservations[K]) Immediate() bool {
	for i := range rs {
		if !rs[i].Immediate() {
			return false
		}
	}
	return true
}

// Wait waits for each reservation, in their order.
func (rs Reservations[K]) Wait(ctx context.Context) error {
	for i := range rs {
		if err := rs[i].Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Release removes all reservations.
func (rs Reservations[K]) Release() {
	for i := range rs {
		rs[i].Release()
	}
}
