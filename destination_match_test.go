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
	"github.com/trengo-go/trengo/trengotest"
)

// A matchCase is a person who is looked for among the contacts of a Trengo.
type matchCase struct {
	name     string
	person   string // the identifier in the event
	term     string // as it is in the URL
	contacts []trengotest.Contact
	found    int64 // 0: nobody
}

// runMatches opens tickets, because a ticket on the wrong contact is the
// worst that can happen.
func runMatches(t *testing.T, identifier trengo.ChannelIdentifier, matches []matchCase) {
	t.Helper()
	var cases []eventCase
	for _, m := range matches {
		cfg := withDefaults(trengo.DestinationConfig{ChannelIdentifier: identifier})
		cfg.EventTemplates = map[string]string{"Ev": ""}
		c := eventCase{
			name: m.name, cfg: cfg, contacts: m.contacts,
			event:    trackEvent(fmt.Sprintf(`"properties":{"email":%q,"phone":%[1]q}`, m.person)),
			requests: []string{searchOf(m.term)},
			err:      trengo.ErrContactNotFound,
		}
		if m.found != 0 {
			c.err = nil
			c.want = trengo.Result{Action: trengo.ActionTicketCreated, ContactID: m.found, TicketID: newTicket}
			c.requests = append(c.requests, ticketOf(m.found, cfg.ChannelID, ""))
		}
		cases = append(cases, c)
	}
	runEvents(t, cases)
}

func TestDestination_matchesEmailsExactly(t *testing.T) {
	t.Parallel()
	const ann = "ann%40example.com"
	contacts := func(emails ...string) (all []trengotest.Contact) {
		for i, email := range emails {
			all = append(all, mailContact(11+int64(i), "Somebody", email))
		}
		return all
	}
	runMatches(t, trengo.IdentifierEmail, []matchCase{
		{"the very e-mail", "ann@example.com", ann, contacts("ann@example.com"), 11},
		{"an e-mail with more before it", "ann@example.com", ann, contacts("joann@example.com"), 0},
		{"an e-mail with more behind it", "ann@example.com", ann, contacts("ann@example.com.au"), 0},
		{"the very e-mail between others", "ann@example.com", ann, contacts("joann@example.com", "ann@example.com", "ann@example.com.au"), 12},
		{"a contact in other case", "ann@example.com", ann, contacts("Ann@EXAMPLE.com"), 11},
		{"an event in other case", "ANN@Example.com", ann, contacts("ann@example.com"), 11},
		{"a contact between blanks", "ann@example.com", ann, contacts(" ann@example.com\t"), 11},
		{"an event between blanks", " ann@example.com\n", ann, contacts("ann@example.com"), 11},
		{"a contact that is named like the e-mail", "ann@example.com", ann, []trengotest.Contact{mailContact(11, "via ann@example.com", "bob@example.com")}, 0},
		{"a contact that is named exactly as the e-mail", "ann@example.com", ann, []trengotest.Contact{mailContact(11, "ann@example.com", "bob@example.com")}, 0},
		{"a contact whose phone is the e-mail", "ann@example.com", ann, []trengotest.Contact{phoneContact(11, "", "ann@example.com")}, 0},
		{"a plus", "ann+shop@example.com", "ann%2Bshop%40example.com", contacts("ann+shop@example.com"), 11},
		{"a plus that others lack", "ann+shop@example.com", "ann%2Bshop%40example.com", contacts("ann@example.com", "shop@example.com"), 0},
		{"separators of a query", "a&b=c#d?e%f@example.com", "a%26b%3Dc%23d%3Fe%25f%40example.com", contacts("a&b=c#d?e%f@example.com"), 11},
		{"a query in the e-mail", "ann@example.com&page=2", "ann%40example.com%26page%3D2", contacts("ann@example.com"), 0},
		{"what looks encoded", "a%41@example.com", "a%2541%40example.com", contacts("aa@example.com"), 0},
		{"letters beyond ASCII", "JÜRGEN@example.com", "j%C3%BCrgen%40example.com", contacts("jürgen@example.com"), 11},
		{"a quote", "o'neil@example.com", "o%27neil%40example.com", contacts("o'neil@example.com"), 11},
	})
}

func TestDestination_matchesPhonesByTheirDigits(t *testing.T) {
	t.Parallel()
	const digits = "31600000042"
	contacts := func(phones ...string) (all []trengotest.Contact) {
		for i, phone := range phones {
			all = append(all, phoneContact(11+int64(i), "Somebody", phone))
		}
		return all
	}
	matches := []matchCase{
		{"a phone with more before it", "+31600000042", digits, contacts("+131600000042"), 0},
		{"a phone with more behind it", "+31600000042", digits, contacts("+316000000421"), 0},
		{"the tail of a phone", "+60000004", "60000004", contacts("+31600000042", "+3160000004"), 0},
		{"a national phone", "+31600000042", digits, contacts("0600000042", "031600000042"), 0},
		{"the very phone between others", "+31600000042", digits, contacts("+131600000042", "31600000042", "+316000000421"), 12},
		{"a contact that is named like the phone", "+31600000042", digits, []trengotest.Contact{phoneContact(11, "31600000042", "+31600000043")}, 0},
		{"a contact with the digits in its e-mail", "+31600000042", digits, []trengotest.Contact{mailContact(11, "", "31600000042@example.com")}, 0},
		{"a contact whose phone has a word in it", "+31600000042", digits, contacts("31600000042 ext 5"), 0},
	}
	for _, spelling := range []string{
		"+31600000042", "31600000042", "0031600000042", " +31600000042\t", "+31 6 0000 0042", "+31 (6) 0000-0042", "+31.600.000.042", " 31 6/00000042 ",
	} {
		matches = append(matches,
			matchCase{"a contact with " + spelling, "+31600000042", digits, contacts(spelling), 11},
			matchCase{"an event with " + spelling, spelling, digits, contacts("+31600000042"), 11},
		)
	}
	runMatches(t, trengo.IdentifierPhone, matches)
}

func TestDestination_severalMatches(t *testing.T) {
	t.Parallel()
	on := func(id int64, channels ...int64) trengotest.Contact {
		return trengotest.Contact{ID: id, Email: "ann@example.com", ChannelIDs: channels}
	}
	const ann = `"traits":{"email":"ann@example.com","name":"Ann Lee"}`
	const override = ann + `,"context":{"externalId":[{"type":"trengoChannelId","id":405981}]}`
	search := searchOf("ann%40example.com")
	duplicates := trengo.DestinationConfig{AllowDuplicates: true}
	renamed := func(id int64) trengo.Result { return trengo.Result{Action: trengo.ActionContactUpdated, ContactID: id} }
	opened := func(id int64) trengo.Result {
		return trengo.Result{Action: trengo.ActionTicketCreated, ContactID: id, TicketID: newTicket}
	}
	ambiguous := func(name, event string, cfg trengo.DestinationConfig, ids []int64, contacts ...trengotest.Contact) eventCase {
		return eventCase{
			name: name, event: event, cfg: cfg, contacts: contacts,
			err: trengo.ErrAmbiguousContact, ids: ids, requests: []string{search},
		}
	}
	// Trengo lists the newest contact first.
	runEvents(t, []eventCase{
		{
			name: "the one on the channel is renamed", event: identifyEvent(ann),
			contacts: []trengotest.Contact{on(11, otherMailChannel), on(12, mailChannel), on(13)},
			want:     renamed(12), requests: []string{search, renameOf(12, "Ann Lee")},
		},
		{
			name: "the one on the channel gets the ticket", event: trackEvent(ann),
			contacts: []trengotest.Contact{on(11, phoneChannel, mailChannel), on(12, otherMailChannel), on(13, otherMailChannel)},
			want:     opened(11), requests: []string{search, ticketOf(11, mailChannel, "About Ev")},
		},
		{
			name: "the one on the channel of the override gets the ticket", event: trackEvent(override),
			contacts: []trengotest.Contact{on(11, mailChannel), on(12, otherMailChannel), on(13, mailChannel)},
			want:     opened(12), requests: []string{search, ticketOf(12, otherMailChannel, "About Ev")},
		},
		{
			name: "the one on the channel of the override is renamed", event: identifyEvent(override),
			contacts: []trengotest.Contact{on(11, mailChannel), on(12, otherMailChannel)},
			want:     renamed(12), requests: []string{search, renameOf(12, "Ann Lee")},
		},
		{
			name: "a single one on another channel is the one", event: trackEvent(ann),
			contacts: []trengotest.Contact{on(11, otherMailChannel)},
			want:     opened(11), requests: []string{search, ticketOf(11, mailChannel, "About Ev")},
		},
		{
			name: "the newest on the channel gets the ticket with duplicates allowed", event: trackEvent(ann), cfg: duplicates,
			contacts: []trengotest.Contact{on(11, mailChannel), on(13, mailChannel), on(12, mailChannel), on(14, otherMailChannel)},
			want:     opened(13), requests: []string{search, ticketOf(13, mailChannel, "About Ev")},
		},
		{
			name: "the one on the channel gets the ticket with duplicates allowed, though another is newer", event: trackEvent(ann), cfg: duplicates,
			contacts: []trengotest.Contact{on(11, mailChannel), on(12, otherMailChannel)},
			want:     opened(11), requests: []string{search, ticketOf(11, mailChannel, "About Ev")},
		},
		ambiguous("none on the channel is ambiguous for identify", identifyEvent(ann), trengo.DestinationConfig{}, []int64{12, 11}, on(11, otherMailChannel), on(12)),
		ambiguous("none on the channel is ambiguous for track", trackEvent(ann), trengo.DestinationConfig{}, []int64{12, 11}, on(11, otherMailChannel), on(12)),
		ambiguous("none on the channel is ambiguous with duplicates allowed", trackEvent(ann), duplicates, []int64{12, 11}, on(11, otherMailChannel), on(12)),
		ambiguous("none on the channel is not solved by a new contact", trackEvent(ann), trengo.DestinationConfig{CreateMissingContacts: true}, []int64{12, 11}, on(11), on(12)),
		ambiguous("several on the channel are ambiguous for identify", identifyEvent(ann), trengo.DestinationConfig{}, []int64{12, 11}, on(11, mailChannel), on(12, mailChannel)),
		ambiguous("several on the channel are ambiguous for track", trackEvent(ann), trengo.DestinationConfig{}, []int64{13, 12, 11}, on(11, mailChannel), on(12, mailChannel), on(13)),
	})
}

// crowd is n people whose e-mails have Ann's within them.
func crowd(n int) []trengotest.Contact {
	var all []trengotest.Contact
	for i := range n {
		all = append(all, mailContact(1000+int64(i), fmt.Sprintf("Joann %d", i), fmt.Sprintf("jo%dann@example.com", i)))
	}
	return all
}

func TestDestination_laterPagesCount(t *testing.T) {
	t.Parallel()
	pages := func(n int) (lines []string) {
		for page := range n {
			lines = append(lines, fmt.Sprintf("GET /contacts?page=%d&term=ann%%40example.com", page+1))
		}
		return lines
	}
	const ann = `"traits":{"email":"ann@example.com"}`
	found := trengo.Result{Action: trengo.ActionTicketCreated, ContactID: 11, TicketID: newTicket}
	ticket := ticketOf(11, mailChannel, "About Ev")
	first := mailContact(11, "Ann", "ann@example.com")
	first.CreatedAt = time.Unix(0, 0) // the oldest, so that it is on the last page
	runEvents(t, []eventCase{
		{
			name: "the person is on the second page", event: trackEvent(ann), contacts: append(crowd(25), first),
			want: found, requests: append(pages(2), ticket),
		},
		{
			name: "the person is nowhere", event: trackEvent(ann), contacts: crowd(50),
			err: trengo.ErrContactNotFound, requests: pages(2),
		},
		{
			name: "the person is on the first page and the last", event: trackEvent(ann),
			contacts: append(crowd(50), first, mailContact(5000, "Ann", "ann@example.com")),
			err:      trengo.ErrAmbiguousContact, ids: []int64{5000, 11}, requests: pages(3),
		},
		{
			name: "the person is the last of as many as are looked at", event: trackEvent(ann), contacts: append(crowd(249), first),
			want: found, requests: append(pages(10), ticket),
		},
	})
}

// One hit more than are looked at, and nobody knows who is on the pages that
// nobody read.
func TestDestination_tooManyHits(t *testing.T) {
	t.Parallel()
	for name, contacts := range map[string][]trengotest.Contact{
		"the person was among those that were read": append(crowd(250), mailContact(5000, "Ann", "ann@example.com")),
		"the person was not":                        crowd(400),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var ids []int64
				if contacts[len(contacts)-1].ID == 5000 {
					ids = []int64{5000}
				}
				for _, event := range []string{identifyEvent(`"traits":{"email":"ann@example.com","name":"Ann"}`), trackEvent(`"traits":{"email":"ann@example.com"}`)} {
					srv := newTrengo(contacts...)
					destination := destinationOn(t, srv, trengo.DestinationConfig{CreateMissingContacts: true})
					result, err := destination.Process(t.Context(), mustParse(t, event))
					var ambiguous *trengo.AmbiguousContactError
					if !errors.As(err, &ambiguous) || !ambiguous.Truncated || !errors.Is(err, trengo.ErrAmbiguousContact) {
						t.Fatalf("error is %v, want an ambiguous contact that is not read to its end", err)
					}
					if diff := cmp.Diff(append([]int64{}, ids...), ambiguous.ContactIDs); diff != "" {
						t.Errorf("contacts (-want +got):\n%s", diff)
					}
					if n := len(srv.Requests()); n > 11 || result != (trengo.Result{}) {
						t.Errorf("%+v after %d requests", result, n)
					}
					if last := requestLines(srv); !strings.HasPrefix(last[len(last)-1], "GET ") {
						t.Errorf("a write was sent: %s", last[len(last)-1])
					}
					if !strings.Contains(err.Error(), "too many pages") {
						t.Errorf("the error does not say that there may be more: %v", err)
					}
				}
			})
		})
	}
}
