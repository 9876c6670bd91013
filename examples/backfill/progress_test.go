package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgressLine(t *testing.T) {
	const limit = 120
	tests := []struct {
		name    string
		counts  counts
		elapsed time.Duration
		want    string
	}{
		{"at the beginning", counts{total: 2000, end: 2000}, 0, "0 of 2000 done, 0 failed"},
		{"halfway", counts{total: 2000, end: 2000, finished: 1000, failures: 10, requests: 1200}, 10 * time.Minute, "990 of 2000 done, 10 failed, 100 a minute, 10m left"},
		{"a run that goes on", counts{total: 2000, end: 2000, before: 1000, finished: 500, failures: 10, requests: 600}, 5 * time.Minute, "1490 of 2000 done, 10 failed, 100 a minute, 5m left"},
		{"a run with a limit", counts{total: 2000, end: 1100, before: 1000, finished: 50, requests: 60}, 30 * time.Second, "1050 of 2000 done, 0 failed, 100 a minute, 30s left"},
		{"an outage", counts{total: 2000, end: 2000, finished: 1000, waiting: 16, requests: 1000}, 10 * time.Minute, "1000 of 2000 done, 0 failed, 16 to be tried again, 100 a minute, 8m left"},
		{"nothing but what needs no request", counts{total: 20, end: 20, finished: 10}, time.Minute, "10 of 20 done, 0 failed, 10 a minute, 0s left"},
		{"a stream", counts{total: unknown, end: unknown, finished: 1000, failures: 1, requests: 1200}, 10 * time.Minute, "999 done, 1 failed, 100 a minute"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := progressLine(tt.counts, tt.elapsed, limit); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestTally_end(t *testing.T) {
	tests := []struct{ total, before, limit, want int }{
		{2000, 0, 0, 2000},
		{2000, 500, 0, 2000},
		{2000, 500, 100, 600},
		{2000, 1950, 100, 2000},
		{unknown, 500, 100, unknown},
	}
	for _, tt := range tests {
		counted := new(tally)
		counted.begin(tt.total, tt.before, 0, tt.limit)
		if got := counted.snapshot().end; got != tt.want {
			t.Errorf("%+v: it ends at %d", tt, got)
		}
	}
}

func TestTimeFor(t *testing.T) {
	for requests, want := range map[float64]string{0: "0s", 60: "30s", 118: "59s", 119.9: "1m", 7190: "1.0h", 120: "1m", 1200: "10m", 7200: "1.0h", 100_000: "13.9h", 1_000_000: "5.8 days"} {
		if got := timeFor(requests, 120); got != want {
			t.Errorf("%.1f requests take %s, want %s", requests, got, want)
		}
	}
}

// A run of two minutes says something every 10 seconds to a log, and four times
// a second on a line of a terminal.
func TestReplay_progress(t *testing.T) {
	shape := regexp.MustCompile(`^\d+ of 120 done, 0 failed, \d+ a minute(, \d+[ms] left)?$`)
	for name, tt := range map[string]struct {
		terminal    bool
		end         string
		least, most int
	}{
		"log":      {terminal: false, end: "\n", least: 10, most: 15},
		"terminal": {terminal: true, end: "\r", least: 400, most: 600},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, orders(upTo(120)...))
				d.know(upTo(120)...)
				d.Behavior.Latency = 200 * time.Millisecond
				ran := d.replay(func(_ *settings, con *console, _ chan<- os.Signal) { con.terminal = tt.terminal })
				ran.must(t, exitOK, "done 120")
				shown := 0
				for text := range strings.SplitSeq(ran.stderr, tt.end) {
					if text = strings.TrimRight(text, " "); text == "" {
						continue
					}
					if shown++; !shape.MatchString(text) {
						t.Errorf("it says %q", text)
					}
				}
				if shown < tt.least || shown > tt.most {
					t.Errorf("it says something %d times", shown)
				}
			})
		})
	}
}

func TestProgress_terminal(t *testing.T) {
	out := new(screen)
	p := &progress{out: out}
	p.say("first")
	p.rewrite("12 done")
	p.rewrite("13")
	p.rewrite("14 done")
	p.say("a line that stays")
	p.rewrite("15")
	p.say("")
	p.say("")
	const want = "first\n" + "\r12 done" + "\r13     " + "\r14 done" + "\r       \r" + "a line that stays\n" + "\r15" + "\r  \r"
	if got := out.String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// A limit of the user's counts, and so does one that Trengo lowers.
func TestSettings_limitOf(t *testing.T) {
	for _, tt := range []struct{ users, trengos, want int }{{0, 0, 120}, {0, 60, 60}, {0, 300, 300}, {100, 0, 100}, {100, 60, 60}, {100, 300, 100}} {
		d := newDesk(t, orders(1))
		d.know(1)
		d.SetRateLimit(tt.trengos)
		s := d.settings
		s.rateLimit = tt.users
		config := must(s.readConfig())
		client, _, err := s.connect(config, new(tally))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Contacts.Get(t.Context(), 460000001); err != nil {
			t.Fatal(err)
		}
		if got := s.limitOf(client)(); got != tt.want {
			t.Errorf("user %d, Trengo %d: limit %d, want %d", tt.users, tt.trengos, got, tt.want)
		}
	}
}
