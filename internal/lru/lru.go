// Package lru provides a bounded cache whose entries expire.
package lru

import (
	"sync"
	"time"
)

// A Cache holds at most a fixed number of entries. When it is full, a new
// entry replaces the least recently used one. An entry older than the time to
// live is treated as absent; reading an entry does not extend its life.
//
// A Cache is safe for concurrent use and runs no goroutine: expired entries
// are removed when they are next read or replaced.
type Cache[K comparable, V any] struct {
	mu      sync.Mutex
	size    int
	ttl     time.Duration
	entries map[K]*entry[K, V]
	// recent is the root of a ring: recent.next is the most recently used
	// entry, recent.prev the least recently used one.
	recent entry[K, V]
}

// New returns an empty cache of at most size entries, which must be positive.
func New[K comparable, V any](size int, ttl time.Duration) *Cache[K, V] {
	c := &Cache[K, V]{size: size, ttl: ttl, entries: make(map[K]*entry[K, V])}
	c.recent.next, c.recent.prev = &c.recent, &c.recent
	return c
}

// Get returns the value of key, if it is present and has not expired.
func (c *Cache[K, V]) Get(key K) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[key]
	if e == nil {
		return value, false
	}
	if !time.Now().Before(e.expires) {
		c.remove(e)
		return value, false
	}
	e.unlink()
	c.pushFront(e)
	return e.value, true
}

// Put sets the value of key and restarts its time to live.
func (c *Cache[K, V]) Put(key K, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[key]
	switch {
	case e != nil:
		e.unlink()
	case len(c.entries) == c.size:
		e = c.recent.prev
		c.remove(e)
	default:
		e = new(entry[K, V])
	}
	e.key, e.value, e.expires = key, value, time.Now().Add(c.ttl)
	c.entries[key] = e
	c.pushFront(e)
}

// Delete removes the entry of key, if there is one.
func (c *Cache[K, V]) Delete(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[key]; e != nil {
		c.remove(e)
	}
}

// Len returns the number of entries, including expired ones that have not been
// removed yet.
func (c *Cache[K, V]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.entries)
}

func (c *Cache[K, V]) remove(e *entry[K, V]) {
	e.unlink()
	delete(c.entries, e.key)
}

func (c *Cache[K, V]) pushFront(e *entry[K, V]) {
	e.prev, e.next = &c.recent, c.recent.next
	e.prev.next, e.next.prev = e, e
}

type entry[K comparable, V any] struct {
	next, prev *entry[K, V]
	key        K
	value      V
	expires    time.Time
}

func (e *entry[K, V]) unlink() {
	e.prev.next, e.next.prev = e.next, e.prev
}
