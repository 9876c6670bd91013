package leaks

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// TestNothingIsLeft makes 10,000 calls of every kind. They meet every kind of
// failure, so that there are retries, and some are canceled. It is not parallel
// to other tests, because it counts goroutines.
func TestNothingIsLeft(t *testing.T) {
	const calls, goroutines = 10_000, 64
	srv := fixtures.New(t)
	srv.SetRateLimit(fixtures.Unlimited)
	srv.InjectFunc(fault)
	contact := srv.AddContact(trengotest.Contact{Email: "ann@example.com", ChannelIDs: []int64{fixtures.EmailChannel}})
	before := runtime.NumGoroutine()
	server := httptest.NewUnstartedServer(srv)
	var connections connectionCounter
	server.Config.ConnState = connections.note
	server.Start()
	transport := &bodyCounter{Transport: &http.Transport{DialContext: failingDial(), MaxIdleConnsPerHost: goroutines}}
	var attempts, retries, failed atomic.Int32
	client := fixtures.NewClient(t, transport,
		trengo.WithBaseURL(server.URL+"/api/v2"),
		trengo.WithRateLimit(fixtures.Unlimited),
		trengo.WithTimeout(500*time.Millisecond),
		trengo.WithObserver(func(_ context.Context, a trengo.Attempt) {
			attempts.Add(1)
			if a.Number > 1 {
				retries.Add(1)
			}
		}))
	person := fmt.Sprint("/contacts/", contact.ID)
	requests := []trengo.Request{
		{Path: person},
		{Method: http.MethodHead, Path: person},
		{Method: http.MethodPut, Path: person, Body: map[string]string{"name": "Ann"}},
		{Method: http.MethodDelete, Path: "/labels/5"}, // does not exist
		{Method: http.MethodPost, Path: "/labels", Body: map[string]string{"name": "Urgent"}, Repeatable: true},
		{Method: http.MethodPost, Path: "/tickets", Body: map[string]int64{"contact_id": contact.ID, "channel_id": fixtures.EmailChannel}},
	}
	const canceled = 50 // one in so many calls
	var remaining atomic.Int32
	remaining.Store(calls)
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for n := remaining.Add(-1); n >= 0; n = remaining.Add(-1) {
				ctx, cancel := context.WithCancel(t.Context())
				if n%canceled == 0 {
					time.AfterFunc(rand.N(time.Millisecond), cancel)
				}
				if err := client.Do(ctx, requests[int(n)%len(requests)], nil); err != nil {
					failed.Add(1)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	t.Logf("%d calls, %d attempts, %d of them retries; %d calls failed, %d connections",
		calls, attempts.Load(), retries.Load(), failed.Load(), connections.all.Load())
	if open := transport.open.Load(); open != 0 {
		t.Errorf("%d response bodies are not closed", open)
	}
	eventuallyZero(t, "connections with a request", func() int { _, active := connections.count(); return active })
	// The server may learn late that the client has closed one.
	eventuallyZero(t, "connections more than there were calls at a time", func() int {
		open, _ := connections.count()
		return max(0, open-goroutines)
	})
	transport.CloseIdleConnections()
	eventuallyZero(t, "connections", func() int { open, _ := connections.count(); return open })
	server.Close()
	eventuallyZero(t, "goroutines more than before", func() int { return max(0, runtime.NumGoroutine()-before) })
	if n := retries.Load(); n < calls/100 {
		t.Errorf("%d retries, want at least %d with these failures", n, calls/100)
	}
	// Deletes fail. Beside them, only canceled calls and those that are not
	// repeatable may, even if the machine is so busy that attempts time out.
	kind := calls / len(requests)
	if n := int(failed.Load()); n < kind || n > 2*(kind+1)+calls/canceled {
		t.Errorf("%d calls failed, want %d to %d", n, kind, 2*(kind+1)+calls/canceled)
	}
}

// eventuallyZero waits until count returns 0.
func eventuallyZero(t *testing.T, what string, count func() int) {
	t.Helper()
	const longest = 30 * time.Second
	for began := time.Now(); count() != 0; time.Sleep(time.Millisecond) {
		if time.Since(began) > longest {
			t.Errorf("%d %s are left", count(), what)
			return
		}
	}
}

var faults = []trengotest.Fault{
	trengotest.LostBefore(), trengotest.LostAfter(), trengotest.Truncated(), trengotest.RespondHTML(502),
	trengotest.Respond(500, "application/json", `{}`), trengotest.Slow(time.Minute), trengotest.RespondHTML(200),
}

// fault makes every fiftieth request fail, each time in another way. A 429 is
// rarer, because it stops all calls for a while.
func fault(r trengotest.Request) trengotest.Fault {
	switch {
	case r.Seq%4000 == 2001:
		return trengotest.TooManyRequests("0")
	case r.Seq%50 == 0:
		return faults[r.Seq/50%len(faults)]
	default:
		return trengotest.Fault{}
	}
}

// failingDial returns a dial function that fails every tenth time.
func failingDial() func(ctx context.Context, network, addr string) (net.Conn, error) {
	var dials atomic.Int32
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if dials.Add(1)%10 == 0 {
			return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
		}
		var d net.Dialer
		return d.DialContext(ctx, network, addr)
	}
}

// A connectionCounter counts the connections of a server.
type connectionCounter struct {
	all    atomic.Int32
	states sync.Map // of http.ConnState by net.Conn
}

func (c *connectionCounter) note(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		c.all.Add(1)
		c.states.Store(conn, state)
	case http.StateClosed, http.StateHijacked:
		c.states.Delete(conn)
	default:
		c.states.Store(conn, state)
	}
}

// count returns how many connections are open, and how many of them have a
// request. A connection may be open and new: it came too late for its request.
func (c *connectionCounter) count() (open, active int) {
	c.states.Range(func(_, state any) bool {
		open++
		if state == http.StateActive {
			active++
		}
		return true
	})
	return open, active
}

// A bodyCounter counts the response bodies that are open.
type bodyCounter struct {
	*http.Transport
	open atomic.Int64
}

func (c *bodyCounter) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	c.open.Add(1)
	resp.Body = &countedBody{ReadCloser: resp.Body, open: &c.open}
	return resp, nil
}

type countedBody struct {
	io.ReadCloser
	open   *atomic.Int64
	closed sync.Once
}

func (b *countedBody) Close() error {
	b.closed.Do(func() { b.open.Add(-1) })
	return b.ReadCloser.Close()
}
