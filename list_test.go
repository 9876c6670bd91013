package trengo_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// withContacts returns a server with n contacts, and their IDs in the order of a
// list.
func withContacts(n int) (*trengotest.Server, []int64) {
	srv := trengotest.New()
	var ids []int64
	for i := range n {
		contact := srv.AddContact(trengotest.Contact{Email: strconv.Itoa(i) + "@example.com"})
		ids = append(ids, contact.ID)
	}
	slices.Reverse(ids)
	return srv, ids
}

// pagesRequested returns the page parameter of each request.
func pagesRequested(srv *trengotest.Server) []string {
	var pages []string
	for _, r := range srv.Requests() {
		pages = append(pages, r.Query.Get("page"))
	}
	return pages
}

func TestContactsService_List_pages(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		contacts int
		behavior trengotest.Behavior
		opts     trengo.ContactListOptions
		want     int
		pages    []string
	}{
		{"an empty list", 0, trengotest.Behavior{}, trengo.ContactListOptions{}, 0, []string{"1"}},
		{"a partial page", 3, trengotest.Behavior{}, trengo.ContactListOptions{}, 3, []string{"1"}},
		{"a full page", 25, trengotest.Behavior{}, trengo.ContactListOptions{}, 25, []string{"1"}},
		{"several pages", 60, trengotest.Behavior{}, trengo.ContactListOptions{}, 60, []string{"1", "2", "3"}},
		{"several pages with totals", 60, trengotest.Behavior{Totals: true}, trengo.ContactListOptions{}, 60, []string{"1", "2", "3"}},
		{"an empty list with totals", 0, trengotest.Behavior{Totals: true}, trengo.ContactListOptions{}, 0, []string{"1"}},
		{"a different page size", 60, trengotest.Behavior{}, trengo.ContactListOptions{PerPage: 40}, 60, []string{"1", "2"}},
		{"a server that repeats its first page", 60, trengotest.Behavior{RepeatPages: true}, trengo.ContactListOptions{}, 25, []string{"1", "2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv, ids := withContacts(tt.contacts)
			srv.Behavior = tt.behavior
			all, err := testkit.Collect(fixtures.NewClient(t, srv).Contacts.List(t.Context(), tt.opts))
			if err != nil {
				t.Fatal(err)
			}
			var got []int64
			for _, contact := range all {
				got = append(got, contact.ID)
			}
			if diff := cmp.Diff(ids[:tt.want], got); tt.want > 0 && diff != "" || len(got) != tt.want {
				t.Errorf("contacts (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.pages, pagesRequested(srv)); diff != "" {
				t.Errorf("pages (-want +got):\n%s", diff)
			}
		})
	}
}

// A page is requested when the loop reaches it.
func TestContactsService_List_isLazy(t *testing.T) {
	t.Parallel()
	srv, _ := withContacts(60)
	list := fixtures.NewClient(t, srv).Contacts.List(t.Context(), trengo.ContactListOptions{})
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests before the loop", n)
	}
	for _, tt := range []struct {
		items int
		pages []string
	}{
		{1, []string{"1"}},
		{25, []string{"1"}},
		{26, []string{"1", "2"}},
	} {
		srv.ResetRequests()
		items := 0
		for _, err := range list {
			if err != nil {
				t.Fatal(err)
			}
			if items++; items == tt.items {
				break
			}
		}
		if diff := cmp.Diff(tt.pages, pagesRequested(srv)); diff != "" {
			t.Errorf("pages for %d items (-want +got):\n%s", tt.items, diff)
		}
	}
}

// Every loop reads the list again. Several may do so at once.
func TestContactsService_List_severalLoops(t *testing.T) {
	t.Parallel()
	srv, ids := withContacts(30)
	list := fixtures.NewClient(t, srv).Contacts.List(t.Context(), trengo.ContactListOptions{})
	var loops sync.WaitGroup
	for range 8 {
		loops.Go(func() {
			if all, err := testkit.Collect(list); err != nil || len(all) != len(ids) {
				t.Errorf("a loop read %d contacts and %v, want %d", len(all), err, len(ids))
			}
		})
	}
	loops.Wait()
	srv.AddContact(trengotest.Contact{})
	if again, err := testkit.Collect(list); err != nil || len(again) != len(ids)+1 {
		t.Errorf("the last loop read %d contacts and %v, want the new one, too", len(again), err)
	}
}

func TestContactsService_List_error(t *testing.T) {
	tests := []struct {
		name   string
		faults []trengotest.Fault
		items  int
		is     []string
		pages  []string
	}{
		{"on the first page", []trengotest.Fault{trengotest.RespondHTML(404)}, 0, []string{"not found"}, []string{"1"}},
		{"on a later page", []trengotest.Fault{{}, trengotest.Respond(401, "application/json", "{}")}, 25, []string{"unauthorized"}, []string{"1", "2"}},
		{"that a retry overcomes", []trengotest.Fault{{}, trengotest.RespondHTML(502), trengotest.LostAfter()}, 60, nil, []string{"1", "2", "2", "2", "3"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, _ := withContacts(60)
				srv.Inject(tt.faults...)
				items := 0
				var last error
				for contact, err := range fixtures.NewClient(t, srv).Contacts.List(t.Context(), trengo.ContactListOptions{}) {
					if last != nil {
						t.Fatalf("%+v, %v after the error", contact, err)
					}
					if (contact == nil) == (err == nil) {
						t.Fatalf("%+v, %v; want either a contact or an error", contact, err)
					}
					if last = err; err == nil {
						items++
					}
				}
				if diff := cmp.Diff(tt.is, fixtures.MatchingSentinels(last)); diff != "" || items != tt.items {
					t.Errorf("%d items, then %v; want %d, errors.Is (-want +got):\n%s", items, last, tt.items, diff)
				}
				if diff := cmp.Diff(tt.pages, pagesRequested(srv)); diff != "" {
					t.Errorf("pages (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestContactsService_List_contextEndsBetweenPages(t *testing.T) {
	t.Parallel()
	srv, _ := withContacts(60)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	items := 0
	var last error
	for _, err := range fixtures.NewClient(t, srv).Contacts.List(ctx, trengo.ContactListOptions{}) {
		cancel()
		if last = err; err == nil {
			items++
		}
	}
	if items != 25 || !errors.Is(last, context.Canceled) || len(srv.Requests()) != 1 {
		t.Errorf("%d items, then %v after %d requests; want only the first page", items, last, len(srv.Requests()))
	}
}

// What counts as a page.
func TestContactsService_List_response(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		body  string
		items int
		fails bool
	}{
		{"an empty page", `{"data":[]}`, 0, false},
		{"empty pages with a next link, without end", `{"data":[],"links":{"next":"x"}}`, 0, true},
		{"links that are an empty array", `{"data":[{"id":1}],"links":[]}`, 1, false},
		{"links that are null", `{"data":[{"id":1}],"links":null}`, 1, false},
		{"no links", `{"data":[{"id":1}]}`, 1, false},
		{"a next link that is null", `{"data":[{"id":1}],"links":{"next":null}}`, 1, false},
		{"a next link that is not text", `{"data":[{"id":1}],"links":{"next":false}}`, 1, false},
		{"unknown fields", `{"data":[{"id":1,"new":{}}],"new":[],"meta":5}`, 1, false},
		{"an item with a field of another type", `{"data":[{"id":1,"name":5,"channels":{}},{"id":2,"name":"Ann"}]}`, 2, false},
		{"no data", `{}`, 0, true},
		{"an empty array", `[]`, 0, true},
		{"an array", `[{"id":1}]`, 0, true},
		{"null", `null`, 0, true},
		{"data that is null", `{"data":null}`, 0, true},
		{"data that is an array with gaps", `{"data":{"0":{"id":1},"2":{"id":3,"name":5}}}`, 2, false},
		{"data that is an empty object", `{"data":{}}`, 0, false},
		{"data that is an object", `{"data":{"id":1}}`, 0, true},
		{"data that is an array with gaps, and one in it is null", `{"data":{"0":null}}`, 0, true},
		{"a byte order mark", "\ufeff" + `{"data":[{"id":1}]}`, 1, false},
		{"data that is text", `{"data":"none"}`, 0, true},
		{"an error with status 200", `{"message":"Server Error"}`, 0, true},
		{"an item that is null", `{"data":[{"id":1},null]}`, 0, true},
		{"an item without an ID", `{"data":[{"id":1},{"name":"Ann"}]}`, 0, true},
		{"an item whose ID is text", `{"data":[{"id":"1"}]}`, 0, true},
		{"an item that is text", `{"data":["Ann"]}`, 0, true},
		{"nothing", ``, 0, true},
		{"a web page", fixtures.HTMLPage, 0, true},
		{"truncated JSON", `{"data":[{"id":1},`, 0, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client := fixtures.NewClient(t, testkit.Respond(http.StatusOK, tt.body), trengo.WithMaxRetries(0))
			all, err := testkit.Collect(client.Contacts.List(t.Context(), trengo.ContactListOptions{}))
			if len(all) != tt.items || (err != nil) != tt.fails {
				t.Errorf("%d items and %v, want %d, an error: %t", len(all), err, tt.items, tt.fails)
			}
			if tt.fails && fixtures.ErrorOf(t, err).StatusCode != http.StatusOK {
				t.Errorf("error is %v, want one with status 200", err)
			}
		})
	}
}

// A list ends at a repeated page, even if that links to another one. It goes on
// after empty pages, and after a repeated one that says its number, because others
// insert and delete while it is read.
func TestContactsService_List_endlessLinks(t *testing.T) {
	tests := []struct {
		name     string
		pages    []string // the data of each; the last one is repeated
		items    int
		requests int
	}{
		{"empty pages between others", []string{`[{"id":1}]`, `[]`, `[]`, `[]`, `[{"id":2}]`, `[{"id":2}]`}, 2, 6},
		{"a repeated page that says its number", []string{`[{"id":1}]`, `[{"id":1}],"meta":{"current_page":2}`, `[{"id":2}],"meta":{"current_page":3}`}, 3, 4},
		{"a page that repeats the one before", []string{`[{"id":1},{"id":2}]`, `[{"id":3}]`}, 3, 3},
		{"a page that repeats the one before after a retry", []string{`[{"id":1},{"id":2}]`, `[{"id":1},null]`, `[{"id":1},{"id":2}]`}, 2, 3},
		{"a repeated page that says its number as text", []string{`[{"id":1}]`, `[{"id":1}],"meta":{"current_page":"2"}`, `[{"id":2}],"meta":{"current_page":"3"}`}, 3, 4},
		{"a repeated page whose number is not one", []string{`[{"id":1}]`, `[{"id":1}],"meta":{"current_page":"two"}`}, 1, 2},
		{"a page with the same items in another order", []string{`[{"id":1},{"id":2}]`, `[{"id":2},{"id":1}]`}, 4, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				requests := 0
				client := fixtures.NewClient(t, testkit.RoundTripperFunc(func(r *http.Request) (*http.Response, error) {
					requests++
					data := tt.pages[min(requests, len(tt.pages))-1]
					return testkit.Respond(http.StatusOK, `{"data":`+data+`,"links":{"next":"https://example.com"}}`)(r)
				}))
				all, err := testkit.Collect(client.Contacts.List(t.Context(), trengo.ContactListOptions{}))
				if err != nil || len(all) != tt.items || requests != tt.requests {
					t.Errorf("%d items and %v after %d requests, want %d after %d", len(all), err, requests, tt.items, tt.requests)
				}
			})
		})
	}
}

// An endpoint may state the number that it was asked for and ignore it otherwise.
func TestContactsService_List_repeatsForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		client := fixtures.NewClient(t, testkit.RoundTripperFunc(func(r *http.Request) (*http.Response, error) {
			requests++
			return testkit.Respond(http.StatusOK, `{"data":[{"id":1}],"links":{"next":"x"},"meta":{"current_page":`+r.URL.Query().Get("page")+`}}`)(r)
		}))
		_, err := testkit.Collect(client.Contacts.List(t.Context(), trengo.ContactListOptions{}))
		const want = "trengo: GET /contacts: 200 OK: a list with too many pages that are empty or repeat others"
		if fmt.Sprint(err) != want || requests > 10 {
			t.Errorf("%d requests and %v, want %s", requests, err, want)
		}
	})
}

func TestContactsService_List_query(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		opts trengo.ContactListOptions
		want url.Values
	}{
		{"the zero value", trengo.ContactListOptions{}, url.Values{"page": {"1"}}},
		{"all options", trengo.ContactListOptions{Term: "ann+1@example.com", PerPage: 50}, url.Values{"page": {"1"}, "term": {"ann+1@example.com"}, "per_page": {"50"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := trengotest.New()
			if _, err := testkit.Collect(fixtures.NewClient(t, srv).Contacts.List(t.Context(), tt.opts)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, srv.Requests()[0].Query); diff != "" || srv.Requests()[0].Path != "/contacts" {
				t.Errorf("%s, query (-want +got):\n%s", srv.Requests()[0].Path, diff)
			}
		})
	}
}

func TestTicketsService_List_query(t *testing.T) {
	t.Parallel()
	opts := trengo.TicketListOptions{
		Status: trengo.TicketStatusClosed, ContactID: 4_000_000_001,
		UserIDs: []int64{1, 2}, ChannelIDs: []int64{3}, LabelIDs: []int64{4, 5},
		LastMessageType: "INBOUND", OldestFirst: true, Term: "+31 6", PerPage: 100,
		UpdatedAfter: time.Date(2024, 2, 19, 1, 30, 0, 0, time.FixedZone("", 2*60*60)),
	}
	tests := []struct {
		name string
		opts trengo.TicketListOptions
		want url.Values
	}{
		{"the zero value", trengo.TicketListOptions{}, url.Values{"page": {"1"}}},
		{"all options", opts, url.Values{
			"page": {"1"}, "per_page": {"100"}, "status": {"CLOSED"}, "contact_id": {"4000000001"},
			"users[]": {"1", "2"}, "channels[]": {"3"}, "labels[]": {"4", "5"},
			"last_message_type": {"INBOUND"}, "sort": {"date"}, "term": {"+31 6"},
			"updated_at_gt": {"2024-02-18 23:30:00"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := trengotest.New()
			if _, err := testkit.Collect(fixtures.NewClient(t, srv).Tickets.List(t.Context(), tt.opts)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, srv.Requests()[0].Query); diff != "" || srv.Requests()[0].Path != "/tickets" {
				t.Errorf("%s, query (-want +got):\n%s", srv.Requests()[0].Path, diff)
			}
		})
	}
}

// A list does not notice later changes to its options.
func TestTicketsService_List_copiesItsOptions(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	in := fixtures.AddTicketParams(srv)
	for range 30 {
		srv.AddTicket(trengotest.Ticket{ContactID: in.ContactID, ChannelID: in.ChannelID, UserID: 3601})
	}
	opts := trengo.TicketListOptions{UserIDs: []int64{3601}, ChannelIDs: []int64{in.ChannelID}}
	list := fixtures.NewClient(t, srv).Tickets.List(t.Context(), opts)
	opts.UserIDs[0], opts.ChannelIDs[0] = 1, 1
	for range 2 {
		all, err := testkit.Collect(list)
		if err != nil || len(all) != 30 {
			t.Errorf("%d tickets and %v, want 30", len(all), err)
		}
	}
	if opts.UserIDs[0] != 1 || opts.ChannelIDs[0] != 1 {
		t.Errorf("the list changed the options: %+v", opts)
	}
	for _, r := range srv.Requests() {
		if r.Query.Get("users[]") != "3601" || len(r.Query["page"]) != 1 {
			t.Errorf("query is %v", r.Query)
		}
	}
}

func TestTicketsService_List_items(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	in := fixtures.AddTicketParams(srv)
	at := time.Date(2024, 7, 4, 7, 22, 37, 0, time.UTC)
	ticket := srv.AddTicket(trengotest.Ticket{ContactID: in.ContactID, ChannelID: in.ChannelID, Subject: "Order 12", CreatedAt: at})
	message := srv.AddMessage(trengotest.Message{TicketID: ticket.ID, Text: "Hello", CreatedAt: at})
	all, err := testkit.Collect(fixtures.NewClient(t, srv).Tickets.List(t.Context(), trengo.TicketListOptions{ContactID: in.ContactID}))
	if err != nil || len(all) != 1 {
		t.Fatalf("got %+v, %v; want one ticket", all, err)
	}
	got := all[0]
	if got.ID != ticket.ID || got.Status != trengo.TicketStatusOpen || got.Subject != "Order 12" || got.ChannelID != 0 {
		t.Errorf("ticket is %+v", got)
	}
	if got.Contact.ID != in.ContactID || got.Channel.ID != in.ChannelID || got.MessagesCount != 1 {
		t.Errorf("contact %+v, channel %+v, %d messages", got.Contact, got.Channel, got.MessagesCount)
	}
	want := &trengo.LatestMessage{ID: message.ID, Type: "INBOUND", Message: "Hello", CreatedAt: "2024-07-04 09:22:37"}
	got.LatestMessage.Attachments = nil
	if diff := cmp.Diff(want, got.LatestMessage); diff != "" || got.LatestMessageAt != "2024-07-04 09:22:37" {
		t.Errorf("at %s the latest message (-want +got):\n%s", got.LatestMessageAt, diff)
	}
}
