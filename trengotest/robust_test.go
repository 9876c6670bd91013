package trengotest_test

import (
	"fmt"
	"testing"

	"github.com/trengo-go/trengo/trengotest"
)

// Whatever a client sends, the Server answers, and what it took can be read back.
func TestServer_oddBodies(t *testing.T) {
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
	srv := conversation("EMAIL")
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
				t.Errorf("POST %s of %v: %d %s", path, value, got.status, got.body)
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
			t.Errorf("GET %s: %d %s", path, got.status, got.body)
		}
	}
}

func TestServer_resources_unprocessable(t *testing.T) {
	t.Parallel()
	a := newAPI(t, trengotest.New())
	a.run(t, []step{
		{name: "a title that is no text", method: "POST", path: "/custom_fields", body: fields("title", 5, "type", "CONTACT"), status: 422},
		{name: "a field", method: "POST", path: "/custom_fields", body: fields("title", "Order", "type", "CONTACT")},
		{name: "a title taken away", method: "PUT", path: "/custom_fields/600001", body: fields("title", nil), status: 422},
		{name: "it is as it was", method: "GET", path: "/custom_fields/600001", want: map[string]string{"title": "Order"}},
		{name: "no such field", method: "PUT", path: "/custom_fields/5", body: fields("title", "x"), status: 404},
	})
}
