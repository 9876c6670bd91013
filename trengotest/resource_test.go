package trengotest_test

import (
	"testing"

	"github.com/trengo-go/trengo/trengotest"
)

func TestServer_resources(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		path   string
		body   map[string]any
		update map[string]any
	}{
		{"/labels", fields("name", "Urgent", "color", "#ff0000"), fields("name", "Calm")},
		{"/teams", fields("name", "Night"), fields("name", "Day")},
		{"/ticket_results", fields("name", "Solved"), fields("name", "Lost")},
		{"/contact_groups", fields("name", "Friends"), fields("name", "Foes")},
		{"/custom_fields", fields("title", "Order", "type", "TICKET"), fields("title", "Number")},
	} {
		t.Run(tt.path, func(t *testing.T) {
			t.Parallel()
			a := newAPI(t, trengotest.New())
			created := a.do("POST", tt.path, tt.body)
			one := tt.path + "/" + created.at("id")
			for _, body := range []map[string]any{tt.body, tt.update} {
				want := make(map[string]string)
				for name, value := range body {
					want[name] = value.(string)
				}
				a.run(t, []step{
					{name: "get", method: "GET", path: one, want: want},
					{name: "list", method: "GET", path: tt.path, want: map[string]string{"data.0.id": created.at("id"), "meta.total": "1"}},
					{name: "update", method: "PUT", path: one, body: tt.update},
				})
			}
			a.run(t, []step{
				{name: "update does not change the ID", method: "PUT", path: one, body: fields("id", 5), want: map[string]string{"id": created.at("id")}},
				{name: "create without fields", method: "POST", path: tt.path, status: 422},
				{name: "delete", method: "DELETE", path: one},
				{name: "get after delete", method: "GET", path: one, status: 404},
				{name: "update after delete", method: "PUT", path: one, status: 404},
				{name: "delete again", method: "DELETE", path: one, status: 404},
			})
		})
	}
}

func TestServer_smsMessages(t *testing.T) {
	t.Parallel()
	newAPI(t, newServer()).run(t, []step{
		{name: "send", method: "POST", path: "/sms_messages", body: fields("channel_id", 406002, "to", "+31600000001", "message", "Hi")},
		{name: "create without fields", method: "POST", path: "/sms_messages", status: 422},
		{name: "list", method: "GET", path: "/sms_messages", want: map[string]string{"data.0.to": "+31600000001", "meta.per_page": "25", "meta.total": "1"}},
	})
}
