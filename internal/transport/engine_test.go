package transport

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
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
