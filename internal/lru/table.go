package lru

import (
	"math"
	"time"
)

// A table is a hash table that knows in which order its entries were used. Its
// entries are in one slice, linked by their indexes instead of by pointers: that
// takes half the memory of a map and a list, and leaves the garbage collector
// nothing to follow if neither K nor V holds a pointer.
type table[K comparable, V any] struct {
	size int32
	used int32
	// slots[none] is the root of a ring: its next is the most recently used
	// slot, its prev the least recently used one.
	slots []slot[K, V]
	// free is the first slot without an entry; chain leads to the others.
	free int32
	// buckets holds the first slot of each hash; chain leads to the others. Its
	// length is a power of two.
	buckets []int32
}

// none is the index of no entry.
const none = 0

type slot[K comparable, V any] struct {
	next, prev, chain int32
	hash              uint32
	expires           time.Duration
	key               K
	value             V
}

func newTable[K comparable, V any](size int) table[K, V] {
	limit := int32(min(size, math.MaxInt32-1)) //nolint:gosec // it fits
	return table[K, V]{size: limit, slots: make([]slot[K, V], 1), buckets: make([]int32, 1)}
}

// find returns the slot of a key, or none.
func (t *table[K, V]) find(key K, hash uint32) int32 {
	i := *t.bucket(hash)
	for i != none && (t.slots[i].hash != hash || t.slots[i].key != key) {
		i = t.slots[i].chain
	}
	return i
}

// add returns a slot for a new key. If the table is full, it is that of the least
// recently used entry.
func (t *table[K, V]) add(key K, hash uint32) int32 {
	if t.used == t.size {
		t.remove(t.slots[none].prev)
	}
	i := t.free
	if i == none {
		i = t.used + 1 // all slots are in use
		t.slots = append(t.slots, slot[K, V]{})
	} else {
		t.free = t.slots[i].chain
	}
	if int(t.used) == len(t.buckets) {
		t.grow()
	}
	t.used++
	bucket := t.bucket(hash)
	t.slots[i] = slot[K, V]{key: key, hash: hash, chain: *bucket}
	*bucket = i
	t.pushFront(i)
	return i
}

// grow doubles the number of buckets.
func (t *table[K, V]) grow() {
	t.buckets = make([]int32, 2*len(t.buckets))
	for i := t.slots[none].next; i != none; i = t.slots[i].next {
		bucket := t.bucket(t.slots[i].hash)
		t.slots[i].chain, *bucket = *bucket, i
	}
}

// remove removes an entry, and keeps nothing of it.
func (t *table[K, V]) remove(i int32) {
	link := t.bucket(t.slots[i].hash)
	for *link != i {
		link = &t.slots[*link].chain
	}
	*link = t.slots[i].chain
	t.unlink(i)
	t.slots[i] = slot[K, V]{chain: t.free}
	t.free = i
	t.used--
}

// use makes an entry the most recently used one.
func (t *table[K, V]) use(i int32) {
	t.unlink(i)
	t.pushFront(i)
}

func (t *table[K, V]) pushFront(i int32) {
	first := t.slots[none].next
	t.slots[i].prev, t.slots[i].next = none, first
	t.slots[first].prev, t.slots[none].next = i, i
}

func (t *table[K, V]) unlink(i int32) {
	s := &t.slots[i]
	t.slots[s.prev].next, t.slots[s.next].prev = s.next, s.prev
}

func (t *table[K, V]) bucket(hash uint32) *int32 { return &t.buckets[int(hash)&(len(t.buckets)-1)] }
