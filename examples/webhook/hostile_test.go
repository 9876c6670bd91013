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

// checkHealthy sends somebody's first event.
func (r *running) checkHealthy(t *testing.T, sender *http.Client, who string) {
	t.Helper()
	if status, answer := r.get(t, sender, "/healthz"); status != http.StatusOK {
		t.Errorf("after %s: healthz says %d %s", who, status, answer)
	}
	body := fmt.Sprintf(`{"type":"identify","traits":{"email":"%s@example.com"}}`, strings.ReplaceAll(who, " ", "."))
	if status, answer, err := r.post(sender, body); status != http.StatusOK || !strings.Contains(answer, "contact_created") {
		t.Errorf("after %s: %d %s %v", who, status, answer, err)
	}
}

// brief are limits that a test can wait for.
func brief(s *settings) {
	s.limits = limits{header: 500 * time.Millisecond, budget: time.Second, answer: time.Second, idle: time.Second}
}

// Many who say less than they promised, and nothing more, are hung up on.
func TestHostile_dawdlers(t *testing.T) {
	r, sender := start(t, brief), newSender(t)
	r.checkHealthy(t, sender, "nobody")
	before := runtime.NumGoroutine()
	const rest = "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
	said := map[string]string{
		"nothing":                    "",
		"half a line":                "POST /ev",
		"half a header":              "POST /events HTTP/1.1\r\nHost: x\r\nAuthor",
		"half a body":                "POST /events HTTP/1.1\r\nHost: x\r\nAuthorization: " + r.secret + "\r\n" + rest + `{"type":`,
		"half a body, and no secret": "POST /events HTTP/1.1\r\nHost: x\r\n" + rest + `{"type":`,
		"half a body elsewhere":      "GET /healthz HTTP/1.1\r\nHost: x\r\n" + rest + "x",
		"half a body nowhere":        "POST / HTTP/1.1\r\nHost: x\r\n" + rest + "x",
	}
	status := map[string]string{"half a body": "HTTP/1.1 408 ", "half a body, and no secret": "HTTP/1.1 401 "}
	var dawdlers sync.WaitGroup
	for range 20 {
		for name, said := range said {
			dawdlers.Go(func() {
				answer, err := dawdle(r.addr, said)
				if err != nil || !strings.HasPrefix(answer, status[name]) {
					t.Errorf("%s: %q, %v", name, answer, err)
				}
			})
		}
	}
	r.checkHealthy(t, sender, "dawdlers came")
	dawdlers.Wait()
	r.checkHealthy(t, sender, "dawdlers went")
	sender.CloseIdleConnections()
	eventually(t, "rid of them", func() bool { return runtime.NumGoroutine() <= before })
}

// dawdle says something, then nothing more, and returns what it is told before
// the connection is closed.
func dawdle(addr, said string) (answer string, err error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, said); err != nil {
		return "", err
	}
	data, err := io.ReadAll(conn)
	return string(data), err
}

// A header that drips in, byte by byte, has no more time than any other, and
// far less than a body.
func TestHostile_drip(t *testing.T) {
	t.Parallel()
	r := start(t, func(s *settings) { s.limits.header, s.limits.budget = 100*time.Millisecond, time.Hour })
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST /events HTTP/1.1\r\nX: "); err != nil {
		t.Fatal(err)
	}
	eventually(t, "hung up on", func() bool {
		time.Sleep(10 * time.Millisecond)
		_, err := conn.Write([]byte("x"))
		return err != nil
	})
}

// And a body has no more time than a delivery.
func TestHostile_slowBody(t *testing.T) {
	t.Parallel()
	r := start(t, func(s *settings) { s.limits.header, s.limits.budget = time.Hour, 100*time.Millisecond })
	answer, err := dawdle(r.addr, "POST /events HTTP/1.1\r\nHost: x\r\nAuthorization: "+r.secret+"\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
	if err != nil || !strings.HasPrefix(answer, "HTTP/1.1 408 ") {
		t.Errorf("%q, %v", answer, err)
	}
}

func zipped(tb testing.TB, data []byte) string {
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
	r, sender := start(t, nil), newSender(t)
	bomb := zipped(t, make([]byte, 20<<20))
	good := zipped(t, []byte(ann))
	for _, tt := range []struct {
		name, body string
		header     []string
		status     int
	}{
		{name: "an oversized body", body: strings.Repeat(" ", 4<<20+1), status: http.StatusRequestEntityTooLarge},
		{name: "a gzip bomb", body: bomb, header: []string{"Content-Encoding", "gzip"}, status: http.StatusRequestEntityTooLarge},
		{name: "a broken gzip", body: "{}", header: []string{"Content-Encoding", "gzip"}, status: http.StatusBadRequest},
		{name: "a cut gzip", body: good[:len(good)-9], header: []string{"Content-Encoding", "gzip"}, status: http.StatusBadRequest},
		{name: "a gzip", body: good, header: []string{"Content-Encoding", "gzip"}, status: http.StatusOK},
		{name: "another encoding", body: ann, header: []string{"Content-Encoding", "br"}, status: http.StatusUnsupportedMediaType},
		{name: "a wrong secret", body: ann, header: []string{"Authorization", "Bearer hush"}, status: http.StatusUnauthorized},
		{name: "an oversized body and no secret", body: strings.Repeat(" ", 4<<20+1), header: []string{"Authorization", ""}, status: http.StatusUnauthorized},
		{name: "a wrong type", body: ann, header: []string{"Content-Type", "text/plain"}, status: http.StatusUnsupportedMediaType},
		{name: "no type", body: ann, header: []string{"Content-Type", ""}, status: http.StatusUnsupportedMediaType},
		{name: "an oversized header", body: ann, header: []string{"X", strings.Repeat("x", 1<<20)}, status: http.StatusRequestHeaderFieldsTooLarge},
		{name: "an array without an end", body: strings.Repeat("[", 1<<20), status: http.StatusBadRequest},
		{name: "an array of too many", body: "[" + strings.Repeat("{},", 1000) + "{}]", status: http.StatusRequestEntityTooLarge},
	} {
		status, answer, err := r.post(sender, tt.body, tt.header...)
		// Who is refused while still sending may be cut off before the answer.
		cutOff := err != nil && len(tt.body)+len(strings.Join(tt.header, "")) > 256<<10
		if status != tt.status && !cutOff {
			t.Errorf("%s: %d %s %v, want %d", tt.name, status, answer, err, tt.status)
		}
		told := strings.Contains(r.logs.String(), `"level":"WARN","msg":"request","status":`+strconv.Itoa(tt.status))
		if !told && tt.status >= http.StatusBadRequest && tt.status != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s: no line in the log", tt.name)
		}
		r.logs.reset()
		r.checkHealthy(t, sender, tt.name)
	}
}

// seed makes the bodies the same in every run.
const seed = 20261122

// Ten thousand bodies of nonsense leave the service as it was.
func TestHostile_randomBodies(t *testing.T) {
	r, sender := start(t, nil), newSender(t)
	r.checkHealthy(t, sender, "nothing")
	goroutines := runtime.NumGoroutine()
	var heap [2]uint64
	var lines [2]int
	sent := 0
	for i, upTo := range []int{2_000, 10_000} {
		sendNonsense(t, r, sender, sent, upTo)
		sent = upTo
		r.checkHealthy(t, sender, fmt.Sprint(upTo, " bodies"))
		_, metrics := r.get(t, sender, "/metrics")
		lines[i] = strings.Count(metrics, "\n")
		sender.CloseIdleConnections()
		eventually(t, "rid of the senders", func() bool { return runtime.NumGoroutine() <= goroutines })
		heap[i] = r.heap()
		t.Logf("after %d bodies: heap %d KB, %d lines of metrics, %d contacts", upTo, heap[i]>>10, lines[i], len(r.trengo.Contacts()))
	}
	if heap[1] > heap[0]+1<<20 {
		t.Errorf("the heap grew from %d KB to %d KB", heap[0]>>10, heap[1]>>10)
	}
	// A status that was rare before may have its first time.
	if lines[1] > lines[0]+5 {
		t.Errorf("%d lines of metrics became %d", lines[0], lines[1])
	}
}

// heap is what is in use, without what only the test keeps.
func (r *running) heap() uint64 {
	r.trengo.ResetRequests()
	r.logs.reset()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func sendNonsense(t *testing.T, r *running, sender *http.Client, from, upTo int) {
	t.Helper()
	var sending sync.WaitGroup
	const atOnce = 16
	for n := range atOnce {
		sending.Go(func() {
			for i := from + n; i < upTo; i += atOnce {
				body, header := nonsense(t, uint64(i))
				status, answer, err := r.post(sender, body, header...)
				switch status {
				case http.StatusOK, http.StatusBadRequest, http.StatusServiceUnavailable:
				default:
					t.Errorf("seed %d, body %d %.200q: %d %s %v", seed, i, body, status, answer, err)
				}
				if strings.Count(answer, "\n") != 1 || !strings.HasSuffix(answer, "}\n") {
					t.Errorf("seed %d, body %d: the answer is no line of JSON: %q", seed, i, answer)
				}
			}
		})
	}
	sending.Wait()
}

// nonsense is the i-th body: noise, an event that was tampered with, or both
// in arrays or behind gzip.
func nonsense(tb testing.TB, i uint64) (body string, header []string) {
	tb.Helper()
	random := rand.New(rand.NewPCG(seed, i))
	data := []byte([]string{ann, annsBuys, "[" + ann + "," + annsBuys + "]"}[random.IntN(3)])
	if random.IntN(4) == 0 {
		data = noise(random, random.IntN(4<<10))
	}
	for range random.IntN(4) {
		at := random.IntN(len(data) + 1)
		switch rest := data[at:]; random.IntN(4) {
		case 0:
			data = data[:at]
		case 1:
			data = append(data[:at:at], append(noise(random, random.IntN(8)), rest...)...)
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
		return zipped(tb, data), []string{"Content-Encoding", "gzip"}
	}
	return string(data), nil
}

func noise(random *rand.Rand, n int) []byte {
	const likely = `{}[]",:\ntrufalse0123456789eE+-. @_$` + "\x00\x7f\xc3\xa9\xff\n"
	data := make([]byte, n)
	for i := range data {
		data[i] = likely[random.IntN(len(likely))]
	}
	return data
}
