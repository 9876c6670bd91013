package transport

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo/internal/testkit"
)

// A program may have replaced the default transport, for example to trace.
func TestNew_defaultTransportReplaced(t *testing.T) {
	before := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = before })
	http.DefaultTransport = &stub{}
	New(Options{Limit: 1, Timeout: time.Second})
}

// If the caller does not give an http.Client, workers keep their connections.
func TestOwnPoolKeepsConnections(t *testing.T) {
	t.Parallel()
	const workers = 16
	var connections atomic.Int32
	var together sync.WaitGroup
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		together.Done()
		together.Wait() // so that each has a connection
		_, _ = io.WriteString(w, "{}")
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	e := New(Options{Limit: 1_000_000, Timeout: time.Minute, Authorization: func(context.Context) (string, error) { return "x", nil }})
	for range 3 {
		together.Add(workers)
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				in := newCall(http.MethodGet, true)
				in.URL = server.URL
				if _, err := e.Do(t.Context(), in); err != nil {
					t.Error(failureOf(t, err))
				}
			})
		}
		wg.Wait()
	}
	if n := connections.Load(); n != workers {
		t.Errorf("%d connections for %d workers", n, workers)
	}
}

// A failed call must not close idle connections that other clients share.
func TestSharedPoolKeepsConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := &pool{stub: stub{responses: []canned{{err: errReset}}}}
		_, err := newEngine(shared).Do(t.Context(), newCall(http.MethodPost, false))
		if failureOf(t, err) == nil || shared.closed.Load() != 0 {
			t.Errorf("the idle connections were closed %d times", shared.closed.Load())
		}
	})
}

type pool struct {
	stub
	closed atomic.Int32
}

func (p *pool) CloseIdleConnections() { p.closed.Add(1) }

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(&windowed{limit: 750})
		if got := e.RateLimit(); got != (RateLimit{}) {
			t.Errorf("%+v before the first response", got)
		}
		drain(t, e, 3, 1)
		want := RateLimit{Limit: 750, Remaining: 747, ReceivedAt: time.Now()}
		if got := e.RateLimit(); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

func TestRateLimitKeepsEarlierValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stating := func(limit, remaining string) http.Header {
			h := http.Header{}
			if limit != "" {
				h.Set(headerLimit, limit)
			}
			if remaining != "" {
				h.Set(headerRemaining, remaining)
			}
			return h
		}
		server := &stub{responses: []canned{
			{status: 429, header: pauseOf("20")},
			{status: 200, header: stating("120", "90")},
			{status: 429, header: pauseOf("20")},
			{status: 200, header: stating("", "80")},
			{status: 200, header: stating("60", "")},
			{status: 200},
			{status: 200, header: stating("60", "0")},
		}}
		e := newEngine(server, func(o *Options) { o.MaxRetries = 0 })
		for i, want := range []RateLimit{
			{RetryAfter: 20 * time.Second},
			{Limit: 120, Remaining: 90},
			{Limit: 120, Remaining: 90, RetryAfter: 20 * time.Second},
			{Limit: 120, Remaining: 80},
			{Limit: 60, Remaining: 80},
			{Limit: 60, Remaining: 80},
			{Limit: 60, Remaining: 0},
		} {
			_, _ = e.Do(t.Context(), newCall(http.MethodGet, true))
			got := e.RateLimit()
			got.ReceivedAt = time.Time{}
			if got != want {
				t.Errorf("after response %d: %+v, want %+v", i+1, got, want)
			}
			time.Sleep(window)
		}
	})
}

// An HTTP/2 connection that is silent is replaced, instead of being used until the
// process ends.
func TestNew_silentConnectionIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &testkit.HTTP2Server{Handle: func(s *testkit.HTTP2Stream) {
			if s.Connection == 1 && s.Number > 1 {
				s.Mute()
				return
			}
			s.Respond(http.StatusOK, "{}")
		}}
		e := New(Options{Limit: 120, MaxRetries: 4, Timeout: 30 * time.Second, Authorization: bearer})
		pool := ownTransport(t, e)
		plain := server.Transport(t)
		pool.DialContext, pool.Protocols = plain.DialContext, plain.Protocols
		defer pool.CloseIdleConnections()
		for range 2 {
			began := time.Now()
			_, err := e.Do(t.Context(), http2Call(http.MethodGet, true))
			if took := time.Since(began); err != nil || took > 20*time.Second {
				t.Errorf("after %s: %+v, want a response within 20s", took, failureOf(t, err))
			}
		}
		if server.Connections() != 2 {
			t.Errorf("%d connections, want 2", server.Connections())
		}
	})
}

// A connection that nobody uses is closed before a load balancer closes it.
func TestNew_idleConnectionIsClosed(t *testing.T) {
	certified := httptest.NewTLSServer(nil)
	certified.Close()
	for _, protocol := range []string{"h2", "http/1.1"} {
		t.Run(protocol, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				connections := 0
				e := New(Options{Limit: 120, Timeout: 30 * time.Second, Authorization: bearer})
				pool := ownTransport(t, e)
				defer pool.CloseIdleConnections()
				pool.TLSClientConfig = certified.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
				pool.DialContext = func(context.Context, string, string) (net.Conn, error) {
					connections++
					client, server := net.Pipe()
					secured := tls.Server(server, &tls.Config{Certificates: certified.TLS.Certificates, NextProtos: []string{protocol}})
					if protocol == "h2" {
						ok := &testkit.HTTP2Server{Handle: func(s *testkit.HTTP2Stream) { s.Respond(http.StatusOK, "{}") }}
						ok.Serve(secured)
					} else {
						go (&staleServer{}).serve(secured)
					}
					return client, nil
				}
				in := newCall(http.MethodGet, true)
				in.URL = "https://example.com/labels"
				for i, pause := range []time.Duration{0, 45 * time.Second, 45 * time.Second, 45 * time.Second, 59 * time.Second} {
					time.Sleep(pause)
					if _, err := e.Do(t.Context(), in); err != nil {
						t.Fatal(failureOf(t, err))
					}
					if want := 1 + i/4; connections != want {
						t.Errorf("after a pause of %s: %d connections, want %d", pause, connections, want)
					}
				}
			})
		})
	}
}

// ownTransport returns the default transport of an engine.
func ownTransport(t *testing.T, e *Engine) *http.Transport {
	t.Helper()
	pool, ok := e.retry.HTTPClient.Transport.(*attemptTransport).next.(*http.Transport)
	if !ok {
		t.Fatal("the default transport is not one of net/http")
	}
	return pool
}

func bearer(context.Context) (string, error) { return "Bearer secret", nil }
