package trengotest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

func TestServer_ticketActions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServer()
		contact := srv.AddContact(trengotest.Contact{Email: "ann@example.com"})
		srv.AddTicket(trengotest.Ticket{ContactID: contact.ID, ChannelID: firstChannel})
		a := newAPI(t, srv)
		a.run(t, []step{
			{name: "create a team", method: "POST", path: "/teams", body: fields("name", "Night"), want: map[string]string{"id": "346001", "phone": "<nil>"}},
			{name: "create a label", method: "POST", path: "/labels", body: fields("name", "Very Urgent"), want: map[string]string{"id": "1700001", "slug": "very-urgent"}},
			{name: "create a result", method: "POST", path: "/ticket_results", body: fields("name", "Solved"), want: map[string]string{"id": "50001"}},
			{name: "create a field", method: "POST", path: "/custom_fields", body: fields("title", "Order", "type", "TICKET")},
		})
		actions := []struct {
			step
			check map[string]string // fields of the ticket afterwards
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
			{step{name: "not spam", method: "DELETE", path: "/spam"}, map[string]string{"status": "OPEN"}},
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
			updatedAt := srv.Tickets()[0].UpdatedAt
			time.Sleep(time.Minute)
			again := act.step
			again.name, again.body = again.name+" again", act.body
			a.run(t, []step{again, {name: "after " + again.name, method: "GET", path: ticketPath(1), want: act.check}})
			if act.name != "assign to a user" && !srv.Tickets()[0].UpdatedAt.Equal(updatedAt) {
				t.Errorf("%s changed the ticket's UpdatedAt", again.name)
			}
		}
		if notes := srv.Messages(firstTicket); notes[0].Type != "NOTE" || notes[0].Text != "Yours." {
			t.Errorf("got messages %+v", notes)
		}
	})
}

func TestBehavior_RepeatNotFound(t *testing.T) {
	t.Parallel()
	srv := newServer()
	srv.Behavior.RepeatNotFound = true
	srv.AddTicket(trengotest.Ticket{})
	a := newAPI(t, srv)
	a.do("POST", "/labels", fields("name", "Urgent"))
	a.run(t, []step{
		{name: "reopen an open ticket", method: "POST", path: ticketPath(1) + "/reopen", status: 404},
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
		t.Errorf("a rejected assignment left messages %+v", got)
	}
}

func TestServer_ticketActions_unprocessable(t *testing.T) {
	t.Parallel()
	srv := newServer()
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
			t.Errorf("%s %v: got status %d: %s", tt.path, tt.body, got.status, got.body)
		}
		if got := a.do("POST", "/tickets/5"+tt.path, tt.body); got.status != 404 {
			t.Errorf("%s of an unknown ticket: got status %d", tt.path, got.status)
		}
	}
}

func TestServer_mergeTickets(t *testing.T) {
	t.Parallel()
	srv := newServer()
	target, source := srv.AddTicket(trengotest.Ticket{}), srv.AddTicket(trengotest.Ticket{})
	srv.AddMessage(trengotest.Message{TicketID: source.ID, Text: "one", CreatedAt: monday})
	srv.AddMessage(trengotest.Message{TicketID: target.ID, Text: "two", CreatedAt: monday.Add(time.Minute)})
	newAPI(t, srv).run(t, []step{
		{name: "merge", method: "POST", path: ticketPath(1) + "/merge", body: fields("source_ticket_id", source.ID)},
		{name: "get the ticket in the path", method: "GET", path: ticketPath(1)},
		{name: "get the source", method: "GET", path: ticketPath(2), status: 404},
	})
	got := srv.Messages(target.ID)
	if len(got) != 2 || got[0].Text != "one" || got[0].TicketID != target.ID || got[1].Text != "two" {
		t.Errorf("got messages %+v", got)
	}
}

func TestServer_reopenTicket_assignedTicket(t *testing.T) {
	t.Parallel()
	srv := newServer()
	srv.AddTicket(trengotest.Ticket{UserID: firstUser, Status: "CLOSED", ClosedAt: monday})
	newAPI(t, srv).do("POST", ticketPath(1)+"/reopen", nil)
	if got := srv.Tickets()[0]; got.Status != "ASSIGNED" || !got.ClosedAt.IsZero() {
		t.Errorf("got ticket %+v", got)
	}
}
