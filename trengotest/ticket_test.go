package trengotest_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

func TestServer_createTicket_rules11and47to49(t *testing.T) {
	t.Parallel()
	srv := desk()
	srv.AddContact(trengotest.Contact{Name: "Ann", Email: "ann@example.com"})
	srv.AddContact(trengotest.Contact{Name: "Pat", Email: "pat@example.com", Private: true})
	srv.AddChannel(trengotest.Channel{Title: "Mine", Private: true})
	newAPI(t, srv).run(t, []step{
		{
			name: "rules 47, 48: a raw ticket of the user", method: "POST", path: "/tickets",
			body: fields("channel_id", firstChannel, "contact_id", firstContact, "subject", "Hello"),
			want: map[string]string{
				"id": "970000001", "status": "ASSIGNED", "user_id": "3601", "assigned_by": "3601", "subject": "Hello", "team": "<nil>",
				"contact_id": "460000001", "channel_id": "406001", "channel.agency.id": "15001", "channel.password": "channel-password", "agent.rate_limit": "750",
			},
		},
		{
			name: "rule 11: once more is one more", method: "POST", path: "/tickets",
			body: fields("channel_id", firstChannel, "contact_id", firstContact, "subject", "Hello"),
			want: map[string]string{"id": "970000002"},
		},
		{
			name: "rule 49: ids as strings, no subject", method: "POST", path: "/tickets",
			body: fields("channel_id", "406001", "contact_id", "460000001"),
			want: map[string]string{"id": "970000003", "subject": "<nil>"},
		},
		{
			name: "rule 49: by identifier", method: "POST", path: "/tickets", body: fields("channel_id", firstChannel, "contact_identifier", "Ann@example.com"),
			want: map[string]string{"contact_id": "460000001"},
		},
		{
			name: "rule 49: by an identifier that is new", method: "POST", path: "/tickets", body: fields("channel_id", 406002, "contact_identifier", "31600000001"),
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
			name: "nothing", method: "POST", path: "/tickets", body: fields(), status: 422,
			want: map[string]string{"errors.contact_id.0": "The contact id field is required.", "errors.channel_id.0": "The channel id field is required."},
		},
		{
			name: "no id", method: "POST", path: "/tickets", body: fields("channel_id", firstChannel, "contact_id", "ann"), status: 422,
			want: map[string]string{"errors.contact_id.0": "The contact id must be an integer."},
		},
		{
			name: "rule 9: private contact, shared channel", method: "POST", path: "/tickets",
			body: fields("channel_id", firstChannel, "contact_id", firstContact+1), status: 422,
		},
		{
			name: "rule 9: shared contact, private channel", method: "POST", path: "/tickets",
			body: fields("channel_id", 406003, "contact_identifier", "ann@example.com"), status: 422,
		},
		{
			name: "private contact, private channel", method: "POST", path: "/tickets", body: fields("channel_id", 406003, "contact_id", firstContact+1),
		},
	})
	if got := srv.Messages(firstTicket); got != nil {
		t.Errorf("rule 47: a message was sent: %v", got)
	}
	if got := srv.Contacts()[0].ChannelIDs; got != nil {
		t.Errorf("a ticket changed the channels of its contact: %v", got)
	}
	if got := srv.Tickets(); len(got) != 6 || got[0].Subject != "Hello" || got[0].Status != "ASSIGNED" {
		t.Errorf("tickets are %+v", got)
	}
}

func TestServer_ticketFields_rule48(t *testing.T) {
	t.Parallel()
	srv := desk()
	srv.AddContact(trengotest.Contact{Email: "ann@example.com"})
	a := newAPI(t, srv)
	a.do("POST", "/tickets", fields("channel_id", firstChannel, "contact_id", firstContact))
	list := []string{
		"ai_assigned_at", "assigned_at", "channel", "channelMeta", "closed_at", "contact", "contact_id", "created_at", "custom_data", "id", "labels",
		"latest_message", "messages_count", "status", "subject", "team_id", "updated_at", "user_id",
	}
	if got := a.do("GET", "/tickets", nil).keys(t, "data.0"); !slices.Equal(got, list) {
		t.Errorf("without messages an item has %v", got)
	}
	srv.AddMessage(trengotest.Message{TicketID: firstTicket, Text: "Hello?"})
	got := a.do("GET", "/tickets", nil)
	for path, want := range map[string]string{
		"data.0.latest_message.message": "Hello?", "data.0.latest_message.type": "INBOUND", "data.0.messages_count": "1",
		"data.0.contact.email": "ann@example.com", "data.0.contact.channels": "missing", "data.0.channel.auto_reply": "<nil>", "data.0.custom_data": "<nil>",
	} {
		if v := got.at(path); v != want {
			t.Errorf("list: %s is %s, want %s", path, v, want)
		}
	}
	if got.at("data.0.latest_message_at") == "missing" || got.at("data.0.latest_received_message_at") == "missing" {
		t.Errorf("dates are missing: %s", got.body)
	}
	a.run(t, []step{{
		name: "detail", method: "GET", path: ticketPath(1),
		want: map[string]string{
			"latest_message": "missing", "messages_count": "<nil>", "team": "<nil>", "agent.id": "3601", "assignee.id": "3601", "results": "[]",
			"reminder": "<nil>", "watchers": "[]", "starred": "[]", "attachments": "[]", "messaging_attachments": "[]", "related_tickets": "[]",
			"custom_field_values": "[]", "closed_by": "<nil>", "contact.groups": "[]", "audits.0.audit_type": "TICKET_CREATED", "audits.0.id": "2700000001",
		},
	}})
}

func TestServer_ticketFilters(t *testing.T) {
	t.Parallel()
	srv := desk()
	ann := srv.AddContact(trengotest.Contact{Name: "Ann", Email: "ann@example.com"})
	ben := srv.AddContact(trengotest.Contact{Name: "Ben", Phone: "+31600000001"})
	add := func(tk trengotest.Ticket, minute int, messages ...string) {
		tk.CreatedAt = monday.Add(-time.Duration(minute) * time.Minute)
		made := srv.AddTicket(tk)
		for _, messageType := range messages {
			srv.AddMessage(trengotest.Message{TicketID: made.ID, Type: messageType, CreatedAt: tk.CreatedAt})
		}
	}
	add(trengotest.Ticket{Subject: "a", ContactID: ann.ID, ChannelID: 406001, UserID: firstUser, LabelIDs: []int64{7}}, 0, "INBOUND")
	add(trengotest.Ticket{Subject: "b", ContactID: ann.ID, ChannelID: 406002, Status: "CLOSED", LabelIDs: []int64{7, 8}}, 1, "INBOUND", "OUTBOUND")
	add(trengotest.Ticket{Subject: "c", ContactID: ben.ID, ChannelID: 406002, Status: "INVALID"}, 2)
	add(trengotest.Ticket{Subject: "Invoice", ContactID: ben.ID, ChannelID: 406003}, 3)

	a := newAPI(t, srv)
	for query, want := range map[string][]string{
		"":                                      {"a", "b", "c", "Invoice"},
		"contact_id=460000001":                  {"a", "b"},
		"contact_id=":                           {"a", "b", "c", "Invoice"},
		"contact_id=x":                          nil,
		"status=OPEN":                           {"Invoice"},
		"status=ASSIGNED":                       {"a"},
		"status=CLOSED":                         {"b"},
		"status=INVALID":                        {"c"},
		"channels[]=406001&channels[]=406003":   {"a", "Invoice"},
		"channels[0]=406001&channels[1]=406003": {"a", "Invoice"},
		"channel_id=406002":                     {"b", "c"},
		"users[]=3601":                          {"a"},
		"labels[]=8":                            {"b"},
		"labels=7":                              {"a", "b"},
		"last_message_type=INBOUND":             {"a"},
		"last_message_type=OUTBOUND":            {"b"},
		"contact_id=460000001&status=CLOSED":    {"b"},
		"term=invoice":                          {"Invoice"},
		"term=ann@example.com":                  {"a", "b"},
		"term=600000001":                        {"c", "Invoice"},
		"per_page=1&page=2":                     {"b"},
		// Monday 9:00 UTC is 10:00 in Amsterdam.
		"updated_at_gt=2026-01-05 09:58:30":         {"a", "b"},
		"updated_at_gt=2026-01-05T08:59:30%2B00:00": {"a"},
		"updated_at_gt=2026-01-06":                  nil,
		"updated_at_gt=soon":                        {"a", "b", "c", "Invoice"},
	} {
		if got := a.do("GET", "/tickets?"+escapeBlanks(query), nil).all("subject"); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
}

func TestServer_ticketActions_rules52to54(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := desk()
		about := srv.AddContact(trengotest.Contact{Email: "ann@example.com"})
		srv.AddTicket(trengotest.Ticket{ContactID: about.ID, ChannelID: firstChannel})
		a := newAPI(t, srv)
		a.run(t, []step{
			{name: "a team", method: "POST", path: "/teams", body: fields("name", "Night"), want: map[string]string{"id": "346001", "phone": "<nil>"}},
			{name: "a label", method: "POST", path: "/labels", body: fields("name", "Very Urgent"), want: map[string]string{"id": "1700001", "slug": "very-urgent"}},
			{name: "a result", method: "POST", path: "/ticket_results", body: fields("name", "Solved"), want: map[string]string{"id": "50001"}},
			{name: "a field", method: "POST", path: "/custom_fields", body: fields("title", "Order", "type", "TICKET")},
		})
		actions := []struct {
			step
			check map[string]string // of the ticket afterwards
		}{
			{
				step{name: "assign to a user", method: "POST", path: "/assign", body: fields("type", "user", "user_id", firstUser, "note", "Yours.")},
				map[string]string{"status": "ASSIGNED", "user_id": "3601", "agent.id": "3601"},
			},
			{
				step{name: "assign to a team", method: "POST", path: "/assign", body: fields("type", "team", "team_id", "346001")},
				map[string]string{"status": "OPEN", "user_id": "<nil>", "team.name": "Night", "agent": "<nil>"},
			},
			{
				step{name: "close", method: "POST", path: "/close", body: fields("ticket_result_id", 50001)},
				map[string]string{"status": "CLOSED", "closed_by": "3601"},
			},
			{step{name: "reopen", method: "POST", path: "/reopen", body: fields()}, map[string]string{"status": "OPEN", "closed_at": "<nil>"}},
			{
				step{name: "label", method: "POST", path: "/labels", body: fields("label_id", 1700001), want: map[string]string{"name": "Very Urgent"}},
				map[string]string{"labels.0.id": "1700001"},
			},
			{step{name: "unlabel", method: "DELETE", path: "/labels/1700001"}, map[string]string{"labels": "[]"}},
			{step{name: "spam", method: "POST", path: "/spam"}, map[string]string{"status": "INVALID"}},
			{step{name: "no spam", method: "DELETE", path: "/spam"}, map[string]string{"status": "OPEN"}},
			{step{name: "star", method: "POST", path: "/favorited"}, map[string]string{"starred.0.ticket_id": "970000001"}},
			{step{name: "unstar", method: "DELETE", path: "/favorited/0"}, map[string]string{"starred": "[]"}},
			{
				step{name: "custom field", method: "POST", path: "/custom_fields", body: fields("custom_field_id", 600001, "value", 12)},
				map[string]string{"custom_data": "map[Order:12]", "custom_field_values.0.value": "12"},
			},
		}
		for _, act := range actions {
			act.path = ticketPath(1) + act.path
			time.Sleep(time.Minute)
			a.run(t, []step{act.step, {name: "after " + act.name, method: "GET", path: ticketPath(1), want: act.check}})
			changed := srv.Tickets()[0].UpdatedAt
			time.Sleep(time.Minute)
			again := act.step
			again.name, again.body = again.name+" again", act.body
			a.run(t, []step{again, {name: "after " + again.name, method: "GET", path: ticketPath(1), want: act.check}})
			if act.name != "assign to a user" && !srv.Tickets()[0].UpdatedAt.Equal(changed) {
				t.Errorf("rule 54: %s changed the ticket", again.name)
			}
		}
		if notes := srv.Messages(firstTicket); notes[0].Type != "NOTE" || notes[0].Text != "Yours." {
			t.Errorf("messages are %+v", notes)
		}
	})
}

func TestBehavior_RepeatNotFound_rule54(t *testing.T) {
	t.Parallel()
	srv := desk()
	srv.Behavior.RepeatNotFound = true
	srv.AddTicket(trengotest.Ticket{})
	a := newAPI(t, srv)
	a.do("POST", "/labels", fields("name", "Urgent"))
	a.run(t, []step{
		{name: "reopen what is open", method: "POST", path: ticketPath(1) + "/reopen", status: 404},
		{name: "close", method: "POST", path: ticketPath(1) + "/close"},
		{name: "close again", method: "POST", path: ticketPath(1) + "/close", status: 404},
		{name: "assign", method: "POST", path: ticketPath(1) + "/assign", body: fields("type", "user", "user_id", firstUser)},
		{name: "assign again", method: "POST", path: ticketPath(1) + "/assign", body: fields("type", "user", "user_id", firstUser, "note", "x"), status: 404},
		{name: "label", method: "POST", path: ticketPath(1) + "/labels", body: fields("label_id", 1700001)},
		{name: "label again", method: "POST", path: ticketPath(1) + "/labels", body: fields("label_id", 1700001), status: 404},
		{name: "unlabel", method: "DELETE", path: ticketPath(1) + "/labels/1700001"},
		{name: "unlabel again", method: "DELETE", path: ticketPath(1) + "/labels/1700001", status: 404},
	})
	if got := srv.Messages(firstTicket); got != nil {
		t.Errorf("an assignment that was refused left %+v", got)
	}
}

func TestServer_ticketActions_unprocessable(t *testing.T) {
	t.Parallel()
	srv := desk()
	srv.AddTicket(trengotest.Ticket{})
	a := newAPI(t, srv)
	for _, tt := range []struct {
		path  string
		body  map[string]any
		field string
	}{
		{"/assign", fields(), "type"},
		{"/assign", fields("type", "robot"), "type"},
		{"/assign", fields("type", "user"), "user_id"},
		{"/assign", fields("type", "user", "user_id", 5), "user_id"},
		{"/assign", fields("type", "team"), "team_id"},
		{"/close", fields("ticket_result_id", 5), "ticket_result_id"},
		{"/merge", fields(), "source_ticket_id"},
		{"/merge", fields("source_ticket_id", 5), "source_ticket_id"},
		{"/merge", fields("source_ticket_id", firstTicket), "source_ticket_id"},
		{"/labels", fields("label_id", 5), "label_id"},
		{"/custom_fields", fields("custom_field_id", 5, "value", "x"), "custom_field_id"},
	} {
		got := a.do("POST", ticketPath(1)+tt.path, tt.body)
		if got.status != 422 || got.at("errors."+tt.field+".0") == "missing" {
			t.Errorf("%s %v: %d %s", tt.path, tt.body, got.status, got.body)
		}
		if got := a.do("POST", "/tickets/5"+tt.path, tt.body); got.status != 404 {
			t.Errorf("%s of no ticket: %d", tt.path, got.status)
		}
	}
}

func TestServer_mergeTickets_rule53(t *testing.T) {
	t.Parallel()
	srv := desk()
	target, source := srv.AddTicket(trengotest.Ticket{}), srv.AddTicket(trengotest.Ticket{})
	srv.AddMessage(trengotest.Message{TicketID: source.ID, Text: "one", CreatedAt: monday})
	srv.AddMessage(trengotest.Message{TicketID: target.ID, Text: "two", CreatedAt: monday.Add(time.Minute)})
	newAPI(t, srv).run(t, []step{
		{name: "merge", method: "POST", path: ticketPath(1) + "/merge", body: fields("source_ticket_id", source.ID)},
		{name: "the one in the path stays", method: "GET", path: ticketPath(1)},
		{name: "the source is gone", method: "GET", path: ticketPath(2), status: 404},
	})
	got := srv.Messages(target.ID)
	if len(got) != 2 || got[0].Text != "one" || got[0].TicketID != target.ID || got[1].Text != "two" {
		t.Errorf("messages are %+v", got)
	}
}

func TestServer_reopenTicket_assigned(t *testing.T) {
	t.Parallel()
	srv := desk()
	srv.AddTicket(trengotest.Ticket{UserID: firstUser, Status: "CLOSED", ClosedAt: monday})
	newAPI(t, srv).do("POST", ticketPath(1)+"/reopen", nil)
	if got := srv.Tickets()[0]; got.Status != "ASSIGNED" || !got.ClosedAt.IsZero() {
		t.Errorf("ticket is %+v", got)
	}
}

func TestServer_ticketOfDeletedContact(t *testing.T) {
	t.Parallel()
	srv := conversation("EMAIL")
	newAPI(t, srv).run(t, []step{
		{name: "delete the contact", method: "DELETE", path: contactPath},
		{name: "its ticket stays", method: "GET", path: ticketPath(1), want: map[string]string{"contact": "<nil>", "contact_id": "460000001"}},
		{
			name: "and takes messages", method: "POST", path: ticketPath(1) + "/messages", body: fields("message", "Hello"),
			want: map[string]string{"message.contact": "<nil>", "message.email_message.to": ""},
		},
		{name: "and is listed", method: "GET", path: "/tickets?term=ann", want: map[string]string{"data": "[]"}},
	})
}

func TestServer_deleteTicket(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 204} {
		srv := desk()
		srv.Behavior.EmptyStatus = status
		srv.AddTicket(trengotest.Ticket{})
		a := newAPI(t, srv)
		if got := a.do("DELETE", ticketPath(1), nil); got.status != status || len(got.body) != 0 {
			t.Errorf("got %d %q, want %d", got.status, got.body, status)
		}
		for _, method := range []string{"GET", "DELETE"} {
			if got := a.do(method, ticketPath(1), nil); got.status != 404 {
				t.Errorf("%s afterwards: %d", method, got.status)
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
				t.Errorf("got %+v, want %s", got, tt.want)
			}
		}
		if got := srv.AddTicket(trengotest.Ticket{ID: 990_000_000}); got.ID != 990_000_000 {
			t.Errorf("id %d", got.ID)
		}
		if got := srv.AddTicket(trengotest.Ticket{CustomFields: map[string]string{"Order": "1"}}); got.ID != 990_000_001 {
			t.Errorf("rule 61: id %d", got.ID)
		}
		a := newAPI(t, srv)
		got := a.do("GET", "/tickets/990000001", nil)
		if got.at("contact") != "<nil>" || got.at("channel") != "<nil>" || got.at("custom_data.Order") != "1" {
			t.Errorf("ticket is %s", got.body)
		}
	})
}
