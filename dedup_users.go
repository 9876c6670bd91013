package trengo

import (
	"sync"
	"time"

	"github.com/trengo-go/trengo/internal/lru"
)

// userMemory is which person a user ID is, as far as events have said so. It is
// safe for concurrent use.
type userMemory struct {
	mu    sync.Mutex // of changes
	ttl   time.Duration
	users *lru.Cache[personKey, knownUser]
}

func newUserMemory(cfg *DestinationConfig) *userMemory {
	return &userMemory{ttl: cfg.PeopleTTL, users: lru.New[personKey, knownUser](cfg.MaxPeople, cfg.PeopleTTL)}
}

// see remembers the person with whose identifier a user ID was seen.
func (m *userMemory) see(s sighting) {
	if s.user.isZero() || s.person.isZero() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	known, ok := m.users.Get(s.user)
	switch {
	case !ok:
		known = knownUser{person: s.person, declared: s.declared}
	case known.person == s.person:
		known.declared = known.declared || s.declared
	default:
		known = knownUser{person: s.person, declared: s.declared, otherAt: known.at}
	}
	known.at = now
	m.users.Put(s.user, known)
}

// personOf returns the person who a user ID is. If that is not known, why says so.
func (m *userMemory) personOf(user personKey) (person personKey, why string) {
	known, ok := m.users.Get(user)
	switch {
	case !ok || !known.declared:
		return personKey{}, "its user ID is not known"
	case time.Since(known.otherAt) < m.ttl:
		return personKey{}, "its user ID is known with several identifiers"
	}
	return known.person, ""
}

// A knownUser is the person with whose identifier a user ID was last seen.
type knownUser struct {
	person   personKey
	declared bool
	at       time.Time // when it was last seen with this person
	otherAt  time.Time // when it was last seen with another person
}
