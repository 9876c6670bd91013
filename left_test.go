package trengo_test

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
	"github.com/trengo-go/trengo/trengotest"
)

// TestNothingIsLeft makes many calls of every kind, with everything that can go
// wrong and the retries that come of it, and then looks for what they left
// behind.
func TestNothingIsLeft(t *testing.T) {
	const calls, goroutines = 10_000, 64
	srv := faultyServer()
	channel := srv.AddChannel(trengotest.Channel{Type: "EMAIL"})
	contact := srv.AddContact(trengotest.Contact{Email: "ann@example.com", ChannelIDs: []int64{channel.ID}})
	before := runtime.NumGoroutine()
	server := httptest.NewUnstartedServer(srv)
	var connections connectionCounter
	server.Config.ConnState = connections.note
	server.Start()
	transport := &bodyCounter{Transport: &http.Transport{DialContext: dialSometimes, MaxIdleConnsPerHost: goroutines}}
	var attempts, retries, failed atomic.Int32
	client, err := trengo.NewClient(trengotest.Token,
		trengo.WithBaseURL(server.URL+"/api/v2"),
		trengo.WithHTTPClient(&http.Client{Transport: transport}),
		trengo.WithRateLimit(1_000_000),
		trengo.WithTimeout(500*time.Millisecond),
		trengo.WithObserver(func(a trengo.Attempt) {
			attempts.Add(1)
			if a.Number > 1 {
				retries.Add(1)
			}
		}))
	if err != nil {
		t.Fatal(err)
	}
	person := fmt.Sprint("/contacts/", contact.ID)
	requests := []trengo.Request{
		{Path: person},
		{Method: http.MethodHead, Path: person},
		{Method: http.MethodPut, Path: person, Body: map[string]string{"name": "Ann"}},
		{Method: http.MethodDelete, Path: "/labels/5"},
		{Method: http.MethodPost, Path: "/labels", Body: map[string]string{"name": "Urgent"}, Repeatable: true},
		{Method: http.MethodPost, Path: "/tickets", Body: map[string]int64{"contact_id": contact.ID, "channel_id": channel.ID}},
	}
	var left atomic.Int32
	left.Store(calls)
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for n := left.Add(-1); n >= 0; n = left.Add(-1) {
				ctx, cancel := context.WithCancel(t.Context())
				if n%50 == 0 {
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
		t.Errorf("%d bodies are not closed", open)
	}
	soon(t, "connections with a request", func() int { _, active := connections.count(); return active })
	if open, _ := connections.count(); open > goroutines {
		t.Errorf("%d connections are open", open)
	}
	transport.CloseIdleConnections()
	soon(t, "connections", func() int { open, _ := connections.count(); return open })
	server.Close()
	soon(t, "goroutines more than before", func() int { return max(0, runtime.NumGoroutine()-before) })
	if n := retries.Load(); n < calls/100 {
		t.Errorf("%d retries: that is not what the faults make", n)
	}
	if n := failed.Load(); n < calls/6 || n > calls/3 {
		t.Errorf("%d calls failed: that is not what the faults make", n)
	}
}

// soon waits until there are none of something.
func soon(t *testing.T, of string, count func() int) {
	t.Helper()
	const longest = 10 * time.Second
	for began := time.Now(); count() != 0; time.Sleep(time.Millisecond) {
		if time.Since(began) > longest {
			t.Errorf("%d %s are left", count(), of)
			return
		}
	}
}

// faultyServer is a server with faults in some of its answers. One in a few
// thousand is a 429, because that holds all calls up.
func faultyServer() *trengotest.Server {
	srv := trengotest.New()
	srv.SetRateLimit(1_000_000)
	faults := []trengotest.Fault{
		trengotest.LostBefore(), trengotest.LostAfter(), trengotest.Truncated(), trengotest.RespondHTML(502),
		trengotest.Respond(500, "application/json", `{}`), trengotest.Slow(time.Minute), trengotest.RespondHTML(200),
	}
	srv.InjectFunc(func(r trengotest.Request) trengotest.Fault {
		switch {
		case r.Seq%4000 == 2000:
			return trengotest.TooManyRequests("0")
		case rand.IntN(50) == 0:
			return faults[rand.IntN(len(faults))]
		default:
			return trengotest.Fault{}
		}
	})
	return srv
}

// dialSometimes fails for every tenth dial.
func dialSometimes(ctx context.Context, network, addr string) (net.Conn, error) {
	if rand.IntN(10) == 0 {
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	var d net.Dialer
	return d.DialContext(ctx, network, addr)
}

// A connectionCounter counts the connections that a server has.
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

// count does not take a connection that was dialled too late for its request
// for an active one.
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

// A bodyCounter counts the bodies of answers that are open.
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
