package trengo_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// The fault matrix delivers an event to a Trengo at which something goes
// wrong, and once more two minutes later, when it is well again.
const (
	matrixEmailChannel = 405980
	matrixPhoneChannel = 406001
	matrixSubject      = "Order Completed"
	matrixTimeout      = 30 * time.Second
)

// A matrixEvent is the event that is delivered.
type matrixEvent struct {
	name    string
	track   bool
	byPhone bool
	known   bool // the contact exists
}

var matrixEvents = []matrixEvent{
	{name: "identify new e-mail"},
	{name: "identify new phone", byPhone: true},
	{name: "identify existing", known: true},
	{name: "track known", track: true, known: true},
	{name: "track unknown with creation on", track: true},
}

// A matrixFault is what goes wrong.
type matrixFault struct {
	name        string
	fault       trengotest.Fault
	searchDelay time.Duration
}

var matrixFaults = []matrixFault{
	{name: "no connection", fault: trengotest.NoConnection()},
	{name: "lost before the server acted", fault: trengotest.LostBefore()},
	{name: "lost after it acted", fault: trengotest.LostAfter()},
	{name: "429", fault: trengotest.TooManyRequests("20")},
	{name: "500", fault: trengotest.Respond(500, "application/json", `{"message":"Server Error"}`)},
	{name: "502 HTML", fault: trengotest.RespondHTML(502)},
	{name: "truncated 200", fault: trengotest.Truncated()},
	{name: "slow past the timeout", fault: trengotest.Slow(matrixTimeout + time.Second)},
	{name: "acted on 45 s after we gave up", fault: trengotest.Late(matrixTimeout + 45*time.Second)},
	{name: "a search that shows a new contact only after 5 s", fault: trengotest.LostAfter(), searchDelay: 5 * time.Second},
}

// matrixGuesses are what is guessed of Trengo, each turned the other way.
var matrixGuesses = []struct {
	name string
	set  func(*trengotest.Behavior)
}{
	{"as guessed", func(*trengotest.Behavior) {}},
	{"created is 201", func(b *trengotest.Behavior) { b.ContactCreatedStatus = 201 }},
	{"found is 201", func(b *trengotest.Behavior) { b.ContactFoundStatus = 201 }},
	{"phones are found by their digits", func(b *trengotest.Behavior) { b.PhoneMatch = trengotest.PhoneMatchDigits }},
	{"phones are never found", func(b *trengotest.Behavior) { b.PhoneMatch = trengotest.PhoneMatchNever }},
	{"a found contact is renamed", func(b *trengotest.Behavior) { b.OverwriteName = true }},
	{"search minds the case", func(b *trengotest.Behavior) { b.CaseSensitiveSearch = true }},
}

// A matrixCase is one cell of the matrix.
type matrixCase struct {
	matrixEvent
	matrixFault
	guess       func(*trengotest.Behavior)
	request     int  // which request of the event goes wrong, from 1
	untilHealed bool // and all after it
	warm        bool
	olderTicket bool
	between     bool // another event of the same person comes in between
}

func (c matrixCase) String() string {
	b := &strings.Builder{}
	fmt.Fprintf(b, "%s, %s at request %d", c.matrixEvent.name, c.matrixFault.name, c.request)
	for _, word := range []struct {
		on   bool
		text string
	}{{c.untilHealed, "until healed"}, {c.warm, "warm"}, {c.olderTicket, "older ticket"}, {c.between, "another event between"}} {
		if word.on {
			b.WriteString(", " + word.text)
		}
	}
	return b.String()
}

func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	for _, guess := range matrixGuesses {
		t.Run(guess.name, func(t *testing.T) {
			t.Parallel()
			cells := 0
			for _, event := range matrixEvents {
				for _, fault := range matrixFaults {
					for options := range 1 << 4 {
						for request := 1; request <= 3; request++ {
							c := matrixCase{
								matrixEvent: event, matrixFault: fault, guess: guess.set, request: request,
								untilHealed: options&1 != 0, warm: options&2 != 0, olderTicket: options&4 != 0, between: options&8 != 0,
							}
							cells++
							synctest.Test(t, c.run)
						}
					}
				}
			}
			t.Logf("%d cells", cells)
		})
	}
}

// A matrixRun is a cell at work.
type matrixRun struct {
	matrixCase
	t           *testing.T
	srv         *trengotest.Server
	destination *trengo.Destination
	older       int64 // the newest ticket before
}

func (c matrixCase) run(t *testing.T) {
	r := &matrixRun{matrixCase: c, t: t, srv: trengotest.New()}
	c.guess(&r.srv.Behavior)
	r.srv.Behavior.SearchDelay = c.searchDelay
	r.srv.AddChannel(trengotest.Channel{ID: matrixEmailChannel, Type: "EMAIL"})
	r.srv.AddChannel(trengotest.Channel{ID: matrixPhoneChannel, Type: "WA_BUSINESS"})
	r.destination = r.newDestination()
	r.before()

	first := r.deliver(r.event("message"))
	r.check("the first delivery", first)
	other := r.event("message in between")
	var between error
	if c.between {
		between = r.process(other)
	}
	time.Sleep(2 * time.Minute)
	r.checkHidden("before the redelivery", first, between)

	if err := r.process(r.event("message")); err != nil {
		r.errorf("the redelivery failed: %v", err)
	}
	messages := 1
	if c.between {
		messages++
		if err := r.process(other); err != nil {
			r.errorf("the event in between failed in the end: %v", err)
		}
	}
	r.checkEnd(messages)
}

func (r *matrixRun) errorf(format string, args ...any) {
	r.t.Helper()
	r.t.Errorf("%s: %s", r.matrixCase, fmt.Sprintf(format, args...))
}

func (r *matrixRun) newDestination() *trengo.Destination {
	cfg := trengo.DestinationConfig{
		ChannelID:             matrixEmailChannel,
		EventTemplates:        map[string]string{matrixSubject: "{{ event }}"},
		CreateMissingContacts: true,
	}
	if r.byPhone {
		cfg.ChannelID, cfg.ChannelIdentifier = matrixPhoneChannel, trengo.IdentifierPhone
	}
	client := newClient(r.t, r.srv, trengo.WithTimeout(matrixTimeout))
	destination, err := trengo.NewDestination(client, cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	return destination
}

// before brings about what is there before the event.
func (r *matrixRun) before() {
	contact := trengotest.Contact{Name: "Somebody", Email: "somebody@example.com", ChannelIDs: []int64{matrixEmailChannel}}
	if r.known {
		contact = trengotest.Contact{Name: "Before", Email: "ann@example.com", ChannelIDs: []int64{matrixEmailChannel}}
	}
	contact = r.srv.AddContact(contact)
	if r.olderTicket {
		r.older = r.srv.AddTicket(trengotest.Ticket{ContactID: contact.ID, ChannelID: matrixEmailChannel, Subject: matrixSubject}).ID
	}
	if !r.warm {
		return
	}
	warmUp := []*trengo.Event{{
		Type: "track", MessageID: "warm up", Event: matrixSubject,
		Properties: map[string]any{"email": "warm@example.com", "phone": "+31600000099"},
	}}
	if r.known {
		warmUp = append(warmUp, &trengo.Event{Type: "identify", MessageID: "warm up too", Traits: map[string]any{"email": "ann@example.com"}})
	}
	for _, ev := range warmUp {
		if err := r.process(ev); err != nil {
			r.t.Fatal(err)
		}
	}
	for _, ticket := range r.srv.Tickets() {
		r.older = max(r.older, ticket.ID)
	}
}

func (r *matrixRun) event(messageID string) *trengo.Event {
	person := map[string]any{"email": "Ann@Example.com", "phone": "+31 6 00000042", "name": "Ann"}
	ev := &trengo.Event{Type: "identify", MessageID: messageID, Traits: person}
	if r.track {
		ev.Type, ev.Event = "track", matrixSubject
	}
	return ev
}

// deliver processes the event while things go wrong.
func (r *matrixRun) deliver(ev *trengo.Event) error {
	requests := 0
	r.srv.InjectFunc(func(trengotest.Request) trengotest.Fault {
		requests++
		if requests == r.request || r.untilHealed && requests > r.request {
			return r.fault
		}
		return trengotest.Fault{}
	})
	defer r.srv.InjectFunc(nil)
	return r.process(ev)
}

func (r *matrixRun) process(ev *trengo.Event) error {
	_, err := r.destination.Process(r.t.Context(), ev)
	return err
}

func (r *matrixRun) check(when string, err error) {
	r.t.Helper()
	if n := len(r.contacts()); n > 1 {
		r.errorf("%d contacts of one person after %s", n, when)
	}
	if err == nil && !r.hasEffect(1) {
		r.errorf("no effect after %s, which succeeded", when)
	}
}

// checkHidden looks whether there are more effects than were told of, or may
// be behind an unknown outcome.
func (r *matrixRun) checkHidden(when string, deliveries ...error) {
	r.t.Helper()
	told := 0
	for i, err := range deliveries {
		if i > 0 && !r.between {
			continue
		}
		if err == nil || errors.Is(err, trengo.ErrOutcomeUnknown) {
			told++
		}
	}
	if r.track && len(r.tickets()) > told {
		r.errorf("%d tickets %s, of which %d were told of: %v", len(r.tickets()), when, told, deliveries)
	}
	if !r.track && told == 0 && r.hasEffect(1) {
		r.errorf("an effect %s that nobody was told of: %v", when, deliveries)
	}
}

func (r *matrixRun) checkEnd(messages int) {
	r.t.Helper()
	if n := len(r.contacts()); n != 1 {
		r.errorf("%d contacts of one person in the end", n)
	}
	if !r.hasEffect(messages) {
		r.errorf("%d tickets for %d messages in the end; contacts %+v", len(r.tickets()), messages, r.contacts())
	}
}

// hasEffect reports whether the event's effect is there: as many tickets as
// messages, or the contact with the name.
func (r *matrixRun) hasEffect(messages int) bool {
	if r.track {
		return len(r.tickets()) == messages
	}
	contacts := r.contacts()
	return len(contacts) == 1 && contacts[0].Name == "Ann"
}

func (r *matrixRun) contacts() (contacts []trengotest.Contact) {
	for _, contact := range r.srv.Contacts() {
		if strings.EqualFold(contact.Email, "ann@example.com") || strings.HasSuffix(contact.Phone, "600000042") {
			contacts = append(contacts, contact)
		}
	}
	return contacts
}

// tickets are the new tickets of the person.
func (r *matrixRun) tickets() (tickets []trengotest.Ticket) {
	for _, ticket := range r.srv.Tickets() {
		for _, contact := range r.contacts() {
			if ticket.ContactID == contact.ID && ticket.ID > r.older {
				tickets = append(tickets, ticket)
			}
		}
	}
	return tickets
}
