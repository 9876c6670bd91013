package trengotest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

// newServerWithContacts returns a Server with n contacts. The last one is the newest.
func newServerWithContacts(n int) *trengotest.Server {
	srv := newServer()
	for i := range n {
		srv.AddContact(trengotest.Contact{
			Name:      fmt.Sprintf("Ann %d", i+1),
			Email:     fmt.Sprintf("ann%d@example.com", i+1),
			CreatedAt: monday.Add(time.Duration(i) * time.Minute),
		})
	}
	return srv
}

func TestServer_listWithoutTotals(t *testing.T) {
	t.Parallel()
	const base = "https://app.trengo.com/api/v2/contacts?page="
	newAPI(t, newServerWithContacts(60)).run(t, []step{
		{
			name: "the first page", method: "GET", path: "/contacts?term=ann",
			want: map[string]string{
				"data.0.name": "Ann 60", "data.24.name": "Ann 36", "data.25": "missing",
				"links.first": base + "1", "links.last": "<nil>", "links.prev": "<nil>", "links.next": base + "2",
				"meta.current_page": "1", "meta.from": "1", "meta.to": "25", "meta.per_page": "25",
				"meta.path": "https://app.trengo.com/api/v2/contacts", "meta.total": "missing", "meta.last_page": "missing", "meta.links": "missing",
			},
		},
		{
			name: "the last page", method: "GET", path: "/contacts?page=3",
			want: map[string]string{
				"data.0.name": "Ann 10", "data.9.name": "Ann 1", "data.10": "missing",
				"links.prev": base + "2", "links.next": "<nil>", "meta.from": "51", "meta.to": "60",
			},
		},
		{
			name: "past the end", method: "GET", path: "/contacts?page=4",
			want: map[string]string{"data": "[]", "links.next": "<nil>", "links.prev": base + "3", "meta.from": "<nil>", "meta.to": "<nil>", "meta.current_page": "4"},
		},
		{
			name: "far past the end", method: "GET", path: "/contacts?page=9223372036854775807",
			want: map[string]string{"data": "[]", "links.next": "<nil>"},
		},
		{
			name: "page 0 is the first page", method: "GET", path: "/contacts?page=0",
			want: map[string]string{"data.0.name": "Ann 60", "meta.current_page": "1"},
		},
		{
			name: "per_page", method: "GET", path: "/contacts?per_page=30&page=2",
			want: map[string]string{"data.0.name": "Ann 30", "data.29.name": "Ann 1", "meta.per_page": "30", "links.next": "<nil>"},
		},
		{
			name: "per_page above the maximum", method: "GET", path: "/contacts?per_page=500",
			want: map[string]string{"meta.per_page": "100", "data.59.name": "Ann 1"},
		},
		{
			name: "limit is ignored", method: "GET", path: "/contacts?limit=5",
			want: map[string]string{"data.24.name": "Ann 36", "meta.per_page": "25"},
		},
	})
}

func TestServer_listWithTotals(t *testing.T) {
	t.Parallel()
	srv := newServer()
	for range 30 {
		srv.AddChannel(trengotest.Channel{Type: "CHAT"})
	}
	const base = "https://app.trengo.com/api/v2/channels?page="
	newAPI(t, srv).run(t, []step{
		{
			name: "a middle page", method: "GET", path: "/channels?page=2&per_page=15",
			want: map[string]string{
				"links.first": base + "1", "links.last": base + "3", "links.prev": base + "1", "links.next": base + "3",
				"meta.last_page": "3", "meta.total": "32", "meta.from": "16", "meta.to": "30",
				"meta.links.0.label": "pagination.previous", "meta.links.0.url": base + "1", "meta.links.0.active": "false",
				"meta.links.2.label": "2", "meta.links.2.active": "true", "meta.links.4.label": "pagination.next", "meta.links.5": "missing",
			},
		},
		{
			name: "an empty list", method: "GET", path: "/sms_messages",
			want: map[string]string{
				"data": "[]", "meta.total": "0", "meta.from": "<nil>", "meta.to": "<nil>", "meta.last_page": "1", "meta.per_page": "25",
				"meta.links.0.url": "<nil>", "links.next": "<nil>",
			},
		},
		{name: "webhooks", method: "GET", path: "/webhooks", want: map[string]string{"meta.per_page": "999"}},
		{name: "quick replies", method: "GET", path: "/quick_replies", want: map[string]string{"meta.per_page": "999"}},
		{name: "users", method: "GET", path: "/users", want: map[string]string{"meta.total": "1", "data.0.id": "3601"}},
	})
}

func TestBehavior_Totals(t *testing.T) {
	t.Parallel()
	srv := newServerWithContacts(30)
	srv.Behavior = trengotest.Behavior{Totals: true, LinksURL: "http://127.0.0.1:5000"}
	newAPI(t, srv).run(t, []step{{
		name: "totals and another host", method: "GET", path: "/contacts",
		want: map[string]string{"meta.total": "30", "links.next": "http://127.0.0.1:5000/api/v2/contacts?page=2"},
	}})
}

func TestBehavior_RepeatPages(t *testing.T) {
	t.Parallel()
	srv := newServerWithContacts(30)
	srv.Behavior.RepeatPages = true
	a := newAPI(t, srv)
	first := a.do("GET", "/contacts", nil)
	for page := 2; page < 5; page++ {
		got := a.do("GET", fmt.Sprintf("/contacts?page=%d", page), nil)
		if string(got.body) != string(first.body) || got.at("links.next") == "<nil>" {
			t.Errorf("page %d is not the first page: %s", page, got.body)
		}
	}
}

func TestServer_listOrder(t *testing.T) {
	t.Parallel()
	srv := newServer()
	contact := srv.AddContact(trengotest.Contact{Email: "ann@example.com"})
	ticket := func(subject string, after time.Duration) trengotest.Ticket {
		return srv.AddTicket(trengotest.Ticket{ContactID: contact.ID, ChannelID: firstChannel, Subject: subject, CreatedAt: monday.Add(after)})
	}
	old := ticket("old", 0)
	ticket("new", time.Hour)
	ticket("middle", time.Minute)
	srv.AddMessage(trengotest.Message{TicketID: old.ID, Text: "second", CreatedAt: monday.Add(3 * time.Hour)})
	srv.AddMessage(trengotest.Message{TicketID: old.ID, Text: "first", CreatedAt: monday.Add(2 * time.Hour)})
	srv.AddContact(trengotest.Contact{Email: "early@example.com", CreatedAt: monday.Add(-time.Hour)})

	a := newAPI(t, srv)
	for _, tt := range []struct {
		path, field string
		want        []string
	}{
		{"/tickets", "subject", []string{"old", "new", "middle"}},
		{"/tickets?sort=-date", "subject", []string{"old", "new", "middle"}},
		{"/tickets?sort=date", "subject", []string{"middle", "new", "old"}},
		{ticketPath(1) + "/messages", "message", []string{"second", "first"}},
		{"/contacts", "email", []string{"ann@example.com", "early@example.com"}},
	} {
		if got := a.do("GET", tt.path, nil).all(tt.field); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.path, got, tt.want)
		}
	}
}

func TestBehavior_IgnorePerPage(t *testing.T) {
	t.Parallel()
	srv := newServerWithContacts(30)
	srv.Behavior = trengotest.Behavior{IgnorePerPage: true}
	newAPI(t, srv).run(t, []step{{
		name: "the default page", method: "GET", path: "/contacts?per_page=10",
		want: map[string]string{"meta.per_page": "25", "data.24.name": "Ann 6", "links.next": "https://app.trengo.com/api/v2/contacts?page=2"},
	}})
}
