package trengotest_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

// conversation returns a Server with one contact and one ticket on a channel.
func conversation(channelType string) *trengotest.Server {
	srv := trengotest.New()
	channel := srv.AddChannel(trengotest.Channel{Type: channelType, Title: "Support"})
	about := srv.AddContact(trengotest.Contact{Name: "Ann Example", Email: "ann@example.com"})
	srv.AddTicket(trengotest.Ticket{ContactID: about.ID, ChannelID: channel.ID, UserID: firstUser, Subject: "Invoice"})
	return srv
}

func TestServer_createMessage_rules29and48to51(t *testing.T) {
	t.Parallel()
	srv := conversation("EMAIL")
	path := ticketPath(1) + "/messages"
	newAPI(t, srv).run(t, []step{
		{
			name: "rules 29, 48, 60: a raw message", method: "POST", path: path,
			body: fields("message", "<p>Hello</p>", "subject", "Re: Invoice", "attachment_ids", []int{7}),
			want: map[string]string{
				"message.id": "4000000001", "message.type": "OUTBOUND", "message.body_type": "TEXT", "message.message": "<p>Hello</p>",
			},
		},
		{
			name: "rule 50: a note", method: "POST", path: path, body: fields("message", "Mind the tone.", "internal_note", true),
			want: map[string]string{"message.type": "NOTE", "message.email_message": "<nil>"},
		},
		{
			name: "rule 11: once more is one more", method: "POST", path: path, body: fields("message", "Mind the tone.", "internal_note", "1"),
			want: map[string]string{"message.id": "4000000003", "message.type": "NOTE"},
		},
		{
			name: "rule 51: body alone", method: "POST", path: path, body: fields("body", "Hello"), status: 422,
			want: map[string]string{"errors.message.0": "The message field is required."},
		},
		{name: "a flag that is none", method: "POST", path: path, body: fields("message", "x", "internal_note", "maybe"), status: 422},
		{name: "no such ticket", method: "POST", path: "/tickets/5/messages", body: fields("message", "x"), status: 404},
		{
			name: "rule 28: the list", method: "GET", path: path,
			want: map[string]string{
				"data.0.type": "NOTE", "data.2.id": "4000000001", "data.2.email_message.subject": "Re: Invoice", "data.2.email_message.to": "ann@example.com",
				"data.2.attachments.0.id": "7", "meta.total": "3",
			},
		},
		{name: "one", method: "GET", path: path + "/4000000001", want: map[string]string{"message": "<p>Hello</p>", "agent.id": "3601", "contact.id": "460000001"}},
		{name: "delete", method: "DELETE", path: path + "/4000000001"},
		{name: "rule 6: get", method: "GET", path: path + "/4000000001", status: 404},
		{name: "rule 6: delete again", method: "DELETE", path: path + "/4000000001", status: 404},
		{name: "rule 6: list of no ticket", method: "GET", path: "/tickets/5/messages", status: 404},
		{name: "rule 6: message of no ticket", method: "GET", path: "/tickets/5/messages/1", status: 404},
	})
	if got := srv.Messages(firstTicket); len(got) != 2 || got[0].Text != "Mind the tone." || got[0].UserID != firstUser {
		t.Errorf("messages are %+v", got)
	}
}

func TestServer_messageFields_rule48(t *testing.T) {
	t.Parallel()
	srv := conversation("SMS")
	a := newAPI(t, srv)
	made := a.do("POST", ticketPath(1)+"/messages", fields("message", "Hello"))
	for _, tt := range []struct {
		name string
		got  []string
		want string
	}{
		{
			"post", made.keys(t, "message"),
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
			t.Errorf("%s has %v", tt.name, tt.got)
		}
	}
	for path, want := range map[string]string{
		"message.contact.first_name": "Ann", "message.contact.is_synced": "0", "message.contact.display_name": "missing",
		"message.agent.activation_token": "activation-token-3601", "message.ticket.contact_id": "460000001",
	} {
		if got := made.at(path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}

func TestServer_inboundMessage(t *testing.T) {
	t.Parallel()
	srv := conversation("EMAIL")
	kept := srv.AddMessage(trengotest.Message{TicketID: firstTicket, Text: "Help"})
	if kept.ID != firstMessage || kept.Type != "INBOUND" || kept.BodyType != "TEXT" || kept.CreatedAt.IsZero() {
		t.Errorf("kept as %+v", kept)
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
			t.Error("a message to no ticket did not panic")
		}
	}()
	srv.AddMessage(trengotest.Message{TicketID: 5})
}

func TestServer_whatsAppWindow_rule9(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := conversation("WA_BUSINESS")
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
				name: "template without name", method: "POST", path: path, body: fields("type", "TEMPLATE"), status: 422,
				want: map[string]string{"errors.template_name.0": "The template name field is required."},
			},
		})
	})
}

func TestServer_startConversation_rule55(t *testing.T) {
	t.Parallel()
	srv := conversation("WA_BUSINESS")
	newAPI(t, srv).run(t, []step{
		{
			name: "by phone, on a new ticket", method: "POST", path: "/wa_sessions", body: fields("recipient_phone_number", "+31600000001", "hsm_id", "12"),
			want: map[string]string{"message.ticket_id": "970000002", "message.ticket.contact_id": "460000002", "message.body_type": "COMPONENTS"},
		},
		{
			name: "once more, on one more", method: "POST", path: "/wa_sessions", body: fields("recipient_phone_number", "31600000001", "hsm_id", 12),
			want: map[string]string{"message.ticket_id": "970000003", "message.ticket.contact_id": "460000002"},
		},
		{
			name: "on a ticket", method: "POST", path: "/wa_sessions", body: fields("ticket_id", "970000001", "hsm_id", 12),
			want: map[string]string{"message.ticket_id": "970000001"},
		},
		{name: "without a template", method: "POST", path: "/wa_sessions", body: fields("ticket_id", "970000001"), status: 422},
		{
			name: "to nobody", method: "POST", path: "/wa_sessions", body: fields("hsm_id", 12), status: 422,
			want: map[string]string{"errors.recipient_phone_number.0": "The recipient phone number field is required."},
		},
		{name: "no such ticket", method: "POST", path: "/wa_sessions", body: fields("ticket_id", 5, "hsm_id", 12), status: 422},
		{
			name: "no such channel", method: "POST", path: "/wa_sessions", status: 422,
			body: fields("recipient_phone_number", "+31600000001", "hsm_id", 12, "channel_id", 5),
		},
	})
}
