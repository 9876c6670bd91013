package trengotest

import (
	"net/http"
	"net/url"
	"slices"
	"time"
)

// A Request is one request as the Server received it.
type Request struct {
	// Seq is its number. The first request after [New] or [Server.ResetRequests]
	// is number 1.
	Seq int

	// Time is when the request arrived, before any latency or delay.
	Time time.Time

	// Method is the HTTP method.
	Method string

	// Path is the path below /api/v2, still escaped: "/contacts/5". A path outside
	// /api/v2 is given whole.
	Path string

	// Query holds the parameters in the URL.
	Query url.Values

	// Header holds the request's headers.
	Header http.Header

	// Body is the whole body.
	Body []byte

	// Status is the status of the response. Zero means no response: a fault
	// prevented it, the client is gone, or it is still pending.
	Status int

	// Fault is the name of the function that made the fault of this request, such
	// as "LostAfter". "" means no fault.
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

// Requests returns the requests so far in the order in which they arrived. It
// includes requests that were rejected and requests that a fault lost.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Request, len(s.requests))
	for i, r := range s.requests {
		all[i] = r.clone()
	}
	return all
}

// ResetRequests forgets the requests so far and numbers the next one 1. Stored data
// and the rate limit are not affected.
func (s *Server) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}
