package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// withShortLimits sets limits that a test can wait for.
func withShortLimits(s *settings) {
	s.limits = limits{header: 500 * time.Millisecond, delivery: time.Second, response: time.Second, idle: time.Second}
}

// Senders that stop in the middle of a request are disconnected, however many
// they are. It counts goroutines, so it does not run in parallel.
func TestHostile_stalledSenders(t *testing.T) {
	fx, sender := newFixture(t, withShortLimits), newSender(t)
	fx.checkHealthy(t, sender, "start")
	before := runtime.NumGoroutine()
	const rest = "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
	parts := map[string]string{
		"nothing":                  "",
		"half a line":              "POST /ev",
		"half a header":            "POST /events HTTP/1.1\r\nHost: x\r\nAuthor",
		"half a body":              "POST /events HTTP/1.1\r\nHost: x\r\nAuthorization: " + fx.secret + "\r\n" + rest + `{"type":`,
		"half a body, no secret":   "POST /events HTTP/1.1\r\nHost: x\r\n" + rest + `{"type":`,
		"half a body, other route": "GET /healthz HTTP/1.1\r\nHost: x\r\n" + rest + "x",
		"half a body, not a route": "POST / HTTP/1.1\r\nHost: x\r\n" + rest + "x",
	}
	status := map[string]string{"half a body": "HTTP/1.1 408 ", "half a body, no secret": "HTTP/1.1 401 "}
	var stalled sync.WaitGroup
	for range 20 {
		for name, part := range parts {
			stalled.Go(func() {
				response, err := stall(fx.addr, part)
				if err != nil || !strings.HasPrefix(response, status[name]) {
					t.Errorf("%s: %q, %v", name, response, err)
				}
			})
		}
	}
	fx.checkHealthy(t, sender, "stalled senders connected")
	stalled.Wait()
	fx.checkHealthy(t, sender, "stalled senders disconnected")
	sender.CloseIdleConnections()
	eventually(t, "all goroutines of the senders have ended", func() bool { return runtime.NumGoroutine() <= before })
}

// stall sends data and then nothing. It returns what it receives until the
// service closes the connection.
func stall(addr, data string) (response string, err error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, data); err != nil {
		return "", err
	}
	received, err := io.ReadAll(conn)
	return string(received), err
}

// The limit of the header counts for the header as a whole, not for each byte.
func TestHostile_slowHeader(t *testing.T) {
	t.Parallel()
	fx := newFixture(t, func(s *settings) { s.limits.header, s.limits.delivery = 100*time.Millisecond, time.Hour })
	conn, err := net.Dial("tcp", fx.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST /events HTTP/1.1\r\nX: "); err != nil {
		t.Fatal(err)
	}
	eventually(t, "disconnected", func() bool {
		time.Sleep(10 * time.Millisecond)
		_, err := conn.Write([]byte("x"))
		return err != nil
	})
}

// The limit of the delivery counts for the body.
func TestHostile_slowBody(t *testing.T) {
	t.Parallel()
	fx := newFixture(t, func(s *settings) { s.limits.header, s.limits.delivery = time.Hour, 100*time.Millisecond })
	response, err := stall(fx.addr, "POST /events HTTP/1.1\r\nHost: x\r\nAuthorization: "+fx.secret+"\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
	if err != nil || !strings.HasPrefix(response, "HTTP/1.1 408 ") {
		t.Errorf("%q, %v", response, err)
	}
}

func compress(tb testing.TB, data []byte) string {
	tb.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}

func TestHostile_requests(t *testing.T) {
	t.Parallel()
	fx, sender := newFixture(t, nil), newSender(t)
	bomb := compress(t, make([]byte, 20<<20))
	good := compress(t, []byte(annIdentify))
	for _, tt := range []struct {
		name, body string
		header     []string
		status     int
	}{
		{name: "oversized body", body: strings.Repeat(" ", 4<<20+1), status: http.StatusRequestEntityTooLarge},
		{name: "gzip bomb", body: bomb, header: []string{"Content-Encoding", "gzip"}, status: http.StatusRequestEntityTooLarge},
		{name: "broken gzip", body: "{}", header: []string{"Content-Encoding", "gzip"}, status: http.StatusBadRequest},
		{name: "truncated gzip", body: good[:len(good)-9], header: []string{"Content-Encoding", "gzip"}, status: http.StatusBadRequest},
		{name: "gzip", body: good, header: []string{"Content-Encoding", "gzip"}, status: http.StatusOK},
		{name: "unknown encoding", body: annIdentify, header: []string{"Content-Encoding", "br"}, status: http.StatusUnsupportedMediaType},
		{name: "wrong secret", body: annIdentify, header: []string{"Authorization", "Bearer hush"}, status: http.StatusUnauthorized},
		{name: "oversized body without a secret", body: strings.Repeat(" ", 4<<20+1), header: []string{"Authorization", ""}, status: http.StatusUnauthorized},
		{name: "wrong content type", body: annIdentify, header: []string{"Content-Type", "text/plain"}, status: http.StatusUnsupportedMediaType},
		{name: "without a content type", body: annIdentify, header: []string{"Content-Type", ""}, status: http.StatusUnsupportedMediaType},
		{name: "oversized header", body: annIdentify, header: []string{"X", strings.Repeat("x", 1<<20)}, status: http.StatusRequestHeaderFieldsTooLarge},
		{name: "unterminated array", body: strings.Repeat("[", 1<<20), status: http.StatusBadRequest},
		{name: "array of too many events", body: "[" + strings.Repeat("{},", 1000) + "{}]", status: http.StatusRequestEntityTooLarge},
	} {
		status, response, err := fx.post(sender, tt.body, tt.header...)
		// A sender that is refused while it sends may not get the response.
		disconnected := err != nil && len(tt.body)+len(strings.Join(tt.header, "")) > 256<<10
		if status != tt.status && !disconnected {
			t.Errorf("%s: %d %s %v, want %d", tt.name, status, response, err, tt.status)
		}
		logged := strings.Contains(fx.logs.String(), `"level":"WARN","msg":"request","status":`+strconv.Itoa(tt.status))
		if !logged && tt.status >= http.StatusBadRequest && tt.status != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s: not in the log", tt.name)
		}
		fx.logs.reset()
		fx.checkHealthy(t, sender, tt.name)
	}
}

// seed makes the random bodies the same in every run.
const seed = 20261122

// Ten thousand random bodies do not leave anything behind in the service. It
// counts goroutines and measures the heap, so it does not run in parallel.
func TestHostile_randomBodies(t *testing.T) {
	fx, sender := newFixture(t, nil), newSender(t)
	fx.checkHealthy(t, sender, "start")
	goroutines := runtime.NumGoroutine()
	var heap [2]uint64
	var lines [2]int
	sent := 0
	for i, upTo := range []int{2_000, 10_000} {
		sendRandomBodies(t, fx, sender, sent, upTo)
		sent = upTo
		fx.checkHealthy(t, sender, fmt.Sprint(upTo, " bodies"))
		_, metrics := fx.get(t, sender, "/metrics")
		lines[i] = strings.Count(metrics, "\n")
		sender.CloseIdleConnections()
		eventually(t, "all goroutines of the senders have ended", func() bool { return runtime.NumGoroutine() <= goroutines })
		heap[i] = fx.heap()
		t.Logf("after %d bodies: heap %d KB, %d lines of metrics, %d contacts", upTo, heap[i]>>10, lines[i], len(fx.trengo.Contacts()))
	}
	if heap[1] > heap[0]+1<<20 {
		t.Errorf("the heap grew from %d KB to %d KB", heap[0]>>10, heap[1]>>10)
	}
	// A rare status may have occurred for the first time.
	if lines[1] > lines[0]+5 {
		t.Errorf("the metrics grew from %d to %d lines", lines[0], lines[1])
	}
}

func sendRandomBodies(t *testing.T, fx *fixture, sender *http.Client, from, upTo int) {
	t.Helper()
	var sending sync.WaitGroup
	const workers = 16
	for n := range workers {
		sending.Go(func() {
			for i := from + n; i < upTo; i += workers {
				body, header := randomBody(t, uint64(i))
				status, response, err := fx.post(sender, body, header...)
				switch status {
				case http.StatusOK, http.StatusBadRequest, http.StatusServiceUnavailable:
				default:
					t.Errorf("seed %d, body %d %.200q: %d %s %v", seed, i, body, status, response, err)
				}
				if strings.Count(response, "\n") != 1 || !strings.HasSuffix(response, "}\n") {
					t.Errorf("seed %d, body %d: the response is not a line of JSON: %q", seed, i, response)
				}
			}
		})
	}
	sending.Wait()
}

// randomBody returns body number i: random bytes, or events with random changes,
// some of them in an array or compressed.
func randomBody(tb testing.TB, i uint64) (body string, header []string) {
	tb.Helper()
	random := rand.New(rand.NewPCG(seed, i))
	data := []byte([]string{annIdentify, annOrder, "[" + annIdentify + "," + annOrder + "]"}[random.IntN(3)])
	if random.IntN(4) == 0 {
		data = randomBytes(random, random.IntN(4<<10))
	}
	for range random.IntN(4) {
		at := random.IntN(len(data) + 1)
		switch rest := data[at:]; random.IntN(4) {
		case 0:
			data = data[:at]
		case 1:
			data = append(data[:at:at], append(randomBytes(random, random.IntN(8)), rest...)...)
		case 2:
			data = append(data[:at:at], rest[random.IntN(len(rest)+1):]...)
		case 3:
			data = append(data, rest...)
		}
	}
	switch random.IntN(20) {
	case 0:
		return string(data), []string{"Content-Encoding", "gzip"}
	case 1:
		return compress(tb, data), []string{"Content-Encoding", "gzip"}
	}
	return string(data), nil
}

func randomBytes(random *rand.Rand, n int) []byte {
	const likely = `{}[]",:\ntrufalse0123456789eE+-. @_$` + "\x00\x7f\xc3\xa9\xff\n"
	data := make([]byte, n)
	for i := range data {
		data[i] = likely[random.IntN(len(likely))]
	}
	return data
}
