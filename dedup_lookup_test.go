package trengo_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
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

// searchPages returns the requests for the first n pages of a search for Ann.
func searchPages(n int) (lines []string) {
	for page := range n {
		lines = append(lines, fmt.Sprintf("GET /contacts?page=%d&per_page=100&term=ann%%40example.com", page+1))
	}
	return lines
}

func ignorePerPage(f *fixtures.Fixture) { f.Behavior.IgnorePerPage = true }

// oldest returns a contact that is on the last page of a search.
func oldest(c trengotest.Contact) trengotest.Contact {
	c.CreatedAt = time.Unix(0, 0)
	return c
}

const annTraits = `"traits":{"email":"ann@example.com","name":"Ann"}`

// All pages of a search are read, up to a limit, and as far as they can change
// which contact is meant.
func TestDestination_lookupReadsPages(t *testing.T) {
	t.Parallel()
	event := fixtures.TrackJSON(annTraits)
	onChannel := func(id int64) trengotest.Contact { return fixtures.EmailContact(id, "Ann", "ann@example.com") }
	elsewhere := func(id int64) trengotest.Contact {
		return trengotest.Contact{ID: id, Email: "ann@example.com", ChannelIDs: []int64{fixtures.OtherEmailChannel}}
	}
	decorated := func(id int64) trengotest.Contact { return fixtures.EmailContact(id, "Ann", "Ann <ann@example.com>") }
	found := func(id int64, pages int) fixtures.EventCase {
		return fixtures.EventCase{
			Want:     trengo.Result{Action: trengo.ActionTicketCreated, ContactID: id, TicketID: fixtures.FirstTicket},
			Requests: append(searchPages(pages), fixtures.TicketLine(id, fixtures.EmailChannel, fixtures.EventSubject)),
		}
	}
	failed := func(err error, pages int, ids ...int64) fixtures.EventCase {
		return fixtures.EventCase{Err: err, ContactIDs: ids, Requests: searchPages(pages)}
	}
	var cases []fixtures.EventCase
	for _, c := range []struct {
		name     string
		contacts []trengotest.Contact // the one with the highest ID is first, the oldest last
		small    bool                 // pages of 25
		want     fixtures.EventCase
	}{
		{"the person is on the second page", append(crowd(100), oldest(onChannel(11))), false, found(11, 2)},
		{"the person is on the second of the small pages", append(crowd(25), oldest(onChannel(11))), true, found(11, 2)},
		{"the person is on neither page", crowd(200), false, failed(trengo.ErrContactNotFound, 2)},
		{"the person is the last on the last page that is read", append(crowd(399), oldest(onChannel(11))), false, found(11, 4)},
		{"the person is the last on the last of the small pages", append(crowd(99), oldest(onChannel(11))), true, found(11, 4)},
		{"the person is on none of the pages that are read", crowd(400), false, failed(trengo.ErrContactNotFound, 4)},
		{"the person is on the first of many pages", append(crowd(1000), onChannel(5000)), false, found(5000, 1)},
		{"the person is on the third of many pages", slices.Concat(crowd(755), []trengotest.Contact{onChannel(1755)}, crowd(1000)[756:]), false, found(1755, 3)},
		{"the person is twice on the first page", append(crowd(1000), onChannel(5000), onChannel(5001)), false, failed(trengo.ErrAmbiguousContact, 1, 5001, 5000)},
		{"the person is elsewhere on the first page, and then on the channel", append(crowd(200), elsewhere(5000), oldest(onChannel(11))), false, found(11, 3)},
		{"the person is elsewhere on two pages", append(crowd(200), elsewhere(5000), oldest(elsewhere(11))), false, failed(trengo.ErrAmbiguousContact, 3, 5000, 11)},
		{"the email has a name around it on the first page", append(crowd(200), decorated(5000), oldest(onChannel(11))), false, found(11, 3)},
		{"the email has a name around it on the only page", append(crowd(50), decorated(5000)), false, found(5000, 1)},
	} {
		c.want.Name, c.want.Event, c.want.Contacts = c.name, event, c.contacts
		if c.small {
			c.want.SetUp = ignorePerPage
		}
		cases = append(cases, c.want)
	}
	fixtures.RunEventCases(t, cases)
}

// Trengo may have several contacts with a phone number, so all pages are read.
func TestDestination_lookupByPhoneNumberReadsAllPages(t *testing.T) {
	t.Parallel()
	contacts := []trengotest.Contact{fixtures.PhoneContact(5000, "Ann", "+31600000042"), oldest(fixtures.PhoneContact(11, "Ann", "31600000042"))}
	for i := range 200 {
		contacts = append(contacts, fixtures.PhoneContact(1000+int64(i), "Somebody", fmt.Sprintf("+31600000042%03d", i)))
	}
	fixtures.RunEventCases(t, []fixtures.EventCase{{
		Name: "the person is on the first page and the last", Contacts: contacts,
		Config: trengo.DestinationConfig{ChannelIdentifier: trengo.IdentifierPhone},
		Event:  fixtures.TrackJSON(`"traits":{"phone":"+31600000042"}`),
		Err:    trengo.ErrAmbiguousContact, ContactIDs: []int64{5000, 11},
		Requests: []string{
			"GET /contacts?page=1&per_page=100&term=31600000042",
			"GET /contacts?page=2&per_page=100&term=31600000042",
			"GET /contacts?page=3&per_page=100&term=31600000042",
		},
	}})
}

// Contacts that are created while a search is read push others to the next page.
func TestDestination_lookupReadsAContactTwice(t *testing.T) {
	t.Parallel()
	f := fixtures.New(t, append(crowd(99), oldest(fixtures.EmailContact(11, "Ann", "Ann <ann@example.com>")))...)
	f.AddContact(oldest(fixtures.EmailContact(10, "", "maryann@example.com"))) // alone on the second page
	destination := f.NewWarmDestination(trengo.DestinationConfig{})
	f.InjectFunc(func(r trengotest.Request) trengotest.Fault {
		if r.Query.Get("page") == "2" {
			f.AddContact(fixtures.EmailContact(5001, "", "mary-ann@example.com"))
		}
		return trengotest.Fault{}
	})
	result, err := destination.Process(t.Context(), fixtures.ParseEvent(t, fixtures.TrackJSON(annTraits)))
	if err != nil || result.ContactID != 11 {
		t.Errorf("%+v, %v", result, err)
	}
}

// If a search has more hits than are read, the person may be one of the others.
// By email, an identify event finds them all the same.
func TestDestination_lookupWithTooManyHits(t *testing.T) {
	t.Parallel()
	owner := oldest(fixtures.EmailContact(11, "Old Name", "ann@example.com"))
	elsewhere := trengotest.Contact{ID: 5000, Name: "Old Name", Email: "ann@example.com", ChannelIDs: []int64{fixtures.OtherEmailChannel}}
	identify, track := fixtures.IdentifyJSON(annTraits), fixtures.TrackJSON(annTraits)
	create := fixtures.CreateLine(fixtures.EmailChannel, "ann@example.com", "Ann")
	ambiguous := func(name, event string, ids []int64, contacts []trengotest.Contact) fixtures.EventCase {
		return fixtures.EventCase{
			Name: name, Event: event, Contacts: contacts,
			Err: trengo.ErrAmbiguousContact, ContactIDs: ids, Requests: searchPages(4),
		}
	}
	cases := []fixtures.EventCase{
		{
			Name: "an identify event renames the owner", Event: identify, Contacts: append(crowd(400), owner),
			Want:     trengo.Result{Action: trengo.ActionContactUpdated, ContactID: 11},
			Requests: append(searchPages(4), create, fixtures.RenameLine(11, "Ann")), Unplannable: true,
		},
		{
			Name: "an identify event without a name finds the owner", Event: fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com"}`),
			Contacts: append(crowd(400), owner), Want: trengo.Result{Action: trengo.ActionContactCreated, ContactID: 11},
			Requests: append(searchPages(4), fixtures.CreateLine(fixtures.EmailChannel, "ann@example.com", "")), Unplannable: true,
		},
		{
			Name: "an identify event renames the owner on another channel", Event: identify, Contacts: append(crowd(400), elsewhere),
			Want:     trengo.Result{Action: trengo.ActionContactUpdated, ContactID: 5000},
			Requests: append(searchPages(4), create, fixtures.RenameLine(5000, "Ann")), Unplannable: true,
		},
		{
			Name: "an identify event creates a person who is not there", Event: identify, Contacts: crowd(401),
			Want:     trengo.Result{Action: trengo.ActionContactCreated, ContactID: fixtures.FirstContact},
			Requests: append(searchPages(4), create),
		},
		ambiguous("a track event fails", track, []int64{}, append(crowd(400), owner)),
		ambiguous("a track event fails with what was found", track, []int64{5000}, append(crowd(400), elsewhere)),
		{
			Name: "a track event fails with CreateMissingContacts", Event: track, Contacts: append(crowd(400), owner),
			Config: trengo.DestinationConfig{CreateMissingContacts: true},
			Err:    trengo.ErrAmbiguousContact, ContactIDs: []int64{}, Requests: searchPages(4),
		},
		{
			Name: "a track event that names the contact does not search", Contacts: append(crowd(400), owner),
			Event:    fixtures.TrackJSON(annTraits + `,"context":{"externalId":[{"type":"trengoContactId","id":11}]}`),
			Want:     trengo.Result{Action: trengo.ActionTicketCreated, ContactID: 11, TicketID: fixtures.FirstTicket},
			Requests: []string{fixtures.TicketLine(11, fixtures.EmailChannel, fixtures.EventSubject)},
		},
	}
	small := ambiguous("a track event fails after four small pages", track, []int64{}, append(crowd(100), owner))
	small.SetUp = ignorePerPage
	fixtures.RunEventCases(t, append(cases, small))
}

// By phone number, creating may make a duplicate, so no event does.
func TestDestination_tooManyHitsByPhoneNumber(t *testing.T) {
	t.Parallel()
	var contacts []trengotest.Contact
	for i := range 401 {
		contacts = append(contacts, fixtures.EmailContact(1000+int64(i), "+31600000042", fmt.Sprintf("somebody%d@example.com", i)))
	}
	for name, event := range map[string]string{
		"identify": fixtures.IdentifyJSON(`"traits":{"phone":"+31600000042","name":"Ann"}`),
		"track":    fixtures.TrackJSON(`"traits":{"phone":"+31600000042"}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fixtures.New(t, contacts...)
			destination := f.NewWarmDestination(trengo.DestinationConfig{ChannelIdentifier: trengo.IdentifierPhone, CreateMissingContacts: true})
			for range 2 {
				_, err := destination.Process(t.Context(), fixtures.ParseEvent(t, event))
				var ambiguous *trengo.AmbiguousContactError
				if !errors.As(err, &ambiguous) || !ambiguous.Truncated {
					t.Errorf("got %v", err)
				}
			}
			if lines := f.RequestLines(); len(lines) != 4 || strings.HasPrefix(lines[3], "POST") {
				t.Errorf("requests %q", lines)
			}
		})
	}
}

// An event of a person with too many hits says so, and what can be done.
func TestDestination_tooManyHitsError(t *testing.T) {
	t.Parallel()
	f := fixtures.New(t, crowd(401)...)
	destination := f.NewWarmDestination(trengo.DestinationConfig{})
	for range 2 { // after a search, and without one
		_, err := destination.Process(t.Context(), fixtures.ParseEvent(t, fixtures.TrackJSON(annTraits)))
		var ambiguous *trengo.AmbiguousContactError
		if !errors.As(err, &ambiguous) || !ambiguous.Truncated || trengo.Retryable(err) {
			t.Errorf("got %v", err)
		}
		if text := testkit.ErrorText(err); !strings.Contains(text, "too many pages") {
			t.Errorf("got %q", text)
		}
	}
}

// Trengo's find-or-create may not tell letters apart that are different here. Its
// contact is not touched.
func TestDestination_tooManyHitsAndAnotherPerson(t *testing.T) {
	t.Parallel()
	contacts := []trengotest.Contact{oldest(fixtures.EmailContact(11, "Kate", "kate@example.com"))}
	for i := range 401 {
		contacts = append(contacts, fixtures.EmailContact(1000+int64(i), "Somebody", fmt.Sprintf("%d\u212aate@example.com", i)))
	}
	f := fixtures.New(t, contacts...)
	destination := f.NewWarmDestination(trengo.DestinationConfig{})
	for range 2 {
		_, err := destination.Process(t.Context(), fixtures.ParseEvent(t, fixtures.IdentifyJSON(`"traits":{"email":"\u212aate@example.com","name":"Mallory"}`)))
		if !errors.Is(err, trengo.ErrAmbiguousContact) {
			t.Errorf("got %v", err)
		}
	}
	if kate := f.Contacts()[0]; kate.Name != "Kate" {
		t.Errorf("another person was renamed %q", kate.Name)
	}
}

// Two contacts on one channel have the same email, and one of them with something
// around it.
func TestDestination_closestSpelling(t *testing.T) {
	t.Parallel()
	on := func(id int64, email string) trengotest.Contact { return fixtures.EmailContact(id, "Ann", email) }
	elsewhere := func(id int64, email string) trengotest.Contact {
		return trengotest.Contact{ID: id, Email: email, ChannelIDs: []int64{fixtures.OtherEmailChannel}}
	}
	const bare, named = "ann@example.com", "Ann <ann@example.com>"
	var cases []fixtures.EventCase
	for _, c := range []struct {
		name     string
		contacts []trengotest.Contact
		found    int64 // zero: ambiguous
	}{
		{"the bare one is newer", []trengotest.Contact{on(11, named), on(12, bare)}, 12},
		{"the bare one is older", []trengotest.Contact{on(11, bare), on(12, named)}, 11},
		{"the bare one is in capitals", []trengotest.Contact{on(11, "ANN@Example.com"), on(12, named)}, 11},
		{"the bare one has spaces around it", []trengotest.Contact{on(11, " ann@example.com "), on(12, named)}, 11},
		{"the one in lower case beside capitals", []trengotest.Contact{on(11, bare), on(12, "Ann@example.com"), on(13, named)}, 11},
		{"two in different capitals", []trengotest.Contact{on(11, "ANN@example.com"), on(12, "Ann@example.com")}, 0},
		{"two bare ones", []trengotest.Contact{on(11, bare), on(12, bare), on(13, named)}, 0},
		{"two with something around them", []trengotest.Contact{on(11, named), on(12, "<ann@example.com>")}, 0},
		{"the one on the channel has a name around it", []trengotest.Contact{elsewhere(11, bare), on(12, named)}, 12},
		{"the bare one of two elsewhere", []trengotest.Contact{elsewhere(11, bare), elsewhere(12, named)}, 11},
		{"two bare ones elsewhere", []trengotest.Contact{elsewhere(11, bare), elsewhere(12, bare), elsewhere(13, named)}, 0},
		{"one with a mailto around it alone", []trengotest.Contact{on(11, "mailto:ann@example.com")}, 11},
	} {
		one := fixtures.EventCase{
			Name: c.name, Contacts: c.contacts, Event: fixtures.TrackJSON(annTraits),
			Requests: searchPages(1), Err: trengo.ErrAmbiguousContact,
		}
		for _, contact := range c.contacts {
			one.ContactIDs = append([]int64{contact.ID}, one.ContactIDs...)
		}
		if c.found != 0 {
			one.Err, one.ContactIDs = nil, nil
			one.Want = trengo.Result{Action: trengo.ActionTicketCreated, ContactID: c.found, TicketID: fixtures.FirstTicket}
			one.Requests = append(one.Requests, fixtures.TicketLine(c.found, fixtures.EmailChannel, fixtures.EventSubject))
		}
		cases = append(cases, one)
	}
	fixtures.RunEventCases(t, cases)
}

// Nobody is searched for again soon if the search has too many hits. As soon as the
// contact is known, it is used.
func TestDestination_tooManyHitsAreRemembered(t *testing.T) {
	t.Parallel()
	const crowded = "search, search, search, search"
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t)
		d.WarmUp()
		owner := d.AddContact(fixtures.EmailContact(11, "Ann", fixtures.AnnEmail)).ID
		time.Sleep(time.Second)
		for i := range 500 {
			d.AddContact(fixtures.EmailContact(0, "", fmt.Sprintf("%d.%s", i, fixtures.AnnEmail)))
		}
		fail := func(ev *trengo.Event, sent string) {
			t.Helper()
			d.MustFail(ev, trengo.ErrAmbiguousContact)
			d.WantSent(sent)
		}
		serve := func(ev *trengo.Event, sent string) {
			t.Helper()
			if result := d.MustProcess(ev); result.ContactID != owner {
				t.Errorf("%+v, want contact %d", result, owner)
			}
			d.WantSent(sent)
		}
		fail(fixtures.Track("1", fixtures.AnnEmail), crowded)
		fail(fixtures.Track("2", fixtures.AnnEmail), "")
		fail(fixtures.Track("2", strings.ToUpper(fixtures.AnnEmail)), "")
		fail(fixtures.OnChannel(fixtures.Track("3", fixtures.AnnEmail), fixtures.OtherEmailChannel), crowded)
		time.Sleep(10*time.Minute - 1)
		fail(fixtures.Track("4", fixtures.AnnEmail), "")
		time.Sleep(time.Nanosecond)
		fail(fixtures.Track("5", fixtures.AnnEmail), crowded)

		serve(fixtures.Identify("6", fixtures.AnnEmail, "Anna"), "create, rename")
		serve(fixtures.Track("1", fixtures.AnnEmail), "open")
		serve(fixtures.Identify("7", fixtures.AnnEmail, "Anna"), "")
		fail(fixtures.OnChannel(fixtures.Track("8", fixtures.AnnEmail), fixtures.OtherEmailChannel), crowded)

		// The contact is deleted: an identify event creates it, as ever.
		d.DeleteContacts(fixtures.AnnEmail)
		d.ResetRequests()
		d.MustFail(fixtures.Track("9", fixtures.AnnEmail), trengo.ErrAmbiguousContact)
		d.WantSent("open")
		if result := d.MustProcess(fixtures.Identify("10", fixtures.AnnEmail, "Anna")); result.Action != trengo.ActionContactCreated {
			t.Errorf("%+v", result)
		}
		d.WantSent("create")

		// Somebody deletes the others.
		time.Sleep(time.Hour)
		for _, contact := range d.Contacts() {
			if contact.Email != fixtures.AnnEmail {
				if err := d.Client.Contacts.Delete(t.Context(), contact.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		d.ResetRequests()
		d.MustProcess(fixtures.Track("11", fixtures.AnnEmail))
		d.WantSent("search, open")
	})
}

// An array comes again because of another event. Meanwhile the contact has become
// known, and its ticket is opened.
func TestDestination_tooManyHitsInAnArray(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := fixtures.NewWebhook(t, fixtures.AllowAll)
		w.WarmUp()
		time.Sleep(time.Second)
		for i := range 500 {
			w.AddContact(fixtures.EmailContact(0, "", fmt.Sprintf("%d.%s", i, fixtures.AnnEmail)))
		}
		body := fixtures.ArrayJSON(t, fixtures.Track("1", fixtures.AnnEmail), fixtures.Identify("2", fixtures.AnnEmail, "Ann"), fixtures.Identify("3", fixtures.BobEmail, "Bob"))
		down := true
		w.InjectFunc(func(r trengotest.Request) trengotest.Fault {
			if down && strings.Contains(string(r.Body), fixtures.BobEmail) {
				return trengotest.NoConnection()
			}
			return trengotest.Fault{}
		})
		if got := w.Post(body); got.Status != http.StatusServiceUnavailable || got.Events[0].Status != http.StatusBadRequest {
			t.Errorf("%+v", got)
		}
		down = false
		w.ResetRequests()
		if got := w.Post(body); got.Status != http.StatusOK || got.Events[0].Action != "ticket_created" || got.Events[0].Duplicate {
			t.Errorf("%+v", got)
		}
	})
}

// The response to the creation that finds the owner is lost, too.
func TestDestination_tooManyHitsAndALostResponse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t)
		for i := range 500 {
			d.AddContact(fixtures.EmailContact(0, "", fmt.Sprintf("%d.%s", i, fixtures.AnnEmail)))
		}
		d.FailNext("create", trengotest.LostAfter())
		d.MustFail(fixtures.Identify("1", fixtures.AnnEmail, "Ann"), trengo.ErrOutcomeUnknown)
		d.WantSent("search, search, search, search, create")
		d.MustFail(fixtures.Identify("1", fixtures.AnnEmail, "Ann"), trengo.ErrOutcomeUnknown)
		d.WantSent("")
		time.Sleep(time.Minute)
		d.MustProcess(fixtures.Identify("1", fixtures.AnnEmail, "Ann"))
		d.WantSent("create")
		if n := len(d.Contacts()); n != 501 {
			t.Errorf("%d contacts, want 501", n)
		}
	})
}

// The first page of a search waits its turn, and so do the others. What follows the
// search is then sent first, as for all events.
func TestDestination_lookupPagesDoNotOvertake(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := fixtures.New(t, crowd(301)...)
		f.AddContact(oldest(fixtures.EmailContact(11, "Ann", "ann@example.com")))
		f.Behavior.Latency = 100 * time.Millisecond
		client := f.NewClient()
		destination := fixtures.NewDestination(t, client, trengo.DestinationConfig{})
		process := func(ev *trengo.Event) {
			go func() {
				if _, err := destination.Process(t.Context(), ev); err != nil {
					t.Error(err)
				}
			}()
			synctest.Wait()
		}
		var burst sync.WaitGroup
		for range 60 {
			burst.Go(func() {
				if _, err := client.Contacts.Get(t.Context(), 11); err != nil {
					t.Error(err)
				}
			})
		}
		burst.Wait()
		f.ResetRequests()
		process(fixtures.Identify("", "ann@example.com", "Anna"))
		for i := range 8 {
			process(fixtures.ForContact(fixtures.Identify("", "", "Somebody"), 1000+int64(i)))
		}
		time.Sleep(time.Minute)
		var order []string
		for _, line := range f.RequestLines() {
			switch {
			case strings.Contains(line, "page="):
				order = append(order, "page")
			case strings.HasPrefix(line, "PUT /contacts/11 "):
				order = append(order, "rename")
			default:
				order = append(order, "other")
			}
		}
		want := "page other other other other other other other other page page page rename"
		if got := strings.Join(order, " "); got != want {
			t.Errorf("sent %s\nwant %s", got, want)
		}
	})
}

// Whatever others put into their names and emails, an event only touches a contact
// with its own email.
func TestDestination_lookupAmongLookalikes(t *testing.T) {
	t.Parallel()
	lookalikes := []string{
		"joann@example.com", "ann@example.com.au", "ann@example.commerce.org", "x.ann@example.com", "ann@example.com@example.org",
		"ann@example.com, bob@example.com", "ann@example.com bob@example.com", `"ann@example.com" <bob@example.com>`,
		"Ann <joann@example.com>", "mailto:joann@example.com", "bob@example.com (ann@example.com)", "\u0101nn@example.com",
		"ann@exam\u0440le.com", "\u212aann@example.com", "ann@example.com\u0131", "ann\u0000@example.com", "",
	}
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 0))
				d := fixtures.NewDeployment(t)
				d.Behavior.IgnorePerPage = r.IntN(2) == 0
				for i := range [...]int{1, 1, 2, 20, 150, 450}[r.IntN(6)] {
					email := lookalikes[r.IntN(len(lookalikes))]
					c := fixtures.EmailContact(int64(1000+i), "ann@example.com", email)
					if r.IntN(2) == 0 {
						c.ChannelIDs = nil
					}
					d.AddContact(c)
				}
				owner := fixtures.EmailContact(11, "Ann", "ann@example.com")
				if r.IntN(4) > 0 {
					d.AddContact(oldest(owner))
				}
				served := 0
				for i := range 40 {
					ev := fixtures.Track(strconv.Itoa(i), fixtures.Spell(r, trengo.IdentifierEmail, "ann@example.com"))
					if r.IntN(3) == 0 {
						ev = fixtures.Identify(strconv.Itoa(i), fixtures.Spell(r, trengo.IdentifierEmail, "ann@example.com"), fmt.Sprint("Ann ", i))
					}
					if _, err := d.Process(ev); err == nil {
						served++
					}
					time.Sleep(time.Minute)
				}
				for _, c := range d.Contacts() {
					touched := !strings.Contains(c.Name, "@") || len(d.TicketsOf(c.ID)) > 0
					if touched && c.Email != "ann@example.com" {
						t.Errorf("the contact %d with the email %q was touched", c.ID, c.Email)
					}
				}
				if served < 20 {
					t.Errorf("%d of 40 events were served", served)
				}
			})
		})
	}
}
