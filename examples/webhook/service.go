package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/trengo-go/trengo"
)

// limits bound how long anybody can hold a connection.
type limits struct {
	// header is for the header of a request. Senders have it ready; those that
	// drip it want to use up our connections.
	header time.Duration
	// budget is for a delivery, body and work. RudderStack gives up after 10 s
	// and sends again what may have been done.
	budget time.Duration
	// answer is for reading the answer, after the budget: cut off, it would
	// be a delivery whose outcome the sender does not know.
	answer time.Duration
	// idle is for a connection between two requests. It is longer than that of
	// most senders, so that it is they who close: an event that is sent while
	// we close is lost on the way, and sent again much later.
	idle time.Duration
}

var defaultLimits = limits{
	header: 5 * time.Second,
	budget: 8 * time.Second,
	answer: 5 * time.Second,
	idle:   2 * time.Minute,
}

// maxHeader is ample: the headers that RudderStack lets its users add have up
// to 1,000 characters each.
const maxHeader = 64 << 10

// A service takes events until it is told to end.
type service struct {
	server   *http.Server
	logger   *slog.Logger
	drain    time.Duration
	limits   limits
	draining atomic.Bool
}

// newService puts the parts together, each on the one before it: the error
// names all mistakes of the first that has any.
func newService(s *settings, logger *slog.Logger) (*service, error) {
	m := newMetrics()
	w := &watcher{logger: logger, metrics: m}
	client, err := s.newClient(trengo.WithLogger(logger), trengo.WithObserver(m.attempt))
	if err != nil {
		return nil, err
	}
	s.config.CreateMissingContacts = s.unknown == unknownCreate
	destination, err := trengo.NewDestination(client, s.config)
	if err != nil {
		return nil, err
	}
	handler, err := trengo.NewHandler(destination, trengo.HandlerConfig{
		Secrets:              s.secrets,
		SigningSecret:        s.segmentSecret,
		Timeout:              s.limits.budget,
		RetryContactNotFound: s.unknown == unknownRetry,
		DelayRateLimited:     true,
		OnOutcome:            w.outcome,
	})
	if err != nil {
		return nil, err
	}
	svc := &service{logger: logger, drain: s.drain, limits: s.limits}
	mux := http.NewServeMux()
	mux.Handle("/events", w.watch(handler))
	mux.HandleFunc("GET /healthz", svc.health)
	mux.HandleFunc("GET /metrics", func(rw http.ResponseWriter, _ *http.Request) { m.serve(rw, client.RateLimit()) })
	svc.server = &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: s.limits.header,
		// For the routes beside /events, which has its budget.
		ReadTimeout:    s.limits.header + s.limits.budget,
		WriteTimeout:   s.limits.budget + s.limits.answer,
		IdleTimeout:    s.limits.idle,
		MaxHeaderBytes: maxHeader,
		ErrorLog:       slog.NewLogLogger(logger.Handler(), slog.LevelError),
	}
	return svc, nil
}

// health does not ask Trengo: what another process would not cure is no reason
// to start one. The metrics tell.
func (s *service) health(w http.ResponseWriter, _ *http.Request) {
	if s.draining.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "ending\n")
		return
	}
	_, _ = io.WriteString(w, "ok\n")
}

// serve takes connections until ctx ends and the drain is over, and returns when
// every request whose header was read by then is answered. RudderStack sends
// again what it could not deliver meanwhile.
func (s *service) serve(ctx context.Context, listener net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- s.server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	s.draining.Store(true)
	s.logger.Info("ending", "drain", s.drain.String())
	select {
	case err := <-failed:
		return err
	case <-time.After(s.drain):
	}
	// No connection is in use for longer than that.
	most := s.limits.header + s.limits.budget + s.limits.answer
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), most)
	defer cancel()
	if err := s.server.Shutdown(ctx); err != nil {
		return fmt.Errorf("requests were still under way after %s: %w", most, err)
	}
	return nil
}
