package trengotest_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/trengo-go/trengo/trengotest"
)

// desk returns a Server with an e-mail and a phone channel.
func desk() *trengotest.Server {
	srv := trengotest.New()
	srv.AddChannel(trengotest.Channel{Type: "EMAIL", Title: "Support"})
	srv.AddChannel(trengotest.Channel{Type: "SMS", Title: "Texts"})
	return srv
}

func TestServer_authentication_rules1to3(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		behavior    trengotest.Behavior
		auth        string
		accept      string
		status      int
		contentType string
		body        string // "" is not checked
	}{
		{
			name: "rule 1: the token is accepted",
			auth: "Bearer test-token", accept: "application/json",
			status: 200, contentType: "application/json",
		},
		{
			name: "rule 2: a wrong token",
			auth: "Bearer other", accept: "application/json",
			status: 401, contentType: "application/json", body: `{"errors":[],"message":"Unauthenticated."}`,
		},
		{
			name: "rule 2: no token", accept: "application/json",
			status: 401, contentType: "application/json", body: `{"errors":[],"message":"Unauthenticated."}`,
		},
		{
			name: "rule 1: the token without its scheme",
			auth: "test-token", accept: "application/json",
			status: 401, contentType: "application/json",
		},
		{
			name: "rule 3: a wrong token without Accept is a web page",
			auth: "Bearer other", status: 401, contentType: "text/html; charset=UTF-8",
		},
		{
			name:     "rule 3: switched to JSON",
			behavior: trengotest.Behavior{JSONUnauthorized: true},
			auth:     "Bearer other", status: 401, contentType: "application/json",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := trengotest.New()
			srv.Behavior = tt.behavior
			got := newAPI(t, srv).with("Authorization", tt.auth).with("Accept", tt.accept).do("GET", "/contacts", nil)
			if got.status != tt.status || got.header.Get("Content-Type") != tt.contentType {
				t.Errorf("got %d %q, want %d %q", got.status, got.header.Get("Content-Type"), tt.status, tt.contentType)
			}
			if tt.body != "" && string(got.body) != tt.body {
				t.Errorf("body %s, want %s", got.body, tt.body)
			}
		})
	}
}

func TestServer_SetTokens(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	a := newAPI(t, srv)
	srv.SetTokens("new-token")
	if got := a.do("GET", "/contacts", nil); got.status != 401 {
		t.Errorf("a revoked token got %d, want 401", got.status)
	}
	if got := a.with("Authorization", "Bearer new-token").do("GET", "/contacts", nil); got.status != 200 {
		t.Errorf("the new token got %d, want 200", got.status)
	}
}

func TestServer_actingUser_rule1(t *testing.T) {
	t.Parallel()
	srv := desk()
	srv.AddContact(trengotest.Contact{Email: "ann@example.com"})
	colleague := srv.AddUser(trengotest.User{FirstName: "Kim", Email: "kim@example.com", Token: "kim-token"})
	ticket := fields("channel_id", firstChannel, "contact_id", firstContact)
	a := newAPI(t, srv)
	a.do("POST", "/tickets", ticket)
	a.with("Authorization", "Bearer kim-token").do("POST", "/tickets", ticket)
	tickets, users := srv.Tickets(), srv.Users()
	if len(users) != 2 || users[0].ID != firstUser {
		t.Fatalf("users are %+v", users)
	}
	if tickets[0].UserID != users[0].ID || tickets[1].UserID != colleague.ID {
		t.Errorf("tickets went to %d and %d, want %d and %d", tickets[0].UserID, tickets[1].UserID, users[0].ID, colleague.ID)
	}
}

func TestServer_bodies_rules4and8(t *testing.T) {
	t.Parallel()
	const (
		form = "application/x-www-form-urlencoded"
		json = "application/json; charset=utf-8"
	)
	tests := []struct {
		name        string
		contentType string
		body        any
		status      int
	}{
		{"rule 4: JSON", json, fields("identifier", "ann@example.com"), 200},
		{"rule 4: form", form, url.Values{"identifier": {"ann@example.com"}}, 200},
		{"rule 8: no content type, so no fields", "", fields("identifier", "ann@example.com"), 422},
		{"rule 8: JSON that is none", json, `{"identifier":`, 422},
		{"rule 8: JSON that is no object", json, `["identifier"]`, 422},
		{"rule 8: a form that is none", form, "identifier=%zz", 422},
		{"rule 8: nothing", json, nil, 422},
		{"rule 8: null", json, `{"identifier":null}`, 422},
		{"rule 8: blanks", json, `{"identifier":"  "}`, 422},
		{"rule 8: not text", json, `{"identifier":5}`, 422},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := desk()
			a := newAPI(t, srv).with("Content-Type", tt.contentType)
			got := a.do("POST", "/channels/406001/contacts", tt.body)
			if got.status != tt.status {
				t.Fatalf("status %d, want %d: %s", got.status, tt.status, got.body)
			}
			if tt.status == 422 && (got.at("message") == "missing" || got.at("errors.identifier.0") == "missing") {
				t.Errorf("not the shape of a 422: %s", got.body)
			}
			if made := len(srv.Contacts()); (made == 1) != (tt.status == 200) {
				t.Errorf("%d contacts", made)
			}
		})
	}
}

func TestServer_formLists_rule4(t *testing.T) {
	t.Parallel()
	srv := desk()
	srv.AddContact(trengotest.Contact{Email: "ann@example.com"})
	a := newAPI(t, srv)
	group := a.do("POST", "/contact_groups", fields("name", "Friends")).at("id")
	a = a.with("Content-Type", "application/x-www-form-urlencoded")
	got := a.do("PUT", contactPath, url.Values{"contact_group_ids[]": {group}})
	if got.at("groups.0.name") != "Friends" {
		t.Errorf("groups are %s", got.at("groups"))
	}
}

func TestServer_routes_rules5to7and45and52(t *testing.T) {
	t.Parallel()
	const page = "text/html; charset=UTF-8"
	tests := []struct {
		name         string
		behavior     trengotest.Behavior
		method, path string
		status       int
		contentType  string
	}{
		{name: "rule 5: unknown route", method: "GET", path: "/users/me/too", status: 404, contentType: page},
		{name: "rule 5: base path alone", method: "GET", path: "", status: 404, contentType: page},
		{
			name: "rule 5: switched to 200", behavior: trengotest.Behavior{UnknownRouteStatus: 200},
			method: "GET", path: "/whatsapp_templates", status: 200, contentType: page,
		},
		{name: "rule 6: unknown id", method: "GET", path: "/contacts/1", status: 404, contentType: "application/json"},
		{name: "rule 6: no id", method: "GET", path: "/users/me", status: 404, contentType: "application/json"},
		{name: "rule 7: ticket message without id", method: "POST", path: "/tickets/messages", status: 405, contentType: "application/json"},
		{name: "rule 7: wrong method", method: "DELETE", path: "/contacts", status: 405, contentType: "application/json"},
		{name: "rule 45: contact without channel", method: "POST", path: "/contacts", status: 404, contentType: page},
		{name: "rule 52: PATCH of an assignment", method: "PATCH", path: "/tickets/1/assign", status: 405, contentType: "application/json"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := trengotest.New()
			srv.Behavior = tt.behavior
			got := newAPI(t, srv).do(tt.method, tt.path, nil)
			if got.status != tt.status || got.header.Get("Content-Type") != tt.contentType {
				t.Errorf("got %d %q, want %d %q", got.status, got.header.Get("Content-Type"), tt.status, tt.contentType)
			}
		})
	}
}

func TestServer_otherPaths_rule5(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/contacts", "/api/v2contacts", "/api/v1/contacts"} {
		srv := trengotest.New()
		a := newAPI(t, srv)
		a.base = "https://help.example.com"
		got := a.do("GET", path, nil)
		if got.status != 404 || !strings.Contains(string(got.body), "<html") {
			t.Errorf("%s: got %d %s", path, got.status, got.body)
		}
		if seen := srv.Requests()[0].Path; seen != path {
			t.Errorf("%s was written down as %s", path, seen)
		}
	}
}

func TestServer_unprocessable_rule9(t *testing.T) {
	t.Parallel()
	srv := desk()
	srv.AddContact(trengotest.Contact{Email: "ann@example.com", Private: true})
	ticket := fields("channel_id", firstChannel, "contact_id", firstContact)
	english := newAPI(t, srv).do("POST", "/tickets", ticket)
	srv.Behavior.Dutch = true
	dutch := newAPI(t, srv).do("POST", "/tickets", ticket)
	if english.status != 422 || dutch.status != 422 {
		t.Fatalf("got %d and %d, want 422", english.status, dutch.status)
	}
	if english.at("message") == dutch.at("message") {
		t.Errorf("both languages say %s", dutch.at("message"))
	}
}

// Both ways into the Server give the same answers, byte by byte.
func TestServer_bothWays(t *testing.T) {
	t.Parallel()
	srv := desk()
	srv.SetRateLimit(0)
	srv.AddContact(trengotest.Contact{Name: "Ann Example", Email: "ann@example.com"})
	web := httptest.NewServer(srv)
	defer web.Close()
	direct := newAPI(t, srv)
	socket := newAPI(t, srv)
	socket.client, socket.base = web.Client(), web.URL+"/api/v2"

	for _, st := range []step{
		{method: "GET", path: "/contacts?term=ann"},
		{method: "GET", path: "/contacts/1"},
		{method: "GET", path: "/nowhere"},
		{method: "HEAD", path: "/contacts"},
		{method: "PUT", path: contactPath, body: fields("name", "Ann Other")},
		{method: "POST", path: "/channels/406001/contacts", body: fields("identifier", "no address")},
		{method: "DELETE", path: ticketPath(1) + "/favorited/0"},
	} {
		one, two := direct.do(st.method, st.path, st.body), socket.do(st.method, st.path, st.body)
		if one.status != two.status || string(one.body) != string(two.body) {
			t.Errorf("%s %s: %d %s\nand %d %s", st.method, st.path, one.status, one.body, two.status, two.body)
		}
		if one.header.Get("Content-Type") != two.header.Get("Content-Type") {
			t.Errorf("%s %s: content types %q and %q", st.method, st.path, one.header.Get("Content-Type"), two.header.Get("Content-Type"))
		}
	}
	requests := srv.Requests()
	if len(requests) != 14 {
		t.Fatalf("%d requests, want 14", len(requests))
	}
	for i := 0; i < len(requests); i += 2 {
		if one, two := requests[i], requests[i+1]; one.Path != two.Path || one.Status != two.Status || string(one.Body) != string(two.Body) {
			t.Errorf("written down as %+v\nand %+v", one, two)
		}
	}
}

func TestServer_ServeHTTP_noContent(t *testing.T) {
	t.Parallel()
	srv := desk()
	srv.Behavior.EmptyStatus = 204
	srv.AddTicket(trengotest.Ticket{})
	web := httptest.NewServer(srv)
	defer web.Close()
	a := newAPI(t, srv)
	a.client, a.base = web.Client(), web.URL+"/api/v2"
	if got := a.do("DELETE", ticketPath(1), nil); got.status != 204 || got.header.Get("Content-Type") != "" || len(got.body) != 0 {
		t.Errorf("got %d %v %q", got.status, got.header, got.body)
	}
}

func TestServer_Channels(t *testing.T) {
	t.Parallel()
	srv := desk()
	srv.AddChannel(trengotest.Channel{ID: 5, Title: "Mine", Private: true})
	got := srv.Channels()
	if len(got) != 3 || got[0] != (trengotest.Channel{ID: 5, Type: "EMAIL", Title: "Mine", Private: true}) || got[1].ID != firstChannel {
		t.Errorf("channels are %+v", got)
	}
}

func TestServer_Requests(t *testing.T) {
	t.Parallel()
	srv := desk()
	a := newAPI(t, srv)
	a.do("GET", "/contacts?term=a%2Bb", nil)
	a.with("Authorization", "").do("POST", "/tickets", fields("subject", "Hello"))

	got := srv.Requests()
	if len(got) != 2 {
		t.Fatalf("%d requests, want 2", len(got))
	}
	if r := got[0]; r.Seq != 1 || r.Method != http.MethodGet || r.Path != "/contacts" || r.Query.Get("term") != "a+b" || r.Status != 200 {
		t.Errorf("first request is %+v", r)
	}
	if r := got[1]; r.Seq != 2 || string(r.Body) != `{"subject":"Hello"}` || r.Status != 401 || r.Header.Get("Accept") == "" {
		t.Errorf("second request is %+v", r)
	}
	got[0].Query.Set("term", "changed")
	got[0].Header.Set("Accept", "changed")
	if r := srv.Requests()[0]; r.Query.Get("term") == "changed" || r.Header.Get("Accept") == "changed" {
		t.Error("a request that was handed out is shared with the server")
	}
	srv.ResetRequests()
	a.do("GET", "/contacts", nil)
	if got := srv.Requests(); len(got) != 1 || got[0].Seq != 1 {
		t.Errorf("after a reset the requests are %+v", got)
	}
}

func TestServer_copiesWhatItIsGiven(t *testing.T) {
	t.Parallel()
	srv := desk()
	c := trengotest.Contact{ChannelIDs: []int64{firstChannel}, CustomFields: map[string]string{"Plan": "A"}}
	kept := srv.AddContact(c)
	c.ChannelIDs[0], c.CustomFields["Plan"] = 5, "B"
	kept.ChannelIDs[0], kept.CustomFields["Plan"] = 6, "C"
	if got := srv.Contacts()[0]; got.ChannelIDs[0] != firstChannel || got.CustomFields["Plan"] != "A" {
		t.Errorf("contact is %+v", got)
	}
	ticket := srv.AddTicket(trengotest.Ticket{LabelIDs: []int64{1}})
	ticket.LabelIDs[0] = 2
	if got := srv.Tickets()[0]; got.LabelIDs[0] != 1 {
		t.Errorf("ticket is %+v", got)
	}
	message := srv.AddMessage(trengotest.Message{TicketID: ticket.ID, AttachmentIDs: []int64{1}})
	message.AttachmentIDs[0] = 2
	if got := srv.Messages(ticket.ID)[0]; got.AttachmentIDs[0] != 1 {
		t.Errorf("message is %+v", got)
	}
}

func TestServer_concurrentUse(t *testing.T) {
	t.Parallel()
	srv := desk()
	srv.SetRateLimit(0)
	srv.InjectFunc(func(r trengotest.Request) trengotest.Fault {
		srv.Contacts()
		if r.Seq%5 == 0 {
			return trengotest.LostAfter()
		}
		return trengotest.Fault{}
	})
	a := newAPI(t, srv)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				resp, err := a.client.Do(a.request("POST", "/channels/406001/contacts", fields("identifier", "ann@example.com")))
				if err == nil {
					discard(resp)
				}
				srv.Requests()
				srv.SpendRateLimit(1)
			}
		})
	}
	wg.Wait()
	if got := len(srv.Contacts()); got != 1 {
		t.Errorf("%d contacts of one address", got)
	}
	if got := len(srv.Requests()); got != 160 {
		t.Errorf("%d requests, want 160", got)
	}
}

func TestServer_Client_anyHost(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	a := newAPI(t, srv)
	a.base = "http://127.0.0.1:1/api/v2"
	resp, err := a.client.Do(a.request(http.MethodGet, "/contacts", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer discard(resp)
	if resp.Status != "200 OK" || resp.ProtoMajor != 1 || resp.Request == nil || resp.ContentLength <= 0 {
		t.Errorf("answer is %+v", resp)
	}
}
