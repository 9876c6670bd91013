package trengotest_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

func TestServer_createTicket(t *testing.T) {
	t.Parallel()
	srv := newServer()
	srv.AddContact(trengotest.Contact{Name: "Ann", Email: "ann@example.com"})
	srv.AddContact(trengotest.Contact{Name: "Pat", Email: "pat@example.com", Private: true})
	srv.AddChannel(trengotest.Channel{Title: "Mine", Private: true})
	newAPI(t, srv).run(t, []step{
		{
			name: "create", method: "POST", path: "/tickets",
			body: fields("channel_id", firstChannel, "contact_id", firstContact, "subject", "Hello"),
			want: map[string]string{
				"id": "970000001", "status": "ASSIGNED", "user_id": "3601", "assigned_by": "3601", "subject": "Hello", "team": "<nil>",
				"contact_id": "460000001", "channel_id": "406001", "channel.agency.id": "15001", "channel.password": "channel-password", "agent.rate_limit": "750",
			},
		},
		{
			name: "create it again", method: "POST", path: "/tickets",
			body: fields("channel_id", firstChannel, "contact_id", firstContact, "subject", "Hello"),
			want: map[string]string{"id": "970000002"},
		},
		{
			name: "IDs as strings, without a subject", method: "POST", path: "/tickets",
			body: fields("channel_id", "406001", "contact_id", "460000001"),
			want: map[string]string{"id": "970000003", "subject": "<nil>"},
		},
		{
			name: "identifier of a contact", method: "POST", path: "/tickets", body: fields("channel_id", firstChannel, "contact_identifier", "Ann@example.com"),
			want: map[string]string{"contact_id": "460000001"},
		},
		{
			name: "new identifier", method: "POST", path: "/tickets", body: fields("channel_id", 406002, "contact_identifier", "31600000001"),
			want: map[string]string{"contact_id": "460000003"},
		},
		{
			name: "unknown contact", method: "POST", path: "/tickets", body: fields("channel_id", firstChannel, "contact_id", 5), status: 422,
			want: map[string]string{"errors.contact_id.0": "The selected contact id is invalid.", "errors.channel_id": "missing"},
		},
		{
			name: "unknown channel", method: "POST", path: "/tickets", body: fields("channel_id", 5, "contact_id", firstContact), status: 422,
			want: map[string]string{"errors.channel_id.0": "The selected channel id is invalid.", "errors.contact_id": "missing"},
		},
		{
			name: "no fields", method: "POST", path: "/tickets", body: fields(), status: 422,
			want: map[string]string{"errors.contact_id.0": "The contact id field is required.", "errors.channel_id.0": "The channel id field is required."},
		},
		{
			name: "not an ID", method: "POST", path: "/tickets", body: fields("channel_id", firstChannel, "contact_id", "ann"), status: 422,
			want: map[string]string{"errors.contact_id.0": "The contact id must be an integer."},
		},
		{
			name: "private contact, shared channel", method: "POST", path: "/tickets",
			body: fields("channel_id", firstChannel, "contact_id", firstContact+1), status: 422,
		},
		{
			name: "shared contact, private channel", method: "POST", path: "/tickets",
			body: fields("channel_id", 406003, "contact_identifier", "ann@example.com"), status: 422,
		},
		{
			name: "private contact, private channel", method: "POST", path: "/tickets", body: fields("channel_id", 406003, "contact_id", firstContact+1),
		},
	})
	if got := srv.Messages(firstTicket); got != nil {
		t.Errorf("got messages %v, want none", got)
	}
	if got := srv.Contacts()[0].ChannelIDs; got != nil {
		t.Errorf("got channels %v of the contact, want none", got)
	}
	if got := srv.Tickets(); len(got) != 6 || got[0].Subject != "Hello" || got[0].Status != "ASSIGNED" {
		t.Errorf("got tickets %+v", got)
	}
}

func TestServer_ticketFields(t *testing.T) {
	t.Parallel()
	srv := newServer()
	srv.AddContact(trengotest.Contact{Email: "ann@example.com"})
	a := newAPI(t, srv)
	a.do("POST", "/tickets", fields("channel_id", firstChannel, "contact_id", firstContact))
	list := []string{
		"ai_assigned_at", "assigned_at", "channel", "channelMeta", "closed_at", "contact", "contact_id", "created_at", "custom_data", "id", "labels",
		"latest_message", "messages_count", "status", "subject", "team_id", "updated_at", "user_id",
	}
	if got := a.do("GET", "/tickets", nil).keys(t, "data.0"); !slices.Equal(got, list) {
		t.Errorf("got fields %v of a ticket without messages", got)
	}
	srv.AddMessage(trengotest.Message{TicketID: firstTicket, Text: "Hello?"})
	got := a.do("GET", "/tickets", nil)
	for path, want := range map[string]string{
		"data.0.latest_message.message": "Hello?", "data.0.latest_message.type": "INBOUND", "data.0.messages_count": "1",
		"data.0.contact.email": "ann@example.com", "data.0.contact.channels": "missing", "data.0.channel.auto_reply": "<nil>", "data.0.custom_data": "<nil>",
	} {
		if v := got.at(path); v != want {
			t.Errorf("list: got %s %s, want %s", path, v, want)
		}
	}
	if got.at("data.0.latest_message_at") == "missing" || got.at("data.0.latest_received_message_at") == "missing" {
		t.Errorf("message dates are missing: %s", got.body)
	}
	a.run(t, []step{{
		name: "get", method: "GET", path: ticketPath(1),
		want: map[string]string{
			"latest_message": "missing", "messages_count": "<nil>", "team": "<nil>", "agent.id": "3601", "assignee.id": "3601", "results": "[]",
			"reminder": "<nil>", "watchers": "[]", "starred": "[]", "attachments": "[]", "messaging_attachments": "[]", "related_tickets": "[]",
			"custom_field_values": "[]", "closed_by": "<nil>", "contact.groups": "[]", "audits.0.audit_type": "TICKET_CREATED", "audits.0.id": "2700000001",
		},
	}})
}

func TestServer_ticketOfDeletedContact(t *testing.T) {
	t.Parallel()
	srv := newServerWithTicket("EMAIL")
	newAPI(t, srv).run(t, []step{
		{name: "delete the contact", method: "DELETE", path: contactPath},
		{name: "get its ticket", method: "GET", path: ticketPath(1), want: map[string]string{"contact": "<nil>", "contact_id": "460000001"}},
		{
			name: "create a message", method: "POST", path: ticketPath(1) + "/messages", body: fields("message", "Hello"),
			want: map[string]string{"message.contact": "<nil>", "message.email_message.to": ""},
		},
		{name: "list tickets by the contact's name", method: "GET", path: "/tickets?term=ann", want: map[string]string{"data": "[]"}},
	})
}

func TestServer_deleteTicket(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 204} {
		srv := newServer()
		srv.Behavior.EmptyStatus = status
		srv.AddTicket(trengotest.Ticket{})
		a := newAPI(t, srv)
		if got := a.do("DELETE", ticketPath(1), nil); got.status != status || len(got.body) != 0 {
			t.Errorf("got status %d, body %q, want %d", got.status, got.body, status)
		}
		for _, method := range []string{"GET", "DELETE"} {
			if got := a.do(method, ticketPath(1), nil); got.status != 404 {
				t.Errorf("%s after delete: got status %d", method, got.status)
			}
		}
	}
}

func TestServer_AddTicket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := trengotest.New()
		for _, tt := range []struct {
			give trengotest.Ticket
			want string
		}{
			{trengotest.Ticket{}, "OPEN"},
			{trengotest.Ticket{UserID: firstUser}, "ASSIGNED"},
			{trengotest.Ticket{UserID: firstUser, Status: "CLOSED"}, "CLOSED"},
		} {
			got := srv.AddTicket(tt.give)
			if closed := !got.ClosedAt.IsZero(); closed != (tt.want == "CLOSED") {
				t.Errorf("got %+v, closed: %v", got, closed)
			}
			if got.Status != tt.want || !got.CreatedAt.Equal(time.Now()) || !got.UpdatedAt.Equal(got.CreatedAt) {
				t.Errorf("got %+v, want status %s", got, tt.want)
			}
		}
		if got := srv.AddTicket(trengotest.Ticket{ID: 990_000_000}); got.ID != 990_000_000 {
			t.Errorf("got ID %d", got.ID)
		}
		if got := srv.AddTicket(trengotest.Ticket{CustomFields: map[string]string{"Order": "1"}}); got.ID != 990_000_001 {
			t.Errorf("got ID %d", got.ID)
		}
		a := newAPI(t, srv)
		got := a.do("GET", "/tickets/990000001", nil)
		if got.at("contact") != "<nil>" || got.at("channel") != "<nil>" || got.at("custom_data.Order") != "1" {
			t.Errorf("got ticket %s", got.body)
		}
	})
}

func TestServer_AddTicket_assigned(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		give trengotest.Ticket
		want time.Time
	}{
		"not assigned":         {trengotest.Ticket{CreatedAt: monday}, time.Time{}},
		"assigned when opened": {trengotest.Ticket{CreatedAt: monday, UserID: firstUser}, monday},
		"assigned later":       {trengotest.Ticket{CreatedAt: monday, UserID: firstUser, AssignedAt: monday.Add(time.Hour)}, monday.Add(time.Hour)},
	} {
		srv := trengotest.New()
		if got := srv.AddTicket(tt.give); !got.AssignedAt.Equal(tt.want) {
			t.Errorf("%s: got %s, want %s", name, got.AssignedAt, tt.want)
		}
	}
}

// A subject is stored as StoreSubject says, and only that of a request.
func TestBehavior_StoreSubject(t *testing.T) {
	t.Parallel()
	srv := newServer()
	srv.Behavior.StoreSubject = func(subject string) string { return subject[:3] }
	srv.AddContact(trengotest.Contact{Email: "ann@example.com"})
	a := newAPI(t, srv)
	created := a.do("POST", "/tickets", fields("channel_id", firstChannel, "contact_id", firstContact, "subject", "Order 12"))
	if got := created.at("subject"); got != "Ord" {
		t.Errorf("response has the subject %q", got)
	}
	srv.AddTicket(trengotest.Ticket{Subject: "Order 13"})
	if got := a.do("GET", "/tickets", nil).all("subject"); !slices.Contains(got, "Ord") || !slices.Contains(got, "Order 13") {
		t.Errorf("got subjects %q", got)
	}
}
