package trengo_test

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
	"github.com/trengo-go/trengo/trengotest"
)

const (
	// serviceLatency is how long a request to Trengo takes.
	serviceLatency = 250 * time.Millisecond
	// serviceBudget is within which the handler answers by default.
	serviceBudget = 8 * time.Second
)

// A service is where the router's requests arrive: the process that listens,
// if one does.
type service struct {
	t       *testing.T
	srv     *trengotest.Server
	cfg     trengo.DestinationConfig
	handler trengo.HandlerConfig
	token   atomic.Pointer[string]

	mu        sync.Mutex
	listening *process // nil: connections are refused
	underWay  map[*post]bool
	killed    int             // deliveries that were under way at a kill
	cutOff    map[string]bool // their bodies
}

// A process is a handler with the memory that dies with it.
type process struct {
	handler  http.Handler
	dead     chan struct{} // closed by a kill
	underWay sync.WaitGroup
}

func (p *process) isDead() bool {
	select {
	case <-p.dead:
		return true
	default:
		return false
	}
}

// A post is one request of the router at work. Requests to Trengo are made
// for one, and only while it lasts.
type post struct {
	body   string
	cancel context.CancelFunc
	ended  atomic.Bool
}

type postKey struct{}

func newService(t *testing.T, srv *trengotest.Server, cfg trengo.DestinationConfig, handler trengo.HandlerConfig) *service {
	t.Helper()
	s := &service{t: t, srv: srv, cfg: cfg, handler: handler, underWay: map[*post]bool{}, cutOff: map[string]bool{}}
	token := trengotest.Token
	s.token.Store(&token)
	return s
}

// start starts a process, which remembers nothing of those before.
func (s *service) start() {
	p := &process{dead: make(chan struct{})}
	client := newClientOn(s.t, line{s, p},
		trengo.WithTokenSource(func(context.Context) (string, error) { return *s.token.Load(), nil }))
	destination, err := trengo.NewDestination(client, s.cfg)
	if err != nil {
		s.t.Error(err)
		return
	}
	if p.handler, err = trengo.NewHandler(destination, s.handler); err != nil {
		s.t.Error(err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listening = p
}

// stop is a graceful shutdown: nothing new is let in, and what is under way is
// finished.
func (s *service) stop() {
	s.mu.Lock()
	p := s.listening
	s.listening = nil
	s.mu.Unlock()
	p.underWay.Wait()
}

// kill ends the process as it is. Its answers are lost.
func (s *service) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.listening
	s.listening = nil
	for d := range s.underWay {
		s.killed++
		s.cutOff[d.body] = true
	}
	close(p.dead)
	for d := range s.underWay {
		d.cancel()
	}
}

// wasKilled reports whether the event was under way at a kill.
func (s *service) wasKilled(body []byte) bool { return s.cutOff[string(body)] }

// RoundTrip is a request of the router.
func (s *service) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	// As net/http's server does, the context ends when the sender hangs up.
	ctx, cancel := context.WithCancel(req.Context())
	defer cancel()
	d := &post{body: string(body), cancel: cancel}
	p := s.accept(d)
	if p == nil {
		return nil, syscall.ECONNREFUSED
	}
	// Until the router has the answer: a kill can still take it away.
	defer s.end(p, d)
	began := time.Now()
	answer := make(chan *http.Response, 1)
	go s.serve(p, d, req.WithContext(context.WithValue(ctx, postKey{}, d)), answer)
	select {
	case resp := <-answer:
		if p.isDead() {
			return nil, io.EOF
		}
		if took := time.Since(began); took > serviceBudget {
			s.t.Errorf("answered with %d after %s", resp.StatusCode, took)
		}
		return resp, nil
	case <-p.dead:
		return nil, io.EOF
	case <-req.Context().Done():
		if errors.Is(req.Context().Err(), context.DeadlineExceeded) {
			s.t.Errorf("no answer within %s", routerTimeout)
		}
		return nil, req.Context().Err()
	}
}

func (s *service) serve(p *process, d *post, req *http.Request, answer chan<- *http.Response) {
	req.Body = io.NopCloser(strings.NewReader(d.body))
	recorder := httptest.NewRecorder()
	p.handler.ServeHTTP(recorder, req)
	d.ended.Store(true)
	answer <- recorder.Result()
}

func (s *service) accept(d *post) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listening != nil {
		s.underWay[d] = true
		s.listening.underWay.Add(1)
	}
	return s.listening
}

func (s *service) end(p *process, d *post) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.underWay, d)
	p.underWay.Done()
}

// A line is the way from a process to Trengo.
type line struct {
	*service
	from *process
}

func (l line) RoundTrip(req *http.Request) (*http.Response, error) {
	if l.from.isDead() {
		return nil, errors.New("a dead process sends nothing")
	}
	d, ok := req.Context().Value(postKey{}).(*post)
	if !ok || d.ended.Load() {
		l.t.Errorf("%s %s was sent for no delivery, or after its answer", req.Method, req.URL.Path)
	}
	resp, err := l.srv.RoundTrip(req)
	if ok && d.ended.Load() {
		l.t.Errorf("%s %s was under way when the answer had been given", req.Method, req.URL.Path)
	}
	return resp, err
}
