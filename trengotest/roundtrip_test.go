package trengotest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"testing"

	"github.com/trengo-go/trengo/trengotest"
)

func TestServer_RoundTrip_hostPort(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	for base, want := range map[string]string{
		"https://help.example.com":      "help.example.com:443",
		"http://help.example.com":       "help.example.com:80",
		"http://help.example.com:8080":  "help.example.com:8080",
		"https://[2001:db8::1]/api/v2/": "[2001:db8::1]:443",
	} {
		var got string
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GetConn: func(hostPort string) { got = hostPort }})
		r, err := http.NewRequestWithContext(ctx, "", base, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Method = ""
		resp, err := srv.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		discard(resp)
		if got != want {
			t.Errorf("%s: got GetConn(%q), want %q", base, got, want)
		}
	}
	if got := srv.Requests()[0].Method; got != "GET" {
		t.Errorf("recorded method %q for an empty method, want GET", got)
	}
}

func TestServer_RoundTrip_endedContext(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	body := &closeRecorder{Reader: encode(t, "")}
	r := newAPI(t, srv).request("GET", "/contacts", nil).WithContext(ctx)
	r.Body = body
	if _, err := srv.RoundTrip(r); !errors.Is(err, gone) || !body.closed {
		t.Errorf("got error %v, body closed: %v", err, body.closed)
	}
	if len(srv.Requests()) != 0 {
		t.Error("the request was recorded")
	}
}

// An error of the request body ends the request, as with any transport.
func TestServer_RoundTrip_bodyError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	r := newAPI(t, trengotest.New()).request("POST", "/tickets", nil)
	r.Body = io.NopCloser(failingReader{broken})
	if _, err := trengotest.New().RoundTrip(r); !errors.Is(err, broken) {
		t.Errorf("got error %v", err)
	}
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }
