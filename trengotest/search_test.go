package trengotest_test

import (
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

func TestServer_searchContacts(t *testing.T) {
	t.Parallel()
	srv := newServer()
	for i, c := range []trengotest.Contact{
		{Name: "Ann Example", Email: "ann@example.com"},
		{Name: "Ann Other", Phone: "+31600000001"},
		{Name: "Ben", Phone: "31600000002"},      // without +
		{Name: "Cleo", Phone: "+31 6 000000-21"}, // formatted
		{Email: "ANN+shop@example.com"},
	} {
		c.CreatedAt = monday.Add(-time.Duration(i) * time.Minute)
		srv.AddContact(c)
	}
	a := newAPI(t, srv)
	for _, tt := range []struct {
		name, query string
		want        []string // names
	}{
		{"no term", "", []string{"Ann Example", "Ann Other", "Ben", "Cleo", "<nil>"}},
		{"empty term", "term=", []string{"Ann Example", "Ann Other", "Ben", "Cleo", "<nil>"}},
		{"part of a name", "term=xampl", []string{"Ann Example", "<nil>"}},
		{"any case, several results", "term=ANN", []string{"Ann Example", "Ann Other", "<nil>"}},
		{"email", "term=ann@example.com", []string{"Ann Example"}},
		{"no result", "term=nobody", nil},
		{"digits of a formatted number", "term=31600000021", []string{"Cleo"}},
		{"digits in another format", "term=" + url.QueryEscape("+31 (6) 0000 0001"), []string{"Ann Other"}},
		{"phone number without +", "term=31600000001", []string{"Ann Other"}},
		{"end of a phone number", "term=0000002", []string{"Ben", "Cleo"}},
		{"+ in the term only", "term=%2B31600000002", []string{"Ben"}},
		{"an unescaped + is a space", "term=ann+shop", nil},
		{"an escaped + is a +", "term=ann%2Bshop", []string{"<nil>"}},
		{"channel_id is ignored", "term=ben&channel_id=1", []string{"Ben"}},
	} {
		got := a.do("GET", "/contacts?"+tt.query, nil)
		if names := got.all("name"); got.status != 200 || !slices.Equal(names, tt.want) {
			t.Errorf("%s: got status %d, names %v, want %v", tt.name, got.status, names, tt.want)
		}
	}
}

func TestBehavior_search(t *testing.T) {
	t.Parallel()
	srv := newServer()
	srv.Behavior = trengotest.Behavior{CaseSensitiveSearch: true, ContactChannelFilter: true}
	srv.AddContact(trengotest.Contact{Name: "Ann", ChannelIDs: []int64{firstChannel}})
	srv.AddContact(trengotest.Contact{Name: "ann"})
	a := newAPI(t, srv)
	if got := a.do("GET", "/contacts?term=ann", nil).all("id"); !slices.Equal(got, []string{"460000002"}) {
		t.Errorf("got %v for a case-sensitive term", got)
	}
	if got := a.do("GET", "/contacts?channel_id=406001", nil).all("id"); !slices.Equal(got, []string{"460000001"}) {
		t.Errorf("got %v for a channel", got)
	}
}

func TestBehavior_SearchDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServer()
		srv.Behavior.SearchDelay = time.Minute
		srv.AddContact(trengotest.Contact{Name: "Ann Seeded"})
		a := newAPI(t, srv)
		a.do("POST", "/channels/406001/contacts", fields("identifier", "ann@example.com", "name", "Ann New"))
		for _, tt := range []struct {
			path string
			want int
		}{{"/contacts?term=ann", 1}, {"/contacts", 2}} {
			if got := a.do("GET", tt.path, nil).all("id"); len(got) != tt.want {
				t.Errorf("%s at once: got %v", tt.path, got)
			}
		}
		a.do("POST", "/channels/406001/contacts", fields("identifier", "ann@example.com"))
		if got := len(srv.Contacts()); got != 2 {
			t.Errorf("got %d contacts after creating one again, want 2", got)
		}
		time.Sleep(time.Minute)
		if got := a.do("GET", "/contacts?term=ann", nil).all("id"); len(got) != 2 {
			t.Errorf("got %v after a minute", got)
		}
	})
}
