package trengotest_test

import (
	"strings"
	"testing"

	"github.com/trengo-go/trengo/trengotest"
)

func TestServer_routes(t *testing.T) {
	t.Parallel()
	const page = "text/html; charset=UTF-8"
	tests := []struct {
		name         string
		behavior     trengotest.Behavior
		method, path string
		status       int
		contentType  string
	}{
		{name: "unknown route", method: "GET", path: "/users/me/too", status: 404, contentType: page},
		{name: "base path", method: "GET", path: "", status: 404, contentType: page},
		{
			name: "unknown route with status 200", behavior: trengotest.Behavior{UnknownRouteStatus: 200},
			method: "GET", path: "/whatsapp_templates", status: 200, contentType: page,
		},
		{name: "unknown id", method: "GET", path: "/contacts/1", status: 404, contentType: "application/json"},
		{name: "not an ID", method: "GET", path: "/users/me", status: 404, contentType: "application/json"},
		{name: "ticket message without ID", method: "POST", path: "/tickets/messages", status: 405, contentType: "application/json"},
		{name: "wrong method", method: "DELETE", path: "/contacts", status: 405, contentType: "application/json"},
		{name: "contact without channel", method: "POST", path: "/contacts", status: 404, contentType: page},
		{name: "assignment with PATCH", method: "PATCH", path: "/tickets/1/assign", status: 405, contentType: "application/json"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := trengotest.New()
			srv.Behavior = tt.behavior
			got := newAPI(t, srv).do(tt.method, tt.path, nil)
			if got.status != tt.status || got.header.Get("Content-Type") != tt.contentType {
				t.Errorf("got status %d, content type %q, want %d, %q", got.status, got.header.Get("Content-Type"), tt.status, tt.contentType)
			}
		})
	}
}

func TestServer_pathsOutsideAPI(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/contacts", "/api/v2contacts", "/api/v1/contacts"} {
		srv := trengotest.New()
		a := newAPI(t, srv)
		a.base = "https://help.example.com"
		got := a.do("GET", path, nil)
		if got.status != 404 || !strings.Contains(string(got.body), "<html") {
			t.Errorf("%s: got status %d, body %s", path, got.status, got.body)
		}
		if seen := srv.Requests()[0].Path; seen != path {
			t.Errorf("%s was recorded as %s", path, seen)
		}
	}
}
