package faults

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
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// The stress test delivers the events of a shop twice, 64 at a time, while one
// request in a hundred fails.
const (
	stressEvents        = 10_000
	stressPeople        = 1_000
	stressScale         = 5 // events and people are divided by it without -soak
	stressGoroutines    = 64
	stressIdentify      = 20 // percent of the events
	stressFaults        = 1  // percent of the requests
	stressCanceled      = 1  // percent of the deliveries
	stressMaxDeliveries = 60 // of an event until it counts as stuck
)

func TestStress(t *testing.T) {
	t.Parallel()
	for seed, kind := range map[uint64]trengo.ChannelIdentifier{
		1: trengo.IdentifierEmail,
		2: trengo.IdentifierEmail,
		3: trengo.IdentifierPhone,
		4: trengo.IdentifierPhone,
	} {
		t.Run(fmt.Sprintf("%s, seed %d", kind, seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { newStress(t, seed, kind).run() })
		})
	}
}

// A stressPerson has an identifier that is a part of other people's.
type stressPerson struct {
	key  string // the email, or the digits of the phone number
	name string
}

// newStressPeople returns people whom searches for others find, too: their
// emails and phone numbers contain each other, and some are called like
// another's email.
func newStressPeople(kind trengo.ChannelIdentifier, n int) []stressPerson {
	emails := []string{"ann%d@example.com", "joann%d@example.com", "ann%d@example.com.au", "ann%d+shop@example.com"}
	phones := []string{"3161000%04d", "3161000%04d7", "43161000%04d", "93161000%04d70"}
	people := make([]stressPerson, n)
	for i := range people {
		form := emails[i%len(emails)]
		if kind == trengo.IdentifierPhone {
			form = phones[i%len(phones)]
		}
		people[i].key = fmt.Sprintf(form, i/len(emails))
		people[i].name = fmt.Sprintf(form, (i+1)/len(emails))
	}
	return people
}

// A stressEvent is an event and what its deliveries reported.
type stressEvent struct {
	person, message int
	track           bool

	mu        sync.Mutex
	succeeded int // deliveries
	first     int // of them, those that were not duplicates
	tickets   map[int64]bool
	contacts  map[int64]bool
}

type stress struct {
	t           *testing.T
	seed        uint64
	kind        trengo.ChannelIdentifier
	srv         *fixtures.Fixture
	destination *trengo.Destination
	people      []stressPerson
	events      []*stressEvent

	mu         sync.Mutex
	deliveries int
	failures   int
}

func newStress(t *testing.T, seed uint64, kind trengo.ChannelIdentifier) *stress {
	t.Helper()
	events, people := stressEvents, stressPeople
	if !testkit.Soak() {
		events, people = events/stressScale, people/stressScale
	}
	s := &stress{t: t, seed: seed, kind: kind, srv: fixtures.New(t), people: newStressPeople(kind, people)}
	s.srv.SetRateLimit(fixtures.Unlimited)
	s.srv.Behavior.Latency = 150 * time.Millisecond
	s.srv.Behavior.PhoneMatch = trengotest.PhoneMatchNever // so that Trengo prevents no duplicates
	s.srv.Behavior.SearchDelay = time.Duration(seed%2) * 5 * time.Second
	s.destination = s.srv.NewDestination(
		trengo.DestinationConfig{ChannelIdentifier: kind, CreateMissingContacts: true},
		trengo.WithRateLimit(fixtures.Unlimited), trengo.WithTimeout(attemptTimeout))

	r := rand.New(rand.NewPCG(seed, 0))
	for _, person := range s.people {
		if r.IntN(4) > 0 {
			continue
		}
		contact := trengotest.Contact{Email: person.key, ChannelIDs: []int64{fixtures.EmailChannel}}
		if kind == trengo.IdentifierPhone {
			phone := "+" + person.key[:4] + " " + person.key[4:]
			contact = trengotest.Contact{Phone: phone, ChannelIDs: []int64{fixtures.PhoneChannel}}
		}
		s.srv.AddContact(contact)
	}
	active := rand.NewZipf(r, 1.1, 8, uint64(people-1))
	for i := range events {
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
	time.Sleep(10 * time.Minute) // until late requests have taken effect
	s.check()
}

// twice returns each event two times, at random places. Every tenth comes two
// times in a row, so that its deliveries overlap.
func twice(r *rand.Rand, events []*stressEvent) []*stressEvent {
	shuffled := append(slices.Clone(events), events...)
	r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	var all []*stressEvent
	seen := map[*stressEvent]int{}
	for _, ev := range shuffled {
		seen[ev]++
		switch overlap := ev.message%10 == 0; {
		case overlap && seen[ev] == 1:
			all = append(all, ev, ev)
		case !overlap:
			all = append(all, ev)
		}
	}
	return all
}

// fault depends on the number of the request, so that a seed means the same
// whichever goroutine is faster.
func (s *stress) fault(request trengotest.Request) trengotest.Fault {
	r := rand.New(rand.NewPCG(s.seed, uint64(request.Seq)<<32))
	if r.IntN(100) >= stressFaults {
		return trengotest.Fault{}
	}
	fault := matrixFaults[r.IntN(len(matrixFaults))].fault
	if fault == trengotest.Late(attemptTimeout+45*time.Second) {
		// Some deliveries are canceled before the timeout. More than a minute
		// later, an effect must no longer be possible.
		return trengotest.Late(45 * time.Second)
	}
	return fault
}

// deliverUntilDone delivers an event until it succeeds.
func (s *stress) deliverUntilDone(r *rand.Rand, ev *stressEvent) {
	for range stressMaxDeliveries {
		time.Sleep(time.Duration(r.Int64N(int64(100 * time.Millisecond))))
		ctx, cancel := context.WithCancel(s.t.Context())
		if r.IntN(100) < stressCanceled {
			ctx, cancel = context.WithTimeout(ctx, time.Duration(r.Int64N(int64(time.Second))))
		}
		result, err := s.destination.Process(ctx, s.event(r, ev))
		cancel()
		s.count(err)
		switch {
		case err == nil:
			ev.note(result)
			return
		case !trengo.Retryable(err):
			s.t.Errorf("event %d failed permanently: %v", ev.message, err)
			return
		}
		time.Sleep(20*time.Second + time.Duration(r.Int64N(int64(time.Minute))))
	}
	s.t.Errorf("event %d did not succeed in %d deliveries", ev.message, stressMaxDeliveries)
}

func (s *stress) event(r *rand.Rand, ev *stressEvent) *trengo.Event {
	person := s.people[ev.person]
	message := strconv.Itoa(ev.message)
	traits := map[string]any{string(s.kind): fixtures.Spell(r, s.kind, person.key)}
	if ev.track {
		return &trengo.Event{
			Type: "track", MessageID: message, Event: fixtures.TrackEvent,
			Traits: traits, Properties: map[string]any{"id": message},
		}
	}
	traits["name"] = fmt.Sprint(person.name, " ", ev.message%3)
	return &trengo.Event{Type: "identify", MessageID: message, Traits: traits}
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
	ev.succeeded++
	if !result.Duplicate {
		ev.first++
	}
	ev.contacts[result.ContactID] = true
	if result.TicketID != 0 {
		ev.tickets[result.TicketID] = true
	}
}

// check compares the contacts and tickets at Trengo with those that the events
// ask for.
func (s *stress) check() {
	contacts := s.checkContacts()
	tickets := map[int64]trengotest.Ticket{}
	for _, ticket := range s.srv.Tickets() {
		tickets[ticket.ID] = ticket
	}
	tracks := 0
	for _, ev := range s.events {
		if ev.succeeded != 2 || ev.first > 1 {
			s.t.Errorf("event %d succeeded %d times, of which %d were not duplicates", ev.message, ev.succeeded, ev.first)
		}
		for id := range ev.contacts {
			if contacts[id] != s.people[ev.person].key {
				s.t.Errorf("event %d went to another person's contact %d", ev.message, id)
			}
		}
		if ev.track {
			tracks++
		}
		s.checkTicket(ev, tickets, contacts)
	}
	if len(tickets) != 0 {
		s.t.Errorf("%d tickets do not belong to an event", len(tickets))
	}
	s.t.Logf("%d people, %d track events, %d deliveries of which %d failed, %d requests",
		len(contacts), tracks, s.deliveries, s.failures, len(s.srv.Requests()))
}

// checkContacts returns the people's keys by the IDs of their contacts.
func (s *stress) checkContacts() map[int64]string {
	keys, ids := map[int64]string{}, map[string]int64{}
	for _, contact := range s.srv.Contacts() {
		key := strings.ToLower(contact.Email)
		if s.kind == trengo.IdentifierPhone {
			key = strings.NewReplacer("+", "", " ", "").Replace(contact.Phone)
		}
		if other, exists := ids[key]; exists {
			s.t.Errorf("contacts %d and %d are the same person", other, contact.ID)
		}
		keys[contact.ID], ids[key] = key, contact.ID
	}
	return keys
}

// checkTicket checks the event's ticket and removes it from tickets.
func (s *stress) checkTicket(ev *stressEvent, tickets map[int64]trengotest.Ticket, contacts map[int64]string) {
	want := 0
	if ev.track {
		want = 1
	}
	if len(ev.tickets) != want {
		s.t.Errorf("event %d has the tickets %v, want %d", ev.message, ev.tickets, want)
	}
	for id := range ev.tickets {
		ticket, ok := tickets[id]
		if !ok {
			s.t.Errorf("ticket %d of event %d does not exist or belongs to another event", id, ev.message)
			continue
		}
		delete(tickets, id)
		if contacts[ticket.ContactID] != s.people[ev.person].key {
			s.t.Errorf("the ticket of event %d belongs to another person", ev.message)
		}
		subject := fmt.Sprint(fixtures.TrackEvent, " ", ev.message)
		if s.kind == trengo.IdentifierEmail && ticket.Subject != subject {
			s.t.Errorf("the ticket of event %d has the subject %q", ev.message, ticket.Subject)
		}
	}
}
