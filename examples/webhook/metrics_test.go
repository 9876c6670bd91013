package main

import (
	"bytes"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/trengo-go/trengo"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMetrics_text(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	m.inFlight.Add(2)
	for _, a := range []trengo.Attempt{
		{Method: http.MethodPost, Route: "/tickets", Status: http.StatusOK, Number: 1, Waited: 2 * time.Second, Elapsed: 125 * time.Millisecond},
		{Method: http.MethodPost, Route: "/tickets", Status: http.StatusTooManyRequests, Number: 1, Elapsed: 100 * time.Millisecond, Class: "rate_limited"},
		{Method: http.MethodGet, Route: "/contacts", Number: 1, Elapsed: 30 * time.Second, Class: "timeout"},
		{Method: http.MethodPut, Route: "/contacts/{id}", Status: http.StatusOK, Number: 2},
	} {
		m.attempt(a)
	}
	m.outcome(trengo.Outcome{Result: trengo.Result{Action: trengo.ActionTicketCreated}}, http.StatusOK)
	m.outcome(trengo.Outcome{Result: trengo.Result{Action: trengo.ActionTicketCreated}}, http.StatusOK)
	m.outcome(trengo.Outcome{Result: trengo.Result{Action: trengo.ActionTicketCreated, Duplicate: true}}, http.StatusOK)
	m.outcome(trengo.Outcome{Err: trengo.ErrContactNotFound}, http.StatusServiceUnavailable)
	m.request(http.StatusUnauthorized, time.Millisecond)
	m.request(http.StatusOK, 5*time.Millisecond) // just within its bucket
	got := m.text(trengo.RateLimit{Limit: 120, Remaining: 117, ReceivedAt: time.UnixMilli(1772442000250)})

	path := filepath.Join("testdata", "metrics.txt")
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != strings.ReplaceAll(string(want), "\r\n", "\n") {
		t.Errorf("the text is not that of %s:\n%s", path, got)
	}
	checkText(t, string(got))
}

func TestMetrics_nothingYet(t *testing.T) {
	t.Parallel()
	text := string(newMetrics().text(trengo.RateLimit{}))
	checkText(t, text)
	if strings.Contains(text, "trengo_rate_limit") {
		t.Errorf("a rate limit that nobody knows:\n%s", text)
	}
	// A rate over time needs the value from before the first.
	if !strings.Contains(text, "webhook_request_duration_seconds_count 0\n") {
		t.Errorf("no count of requests:\n%s", text)
	}
}

func TestFamily_labels(t *testing.T) {
	t.Parallel()
	f := newCounter("x_total", "Help.", "path", "text")
	f.add(1, `C:\new`, "say \"hi\"\nänd bye")
	f.add(0.5, "", "")
	var b bytes.Buffer
	f.write(&b)
	const want = `# HELP x_total Help.
# TYPE x_total counter
x_total{path="",text=""} 0.5
x_total{path="C:\\new",text="say \"hi\"\nänd bye"} 1
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	checkText(t, b.String())
}

var (
	sampleLine = regexp.MustCompile(`^([a-z_]+)(\{[a-z_]+="([^"\\]|\\[\\"n])*"(,[a-z_]+="([^"\\]|\\[\\"n])*")*\})? ([0-9.e+-]+|\+Inf)$`)
	headLine   = regexp.MustCompile(`^# (HELP|TYPE) ([a-z_]+) .+$`)
)

// checkText looks for what Prometheus would refuse.
func checkText(t *testing.T, text string) {
	t.Helper()
	if !strings.HasSuffix(text, "\n") {
		t.Error("the last line does not end")
	}
	seen := map[string]bool{}
	family := ""
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if seen[line] {
			t.Errorf("twice: %s", line)
		}
		seen[line] = true
		if head := headLine.FindStringSubmatch(line); head != nil {
			family = head[2]
			continue
		}
		sample := sampleLine.FindStringSubmatch(line)
		if sample == nil || !strings.HasPrefix(sample[1], family) {
			t.Errorf("under %s: %s", family, line)
		}
	}
}
