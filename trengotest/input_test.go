package trengotest_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/trengo-go/trengo/trengotest"
)

func TestServer_requestBodies(t *testing.T) {
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
		{"JSON", json, fields("identifier", "ann@example.com"), 200},
		{"form", form, url.Values{"identifier": {"ann@example.com"}}, 200},
		{"no content type", "", fields("identifier", "ann@example.com"), 422},
		{"invalid JSON", json, `{"identifier":`, 422},
		{"not a JSON object", json, `["identifier"]`, 422},
		{"invalid form", form, "identifier=%zz", 422},
		{"no body", json, nil, 422},
		{"null", json, `{"identifier":null}`, 422},
		{"only spaces", json, `{"identifier":"  "}`, 422},
		{"not text", json, `{"identifier":5}`, 422},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := newServer()
			a := newAPI(t, srv).with("Content-Type", tt.contentType)
			got := a.do("POST", "/channels/406001/contacts", tt.body)
			if got.status != tt.status {
				t.Fatalf("got status %d, want %d: %s", got.status, tt.status, got.body)
			}
			if tt.status == 422 && (got.at("message") == "missing" || got.at("errors.identifier.0") == "missing") {
				t.Errorf("fields of a 422 are missing: %s", got.body)
			}
			if created := len(srv.Contacts()); (created == 1) != (tt.status == 200) {
				t.Errorf("got %d contacts", created)
			}
		})
	}
}

func TestServer_formLists(t *testing.T) {
	t.Parallel()
	srv := newServer()
	srv.AddContact(trengotest.Contact{Email: "ann@example.com"})
	a := newAPI(t, srv)
	group := a.do("POST", "/contact_groups", fields("name", "Friends")).at("id")
	a = a.with("Content-Type", "application/x-www-form-urlencoded")
	got := a.do("PUT", contactPath, url.Values{"contact_group_ids[]": {group}})
	if got.at("groups.0.name") != "Friends" {
		t.Errorf("got groups %s", got.at("groups"))
	}
}

// The Server responds to every body, and everything it stored can be listed.
func TestServer_unexpectedValues(t *testing.T) {
	t.Parallel()
	names := []string{
		"attachment_ids", "channel_id", "contact_group_ids", "contact_id", "contact_identifier", "custom_field_id", "email", "first_name", "hsm_id",
		"identifier", "internal_note", "label_id", "message", "name", "note", "recipient_phone_number", "source_ticket_id", "subject", "team_id",
		"template_name", "ticket_id", "ticket_result_id", "title", "to", "type", "url", "user_id", "value",
	}
	values := []any{
		nil, "", " ", "text", "user", "team", "TEMPLATE", "5", "@", 5, -1, 1.5, 1e300, true, false, "99999999999999999999",
		[]any{},
		[]any{nil, "x", 1.5},
		map[string]any{},
		map[string]any{"a": []int{1}},
		firstTicket, firstContact, firstChannel,
	}
	srv := newServerWithTicket("EMAIL")
	srv.SetRateLimit(0)
	srv.AddMessage(trengotest.Message{TicketID: firstTicket})
	a := newAPI(t, srv)
	for _, value := range values {
		body := make(map[string]any)
		for _, name := range names {
			body[name] = value
		}
		for _, path := range []string{
			"/channels/406001/contacts", "/tickets", "/wa_sessions", "/users", "/sms_messages", "/quick_replies", "/webhooks", "/labels", "/teams",
			"/custom_fields", "/ticket_results", "/contact_groups", contactPath + "/notes", contactPath + "/custom_fields",
			ticketPath(1) + "/messages", ticketPath(1) + "/assign", ticketPath(1) + "/close", ticketPath(1) + "/merge", ticketPath(1) + "/labels",
			ticketPath(1) + "/custom_fields",
		} {
			got := a.do("POST", path, body)
			if got.status != 200 && got.status != 422 {
				t.Errorf("POST %s with %v: got status %d: %s", path, value, got.status, got.body)
			}
			if id := got.at("id"); id != "missing" {
				a.do("PUT", fmt.Sprintf("%s/%s", path, id), body)
			}
		}
		a.do("PUT", contactPath, body)
	}
	for _, path := range []string{
		"/contacts", "/tickets", "/users", "/labels", "/teams", "/custom_fields", "/webhooks", "/quick_replies", "/sms_messages",
		contactPath, ticketPath(1), ticketPath(1) + "/messages",
	} {
		if got := a.do("GET", path+"?per_page=100", nil); got.status != 200 {
			t.Errorf("GET %s: got status %d: %s", path, got.status, got.body)
		}
	}
}
