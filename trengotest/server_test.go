package trengotest_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

func TestServer_authentication(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		behavior    trengotest.Behavior
		auth        string
		accept      string
		status      int
		contentType string
		body        string // not checked if empty
	}{
		{
			name: "the token is accepted",
			auth: "Bearer test-token", accept: "application/json",
			status: 200, contentType: "application/json",
		},
		{
			name: "a wrong token",
			auth: "Bearer other", accept: "application/json",
			status: 401, contentType: "application/json", body: `{"errors":[],"message":"Unauthenticated."}`,
		},
		{
			name: "no token", accept: "application/json",
			status: 401, contentType: "application/json", body: `{"errors":[],"message":"Unauthenticated."}`,
		},
		{
			name: "the token without its scheme",
			auth: "test-token", accept: "application/json",
			status: 401, contentType: "application/json",
		},
		{
			name: "a wrong token without Accept is a web page",
			auth: "Bearer other", status: 401, contentType: "text/html; charset=UTF-8",
		},
		{
			name:     "a wrong token without Accept with JSONUnauthorized",
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
				t.Errorf("got status %d, content type %q, want %d, %q", got.status, got.header.Get("Content-Type"), tt.status, tt.contentType)
			}
			if tt.body != "" && string(got.body) != tt.body {
				t.Errorf("got body %s, want %s", got.body, tt.body)
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
		t.Errorf("a revoked token got status %d, want 401", got.status)
	}
	if got := a.with("Authorization", "Bearer new-token").do("GET", "/contacts", nil); got.status != 200 {
		t.Errorf("the new token got status %d, want 200", got.status)
	}
}

// RoundTrip and ServeHTTP send the same responses, byte by byte.
func TestServer_RoundTrip_likeServeHTTP(t *testing.T) {
	t.Parallel()
	srv := newServer()
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
		{method: "POST", path: "/channels/406001/contacts", body: fields("identifier", "not an email")},
		{method: "DELETE", path: ticketPath(1) + "/favorited/0"},
	} {
		one, two := direct.do(st.method, st.path, st.body), socket.do(st.method, st.path, st.body)
		if one.status != two.status || string(one.body) != string(two.body) {
			t.Errorf("%s %s: RoundTrip got status %d, body %s\nServeHTTP got status %d, body %s", st.method, st.path, one.status, one.body, two.status, two.body)
		}
		if one.header.Get("Content-Type") != two.header.Get("Content-Type") {
			t.Errorf("%s %s: got content types %q and %q", st.method, st.path, one.header.Get("Content-Type"), two.header.Get("Content-Type"))
		}
	}
	requests := srv.Requests()
	if len(requests) != 14 {
		t.Fatalf("got %d requests, want 14", len(requests))
	}
	for i := 0; i < len(requests); i += 2 {
		if one, two := requests[i], requests[i+1]; one.Path != two.Path || one.Status != two.Status || string(one.Body) != string(two.Body) {
			t.Errorf("recorded %+v\nand %+v", one, two)
		}
	}
}

func TestServer_sharesNoMemory(t *testing.T) {
	t.Parallel()
	srv := newServer()
	c := trengotest.Contact{ChannelIDs: []int64{firstChannel}, CustomFields: map[string]string{"Plan": "A"}}
	stored := srv.AddContact(c)
	c.ChannelIDs[0], c.CustomFields["Plan"] = 5, "B"
	stored.ChannelIDs[0], stored.CustomFields["Plan"] = 6, "C"
	if got := srv.Contacts()[0]; got.ChannelIDs[0] != firstChannel || got.CustomFields["Plan"] != "A" {
		t.Errorf("got contact %+v", got)
	}
	ticket := srv.AddTicket(trengotest.Ticket{LabelIDs: []int64{1}})
	ticket.LabelIDs[0] = 2
	if got := srv.Tickets()[0]; got.LabelIDs[0] != 1 {
		t.Errorf("got ticket %+v", got)
	}
	message := srv.AddMessage(trengotest.Message{TicketID: ticket.ID, AttachmentIDs: []int64{1}})
	message.AttachmentIDs[0] = 2
	if got := srv.Messages(ticket.ID)[0]; got.AttachmentIDs[0] != 1 {
		t.Errorf("got message %+v", got)
	}
}

func TestServer_concurrentUse(t *testing.T) {
	t.Parallel()
	srv := newServer()
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
		t.Errorf("got %d contacts with one email, want 1", got)
	}
	if got := len(srv.Requests()); got != 160 {
		t.Errorf("got %d requests, want 160", got)
	}
}

func TestServer_HTTPClient_anyHost(t *testing.T) {
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
		t.Errorf("got response %+v", resp)
	}
}

func TestServer_SpendRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := trengotest.New()
		srv.AddUser(trengotest.User{FirstName: "Kim", Token: "kim-token"})
		a := newAPI(t, srv)
		srv.SpendRateLimit(100) // opens the window
		time.Sleep(30 * time.Second)
		for _, api := range []*api{a, a.with("Authorization", "Bearer kim-token")} {
			if got := api.do("GET", "/contacts", nil); got.header.Get(remainingHeader) != "19" {
				t.Errorf("got header %v", got.header)
			}
		}
		srv.SpendRateLimit(1000)
		got := a.do("GET", "/contacts", nil)
		if got.status != 429 || got.header.Get("Retry-After") != "30" {
			t.Errorf("got status %d, header %v", got.status, got.header)
		}
	})
}

func TestServer_SetRateLimit(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	a := newAPI(t, srv)
	a.do("GET", "/contacts", nil)
	srv.SetRateLimit(3)
	if got := a.do("GET", "/contacts", nil); got.header.Get(limitHeader) != "3" || got.header.Get(remainingHeader) != "1" {
		t.Errorf("got header %v", got.header)
	}
	srv.SetRateLimit(0)
	for range 200 {
		got := a.do("GET", "/contacts", nil)
		if got.status != 200 || got.header.Get(limitHeader) != "" || got.header.Get(remainingHeader) != "" {
			t.Fatalf("without a limit: got status %d, header %v", got.status, got.header)
		}
	}
}
