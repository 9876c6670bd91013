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
		change map[string]any
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
			made := a.do("POST", tt.path, tt.body)
			one := tt.path + "/" + made.at("id")
			for _, body := range []map[string]any{tt.body, tt.change} {
				want := make(map[string]string)
				for name, value := range body {
					want[name] = value.(string)
				}
				a.run(t, []step{
					{name: "get", method: "GET", path: one, want: want},
					{name: "list", method: "GET", path: tt.path, want: map[string]string{"data.0.id": made.at("id"), "meta.total": "1"}},
					{name: "change", method: "PUT", path: one, body: tt.change},
				})
			}
			a.run(t, []step{
				{name: "ids stay", method: "PUT", path: one, body: fields("id", 5), want: map[string]string{"id": made.at("id")}},
				{name: "nothing", method: "POST", path: tt.path, status: 422},
				{name: "delete", method: "DELETE", path: one},
				{name: "get what is gone", method: "GET", path: one, status: 404},
				{name: "change what is gone", method: "PUT", path: one, status: 404},
				{name: "delete what is gone", method: "DELETE", path: one, status: 404},
			})
		})
	}
}

func TestServer_quickReplies(t *testing.T) {
	t.Parallel()
	a := newAPI(t, trengotest.New())
	a.run(t, []step{
		{
			name: "made", method: "POST", path: "/quick_replies", body: fields("title", "Hello", "message", "Hi!", "type", "SMS"),
			want: map[string]string{"id": "20001", "type": "MESSAGING", "attachments": "missing"},
		},
		{name: "an e-mail", method: "POST", path: "/quick_replies", body: fields("title", "Bye", "message", "Bye!", "type", "EMAIL")},
		{
			name: "listed", method: "GET", path: "/quick_replies",
			want: map[string]string{"data.0.attachments": "[]", "data.1.title": "Bye", "meta.total": "2"},
		},
		{name: "listed by type", method: "GET", path: "/quick_replies?type=EMAIL", want: map[string]string{"data.0.title": "Bye", "meta.total": "1"}},
		{name: "changed", method: "PUT", path: "/quick_replies/20001", body: fields("title", "Good day")},
		{name: "listed again", method: "GET", path: "/quick_replies", want: map[string]string{"data.0.title": "Good day"}},
		{name: "nothing", method: "POST", path: "/quick_replies", status: 422},
		{name: "change what is not there", method: "PUT", path: "/quick_replies/5", status: 404},
	})
	if got := a.do("PUT", "/quick_replies/20001", fields("title", "Hi")); len(got.body) != 0 {
		t.Errorf("a change answers %s", got.body)
	}
}

func TestServer_textMessages(t *testing.T) {
	t.Parallel()
	newAPI(t, desk()).run(t, []step{
		{name: "send", method: "POST", path: "/sms_messages", body: fields("channel_id", 406002, "to", "+31600000001", "message", "Hi")},
		{name: "nothing", method: "POST", path: "/sms_messages", status: 422},
		{name: "list", method: "GET", path: "/sms_messages", want: map[string]string{"data.0.to": "+31600000001", "meta.per_page": "25", "meta.total": "1"}},
	})
}

func TestServer_users(t *testing.T) {
	t.Parallel()
	newAPI(t, trengotest.New()).run(t, []step{
		{
			name: "made", method: "POST", path: "/users", body: fields("email", "kim@example.com", "first_name", "Kim", "last_name", "Example"),
			want: map[string]string{"id": "3602", "full_name": "Kim Example", "abbr": "K"},
		},
		{name: "nothing", method: "POST", path: "/users", status: 422},
		{name: "get", method: "GET", path: "/users/3602", want: map[string]string{"email": "kim@example.com"}},
		{name: "no such user", method: "GET", path: "/users/5", status: 404},
	})
}
