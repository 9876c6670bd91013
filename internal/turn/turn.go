// Package turn lets callers of one key go one at a time.
package turn

import (
	"context"
	"sync"
)

// Lines are the lines of callers, one for each key. The zero value has none.
// It is safe for concurrent use. A key that nobody stands in line for takes
// no memory.
type Lines[K comparable] struct {
	mu   sync.Mutex
	last map[K]*Place[K]
}

// A Place is somebody's place in a line: first it is waited for, then it is
// left. A place that is left before its turn came just goes.
type Place[K comparable] struct {
	lines      *Lines[K]
	key        K
	next, prev *Place[K]
	turn       chan struct{} // nil if nobody stood before it
	left       bool
}

// Join takes the last place in the line of key. It does not wait.
func (l *Lines[K]) Join(key K) *Place[K] {
	p := &Place[K]{lines: l, key: key}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil {
		l.last = make(map[K]*Place[K])
	}
	if before := l.last[key]; before != nil {
		p.turn = make(chan struct{})
		p.prev, before.next = before, p
	}
	l.last[key] = p
	return p
}

// Free reports whether there was nobody before, so that Wait does not wait.
func (p *Place[K]) Free() bool { return p.turn == nil }

// Wait returns when all who came before have left, or with the context's
// error. The place is kept in either case.
func (p *Place[K]) Wait(ctx context.Context) error {
	if err := ctx.Err(); err != nil || p.Free() {
		return err
	}
	select {
	case <-p.turn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Leave gives the place up. A second call does nothing.
func (p *Place[K]) Leave() {
	l := p.lines
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.left {
		return
	}
	p.left = true
	if p.prev != nil {
		p.prev.next = p.next
	}
	switch {
	case p.next == nil && p.prev == nil:
		delete(l.last, p.key)
	case p.next == nil:
		l.last[p.key] = p.prev
	default:
		p.next.prev = p.prev
		if p.prev == nil {
			close(p.next.turn)
		}
	}
}

// Len is the number of keys that somebody stands in line for.
func (l *Lines[K]) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.last)
}
