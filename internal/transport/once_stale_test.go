package transport

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
)

// A staleServer closes its connections, or lets their writes fail, when the
// client uses them for a second time.
type staleServer struct {
	requests atomic.Int32
	dials    atomic.Int32
	// failWrite lets the write fail that comes after so many others, counted from
	// the second request of the first connection. Zero means never.
	failWrite int32
	conns     chan net.Conn // the server's sides
}

func (s *staleServer) transport() *http.Transport {
	s.conns = make(chan net.Conn, 10)
	return &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		first := s.dials.Add(1) == 1
		s.conns <- server
		go s.serve(server)
		if first {
			return &failingConn{Conn: client, server: s}, nil
		}
		return client, nil
	}}
}

func (s *staleServer) serve(conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
		s.requests.Add(1)
		if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"); err != nil {
			return
		}
	}
}

// A failingConn fails as a socket does whose peer has reset it.
type failingConn struct {
	net.Conn
	server *staleServer
	late   atomic.Int32 // writes since the first response
}

func (c *failingConn) Write(p []byte) (int, error) {
	if c.server.requests.Load() > 0 && c.server.failWrite > 0 && c.late.Add(1) == c.server.failWrite {
		return 0, &net.OpError{Op: "write", Net: "tcp", Err: syscall.EPIPE}
	}
	return c.Conn.Write(p)
}

func plainCall(method string, repeatable bool) *Call {
	c := newCall(method, repeatable)
	c.URL = "http://127.0.0.1/tickets"
	return c
}

// A kept connection that the server has closed takes nothing of the next request:
// it is not lost.
func TestStaleConnection_isNotSent(t *testing.T) {
	large := make([]byte, 100_000)
	tests := []struct {
		name      string
		call      *Call
		body      []byte
		failWrite int32
		unknown   bool
	}{
		{"the header cannot be written", plainCall(http.MethodPost, false), []byte("{}"), 1, false},
		{"the header of a large body cannot be written", plainCall(http.MethodPost, false), large, 1, false},
		{"the body cannot be written", plainCall(http.MethodPost, false), []byte("{}"), 2, true},
		{"part of the body is written", plainCall(http.MethodPost, false), large, 3, true},
		{"without a body", plainCall(http.MethodPost, false), nil, 1, false},
		{"a repeatable call", plainCall(http.MethodPost, true), []byte("{}"), 1, false},
		{"a read", plainCall(http.MethodGet, true), nil, 1, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &staleServer{failWrite: tt.failWrite}
				transport := server.transport()
				defer transport.CloseIdleConnections()
				e := newEngine(transport)
				if _, err := e.Do(t.Context(), plainCall(http.MethodGet, true)); err != nil {
					t.Fatal(failureOf(t, err))
				}
				tt.call.Body = tt.body
				_, err := e.Do(t.Context(), tt.call)
				f := failureOf(t, err)
				switch {
				case tt.unknown && (f == nil || !f.OutcomeUnknown || server.requests.Load() != 1):
					t.Errorf("%d requests and %+v, want an unknown outcome", server.requests.Load(), f)
				case !tt.unknown && (f != nil || server.requests.Load() != 2 || server.dials.Load() != 2):
					t.Errorf("%d requests over %d connections and %+v, want two over two", server.requests.Load(), server.dials.Load(), f)
				}
				transport.CloseIdleConnections()
				for range server.dials.Load() {
					_ = (<-server.conns).Close()
				}
			})
		})
	}
}

// The server closes the connection after the client has chosen it, and before
// anything is written.
func TestStaleConnection_closedMeanwhile(t *testing.T) {
	for _, body := range [][]byte{[]byte("{}"), nil} {
		t.Run(fmt.Sprintf("a body of %d bytes", len(body)), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &staleServer{}
				transport := server.transport()
				defer transport.CloseIdleConnections()
				e := newEngine(transport)
				if _, err := e.Do(t.Context(), plainCall(http.MethodGet, true)); err != nil {
					t.Fatal(failureOf(t, err))
				}
				ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
					if info.Reused {
						_ = (<-server.conns).Close()
						synctest.Wait() // until the client's transport has seen it
					}
				}})
				in := plainCall(http.MethodPost, false)
				in.Body = body
				_, err := e.Do(ctx, in)
				if f := failureOf(t, err); f != nil || server.requests.Load() != 2 || server.dials.Load() != 2 {
					t.Errorf("%d requests over %d connections and %+v, want two over two", server.requests.Load(), server.dials.Load(), f)
				}
			})
		})
	}
}
