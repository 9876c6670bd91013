package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// A socketFailure is how an attempt fails, and what a write reports of it.
type socketFailure struct {
	name    string
	class   trengo.AttemptClass
	unknown bool // the outcome
}

// check makes a write, and another that is repeatable, without retries.
func (f socketFailure) check(t *testing.T, opts ...trengo.Option) {
	t.Helper()
	for _, repeatable := range []bool{true, false} {
		var class trengo.AttemptClass
		opts := append([]trengo.Option{
			trengo.WithMaxRetries(0),
			trengo.WithObserver(func(_ context.Context, a trengo.Attempt) { class = a.Class }),
		}, opts...)
		client, err := trengo.NewClient(trengotest.Token, opts...)
		if err != nil {
			t.Fatal(err)
		}
		var out struct{ ID int64 }
		err = client.Do(t.Context(), trengo.Request{Method: http.MethodPost, Path: "/tickets", Body: struct{}{}, Repeatable: repeatable}, &out)
		if err == nil || class != f.class {
			t.Errorf("repeatable %t: class %q with error %v, want %q", repeatable, class, err, f.class)
		}
		if errors.Is(err, trengo.ErrOutcomeUnknown) != f.unknown {
			t.Errorf("repeatable %t: error %v, want an unknown outcome: %t", repeatable, err, f.unknown)
		}
	}
}

// These failures come over real sockets, without a timeout: how long anything
// takes must not matter.
func TestSockets(t *testing.T) {
	t.Parallel()
	tests := []struct {
		socketFailure
		baseURL func(*testing.T) string
	}{
		{socketFailure{"connection refused", trengo.AttemptClassNoConnection, false}, refusing},
		{socketFailure{"untrusted certificate", trengo.AttemptClassNoConnection, false}, untrusted},
		{socketFailure{"server without TLS", trengo.AttemptClassNoConnection, false}, withoutTLS},
		{socketFailure{"closed before the response", trengo.AttemptClassConnectionLost, true}, responding("")},
		{socketFailure{"closed within the header", trengo.AttemptClassConnectionLost, true}, responding("HTTP/1.1 200 OK\r\nContent-Le")},
		{socketFailure{"not HTTP", trengo.AttemptClassConnectionLost, true}, responding("220 mail.example.com ESMTP\r\n")},
		{socketFailure{"closed within the body", trengo.AttemptClassUnreadable, true}, responding("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"id\":1")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.check(t, trengo.WithBaseURL(tt.baseURL(t)))
		})
	}
}

// A timeout on a real socket is a race: on a busy machine it may pass before
// the connection is made. So the connections are in memory and time is virtual.
// TLS and HTTP are net/http's own.
func TestSockets_silentServer(t *testing.T) {
	t.Parallel()
	tests := []struct {
		socketFailure
		baseURL string
	}{
		{socketFailure{"no TLS handshake in time", trengo.AttemptClassNoConnection, false}, "https://localhost/api/v2"},
		{socketFailure{"no response in time", trengo.AttemptClassTimeout, true}, "http://localhost/api/v2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const timeout, handshake = time.Second, 10 * time.Second
				transport := &http.Transport{DialContext: dialSilent, TLSHandshakeTimeout: handshake}
				began := time.Now()
				tt.check(t, trengo.WithBaseURL(tt.baseURL), trengo.WithTimeout(timeout),
					trengo.WithHTTPClient(&http.Client{Transport: transport}))
				if took := time.Since(began); took != 2*timeout {
					t.Errorf("two calls took %s, want %s", took, 2*timeout)
				}
				time.Sleep(handshake) // net/http finishes dials for later calls
			})
		})
	}
}

// dialSilent returns a connection to a server that reads and never writes.
func dialSilent(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		_, _ = io.Copy(io.Discard, server)
	}()
	return client, nil
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

// refusing returns a URL at which connections are refused: its port is the
// local one of an open connection. Nothing listens on it, and the system gives
// it to no other test meanwhile.
func refusing(t *testing.T) string {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", listen(t).Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return "http://" + conn.LocalAddr().String()
}

// responding returns a server that reads a request, writes the text and closes
// the connection.
func responding(text string) func(*testing.T) string {
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
				_, _ = io.WriteString(conn, text)
				conn.Close()
			}
		}()
		return "http://" + l.Addr().String()
	}
}

func withoutTLS(t *testing.T) string {
	t.Helper()
	return "https" + responding("HTTP/1.1 400 Bad Request\r\n\r\n")(t)[len("http"):]
}

func untrusted(t *testing.T) string {
	t.Helper()
	srv := httptest.NewUnstartedServer(trengotest.New())
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshake is meant to fail
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv.URL + "/api/v2"
}

// The resolver is the real one, without a name server.
func TestSockets_unknownHost(t *testing.T) {
	t.Parallel()
	dialer := &net.Dialer{Resolver: &net.Resolver{
		PreferGo: true,
		Dial:     func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no resolver") },
	}}
	var class trengo.AttemptClass
	client := fixtures.NewClient(t, &http.Transport{DialContext: dialer.DialContext},
		trengo.WithBaseURL("https://trengo.invalid/api/v2"),
		trengo.WithMaxRetries(0),
		trengo.WithObserver(func(_ context.Context, a trengo.Attempt) { class = a.Class }))
	err := client.Do(t.Context(), trengo.Request{Method: http.MethodPost, Path: "/tickets", Body: struct{}{}}, nil)
	if want := "trengo: POST /tickets: host not found"; class != trengo.AttemptClassNoConnection || fmt.Sprint(err) != want {
		t.Errorf("class %q with error %v, want %s", class, err, want)
	}
}
