package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

const (
	annIdentify = `{"type":"identify","messageId":"6513270e-269e-4d37-b2a7-4de452e6b438","traits":{"email":"ann@example.com","name":"Ann Lee"}}`
	annOrder    = `{"type":"track","messageId":"1772442038977-2217bead-dbc4-46cb-8e81-973e0becd7b0","event":"Order Completed","properties":{"email":"ann@example.com","order_id":1001}}`
)

// noEnv is an empty environment, with which the service uses the fake.
func noEnv(string) string { return "" }

// A fixture is a running service.
type fixture struct {
	url, addr, secret string
	trengo            *trengotest.Server
	logs              *buffer
	stop              func() error // returns when the service has stopped
}

// newFixture serves until the test ends. A change that is not nil adapts the
// settings first.
func newFixture(tb testing.TB, change func(*settings)) *fixture {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	return newFixtureOn(tb, listener, change)
}

func newFixtureOn(tb testing.TB, listener net.Listener, change func(*settings)) *fixture {
	tb.Helper()
	s := newSettings()
	if err := s.flags(noEnv).Parse(nil); err != nil {
		tb.Fatal(err)
	}
	if err := s.load(0, noEnv); err != nil {
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
	stopped := make(chan error, 1)
	go func() { stopped <- svc.serve(ctx, listener) }()
	addr := listener.Addr().String()
	fx := &fixture{url: "http://" + addr, addr: addr, secret: s.secrets[0], trengo: s.fake, logs: logs}
	fx.stop = sync.OnceValue(func() error {
		cancel()
		return <-stopped
	})
	tb.Cleanup(func() {
		if err := fx.stop(); err != nil {
			tb.Error(err)
		}
	})
	return fx
}

// post sends a body as RudderStack does. header alternates names and values; an
// empty value removes a header.
func (fx *fixture) post(sender *http.Client, body string, header ...string) (status int, response string, err error) {
	request, err := http.NewRequest(http.MethodPost, fx.url+"/events", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Authorization", fx.secret)
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			request.Header.Del(header[i])
		}
	}
	return do(sender, request)
}

func (fx *fixture) get(tb testing.TB, sender *http.Client, path string) (status int, response string) {
	tb.Helper()
	request, err := http.NewRequest(http.MethodGet, fx.url+path, http.NoBody)
	if err != nil {
		tb.Fatal(err)
	}
	status, response, err = do(sender, request)
	if err != nil {
		tb.Fatal(err)
	}
	return status, response
}

// checkHealthy sends the first event of a person, whom it names after what
// happened before.
func (fx *fixture) checkHealthy(t *testing.T, sender *http.Client, after string) {
	t.Helper()
	if status, response := fx.get(t, sender, "/healthz"); status != http.StatusOK {
		t.Errorf("after %s: healthz: %d %s", after, status, response)
	}
	body := fmt.Sprintf(`{"type":"identify","traits":{"email":"%s@example.com"}}`, strings.ReplaceAll(after, " ", "."))
	if status, response, err := fx.post(sender, body); status != http.StatusOK || !strings.Contains(response, "contact_created") {
		t.Errorf("after %s: %d %s %v", after, status, response, err)
	}
}

// heap returns the size of the heap without what only the test keeps.
func (fx *fixture) heap() uint64 {
	fx.trengo.ResetRequests()
	fx.logs.reset()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func do(sender *http.Client, request *http.Request) (status int, response string, err error) {
	resp, err := sender.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(data), err
}

// newSender returns a client that keeps its connections, as RudderStack does.
func newSender(tb testing.TB) *http.Client {
	tb.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	tb.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A buffer is safe for concurrent use.
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

// eventually waits for something that another goroutine or process does.
func eventually(tb testing.TB, what string, happened func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(10 * time.Second); !happened(); {
		if time.Now().After(deadline) {
			tb.Fatalf("not within ten seconds: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
