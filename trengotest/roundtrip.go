package trengotest

import (
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
)

// RoundTrip responds to one request for a path below /api/v2 of any host, without a
// network. It follows the contract of [http.RoundTripper] and returns as soon as
// the context of r ends.
//
// RoundTrip calls the GetConn and GotConn hooks of [net/http/httptrace] as
// net/http's own transport does, so that callers can distinguish a request that was
// never sent from one that was lost.
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
	resp, err := s.exchange(ctx, c)
	if err != nil {
		return nil, err
	}
	return resp.httpResponse(r), nil
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

// closedConn returns a connection for hooks that ask for its addresses.
func closedConn() net.Conn {
	client, server := net.Pipe()
	_ = client.Close()
	_ = server.Close()
	return client
}
