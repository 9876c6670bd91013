package faults

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
	"time"
)

// scriptedConns are in-memory connections for net/http's own transport. Its
// real errors come from them in virtual time. A script says what happens to
// each attempt, and each attempt has a connection of its own.
type scriptedConns struct {
	script []step // the last one is repeated

	mu       sync.Mutex
	attempts []arrival // including those without a connection
}

// A step is what happens to one attempt.
type step struct {
	noConnection bool   // the dial is refused
	noTLS        bool   // the handshake fails
	reset        bool   // the connection ends with a reset instead of an EOF
	silent       bool   // the server never responds
	response     string // as bytes on the wire; then the connection ends
}

// An arrival is an attempt as the server sees it.
type arrival struct {
	at     time.Time
	method string // empty: the request did not arrive
	body   string
	token  string
}

func newScriptedConns(script ...step) *scriptedConns { return &scriptedConns{script: script} }

// transport returns net/http's transport on these connections.
func (c *scriptedConns) transport() *http.Transport {
	return &http.Transport{DialTLSContext: c.dial}
}

func (c *scriptedConns) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	c.mu.Lock()
	s := c.script[min(len(c.attempts), len(c.script)-1)]
	c.attempts = append(c.attempts, arrival{at: time.Now()})
	number := len(c.attempts) - 1
	c.mu.Unlock()
	if s.noConnection {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	client, server := net.Pipe()
	if s.noTLS {
		go respondWithoutTLS(server)
		secure := tls.Client(client, &tls.Config{ServerName: "app.trengo.com", MinVersion: tls.VersionTLS12})
		err := secure.HandshakeContext(ctx)
		client.Close()
		return nil, err
	}
	go c.serve(server, number, s)
	if s.reset {
		return resetConn{client}, nil
	}
	return client, nil
}

func respondWithoutTLS(conn net.Conn) {
	defer conn.Close()
	_, _ = conn.Read(make([]byte, 4096))
	_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
}

func (c *scriptedConns) serve(conn net.Conn, number int, s step) {
	defer conn.Close()
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	c.mu.Lock()
	a := &c.attempts[number]
	a.method, a.body, a.token = r.Method, string(body), r.Header.Get("Authorization")
	c.mu.Unlock()
	if s.silent {
		_, _ = conn.Read(make([]byte, 1)) // until the client closes the connection
		return
	}
	_, _ = io.WriteString(conn, s.response)
}

// resetConn ends as a connection does whose server has crashed.
type resetConn struct{ net.Conn }

func (c resetConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == io.EOF { //nolint:errorlint // a Conn returns it unwrapped
		err = &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
	return n, err
}

// arrivals returns the attempts so far.
func (c *scriptedConns) arrivals() []arrival {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.attempts)
}
