package trengo_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
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
		{name: "the host has no address", baseURL: func(*testing.T) string { return "https://trengo.invalid/api/v2" }, class: "no_connection"},
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

// TestSockets_nothingIsLeft makes many calls, some of which go wrong, and then
// looks for what they left behind.
func TestSockets_nothingIsLeft(t *testing.T) {
	const calls, goroutines = 10_000, 32
	srv := trengotest.New()
	srv.SetRateLimit(1_000_000)
	channel := srv.AddChannel(trengotest.Channel{Type: "EMAIL"})
	contact := srv.AddContact(trengotest.Contact{Email: "ann@example.com", ChannelIDs: []int64{channel.ID}})
	faults := []trengotest.Fault{
		trengotest.LostBefore(), trengotest.LostAfter(), trengotest.Truncated(), trengotest.RespondHTML(502),
		trengotest.Respond(500, "application/json", `{}`), trengotest.Slow(time.Minute),
	}
	srv.InjectFunc(func(trengotest.Request) trengotest.Fault {
		if rand.IntN(10) > 0 {
			return trengotest.Fault{}
		}
		return faults[rand.IntN(len(faults))]
	})
	before := runtime.NumGoroutine()
	server := httptest.NewServer(srv)
	transport := &bodyCounter{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	client, err := trengo.NewClient(trengotest.Token,
		trengo.WithBaseURL(server.URL+"/api/v2"),
		trengo.WithHTTPClient(&http.Client{Transport: transport}),
		trengo.WithRateLimit(1_000_000),
		trengo.WithTimeout(250*time.Millisecond),
		trengo.WithMaxRetries(0))
	if err != nil {
		t.Fatal(err)
	}
	var failed atomic.Int32
	var left atomic.Int32
	left.Store(calls)
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for n := left.Add(-1); n >= 0; n = left.Add(-1) {
				ctx, cancel := context.WithCancel(t.Context())
				if n%50 == 0 {
					time.AfterFunc(time.Millisecond/2, cancel)
				}
				if _, err := client.Tickets.Create(ctx, trengo.TicketCreate{ContactID: contact.ID, ChannelID: channel.ID}); err != nil {
					failed.Add(1)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	transport.CloseIdleConnections()
	server.Close()
	if open := transport.open.Load(); open != 0 {
		t.Errorf("%d bodies were not closed", open)
	}
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(deadline); {
		runtime.Gosched()
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines before, %d after", before, after)
	}
	t.Logf("%d of %d calls failed", failed.Load(), calls)
	if n := failed.Load(); n < calls/20 || n > calls/2 {
		t.Errorf("%d calls failed: that is not what the faults make", n)
	}
}

// A bodyCounter counts the bodies of answers that are open.
type bodyCounter struct {
	*http.Transport
	open atomic.Int64
}

func (c *bodyCounter) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	c.open.Add(1)
	resp.Body = &countedBody{ReadCloser: resp.Body, open: &c.open}
	return resp, nil
}

type countedBody struct {
	io.ReadCloser
	open   *atomic.Int64
	closed sync.Once
}

func (b *countedBody) Close() error {
	b.closed.Do(func() { b.open.Add(-1) })
	return b.ReadCloser.Close()
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
