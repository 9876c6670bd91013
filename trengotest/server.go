package trengotest

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// BaseURL is the address of the real API. A client with a [Server] as its
	// transport may use it, or any other host with the same path.
	BaseURL = "https://app.trengo.com/api/v2"

	// Token is the token that a new Server accepts.
	Token = "test-token"
)

// Server is an in-memory Trengo. It is an [http.Handler] and an
// [http.RoundTripper]. Make one with [New]. Its methods are safe for concurrent
// use; requests are acted on one after the other.
type Server struct {
	// Behavior holds what is not known of the real Trengo. Set it before the
	// first request.
	Behavior Behavior

	mu        sync.Mutex
	tokens    []string
	rateLimit int
	windows   map[string]*window
	requests  []*Request
	faults    []Fault
	faultFunc func(Request) Fault
	amsterdam *time.Location

	users      table[User]
	channels   table[Channel]
	contacts   table[contact]
	tickets    table[ticket]
	resources  map[string]*table[object]
	messageIDs sequence
	noteIDs    sequence
	auditIDs   sequence
}

// New returns a Server that accepts [Token], at 120 requests a minute. It has one
// user, as whom that token acts, and nothing else: no channel and no contact.
func New() *Server {
	s := &Server{
		tokens:    []string{Token},
		rateLimit: defaultRateLimit,
		windows:   make(map[string]*window),
		amsterdam: loadAmsterdam(),
		resources: make(map[string]*table[object]),
	}
	s.startSequences()
	s.addUser(User{FirstName: "Robin", LastName: "Example", Email: "robin@example.com"})
	return s
}

// startSequences begins every kind of id where the real ones are, because a
// client that keeps an id in 32 bits must fail here as it would there.
func (s *Server) startSequences() {
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

// SetTokens sets the tokens that are accepted from now on, instead of those
// before. All act as the first user; the tokens of other users (see [User]) stay
// as they are. Each token has its own rate limit.
func (s *Server) SetTokens(tokens ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = slices.Clone(tokens)
}

// Client returns an [http.Client] whose requests go to s, whatever their host.
func (s *Server) HTTPClient() *http.Client { return &http.Client{Transport: s} }

// ServeHTTP answers one request to a path under /api/v2.
//
// Faults that break the connection, and clients that have gone, end in a panic
// with [http.ErrAbortHandler], which net/http's server takes as the order to close
// the connection.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, err := s.receive(r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if c.fault.kind == faultNoConnection {
		c.fault = LostBefore()
	}
	a, err := s.exchange(r.Context(), c)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	a.writeTo(w)
}
