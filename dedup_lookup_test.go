package trengo_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// A lookupCase is a search for the contact of a person.
type lookupCase struct {
	name       string
	identifier string // in the event
	term       string // of the search, escaped as in a URL
	contacts   []trengotest.Contact
	found      int64 // zero: no contact
}

// runLookups uses track events: a ticket of the wrong contact is the worst that
// can happen.
func runLookups(t *testing.T, identifier trengo.ChannelIdentifier, lookups []lookupCase) {
	t.Helper()
	channel := int64(fixtures.EmailChannel)
	if identifier == trengo.IdentifierPhone {
		channel = fixtures.PhoneChannel
	}
	cfg := trengo.DestinationConfig{
		ChannelIdentifier: identifier,
		EventTemplates:    map[string]string{fixtures.TrackEvent: ""},
	}
	var cases []fixtures.EventCase
	for _, l := range lookups {
		c := fixtures.EventCase{
			Name: l.name, Config: cfg, Contacts: l.contacts,
			Event:    fixtures.TrackJSON(fmt.Sprintf(`"properties":{"email":%q,"phone":%[1]q}`, l.identifier)),
			Requests: []string{fixtures.SearchLine(l.term)},
			Err:      trengo.ErrContactNotFound,
		}
		if l.found != 0 {
			c.Err = nil
			c.Want = trengo.Result{Action: trengo.ActionTicketCreated, ContactID: l.found, TicketID: fixtures.FirstTicket}
			c.Requests = append(c.Requests, fixtures.TicketLine(l.found, channel, ""))
		}
		cases = append(cases, c)
	}
	fixtures.RunEventCases(t, cases)
}

// Only the same email matches, ignoring case and surrounding white space.
func TestDestination_lookupByEmail(t *testing.T) {
	t.Parallel()
	const ann = "ann%40example.com"
	contacts := func(emails ...string) (all []trengotest.Contact) {
		for i, email := range emails {
			all = append(all, fixtures.EmailContact(11+int64(i), "Somebody", email))
		}
		return all
	}
	runLookups(t, trengo.IdentifierEmail, []lookupCase{
		{"the same email", "ann@example.com", ann, contacts("ann@example.com"), 11},
		{"an email with a longer local part", "ann@example.com", ann, contacts("joann@example.com"), 0},
		{"an email with a longer domain", "ann@example.com", ann, contacts("ann@example.com.au"), 0},
		{"the same email among others", "ann@example.com", ann, contacts("joann@example.com", "ann@example.com", "ann@example.com.au"), 12},
		{"a contact in a different case", "ann@example.com", ann, contacts("Ann@EXAMPLE.com"), 11},
		{"an event in a different case", "ANN@Example.com", ann, contacts("ann@example.com"), 11},
		{"a contact in white space", "ann@example.com", ann, contacts(" ann@example.com\t"), 11},
		{"an event in white space", " ann@example.com\n", ann, contacts("ann@example.com"), 11},
		{"a contact whose name contains the email", "ann@example.com", ann, []trengotest.Contact{fixtures.EmailContact(11, "via ann@example.com", "bob@example.com")}, 0},
		{"a contact whose name is the email", "ann@example.com", ann, []trengotest.Contact{fixtures.EmailContact(11, "ann@example.com", "bob@example.com")}, 0},
		{"a contact whose phone number is the email", "ann@example.com", ann, []trengotest.Contact{fixtures.PhoneContact(11, "", "ann@example.com")}, 0},
		{"a plus", "ann+shop@example.com", "ann%2Bshop%40example.com", contacts("ann+shop@example.com"), 11},
		{"a plus, and contacts without it", "ann+shop@example.com", "ann%2Bshop%40example.com", contacts("ann@example.com", "shop@example.com"), 0},
		{"separators of a URL", "a&b=c#d?e%f@example.com", "a%26b%3Dc%23d%3Fe%25f%40example.com", contacts("a&b=c#d?e%f@example.com"), 11},
		{"a parameter in the email", "ann@example.com&page=2", "ann%40example.com%26page%3D2", contacts("ann@example.com"), 0},
		{"a percent sign", "a%41@example.com", "a%2541%40example.com", contacts("aa@example.com"), 0},
		{"letters beyond ASCII", "JüRGEN@example.com", "j%C3%BCrgen%40example.com", contacts("jürgen@example.com"), 11},
		{"letters beyond ASCII, other case", "JÜRGEN@example.com", "j%C3%BCrgen%40example.com", contacts("jürgen@example.com"), 11},
		{"letters beyond ASCII, a contact in other case", "jürgen@example.com", "j%C3%BCrgen%40example.com", contacts("JÜRGEN@Example.com"), 11},
		{"letters beyond ASCII, a contact without their marks", "jürgen@example.com", "j%C3%BCrgen%40example.com", contacts("jurgen@example.com"), 0},
		{"a Turkish dotless i", "i\u015f\u0131k@example.com", "i%C5%9F%C4%B1k%40example.com", contacts("i\u015fik@example.com"), 0},
		{"a Kelvin sign", "\u212aate@example.com", "%E2%84%AAate%40example.com", contacts("kate@example.com"), 0},
		{"a contact with a Kelvin sign", "kate@example.com", "kate%40example.com", contacts("\u212aate@example.com"), 0},
		{"a contact with a long s", "sam@example.com", "sam%40example.com", contacts("\u017fam@example.com"), 0},
		{"a quote", "o'neil@example.com", "o%27neil%40example.com", contacts("o'neil@example.com"), 11},
	})
}

// Only the same phone number matches, however it is written.
func TestDestination_lookupByPhoneNumber(t *testing.T) {
	t.Parallel()
	const digits = "31600000042"
	contacts := func(phones ...string) (all []trengotest.Contact) {
		for i, phone := range phones {
			all = append(all, fixtures.PhoneContact(11+int64(i), "Somebody", phone))
		}
		return all
	}
	lookups := []lookupCase{
		{"a number with another country code", "+31600000042", digits, contacts("+131600000042"), 0},
		{"a longer number", "+31600000042", digits, contacts("+316000000421"), 0},
		{"the end of a number", "+60000004", "60000004", contacts("+31600000042", "+3160000004"), 0},
		{"a number in national form", "+31600000042", digits, contacts("0600000042", "031600000042"), 0},
		{"the same number among others", "+31600000042", digits, contacts("+131600000042", "31600000042", "+316000000421"), 12},
		{"a contact whose name is the number", "+31600000042", digits, []trengotest.Contact{fixtures.PhoneContact(11, "31600000042", "+31600000043")}, 0},
		{"a contact with the digits in its email", "+31600000042", digits, []trengotest.Contact{fixtures.EmailContact(11, "", "31600000042@example.com")}, 0},
		{"a number with an extension", "+31600000042", digits, contacts("31600000042 ext 5"), 0},
	}
	for name, spelling := range map[string]string{
		"a plus": "+31600000042", "digits only": "31600000042", "00": "0031600000042", "white space around": " +31600000042\t",
		"spaces": "+31 6 0000 0042", "brackets": "+31 (6) 0000-0042", "dots": "+31.600.000.042", "a slash": " 31 6/00000042 ",
	} {
		lookups = append(lookups,
			lookupCase{"a contact with " + name, "+31600000042", digits, contacts(spelling), 11},
			lookupCase{"an event with " + name, spelling, digits, contacts("+31600000042"), 11},
		)
	}
	runLookups(t, trengo.IdentifierPhone, lookups)
}

func TestDestination_severalMatches(t *testing.T) {
	t.Parallel()
	on := func(id int64, channels ...int64) trengotest.Contact {
		return trengotest.Contact{ID: id, Email: "ann@example.com", ChannelIDs: channels}
	}
	const ann = `"traits":{"email":"ann@example.com","name":"Ann Lee"}`
	const override = ann + `,"context":{"externalId":[{"type":"trengoChannelId","id":405981}]}`
	search := fixtures.SearchLine("ann%40example.com")
	duplicates := trengo.DestinationConfig{AllowDuplicates: true}
	renamed := func(id int64) trengo.Result { return trengo.Result{Action: trengo.ActionContactUpdated, ContactID: id} }
	opened := func(id int64) trengo.Result {
		return trengo.Result{Action: trengo.ActionTicketCreated, ContactID: id, TicketID: fixtures.FirstTicket}
	}
	ambiguous := func(name, event string, cfg trengo.DestinationConfig, ids []int64, contacts ...trengotest.Contact) fixtures.EventCase {
		return fixtures.EventCase{
			Name: name, Event: event, Config: cfg, Contacts: contacts,
			Err: trengo.ErrAmbiguousContact, ContactIDs: ids, Requests: []string{search},
		}
	}
	// Trengo lists the newest contacts first.
	fixtures.RunEventCases(t, []fixtures.EventCase{
		{
			Name: "the one on the channel is renamed", Event: fixtures.IdentifyJSON(ann),
			Contacts: []trengotest.Contact{on(11, fixtures.OtherEmailChannel), on(12, fixtures.EmailChannel), on(13)},
			Want:     renamed(12), Requests: []string{search, fixtures.RenameLine(12, "Ann Lee")},
		},
		{
			Name: "the one on the channel gets the ticket", Event: fixtures.TrackJSON(ann),
			Contacts: []trengotest.Contact{on(11, fixtures.PhoneChannel, fixtures.EmailChannel), on(12, fixtures.OtherEmailChannel), on(13, fixtures.OtherEmailChannel)},
			Want:     opened(11), Requests: []string{search, fixtures.TicketLine(11, fixtures.EmailChannel, fixtures.EventSubject)},
		},
		{
			Name: "the one on the channel of the override gets the ticket", Event: fixtures.TrackJSON(override),
			Contacts: []trengotest.Contact{on(11, fixtures.EmailChannel), on(12, fixtures.OtherEmailChannel), on(13, fixtures.EmailChannel)},
			Want:     opened(12), Requests: []string{search, fixtures.TicketLine(12, fixtures.OtherEmailChannel, fixtures.EventSubject)},
		},
		{
			Name: "the one on the channel of the override is renamed", Event: fixtures.IdentifyJSON(override),
			Contacts: []trengotest.Contact{on(11, fixtures.EmailChannel), on(12, fixtures.OtherEmailChannel)},
			Want:     renamed(12), Requests: []string{search, fixtures.RenameLine(12, "Ann Lee")},
		},
		{
			Name: "a single one on another channel gets the ticket", Event: fixtures.TrackJSON(ann),
			Contacts: []trengotest.Contact{on(11, fixtures.OtherEmailChannel)},
			Want:     opened(11), Requests: []string{search, fixtures.TicketLine(11, fixtures.EmailChannel, fixtures.EventSubject)},
		},
		{
			Name: "with duplicates allowed, the newest on the channel gets the ticket", Event: fixtures.TrackJSON(ann), Config: duplicates,
			Contacts: []trengotest.Contact{on(11, fixtures.EmailChannel), on(13, fixtures.EmailChannel), on(12, fixtures.EmailChannel), on(14, fixtures.OtherEmailChannel)},
			Want:     opened(13), Requests: []string{search, fixtures.TicketLine(13, fixtures.EmailChannel, fixtures.EventSubject)},
		},
		{
			Name: "with duplicates allowed, the one on the channel gets the ticket, though another is newer", Event: fixtures.TrackJSON(ann), Config: duplicates,
			Contacts: []trengotest.Contact{on(11, fixtures.EmailChannel), on(12, fixtures.OtherEmailChannel)},
			Want:     opened(11), Requests: []string{search, fixtures.TicketLine(11, fixtures.EmailChannel, fixtures.EventSubject)},
		},
		ambiguous("none on the channel is ambiguous for identify", fixtures.IdentifyJSON(ann), trengo.DestinationConfig{}, []int64{12, 11}, on(11, fixtures.OtherEmailChannel), on(12)),
		ambiguous("none on the channel is ambiguous for track", fixtures.TrackJSON(ann), trengo.DestinationConfig{}, []int64{12, 11}, on(11, fixtures.OtherEmailChannel), on(12)),
		ambiguous("none on the channel is ambiguous with duplicates allowed", fixtures.TrackJSON(ann), duplicates, []int64{12, 11}, on(11, fixtures.OtherEmailChannel), on(12)),
		ambiguous("none on the channel is ambiguous with CreateMissingContacts", fixtures.TrackJSON(ann), trengo.DestinationConfig{CreateMissingContacts: true}, []int64{12, 11}, on(11), on(12)),
		ambiguous("several on the channel are ambiguous for identify", fixtures.IdentifyJSON(ann), trengo.DestinationConfig{}, []int64{12, 11}, on(11, fixtures.EmailChannel), on(12, fixtures.EmailChannel)),
		ambiguous("several on the channel are ambiguous for track", fixtures.TrackJSON(ann), trengo.DestinationConfig{}, []int64{13, 12, 11}, on(11, fixtures.EmailChannel), on(12, fixtures.EmailChannel), on(13)),
	})
}

// crowd returns n contacts whose emails contain Ann's.
func crowd(n int) []trengotest.Contact {
	var all []trengotest.Contact
	for i := range n {
		all = append(all, fixtures.EmailContact(1000+int64(i), fmt.Sprintf("Joann %d", i), fmt.Sprintf("jo%dann@example.com", i)))
	}
	return all
}

// All pages of a search are read, up to a limit.
func TestDestination_lookupReadsAllPages(t *testing.T) {
	t.Parallel()
	pages := func(n int) (lines []string) {
		for page := range n {
			lines = append(lines, fmt.Sprintf("GET /contacts?page=%d&term=ann%%40example.com", page+1))
		}
		return lines
	}
	const ann = `"traits":{"email":"ann@example.com"}`
	found := trengo.Result{Action: trengo.ActionTicketCreated, ContactID: 11, TicketID: fixtures.FirstTicket}
	ticket := fixtures.TicketLine(11, fixtures.EmailChannel, fixtures.EventSubject)
	first := fixtures.EmailContact(11, "Ann", "ann@example.com")
	first.CreatedAt = time.Unix(0, 0) // the oldest contact is on the last page
	fixtures.RunEventCases(t, []fixtures.EventCase{
		{
			Name: "the person is on the second page", Event: fixtures.TrackJSON(ann), Contacts: append(crowd(25), first),
			Want: found, Requests: append(pages(2), ticket),
		},
		{
			Name: "the person is on neither page", Event: fixtures.TrackJSON(ann), Contacts: crowd(50),
			Err: trengo.ErrContactNotFound, Requests: pages(2),
		},
		{
			Name: "the person is on the first page and the last", Event: fixtures.TrackJSON(ann),
			Contacts: append(crowd(50), first, fixtures.EmailContact(5000, "Ann", "ann@example.com")),
			Err:      trengo.ErrAmbiguousContact, ContactIDs: []int64{5000, 11}, Requests: pages(3),
		},
		{
			Name: "the person is the last on the last page that is read", Event: fixtures.TrackJSON(ann), Contacts: append(crowd(249), first),
			Want: found, Requests: append(pages(10), ticket),
		},
	})
}

// If a search has more pages than are read, the person may be on any of the
// others.
func TestDestination_lookupWithTooManyPages(t *testing.T) {
	t.Parallel()
	for name, contacts := range map[string][]trengotest.Contact{
		"the person was on a page that was read": append(crowd(250), fixtures.EmailContact(5000, "Ann", "ann@example.com")),
		"the person was not":                     crowd(400),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var ids []int64
				if contacts[len(contacts)-1].ID == 5000 {
					ids = []int64{5000}
				}
				for _, event := range []string{fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com","name":"Ann"}`), fixtures.TrackJSON(`"traits":{"email":"ann@example.com"}`)} {
					f := fixtures.New(t, contacts...)
					destination := f.NewWarmDestination(trengo.DestinationConfig{CreateMissingContacts: true})
					result, err := destination.Process(t.Context(), fixtures.ParseEvent(t, event))
					var ambiguous *trengo.AmbiguousContactError
					if !errors.As(err, &ambiguous) || !ambiguous.Truncated || !errors.Is(err, trengo.ErrAmbiguousContact) {
						t.Fatalf("error is %v, want a truncated ErrAmbiguousContact", err)
					}
					if diff := cmp.Diff(append([]int64{}, ids...), ambiguous.ContactIDs); diff != "" {
						t.Errorf("contacts (-want +got):\n%s", diff)
					}
					if n := len(f.Requests()); n > 11 || result != (trengo.Result{}) {
						t.Errorf("%+v after %d requests", result, n)
					}
					if last := f.RequestLines(); !strings.HasPrefix(last[len(last)-1], "GET ") {
						t.Errorf("a write was sent: %s", last[len(last)-1])
					}
					if !strings.Contains(err.Error(), "too many pages") {
						t.Errorf("the error does not mention the other pages: %v", err)
					}
				}
			})
		})
	}
}
