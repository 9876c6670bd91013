package trengotest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

// The clock of a bubble starts at midnight UTC on 1 January 2000, in winter.
func TestServer_timestamps(t *testing.T) {
	t.Parallel()
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name      string
		behavior  trengotest.Behavior
		get, post string
		epoch     string
	}{
		{"Amsterdam and UTC", trengotest.Behavior{}, "2000-01-01 01:00:00", "2000-01-01 00:00:00", "946684800"},
		{"New York and New York", trengotest.Behavior{Zone: newYork, PostZone: newYork}, "1999-12-31 19:00:00", "1999-12-31 19:00:00", "946684800"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newServer()
				srv.Behavior = tt.behavior
				srv.AddContact(trengotest.Contact{Email: "ann@example.com"})
				const iso = "2000-01-01T00:00:00.000000Z"
				newAPI(t, srv).run(t, []step{
					{
						name: "a ticket in the response to a POST", method: "POST", path: "/tickets", body: fields("channel_id", firstChannel, "contact_id", firstContact),
						want: map[string]string{"created_at": iso, "assigned_at": iso, "updated_at": iso, "latest_message": tt.post, "agent.created_at": "2021-01-04T08:00:00.000000Z"},
					},
					{
						name: "a message in the response to a POST", method: "POST", path: ticketPath(1) + "/messages", body: fields("message", "Hello"),
						want: map[string]string{
							"message.created_at": tt.post, "message.created_at_time": tt.epoch, "message.created_at_time_day": "946684800",
							"message.ticket.created_at": iso, "message.contact.created_at": iso,
						},
					},
					{
						name: "a ticket in the response to a GET", method: "GET", path: ticketPath(1),
						want: map[string]string{
							"created_at": tt.get, "assigned_at": tt.get, "closed_at": "<nil>", "audits.0.created_at": tt.get,
							"audits.0.message": "ticket created at 2000-01-01 00:00:00",
						},
					},
					{
						name: "a message in the response to a GET", method: "GET", path: ticketPath(1) + "/messages",
						want: map[string]string{"data.0.created_at": tt.get},
					},
				})
			})
		})
	}
}

func TestServer_summerTime(t *testing.T) {
	t.Parallel()
	srv := newServer()
	srv.AddTicket(trengotest.Ticket{CreatedAt: time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)})
	if got := newAPI(t, srv).do("GET", ticketPath(1), nil).at("created_at"); got != "2026-07-01 14:00:00" {
		t.Errorf("got created_at %s", got)
	}
}
