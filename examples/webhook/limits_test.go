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

// pipes are connections in memory, for virtual time. They have no buffer: what
// is not read is not sent either.
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

// say opens a connection and begins a request on it.
func (p *pipes) say(t *testing.T, what string) net.Conn {
	t.Helper()
	conn, err := p.dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, what); err != nil {
		t.Fatal(err)
	}
	return conn
}

// RudderStack, told 429 at once, would run through all its events and then
// leave Trengo idle.
func TestLimits_refusalIsHeld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		r := startOn(t, p, nil)
		sender := &http.Client{Transport: &http.Transport{DialContext: p.dial, DisableKeepAlives: true}}
		r.trengo.Inject(trengotest.TooManyRequests("60"))
		began := time.Now()
		status, answer, err := r.post(sender, ann)
		if took := time.Since(began); err != nil || status != http.StatusTooManyRequests || took != defaultLimits.budget {
			t.Errorf("%d %s %v after %s", status, answer, err, took)
		}
	})
}

// An answer that nobody reads does not keep its connection.
func TestLimits_answerIsNotRead(t *testing.T) {
	t.Parallel()
	const most = 13 * time.Second // the work and the answer
	for after, want := range map[time.Duration]string{most - time.Millisecond: "HTTP/1.1 200 OK\r\n", most + time.Millisecond: ""} {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPipes()
				startOn(t, p, nil)
				conn := p.say(t, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
				time.Sleep(after)
				if line, err := bufio.NewReader(conn).ReadString('\n'); line != want {
					t.Errorf("%q, %v; want %q", line, err, want)
				}
			})
		})
	}
}

// Told to end, the service waits for a request that takes almost as long as
// any can, for the work and for the answer.
func TestLimits_end(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		r := startOn(t, p, nil)
		r.trengo.Inject(trengotest.TooManyRequests("60"))
		conn := p.say(t, fmt.Sprintf("POST /events HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			r.secret, len(ann), ann))
		synctest.Wait() // until it is at work
		began := time.Now()
		ended := make(chan error, 1)
		go func() { ended <- r.end() }()
		time.Sleep(defaultLimits.budget + defaultLimits.answer - time.Second)
		if line, err := bufio.NewReader(conn).ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 429 ") {
			t.Errorf("%q, %v", line, err)
		}
		err := <-ended
		if took := time.Since(began); err != nil || took < 12*time.Second || took > 13*time.Second {
			t.Errorf("it ended after %s: %v", took, err)
		}
	})
}
