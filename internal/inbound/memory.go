package inbound

import (
	"context"
	"slices"
	"sync"
)

// A Memory is an amount of memory that requests share. It is safe for concurrent use.
type Memory struct {
	mu      sync.Mutex
	size    int64
	free    int64
	waiting []*memoryRequest // in the order in which they came
}

// NewMemory returns a Memory of so many bytes, all of them free.
func NewMemory(size int64) *Memory { return &Memory{size: size, free: size} }

// Size returns how many bytes there are, free or not.
func (m *Memory) Size() int64 { return m.size }

// smallShare is the share of the memory that a request may take although others wait:
// one with a large need must not keep all others waiting, nor they it.
const smallShare = 64

// Reserve takes so many bytes, or all there are if it is more, as soon as they are
// free. Requests get them in the order in which they came, except that small ones
// need not wait for large ones. It reports false if ctx ends before that. Otherwise
// the caller has to call release, once.
func (m *Memory) Reserve(ctx context.Context, bytes int64) (release func(), ok bool) {
	r := &memoryRequest{bytes: min(bytes, m.size), granted: make(chan struct{})}
	m.mu.Lock()
	m.waiting = append(m.waiting, r)
	m.grant()
	m.mu.Unlock()
	select {
	case <-r.granted:
	case <-ctx.Done():
		if m.withdraw(r) {
			return nil, false
		}
	}
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.free += r.bytes
		m.grant()
	}, true
}

// withdraw reports whether a request was still waiting.
func (m *Memory) withdraw(r *memoryRequest) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.Index(m.waiting, r)
	if i < 0 {
		return false
	}
	m.waiting = slices.Delete(m.waiting, i, i+1)
	m.grant() // those after it may fit
	return true
}

// grant gives the waiting requests what is free.
func (m *Memory) grant() {
	isFirst := true
	m.waiting = slices.DeleteFunc(m.waiting, func(r *memoryRequest) bool {
		if r.bytes > m.free || !isFirst && r.bytes > m.size/smallShare {
			isFirst = false
			return false
		}
		m.free -= r.bytes
		close(r.granted)
		return true
	})
}

type memoryRequest struct {
	bytes   int64
	granted chan struct{}
}
