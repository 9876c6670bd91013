package transport

import (
	"bufio"
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

// net/http sends a read once more by itself if the connection that it had kept
// turns out to be gone. The server may have counted both.
func TestReplayOfNetHTTPPaysASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		arrived := 0
		transport := &http.Transport{DialTLSContext: func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			go func() {
				defer there.Close()
				in := bufio.NewReader(there)
				for {
					if _, err := http.ReadRequest(in); err != nil {
						return
					}
					if arrived++; arrived == 2 {
						return // a server that closes an idle connection, too late
					}
					_, _ = io.WriteString(there, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
			}()
			return here, nil
		}}
		defer transport.CloseIdleConnections()
		attempts := 0
		e := newEngine(transport, func(o *Options) { o.Observer = func(context.Context, Attempt) { attempts++ } })
		for call, want := range []int{119, 117, 116} {
			if _, err := e.Do(t.Context(), newCall(http.MethodGet, true)); err != nil {
				t.Fatal(failureOf(t, err))
			}
			if free := e.limiter.slots.free(); free != want {
				t.Errorf("after call %d: %d slots are free, want %d", call+1, free, want)
			}
		}
		if attempts != 3 || arrived != 4 {
			t.Errorf("%d attempts and %d requests, want 3 and 4", attempts, arrived)
		}
		time.Sleep(window)
		e.limiter.expire(time.Now())
		if free := e.limiter.slots.free(); free != 120 {
			t.Errorf("%d slots are free after a window", free)
		}
	})
}

// On HTTP/2 a lost request takes other ways through net/http.
func TestLostOnHTTP2(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		method  string
		unknown bool
	}{
		{"write", http.MethodPost, true},
		{"read", http.MethodGet, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var requests, old atomic.Int32
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				if r.ProtoMajor != 2 {
					old.Add(1)
				}
				_, _ = io.Copy(io.Discard, r.Body)
				panic(http.ErrAbortHandler)
			}))
			server.EnableHTTP2 = true
			server.StartTLS()
			t.Cleanup(server.Close)
			var class AttemptClass
			e := newEngine(server.Client().Transport, func(o *Options) {
				o.MaxRetries = 0
				if tt.unknown {
					o.MaxRetries = 4
				}
				o.Observer = func(_ context.Context, a Attempt) { class = a.Class }
			})
			in := newCall(tt.method, false)
			in.URL = server.URL
			_, err := e.Do(t.Context(), in)
			f := failureOf(t, err)
			if f == nil || f.OutcomeUnknown != tt.unknown || f.Attempts != 1 || class != ClassConnectionLost {
				t.Errorf("failure %+v of class %q", f, class)
			}
			if requests.Load() != 1 || old.Load() != 0 {
				t.Errorf("%d requests, %d of them not HTTP/2; want one that is", requests.Load(), old.Load())
			}
			if free := e.limiter.slots.free(); free != 119 {
				t.Errorf("%d slots are free, want 119", free)
			}
		})
	}
}

// A failed call must not empty a pool of connections that others share.
func TestIdleConnectionsOfOthersStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := &pool{stub: stub{answers: []answer{{err: errReset}}}}
		_, err := newEngine(shared).Do(t.Context(), newCall(http.MethodPost, false))
		if failureOf(t, err) == nil || shared.emptied.Load() != 0 {
			t.Errorf("the pool was emptied %d times", shared.emptied.Load())
		}
	})
}

type pool struct {
	stub
	emptied atomic.Int32
}

func (p *pool) CloseIdleConnections() { p.emptied.Add(1) }

// Without a client of the caller's, workers keep their connections.
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
