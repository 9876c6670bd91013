package testkit

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// An EventCase is one event, the Trengo that it meets and what must come of it.
type EventCase struct {
	Name     string
	Config   trengo.DestinationConfig // as [Fixture.NewWarmDestination] completes it
	Contacts []trengotest.Contact
	SetUp    func(*Fixture)
	Event    string // JSON

	Want       trengo.Result
	Err        error
	ContactIDs []int64  // in an Err of type [*trengo.AmbiguousContactError]
	Requests   []string // in the form of [RequestLine]

	// Unplannable means that the response to a write decides what comes next,
	// so no plan can know it.
	Unplannable bool
}

// RunEventCases runs the cases, each with the given contacts and its own. It
// checks Process, and that Plan foretells what Process does.
func RunEventCases(t *testing.T, cases []EventCase, contacts ...trengotest.Contact) {
	t.Helper()
	for _, c := range cases {
		c.Contacts = append(slices.Clone(contacts), c.Contacts...)
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			c.checkProcess(t)
			if !c.Unplannable {
				c.checkPlan(t)
			}
		})
	}
}

func (c *EventCase) fixture(t *testing.T) *Fixture {
	t.Helper()
	f := New(t, c.Contacts...)
	if c.SetUp != nil {
		c.SetUp(f)
	}
	return f
}

func (c *EventCase) checkProcess(t *testing.T) {
	t.Helper()
	f := c.fixture(t)
	ev := ParseEvent(t, c.Event)
	got, err := f.NewWarmDestination(c.Config).Process(t.Context(), ev)
	c.checkError(t, err)
	if diff := cmp.Diff(c.Want, got); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(c.Requests, f.RequestLines()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(ParseEvent(t, c.Event), ev); diff != "" {
		t.Errorf("the event was changed (-want +got):\n%s", diff)
	}
	CheckPrivate(t, err, ev, c.Contacts)
}

func (c *EventCase) checkError(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, c.Err) {
		t.Errorf("error is %v, want %v", err, c.Err)
	}
	var ids []int64
	var ambiguous *trengo.AmbiguousContactError
	if errors.As(err, &ambiguous) {
		ids = ambiguous.ContactIDs
	}
	if diff := cmp.Diff(c.ContactIDs, ids); diff != "" {
		t.Errorf("contacts in the error (-want +got):\n%s", diff)
	}
}

// checkPlan plans the event for a Trengo of its own. IDs that only a write can
// give are zero in a plan.
func (c *EventCase) checkPlan(t *testing.T) {
	t.Helper()
	f := c.fixture(t)
	plan, err := f.NewWarmDestination(c.Config).Plan(t.Context(), ParseEvent(t, c.Event))
	c.checkError(t, err)
	var reads, writes []string
	for _, line := range c.Requests {
		if strings.HasPrefix(line, http.MethodGet) {
			reads = append(reads, line)
		} else {
			writes = append(writes, strings.ReplaceAll(line, strconv.Itoa(FirstContact), "0"))
		}
	}
	want := c.Want
	want.TicketID = 0
	if want.ContactID == FirstContact {
		want.ContactID = 0
	}
	if diff := cmp.Diff(want, plan.Result); diff != "" {
		t.Errorf("result of the plan (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(reads, f.RequestLines()); diff != "" {
		t.Errorf("requests of the plan (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(writes, PlannedLines(plan)); diff != "" {
		t.Errorf("writes of the plan (-want +got):\n%s", diff)
	}
}

// NewWarmDestination returns a destination whose requests go to f. It has
// opened a ticket in another Trengo already, so the request that only a
// process's first ticket needs does not show. Nil EventTemplates become one for
// [TrackEvent], whose subject is [EventSubject].
func (f *Fixture) NewWarmDestination(cfg trengo.DestinationConfig) *trengo.Destination {
	f.tb.Helper()
	if cfg.EventTemplates == nil {
		cfg.EventTemplates = map[string]string{TrackEvent: "About {{ event }}"}
	}
	const warmUp = "Warm Up"
	cfg.EventTemplates = maps.Clone(cfg.EventTemplates)
	cfg.EventTemplates[warmUp] = ""

	other := trengotest.New()
	other.SetRateLimit(0) // states no limit, so the client learns none
	other.AddChannel(trengotest.Channel{ID: 1})
	other.AddContact(trengotest.Contact{ID: 1})
	transport := &struct{ http.RoundTripper }{other}
	destination := NewDestination(f.tb, NewClient(f.tb, transport), cfg)
	ev := OnChannel(ForContact(&trengo.Event{Type: "track", Event: warmUp}, 1), 1)
	if _, err := destination.Process(f.tb.Context(), ev); err != nil {
		f.tb.Fatal(err)
	}
	transport.RoundTripper = f.Server
	return destination
}

// EventSubject is the subject of a [TrackEvent]'s ticket at a destination of
// [Fixture.NewWarmDestination].
const EventSubject = "About " + TrackEvent

// IdentifyJSON and TrackJSON return events in JSON that have the given other
// fields: `"userId":"5","traits":{}`.
func IdentifyJSON(fields string) string { return `{"type":"identify",` + fields + `}` }

// TrackJSON returns a [TrackEvent]. See [IdentifyJSON].
func TrackJSON(fields string) string {
	return `{"type":"track","event":"` + TrackEvent + `",` + fields + `}`
}

// EmailContact returns a contact on [EmailChannel].
func EmailContact(id int64, name, email string) trengotest.Contact {
	return trengotest.Contact{ID: id, Name: name, Email: email, ChannelIDs: []int64{EmailChannel}}
}

// PhoneContact returns a contact on [PhoneChannel].
func PhoneContact(id int64, name, phone string) trengotest.Contact {
	return trengotest.Contact{ID: id, Name: name, Phone: phone, ChannelIDs: []int64{PhoneChannel}}
}

// SearchLine returns the search for a contact in the form of [RequestLine]. The
// term is escaped as in a URL.
func SearchLine(term string) string { return "GET /contacts?page=1&term=" + term }

// CreateLine returns the creation of a contact in the form of [RequestLine].
// Without a name, the request has none.
func CreateLine(channelID int64, identifier, name string) string {
	if name == "" {
		return fmt.Sprintf(`POST /channels/%d/contacts {"channel_id":%[1]d,"identifier":%q}`, channelID, identifier)
	}
	return fmt.Sprintf(`POST /channels/%d/contacts {"channel_id":%[1]d,"identifier":%q,"name":%q}`, channelID, identifier, name)
}

// RenameLine returns the renaming of a contact in the form of [RequestLine].
func RenameLine(contactID int64, name string) string {
	return fmt.Sprintf(`PUT /contacts/%d {"name":%q}`, contactID, name)
}

// TicketLine returns the creation of a ticket in the form of [RequestLine].
// Without a subject, the request has none.
func TicketLine(contactID, channelID int64, subject string) string {
	if subject == "" {
		return fmt.Sprintf(`POST /tickets {"channel_id":%d,"contact_id":%d}`, channelID, contactID)
	}
	return fmt.Sprintf(`POST /tickets {"channel_id":%d,"contact_id":%d,"subject":%q}`, channelID, contactID, subject)
}

// PlannedLines returns the writes of a plan in the form of [RequestLine].
func PlannedLines(plan trengo.Plan) []string {
	var lines []string
	for _, w := range plan.Writes {
		lines = append(lines, RequestLine(w.Method, w.Path, nil, w.Body))
	}
	return lines
}

// CheckPrivate fails the test if the text of err holds personal data of the
// event or of the contacts.
func CheckPrivate(tb testing.TB, err error, ev *trengo.Event, contacts []trengotest.Contact) {
	tb.Helper()
	if err == nil {
		return
	}
	var personal []string
	for _, fields := range []map[string]any{ev.Traits, ev.Context.Traits, ev.Properties} {
		for _, value := range fields {
			personal = append(personal, strings.TrimSpace(fmt.Sprint(value)))
		}
	}
	for _, contact := range contacts {
		personal = append(personal, contact.Name, contact.Email, contact.Phone)
	}
	for _, text := range personal {
		if len(text) > 2 && strings.Contains(err.Error(), text) {
			tb.Errorf("the error contains %q: %v", text, err)
		}
	}
}
