package testkit

import (
	"net/http"
	"sync"
)

// A Gauge is a transport that records how many writes are in flight at once.
type Gauge struct {
	Next  http.RoundTripper
	Reads bool // count reads, too

	mu             sync.Mutex
	inFlight, most int
}

// RoundTrip forwards the request to Next.
func (g *Gauge) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet && !g.Reads {
		return g.Next.RoundTrip(r)
	}
	g.add(1)
	defer g.add(-1)
	return g.Next.RoundTrip(r)
}

func (g *Gauge) add(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inFlight += n
	g.most = max(g.most, g.inFlight)
}

// Most returns the largest number of requests that were in flight at once.
func (g *Gauge) Most() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.most
}
