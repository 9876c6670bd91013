package router

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

const (
	// serviceLatency is how long a request to Trengo takes.
	serviceLatency = 250 * time.Millisecond
	// serviceTimeout is the handler's default Timeout.
	serviceTimeout = 8 * time.Second
)

// A service receives the router's requests and passes them to the process that
// listens.
type service struct {
	t       *testing.T
	srv     *fixtures.Fixture
	cfg     trengo.DestinationConfig
	handler trengo.HandlerConfig
	token   atomic.Pointer[string]

	mu        sync.Mutex
	listening *process // nil: connections are refused
	inFlight  map[*delivery]bool
	killed    int             // deliveries that were in flight at a kill
	cutOff    map[string]bool // their bodies
}

// A process is a handler with its memory, which a kill destroys.
type process struct {
	handler  http.Handler
	dead     chan struct{} // closed by a kill
	inFlight sync.WaitGroup
}

func (p *process) isDead() bool {
	select {
	case <-p.dead:
		return true
	default:
		return false
	}
}

// A delivery is one request of the router. Requests to Trengo belong to one, and
// must not outlive it.
type delivery struct {
	body   string
	cancel context.CancelFunc
	ended  atomic.Bool
}

type deliveryKey struct{}

func newService(t *testing.T, srv *fixtures.Fixture, cfg trengo.DestinationConfig, handler trengo.HandlerConfig) *service {
	t.Helper()
	s := &service{t: t, srv: srv, cfg: cfg, handler: handler, inFlight: map[*delivery]bool{}, cutOff: map[string]bool{}}
	token := trengotest.Token
	s.token.Store(&token)
	return s
}

// start starts a process. It remembers nothing from earlier ones.
func (s *service) start() {
	p := &process{dead: make(chan struct{})}
	client := fixtures.NewClient(s.t, processTransport{s, p},
		trengo.WithTokenSource(func(context.Context) (string, error) { return *s.token.Load(), nil }))
	var err error
	if p.handler, err = trengo.NewHandler(fixtures.NewDestination(s.t, client, s.cfg), s.handler); err != nil {
		s.t.Error(err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listening = p
}

// stop shuts the process down gracefully: it refuses new deliveries and finishes
// those in flight.
func (s *service) stop() {
	s.mu.Lock()
	p := s.listening
	s.listening = nil
	s.mu.Unlock()
	p.inFlight.Wait()
}

// kill ends the process at once. The router gets no response from it.
func (s *service) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.listening
	s.listening = nil
	for d := range s.inFlight {
		s.killed++
		s.cutOff[d.body] = true
	}
	close(p.dead)
	for d := range s.inFlight {
		d.cancel()
	}
}

// wasKilled reports whether the event was in flight at a kill.
func (s *service) wasKilled(body []byte) bool { return s.cutOff[string(body)] }

// RoundTrip receives a request of the router.
func (s *service) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	// As in net/http's server, the context ends when the sender disconnects.
	ctx, cancel := context.WithCancel(req.Context())
	defer cancel()
	d := &delivery{body: string(body), cancel: cancel}
	p := s.accept(d)
	if p == nil {
		return nil, syscall.ECONNREFUSED
	}
	// In flight until the router has the response: a kill can lose it.
	defer s.end(p, d)
	began := time.Now()
	response := make(chan *http.Response, 1)
	go s.serve(p, d, req.WithContext(context.WithValue(ctx, deliveryKey{}, d)), response)
	select {
	case resp := <-response:
		if p.isDead() {
			return nil, io.EOF
		}
		if took := time.Since(began); took > serviceTimeout {
			s.t.Errorf("the handler responded with %d after %s", resp.StatusCode, took)
		}
		return resp, nil
	case <-p.dead:
		return nil, io.EOF
	case <-req.Context().Done():
		if errors.Is(req.Context().Err(), context.DeadlineExceeded) {
			s.t.Errorf("the handler did not respond within %s", routerTimeout)
		}
		return nil, req.Context().Err()
	}
}

func (s *service) serve(p *process, d *delivery, req *http.Request, response chan<- *http.Response) {
	req.Body = io.NopCloser(strings.NewReader(d.body))
	recorder := httptest.NewRecorder()
	p.handler.ServeHTTP(recorder, req)
	d.ended.Store(true)
	response <- recorder.Result()
}

func (s *service) accept(d *delivery) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listening != nil {
		s.inFlight[d] = true
		s.listening.inFlight.Add(1)
	}
	return s.listening
}

func (s *service) end(p *process, d *delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.inFlight, d)
	p.inFlight.Done()
}

// processTransport carries the requests of one process to Trengo.
type processTransport struct {
	*service
	process *process
}

func (t processTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.process.isDead() {
		return nil, errors.New("a dead process cannot send")
	}
	d, ok := req.Context().Value(deliveryKey{}).(*delivery)
	if !ok || d.ended.Load() {
		t.t.Errorf("%s %s was sent without a delivery, or after its response", req.Method, req.URL.Path)
	}
	resp, err := t.srv.RoundTrip(req)
	if ok && d.ended.Load() {
		t.t.Errorf("%s %s was in flight when the handler had responded", req.Method, req.URL.Path)
	}
	return resp, err
}
