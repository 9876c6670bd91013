package trengo

import (
	"context"
	"hash/maphash"
	"sync"
	"time"

	"github.com/trengo-go/trengo/internal/lru"
	"github.com/trengo-go/trengo/internal/turn"
)

// memory is what a Destination remembers, all of it bounded.
type memory struct {
	// people is where events wait for each other: first for those with the
	// same identifier, then for those of the same contact.
	people turn.Lines[person]
	// firstTicket is where tickets wait until one ticket's id is known.
	firstTicket turn.Lines[struct{}]

	contacts contactStore

	seeds [2]maphash.Seed

	handled *cache[fingerprint, Result]
	// lostContacts says of whom it is not known whether they have a contact,
	// and when the last attempt to create it ended.
	lostContacts *cache[person, time.Time]
	lostTickets  *cache[int64, lostTicket] // by contact

	mu           sync.Mutex
	newestTicket int64 // that this process has made; 0: none yet
}

func newMemory(cfg *DestinationConfig) *memory {
	// What is undecided has to outlive the minute after which it is decided.
	lostTTL := max(cfg.MessageTTL, defaultMessageTTL)
	return &memory{
		contacts:     newContactCache(cfg.MaxPeople, cfg.PeopleTTL),
		seeds:        [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		handled:      newCache[fingerprint, Result](cfg.MaxMessages, cfg.MessageTTL),
		lostContacts: newCache[person, time.Time](cfg.MaxMessages, lostTTL),
		lostTickets:  newCache[int64, lostTicket](cfg.MaxMessages, lostTTL),
	}
}

// A fingerprint stands for a message in memory: a fraction of its size, and at
// 128 bits no two will ever meet.
type fingerprint [2]uint64

func (m *memory) fingerprint(key messageKey) fingerprint {
	return fingerprint{maphash.Comparable(m.seeds[0], key), maphash.Comparable(m.seeds[1], key)}
}

// handledBefore returns what a message did when it was handled. Nothing is
// known of an event without a message id: handle does not remember it.
func (m *memory) handledBefore(key messageKey) (Result, bool) {
	before, ok := m.handled.get(m.fingerprint(key))
	before.Duplicate = ok
	return before, ok
}

func (m *memory) handle(key messageKey, result Result) {
	if key.messageID == "" {
		return
	}
	m.handled.put(m.fingerprint(key), result)
}

// seeTicket notes a ticket that was made after this process started: Trengo's
// ids rise, so all older tickets have smaller ones.
func (m *memory) seeTicket(id int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.newestTicket = max(m.newestTicket, id)
}

func (m *memory) newest() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.newestTicket
}

// A contactStore remembers contacts: under a person on a channel the id, and
// under the contact itself, on no channel, the name. It is safe for concurrent
// use. One that several processes share could take its place; when it does not
// answer it knows nothing, which costs a search and no more.
type contactStore interface {
	get(ctx context.Context, key contactKey) (knownContact, bool)
	put(ctx context.Context, key contactKey, contact knownContact)
	drop(ctx context.Context, key contactKey)
}

type contactKey struct {
	person    person
	channelID int64
}

type knownContact struct {
	id     int64
	name   string
	readAt time.Time
}

// contactCache is the contactStore of one process.
type contactCache struct {
	known *cache[contactKey, knownContact]
}

func newContactCache(people int, ttl time.Duration) contactCache {
	const entriesPerPerson = 2 // the id and the name
	return contactCache{newCache[contactKey, knownContact](entriesPerPerson*people, ttl)}
}

func (c contactCache) get(_ context.Context, key contactKey) (knownContact, bool) {
	return c.known.get(key)
}

func (c contactCache) put(_ context.Context, key contactKey, contact knownContact) {
	c.known.put(key, contact)
}

func (c contactCache) drop(_ context.Context, key contactKey) { c.known.drop(key) }

// A cache is a bounded map whose entries expire. It is safe for concurrent use.
type cache[K comparable, V any] struct {
	mu      sync.Mutex
	entries *lru.Map[K, V]
}

func newCache[K comparable, V any](size int, ttl time.Duration) *cache[K, V] {
	return &cache[K, V]{entries: lru.New[K, V](size, ttl)}
}

func (c *cache[K, V]) get(key K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.entries.Get(time.Now(), key)
}

func (c *cache[K, V]) put(key K, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries.Put(time.Now(), key, value)
}

func (c *cache[K, V]) drop(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries.Delete(key)
}
