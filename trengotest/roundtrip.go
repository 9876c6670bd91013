package trengotest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
)

// RoundTrip answers one request to a path under /api/v2 of any host, without a
// network. It keeps to the contract of [http.RoundTripper] and lets go as soon as
// the context of r ends.
//
// It calls the GetConn and GotConn hooks of [net/http/httptrace] as net/http's own
// transport does, so that callers can tell a request that was never sent from one
// that was lost.
func (s *Server) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	if ctx.Err() != nil {
		closeBody(r)
		return nil, context.Cause(ctx)
	}
	c, err := s.receive(r)
	if err != nil {
		return nil, err
	}
	trace := httptrace.ContextClientTrace(ctx)
	if trace != nil && trace.GetConn != nil {
		trace.GetConn(hostPort(r.URL))
	}
	if c.fault.kind == faultNoConnection {
		return nil, c.fault.err()
	}
	if trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{Conn: closedConn()})
	}
	a, err := s.exchange(ctx, c)
	if err != nil {
		return nil, err
	}
	return a.response(r), nil
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

func hostPort(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "http":
		port = "80"
	default:
		port = "443"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// closedConn stands in for the connection that hooks are shown: they may ask for
// its addresses.
func closedConn() net.Conn {
	here, there := net.Pipe()
	_ = here.Close()
	_ = there.Close()
	return here
}

func (a answer) response(r *http.Request) *http.Response {
	return &http.Response{
		Status:        fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)),
		StatusCode:    a.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        a.header,
		Body:          io.NopCloser(a.reader()),
		ContentLength: int64(len(a.body)),
		Request:       r,
	}
}

func (a answer) reader() io.Reader {
	if !a.cut {
		return bytes.NewReader(a.body)
	}
	return io.MultiReader(bytes.NewReader(a.body[:len(a.body)/2]), lostReader{})
}

// lostReader is the end of a body that the connection did not live to see.
type lostReader struct{}

func (lostReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
