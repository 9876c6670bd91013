package soak

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

const (
	soakPeople      = 400
	soakPerMinute   = 55 // events, on average
	soakIdentify    = 30 // percent of the events
	soakFaults      = 2  // percent of the requests
	soakImpatient   = 2  // percent of the requests of senders, which give up early
	soakMaxDuration = 2 * time.Hour
	attemptTimeout  = 5 * time.Second
	latestEffect    = 50 * time.Second // after which a request takes effect although its sender is gone
)

func TestSoak(t *testing.T) {
	t.Parallel()
	seeds, length := 8, 6*time.Hour
	if !testkit.Soak() {
		seeds, length = 2, 30*time.Minute
	}
	for seed := range seeds {
		kind := trengo.IdentifierEmail
		if seed%2 == 1 {
			kind = trengo.IdentifierPhone
		}
		t.Run(fmt.Sprintf("%s, seed %d", kind, seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { newSoak(t, uint64(seed), kind, length).run() })
		})
	}
}

// A soak is one process, its senders, Trengo and the agents who work there.
type soak struct {
	t           *testing.T
	seed        uint64
	kind        trengo.ChannelIdentifier
	length      time.Duration
	srv         *fixtures.Fixture
	destination *trengo.Destination
	handler     http.Handler

	people []string // their emails or the digits of their phone numbers
	events []*event
	ready  chan *event // to be delivered now
	open   sync.WaitGroup
	agents agents

	mu         sync.Mutex
	deliveries map[string]int
}

// An event is what a sender wants to have done, once.
type event struct {
	number, person int
	track          bool
	at             time.Duration // since the start

	mu        sync.Mutex
	attempts  int
	processed int // deliveries that were not duplicates
	took      time.Duration
	contact   int64
	ticket    int64
}

func newSoak(t *testing.T, seed uint64, kind trengo.ChannelIdentifier, length time.Duration) *soak {
	t.Helper()
	s := &soak{t: t, seed: seed, kind: kind, length: length, srv: fixtures.New(t), deliveries: map[string]int{}}
	s.srv.SetTokens(trengotest.Token, agentToken)
	s.srv.Behavior.Latency = 200 * time.Millisecond
	s.srv.Behavior.PhoneMatch = trengotest.PhoneMatchNever // so that Trengo prevents no duplicates
	s.srv.Behavior.SearchDelay = time.Duration(seed/2%2) * 5 * time.Second
	s.srv.InjectFunc(s.fault)
	s.agents = agents{soak: s, counts: map[string]int{}, removed: map[int64]string{}, gone: map[int64]bool{}, inbound: map[int64]bool{}}
	client := s.srv.NewClient(trengo.WithTimeout(attemptTimeout))
	s.destination = fixtures.NewDestination(t, client, trengo.DestinationConfig{ChannelIdentifier: kind, CreateMissingContacts: true})
	s.handler = fixtures.NewHandler(t, s.destination, trengo.HandlerConfig{
		AllowUnauthenticated: true, DelayRateLimited: seed%4 < 2,
		OnOutcome: func(outcome trengo.Outcome, _ int) { s.note(outcome) },
	})
	s.addPeople()
	s.addEvents()
	return s
}

// addPeople adds people whom searches for others find, too: their emails and
// phone numbers contain each other. A quarter of them have a contact.
func (s *soak) addPeople() {
	forms := []string{"ann%d@example.com", "joann%d@example.com", "ann%d@example.com.au", "ann%d+shop@example.com"}
	if s.kind == trengo.IdentifierPhone {
		forms = []string{"3161000%04d", "3161000%04d7", "43161000%04d", "93161000%04d70"}
	}
	r := rand.New(rand.NewPCG(s.seed, 0))
	for i := range soakPeople {
		key := fmt.Sprintf(forms[i%len(forms)], i/len(forms))
		s.people = append(s.people, key)
		if r.IntN(4) > 0 {
			continue
		}
		contact := trengotest.Contact{Email: key, ChannelIDs: []int64{fixtures.EmailChannel}}
		if s.kind == trengo.IdentifierPhone {
			contact = trengotest.Contact{Phone: "+" + key[:4] + " " + key[4:], ChannelIDs: []int64{fixtures.PhoneChannel}}
		}
		s.srv.AddContact(contact)
	}
}

// addEvents adds events at random times, some of them in bursts of one person.
func (s *soak) addEvents() {
	r := rand.New(rand.NewPCG(s.seed, 1))
	active := rand.NewZipf(r, 1.2, 8, soakPeople-1)
	for total := int(s.length.Minutes()) * soakPerMinute; len(s.events) < total; {
		at, person := time.Duration(r.Int64N(int64(s.length))), int(active.Uint64())
		burst := 1
		if r.IntN(20) == 0 {
			burst += r.IntN(10)
		}
		for range burst {
			s.events = append(s.events, &event{
				person: person, track: r.IntN(100) >= soakIdentify, at: at,
			})
		}
	}
	slices.SortStableFunc(s.events, func(a, b *event) int { return int(a.at - b.at) })
	for i, ev := range s.events {
		ev.number = i
	}
}

// fault depends on the number of the request, so that a seed means the same
// whichever goroutine is faster. Trengo is down for ten minutes of every two hours.
func (s *soak) fault(request trengotest.Request) trengotest.Fault {
	if request.Header.Get("Authorization") == "Bearer "+agentToken {
		return trengotest.Fault{}
	}
	if request.Time.Sub(s.agents.began)%(2*time.Hour) > 110*time.Minute {
		return trengotest.RespondHTML(http.StatusServiceUnavailable)
	}
	r := rand.New(rand.NewPCG(s.seed, uint64(request.Seq)<<32))
	if r.IntN(100) >= soakFaults {
		return trengotest.Fault{}
	}
	if request.Method == http.MethodPost && request.Path == "/tickets" && r.IntN(3) == 0 {
		s.agents.writeInAbout(r, request.Body)
	}
	return faults[r.IntN(len(faults))]
}

var faults = []trengotest.Fault{
	trengotest.NoConnection(),
	trengotest.LostBefore(),
	trengotest.LostAfter(),
	trengotest.TooManyRequests("20"),
	trengotest.Respond(http.StatusInternalServerError, "application/json", `{"message":"Server Error"}`),
	trengotest.RespondHTML(http.StatusBadGateway),
	trengotest.Truncated(),
	trengotest.Slow(attemptTimeout + time.Second),
	trengotest.Late(latestEffect),
}

func (s *soak) run() {
	s.agents.began = time.Now()
	s.ready = make(chan *event, len(s.events))
	s.open.Add(len(s.events))
	for _, ev := range s.events {
		time.AfterFunc(ev.at, func() { s.ready <- ev })
	}
	stopAgents := make(chan struct{})
	var senders, others sync.WaitGroup
	others.Go(func() { s.agents.work(stopAgents) })
	for i := range uint64(3) {
		senders.Go(func() { s.sendSingly(rand.New(rand.NewPCG(s.seed, 100+i))) })
	}
	for i := range uint64(2) {
		senders.Go(func() { s.sendArrays(rand.New(rand.NewPCG(s.seed, 200+i))) })
	}
	senders.Go(func() { s.stream(rand.New(rand.NewPCG(s.seed, 300))) })
	s.open.Wait()
	close(stopAgents)
	close(s.ready)
	senders.Wait()
	others.Wait()
	time.Sleep(10 * time.Minute) // until late requests have taken effect
	s.check()
}

func (s *soak) json(r *rand.Rand, ev *event) string { return fixtures.EventJSON(s.t, s.event(r, ev)) }

// event returns the event as a sender spells it this time.
func (s *soak) event(r *rand.Rand, ev *event) *trengo.Event {
	key, message := s.people[ev.person], strconv.Itoa(ev.number)
	traits := map[string]any{string(s.kind): fixtures.Spell(r, s.kind, key)}
	if ev.track {
		return &trengo.Event{
			Type: "track", MessageID: message, Event: fixtures.TrackEvent,
			Traits: traits, Properties: map[string]any{"id": message},
		}
	}
	traits["name"] = fmt.Sprint("Customer ", key, " ", ev.number%3)
	return &trengo.Event{Type: "identify", MessageID: message, Traits: traits}
}

// end records a delivery that ended. An event that is not done comes again.
func (s *soak) end(r *rand.Rand, ev *event, way string, done bool) {
	s.mu.Lock()
	s.deliveries[fmt.Sprintf("%s, done: %t", way, done)]++
	s.mu.Unlock()
	ev.mu.Lock()
	defer ev.mu.Unlock()
	age := time.Since(s.agents.began.Add(ev.at))
	ev.attempts++
	switch {
	case done:
		ev.took = age
		s.open.Done()
	case age > 2*soakMaxDuration:
		s.t.Errorf("event %d is not done after %s and %d attempts", ev.number, age, ev.attempts)
		s.open.Done()
	default:
		time.AfterFunc(20*time.Second+time.Duration(r.Int64N(int64(time.Minute))), func() { s.ready <- ev })
	}
}

// note records what the process reports of an event.
func (s *soak) note(outcome trengo.Outcome) {
	number, err := strconv.Atoi(outcome.Event.MessageID)
	if err != nil {
		s.t.Errorf("outcome of an unknown event: %v", err)
		return
	}
	ev, result := s.events[number], outcome.Result
	if outcome.Err != nil {
		if !trengo.Retryable(outcome.Err) {
			s.t.Errorf("event %d failed permanently: %v", ev.number, outcome.Err)
		}
		return
	}
	ev.mu.Lock()
	defer ev.mu.Unlock()
	if !result.Duplicate {
		ev.processed++
	}
	if ev.contact == 0 {
		ev.contact = result.ContactID
	}
	switch {
	case ev.ticket == 0:
		ev.ticket = result.TicketID
	case ev.ticket != result.TicketID:
		s.t.Errorf("event %d has the tickets %d and %d", ev.number, ev.ticket, result.TicketID)
	}
	if result.TicketID != 0 {
		s.agents.learn(result.TicketID, result.ContactID)
	}
}
