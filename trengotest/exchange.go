package trengotest

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

const basePath = "/api/v2"

// receive reads and records the request and determines its fault.
func (s *Server) receive(r *http.Request) (*call, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	path, known := r.URL.EscapedPath(), false
	if below, found := strings.CutPrefix(path, basePath); found && strings.HasPrefix(below, "/") {
		path, known = below, true
	}
	c := &call{
		record: &Request{
			Time:   time.Now(),
			Method: methodOf(r),
			Path:   path,
			Query:  r.URL.Query(),
			Header: r.Header.Clone(),
			Body:   body,
		},
		known: known,
	}
	c.fault = s.recordRequest(c.record)
	return c, nil
}

func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	defer closeBody(r)
	return io.ReadAll(r.Body)
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

func methodOf(r *http.Request) string {
	if r.Method == "" {
		return http.MethodGet // net/http documents this for client requests
	}
	return r.Method
}

// recordRequest records r and determines its fault. The function set with
// InjectFunc runs without the lock, so that it can call methods of s.
func (s *Server) recordRequest(r *Request) Fault {
	s.mu.Lock()
	r.Seq = len(s.requests) + 1
	s.requests = append(s.requests, r)
	var fault Fault
	choose := s.faultFunc
	if len(s.faults) > 0 {
		fault, choose = s.faults[0], nil
		s.faults = slices.Delete(s.faults, 0, 1)
	}
	s.mu.Unlock()

	if choose != nil {
		fault = choose(r.clone())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Fault = fault.String()
	return fault
}

// exchange processes the request, with the delays and the failure of its fault. The
// error is what the client sees instead of a response.
func (s *Server) exchange(ctx context.Context, c *call) (response, error) {
	before := s.Behavior.Latency / 2
	after := s.Behavior.Latency - before
	switch c.fault.kind {
	case faultLate:
		before += c.fault.delay
	case faultSlow:
		after += c.fault.delay
	}
	resp, err := processAfter(ctx, before, func() response { return s.process(c) })
	if err != nil {
		return response{}, err
	}
	if err := sleep(ctx, after); err != nil {
		return response{}, err
	}
	if err := c.fault.err(); err != nil {
		return response{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.record.Status = resp.status
	return resp, nil
}

// processAfter calls process after d, or at once if d is zero. If ctx ends first,
// processAfter returns early and process is still called.
func processAfter(ctx context.Context, d time.Duration, process func() response) (response, error) {
	if d <= 0 {
		return process(), nil
	}
	done := make(chan response, 1)
	time.AfterFunc(d, func() { done <- process() })
	select {
	case resp := <-done:
		return resp, nil
	case <-ctx.Done():
		return response{}, context.Cause(ctx)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// process counts and serves the request, as far as its fault allows.
func (s *Server) process(c *call) response {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	switch c.fault.kind {
	case faultLostBefore:
		return response{}
	case faultTooManyRequests:
		resp := s.failure(http.StatusTooManyRequests, "Too Many Attempts.")
		if c.fault.retryAfter != "" {
			resp.header.Set("Retry-After", c.fault.retryAfter)
		}
		s.limiter.peek(c.token(), now).writeTo(resp.header)
		return resp
	case faultRespond, faultRespondHTML:
		resp := c.fault.response()
		if s.sendsHTML(resp.status) {
			resp = newResponse(resp.status, contentTypeHTML, []byte(webPage(http.StatusText(resp.status))))
		}
		s.limiter.count(c.token(), now).writeTo(resp.header)
		return resp
	}
	resp := s.serve(c, now)
	resp.truncated = c.fault.kind == faultTruncated && len(resp.body) > 0
	return resp
}

// serve counts and handles the request, and adds the headers of the rate limit.
func (s *Server) serve(c *call, now time.Time) response {
	c.now = now.Round(0).UTC() // stored times need no monotonic clock
	q := s.limiter.count(c.token(), now)
	resp := s.handle(c, q, now)
	q.writeTo(resp.header)
	if c.record.Method == http.MethodHead {
		resp.body = nil
	}
	return resp
}

// handle routes the request if the rate limit and the token allow it.
func (s *Server) handle(c *call, q quota, now time.Time) response {
	if q.exceeded {
		return s.rateLimited(q, now)
	}
	c.user = s.userOf(c.token())
	if c.user == nil {
		return s.unauthenticated(c)
	}
	return s.route(c)
}
