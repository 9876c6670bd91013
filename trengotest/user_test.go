package trengotest_test

import (
	"testing"

	"github.com/trengo-go/trengo/trengotest"
)

func TestServer_tokenOfUser(t *testing.T) {
	t.Parallel()
	srv := newServer()
	srv.AddContact(trengotest.Contact{Email: "ann@example.com"})
	colleague := srv.AddUser(trengotest.User{FirstName: "Kim", Email: "kim@example.com", Token: "kim-token"})
	ticket := fields("channel_id", firstChannel, "contact_id", firstContact)
	a := newAPI(t, srv)
	a.do("POST", "/tickets", ticket)
	a.with("Authorization", "Bearer kim-token").do("POST", "/tickets", ticket)
	tickets, users := srv.Tickets(), srv.Users()
	if len(users) != 2 || users[0].ID != firstUser {
		t.Fatalf("got users %+v", users)
	}
	if tickets[0].UserID != users[0].ID || tickets[1].UserID != colleague.ID {
		t.Errorf("tickets were assigned to %d and %d, want %d and %d", tickets[0].UserID, tickets[1].UserID, users[0].ID, colleague.ID)
	}
}

func TestServer_users(t *testing.T) {
	t.Parallel()
	newAPI(t, trengotest.New()).run(t, []step{
		{
			name: "create", method: "POST", path: "/users", body: fields("email", "kim@example.com", "first_name", "Kim", "last_name", "Example"),
			want: map[string]string{"id": "3602", "full_name": "Kim Example", "abbr": "K"},
		},
		{name: "create without fields", method: "POST", path: "/users", status: 422},
		{name: "get", method: "GET", path: "/users/3602", want: map[string]string{"email": "kim@example.com"}},
		{name: "unknown user", method: "GET", path: "/users/5", status: 404},
	})
}
