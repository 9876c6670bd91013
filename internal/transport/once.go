package transport

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
)

// ErrStreamReset is the cause of a [Failure] whose request net/http would have
// sent again by itself, although the server may have processed it.
var ErrStreamReset = errors.New("the server reset the request")

// A guard keeps net/http from sending a request again that is not repeatable. On
// HTTP/2 it does so after some errors, and the server may have read all of the
// request by then.
//
// A body is sent once because it cannot be rewound. A request without a body is
// stopped when it gets its second connection.
type guard struct {
	hasBody  bool
	bodyRead atomic.Bool // net/http reads a body after it has written the header
	kept     atomic.Bool // the connection was used before
	onHTTP2  atomic.Bool // the header was written, and to an HTTP/2 connection
	stopped  atomic.Bool
}

// protect returns the request to be sent in place of req, and what is known of it;
// stop ends the attempt.
func protect(req *http.Request, stop context.CancelFunc) (*http.Request, *guard) {
	g := &guard{hasBody: req.Body != nil && req.Body != http.NoBody}
	trace := &httptrace.ClientTrace{GotConn: g.gotConn(stop)}
	if !g.hasBody {
		trace.WroteHeaderField = g.wroteHeaderField
	}
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), trace))
	if g.hasBody {
		req.Body, req.GetBody = guardedBody{req.Body, &g.bodyRead}, nil
	}
	return req, g
}

func (g *guard) gotConn(stop context.CancelFunc) func(httptrace.GotConnInfo) {
	return func(info httptrace.GotConnInfo) {
		g.kept.Store(info.Reused)
		if g.onHTTP2.Load() {
			g.stopped.Store(true)
			stop()
		}
	}
}

func (g *guard) wroteHeaderField(name string, _ []string) {
	if strings.HasPrefix(name, ":") { // only HTTP/2 has such fields
		g.onHTTP2.Store(true)
	}
}

// wasStopped reports whether net/http would have sent the request again.
func (g *guard) wasStopped() bool { return g != nil && g.stopped.Load() }

// wasUnsent reports whether the server cannot have processed the request, although
// there was a connection: one that is kept may turn out to be closed when the
// header is written.
func (g *guard) wasUnsent() bool {
	return g != nil && g.hasBody && g.kept.Load() && !g.bodyRead.Load()
}

type guardedBody struct {
	io.ReadCloser
	read *atomic.Bool
}

func (b guardedBody) Read(p []byte) (int, error) {
	b.read.Store(true)
	return b.ReadCloser.Read(p)
}

// wasNotProcessed reports whether an error of net/http says that the server has
// not processed the request: it refused the stream, or said that it processes
// none after an earlier one, or had closed the connection before. Net/http has
// these errors as text only.
func wasNotProcessed(err error) bool {
	text := err.Error()
	if text == "http: server closed idle connection" {
		return true
	}
	reason, ok := strings.CutPrefix(text, "http2: Transport: cannot retry err [")
	if !ok {
		return false
	}
	reason, ok = strings.CutSuffix(reason, "] after Request.Body was written; define Request.GetBody to avoid this error")
	return ok && (reason == "http2: Transport received Server's graceful shutdown GOAWAY" ||
		strings.HasPrefix(reason, "stream error: stream ID ") && strings.HasSuffix(reason, "; REFUSED_STREAM; received from peer"))
}
