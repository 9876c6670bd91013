package trengotest_test

import (
	"testing"

	"github.com/trengo-go/trengo/trengotest"
)

func TestBehavior_Dutch(t *testing.T) {
	t.Parallel()
	srv := newServer()
	srv.AddContact(trengotest.Contact{Email: "ann@example.com", Private: true})
	ticket := fields("channel_id", firstChannel, "contact_id", firstContact)
	english := newAPI(t, srv).do("POST", "/tickets", ticket)
	srv.Behavior.Dutch = true
	dutch := newAPI(t, srv).do("POST", "/tickets", ticket)
	if english.status != 422 || dutch.status != 422 {
		t.Fatalf("got statuses %d and %d, want 422", english.status, dutch.status)
	}
	if english.at("message") == dutch.at("message") {
		t.Errorf("got the same message in both languages: %s", dutch.at("message"))
	}
}
