package trengotest

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// The methods of Server that serve one resource or feature stand in its file:
// contact.go, fault.go, and so on. exchange.go has the path of every request.

const (
	// BaseURL is the address of the real API. A client with a [Server] as its
	// transport can use it, or any other host with the same path.
	BaseURL = "https://app.trengo.com/api/v2"

	// Token is the token that a new Server accepts.
	Token = "test-token"
)

// A Server is an in-memory Trengo. It is an [http.Handler] and an
// [http.RoundTripper]. Create one with [New]. Its methods are safe for concurrent
// use; requests are processed one at a time.
type Server struct {
	// Behavior sets what is unknown about the real Trengo. Set it before the first
	// request.
	Behavior Behavior

	amsterdam *time.Location

	mu        sync.Mutex // guards the fields below
	tokens    []string
	limiter   rateLimiter
	requests  []*Request
	faults    []Fault
	faultFunc func(Request) Fault

	users      table[User]
	channels   table[Channel]
	contacts   table[contact]
	tickets    table[ticket]
	resources  map[string]*table[object]
	messageIDs sequence
	noteIDs    sequence
	auditIDs   sequence
}

// New returns a Server that accepts [Token] and allows 120 requests per minute. It
// has one user, as whom that token acts, and no channels or contacts.
func New() *Server {
	s := &Server{
		amsterdam: loadAmsterdam(),
		tokens:    []string{Token},
		limiter:   newRateLimiter(),
		resources: make(map[string]*table[object]),
	}
	s.initSequences()
	s.putUser(User{FirstName: "Robin", LastName: "Example", Email: "robin@example.com"})
	return s
}

// initSequences starts each kind of ID near the real ones: a client that stores an
// ID in 32 bits must fail here as it would at Trengo.
func (s *Server) initSequences() {
	s.users.ids = 3600
	s.channels.ids = 406_000
	s.noteIDs = 88_000_000
	s.contacts.ids = 460_000_000
	s.tickets.ids = 970_000_000
	s.auditIDs = 2_700_000_000
	s.messageIDs = 4_000_000_000
	for name, r := range resources {
		s.resources[name] = &table[object]{ids: r.ids}
	}
}

// SetTokens replaces the accepted tokens. They all act as the first user. The
// tokens of other users (see [User]) are not affected. Each token has its own rate
// limit.
func (s *Server) SetTokens(tokens ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = slices.Clone(tokens)
}

// SetRateLimit sets how many requests a token may send within a window of 60
// seconds. It applies from the next request on, also to windows that are already
// open. Zero means no limit and no rate limit headers in responses; a negative
// number means the same.
func (s *Server) SetRateLimit(perMinute int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limiter.limit = max(0, perMinute)
}

// SpendRateLimit counts n requests, as if another client with the same token had
// sent them. It opens a window if none is open. With several tokens, it counts n
// requests for each.
func (s *Server) SpendRateLimit(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for _, token := range s.allTokens() {
		s.limiter.spend(token, n, now)
	}
}

// HTTPClient returns an [http.Client] that sends every request to s, whatever its
// host.
func (s *Server) HTTPClient() *http.Client { return &http.Client{Transport: s} }

// ServeHTTP responds to one request for a path below /api/v2.
//
// If a fault breaks the connection, or the client is gone, ServeHTTP panics with
// [http.ErrAbortHandler], which makes net/http's server close the connection.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := s.receive(r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if c.fault.kind == faultNoConnection {
		c.fault = LostBefore()
	}
	resp, err := s.exchange(r.Context(), c)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	resp.writeTo(w)
}
