package trengotest_test

import (
	"testing"

	"github.com/trengo-go/trengo/trengotest"
)

func TestServer_Channels(t *testing.T) {
	t.Parallel()
	srv := newServer()
	srv.AddChannel(trengotest.Channel{ID: 5, Title: "Mine", Private: true})
	got := srv.Channels()
	if len(got) != 3 || got[0] != (trengotest.Channel{ID: 5, Type: "EMAIL", Title: "Mine", Private: true}) || got[1].ID != firstChannel {
		t.Errorf("got channels %+v", got)
	}
}

func TestServer_fieldTypes(t *testing.T) {
	t.Parallel()
	srv := newServerWithTicket("EMAIL")
	newAPI(t, srv).run(t, []step{
		{
			name: "a channel", method: "GET", path: "/channels",
			want: map[string]string{
				"data.0.show_ticket_fields": "1", "data.0.is_private": "false", "data.0.reopen_closed_ticket_time_window_days": "30",
				"data.0.emailChannel.channel_id": "406001", "data.0.title": "Support", "data.0.password": "missing",
			},
		},
		{
			name: "a channel in a ticket", method: "GET", path: "/tickets",
			want: map[string]string{"data.0.channel.show_ticket_fields": "<nil>", "data.0.channel.reopen_closed_ticket": "<nil>", "data.0.channel.title": "Support"},
		},
		{name: "a user", method: "GET", path: "/users/3601", want: map[string]string{"chat_status": "1", "is_online": "1", "role.id": "5"}},
		{
			name: "a database row of a user", method: "POST", path: ticketPath(1) + "/close",
			want: map[string]string{"agent.chat_status": "true", "agent.authorization": "<nil>", "channel.price": "0.0000"},
		},
	})
}
