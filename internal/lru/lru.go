// Package lru provides a bounded cache whose entries expire.
package lru

import (
	"hash/maphash"
	"math"
	"sync"
	"time"
)

// A Cache holds at most a fixed number of entries. When it is full, a new
// entry replaces one that was not used for long: the least recently used one,
// or in a large cache that of one of its parts. An entry older than the time to
// live is treated as absent; reading an entry does not extend its life.
//
// A Cache is safe for concurrent use and runs no goroutine: expired entries
// are removed when they are next read or replaced.
type Cache[K comparable, V any] struct {
	seed  maphash.Seed
	start time.Time // times are offsets from it, which take less space
	ttl   time.Duration
	parts []part[K, V] // each key belongs to one, by its hash
}

// A part has a lock of its own, so that goroutines seldom wait for each other.
type part[K comparable, V any] struct {
	mu    sync.Mutex
	table table[K, V]
}

const (
	maxParts = 16
	// minPartSize is where a part's least recently used entry is about as old
	// as that of the whole cache.
	minPartSize = 1024
)

// New returns an empty cache of at most size entries, which must be positive.
func New[K comparable, V any](size int, ttl time.Duration) *Cache[K, V] {
	n := min(max(1, size/minPartSize), maxParts)
	c := &Cache[K, V]{seed: maphash.MakeSeed(), start: time.Now(), ttl: ttl, parts: make([]part[K, V], n)}
	for i := range c.parts {
		c.parts[i].table = newTable[K, V](size / n)
	}
	return c
}

// Get returns the value of key, if it is present and has not expired.
func (c *Cache[K, V]) Get(key K) (value V, ok bool) {
	p, hash := c.part(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.table.find(key, hash)
	if i == none {
		return value, false
	}
	if time.Since(c.start) >= p.table.slots[i].expires {
		p.table.remove(i)
		return value, false
	}
	p.table.use(i)
	return p.table.slots[i].value, true
}

// Put sets the value of key and restarts its time to live.
func (c *Cache[K, V]) Put(key K, value V) {
	p, hash := c.part(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.table.find(key, hash)
	if i == none {
		i = p.table.add(key, hash)
	} else {
		p.table.use(i)
	}
	p.table.slots[i].value = value
	p.table.slots[i].expires = time.Since(c.start) + c.ttl
}

// Delete removes the entry of key, if there is one.
func (c *Cache[K, V]) Delete(key K) {
	p, hash := c.part(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := p.table.find(key, hash); i != none {
		p.table.remove(i)
	}
}

// Len returns the number of entries, including expired ones that have not been
// removed yet.
func (c *Cache[K, V]) Len() int {
	n := 0
	for i := range c.parts {
		p := &c.parts[i]
		p.mu.Lock()
		n += int(p.table.used)
		p.mu.Unlock()
	}
	return n
}

func (c *Cache[K, V]) part(key K) (p *part[K, V], hash uint32) {
	sum := maphash.Comparable(c.seed, key)
	// One half of the sum chooses the part, the other is for the table.
	return &c.parts[(sum>>32)%uint64(len(c.parts))], uint32(sum & math.MaxUint32)
}
