package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
)

var errSample = errors.New("trengo: a reason with \"quotes\" and a <tag>")

func TestWrapped(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"an event", `{"type":"page"}`, `{"_failed":{"line":7,"replay":"A","reason":"R"},"type":"page"}`},
		{"blanks", `{ "type" : "page" }`, `{"_failed":{"line":7,"replay":"A","reason":"R"},"type" : "page" }`},
		{"an empty object", `{ }`, `{"_failed":{"line":7,"replay":"A","reason":"R"}}`},
		{"broken JSON", `{"type":`, `{"_failed":{"line":7,"replay":"A","reason":"R","text":"{\"type\":"}}`},
		{"no object", `[{"type":"page"}]`, `{"_failed":{"line":7,"replay":"A","reason":"R","text":"[{\"type\":\"page\"}]"}}`},
		{"no end of it", `{"a":"` + strings.Repeat("x", maxLine-6), `{"_failed":{"line":7,"replay":"A","reason":"R"}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := wrapped(line{number: 7, text: []byte(tt.text)}, "A", errors.New("trengo: R"))
			if err != nil || string(got) != tt.want {
				t.Errorf("got %s, error %v", got, err)
			}
		})
	}
}

func FuzzWrapped(f *testing.F) {
	for _, text := range []string{`{"type":"page"}`, `{ }`, `{"type":`, `[1]`, `null`, `"x"`, "{\"a\":1}\x00", `{"_failed":1}`, `{"_failed":{"line":1}}`, "\xff"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		text = bytes.TrimSpace(text)
		if _, f := unwrapped(text); len(text) == 0 || f != (failure{}) || bytes.ContainsAny(text, "\r\n") {
			return // no line, or one that was wrapped before
		}
		got, err := wrapped(line{number: 7, text: text}, "A", errSample)
		if err != nil {
			t.Fatal(err)
		}
		before, errBefore := trengo.ParseEvent(text)
		after, errAfter := trengo.ParseEvent(got)
		if (errBefore == nil) != (errAfter == nil) {
			t.Fatalf("%q: error %v, and wrapped as %q: %v", text, errBefore, got, errAfter)
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("%q became another event (-want +got):\n%s", text, diff)
		}
		back, f := unwrapped(got)
		asText := []byte(string([]rune(string(text)))) // JSON has no other bytes
		if f.Line != 7 || trimmedObject(back) != trimmedObject(asText) && trimmedObject(back) != trimmedObject(text) {
			t.Errorf("%q came back as %q, of line %d", text, back, f.Line)
		}
	})
}

// trimmedObject is without blanks after the first brace, which wrapping takes.
func trimmedObject(text []byte) string {
	rest, isObject := strings.CutPrefix(string(text), "{")
	if !isObject {
		return rest
	}
	return "{" + strings.TrimSpace(rest)
}

// The failed file is an input like any other, and what fails again has the
// reason of this time.
func TestReplay_failedFileIsFedIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, orders(1)+"{broken\n"+orders(3)+`{"type":"track","event":"Order Completed","properties":{"order_id":4}}`+"\n")
		d.know(1)
		d.replay().must(t, exitFailed, "done 1", "failed 3")
		want := map[int]string{
			2: "invalid event: it is broken JSON",
			3: "contact not found",
			4: "missing identifier: the event has no email",
		}
		if diff := cmp.Diff(want, d.failedLines()); diff != "" {
			t.Errorf("failed (-want +got):\n%s", diff)
		}
		events := 0
		for _, err := range trengo.ReadEvents(strings.NewReader(readFile(t, d.settings.failed))) {
			if err == nil {
				events++
			}
		}
		if events != 2 {
			t.Errorf("ReadEvents reads %d events of the failed file", events)
		}

		d.know(3)
		again := &desk{Server: d.Server, settings: d.settings, t: t}
		again.settings.events, again.settings.checkpoint, again.settings.failed = d.settings.failed, "", ""
		if err := again.settings.check(); err != nil {
			t.Fatal(err)
		}
		again.replay().must(t, exitFailed, "done 1", "failed 2")
		d.mustHaveTickets(1, 3)
		// The order of the failed file is that in which the events failed.
		reasons := slices.Sorted(maps.Values(again.failedLines()))
		if diff := cmp.Diff([]string{want[2], want[4]}, reasons); diff != "" {
			t.Errorf("failed again (-want +got):\n%s", diff)
		}
		text := readFile(t, again.settings.failed)
		if strings.Count(text, "_failed") != 2 || !strings.Contains(text, fmt.Sprintf("%q", "{broken")) {
			t.Errorf("the failed file is\n%s", text)
		}
	})
}
