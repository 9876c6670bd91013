package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

// noEnv is an empty environment: the service runs on the stand-in.
func noEnv(string) string { return "" }

// A running is a service at work.
type running struct {
	url, addr, secret string
	trengo            *trengotest.Server
	logs              *buffer
	end               func() error // and waits until it has ended
}

// start serves until the test ends. change, if it is not nil, sees the
// settings first.
func start(tb testing.TB, change func(*settings)) *running {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	return startOn(tb, listener, change)
}

func startOn(tb testing.TB, listener net.Listener, change func(*settings)) *running {
	tb.Helper()
	s := newSettings()
	if err := s.flags(noEnv).Parse(nil); err != nil {
		tb.Fatal(err)
	}
	if err := s.read(0, noEnv); err != nil {
		tb.Fatal(err)
	}
	if change != nil {
		change(s)
	}
	logs := new(buffer)
	svc, err := newService(s, newLogger(logs, s.logLevel))
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- svc.serve(ctx, listener) }()
	addr := listener.Addr().String()
	r := &running{url: "http://" + addr, addr: addr, secret: s.secrets[0], trengo: s.standIn, logs: logs}
	r.end = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	tb.Cleanup(func() {
		if err := r.end(); err != nil {
			tb.Error(err)
		}
	})
	return r
}

// newSender returns a client that keeps its connections, as RudderStack does.
func newSender(tb testing.TB) *http.Client {
	tb.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	tb.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

// post sends a body as RudderStack does. Headers come as names and values in
// turn; an empty value takes a header away.
func (r *running) post(sender *http.Client, body string, header ...string) (status int, answer string, err error) {
	request, err := http.NewRequest(http.MethodPost, r.url+"/events", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Authorization", r.secret)
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			request.Header.Del(header[i])
		}
	}
	return do(sender, request)
}

func (r *running) get(tb testing.TB, sender *http.Client, path string) (status int, answer string) {
	tb.Helper()
	request, err := http.NewRequest(http.MethodGet, r.url+path, http.NoBody)
	if err != nil {
		tb.Fatal(err)
	}
	status, answer, err = do(sender, request)
	if err != nil {
		tb.Fatal(err)
	}
	return status, answer
}

func do(sender *http.Client, request *http.Request) (status int, answer string, err error) {
	resp, err := sender.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(data), err
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A buffer may be read while it is written.
type buffer struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.data.String()
}

func (b *buffer) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.data = bytes.Buffer{}
}

// eventually waits for what another goroutine or process does.
func eventually(tb testing.TB, what string, happened func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(10 * time.Second); !happened(); {
		if time.Now().After(deadline) {
			tb.Fatalf("in ten seconds: never %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
