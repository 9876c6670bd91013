package testkit

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
)

// The types and flags of HTTP/2 frames, as far as an [HTTP2Server] knows them.
const (
	frameData     = 0x0
	frameHeaders  = 0x1
	frameReset    = 0x3
	frameSettings = 0x4
	framePing     = 0x6
	frameGoAway   = 0x7

	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
)

// The error codes of HTTP/2 that tests use.
const (
	HTTP2NoError         uint32 = 0x0
	HTTP2ProtocolError   uint32 = 0x1
	HTTP2InternalError   uint32 = 0x2
	HTTP2StreamClosed    uint32 = 0x5
	HTTP2RefusedStream   uint32 = 0x7
	HTTP2Cancel          uint32 = 0x8
	HTTP2EnhanceYourCalm uint32 = 0xb
)

// An HTTP2Server speaks HTTP/2 frame by frame. A handler of net/http cannot do
// what it can: read all of a request and then reset its stream with any code, or
// say that it has not processed it. Set its fields before the first request.
type HTTP2Server struct {
	// Handle is called with each request, as soon as all of it has arrived. It
	// may leave the request without a response.
	Handle func(*HTTP2Stream)
	// HandleEarly is called as soon as the header of a request has arrived. Nil
	// does nothing.
	HandleEarly func(*HTTP2Stream)

	mu       sync.Mutex
	conns    []*http2Conn
	headers  int // requests whose header has arrived
	requests int // of which all has arrived
}

// Transport returns a transport whose connections all lead to the server, without
// TLS. They are closed when the test ends.
func (s *HTTP2Server) Transport(tb testing.TB) *http.Transport {
	tb.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	tb.Cleanup(s.Close)
	return &http.Transport{DialContext: s.Dial, Protocols: protocols}
}

// Close closes all connections.
func (s *HTTP2Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		_ = c.conn.Close()
	}
}

// Dial opens a connection to the server, whatever the address.
func (s *HTTP2Server) Dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	s.Serve(server)
	return client, nil
}

// Serve starts to serve a connection.
func (s *HTTP2Server) Serve(conn net.Conn) {
	c := &http2Conn{server: s, conn: conn, frames: make(chan []byte, 1000)}
	s.mu.Lock()
	s.conns = append(s.conns, c)
	c.number = len(s.conns)
	s.mu.Unlock()
	go c.serve()
}

// Connections is how many connections were opened.
func (s *HTTP2Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Headers is how many requests have arrived at least in part.
func (s *HTTP2Server) Headers() int { return s.count(&s.headers) }

// Requests is how many requests have arrived as a whole.
func (s *HTTP2Server) Requests() int { return s.count(&s.requests) }

func (s *HTTP2Server) count(n *int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *n
}

func (s *HTTP2Server) increment(n *int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	*n++
	return *n
}

// An http2Conn is the server's side of a connection.
type http2Conn struct {
	server *HTTP2Server
	number int
	conn   net.Conn
	frames chan []byte // to be written: a pipe does not buffer
	muted  bool
}

func (c *http2Conn) serve() {
	defer c.conn.Close()
	stopped := make(chan struct{})
	defer close(stopped)
	go c.write(stopped)
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	if _, err := io.ReadFull(c.conn, make([]byte, len(preface))); err != nil {
		return
	}
	c.send(frameSettings, 0, 0, nil)
	for c.readFrame() == nil {
		continue
	}
}

func (c *http2Conn) write(stopped chan struct{}) {
	for {
		select {
		case frame := <-c.frames:
			if len(frame) == 0 {
				_ = c.conn.Close()
				return
			}
			if _, err := c.conn.Write(frame); err != nil {
				return
			}
		case <-stopped:
			return
		}
	}
}

func (c *http2Conn) readFrame() error {
	header := make([]byte, 9)
	if _, err := io.ReadFull(c.conn, header); err != nil {
		return err
	}
	payload := make([]byte, int(header[0])<<16|int(header[1])<<8|int(header[2]))
	if _, err := io.ReadFull(c.conn, payload); err != nil {
		return err
	}
	kind, flags, id := header[3], header[4], binary.BigEndian.Uint32(header[5:])
	switch {
	case c.muted:
		return nil
	case kind == frameSettings && flags&flagAck == 0:
		c.send(frameSettings, flagAck, 0, nil)
	case kind == framePing && flags&flagAck == 0:
		c.send(framePing, flagAck, 0, payload)
	}
	if kind == frameHeaders {
		stream := &HTTP2Stream{ID: id, Number: c.server.increment(&c.server.headers), Connection: c.number, conn: c}
		if c.server.HandleEarly != nil {
			c.server.HandleEarly(stream)
		}
	}
	if (kind == frameHeaders || kind == frameData) && flags&flagEndStream != 0 {
		c.server.Handle(&HTTP2Stream{ID: id, Number: c.server.increment(&c.server.requests), Connection: c.number, conn: c})
	}
	return nil
}

func (c *http2Conn) send(kind, flags byte, id uint32, payload []byte) {
	n := len(payload)
	frame := append([]byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}, binary.BigEndian.AppendUint32(nil, id)...)
	c.frames <- append(frame, payload...)
}

// An HTTP2Stream is a request to an [HTTP2Server].
type HTTP2Stream struct {
	ID         uint32
	Number     int // among all requests, from 1
	Connection int // its number, from 1
	conn       *http2Conn
}

// Respond sends a whole response.
func (s *HTTP2Stream) Respond(status int, body string) {
	const statusField, length = 0x08, 3 // a literal with the name of entry 8
	header := append([]byte{statusField, length}, strconv.Itoa(status)...)
	s.conn.send(frameHeaders, flagEndHeaders, s.ID, header)
	s.conn.send(frameData, flagEndStream, s.ID, []byte(body))
}

// Reset ends the stream with an error code.
func (s *HTTP2Stream) Reset(code uint32) {
	s.conn.send(frameReset, 0, s.ID, binary.BigEndian.AppendUint32(nil, code))
}

// GoAway says that the server processes no stream of the connection after that
// ID.
func (s *HTTP2Stream) GoAway(last, code uint32) {
	s.conn.send(frameGoAway, 0, 0, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, last), code))
}

// Close closes the connection.
func (s *HTTP2Stream) Close() { s.conn.frames <- nil }

// Mute lets the server read the connection without ever writing to it again, as
// if something between the two had lost it.
func (s *HTTP2Stream) Mute() { s.conn.muted = true }
