package leaks

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// One connection is enough for calls one after the other, although half of them
// fail with a large body. net/http gives up a connection if the machine is too
// busy to note within 50 ms that a request was written, so the connections are
// in memory and time is virtual.
func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := fixtures.New(t)
		srv.SetRateLimit(fixtures.Unlimited)
		page := string(make([]byte, 100<<10))
		srv.InjectFunc(func(r trengotest.Request) trengotest.Fault {
			if r.Seq%2 == 0 {
				return trengotest.Respond(404, "text/html", page)
			}
			return trengotest.Fault{}
		})
		network := make(memoryNetwork)
		server := &http.Server{Handler: srv}
		go server.Serve(network)
		defer server.Close()
		var dials atomic.Int32
		client := fixtures.NewClient(t, &http.Transport{DialTLSContext: func(context.Context, string, string) (net.Conn, error) {
			dials.Add(1)
			return network.dial(), nil
		}}, trengo.WithRateLimit(fixtures.Unlimited))
		for range 50 {
			_ = client.Do(t.Context(), trengo.Request{Path: "/contacts"}, nil)
		}
		if n := len(srv.Requests()); n != 50 {
			t.Errorf("%d requests for 50 calls", n)
		}
		if n := dials.Load(); n != 1 {
			t.Errorf("%d connections for 50 calls one after the other", n)
		}
	})
}

// A memoryNetwork is a net.Listener for connections within the process. Each
// value in it is the server's end of one.
type memoryNetwork chan net.Conn

func (n memoryNetwork) dial() net.Conn {
	client, server := net.Pipe()
	n <- server
	return client
}

func (n memoryNetwork) Accept() (net.Conn, error) {
	conn, ok := <-n
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (n memoryNetwork) Close() error { close(n); return nil }

func (n memoryNetwork) Addr() net.Addr { return &net.UnixAddr{Net: "unix", Name: "memory"} }
