package router

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// The events of a load, in percent.
const (
	loadKnown      = 25 // of the people exist at Trengo
	loadSeveralIDs = 40 // of the people have two or three user IDs
	loadIdentify   = 25 // of the events
	loadInvalid    = 1  // can never be handled
	loadSkipped    = 2  // ask for nothing
	loadReplayed   = 2  // are delivered once more, with the same message ID
)

const (
	loadEventName     = "Order Completed"
	loadSubjectPrefix = "Order "
	loadSubject       = loadSubjectPrefix + "{{ id }}"
)

// A load is the events of a simulation.
type load struct {
	kind   trengo.ChannelIdentifier
	people []person
	events []*loadEvent
	ideal  int // the fewest requests
}

// A person is one contact, and may be several users to the router.
type person struct {
	key      string // the email, or the digits of the phone number
	known    bool   // the contact exists beforehand
	before   string // and has this name
	affected bool   // by an event

	names  map[string]string // the last name that each user ID was given
	tracks int
}

// lastNames returns the names that the person may have in the end: the router
// keeps the order of each user ID, but not of several.
func (p *person) lastNames() []string { return slices.Collect(maps.Values(p.names)) }

// A loadEvent is an event and what is expected of it.
type loadEvent struct {
	job
	message string
	person  int
	at      time.Duration
	track   bool
	invalid bool
	skipped bool
	replay  bool
	name    string
}

// opensTicket reports whether the event opens a ticket. A replay does not: its
// original does.
func (ev *loadEvent) opensTicket() bool {
	return ev.track && !ev.invalid && !ev.skipped && !ev.replay
}

// A loadConfig describes a load.
type loadConfig struct {
	kind      trengo.ChannelIdentifier
	people    int
	events    int
	perMinute int // zero means all at once
	// unordered lets a track be the first event of the user ID that identifies
	// the person. The router then holds the identify back behind the track.
	unordered bool
	replays   bool
}

func (cfg loadConfig) generate(seed uint64) *load {
	r := rand.New(rand.NewPCG(seed, 0))
	l := &load{kind: cfg.kind}
	for i := range cfg.people {
		p := person{key: fmt.Sprintf("ann%d@example.com", i), known: r.IntN(100) < loadKnown, names: map[string]string{}}
		if p.known {
			p.before = "Before"
		}
		if cfg.kind == trengo.IdentifierPhone {
			p.key = fmt.Sprintf("3161%07d", i)
		}
		l.people = append(l.people, p)
	}
	userIDs := make([]int, cfg.people)
	for i := range userIDs {
		userIDs[i] = 1
		if r.IntN(100) < loadSeveralIDs {
			userIDs[i] += 1 + r.IntN(2)
		}
	}
	identified := map[int]bool{}
	for len(l.events) < cfg.events {
		i := r.IntN(cfg.people)
		ev := &loadEvent{person: i, track: r.IntN(100) >= loadIdentify}
		user := r.IntN(userIDs[i])
		switch kind := r.IntN(100); {
		case kind < loadInvalid:
			ev.invalid = true
		case kind < loadInvalid+loadSkipped:
			ev.skipped = true
		case !cfg.unordered && user == 0 && !identified[i]:
			ev.track = false
		}
		if user == 0 && !ev.track && !ev.invalid && !ev.skipped {
			identified[i] = true
		}
		l.add(r, ev, user)
		if cfg.replays && r.IntN(100) < loadReplayed && len(l.events) < cfg.events {
			replay := *ev
			replay.replay = true
			l.events = append(l.events, &replay)
		}
	}
	// Without an identify, the tracks of a person would be retried for ever.
	for i := range l.people {
		if l.people[i].affected && !identified[i] && !cfg.unordered {
			l.add(r, &loadEvent{person: i}, 0)
		}
	}
	if cfg.replays {
		l.shuffleReplays(r)
	}
	for i, ev := range l.events {
		if cfg.perMinute > 0 {
			ev.at = time.Duration(i) * time.Minute / time.Duration(cfg.perMinute)
		}
	}
	l.computeIdeal()
	return l
}

// add encodes an event and appends it.
func (l *load) add(r *rand.Rand, ev *loadEvent, user int) {
	p := &l.people[ev.person]
	ev.message = "message-" + strconv.Itoa(len(l.events))
	userID := fmt.Sprintf("user-%d-%d", ev.person, user)
	ev.user = "anonymous-" + userID + "<<>>" + userID
	traits := map[string]any{string(l.kind): l.spell(r, p.key)}
	out := map[string]any{"messageId": ev.message, "userId": userID, "anonymousId": "anonymous-" + userID}
	if ev.track {
		out["type"], out["event"], out["properties"] = "track", loadEventName, map[string]any{"id": ev.message}
		out["context"] = map[string]any{"traits": traits}
	} else {
		ev.name = fmt.Sprint("Ann ", ev.person, " ", r.IntN(2))
		traits["name"] = ev.name
		out["type"], out["traits"] = "identify", traits
	}
	switch {
	case ev.invalid:
		delete(traits, string(l.kind))
	case ev.skipped:
		out["type"] = "page"
	default:
		p.affected = true
		if ev.track {
			p.tracks++
		} else {
			p.names[userID] = ev.name
		}
	}
	body, err := json.Marshal(out)
	if err != nil {
		panic(err)
	}
	ev.body = body
	l.events = append(l.events, ev)
}

func (l *load) spell(r *rand.Rand, key string) string {
	if l.kind == trengo.IdentifierEmail {
		return fixtures.Spell(r, l.kind, key)
	}
	// With + in all spellings: without it, Trengo creates another contact.
	return "+" + key[:4] + [...]string{"", " ", "-"}[r.IntN(3)] + key[4:]
}

// shuffleReplays moves each replay to somewhere behind its original.
func (l *load) shuffleReplays(r *rand.Rand) {
	for i, ev := range slices.Backward(l.events) {
		if !ev.replay {
			continue
		}
		to := i + r.IntN(len(l.events)-i)
		copy(l.events[i:to], l.events[i+1:to+1])
		l.events[to] = ev
	}
}

// computeIdeal computes the fewest requests: those of a client that forgets
// nothing and handles one event after the other, in their order.
func (l *load) computeIdeal() {
	type contact struct {
		exists, found bool
		name          string
	}
	contacts := make([]contact, len(l.people))
	for i, p := range l.people {
		contacts[i] = contact{exists: p.known, name: p.before}
	}
	done := map[string]bool{}
	l.ideal = 1 // the list of tickets before the first one
	for _, ev := range l.events {
		if ev.invalid || ev.skipped || done[ev.message] {
			continue
		}
		done[ev.message] = true
		c := &contacts[ev.person]
		if !c.found {
			c.found = true
			l.ideal++
			if !c.exists {
				c.exists, c.name = true, ev.name
				l.ideal++
			}
		}
		switch {
		case ev.track:
			l.ideal++
		case ev.name != c.name:
			c.name = ev.name
			l.ideal++
		}
	}
}

// addContacts adds the people who exist beforehand to Trengo.
func (l *load) addContacts(srv *fixtures.Fixture) {
	for i := range l.people {
		p := &l.people[i]
		if !p.known {
			continue
		}
		contact := trengotest.Contact{Name: p.before, Email: p.key, ChannelIDs: []int64{fixtures.EmailChannel}}
		if l.kind == trengo.IdentifierPhone {
			contact = trengotest.Contact{Name: p.before, Phone: p.key, ChannelIDs: []int64{fixtures.PhoneChannel}}
		}
		srv.AddContact(contact)
	}
}
