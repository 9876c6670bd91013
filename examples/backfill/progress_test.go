package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo/examples/backfill/internal/input"
)

func TestProgressLine(t *testing.T) {
	t.Parallel()
	const limit = 120
	tests := []struct {
		name    string
		counts  counts
		elapsed time.Duration
		want    string
	}{
		{"at the start", counts{total: 2000, end: 2000}, 0, "0 of 2000 done, 0 failed"},
		{"halfway", counts{total: 2000, end: 2000, finished: 1000, failures: 10, requests: 1200}, 10 * time.Minute, "990 of 2000 done, 10 failed, 100 a minute, 10m left"},
		{"run that resumes", counts{total: 2000, end: 2000, before: 1000, finished: 500, failures: 10, requests: 600}, 5 * time.Minute, "1490 of 2000 done, 10 failed, 100 a minute, 5m left"},
		{"run with a limit", counts{total: 2000, end: 1100, before: 1000, finished: 50, requests: 60}, 30 * time.Second, "1050 of 2000 done, 0 failed, 100 a minute, 30s left"},
		{"outage", counts{total: 2000, end: 2000, finished: 1000, waiting: 16, requests: 1000}, 10 * time.Minute, "1000 of 2000 done, 0 failed, 16 waiting for a retry, 100 a minute, 8m left"},
		{"without requests", counts{total: 20, end: 20, finished: 10}, time.Minute, "10 of 20 done, 0 failed, 10 a minute, 0s left"},
		{"stream", counts{total: input.Unknown, end: input.Unknown, finished: 1000, failures: 1, requests: 1200}, 10 * time.Minute, "999 done, 1 failed, 100 a minute"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := progressLine(tt.counts, tt.elapsed, limit); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestFormatTime(t *testing.T) {
	t.Parallel()
	for requests, want := range map[float64]string{0: "0s", 60: "30s", 118: "59s", 119.9: "1m", 7190: "1.0h", 120: "1m", 1200: "10m", 7200: "1.0h", 100_000: "13.9h", 1_000_000: "5.8 days"} {
		if got := formatTime(requests, 120); got != want {
			t.Errorf("%.1f requests take %s, want %s", requests, got, want)
		}
	}
}

// In two minutes, a log gets a line every 10 seconds, and a terminal gets four
// a second.
func TestProgress_interval(t *testing.T) {
	t.Parallel()
	shape := regexp.MustCompile(`^\d+ of 120 done, 0 failed, \d+ a minute(, \d+[ms] left)?$`)
	for name, tt := range map[string]struct {
		terminal bool
		end      string
		min, max int
	}{
		"log":      {terminal: false, end: "\n", min: 10, max: 15},
		"terminal": {terminal: true, end: "\r", min: 400, max: 600},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fx := newFixture(t, orders(upTo(120)...))
				fx.addPeople(upTo(120)...)
				fx.Behavior.Latency = 200 * time.Millisecond
				result := fx.replay(func(_ *settings, std *stdio, _ chan<- os.Signal) { std.terminal = tt.terminal })
				result.check(t, exitOK, "done 120")
				lines := 0
				for text := range strings.SplitSeq(result.stderr, tt.end) {
					if text = strings.TrimRight(text, " "); text == "" {
						continue
					}
					if lines++; !shape.MatchString(text) {
						t.Errorf("line %q", text)
					}
				}
				if lines < tt.min || lines > tt.max {
					t.Errorf("%d lines, want %d to %d", lines, tt.min, tt.max)
				}
			})
		})
	}
}

func TestProgress_terminal(t *testing.T) {
	t.Parallel()
	out := new(buffer)
	p := &progress{out: out}
	p.print("first")
	p.rewrite("12 done")
	p.rewrite("13")
	p.rewrite("14 done")
	p.print("a line that stays")
	p.rewrite("15")
	p.print("")
	p.print("")
	const want = "first\n" + "\r12 done" + "\r13     " + "\r14 done" + "\r       \r" + "a line that stays\n" + "\r15" + "\r  \r"
	if got := out.String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
