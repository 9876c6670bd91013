package trengo

import (
	"errors"
	"sync"
	"time"

	"github.com/trengo-go/trengo/internal/identity"
	"github.com/trengo-go/trengo/internal/keyqueue"
	"github.com/trengo-go/trengo/internal/lru"
)

// memory is what a [Destination] remembers. It is bounded: there is a fixed number of
// each kind of record, none grows with what an event contains, and all but the
// pending ones have a time to live. It is safe for concurrent use.
type memory struct {
	// people is where operations wait for each other: first those of the same
	// identifier, then those of the same contact.
	people keyqueue.Queue[personKey]
	// firstTicket is where tickets wait until the ID of one ticket is known.
	firstTicket keyqueue.Queue[struct{}]

	users    *userMemory
	contacts *lru.Cache[contactKey, int64] // the IDs of people's contacts
	names    *lru.Cache[int64, readName]   // by contact

	// aliases holds the keys under which Trengo stores the phone numbers that it
	// rewrites, and rewritten the contacts whose phone number it made another one.
	aliases   *lru.Cache[personKey, string]
	rewritten *lru.Cache[personKey, int64]

	// tooManyHits holds the people whose search has too many hits.
	tooManyHits *lru.Cache[contactKey, struct{}]

	results  *lru.Cache[messageKey, Result]
	failures *lru.Cache[messageKey, *pastError]

	// pendingContacts holds the people of whom it is not known whether they
	// have a contact, with the time at which the last attempt to create it
	// ended.
	pendingContacts *pendingTable[personKey, time.Time]
	pendingTickets  *pendingTable[int64, pendingTicket] // by contact

	// listedTickets holds the newest of a contact's tickets when they were listed.
	listedTickets *lru.Cache[int64, highWater]
	// confirmed holds the contacts that a search has just found, after Trengo had
	// refused a write as if they did not exist.
	confirmed *lru.Cache[int64, struct{}]

	mu        sync.Mutex
	highWater highWater
}

const (
	maxFailures = 10_000
	// failureTTL is longer than RudderStack waits between two deliveries, and
	// shorter than it keeps trying.
	failureTTL = time.Hour

	// confirmedTTL is short: the contact may be deleted after that.
	confirmedTTL = time.Minute
)

const (
	maxTooManyHits = 10_000
	// tooManyHitsTTL is for how long a person is not searched for again. Whoever
	// has deleted the other contacts waits that long.
	tooManyHitsTTL = 10 * time.Minute
)

func newMemory(cfg *DestinationConfig) *memory {
	// A contact is searched for again after PeopleTTL, and found by its alias.
	// The product may overflow.
	aliasTTL := max(cfg.PeopleTTL, 2*cfg.PeopleTTL)
	return &memory{
		users:           newUserMemory(cfg),
		contacts:        lru.New[contactKey, int64](cfg.MaxPeople, cfg.PeopleTTL),
		names:           lru.New[int64, readName](cfg.MaxPeople, cfg.PeopleTTL),
		aliases:         lru.New[personKey, string](cfg.MaxPeople, aliasTTL),
		rewritten:       lru.New[personKey, int64](cfg.MaxPeople, cfg.PeopleTTL),
		tooManyHits:     lru.New[contactKey, struct{}](maxTooManyHits, tooManyHitsTTL),
		results:         lru.New[messageKey, Result](cfg.MaxMessages, cfg.MessageTTL),
		failures:        lru.New[messageKey, *pastError](maxFailures, failureTTL),
		pendingContacts: newPendingTable[personKey](cfg.MaxMessages, contactSettled),
		pendingTickets:  newPendingTable[int64, pendingTicket](cfg.MaxMessages, nil),
		listedTickets:   lru.New[int64, highWater](cfg.MaxPeople, cfg.PeopleTTL),
		confirmed:       lru.New[int64, struct{}](cfg.MaxPeople, confirmedTTL),
	}
}

// resultOf returns what a message did when it was processed. It never knows an
// event without a message ID, because rememberResult ignores it.
func (m *memory) resultOf(key messageKey) (Result, bool) {
	result, ok := m.results.Get(key)
	result.Duplicate = ok
	return result, ok
}

func (m *memory) rememberResult(key messageKey, result Result) {
	if key != noMessage {
		m.results.Put(key, result)
	}
}

// failureOf returns how an operation ended that would end the same again. The
// contact that a track event did not find, or a user ID, may be known by now.
func (m *memory) failureOf(op *operation) error {
	past, ok := m.failures.Get(op.message)
	if !ok {
		return nil
	}
	unknown := op.eventType == typeTrack && (errors.Is(past, ErrContactNotFound) || errors.Is(past, ErrAmbiguousContact)) ||
		op.hasOnlyUserID() && errors.Is(past, ErrMissingIdentifier)
	if unknown {
		if _, _, why := m.contactOf(op); why == "" {
			return nil
		}
	}
	return past
}

func (m *memory) rememberFailure(op *operation, err error) {
	if op.message != noMessage {
		m.failures.Put(op.message, newPastError(err))
	}
}

// observeTicket raises the high-water mark.
func (m *memory) observeTicket(t *Ticket) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.highWater.raise(t)
}

// highWaterMark returns the zero mark as long as no ticket was observed.
func (m *memory) highWaterMark() highWater {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.highWater
}

// addPendingContact notes that an attempt to create the contact of a person has
// just ended, and that it is not known whether it took effect.
func (m *memory) addPendingContact(op *operation) { m.pendingContacts.put(op.person, time.Now()) }

func (m *memory) removePendingContact(op *operation) { m.pendingContacts.remove(op.person) }

// pendingContact returns when the last such attempt ended.
func (m *memory) pendingContact(person personKey) (ended time.Time, ok bool) {
	return m.pendingContacts.get(person)
}

// pendingTicketsOf returns the pending tickets of a contact, and of a message whose
// person had another contact before: it was deleted or merged.
func (m *memory) pendingTicketsOf(contactID int64, message messageKey) (pending []pendingTicket) {
	if ticket, ok := m.pendingTickets.get(contactID); ok {
		pending = append(pending, ticket)
	}
	if ticket, ok := m.pendingTicketOf(message); ok && ticket.ContactID != contactID {
		pending = append(pending, ticket)
	}
	return pending
}

// pendingTicketOf returns the pending ticket of a message.
func (m *memory) pendingTicketOf(message messageKey) (pending pendingTicket, ok bool) {
	if message == noMessage {
		return pending, false
	}
	return m.pendingTickets.find(func(t pendingTicket) bool { return t.message == message })
}

// rememberContact remembers whose contact it is, and nothing of its name.
func (m *memory) rememberContact(key contactKey, contactID int64) { m.contacts.Put(key, contactID) }

func (m *memory) forgetContact(key contactKey) { m.contacts.Delete(key) }

// contactOf returns the ID of the contact of an operation's person, and the key
// under which it is remembered. If it is not known, why says so.
func (m *memory) contactOf(op *operation) (key contactKey, contactID int64, why string) {
	key = personContactKey(op)
	if op.hasOnlyUserID() {
		if key.person, why = m.users.personOf(op.sighting.user); why != "" {
			return key, 0, why
		}
	}
	contactID, ok := m.contacts.Get(key)
	if !ok {
		why = "the contact of its user ID is not known"
	}
	return key, contactID, why
}

// unknownName is remembered of a contact whose name may have changed. It is newer
// than what was read before.
var unknownName contactName

func (m *memory) rememberName(contactID int64, name contactName) {
	m.names.Put(contactID, readName{name, time.Now()})
}

// nameOf returns the name of a contact and when it was read, or zeros.
func (m *memory) nameOf(contactID int64) (name contactName, readAt time.Time) {
	read, _ := m.names.Get(contactID)
	return read.contactName, read.at
}

// aliasOf returns the key under which Trengo stores the person's phone number, or
// nothing. If it is not known whether their contact was created, it is not known
// either how Trengo would have rewritten the number, so it is guessed.
func (m *memory) aliasOf(op *operation) string {
	if op.identifier.kind != IdentifierPhone {
		return ""
	}
	alias := m.alias(op.person)
	if _, pending := m.pendingContact(op.person); pending && alias == "" {
		return identity.OtherPhone(op.identifier.key)
	}
	return alias
}

// alias returns the key under which a person's phone number was found, if it is
// another than theirs.
func (m *memory) alias(person personKey) string {
	alias, _ := m.aliases.Get(person)
	return alias
}

// rememberAlias notes that the person's number was found under its alias.
func (m *memory) rememberAlias(op *operation) {
	if op.identifier.alias != "" {
		m.aliases.Put(op.person, op.identifier.alias)
	}
}

// rememberRewritten notes that Trengo created a contact for the person with the
// phone number of somebody else. With every attempt it might create one more.
// With an email it does not.
func (m *memory) rememberRewritten(op *operation, contactID int64) {
	if op.identifier.kind == IdentifierPhone {
		m.rewritten.Put(op.person, contactID)
	}
}

func (m *memory) rewrittenContact(op *operation) (contactID int64, ok bool) {
	return m.rewritten.Get(op.person)
}

// rememberTooManyHits notes that the person may be among hits of a search that
// were not read.
func (m *memory) rememberTooManyHits(op *operation) {
	m.tooManyHits.Put(personContactKey(op), struct{}{})
}

func (m *memory) hasTooManyHits(op *operation) bool {
	_, ok := m.tooManyHits.Get(personContactKey(op))
	return ok
}

// rememberedContact returns a contact with its name, as far as that is remembered.
func (m *memory) rememberedContact(contactID int64) *knownContact {
	name, _ := m.nameOf(contactID)
	return &knownContact{id: contactID, name: name}
}

// A contactKey is a person on a channel.
type contactKey struct {
	person    personKey
	channelID int64
}

func personContactKey(op *operation) contactKey {
	return contactKey{person: op.person, channelID: op.channelID}
}

// A readName is the name of a contact, and when it was read.
type readName struct {
	contactName
	at time.Time
}
