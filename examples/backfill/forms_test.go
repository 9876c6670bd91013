package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// utf16LE returns what PowerShell writes.
func utf16LE(text string) string {
	var data []byte
	for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
		data = append(data, byte(unit), byte(unit>>8))
	}
	return string(data)
}

// Whatever the form of the input, a run that ends early is resumed at the next
// event, from a file and from a stream, and failures can be replayed.
func TestReplay_forms(t *testing.T) {
	t.Parallel()
	events := make([]string, 9)
	for i := range events {
		events[i] = strings.TrimSpace(order(i + 1))
	}
	events[4] = `{"type":"track","event":"Order Completed","properties":{"order_id":5}}` // of nobody
	lines := strings.Join(events, "\n") + "\n"
	indented := strings.NewReplacer("{", "{\n  ", ",", ",\n  ").Replace(strings.Join(events, "\n"))
	forms := map[string]string{
		"JSON lines":           lines,
		"JSON lines in UTF-16": utf16LE(lines),
		"array":                "[" + strings.Join(events, ",") + "]",
		"array in UTF-16":      utf16LE("[\n" + strings.Join(events, ",\n") + "\n]\n"),
		"compressed array":     compress(t, "["+strings.Join(events, ",")+"]"),
		"indented array":       "[\n" + strings.NewReplacer("{", "{\n  ", ",", ",\n  ").Replace(strings.Join(events, ",")) + "\n]\n",
		"indented objects":     indented,
		"batches on lines":     `{"batch":[` + strings.Join(events[:4], ",") + "]}\n" + `{"batch":[` + strings.Join(events[4:], ",") + "]}\n",
		"archive":              `{"userId":"u","payload":` + strings.Join(events, "}\n"+`{"userId":"u","payload":`) + "}\n",
	}
	for name, text := range forms {
		for _, source := range []string{"file", "stream"} {
			t.Run(name+", "+source, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					fx := newFixture(t, text)
					fx.addPeople(upTo(9)...)
					stdin := func(*settings, *stdio, chan<- os.Signal) {}
					if source == "stream" {
						fx.settings.events = "-"
						stdin = withStdin(text)
					}
					for _, done := range []int{2, 4} {
						fx.replay(stdin, withLimit(2)).check(t, exitOK, fmt.Sprintf("done %d", done))
					}
					fx.plan(stdin).check(t, exitFailed, "done before 4", "events to replay 5", "will fail 1")
					fx.replay(stdin).check(t, exitFailed, "resuming after 4", "done 8", "failed 1")
					fx.checkTickets(1, 2, 3, 4, 6, 7, 8, 9)

					failures := readFile(t, fx.settings.failed)
					again := newFixture(t, strings.Replace(failures, `"order_id":5`, `"order_id":5,"email":"p5@example.com"`, 1))
					again.addPeople(5)
					again.replay().check(t, exitOK, "done 1")
					again.checkTickets(5)
				})
			})
		}
	}
}

// A stream of another form is not the one of the first run.
func TestReplay_otherStreams(t *testing.T) {
	t.Parallel()
	array := func(orders ...int) string {
		var events []string
		for _, n := range orders {
			events = append(events, strings.TrimSpace(order(n)))
		}
		return "[" + strings.Join(events, ",\n") + "]"
	}
	for _, tt := range []struct{ name, before, after, want string }{
		{"another first event", array(1, 2, 3), array(4, 2, 3), "another input"},
		{"another event", array(1, 2, 3), array(1, 4, 3), "line 2: this is not the stream"},
		{"shorter", array(1, 2, 3), array(1), "the stream ends before"},
		{"JSON lines", array(1, 2, 3), orders(1, 2, 3), "another input"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fx := newFixture(t, "")
				fx.addPeople(upTo(4)...)
				fx.settings.events = "-"
				fx.replay(withStdin(tt.before), withLimit(2)).check(t, exitOK, "done 2")
				second := fx.replay(withStdin(tt.after))
				second.check(t, max(second.status, exitFailed), tt.want)
				fx.checkTickets(1, 2)
			})
		})
	}
}

// A mistake in a file is found before anything is sent. In a stream it ends the
// run, and what came before is done.
func TestReplay_syntaxError(t *testing.T) {
	t.Parallel()
	text := "[" + strings.TrimSpace(order(1)) + ",\n" + strings.TrimSpace(order(2)) + "\n" + strings.TrimSpace(order(3)) + "]"
	synctest.Test(t, func(t *testing.T) {
		fx := newFixture(t, text)
		fx.addPeople(1, 2, 3)
		for _, r := range []result{fx.plan(), fx.replay()} {
			r.check(t, exitUsage, "events.jsonl: line 3: this is not valid JSON")
		}
		fx.checkTickets()
		if _, err := os.Stat(fx.settings.checkpoint); err == nil {
			t.Error("a checkpoint is left")
		}
		fx.settings.events = "-"
		fx.replay(withStdin(text)).check(t, exitFailed, "done 2", "stopped: the input cannot be read any further: line 3: this is not valid JSON")
		fx.replay(withStdin(strings.Replace(text, "\n"+`{"type":"track","event":"Order Completed","properties":{"email":"p3`, ",\n"+`{"type":"track","event":"Order Completed","properties":{"email":"p3`, 1))).
			check(t, exitOK, "done 3")
		fx.checkTickets(1, 2, 3)
	})
}

// Input that is something else is named before anything happens.
func TestReplay_notEvents(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"type,email\ntrack,x\n":          "it looks like a table (CSV)",
		"PK\x03\x04":                     "it looks like a ZIP archive",
		"<html>":                         "it looks like HTML or XML",
		utf16LE("type,email\ntrack,x\n"): "it looks like a table (CSV)",
	} {
		fx := newFixture(t, text)
		got := []int{fx.plan().status, fx.replay().status}
		if diff := cmp.Diff([]int{exitUsage, exitUsage}, got); diff != "" {
			t.Errorf("%q: status (-want +got):\n%s", text, diff)
		}
		fx.replay().check(t, exitUsage, want)
	}
}
