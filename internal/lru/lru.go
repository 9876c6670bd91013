// Package lru has a bounded map whose entries expire. It starts no goroutine
// and has no clock: its user tells it the time.
package lru

import "time"

// A Map holds at most a fixed number of entries. A new entry takes the place
// of the one that was not used for longest; an entry that is older than the
// time to live is gone. Using an entry does not make it younger.
//
// A Map is not safe for concurrent use.
type Map[K comparable, V any] struct {
	size    int
	ttl     time.Duration
	entries map[K]*entry[K, V]
	// recent is the root of a ring: recent.next was used last, recent.prev is
	// the next to go.
	recent entry[K, V]
}

type entry[K comparable, V any] struct {
	next, prev *entry[K, V]
	key        K
	value      V
	expires    time.Time
}

// New makes a map of at most size entries, which must be positive.
func New[K comparable, V any](size int, ttl time.Duration) *Map[K, V] {
	m := &Map[K, V]{size: size, ttl: ttl, entries: make(map[K]*entry[K, V])}
	m.recent.next, m.recent.prev = &m.recent, &m.recent
	return m
}

// Get returns the value of key, if there is one at this time.
func (m *Map[K, V]) Get(now time.Time, key K) (value V, ok bool) {
	e := m.entries[key]
	if e == nil {
		return value, false
	}
	if !now.Before(e.expires) {
		m.Delete(key)
		return value, false
	}
	e.unlink()
	m.link(e)
	return e.value, true
}

// Put sets the value of key. Its time to live begins now.
func (m *Map[K, V]) Put(now time.Time, key K, value V) {
	e := m.entries[key]
	switch {
	case e != nil:
		e.unlink()
	case len(m.entries) == m.size:
		e = m.recent.prev
		e.unlink()
		delete(m.entries, e.key)
	default:
		e = new(entry[K, V])
	}
	e.key, e.value, e.expires = key, value, now.Add(m.ttl)
	m.entries[key] = e
	m.link(e)
}

// Delete removes the entry of key, if there is one.
func (m *Map[K, V]) Delete(key K) {
	if e := m.entries[key]; e != nil {
		e.unlink()
		delete(m.entries, key)
	}
}

// Len is the number of entries, including those that have expired and were
// not asked for since.
func (m *Map[K, V]) Len() int { return len(m.entries) }

func (m *Map[K, V]) link(e *entry[K, V]) {
	e.prev, e.next = &m.recent, m.recent.next
	e.prev.next, e.next.prev = e, e
}

func (e *entry[K, V]) unlink() {
	e.prev.next, e.next.prev = e.next, e.prev
}
