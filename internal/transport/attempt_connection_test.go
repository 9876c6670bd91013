package transport

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// net/http sends a read again by itself if a kept connection turns out to be
// closed. The server may have counted both requests.
func TestReplayOfNetHTTPTakesASlot(t *testing.T) {
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
						return // closes the idle connection while a request is on its way
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
		// The server may still count the request that got no response.
		for _, want := range []int{119, 120} {
			time.Sleep(window)
			e.limiter.expire(time.Now())
			if free := e.limiter.slots.free(); free != want {
				t.Errorf("%d slots are free after a window, want %d", free, want)
			}
		}
	})
}

// net/http handles a lost request differently on HTTP/2.
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
