package trengotest_test

import (
	"testing"

	"github.com/trengo-go/trengo/trengotest"
)

func TestServer_quickReplies(t *testing.T) {
	t.Parallel()
	a := newAPI(t, trengotest.New())
	a.run(t, []step{
		{
			name: "create", method: "POST", path: "/quick_replies", body: fields("title", "Hello", "message", "Hi!", "type", "SMS"),
			want: map[string]string{"id": "20001", "type": "MESSAGING", "attachments": "missing"},
		},
		{name: "create for email", method: "POST", path: "/quick_replies", body: fields("title", "Bye", "message", "Bye!", "type", "EMAIL")},
		{
			name: "list", method: "GET", path: "/quick_replies",
			want: map[string]string{"data.0.attachments": "[]", "data.1.title": "Bye", "meta.total": "2"},
		},
		{name: "list by type", method: "GET", path: "/quick_replies?type=EMAIL", want: map[string]string{"data.0.title": "Bye", "meta.total": "1"}},
		{name: "update", method: "PUT", path: "/quick_replies/20001", body: fields("title", "Good day")},
		{name: "list after the update", method: "GET", path: "/quick_replies", want: map[string]string{"data.0.title": "Good day"}},
		{name: "create without fields", method: "POST", path: "/quick_replies", status: 422},
		{name: "update an unknown one", method: "PUT", path: "/quick_replies/5", status: 404},
	})
	if got := a.do("PUT", "/quick_replies/20001", fields("title", "Hi")); len(got.body) != 0 {
		t.Errorf("got body %s for an update, want none", got.body)
	}
}
