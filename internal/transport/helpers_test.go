package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A stub answers in place of a server. It reports its connections as
// net/http's transport does.
type stub struct {
	mu      sync.Mutex
	answers []answer // the last one is repeated
	sent    []sent
}

type sent struct {
	at            time.Time
	method        string
	body          string
	authorization string
}

type answer struct {
	status   int
	header   http.Header
	body     string
	cutAfter bool // the body ends too early
	err      error
	dial     bool          // err comes before there is a connection
	untraced bool          // the transport tells nothing of its connections
	after    time.Duration // how long the answer takes
}

func (s *stub) RoundTrip(r *http.Request) (*http.Response, error) {
	a := s.next(r)
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && !a.untraced {
		trace.GetConn("app.trengo.com:443")
		if !a.dial {
			trace.GotConn(httptrace.GotConnInfo{})
		}
	}
	if err := sleep(r.Context(), a.after); err != nil {
		return nil, err
	}
	if a.err != nil {
		return nil, a.err
	}
	header := a.header.Clone()
	if header == nil {
		header = http.Header{}
	}
	var body io.Reader = strings.NewReader(a.body)
	if a.cutAfter {
		body = io.MultiReader(body, brokenReader{})
	}
	return &http.Response{StatusCode: a.status, Header: header, Body: io.NopCloser(body), Request: r}, nil
}

func (s *stub) next(r *http.Request) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	record := sent{at: time.Now(), method: r.Method, authorization: r.Header.Get("Authorization")}
	if r.Body != nil {
		body, _ := io.ReadAll(r.Body)
		_ = r.Body.Close()
		record.body = string(body)
	}
	s.sent = append(s.sent, record)
	return s.answers[min(len(s.sent), len(s.answers))-1]
}

func (s *stub) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sent)
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

var (
	errDial  = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	errReset = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
)

func newEngine(rt http.RoundTripper, change ...func(*Options)) *Engine {
	opts := Options{
		HTTPClient:    &http.Client{Transport: rt},
		Limit:         120,
		MaxRetries:    4,
		Timeout:       30 * time.Second,
		Authorization: func(context.Context) (string, error) { return "Bearer secret", nil },
	}
	for _, f := range change {
		f(&opts)
	}
	return New(opts)
}

func acceptAll(*Response) error { return nil }

func newCall(method string, repeatable bool) *Call {
	c := &Call{
		Method:     method,
		URL:        "https://app.trengo.com/api/v2/tickets?term=secret",
		Route:      "/tickets",
		Header:     http.Header{"Accept": {"application/json"}},
		Repeatable: repeatable,
		Accept:     acceptAll,
	}
	if method == http.MethodPost {
		c.Body = []byte(`{"x":1}`)
	}
	return c
}

// failureOf is the failure of an error, or nil.
func failureOf(t *testing.T, err error) *Failure {
	t.Helper()
	var f *Failure
	if err != nil && !errors.As(err, &f) {
		t.Fatalf("error is a %T, want a *Failure", err)
	}
	return f
}
