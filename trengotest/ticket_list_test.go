package trengotest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

func TestServer_ticketFilters(t *testing.T) {
	t.Parallel()
	srv := newServer()
	ann := srv.AddContact(trengotest.Contact{Name: "Ann", Email: "ann@example.com"})
	ben := srv.AddContact(trengotest.Contact{Name: "Ben", Phone: "+31600000001"})
	add := func(tk trengotest.Ticket, minute int, messages ...string) {
		tk.CreatedAt = monday.Add(-time.Duration(minute) * time.Minute)
		added := srv.AddTicket(tk)
		for _, messageType := range messages {
			srv.AddMessage(trengotest.Message{TicketID: added.ID, Type: messageType, CreatedAt: tk.CreatedAt})
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
		// monday is 9:00 in UTC and 10:00 in Amsterdam.
		"updated_at_gt=2026-01-05 09:58:30":         {"a", "b"},
		"updated_at_gt=2026-01-05T08:59:30%2B00:00": {"a"},
		"updated_at_gt=2026-01-06":                  nil,
		"updated_at_gt=soon":                        {"a", "b", "c", "Invoice"},
	} {
		if got := a.do("GET", "/tickets?"+escapeBlanks(query), nil).all("subject"); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
}

// With 2026's list, a client sees only the dates of messages.
func TestBehavior_NullLatestMessage(t *testing.T) {
	t.Parallel()
	srv := newServerWithTicket("EMAIL")
	srv.Behavior.NullLatestMessage = true
	srv.AddMessage(trengotest.Message{TicketID: firstTicket, Text: "Help"})
	got := newAPI(t, srv).do("GET", "/tickets", nil)
	for path, want := range map[string]string{"data.0.latest_message": "<nil>", "data.0.messages_count": "1"} {
		if v := got.at(path); v != want {
			t.Errorf("got %s %s, want %s", path, v, want)
		}
	}
	for _, path := range []string{"data.0.latest_message_at", "data.0.latest_received_message_at"} {
		if v := got.at(path); v == "missing" || v == "<nil>" {
			t.Errorf("got %s %s, want a date", path, v)
		}
	}
}

func TestBehavior_IgnoreUpdatedAfter(t *testing.T) {
	t.Parallel()
	srv := newServer()
	srv.Behavior.IgnoreUpdatedAfter = true
	srv.AddTicket(trengotest.Ticket{Subject: "a", CreatedAt: monday})
	if got := newAPI(t, srv).do("GET", "/tickets?updated_at_gt=2026-01-06", nil).all("subject"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("got %v, want the ticket that is older", got)
	}
}
