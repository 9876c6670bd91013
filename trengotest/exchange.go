package trengotest

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"
)

const basePath = "/api/v2"

// receive reads the request, writes it down and settles its fault.
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
	c.fault = s.record(c.record)
	return c, nil
}

func methodOf(r *http.Request) string {
	if r.Method == "" {
		return http.MethodGet // as the zero value of a client's request means
	}
	return r.Method
}

func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	defer closeBody(r)
	return io.ReadAll(r.Body)
}

// exchange lets the request travel, has the server act on it and lets the answer
// travel back. Its error is what the client's side sees instead of an answer.
func (s *Server) exchange(ctx context.Context, c *call) (answer, error) {
	there := s.Behavior.Latency / 2
	back := s.Behavior.Latency - there
	switch c.fault.kind {
	case faultLate:
		there += c.fault.delay
	case faultSlow:
		back += c.fault.delay
	}
	a, err := after(ctx, there, func() answer { return s.act(c) })
	if err != nil {
		return answer{}, err
	}
	if err := sleep(ctx, back); err != nil {
		return answer{}, err
	}
	if err := c.fault.err(); err != nil {
		return answer{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.record.Status = a.status
	return a, nil
}

// act does the server's part of a request, as far as its fault allows.
func (s *Server) act(c *call) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch c.fault.kind {
	case faultLostBefore:
		return answer{}
	case faultTooManyRequests:
		return s.refuse(c)
	case faultRespond, faultRespondHTML:
		a := s.canned(c.fault)
		s.count(c.token(), time.Now()).writeTo(a.header)
		return a
	}
	a := s.serve(c)
	a.cut = c.fault.kind == faultTruncated && len(a.body) > 0
	return a
}

func (s *Server) refuse(c *call) answer {
	a := s.failure(http.StatusTooManyRequests, "Too Many Attempts.")
	if c.fault.retryAfter != "" {
		a.header.Set("Retry-After", c.fault.retryAfter)
	}
	s.peek(c.token(), time.Now()).writeTo(a.header)
	return a
}

// serve counts the request, checks its token and has its route handle it.
func (s *Server) serve(c *call) answer {
	now := time.Now()
	c.now = now.Round(0).UTC() // without the monotonic clock: it is stored
	q := s.count(c.token(), now)
	a := s.dispatch(c, q, now)
	q.writeTo(a.header)
	if c.record.Method == http.MethodHead {
		a.body = nil
	}
	return a
}

func (s *Server) dispatch(c *call, q quota, now time.Time) answer {
	if q.exceeded {
		return s.tooManyAttempts(q, now)
	}
	c.user = s.userOf(c.token())
	if c.user == nil {
		return s.unauthenticated(c)
	}
	return s.route(c)
}

// after calls act when d has passed, at once if d is 0. It calls act even when
// ctx ends before, but then returns early.
func after(ctx context.Context, d time.Duration, act func() answer) (answer, error) {
	if d <= 0 {
		return act(), nil
	}
	done := make(chan answer, 1)
	time.AfterFunc(d, func() { done <- act() })
	select {
	case a := <-done:
		return a, nil
	case <-ctx.Done():
		return answer{}, context.Cause(ctx)
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
