package trengotest

import (
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"time"
)

// A Fault is a failure of one request. The zero Fault means no failure. Create
// faults with the functions of this package that return one. A Fault holds no state
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

// NoConnection fails before a connection is established: the request is neither
// counted nor processed. RoundTrip returns a *[net.OpError] of a refused dial and
// calls only the GetConn hook of [net/http/httptrace]. ServeHTTP already has a
// connection and treats the fault as [LostBefore].
func NoConnection() Fault { return Fault{kind: faultNoConnection} }

// LostBefore breaks the connection before the request is counted or processed.
// RoundTrip returns [io.EOF]; ServeHTTP closes the connection without a response.
//
// After ServeHTTP closes a connection that was used before, net/http's own
// transport sends a GET a second time. The second attempt gets the next fault.
func LostBefore() Fault { return Fault{kind: faultLostBefore} }

// LostAfter breaks the connection after the request was counted and processed.
// RoundTrip returns a *[net.OpError] of a reset connection; ServeHTTP closes the
// connection without a response, with the consequence described at [LostBefore].
func LostAfter() Fault { return Fault{kind: faultLostAfter} }

// Respond sends a response with the given status, Content-Type and body. The
// request counts towards the rate limit but is not processed. If contentType is
// empty, the header is not set.
func Respond(status int, contentType, body string) Fault {
	return Fault{kind: faultRespond, status: status, contentType: contentType, body: body}
}

// RespondHTML is [Respond] with a web page, as proxies in front of an API send it.
func RespondHTML(status int) Fault {
	f := Respond(status, contentTypeHTML, webPage(strconv.Itoa(status)+" "+http.StatusText(status)))
	f.kind = faultRespondHTML
	return f
}

// Slow processes the request at once and sends the response after d. A client that
// gives up before that does not learn the outcome.
func Slow(d time.Duration) Fault { return Fault{kind: faultSlow, delay: d} }

// Late counts and processes the request only after d, even if the client is gone by
// then. A client that waits gets the response at that moment.
//
// In a bubble of [testing/synctest], a Late request whose client is gone is
// processed only if the test is still running: let the test sleep for d.
func Late(d time.Duration) Fault { return Fault{kind: faultLate, delay: d} }

// Truncated processes the request and sends the right status and Content-Length,
// but only the first half of the body. With RoundTrip, reading the body ends with
// [io.ErrUnexpectedEOF]; ServeHTTP closes the connection. A response without a body
// is sent whole.
func Truncated() Fault { return Fault{kind: faultTruncated} }

// TooManyRequests responds with 429 and the given Retry-After header. If retryAfter
// is empty, the header is not set. The request is neither counted nor processed, and
// the response has no X-RateLimit-Reset header.
func TooManyRequests(retryAfter string) Fault {
	return Fault{kind: faultTooManyRequests, retryAfter: retryAfter}
}

// String returns the name of the function that creates such a fault, or "" for the
// zero Fault.
func (f Fault) String() string { return f.kind }

// err returns what the client sees of the connection that f breaks.
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
	// 192.0.2.0/24 is reserved for documentation.
	addr := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443}
	return &net.OpError{Op: op, Net: "tcp", Addr: addr, Err: err}
}

// response returns the response that [Respond] or [RespondHTML] was given.
func (f Fault) response() response { return newResponse(f.status, f.contentType, []byte(f.body)) }

// Inject queues faults for the next requests, one for each request in the order of
// arrival, behind the faults already queued. A zero Fault lets its request pass.
func (s *Server) Inject(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// InjectFunc sets a function that chooses the fault of every request for which
// [Server.Inject] has queued none. The Request that f receives does not have a
// Status yet. f may call methods of s and must be safe for concurrent use. A nil f
// removes the function.
func (s *Server) InjectFunc(f func(Request) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faultFunc = f
}
