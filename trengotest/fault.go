package trengotest

import (
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// A Fault is something that goes wrong with one request. The zero Fault is none.
// Faults are made by the functions of this package that return one, hold no state
// and can be used any number of times.
type Fault struct {
	kind        string
	delay       time.Duration
	status      int
	contentType string
	body        string
	retryAfter  string
}

const (
	faultNoConnection    = "NoConnection"
	faultLostBefore      = "LostBefore"
	faultLostAfter       = "LostAfter"
	faultRespond         = "Respond"
	faultRespondHTML     = "RespondHTML"
	faultSlow            = "Slow"
	faultLate            = "Late"
	faultTruncated       = "Truncated"
	faultTooManyRequests = "TooManyRequests"
)

// String returns the name of the function that makes such a fault, "" for none.
func (f Fault) String() string { return f.kind }

// NoConnection fails before a connection is there: the request is neither
// counted nor acted on. RoundTrip returns a *[net.OpError] of a refused dial, and
// of the hooks of [net/http/httptrace] only GetConn is called. ServeHTTP, which
// has a connection by then, treats it as [LostBefore].
func NoConnection() Fault { return Fault{kind: faultNoConnection} }

// LostBefore loses the connection before the request is counted or acted on.
// RoundTrip returns [io.EOF]; ServeHTTP closes the connection without an answer.
//
// On a connection that was used before, net/http's own transport sends a GET that
// ServeHTTP lost once more by itself: it meets the next fault.
func LostBefore() Fault { return Fault{kind: faultLostBefore} }

// LostAfter loses the connection after the request was counted and acted on.
// RoundTrip returns a *[net.OpError] of a reset connection; ServeHTTP closes the
// connection without an answer, with the consequence named at [LostBefore].
func LostAfter() Fault { return Fault{kind: faultLostAfter} }

// Respond answers with the given status, Content-Type and body and does not act
// on the request, which counts in the rate limit. An empty contentType sets no
// such header.
func Respond(status int, contentType, body string) Fault {
	return Fault{kind: faultRespond, status: status, contentType: contentType, body: body}
}

// RespondHTML is [Respond] with a web page, as proxies in front of an API send it.
func RespondHTML(status int) Fault {
	f := Respond(status, contentTypeHTML, webPage(strconv.Itoa(status)+" "+http.StatusText(status)))
	f.kind = faultRespondHTML
	return f
}

// Slow acts on the request at once and answers d later. A client that gives up
// meanwhile never learns what happened.
func Slow(d time.Duration) Fault { return Fault{kind: faultSlow, delay: d} }

// Late counts the request and acts on it only d after it came, even when the
// client has gone by then. A client that waits gets the answer at that moment.
//
// In a bubble of testing/synctest a Late request whose client has gone is carried
// out if the test is still running by then: let it sleep for d.
func Late(d time.Duration) Fault { return Fault{kind: faultLate, delay: d} }

// Truncated acts on the request and answers with the right status and the right
// Content-Length, but with the first half of the body only. In RoundTrip the body
// then ends in [io.ErrUnexpectedEOF]; ServeHTTP closes the connection. An answer
// without a body is sent whole.
func Truncated() Fault { return Fault{kind: faultTruncated} }

// TooManyRequests answers 429 with the given Retry-After header, or without one
// if it is "". The request is neither counted nor acted on, and the answer has no
// X-RateLimit-Reset.
func TooManyRequests(retryAfter string) Fault {
	return Fault{kind: faultTooManyRequests, retryAfter: retryAfter}
}

// Inject sets the faults of the next requests, one for each in the order in which
// they come, behind those that are set already. A zero Fault lets its request
// pass.
func (s *Server) Inject(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// InjectFunc sets a function that is asked for the fault of every request for
// which [Server.Inject] has set none. The Request it gets is not answered yet. It
// may call the methods of s and may be called by several goroutines at once. Nil
// takes the function back.
func (s *Server) InjectFunc(f func(Request) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faultFunc = f
}

// record writes the request down and settles its fault. The function of the user
// runs unlocked, so that it can look at the server.
func (s *Server) record(r *Request) Fault {
	s.mu.Lock()
	r.Seq = len(s.requests) + 1
	s.requests = append(s.requests, r)
	var f Fault
	ask := s.faultFunc
	if len(s.faults) > 0 {
		f, ask = s.faults[0], nil
		s.faults = slices.Delete(s.faults, 0, 1)
	}
	s.mu.Unlock()

	if ask != nil {
		f = ask(r.clone())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Fault = f.String()
	return f
}

// err is what the client's side sees of a connection that the fault broke.
func (f Fault) err() error {
	switch f.kind {
	case faultNoConnection:
		return opError("dial", os.NewSyscallError("connect", syscall.ECONNREFUSED))
	case faultLostBefore:
		return io.EOF
	case faultLostAfter:
		return opError("read", os.NewSyscallError("read", syscall.ECONNRESET))
	default:
		return nil
	}
}

func opError(op string, err error) error {
	// 192.0.2.0/24 is set aside for documentation and reaches nobody.
	addr := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443}
	return &net.OpError{Op: op, Net: "tcp", Addr: addr, Err: err}
}
