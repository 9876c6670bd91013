package trengo

import (
	"html"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// reconcileAfter is how long to wait before a missing result is taken as proof that
// a write failed: until then Trengo may still be working on it, or its search
// may not show it yet.
const reconcileAfter = time.Minute

// A pendingTable holds the writes of which it is not known whether they took
// effect. Unlike a cache it neither drops an entry to make room nor lets one
// expire: whoever forgets such a write will repeat it. It is safe for concurrent
// use.
type pendingTable[K comparable, V any] struct {
	size    int
	settled func(V) bool // whether an entry no longer matters; nil: every one does

	mu      sync.Mutex
	entries map[K]V
}

func newPendingTable[K comparable, V any](size int, settled func(V) bool) *pendingTable[K, V] {
	return &pendingTable[K, V]{size: size, settled: settled, entries: make(map[K]V)}
}

// full reports whether another write would not find room. What is in flight does
// not count: if its response is lost, the table grows beyond its size by as much.
func (t *pendingTable[K, V]) full() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.entries) < t.size {
		return false
	}
	if t.settled != nil {
		for key, value := range t.entries {
			if t.settled(value) {
				delete(t.entries, key)
				return len(t.entries) >= t.size
			}
		}
	}
	return true
}

func (t *pendingTable[K, V]) get(key K) (value V, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	value, ok = t.entries[key]
	return value, ok
}

// find returns an entry that matches. It looks at all of them.
func (t *pendingTable[K, V]) find(matches func(V) bool) (value V, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, value := range t.entries {
		if matches(value) {
			return value, true
		}
	}
	return value, false
}

func (t *pendingTable[K, V]) put(key K, value V) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entries[key] = value
}

// update changes the value of key, unless it was removed meanwhile.
func (t *pendingTable[K, V]) update(key K, value V) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.entries[key]; ok {
		t.entries[key] = value
	}
}

// remove reports whether there was an entry.
func (t *pendingTable[K, V]) remove(key K) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.entries[key]
	delete(t.entries, key)
	return ok
}

func (t *pendingTable[K, V]) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.entries)
}

// contactSettled reports whether the next search settles what became of an
// attempt to create a contact, whatever it finds.
func contactSettled(ended time.Time) bool { return time.Since(ended) >= reconcileAfter }

// A highWater is the ticket with the highest ID that is known. Trengo's IDs rise,
// so whatever is created after it has a higher one.
type highWater struct {
	ticketID  int64     // zero if no ticket is known
	createdAt time.Time // by Trengo's clock, perhaps in a wrong zone; zero if not known
	userID    int64     // to whom Trengo assigns the tickets of this process; zero if not known
}

func (h *highWater) raise(t *Ticket) {
	if t.AssignedBy != 0 { // only the response to a create has it
		h.userID = t.UserID
	}
	if t.ID <= h.ticketID {
		return
	}
	h.ticketID = t.ID
	if createdAt := t.CreatedAt.timeOrZero(); !createdAt.IsZero() {
		h.createdAt = createdAt
	}
}

// A pendingTicket is a ticket of which it is not known whether it was created.
type pendingTicket struct {
	TicketCreateParams
	message messageKey
	event   string
	above   highWater // from before the attempt
	ended   time.Time // the attempt to create it

	// unsettled is why no further look can settle what became of the attempt;
	// nil means that one may. likely is then the ticket that it is taken for as
	// soon as no other can appear; zero means none.
	unsettled error
	likely    int64
}

// isSettling reports whether Trengo may still be working on the attempt.
func (p *pendingTicket) isSettling(now time.Time) bool { return now.Sub(p.ended) < reconcileAfter }

// couldBe reports whether t can be the pending ticket, as far as a list tells
// without its messages. named says that the subject agrees.
func (p *pendingTicket) couldBe(t *Ticket) (named, ok bool) {
	if t.ID <= p.above.ticketID || t.ContactID != p.ContactID || t.channelIDAnywhere() != p.ChannelID {
		return false, false
	}
	if plainSubject(t.Subject) == "" {
		// Trengo may not keep the subject on this kind of channel.
		return false, true
	}
	named = p.Subject != "" && isStoredSubject(t.Subject, p.Subject)
	return named, named
}

// minCutSubject is how many characters are left at least of a subject that Trengo
// cut. Two subjects that agree in fewer are different ones.
const minCutSubject = 50

// isStoredSubject reports whether stored is what Trengo may have made of a subject:
// with other blanks, with HTML entities, or cut.
func isStoredSubject(stored, sent string) bool {
	sent = plainSubject(sent)
	if plainSubject(stored) == sent {
		return true
	}
	beginning := strings.TrimRight(singleBlanks(stored), ".…\uFFFD ")
	if utf8.RuneCountInString(beginning) < minCutSubject {
		return false
	}
	beginning = plainSubject(beginning)
	if i := strings.LastIndexByte(beginning, '&'); i >= 0 && i > len(beginning)-maxEntity {
		beginning = strings.TrimRight(beginning[:i], " ") // of an entity that was cut
	}
	// Entities of blanks, say, leave little of it.
	return utf8.RuneCountInString(beginning) >= minCutSubject/2 && strings.HasPrefix(sent, beginning)
}

// maxEntity is longer than the HTML entities of the characters that are escaped.
const maxEntity = len("&amp;quot;") + 1

func plainSubject(subject string) string {
	const maxEncodings = 3
	for range maxEncodings {
		subject = html.UnescapeString(subject)
	}
	return singleBlanks(subject)
}

func singleBlanks(s string) string { return strings.Join(strings.Fields(s), " ") }
