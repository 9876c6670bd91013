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

// limits bound how long a sender can use a connection.
type limits struct {
	// header is for the header of a request. An honest sender has it ready; an
	// attacker sends it slowly to use up the connections.
	header time.Duration
	// delivery is for the body of a request and the work. RudderStack gives up
	// after 10 s and delivers again what may have been done.
	delivery time.Duration
	// response is for reading the response, after the delivery. If it is cut
	// off, the sender does not know the outcome of its delivery.
	response time.Duration
	// idle is for a connection between two requests. It is longer than that of
	// most senders, so that they close first: an event sent while the service
	// closes gets lost, and RudderStack delivers it again much later.
	idle time.Duration
}

var defaultLimits = limits{
	header:   5 * time.Second,
	delivery: 8 * time.Second,
	response: 5 * time.Second,
	idle:     2 * time.Minute,
}

// maxHeader is ample: RudderStack's users can add headers of up to 1,000
// characters each.
const maxHeader = 64 << 10

// A service receives events until it is shut down.
type service struct {
	server   *http.Server
	logger   *slog.Logger
	drain    time.Duration
	limits   limits
	draining atomic.Bool
}

// newService builds the client, the destination, the handler and the server.
// The error lists all mistakes of the first of them that has any.
func newService(s *settings, logger *slog.Logger) (*service, error) {
	m := newMetrics()
	tm := &telemetry{logger: logger, metrics: m}
	client, err := s.newClient(trengo.WithLogger(logger), trengo.WithObserver(m.observeAttempt))
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
		SigningSecret:        s.signingSecret,
		Timeout:              s.limits.delivery,
		RetryContactNotFound: s.unknown == unknownRetry,
		DelayRateLimited:     true,
		OnOutcome:            tm.observeOutcome,
	})
	if err != nil {
		return nil, err
	}
	svc := &service{logger: logger, drain: s.drain, limits: s.limits}
	mux := http.NewServeMux()
	mux.Handle("/events", tm.observeRequests(handler))
	mux.HandleFunc("GET /healthz", svc.health)
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) { m.respond(w, client.RateLimit()) })
	svc.server = &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: s.limits.header,
		// For the other routes: the handler of /events bounds its own reads.
		ReadTimeout:    s.limits.header + s.limits.delivery,
		WriteTimeout:   s.limits.delivery + s.limits.response,
		IdleTimeout:    s.limits.idle,
		MaxHeaderBytes: maxHeader,
		ErrorLog:       slog.NewLogLogger(logger.Handler(), slog.LevelError),
	}
	return svc, nil
}

// health does not depend on Trengo: restarting this process would not repair an
// outage there. The metrics show one.
func (s *service) health(w http.ResponseWriter, _ *http.Request) {
	if s.draining.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "shutting down\n")
		return
	}
	_, _ = io.WriteString(w, "ok\n")
}

// serve accepts connections until ctx ends and the drain is over. It returns
// once every request whose header was read by then has its response.
// RudderStack delivers later what it could not deliver meanwhile.
func (s *service) serve(ctx context.Context, listener net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- s.server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	s.draining.Store(true)
	s.logger.Info("shutting down", "drain", s.drain.String())
	select {
	case err := <-failed:
		return err
	case <-time.After(s.drain):
	}
	// No request takes longer.
	longest := s.limits.header + s.limits.delivery + s.limits.response
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest)
	defer cancel()
	if err := s.server.Shutdown(ctx); err != nil {
		return fmt.Errorf("requests were still in flight after %s: %w", longest, err)
	}
	return nil
}
