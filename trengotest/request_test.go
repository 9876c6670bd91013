package trengotest_test

import (
	"net/http"
	"testing"
)

func TestServer_Requests(t *testing.T) {
	t.Parallel()
	srv := newServer()
	a := newAPI(t, srv)
	a.do("GET", "/contacts?term=a%2Bb", nil)
	a.with("Authorization", "").do("POST", "/tickets", fields("subject", "Hello"))

	got := srv.Requests()
	if len(got) != 2 {
		t.Fatalf("got %d requests, want 2", len(got))
	}
	if r := got[0]; r.Seq != 1 || r.Method != http.MethodGet || r.Path != "/contacts" || r.Query.Get("term") != "a+b" || r.Status != 200 {
		t.Errorf("got first request %+v", r)
	}
	if r := got[1]; r.Seq != 2 || string(r.Body) != `{"subject":"Hello"}` || r.Status != 401 || r.Header.Get("Accept") == "" {
		t.Errorf("got second request %+v", r)
	}
	got[0].Query.Set("term", "changed")
	got[0].Header.Set("Accept", "changed")
	if r := srv.Requests()[0]; r.Query.Get("term") == "changed" || r.Header.Get("Accept") == "changed" {
		t.Error("a returned request shares memory with the Server")
	}
	srv.ResetRequests()
	a.do("GET", "/contacts", nil)
	if got := srv.Requests(); len(got) != 1 || got[0].Seq != 1 {
		t.Errorf("got requests %+v after ResetRequests", got)
	}
}
