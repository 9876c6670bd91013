package trengo_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// What every Trengo of these tests has. Contacts that a test puts there have
// small ids, so that a new one is known by its id.
const (
	mailChannel      = 405980
	otherMailChannel = 405981
	phoneChannel     = 406010

	newContact = 460000001
	newTicket  = 970000001
)

func newTrengo(contacts ...trengotest.Contact) *trengotest.Server {
	srv := trengotest.New()
	srv.AddChannel(trengotest.Channel{ID: mailChannel, Type: "EMAIL"})
	srv.AddChannel(trengotest.Channel{ID: otherMailChannel, Type: "EMAIL"})
	srv.AddChannel(trengotest.Channel{ID: phoneChannel, Type: "WA_BUSINESS"})
	for _, contact := range contacts {
		srv.AddContact(contact)
	}
	return srv
}

// mailContact and phoneContact are contacts of the channel that is configured
// where a test names none.
func mailContact(id int64, name, email string) trengotest.Contact {
	return trengotest.Contact{ID: id, Name: name, Email: email, ChannelIDs: []int64{mailChannel}}
}

func phoneContact(id int64, name, phone string) trengotest.Contact {
	return trengotest.Contact{ID: id, Name: name, Phone: phone, ChannelIDs: []int64{phoneChannel}}
}

// withDefaults fills in what most tests do not care about.
func withDefaults(cfg trengo.DestinationConfig) trengo.DestinationConfig {
	switch {
	case cfg.ChannelID != 0:
	case cfg.ChannelIdentifier == trengo.IdentifierPhone:
		cfg.ChannelID = phoneChannel
	default:
		cfg.ChannelID = mailChannel
	}
	if cfg.EventTemplates == nil {
		cfg.EventTemplates = map[string]string{"Ev": "About {{ event }}"}
	}
	return cfg
}

// destinationOn returns a Destination that writes to srv. It has opened a
// ticket elsewhere before: what a process may look up once, when it begins,
// is no part of what an event costs.
func destinationOn(t *testing.T, srv http.RoundTripper, cfg trengo.DestinationConfig) *trengo.Destination {
	t.Helper()
	elsewhere := trengotest.New()
	elsewhere.SetRateLimit(0)
	elsewhere.AddChannel(trengotest.Channel{ID: 1})
	elsewhere.AddContact(trengotest.Contact{ID: 1})
	transport := &struct{ http.RoundTripper }{elsewhere}

	cfg = withDefaults(cfg)
	cfg.EventTemplates = maps.Clone(cfg.EventTemplates)
	cfg.EventTemplates["elsewhere"] = ""
	destination, err := trengo.NewDestination(newClientOn(t, transport), cfg)
	if err != nil {
		t.Fatal(err)
	}
	first := &trengo.Event{Type: "track", Event: "elsewhere", Context: trengo.EventContext{
		ExternalIDs: []trengo.ExternalID{{Type: "trengoChannelId", ID: "1"}, {Type: "trengoContactId", ID: "1"}},
	}}
	if _, err := destination.Process(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	transport.RoundTripper = srv
	return destination
}

func mustParse(t *testing.T, event string) *trengo.Event {
	t.Helper()
	ev, err := trengo.ParseEvent([]byte(event))
	if err != nil {
		t.Fatalf("%v: %s", err, event)
	}
	return ev
}

// identifyEvent and trackEvent are events with the given other fields.
func identifyEvent(fields string) string { return `{"type":"identify",` + fields + `}` }

func trackEvent(fields string) string { return `{"type":"track","event":"Ev",` + fields + `}` }

// requestLine is a request as these tests write it.
func requestLine(method, path string, query url.Values, body []byte) string {
	line := method + " " + path
	if len(query) > 0 {
		line += "?" + query.Encode()
	}
	if len(body) > 0 {
		line += " " + sortedJSON(body)
	}
	return line
}

// sortedJSON spells equal JSON equally.
func sortedJSON(data []byte) string {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return fmt.Sprintf("%q", data)
	}
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v)
	return strings.TrimSpace(b.String())
}

func requestLines(srv *trengotest.Server) []string {
	var lines []string
	for _, r := range srv.Requests() {
		lines = append(lines, requestLine(r.Method, r.Path, r.Query, r.Body))
	}
	return lines
}

// The requests of a Destination. A term is given as it is in the URL.
func searchOf(term string) string { return "GET /contacts?page=1&term=" + term }

func createOf(channelID int64, identifier, name string) string {
	if name == "" {
		return fmt.Sprintf(`POST /channels/%d/contacts {"channel_id":%[1]d,"identifier":%q}`, channelID, identifier)
	}
	return fmt.Sprintf(`POST /channels/%d/contacts {"channel_id":%[1]d,"identifier":%q,"name":%q}`, channelID, identifier, name)
}

func renameOf(contactID int64, name string) string {
	return fmt.Sprintf(`PUT /contacts/%d {"name":%q}`, contactID, name)
}

func ticketOf(contactID, channelID int64, subject string) string {
	if subject == "" {
		return fmt.Sprintf(`POST /tickets {"channel_id":%d,"contact_id":%d}`, channelID, contactID)
	}
	return fmt.Sprintf(`POST /tickets {"channel_id":%d,"contact_id":%d,"subject":%q}`, channelID, contactID, subject)
}

// An eventCase is an event that meets a Trengo with some contacts.
type eventCase struct {
	name     string
	cfg      trengo.DestinationConfig
	contacts []trengotest.Contact
	setUp    func(*trengotest.Server)
	event    string
	want     trengo.Result
	err      error
	ids      []int64 // of the contacts that err names
	requests []string
	// surprise says that the answer to a write decides what comes next, which
	// no plan can know.
	surprise bool
}

func (c *eventCase) server() *trengotest.Server {
	srv := newTrengo(c.contacts...)
	if c.setUp != nil {
		c.setUp(srv)
	}
	return srv
}

// runEvents runs the cases, each with the given contacts beside its own.
func runEvents(t *testing.T, cases []eventCase, contacts ...trengotest.Contact) {
	t.Helper()
	for _, c := range cases {
		c.contacts = append(slices.Clone(contacts), c.contacts...)
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.process(t)
			if !c.surprise {
				c.plan(t)
			}
		})
	}
}

func (c *eventCase) process(t *testing.T) {
	t.Helper()
	srv := c.server()
	ev := mustParse(t, c.event)
	got, err := destinationOn(t, srv, c.cfg).Process(t.Context(), ev)
	c.checkError(t, err)
	if diff := cmp.Diff(c.want, got); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(c.requests, requestLines(srv)); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(mustParse(t, c.event), ev); diff != "" {
		t.Errorf("the event was changed (-want +got):\n%s", diff)
	}
	mustTellNothing(t, err, ev, c.contacts)
}

func (c *eventCase) checkError(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, c.err) {
		t.Errorf("error is %v, want %v", err, c.err)
	}
	var ids []int64
	var ambiguous *trengo.AmbiguousContactError
	if errors.As(err, &ambiguous) {
		ids = ambiguous.ContactIDs
	}
	if diff := cmp.Diff(c.ids, ids); diff != "" {
		t.Errorf("contacts in the error (-want +got):\n%s", diff)
	}
}

// plan checks that Plan says what Process does, at a Trengo that is the same.
func (c *eventCase) plan(t *testing.T) {
	t.Helper()
	srv := c.server()
	plan, err := destinationOn(t, srv, c.cfg).Plan(t.Context(), mustParse(t, c.event))
	c.checkError(t, err)
	var reads, writes []string
	for _, line := range c.requests {
		if strings.HasPrefix(line, http.MethodGet) {
			reads = append(reads, line)
		} else {
			writes = append(writes, strings.ReplaceAll(line, strconv.Itoa(newContact), "0"))
		}
	}
	want := c.want
	want.TicketID = 0
	if want.ContactID == newContact {
		want.ContactID = 0
	}
	if diff := cmp.Diff(want, plan.Result); diff != "" {
		t.Errorf("result of the plan (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(reads, requestLines(srv)); diff != "" {
		t.Errorf("requests of the plan (-want +got):\n%s", diff)
	}
	var planned []string
	for _, w := range plan.Writes {
		planned = append(planned, requestLine(w.Method, w.Path, nil, w.Body))
	}
	if diff := cmp.Diff(writes, planned); diff != "" {
		t.Errorf("writes of the plan (-want +got):\n%s", diff)
	}
}

// mustTellNothing fails if the text of err has something of a person in it.
func mustTellNothing(t *testing.T, err error, ev *trengo.Event, contacts []trengotest.Contact) {
	t.Helper()
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
			t.Errorf("the error tells of %q: %v", text, err)
		}
	}
}

// errorText is the text of err, if there is one.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestDestination_concurrently(t *testing.T) {
	t.Parallel()
	srv := newTrengo()
	destination := destinationOn(t, srv, trengo.DestinationConfig{CreateMissingContacts: true})
	var all sync.WaitGroup
	for person := range 8 {
		event := trackEvent(fmt.Sprintf(`"messageId":"m-%d","properties":{"email":"p%[1]d@example.com"}`, person))
		all.Go(func() {
			if _, err := destination.Process(t.Context(), mustParse(t, event)); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			if _, err := destination.Plan(t.Context(), mustParse(t, event)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if people, tickets := len(srv.Contacts()), len(srv.Tickets()); people != 8 || tickets != 8 {
		t.Errorf("%d contacts and %d tickets of 8 people", people, tickets)
	}
}
