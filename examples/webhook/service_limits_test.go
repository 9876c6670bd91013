package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

// pipes is a listener for connections in memory, which work in virtual time. They
// are unbuffered: a write ends only when the other side reads.
type pipes struct {
	dialed chan net.Conn
	closed chan struct{}
	close  func()
}

func newPipes() *pipes {
	p := &pipes{dialed: make(chan net.Conn), closed: make(chan struct{})}
	p.close = sync.OnceFunc(func() { close(p.closed) })
	return p
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.dialed:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.close()
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.dialed <- there:
		return here, nil
	case <-p.closed:
		return nil, errors.New("connection refused")
	}
}

// send opens a connection and sends data on it.
func (p *pipes) send(t *testing.T, data string) net.Conn {
	t.Helper()
	conn, err := p.dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, data); err != nil {
		t.Fatal(err)
	}
	return conn
}

// A 429 is delayed. After an immediate one RudderStack would try all its events
// and then leave Trengo idle.
func TestLimits_rateLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		fx := newFixtureOn(t, p, nil)
		sender := &http.Client{Transport: &http.Transport{DialContext: p.dial, DisableKeepAlives: true}}
		fx.trengo.Inject(trengotest.TooManyRequests("60"))
		start := time.Now()
		status, response, err := fx.post(sender, annIdentify)
		if elapsed := time.Since(start); err != nil || status != http.StatusTooManyRequests || elapsed != defaultLimits.delivery {
			t.Errorf("%d %s %v after %s", status, response, err, elapsed)
		}
	})
}

// A sender that does not read its response is disconnected.
func TestLimits_response(t *testing.T) {
	t.Parallel()
	const longest = 13 * time.Second // delivery and response
	for after, want := range map[time.Duration]string{longest - time.Millisecond: "HTTP/1.1 200 OK\r\n", longest + time.Millisecond: ""} {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPipes()
				newFixtureOn(t, p, nil)
				conn := p.send(t, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
				time.Sleep(after)
				if line, err := bufio.NewReader(conn).ReadString('\n'); line != want {
					t.Errorf("%q, %v; want %q", line, err, want)
				}
			})
		})
	}
}

// A shutdown waits for a request whose delivery and response take almost as long
// as they can.
func TestLimits_shutdown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		fx := newFixtureOn(t, p, nil)
		fx.trengo.Inject(trengotest.TooManyRequests("60"))
		conn := p.send(t, fmt.Sprintf("POST /events HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			fx.secret, len(annIdentify), annIdentify))
		synctest.Wait() // until the request is in flight
		start := time.Now()
		stopped := make(chan error, 1)
		go func() { stopped <- fx.stop() }()
		time.Sleep(defaultLimits.delivery + defaultLimits.response - time.Second)
		if line, err := bufio.NewReader(conn).ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 429 ") {
			t.Errorf("%q, %v", line, err)
		}
		err := <-stopped
		if elapsed := time.Since(start); err != nil || elapsed < 12*time.Second || elapsed > 13*time.Second {
			t.Errorf("stopped after %s: %v", elapsed, err)
		}
	})
}
