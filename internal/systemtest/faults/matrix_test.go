package faults

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// attemptTimeout is the client's timeout for an attempt.
const attemptTimeout = 30 * time.Second

// A matrixEvent is the event that is delivered.
type matrixEvent struct {
	name    string
	track   bool
	byPhone bool
	known   bool // the contact exists
}

var matrixEvents = []matrixEvent{
	{name: "identify new email"},
	{name: "identify new phone number", byPhone: true},
	{name: "identify existing contact", known: true},
	{name: "track of existing contact", track: true, known: true},
	{name: "track that creates the contact", track: true},
}

// A matrixFault is what fails.
type matrixFault struct {
	name        string
	fault       trengotest.Fault
	searchDelay time.Duration
}

var matrixFaults = []matrixFault{
	{name: "no connection", fault: trengotest.NoConnection()},
	{name: "lost before Trengo acted", fault: trengotest.LostBefore()},
	{name: "lost after Trengo acted", fault: trengotest.LostAfter()},
	{name: "429", fault: trengotest.TooManyRequests("20")},
	{name: "500", fault: trengotest.Respond(500, "application/json", `{"message":"Server Error"}`)},
	{name: "502 with HTML", fault: trengotest.RespondHTML(502)},
	{name: "truncated 200", fault: trengotest.Truncated()},
	{name: "response after the timeout", fault: trengotest.Slow(attemptTimeout + time.Second)},
	{name: "effect 45 s after the timeout", fault: trengotest.Late(attemptTimeout + 45*time.Second)},
	{name: "lost, and searches find a new contact only after 5 s", fault: trengotest.LostAfter(), searchDelay: 5 * time.Second},
}

// matrixBehaviors are the assumptions about Trengo, and each of them reversed.
var matrixBehaviors = []struct {
	name string
	set  func(*trengotest.Behavior)
}{
	{"as assumed", func(*trengotest.Behavior) {}},
	{"a created contact is a 201", func(b *trengotest.Behavior) { b.ContactCreatedStatus = 201 }},
	{"an existing contact is a 201", func(b *trengotest.Behavior) { b.ContactFoundStatus = 201 }},
	{"phone numbers match by their digits", func(b *trengotest.Behavior) { b.PhoneMatch = trengotest.PhoneMatchDigits }},
	{"phone numbers never match", func(b *trengotest.Behavior) { b.PhoneMatch = trengotest.PhoneMatchNever }},
	{"an existing contact is renamed", func(b *trengotest.Behavior) { b.OverwriteName = true }},
	{"searches are case sensitive", func(b *trengotest.Behavior) { b.CaseSensitiveSearch = true }},
}

// A matrixCase is one cell of the matrix.
type matrixCase struct {
	matrixEvent
	matrixFault
	behavior func(*trengotest.Behavior)
	request  int // which request of the event fails, from 1
	matrixOptions
}

// matrixOptions vary the cell.
type matrixOptions struct {
	outage      bool // all later requests of the delivery fail, too
	warm        bool // the process has opened a ticket before
	olderTicket bool
	otherEvent  bool // of the same person, between the two deliveries
}

// allOptions returns every combination of the options with -soak. Without it, it
// returns those in which every pair of options meets in all four ways.
func allOptions() []matrixOptions {
	var all []matrixOptions
	for _, bits := range combinedOptions() {
		all = append(all, matrixOptions{
			outage: bits&1 != 0, warm: bits&2 != 0, olderTicket: bits&4 != 0, otherEvent: bits&8 != 0,
		})
	}
	return all
}

// combinedOptions returns combinations of four options, as bits.
func combinedOptions() []int {
	if testkit.Soak() {
		return []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	}
	return []int{0b0000, 0b0111, 0b1011, 0b1101, 0b1110}
}

// someOptions returns two combinations in which each option is off and on.
func someOptions() []matrixOptions {
	return []matrixOptions{
		{outage: false, warm: true, olderTicket: true, otherEvent: false},
		{outage: true, warm: false, olderTicket: false, otherEvent: true},
	}
}

func (c matrixCase) String() string {
	b := &strings.Builder{}
	fmt.Fprintf(b, "%s, %s at request %d", c.matrixEvent.name, c.matrixFault.name, c.request)
	for _, option := range []struct {
		on   bool
		name string
	}{{c.outage, "outage"}, {c.warm, "warm"}, {c.olderTicket, "older ticket"}, {c.otherEvent, "another event between"}} {
		if option.on {
			b.WriteString(", " + option.name)
		}
	}
	return b.String()
}

// Without -soak, each reversed assumption meets two combinations of the options
// instead of five.
func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	for i, behavior := range matrixBehaviors {
		options := allOptions()
		if i > 0 && !testkit.Soak() {
			options = someOptions()
		}
		t.Run(behavior.name, func(t *testing.T) {
			t.Parallel()
			cells := 0
			for _, event := range matrixEvents {
				for _, fault := range matrixFaults {
					for _, option := range options {
						for request := 1; request <= 3; request++ {
							c := matrixCase{
								matrixEvent: event, matrixFault: fault, behavior: behavior.set,
								request: request, matrixOptions: option,
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

// A matrixRun is a cell while it runs.
type matrixRun struct {
	matrixCase
	t           *testing.T
	srv         *fixtures.Fixture
	destination *trengo.Destination
	lastTicket  int64 // the newest ticket before the event
}

func (c matrixCase) run(t *testing.T) {
	r := &matrixRun{matrixCase: c, t: t, srv: fixtures.New(t)}
	c.behavior(&r.srv.Behavior)
	r.srv.Behavior.SearchDelay = c.searchDelay
	cfg := trengo.DestinationConfig{
		EventTemplates:        map[string]string{fixtures.TrackEvent: "{{ event }}"},
		CreateMissingContacts: true,
	}
	if c.byPhone {
		cfg.ChannelIdentifier = trengo.IdentifierPhone
	}
	r.destination = r.srv.NewDestination(cfg, trengo.WithTimeout(attemptTimeout))
	r.prepare()

	first := r.processWithFault(r.event("message"))
	r.checkFirst(first)
	deliveries := []error{first}
	other := r.event("other message")
	if c.otherEvent {
		deliveries = append(deliveries, r.process(other))
	}
	time.Sleep(2 * time.Minute)
	r.checkReported(deliveries)

	if err := r.process(r.event("message")); err != nil {
		r.errorf("the redelivery failed: %v", err)
	}
	if c.otherEvent {
		if err := r.process(other); err != nil {
			r.errorf("the redelivery of the event between failed: %v", err)
		}
	}
	r.checkEnd(len(deliveries))
}

func (r *matrixRun) errorf(format string, args ...any) {
	r.t.Helper()
	r.t.Errorf("%s: %s", r.matrixCase, fmt.Sprintf(format, args...))
}

// prepare creates what exists before the event.
func (r *matrixRun) prepare() {
	contact := trengotest.Contact{Name: "Somebody", Email: "somebody@example.com", ChannelIDs: []int64{fixtures.EmailChannel}}
	if r.known {
		contact.Name, contact.Email = "Before", "ann@example.com"
	}
	contact = r.srv.AddContact(contact)
	if r.olderTicket {
		r.lastTicket = r.srv.AddTicket(trengotest.Ticket{
			ContactID: contact.ID, ChannelID: fixtures.EmailChannel, Subject: fixtures.TrackEvent,
		}).ID
	}
	if !r.warm {
		return
	}
	events := []*trengo.Event{{
		Type: "track", MessageID: "warm up", Event: fixtures.TrackEvent,
		Properties: map[string]any{"email": "warm@example.com", "phone": "+31600000099"},
	}}
	if r.known {
		events = append(events, &trengo.Event{
			Type: "identify", MessageID: "warm up, too", Traits: map[string]any{"email": "ann@example.com"},
		})
	}
	for _, ev := range events {
		if err := r.process(ev); err != nil {
			r.t.Fatal(err)
		}
	}
	for _, ticket := range r.srv.Tickets() {
		r.lastTicket = max(r.lastTicket, ticket.ID)
	}
}

func (r *matrixRun) event(messageID string) *trengo.Event {
	ev := &trengo.Event{
		Type: "identify", MessageID: messageID,
		Traits: map[string]any{"email": "Ann@Example.com", "phone": "+31 6 00000042", "name": "Ann"},
	}
	if r.track {
		ev.Type, ev.Event = "track", fixtures.TrackEvent
	}
	return ev
}

func (r *matrixRun) processWithFault(ev *trengo.Event) error {
	requests := 0
	r.srv.InjectFunc(func(trengotest.Request) trengotest.Fault {
		requests++
		if requests == r.request || r.outage && requests > r.request {
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

// checkFirst looks at Trengo after the first delivery.
func (r *matrixRun) checkFirst(err error) {
	r.t.Helper()
	if n := len(r.contacts()); n > 1 {
		r.errorf("%d contacts of one person after the first delivery", n)
	}
	if err == nil && !r.hasEffect(1) {
		r.errorf("no effect after the first delivery, which succeeded")
	}
}

// checkReported fails if Trengo has an effect that the deliveries neither
// reported nor left open as an unknown outcome.
func (r *matrixRun) checkReported(deliveries []error) {
	r.t.Helper()
	reported := 0
	for _, err := range deliveries {
		if err == nil || errors.Is(err, trengo.ErrOutcomeUnknown) {
			reported++
		}
	}
	if r.track && len(r.tickets()) > reported {
		r.errorf("%d tickets before the redelivery, of which %d were reported: %v", len(r.tickets()), reported, deliveries)
	}
	if !r.track && reported == 0 && r.hasEffect(1) {
		r.errorf("an effect before the redelivery that was not reported: %v", deliveries)
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

// hasEffect reports whether the effect of the event exists: as many tickets as
// messages, or the contact with the name.
func (r *matrixRun) hasEffect(messages int) bool {
	if r.track {
		return len(r.tickets()) == messages
	}
	contacts := r.contacts()
	return len(contacts) == 1 && contacts[0].Name == "Ann"
}

// contacts returns the contacts of the person.
func (r *matrixRun) contacts() (contacts []trengotest.Contact) {
	for _, contact := range r.srv.Contacts() {
		if strings.EqualFold(contact.Email, "ann@example.com") || strings.HasSuffix(contact.Phone, "600000042") {
			contacts = append(contacts, contact)
		}
	}
	return contacts
}

// tickets returns the new tickets of the person.
func (r *matrixRun) tickets() (tickets []trengotest.Ticket) {
	for _, ticket := range r.srv.Tickets() {
		for _, contact := range r.contacts() {
			if ticket.ContactID == contact.ID && ticket.ID > r.lastTicket {
				tickets = append(tickets, ticket)
			}
		}
	}
	return tickets
}
