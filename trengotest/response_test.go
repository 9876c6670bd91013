package trengotest_test

import (
	"net/http/httptest"
	"testing"

	"github.com/trengo-go/trengo/trengotest"
)

func TestServer_ServeHTTP_noContent(t *testing.T) {
	t.Parallel()
	srv := newServer()
	srv.Behavior.EmptyStatus = 204
	srv.AddTicket(trengotest.Ticket{})
	web := httptest.NewServer(srv)
	defer web.Close()
	a := newAPI(t, srv)
	a.client, a.base = web.Client(), web.URL+"/api/v2"
	if got := a.do("DELETE", ticketPath(1), nil); got.status != 204 || got.header.Get("Content-Type") != "" || len(got.body) != 0 {
		t.Errorf("got status %d, header %v, body %q", got.status, got.header, got.body)
	}
}
