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

	mu           sync.Mutex
	handled      *lru.Map[fingerprint, Result]
	lostContacts *lru.Map[person, time.Time] // when the attempt ended
	lostTickets  *lru.Map[int64, lostTicket] // by contact
	newestTicket int64                       // that this process has made; 0: none yet
}

func newMemory(cfg *Config) *memory {
	// What is undecided has to outlive the minute after which it is decided.
	lostTTL := max(cfg.MessageTTL, defaultMessageTTL)
	return &memory{
		contacts:     newContactCache(cfg.MaxPeople, cfg.PeopleTTL),
		seeds:        [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		handled:      lru.New[fingerprint, Result](cfg.MaxMessages, cfg.MessageTTL),
		lostContacts: lru.New[person, time.Time](cfg.MaxMessages, lostTTL),
		lostTickets:  lru.New[int64, lostTicket](cfg.MaxMessages, lostTTL),
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
	mark := m.fingerprint(key)
	m.mu.Lock()
	defer m.mu.Unlock()
	before, ok := m.handled.Get(time.Now(), mark)
	before.Duplicate = ok
	return before, ok
}

func (m *memory) handle(key messageKey, result Result) {
	if key.messageID == "" {
		return
	}
	mark := m.fingerprint(key)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.handled.Put(time.Now(), mark, result)
}

func (m *memory) loseContact(p person) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.lostContacts.Put(now, p, now)
}

// contactLost says when the last attempt to create the person's contact ended,
// if it is not known what became of it.
func (m *memory) contactLost(p person) (ended time.Time, lost bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lostContacts.Get(time.Now(), p)
}

func (m *memory) settleContact(p person) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lostContacts.Delete(p)
}

func (m *memory) loseTicket(lost lostTicket) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lostTickets.Put(time.Now(), lost.ContactID, lost)
}

func (m *memory) ticketLost(contactID int64) (lostTicket, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lostTickets.Get(time.Now(), contactID)
}

func (m *memory) settleTicket(contactID int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lostTickets.Delete(contactID)
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
	mu      sync.Mutex
	entries *lru.Map[contactKey, knownContact]
}

func newContactCache(people int, ttl time.Duration) *contactCache {
	const entriesPerPerson = 2 // the id and the name
	return &contactCache{entries: lru.New[contactKey, knownContact](entriesPerPerson*people, ttl)}
}

func (c *contactCache) get(_ context.Context, key contactKey) (knownContact, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.entries.Get(time.Now(), key)
}

func (c *contactCache) put(_ context.Context, key contactKey, contact knownContact) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries.Put(time.Now(), key, contact)
}

func (c *contactCache) drop(_ context.Context, key contactKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries.Delete(key)
}
