package trengo_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// The stress test delivers a day's events of a shop twice, many at a time, to
// a Trengo at which one request in a hundred goes wrong.
const (
	stressEvents     = 10_000
	stressPeople     = 1_000
	stressGoroutines = 64
	stressIdentify   = 20 // percent
	stressFaults     = 1  // percent of the requests
	stressGivingUp   = 1  // percent of the deliveries
	stressPatience   = 60 // deliveries until an event counts as stuck
)

func TestStress(t *testing.T) {
	t.Parallel()
	for seed, kind := range map[uint64]trengo.ChannelIdentifier{
		1: trengo.IdentifierEmail,
		2: trengo.IdentifierEmail,
		3: trengo.IdentifierPhone,
		4: trengo.IdentifierPhone,
	} {
		t.Run(fmt.Sprintf("by %s, seed %d", kind, seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { newStress(t, seed, kind).run() })
		})
	}
}

// A stressPerson is known by an identifier that others have a part of.
type stressPerson struct {
	key  string // the e-mail, or the digits of the phone
	name string
}

// newStressPeople makes people of whom each is found by searches for others:
// their e-mails and phones contain each other, and some are called like
// another's e-mail.
func newStressPeople(kind trengo.ChannelIdentifier) []stressPerson {
	mails := []string{"ann%d@example.com", "joann%d@example.com", "ann%d@example.com.au", "ann%d+shop@example.com"}
	phones := []string{"316100%04d", "316100%04d7", "4316100%04d", "9316100%04d70"}
	people := make([]stressPerson, stressPeople)
	for i := range people {
		form := mails[i%len(mails)]
		if kind == trengo.IdentifierPhone {
			form = phones[i%len(phones)]
		}
		people[i].key = fmt.Sprintf(form, i/len(mails))
		people[i].name = fmt.Sprintf(form, (i+1)/len(mails))
	}
	return people
}

// spell writes an identifier in one of the ways in which people do.
func spell(r *rand.Rand, kind trengo.ChannelIdentifier, key string) string {
	if kind == trengo.IdentifierEmail {
		return [...]string{key, strings.ToUpper(key), " " + key + " ", strings.ToUpper(key[:1]) + key[1:]}[r.IntN(4)]
	}
	country, rest := key[:2], key[2:]
	return [...]string{
		"+" + key,
		"00" + key,
		key,
		"+" + country + " (0)" + rest[:1] + " " + rest[1:],
		" +" + country + "-" + rest[:3] + "." + rest[3:],
		"00 " + country + " (" + rest[:2] + ") " + rest[2:],
	}[r.IntN(6)]
}

// A stressEvent is an event and what came of it.
type stressEvent struct {
	person, message int
	track           bool

	mu        sync.Mutex
	done      int // successful deliveries
	firsthand int // of them, those that were no duplicates
	tickets   map[int64]bool
	contacts  map[int64]bool
}

type stress struct {
	t           *testing.T
	seed        uint64
	kind        trengo.ChannelIdentifier
	srv         *trengotest.Server
	destination *trengo.Destination
	people      []stressPerson
	events      []*stressEvent

	mu         sync.Mutex
	deliveries int
	failures   int
}

func newStress(t *testing.T, seed uint64, kind trengo.ChannelIdentifier) *stress {
	t.Helper()
	s := &stress{t: t, seed: seed, kind: kind, srv: trengotest.New(), people: newStressPeople(kind)}
	s.srv.SetRateLimit(1_000_000)
	s.srv.Behavior.Latency = 150 * time.Millisecond
	s.srv.Behavior.PhoneMatch = trengotest.PhoneMatchNever // so that Trengo does not help out
	s.srv.Behavior.SearchDelay = time.Duration(seed%2) * 5 * time.Second
	s.srv.AddChannel(trengotest.Channel{ID: deskMail, Type: "EMAIL"})
	s.srv.AddChannel(trengotest.Channel{ID: deskPhone, Type: "WA_BUSINESS"})
	cfg := trengo.DestinationConfig{
		ChannelID: deskMail, CreateMissingContacts: true, EventTemplates: map[string]string{deskEvent: deskSubject},
	}
	if kind == trengo.IdentifierPhone {
		byPhone(&cfg)
	}
	client := newClient(t, s.srv, trengo.WithRateLimit(1_000_000), trengo.WithTimeout(deskTimeout))
	var err error
	if s.destination, err = trengo.NewDestination(client, cfg); err != nil {
		t.Fatal(err)
	}

	r := rand.New(rand.NewPCG(seed, 0))
	for _, person := range s.people {
		if r.IntN(4) > 0 {
			continue
		}
		contact := trengotest.Contact{Email: person.key, ChannelIDs: []int64{cfg.ChannelID}}
		if kind == trengo.IdentifierPhone {
			contact.Email, contact.Phone = "", "+"+person.key[:4]+" "+person.key[4:]
		}
		s.srv.AddContact(contact)
	}
	active := rand.NewZipf(r, 1.1, 8, stressPeople-1)
	for i := range stressEvents {
		s.events = append(s.events, &stressEvent{
			person: int(active.Uint64()), message: i, track: r.IntN(100) >= stressIdentify,
			tickets: map[int64]bool{}, contacts: map[int64]bool{},
		})
	}
	return s
}

func (s *stress) run() {
	r := rand.New(rand.NewPCG(s.seed, 1))
	s.srv.InjectFunc(s.fault)
	next := make(chan *stressEvent)
	var wg sync.WaitGroup
	for i := range stressGoroutines {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(s.seed, uint64(2+i)))
			for ev := range next {
				s.deliverUntilDone(r, ev)
			}
		})
	}
	for _, ev := range twice(r, s.events) {
		next <- ev
	}
	close(next)
	wg.Wait()
	time.Sleep(10 * time.Minute) // until what was late has arrived
	s.check()
}

// twice has every event two times, at random places; some of them in a row, so
// that both deliveries are under way together.
func twice(r *rand.Rand, events []*stressEvent) []*stressEvent {
	all := append(slices.Clone(events), events...)
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var inRow []*stressEvent
	seen := map[*stressEvent]int{}
	for _, ev := range all {
		seen[ev]++
		switch together := ev.message%10 == 0; {
		case together && seen[ev] == 1:
			inRow = append(inRow, ev, ev)
		case !together:
			inRow = append(inRow, ev)
		}
	}
	return inRow
}

// fault goes by the number of the request, so that a seed means the same
// whichever goroutine is faster.
func (s *stress) fault(request trengotest.Request) trengotest.Fault {
	r := rand.New(rand.NewPCG(s.seed, uint64(request.Seq)<<32))
	if r.IntN(100) >= stressFaults {
		return trengotest.Fault{}
	}
	fault := matrixFaults[r.IntN(len(matrixFaults))].fault
	if fault == trengotest.Late(matrixTimeout+45*time.Second) {
		// Some deliveries are given up early: more than a minute after that
		// nothing is to be expected any more.
		return trengotest.Late(45 * time.Second)
	}
	return fault
}

// deliverUntilDone delivers an event again as long as that is worth it.
func (s *stress) deliverUntilDone(r *rand.Rand, ev *stressEvent) {
	for range stressPatience {
		time.Sleep(time.Duration(r.Int64N(int64(100 * time.Millisecond))))
		ctx, cancel := context.WithCancel(s.t.Context())
		if r.IntN(100) < stressGivingUp {
			ctx, cancel = context.WithTimeout(ctx, time.Duration(r.Int64N(int64(time.Second))))
		}
		result, err := s.destination.Process(ctx, s.eventOf(r, ev))
		cancel()
		s.count(err)
		switch {
		case err == nil:
			ev.note(result)
			return
		case !trengo.Retryable(err):
			s.t.Errorf("event %d failed for good: %v", ev.message, err)
			return
		}
		time.Sleep(20*time.Second + time.Duration(r.Int64N(int64(time.Minute))))
	}
	s.t.Errorf("event %d is stuck", ev.message)
}

func (s *stress) eventOf(r *rand.Rand, ev *stressEvent) *trengo.Event {
	person := s.people[ev.person]
	out := &trengo.Event{
		Type: "identify", MessageID: strconv.Itoa(ev.message),
		Traits: map[string]any{string(s.kind): spell(r, s.kind, person.key)},
	}
	if ev.track {
		out.Type, out.Event, out.Properties = "track", deskEvent, map[string]any{"id": strconv.Itoa(ev.message)}
		return out
	}
	out.Traits["name"] = fmt.Sprint(person.name, " ", ev.message%3)
	return out
}

func (s *stress) count(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliveries++
	if err != nil {
		s.failures++
	}
}

func (ev *stressEvent) note(result trengo.Result) {
	ev.mu.Lock()
	defer ev.mu.Unlock()
	ev.done++
	if !result.Duplicate {
		ev.firsthand++
	}
	ev.contacts[result.ContactID] = true
	if result.TicketID != 0 {
		ev.tickets[result.TicketID] = true
	}
}

// check compares what is at Trengo with what should be there.
func (s *stress) check() {
	contacts := s.checkContacts()
	tickets := map[int64]trengotest.Ticket{}
	for _, ticket := range s.srv.Tickets() {
		tickets[ticket.ID] = ticket
	}
	tracks := 0
	for _, ev := range s.events {
		if ev.done != 2 || ev.firsthand > 1 {
			s.t.Errorf("event %d was done %d times, of which %d as if for the first time", ev.message, ev.done, ev.firsthand)
		}
		for id := range ev.contacts {
			if contacts[id] != s.people[ev.person].key {
				s.t.Errorf("event %d went to somebody else's contact %d", ev.message, id)
			}
		}
		if ev.track {
			tracks++
		}
		s.checkTicket(ev, tickets, contacts)
	}
	if len(tickets) != 0 {
		s.t.Errorf("%d tickets that no event has", len(tickets))
	}
	s.t.Logf("%d people, %d track events, %d deliveries of which %d failed, %d requests",
		len(contacts), tracks, s.deliveries, s.failures, len(s.srv.Requests()))
}

// checkContacts returns the people's keys by the ids of their contacts.
func (s *stress) checkContacts() map[int64]string {
	keys, ids := map[int64]string{}, map[string]int64{}
	for _, contact := range s.srv.Contacts() {
		key := strings.ToLower(contact.Email)
		if s.kind == trengo.IdentifierPhone {
			key = strings.NewReplacer("+", "", " ", "").Replace(contact.Phone)
		}
		if other, twice := ids[key]; twice {
			s.t.Errorf("contacts %d and %d are the same person", other, contact.ID)
		}
		keys[contact.ID], ids[key] = key, contact.ID
	}
	return keys
}

// checkTicket looks for the event's ticket and takes it away.
func (s *stress) checkTicket(ev *stressEvent, tickets map[int64]trengotest.Ticket, contacts map[int64]string) {
	want := 0
	if ev.track {
		want = 1
	}
	if len(ev.tickets) != want {
		s.t.Errorf("event %d has the tickets %v", ev.message, ev.tickets)
	}
	for id := range ev.tickets {
		ticket, ok := tickets[id]
		if !ok {
			s.t.Errorf("the ticket %d of event %d is not there, or another event's", id, ev.message)
			continue
		}
		delete(tickets, id)
		if contacts[ticket.ContactID] != s.people[ev.person].key {
			s.t.Errorf("the ticket of event %d is somebody else's", ev.message)
		}
		if subject := fmt.Sprint(deskEvent, " ", ev.message); s.kind == trengo.IdentifierEmail && ticket.Subject != subject {
			s.t.Errorf("the ticket of event %d has the subject %q", ev.message, ticket.Subject)
		}
	}
}
