package trengotest_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

func TestServer_createMessage(t *testing.T) {
	t.Parallel()
	srv := newServerWithTicket("EMAIL")
	path := ticketPath(1) + "/messages"
	newAPI(t, srv).run(t, []step{
		{
			name: "create", method: "POST", path: path,
			body: fields("message", "<p>Hello</p>", "subject", "Re: Invoice", "attachment_ids", []int{7}),
			want: map[string]string{
				"message.id": "4000000001", "message.type": "OUTBOUND", "message.body_type": "TEXT", "message.message": "<p>Hello</p>",
			},
		},
		{
			name: "create a note", method: "POST", path: path, body: fields("message", "Mind the tone.", "internal_note", true),
			want: map[string]string{"message.type": "NOTE", "message.email_message": "<nil>"},
		},
		{
			name: "create it again", method: "POST", path: path, body: fields("message", "Mind the tone.", "internal_note", "1"),
			want: map[string]string{"message.id": "4000000003", "message.type": "NOTE"},
		},
		{
			name: "body instead of message", method: "POST", path: path, body: fields("body", "Hello"), status: 422,
			want: map[string]string{"errors.message.0": "The message field is required."},
		},
		{name: "not a flag", method: "POST", path: path, body: fields("message", "x", "internal_note", "maybe"), status: 422},
		{name: "unknown ticket", method: "POST", path: "/tickets/5/messages", body: fields("message", "x"), status: 404},
		{
			name: "list", method: "GET", path: path,
			want: map[string]string{
				"data.0.type": "NOTE", "data.2.id": "4000000001", "data.2.email_message.subject": "Re: Invoice", "data.2.email_message.to": "ann@example.com",
				"data.2.attachments.0.id": "7", "meta.total": "3",
			},
		},
		{name: "get", method: "GET", path: path + "/4000000001", want: map[string]string{"message": "<p>Hello</p>", "agent.id": "3601", "contact.id": "460000001"}},
		{name: "delete", method: "DELETE", path: path + "/4000000001"},
		{name: "get after delete", method: "GET", path: path + "/4000000001", status: 404},
		{name: "delete again", method: "DELETE", path: path + "/4000000001", status: 404},
		{name: "list of an unknown ticket", method: "GET", path: "/tickets/5/messages", status: 404},
		{name: "message of an unknown ticket", method: "GET", path: "/tickets/5/messages/1", status: 404},
	})
	if got := srv.Messages(firstTicket); len(got) != 2 || got[0].Text != "Mind the tone." || got[0].UserID != firstUser {
		t.Errorf("got messages %+v", got)
	}
}

func TestServer_messageFields(t *testing.T) {
	t.Parallel()
	srv := newServerWithTicket("SMS")
	a := newAPI(t, srv)
	created := a.do("POST", ticketPath(1)+"/messages", fields("message", "Hello"))
	for _, tt := range []struct {
		name string
		got  []string
		want string
	}{
		{
			"post", created.keys(t, "message"),
			"agency_id agent attachments body_type contact contact_id contacts created_at created_at_time created_at_time_day " +
				"email_message email_message_class file_name id is_auto_reply mentions message message_class read ticket ticket_id token type updated_at user_id",
		},
		{
			"get", a.do("GET", ticketPath(1)+"/messages/4000000001", nil).keys(t, ""),
			"agent attachments body_type contact contacts created_at diff_in_hours email_message file_caption file_name id is_auto_reply " +
				"location_data mentions message messageEvents meta parent reactionSums ticket_id type updated_at user_id",
		},
	} {
		if !slices.Equal(tt.got, strings.Fields(tt.want)) {
			t.Errorf("%s: got fields %v, want %s", tt.name, tt.got, tt.want)
		}
	}
	for path, want := range map[string]string{
		"message.contact.first_name": "Ann", "message.contact.is_synced": "0", "message.contact.display_name": "missing",
		"message.agent.activation_token": "activation-token-3601", "message.ticket.contact_id": "460000001",
	} {
		if got := created.at(path); got != want {
			t.Errorf("got %s %s, want %s", path, got, want)
		}
	}
}

func TestServer_AddMessage(t *testing.T) {
	t.Parallel()
	srv := newServerWithTicket("EMAIL")
	stored := srv.AddMessage(trengotest.Message{TicketID: firstTicket, Text: "Help"})
	if stored.ID != firstMessage || stored.Type != "INBOUND" || stored.BodyType != "TEXT" || stored.CreatedAt.IsZero() {
		t.Errorf("stored as %+v", stored)
	}
	newAPI(t, srv).run(t, []step{{
		name: "get", method: "GET", path: ticketPath(1) + "/messages/4000000001",
		want: map[string]string{
			"user_id": "<nil>", "agent": "<nil>", "type": "INBOUND", "diff_in_hours": "0",
			"email_message.from": "ann@example.com", "email_message.subject": "Invoice",
		},
	}})
	defer func() {
		if recover() == nil {
			t.Error("AddMessage to an unknown ticket did not panic")
		}
	}()
	srv.AddMessage(trengotest.Message{TicketID: 5})
}

func TestServer_whatsAppWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServerWithTicket("WA_BUSINESS")
		a := newAPI(t, srv)
		path := ticketPath(1) + "/messages"
		text := step{name: "free text", method: "POST", path: path, body: fields("message", "Hello")}
		late := text
		late.status = 422
		a.run(t, []step{late})
		srv.AddMessage(trengotest.Message{TicketID: firstTicket, Text: "Help"})
		time.Sleep(24 * time.Hour)
		a.run(t, []step{text})
		time.Sleep(time.Second)
		a.run(t, []step{
			late,
			{name: "note", method: "POST", path: path, body: fields("message", "Hello", "internal_note", true)},
			{
				name: "template", method: "POST", path: path,
				body: fields("type", "TEMPLATE", "template_name", "welcome", "language", "en", "params", []string{"Ann"}, "internal_note", false),
				want: map[string]string{"message.body_type": "COMPONENTS", "message.type": "OUTBOUND"},
			},
			{
				name: "template without a name", method: "POST", path: path, body: fields("type", "TEMPLATE"), status: 422,
				want: map[string]string{"errors.template_name.0": "The template name field is required."},
			},
		})
	})
}

// The history of a ticket may stand among its messages.
func TestBehavior_AuditLines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServerWithTicket("EMAIL")
		a := newAPI(t, srv)
		path := ticketPath(1) + "/messages"
		time.Sleep(time.Minute)
		srv.AddMessage(trengotest.Message{TicketID: firstTicket, Text: "Help"})
		if got := a.do("GET", path, nil).all("type"); !slices.Equal(got, []string{"INBOUND"}) {
			t.Errorf("got types %v", got)
		}
		srv.Behavior.AuditLines = true
		time.Sleep(time.Minute)
		a.do("POST", ticketPath(1)+"/close", fields())
		got := a.do("GET", path, nil)
		if types := got.all("type"); !slices.Equal(types, []string{"AUDIT", "INBOUND", "AUDIT"}) {
			t.Errorf("got types %v, want the history around the message", types)
		}
		if kind := got.at("data.2.audit_type"); kind != "TICKET_CREATED" {
			t.Errorf("got %s as the oldest", kind)
		}
	})
}
