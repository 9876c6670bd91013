package trengotest_test

import (
	"testing"
)

func TestServer_startConversation(t *testing.T) {
	t.Parallel()
	srv := newServerWithTicket("WA_BUSINESS")
	newAPI(t, srv).run(t, []step{
		{
			name: "to a phone number, on a new ticket", method: "POST", path: "/wa_sessions", body: fields("recipient_phone_number", "+31600000001", "hsm_id", "12"),
			want: map[string]string{"message.ticket_id": "970000002", "message.ticket.contact_id": "460000002", "message.body_type": "COMPONENTS"},
		},
		{
			name: "again, on another new ticket", method: "POST", path: "/wa_sessions", body: fields("recipient_phone_number", "31600000001", "hsm_id", 12),
			want: map[string]string{"message.ticket_id": "970000003", "message.ticket.contact_id": "460000002"},
		},
		{
			name: "on a ticket", method: "POST", path: "/wa_sessions", body: fields("ticket_id", "970000001", "hsm_id", 12),
			want: map[string]string{"message.ticket_id": "970000001"},
		},
		{name: "without a template", method: "POST", path: "/wa_sessions", body: fields("ticket_id", "970000001"), status: 422},
		{
			name: "without a recipient", method: "POST", path: "/wa_sessions", body: fields("hsm_id", 12), status: 422,
			want: map[string]string{"errors.recipient_phone_number.0": "The recipient phone number field is required."},
		},
		{name: "unknown ticket", method: "POST", path: "/wa_sessions", body: fields("ticket_id", 5, "hsm_id", 12), status: 422},
		{
			name: "unknown channel", method: "POST", path: "/wa_sessions", status: 422,
			body: fields("recipient_phone_number", "+31600000001", "hsm_id", 12, "channel_id", 5),
		},
	})
}
