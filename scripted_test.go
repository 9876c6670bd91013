package trengo_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// scripted is net/http's own transport on connections that stay within the
// process, so that its real errors come in virtual time. What happens to an
// attempt is written down beforehand; each has a
// connection of its own.
type scripted struct {
	transport *http.Transport
	script    []event // the last one is repeated

	mu       sync.Mutex
	attempts []arrival // also those that never got through
}

// An event is what happens to one attempt.
type event struct {
	noConnection bool   // the dial is refused
	noTLS        bool   // the handshake fails
	reset        bool   // the connection ends with a reset instead of an EOF
	silent       bool   // no answer comes
	answer       string // as it goes over the wire; then the connection ends
}

// An arrival is an attempt as the other side sees it.
type arrival struct {
	at     time.Time
	method string // empty: it never got through
	body   string
	token  string
}

func newScripted(script ...event) *scripted {
	w := &scripted{script: script}
	w.transport = &http.Transport{DialTLSContext: w.dial}
	return w
}

func (w *scripted) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	w.mu.Lock()
	e := w.script[min(len(w.attempts), len(w.script)-1)]
	w.attempts = append(w.attempts, arrival{at: time.Now()})
	number := len(w.attempts) - 1
	w.mu.Unlock()
	if e.noConnection {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	here, there := net.Pipe()
	if e.noTLS {
		go hangUpOnTLS(there)
		secure := tls.Client(here, &tls.Config{ServerName: "app.trengo.com", MinVersion: tls.VersionTLS12})
		err := secure.HandshakeContext(ctx)
		here.Close()
		return nil, err
	}
	go w.serve(there, number, e)
	if e.reset {
		return resetConn{here}, nil
	}
	return here, nil
}

func hangUpOnTLS(conn net.Conn) {
	defer conn.Close()
	_, _ = conn.Read(make([]byte, 4096))
	_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
}

func (w *scripted) serve(conn net.Conn, number int, e event) {
	defer conn.Close()
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	w.mu.Lock()
	a := &w.attempts[number]
	a.method, a.body, a.token = r.Method, string(body), r.Header.Get("Authorization")
	w.mu.Unlock()
	if e.silent {
		_, _ = conn.Read(make([]byte, 1)) // until the client hangs up
		return
	}
	_, _ = io.WriteString(conn, e.answer)
}

// resetConn ends as a connection does whose other side has crashed.
type resetConn struct{ net.Conn }

func (c resetConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == io.EOF { //nolint:errorlint // a Conn returns it bare
		err = &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
	return n, err
}

// arrivals is what came so far.
func (w *scripted) arrivals() []arrival {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.attempts)
}

// client returns a client of the transport.
func (w *scripted) client(tb testing.TB, opts ...trengo.Option) *trengo.Client {
	tb.Helper()
	client, err := trengo.NewClient(trengotest.Token, append([]trengo.Option{trengo.WithHTTPClient(&http.Client{Transport: w.transport})}, opts...)...)
	if err != nil {
		tb.Fatal(err)
	}
	return client
}
