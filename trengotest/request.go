package trengotest

import (
	"net/http"
	"net/url"
	"slices"
	"time"
)

// A Request is one request as the Server received it.
type Request struct {
	// Seq is its number, from 1, since New or ResetRequests.
	Seq int

	// Time is when it came, before any Latency or delay.
	Time time.Time

	Method string

	// Path is the path below /api/v2, still escaped: "/contacts/5". A path
	// elsewhere is there whole.
	Path string

	Query  url.Values
	Header http.Header
	Body   []byte

	// Status is the status of the answer, 0 if none was given: because of a
	// fault, because the client has gone, or because it is still to come.
	Status int

	// Fault is the name of the function that made the fault of this request,
	// such as "LostAfter", and "" if it had none.
	Fault string
}

func (r *Request) clone() Request {
	c := *r
	c.Header = r.Header.Clone()
	c.Body = slices.Clone(r.Body)
	c.Query = make(url.Values, len(r.Query))
	for key, values := range r.Query {
		c.Query[key] = slices.Clone(values)
	}
	return c
}

// Requests returns the requests so far in the order in which they came,
// including those that were refused or that a fault kept from arriving.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Request, len(s.requests))
	for i, r := range s.requests {
		all[i] = r.clone()
	}
	return all
}

// ResetRequests forgets the requests so far. Their number starts at 1 again.
// Contacts, tickets and the rate limit stay as they are.
func (s *Server) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}
