package trengo_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// What the events of a simulation are, in percent.
const (
	loadKnown      = 25 // of the people are at Trengo already
	loadSeveralIDs = 40 // of the people have two or three user ids
	loadIdentify   = 25 // of the events
	loadBad        = 1  // can never be handled
	loadSkipped    = 2  // ask for nothing
	loadReplayed   = 2  // are delivered once more, under the same message id
)

const (
	loadEvent         = "Order Completed"
	loadSubjectBegins = "Order "
	loadSubject       = loadSubjectBegins + "{{ id }}"
)

// A load is the events of a simulation.
type load struct {
	kind   trengo.ChannelIdentifier
	people []loadPerson
	events []*loadEventJob
	ideal  int // the fewest requests
}

// A loadPerson is one contact, and several users to the router.
type loadPerson struct {
	key    string // the e-mail, or the digits of the phone
	before string // the name at Trengo beforehand, if known
	known  bool
	met    bool // has an event

	names  map[string]string // the last name that each user was given
	tracks int
}

// lastNames are the names that the person may end with: the router keeps the
// order of each user, and none among them.
func (p *loadPerson) lastNames() []string { return slices.Collect(maps.Values(p.names)) }

// A loadEventJob is an event and what is to become of it.
type loadEventJob struct {
	routerJob
	message string
	person  int
	at      time.Duration
	track   bool
	bad     bool
	skipped bool
	replay  bool
	name    string
}

// opensTicket leaves replays out, whose original does.
func (ev *loadEventJob) opensTicket() bool { return ev.track && !ev.bad && !ev.skipped && !ev.replay }

// A loadPlan says what load to make.
type loadPlan struct {
	kind      trengo.ChannelIdentifier
	people    int
	events    int
	perMinute int // 0: all at once
	// unordered lets the first event of a person be a track of the user that
	// is to be identified: the router would hold the identify back behind it.
	unordered bool
	replays   bool
}

func (p loadPlan) generate(seed uint64) *load {
	r := rand.New(rand.NewPCG(seed, 0))
	l := &load{kind: p.kind}
	for i := range p.people {
		person := loadPerson{key: fmt.Sprintf("ann%d@example.com", i), known: r.IntN(100) < loadKnown, names: map[string]string{}}
		if person.known {
			person.before = "Before"
		}
		if p.kind == trengo.IdentifierPhone {
			person.key = fmt.Sprintf("3161%07d", i)
		}
		l.people = append(l.people, person)
	}
	several := make([]int, p.people)
	for i := range several {
		several[i] = 1
		if r.IntN(100) < loadSeveralIDs {
			several[i] += 1 + r.IntN(2)
		}
	}
	identified := map[int]bool{}
	for len(l.events) < p.events {
		i := r.IntN(p.people)
		ev := &loadEventJob{person: i, track: r.IntN(100) >= loadIdentify}
		user := r.IntN(several[i])
		switch kind := r.IntN(100); {
		case kind < loadBad:
			ev.bad = true
		case kind < loadBad+loadSkipped:
			ev.skipped = true
		case !p.unordered && user == 0 && !identified[i]:
			ev.track = false
		}
		if user == 0 && !ev.track && !ev.bad && !ev.skipped {
			identified[i] = true
		}
		l.add(r, ev, user)
		if p.replays && r.IntN(100) < loadReplayed && len(l.events) < p.events {
			again := *ev
			again.replay = true
			l.events = append(l.events, &again)
		}
	}
	// Somebody must say who the people are of whom there were only tracks.
	for i := range l.people {
		if person := &l.people[i]; person.met && !identified[i] && !p.unordered {
			l.add(r, &loadEventJob{person: i}, 0)
		}
	}
	if p.replays {
		l.shuffleReplays(r)
	}
	for i, ev := range l.events {
		if p.perMinute > 0 {
			ev.at = time.Duration(i) * time.Minute / time.Duration(p.perMinute)
		}
	}
	l.count()
	return l
}

// add makes the event's body and appends it.
func (l *load) add(r *rand.Rand, ev *loadEventJob, user int) {
	person := &l.people[ev.person]
	ev.message = "message-" + strconv.Itoa(len(l.events))
	userID := fmt.Sprintf("user-%d-%d", ev.person, user)
	ev.user = "anonymous-" + userID + "<<>>" + userID
	traits := map[string]any{string(l.kind): l.spell(r, person.key)}
	out := map[string]any{"messageId": ev.message, "userId": userID, "anonymousId": "anonymous-" + userID}
	if ev.track {
		out["type"], out["event"], out["properties"] = "track", loadEvent, map[string]any{"id": ev.message}
		out["context"] = map[string]any{"traits": traits}
	} else {
		ev.name = fmt.Sprint("Ann ", ev.person, " ", r.IntN(2))
		traits["name"] = ev.name
		out["type"], out["traits"] = "identify", traits
	}
	switch {
	case ev.bad:
		delete(traits, string(l.kind))
	case ev.skipped:
		out["type"] = "page"
	default:
		person.met = true
		if ev.track {
			person.tracks++
		} else {
			person.names[userID] = ev.name
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
		return spell(r, l.kind, key)
	}
	// Sent without + or 00, a number makes another contact than with.
	return "+" + key[:4] + [...]string{"", " ", "-"}[r.IntN(3)] + key[4:]
}

// shuffleReplays moves each replay to somewhere behind its original, in the
// same user's line or far away from it.
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

// count works out the fewest requests: those of a client that forgets nothing
// and takes one event after the other, as they come.
func (l *load) count() {
	type contact struct {
		exists, found bool
		name          string
	}
	contacts := make([]contact, len(l.people))
	for i, person := range l.people {
		contacts[i] = contact{exists: person.known, name: person.before}
	}
	done := map[string]bool{}
	l.ideal = 1 // the listing before the first ticket
	for _, ev := range l.events {
		if ev.bad || ev.skipped || done[ev.message] {
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

// seed puts the people who are known at Trengo already there.
func (l *load) seed(srv *trengotest.Server, channelID int64) {
	for i := range l.people {
		person := &l.people[i]
		if !person.known {
			continue
		}
		contact := trengotest.Contact{Name: person.before, Email: person.key, ChannelIDs: []int64{channelID}}
		if l.kind == trengo.IdentifierPhone {
			contact.Email, contact.Phone = "", person.key
		}
		srv.AddContact(contact)
	}
}
