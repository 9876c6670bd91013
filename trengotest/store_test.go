package trengotest_test

import (
	"fmt"
	"math"
	"strconv"
	"testing"

	"github.com/trengo-go/trengo/trengotest"
)

func TestServer_ids(t *testing.T) {
	t.Parallel()
	srv := newServerWithTicket("SMS")
	a := newAPI(t, srv)
	var last int64
	for range 3 {
		got := a.do("POST", ticketPath(1)+"/messages", fields("message", "Hello")).at("message.id")
		id, err := strconv.ParseInt(got, 10, 64)
		if err != nil || id <= last || id <= math.MaxInt32 {
			t.Errorf("got message ID %s after %d", got, last)
		}
		last = id
	}
	high := srv.AddContact(trengotest.Contact{ID: 90_000_000_001})
	srv.AddContact(trengotest.Contact{ID: 7})
	if next := srv.AddContact(trengotest.Contact{}); next.ID != high.ID+1 {
		t.Errorf("got contact ID %d after %d", next.ID, high.ID)
	}
	var ids []int64
	for _, c := range srv.Contacts() {
		ids = append(ids, c.ID)
	}
	if got := fmt.Sprint(ids); got != "[7 460000001 90000000001 90000000002]" {
		t.Errorf("got contact IDs %s", got)
	}
	srv.AddContact(trengotest.Contact{ID: 7, Name: "Replaced"})
	if got := srv.Contacts(); len(got) != 4 || got[0].Name != "Replaced" {
		t.Errorf("got contacts %+v", got)
	}
}
