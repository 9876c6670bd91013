package trengotest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

// A client that gives up gets the error of its context at once. Whether the Server
// processes its request depends on the fault.
func TestServer_clientGivesUp(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		fault     trengotest.Fault
		latency   time.Duration
		processed bool // when the client gives up
		later     bool // a minute after that
	}{
		{name: "Slow has processed the request", fault: trengotest.Slow(time.Minute), processed: true, later: true},
		{name: "Late processes the request later", fault: trengotest.Late(time.Minute), later: true},
		{name: "latency does not stop a request", latency: time.Minute, later: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				srv := newServer()
				srv.Behavior.Latency = tt.latency
				srv.Inject(tt.fault)
				a := newAPI(t, srv)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				start := time.Now()
				_, err := srv.RoundTrip(a.request(create.method, create.path, create.body).WithContext(ctx))
				if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 5*time.Second {
					t.Errorf("got error %v after %v", err, time.Since(start))
				}
				if processed := len(srv.Contacts()) == 1; processed != tt.processed {
					t.Errorf("processed when the client gave up: %v, want %v", processed, tt.processed)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if later := len(srv.Contacts()) == 1; later != tt.later {
					t.Errorf("processed a minute later: %v, want %v", later, tt.later)
				}
				if seen := srv.Requests()[0]; seen.Status != 0 {
					t.Errorf("recorded status %d, want 0", seen.Status)
				}
			})
		})
	}
}

func TestServer_clientTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := trengotest.New()
		srv.Inject(trengotest.Slow(time.Minute))
		a := newAPI(t, srv)
		a.client.Timeout = time.Second
		start := time.Now()
		_, err := a.try("GET", "/contacts", nil)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("got error %v after %v", err, time.Since(start))
		}
	})
}

func TestBehavior_Latency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := newServer()
		srv.Behavior.Latency = 300 * time.Millisecond
		a := newAPI(t, srv)
		start := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			a.do(create.method, create.path, create.body)
		}()
		time.Sleep(149 * time.Millisecond)
		if len(srv.Contacts()) != 0 {
			t.Error("processed in the first half of the latency")
		}
		time.Sleep(2 * time.Millisecond)
		if len(srv.Contacts()) != 1 {
			t.Error("not processed after half of the latency")
		}
		<-done
		if took := time.Since(start); took != 300*time.Millisecond {
			t.Errorf("took %v, want 300ms", took)
		}
	})
}
