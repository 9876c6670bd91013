package trengotest_test

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

const (
	limitHeader     = "X-RateLimit-Limit"
	remainingHeader = "X-RateLimit-Remaining"
	resetHeader     = "X-RateLimit-Reset"
)

func TestServer_rateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServer()
		a := newAPI(t, srv)
		time.Sleep(42 * time.Second) // the window opens with the first request
		opened := time.Now()
		for i := range 120 {
			got := a.do("GET", "/contacts", nil)
			if got.status != 200 || got.header.Get(limitHeader) != "120" || got.header.Get(remainingHeader) != strconv.Itoa(119-i) {
				t.Fatalf("request %d: got status %d, header %v", i, got.status, got.header)
			}
		}
		time.Sleep(20*time.Second + time.Millisecond)

		got := a.do("POST", "/channels/406001/contacts", fields("identifier", "ann@example.com"))
		if got.status != 429 || string(got.body) != `{"message":"Too Many Attempts."}` {
			t.Errorf("got status %d, body %s", got.status, got.body)
		}
		if h := got.header; h.Get("Retry-After") != "40" || h.Get(remainingHeader) != "0" || h.Get(limitHeader) != "120" {
			t.Errorf("got header %v", h)
		}
		if reset := got.header.Get(resetHeader); reset != strconv.FormatInt(opened.Add(time.Minute).Unix(), 10) {
			t.Errorf("got reset %s", reset)
		}
		if len(srv.Contacts()) != 0 {
			t.Error("a request with a 429 created a contact")
		}
		time.Sleep(40 * time.Second)
		if got := a.do("GET", "/contacts", nil); got.status != 200 || got.header.Get(remainingHeader) != "119" {
			t.Errorf("next window: got status %d, header %v", got.status, got.header)
		}
	})
}

func TestServer_rateLimit_endOfWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := trengotest.New()
		srv.SetRateLimit(1)
		a := newAPI(t, srv)
		a.do("GET", "/contacts", nil)
		time.Sleep(time.Minute - time.Nanosecond)
		if got := a.do("GET", "/contacts", nil); got.status != 429 || got.header.Get("Retry-After") != "1" {
			t.Errorf("just before the end: got status %d, header %v", got.status, got.header)
		}
		time.Sleep(time.Nanosecond)
		if got := a.do("GET", "/contacts", nil); got.status != 200 {
			t.Errorf("at the end: got status %d", got.status)
		}
	})
}

func TestServer_rateLimit_everyResponse(t *testing.T) {
	t.Parallel()
	srv := newServer()
	a := newAPI(t, srv)
	for i, st := range []step{
		{name: "404", method: "GET", path: "/contacts/1"},
		{name: "422", method: "POST", path: "/tickets"},
		{name: "405", method: "PATCH", path: "/tickets"},
		{name: "web page", method: "GET", path: "/nowhere"},
	} {
		got := a.do(st.method, st.path, nil)
		if got.header.Get(remainingHeader) != strconv.Itoa(119-i) {
			t.Errorf("%s: got header %v", st.name, got.header)
		}
	}
	if got := a.with("Authorization", "").do("GET", "/contacts", nil); got.header.Get(limitHeader) != "120" {
		t.Errorf("401: got header %v", got.header)
	}
}

func TestServer_rateLimit_perToken(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	srv.SetRateLimit(1)
	srv.SetTokens("one", "two")
	a := newAPI(t, srv)
	one, two := a.with("Authorization", "Bearer one"), a.with("Authorization", "Bearer two")
	one.do("GET", "/contacts", nil)
	if got := two.do("GET", "/contacts", nil); got.status != 200 {
		t.Errorf("the other token got status %d", got.status)
	}
	if got := one.do("GET", "/contacts", nil); got.status != 429 {
		t.Errorf("the same token got status %d", got.status)
	}
}

func TestServer_rateLimit_behaviors(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	srv.Behavior = trengotest.Behavior{HTMLErrors: true, OmitRateLimitReset: true}
	srv.SetRateLimit(1)
	a := newAPI(t, srv)
	a.do("GET", "/contacts", nil)
	got := a.do("GET", "/contacts", nil)
	if got.status != 429 || got.header.Get("Content-Type") != "text/html; charset=UTF-8" || got.header.Get(resetHeader) != "" {
		t.Errorf("got status %d, header %v", got.status, got.header)
	}
	for _, fault := range []trengotest.Fault{trengotest.TooManyRequests("1"), trengotest.Respond(503, "application/json", "{}")} {
		srv.Inject(fault)
		if got := a.do("GET", "/contacts", nil); got.status < 429 || got.header.Get("Content-Type") != "text/html; charset=UTF-8" {
			t.Errorf("%v: got status %d, header %v", fault, got.status, got.header)
		}
	}
	srv.Inject(trengotest.Respond(400, "application/json", "{}"))
	if got := a.do("GET", "/contacts", nil); string(got.body) != "{}" {
		t.Errorf("got body %s for a 400", got.body)
	}
}
