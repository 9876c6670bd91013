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
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// TestNothingIsLeft makes many calls of every kind through net/http's own
// client and server, with everything that can go wrong and the retries that
// come of it, and then looks for what they left behind. The bubble does not end
// while there is a goroutine of theirs.
func TestNothingIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const calls, goroutines = 10_000, 32
		srv := faultyServer()
		channel := srv.AddChannel(trengotest.Channel{Type: "EMAIL"})
		contact := srv.AddContact(trengotest.Contact{Email: "ann@example.com", ChannelIDs: []int64{channel.ID}})
		server := httptest.NewUnstartedServer(srv)
		server.Listener.Close()
		listener := pipes{accept: make(chan net.Conn), closed: make(chan struct{})}
		server.Listener = &closeOnce{Listener: listener}
		var connections connectionCounter
		server.Config.ConnState = connections.note
		server.Start()
		transport := &bodyCounter{Transport: &http.Transport{DialContext: listener.dialSometimes, MaxIdleConnsPerHost: goroutines}}
		var attempts, retries, failed atomic.Int32
		client, err := trengo.NewClient(trengotest.Token,
			trengo.WithBaseURL("http://localhost/api/v2"),
			trengo.WithHTTPClient(&http.Client{Transport: transport}),
			trengo.WithRateLimit(1_000_000),
			trengo.WithObserver(func(a trengo.Attempt) {
				attempts.Add(1)
				if a.Number > 1 {
					retries.Add(1)
				}
			}))
		if err != nil {
			t.Fatal(err)
		}
		requests := []trengo.Request{
			{Path: fmt.Sprint("/contacts/", contact.ID)},
			{Method: http.MethodHead, Path: fmt.Sprint("/contacts/", contact.ID)},
			{Method: http.MethodPut, Path: fmt.Sprint("/contacts/", contact.ID), Body: map[string]string{"name": "Ann"}},
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
						time.AfterFunc(rand.N(50*time.Millisecond), cancel)
					}
					if err := client.Do(ctx, requests[int(n)%len(requests)], nil); err != nil {
						failed.Add(1)
					}
					cancel()
				}
			})
		}
		wg.Wait()
		synctest.Wait()
		t.Logf("%d calls, %d attempts, %d of them retries; %d calls failed, %d connections", calls, attempts.Load(), retries.Load(), failed.Load(), connections.all.Load())
		if open := transport.open.Load(); open != 0 {
			t.Errorf("%d bodies are not closed", open)
		}
		if open, idle := connections.count(); open != idle || idle > goroutines {
			t.Errorf("%d connections are open, %d of them idle", open, idle)
		}
		transport.CloseIdleConnections()
		synctest.Wait()
		if open, _ := connections.count(); open != 0 {
			t.Errorf("%d connections are open", open)
		}
		server.Close()
		if n := retries.Load(); n < calls/20 {
			t.Errorf("%d retries: that is not what the faults make", n)
		}
		if n := failed.Load(); n < calls/50 || n > calls/2 {
			t.Errorf("%d calls failed: that is not what the faults make", n)
		}
	})
}

// faultyServer is a server of whose answers every tenth is a fault.
func faultyServer() *trengotest.Server {
	srv := trengotest.New()
	srv.SetRateLimit(1_000_000)
	srv.Behavior.Latency = 20 * time.Millisecond
	faults := []trengotest.Fault{
		trengotest.LostBefore(), trengotest.LostAfter(), trengotest.Truncated(), trengotest.RespondHTML(502),
		trengotest.Respond(500, "application/json", `{}`), trengotest.Slow(time.Minute), trengotest.RespondHTML(200),
		trengotest.TooManyRequests("0"), trengotest.TooManyRequests("1"), trengotest.TooManyRequests(""),
	}
	srv.InjectFunc(func(trengotest.Request) trengotest.Fault {
		if rand.IntN(10) > 0 {
			return trengotest.Fault{}
		}
		return faults[rand.IntN(len(faults))]
	})
	return srv
}

// closeOnce is closed by both an httptest.Server and the http.Server in it.
type closeOnce struct {
	net.Listener
	once sync.Once
}

func (l *closeOnce) Close() (err error) {
	l.once.Do(func() { err = l.Listener.Close() })
	return err
}

// dialSometimes fails for every tenth dial.
func (p pipes) dialSometimes(ctx context.Context, _, _ string) (net.Conn, error) {
	if rand.IntN(10) == 0 {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	here, there := net.Pipe()
	select {
	case p.accept <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
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

func (c *connectionCounter) count() (open, idle int) {
	c.states.Range(func(_, state any) bool {
		open++
		if state == http.StateIdle {
			idle++
		}
		return true
	})
	return open, idle
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
