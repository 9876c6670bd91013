package trengotest_test

import (
	"fmt"
	"math"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

// The clock of a bubble begins at midnight UTC on 1 January 2000, a winter's day.
func TestServer_timestamps_rules57to59(t *testing.T) {
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
				srv := desk()
				srv.Behavior = tt.behavior
				srv.AddContact(trengotest.Contact{Email: "ann@example.com"})
				const iso = "2000-01-01T00:00:00.000000Z"
				newAPI(t, srv).run(t, []step{
					{
						name: "rule 48: a ticket in a POST", method: "POST", path: "/tickets", body: fields("channel_id", firstChannel, "contact_id", firstContact),
						want: map[string]string{"created_at": iso, "assigned_at": iso, "updated_at": iso, "latest_message": tt.post, "agent.created_at": "2021-01-04T08:00:00.000000Z"},
					},
					{
						name: "rule 59: a message in a POST", method: "POST", path: ticketPath(1) + "/messages", body: fields("message", "Hello"),
						want: map[string]string{
							"message.created_at": tt.post, "message.created_at_time": tt.epoch, "message.created_at_time_day": "946684800",
							"message.ticket.created_at": iso, "message.contact.created_at": iso,
						},
					},
					{
						name: "rules 57, 58: a ticket in a GET", method: "GET", path: ticketPath(1),
						want: map[string]string{
							"created_at": tt.get, "assigned_at": tt.get, "closed_at": "<nil>", "audits.0.created_at": tt.get,
							"audits.0.message": "ticket created at 2000-01-01 00:00:00",
						},
					},
					{
						name: "rule 58: a message in a GET", method: "GET", path: ticketPath(1) + "/messages",
						want: map[string]string{"data.0.created_at": tt.get},
					},
				})
			})
		})
	}
}

func TestServer_summerTime_rule58(t *testing.T) {
	t.Parallel()
	srv := desk()
	srv.AddTicket(trengotest.Ticket{CreatedAt: time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)})
	if got := newAPI(t, srv).do("GET", ticketPath(1), nil).at("created_at"); got != "2026-07-01 14:00:00" {
		t.Errorf("created_at is %s", got)
	}
}

func TestServer_ids_rules60and61(t *testing.T) {
	t.Parallel()
	srv := conversation("SMS")
	a := newAPI(t, srv)
	var last int64
	for range 3 {
		got := a.do("POST", ticketPath(1)+"/messages", fields("message", "Hello")).at("message.id")
		id, err := strconv.ParseInt(got, 10, 64)
		if err != nil || id <= last || id <= math.MaxInt32 {
			t.Errorf("message id %s after %d", got, last)
		}
		last = id
	}
	high := srv.AddContact(trengotest.Contact{ID: 90_000_000_001})
	srv.AddContact(trengotest.Contact{ID: 7})
	if next := srv.AddContact(trengotest.Contact{}); next.ID != high.ID+1 {
		t.Errorf("contact id %d after %d", next.ID, high.ID)
	}
	var ids []int64
	for _, c := range srv.Contacts() {
		ids = append(ids, c.ID)
	}
	if got := fmt.Sprint(ids); got != "[7 460000001 90000000001 90000000002]" {
		t.Errorf("contacts are %s", got)
	}
	srv.AddContact(trengotest.Contact{ID: 7, Name: "Replaced"})
	if got := srv.Contacts(); len(got) != 4 || got[0].Name != "Replaced" {
		t.Errorf("contacts are %+v", got)
	}
}

func TestServer_mixedTypes_rule62(t *testing.T) {
	t.Parallel()
	srv := conversation("EMAIL")
	newAPI(t, srv).run(t, []step{
		{
			name: "a channel", method: "GET", path: "/channels",
			want: map[string]string{
				"data.0.show_ticket_fields": "1", "data.0.is_private": "false", "data.0.reopen_closed_ticket_time_window_days": "30",
				"data.0.emailChannel.channel_id": "406001", "data.0.title": "Support", "data.0.password": "missing",
			},
		},
		{
			name: "a channel within a ticket", method: "GET", path: "/tickets",
			want: map[string]string{"data.0.channel.show_ticket_fields": "<nil>", "data.0.channel.reopen_closed_ticket": "<nil>", "data.0.channel.title": "Support"},
		},
		{name: "a user", method: "GET", path: "/users/3601", want: map[string]string{"chat_status": "1", "is_online": "1", "role.id": "5"}},
		{
			name: "a raw user", method: "POST", path: ticketPath(1) + "/close",
			want: map[string]string{"agent.chat_status": "true", "agent.authorization": "<nil>", "channel.price": "0.0000"},
		},
	})
}

func TestServer_formattedPhones_rule41(t *testing.T) {
	t.Parallel()
	srv := desk()
	a := newAPI(t, srv)
	for phone, want := range map[string]string{
		"+31600000001":      "+31 6 00000001",
		"31600000001":       "+31 6 00000001",
		"+31 200000001":     "+31 20-000-0001",
		"+15550000001":      "+1 555-000-0001",
		"+35300000":         "+353 0-0000",
		"+3530000":          "++3530000",
		"+3160000000000001": "++3160000000000001",
		"+4900000000":       "+49 0-000-0000",
		"+3580000":          "++3580000",
		"+35800000":         "+358 0-0000",
		"+97250000":         "+972 5-0000",
		"unknown":           "unknown",
	} {
		c := srv.AddContact(trengotest.Contact{Phone: phone})
		got := a.do("GET", fmt.Sprintf("/contacts/%d", c.ID), nil)
		if got.at("phone") != phone || got.at("formatted_phone") != want || got.at("identifier") != want {
			t.Errorf("%s: %s and %s, want %s", phone, got.at("formatted_phone"), got.at("identifier"), want)
		}
	}
}
