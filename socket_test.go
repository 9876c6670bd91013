package trengo_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// What a stub transport cannot produce goes over real sockets here.
func TestSockets_failures(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		baseURL func(*testing.T) string
		timeout time.Duration // 0: the default
		class   string
		unknown bool // for a write
	}{
		{name: "nobody listens", baseURL: closedPort, class: "no_connection"},
		{name: "the certificate is not trusted", baseURL: untrusted, class: "no_connection"},
		{name: "the server speaks no TLS", baseURL: noTLS, class: "no_connection"},
		{name: "nobody answers the handshake in time", baseURL: silentTLS, timeout: 50 * time.Millisecond, class: "no_connection"},
		{name: "cut before the answer", baseURL: answering(""), class: "connection_lost", unknown: true},
		{name: "cut within the header", baseURL: answering("HTTP/1.1 200 OK\r\nContent-Le"), class: "connection_lost", unknown: true},
		{name: "no HTTP", baseURL: answering("220 mail.example.com ESMTP\r\n"), class: "connection_lost", unknown: true},
		{name: "cut within the body", baseURL: answering("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"id\":1"), class: "unreadable", unknown: true},
		{name: "no answer in time", baseURL: silent, timeout: 50 * time.Millisecond, class: "timeout", unknown: true},
	}
	for _, tt := range tests {
		for _, repeatable := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, repeatable %t", tt.name, repeatable), func(t *testing.T) {
				t.Parallel()
				var class string
				opts := []trengo.Option{
					trengo.WithBaseURL(tt.baseURL(t)),
					trengo.WithMaxRetries(0),
					trengo.WithObserver(func(a trengo.Attempt) { class = a.Class }),
				}
				if tt.timeout > 0 {
					opts = append(opts, trengo.WithTimeout(tt.timeout))
				}
				client, err := trengo.NewClient(trengotest.Token, opts...)
				if err != nil {
					t.Fatal(err)
				}
				var out struct{ ID int64 }
				err = client.Do(t.Context(), trengo.Request{Method: http.MethodPost, Path: "/tickets", Body: struct{}{}, Repeatable: repeatable}, &out)
				if err == nil || class != tt.class {
					t.Errorf("class %q with %v, want %q", class, err, tt.class)
				}
				if errors.Is(err, trengo.ErrOutcomeUnknown) != tt.unknown {
					t.Errorf("error %v, unknown outcome wanted: %t", err, tt.unknown)
				}
			})
		}
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func closedPort(t *testing.T) string {
	t.Helper()
	l := listen(t)
	l.Close()
	return "http://" + l.Addr().String()
}

// answering returns a server that reads a request, writes something and hangs
// up.
func answering(answer string) func(*testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		l := listen(t)
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Read(make([]byte, 4096))
				_, _ = io.WriteString(conn, answer)
				conn.Close()
			}
		}()
		return "http://" + l.Addr().String()
	}
}

func noTLS(t *testing.T) string {
	t.Helper()
	return "https" + answering("HTTP/1.1 400 Bad Request\r\n\r\n")(t)[len("http"):]
}

// silent accepts connections and says nothing.
func silent(t *testing.T) string {
	t.Helper()
	return "http://" + listen(t).Addr().String()
}

func silentTLS(t *testing.T) string {
	t.Helper()
	return "https://" + listen(t).Addr().String()
}

func untrusted(t *testing.T) string {
	t.Helper()
	srv := httptest.NewUnstartedServer(trengotest.New())
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshake is meant to fail
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv.URL + "/api/v2"
}

// The host has no address: the resolver is the real one, but asks nobody.
func TestSockets_unknownHost(t *testing.T) {
	t.Parallel()
	dialer := &net.Dialer{Resolver: &net.Resolver{
		PreferGo: true,
		Dial:     func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no resolver") },
	}}
	var class string
	client, err := trengo.NewClient(trengotest.Token,
		trengo.WithBaseURL("https://trengo.invalid/api/v2"),
		trengo.WithMaxRetries(0),
		trengo.WithObserver(func(a trengo.Attempt) { class = a.Class }),
		trengo.WithHTTPClient(&http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}))
	if err != nil {
		t.Fatal(err)
	}
	err = client.Do(t.Context(), trengo.Request{Method: http.MethodPost, Path: "/tickets", Body: struct{}{}}, nil)
	if want := "trengo: POST /tickets: host not found"; class != "no_connection" || fmt.Sprint(err) != want {
		t.Errorf("class %q with %v, want %s", class, err, want)
	}
}

// TestSockets_connectionsAreReused looks at the connections of many calls of
// which some end with an error's page.
func TestSockets_connectionsAreReused(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	srv.SetRateLimit(1_000_000)
	page := make([]byte, 100<<10)
	srv.InjectFunc(func(r trengotest.Request) trengotest.Fault {
		if r.Seq%2 == 0 {
			return trengotest.Respond(404, "text/html", string(page))
		}
		return trengotest.Fault{}
	})
	server := httptest.NewUnstartedServer(srv)
	var connections atomic.Int32
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	client, err := trengo.NewClient(trengotest.Token, trengo.WithBaseURL(server.URL+"/api/v2"), trengo.WithRateLimit(1_000_000))
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		_ = client.Do(t.Context(), trengo.Request{Path: "/contacts"}, nil)
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections for 50 calls one after the other", n)
	}
}
