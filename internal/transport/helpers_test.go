package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// A stub responds in place of a server. It reports its connections as
// net/http's transport does.
type stub struct {
	mu        sync.Mutex
	responses []canned // the last one is repeated
	sent      []sent
}

// stubAfter returns a stub that responds with 200 a number of times, then with
// the others, and then with 200 again.
func stubAfter(ok int, others ...canned) *stub {
	s := &stub{}
	for range ok {
		s.responses = append(s.responses, canned{status: 200})
	}
	s.responses = append(s.responses, others...)
	s.responses = append(s.responses, canned{status: 200})
	return s
}

func (s *stub) RoundTrip(r *http.Request) (*http.Response, error) {
	c := s.next(r)
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && !c.untraced {
		trace.GetConn("app.trengo.com:443")
		if !c.dial {
			trace.GotConn(httptrace.GotConnInfo{})
		}
	}
	if err := sleep(r.Context(), c.after); err != nil {
		return nil, err
	}
	if c.err != nil {
		return nil, c.err
	}
	header := c.header.Clone()
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: c.status, Header: header, Body: http.NoBody, Request: r}, nil
}

func (s *stub) next(r *http.Request) canned {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	s.sent = append(s.sent, sent{at: time.Now(), authorization: r.Header.Get("Authorization")})
	return s.responses[min(len(s.sent), len(s.responses))-1]
}

func (s *stub) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sent)
}

type sent struct {
	at            time.Time
	authorization string
}

// A canned response, or an error in its place.
type canned struct {
	status   int
	header   http.Header
	err      error
	dial     bool          // err comes before there is a connection
	untraced bool          // the transport does not report its connections
	after    time.Duration // how long it takes to arrive
}

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

// callOn returns a read of a route.
func callOn(route string) *Call {
	c := newCall(http.MethodGet, true)
	c.Route = route
	return c
}

// failureOf returns the Failure of an error, or nil.
func failureOf(t *testing.T, err error) *Failure {
	t.Helper()
	var f *Failure
	if err != nil && !errors.As(err, &f) {
		t.Fatalf("error is a %T, want a *Failure", err)
	}
	return f
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A jar is a cookie jar of the caller's. It runs a function when the client
// asks for cookies.
type jar func()

func (jar) SetCookies(*url.URL, []*http.Cookie) {}

func (f jar) Cookies(*url.URL) []*http.Cookie { f(); return nil }

// A windowed server counts like Trengo's: a window opens with the first request
// after the end of the last one, and has room for limit requests.
type windowed struct {
	limit int
	rtt   time.Duration

	mu      sync.Mutex
	opened  time.Time
	used    int // in the present window
	most    int // in any window
	tooMany int // requests that got a 429
}

// spend counts n requests of other processes.
func (s *windowed) spend(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count(n)
}

func (s *windowed) count(n int) bool {
	if now := time.Now(); now.Sub(s.opened) >= window {
		s.opened, s.used = now, 0
	}
	if s.used+n > s.limit {
		s.tooMany++
		return false
	}
	s.used += n
	s.most = max(s.most, s.used)
	return true
}

func (s *windowed) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(s.rtt / 2) // virtual: every test that uses it runs in a bubble
	s.mu.Lock()
	status, header := http.StatusOK, http.Header{}
	if !s.count(1) {
		status = http.StatusTooManyRequests
		left := time.Until(s.opened.Add(window))
		header.Set("Retry-After", strconv.Itoa(int((left+time.Second-1)/time.Second)))
	}
	header.Set("X-RateLimit-Limit", strconv.Itoa(s.limit))
	header.Set("X-RateLimit-Remaining", strconv.Itoa(s.limit-s.used))
	s.mu.Unlock()
	time.Sleep(s.rtt / 2)
	return &http.Response{StatusCode: status, Header: header, Body: http.NoBody, Request: r}, nil
}

// drain sends a number of calls as fast as the engine allows.
func drain(t *testing.T, e *Engine, calls, workers int) {
	t.Helper()
	var left atomic.Int64
	left.Store(int64(calls))
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := e.Do(t.Context(), newCall(http.MethodGet, true)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// pauseOf is the header of a response that asks for a pause.
func pauseOf(value string) http.Header { return http.Header{headerRetryAfter: {value}} }

func tooManyFor(seconds string) canned { return canned{status: 429, header: pauseOf(seconds)} }

var (
	errDial  = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	errReset = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
)

// inEightSeconds makes the first call of a sequence whose deadline is in eight
// seconds.
func inEightSeconds(t *testing.T, e *Engine, remaining int) *Failure {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	_, err := e.Do(WithSequence(ctx, remaining), newCall(http.MethodGet, true))
	return failureOf(t, err)
}
