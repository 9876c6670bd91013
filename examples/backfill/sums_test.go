package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/synctest"
)

// A run goes on with the stream that it had before, and no other: an event
// that was never replayed is not skipped for its number.
func TestReplay_streamGoesOn(t *testing.T) {
	const cut = `{"type":"track","event":"Order Compl`
	tests := []struct {
		name, before, after string
		says                string // "": it goes on
		tickets             []int
	}{
		{"the same", orders(1, 2, 3), orders(1, 2, 3), "", []int{1, 2, 3}},
		{"a longer one", orders(1, 2), orders(1, 2, 3), "", []int{1, 2, 3}},
		{"another end of lines", orders(1, 2), strings.ReplaceAll(orders(1, 2, 3), "\n", " \r\n"), "", []int{1, 2, 3}},
		{"compressed", orders(1, 2), zipped(t, orders(1, 2, 3)), "", []int{1, 2, 3}},
		{"blank lines", "\n" + orders(1) + "\n\n" + orders(2), "\n" + orders(1) + "\n\n" + orders(2, 3), "", []int{1, 2, 3}},
		{"no last end of line", orders(1) + strings.TrimSpace(orders(2)), orders(1, 2, 3), "", []int{1, 2, 3}},
		{"cut within a line", orders(1, 2) + cut, orders(1, 2, 3, 4), "", []int{1, 2, 4}},
		{"another", orders(1, 2), orders(4, 3), "another input", []int{1, 2}},
		{"another second line", orders(1, 2), orders(1, 3, 4), "line 2: this is not the stream", []int{1, 2}},
		{"without the last end of line", orders(1) + strings.TrimSpace(orders(2)), orders(1) + strings.TrimSpace(orders(3)), "line 2: this is not the stream", []int{1, 2}},
		{"a line in the middle", orders(1, 2, 3, 4), orders(1, 5, 3, 4, 6), "line 4: this is not the stream", []int{1, 2, 3, 4}},
		{"a shorter one", orders(1, 2, 3), orders(1, 4), "the stream ends before", []int{1, 2, 3}},
		{"cut where it was whole", orders(1, 2, 3), orders(1) + cut, "the stream ends before", []int{1, 2, 3}},
		{"a blank line more", orders(1, 2), orders(1) + "\n" + orders(2), "line 2: this is not the stream", []int{1, 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, "")
				d.know(upTo(6)...)
				d.settings.events = "-"
				fed := func(text string) func(*settings, *console, chan<- os.Signal) {
					return func(_ *settings, con *console, _ chan<- os.Signal) { con.stdin = strings.NewReader(text) }
				}
				d.replay(fed(tt.before))
				ran := d.replay(fed(tt.after))
				d.mustHaveTickets(tt.tickets...)
				if tt.says != "" {
					ran.must(t, max(ran.status, exitFailed), tt.says)
				}
				if refused := strings.Contains(ran.stderr, "stopped") || ran.status == exitUsage; refused != (tt.says != "") {
					t.Errorf("it says %s", ran.stderr)
				}
				con, _, _, _ := newConsole(tt.after)
				if err := planFile(d.settings, con); (err != nil) != (tt.says != "") {
					t.Errorf("a plan of the second stream: %v", err)
				}
			})
		})
	}
}

// The sums of what is finished and begun, whatever came first, tell every
// change up to there.
func TestSums(t *testing.T) {
	for range 200 {
		const lines = 12
		s := state{begun: map[int]bool{}, sums: sums{}}
		last := 0
		for range rand.IntN(3 * lines) {
			number := 1 + rand.IntN(lines)
			kind := []string{recordBegun, recordFreed, recordDone, recordFailed}[rand.IntN(4)]
			if s.finished.has(number) {
				continue
			}
			if err := s.apply(kind, number, fmt.Sprint("sum ", number)); err != nil {
				t.Fatal(err)
			}
			last = max(last, number)
		}
		if last > 0 && s.sums[last] == "" {
			t.Errorf("no sum to line %d: %v", last, s)
		}
		for i, run := range s.finished.runs {
			if s.sums[run.last] == "" {
				t.Errorf("no sum to the end of span %d: %v", i, s)
			}
			for number := run.first; number < run.last; number++ {
				if s.sums[number] != "" {
					t.Errorf("a sum to line %d, which needs none: %v", number, s)
				}
			}
		}
	}
}
