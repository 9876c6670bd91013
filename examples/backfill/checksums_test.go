package main

import (
	"strings"
	"testing"
	"testing/synctest"
)

// A run resumes only the stream of the run before: it does not skip another
// event because of its line number.
func TestChecksums_stream(t *testing.T) {
	t.Parallel()
	const partial = `{"type":"track","event":"Order Compl`
	tests := []struct {
		name, before, after string
		refused             string // empty if the run resumes
		tickets             []int
	}{
		{"same", orders(1, 2, 3), orders(1, 2, 3), "", []int{1, 2, 3}},
		{"longer", orders(1, 2), orders(1, 2, 3), "", []int{1, 2, 3}},
		{"other line ends", orders(1, 2), strings.ReplaceAll(orders(1, 2, 3), "\n", " \r\n"), "", []int{1, 2, 3}},
		{"compressed", orders(1, 2), compress(t, orders(1, 2, 3)), "", []int{1, 2, 3}},
		{"blank lines", "\n" + orders(1) + "\n\n" + orders(2), "\n" + orders(1) + "\n\n" + orders(2, 3), "", []int{1, 2, 3}},
		{"without the last line end", orders(1) + strings.TrimSpace(orders(2)), orders(1, 2, 3), "", []int{1, 2, 3}},
		{"truncated within a line", orders(1, 2) + partial, orders(1, 2, 3, 4), "", []int{1, 2, 4}},
		{"different", orders(1, 2), orders(4, 3), "another input", []int{1, 2}},
		{"different second line", orders(1, 2), orders(1, 3, 4), "line 2: this is not the stream", []int{1, 2}},
		{"different last line without a line end", orders(1) + strings.TrimSpace(orders(2)), orders(1) + strings.TrimSpace(orders(3)), "line 2: this is not the stream", []int{1, 2}},
		{"different line in the middle", orders(1, 2, 3, 4), orders(1, 5, 3, 4, 6), "line 4: this is not the stream", []int{1, 2, 3, 4}},
		{"shorter", orders(1, 2, 3), orders(1, 4), "the stream ends before", []int{1, 2, 3}},
		{"truncated before the end of the first run", orders(1, 2, 3), orders(1) + partial, "the stream ends before", []int{1, 2, 3}},
		{"additional blank line", orders(1, 2), orders(1) + "\n" + orders(2), "", []int{1, 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fx := newFixture(t, "")
				fx.addPeople(upTo(6)...)
				fx.settings.events = "-"
				fx.replay(withStdin(tt.before))
				second := fx.replay(withStdin(tt.after))
				fx.checkTickets(tt.tickets...)
				if tt.refused != "" {
					second.check(t, max(second.status, exitFailed), tt.refused)
				}
				if refused := strings.Contains(second.stderr, "stopped") || second.status == exitUsage; refused != (tt.refused != "") {
					t.Errorf("refused: %t; standard error %s", refused, second.stderr)
				}
				std, _, _, _ := newStdio(tt.after)
				if _, err := planFile(fx.settings, std); (err != nil) != (tt.refused != "") {
					t.Errorf("a plan of the second stream: %v", err)
				}
			})
		})
	}
}
