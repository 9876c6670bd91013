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

func TestWrap(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"event", `{"type":"page"}`, `{"_failed":{"line":7,"replay":"A","reason":"R"},"type":"page"}`},
		{"blanks", `{ "type" : "page" }`, `{"_failed":{"line":7,"replay":"A","reason":"R"},"type" : "page" }`},
		{"empty object", `{ }`, `{"_failed":{"line":7,"replay":"A","reason":"R"}}`},
		{"broken JSON", `{"type":`, `{"_failed":{"line":7,"replay":"A","reason":"R","text":"{\"type\":"}}`},
		{"array", `[{"type":"page"}]`, `{"_failed":{"line":7,"replay":"A","reason":"R","text":"[{\"type\":\"page\"}]"}}`},
		{"oversized line", `{"a":"` + strings.Repeat("x", maxLine-6), `{"_failed":{"line":7,"replay":"A","reason":"R"}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := wrap(line{number: 7, text: []byte(tt.text)}, "A", errors.New("R"))
			if err != nil || string(got) != tt.want {
				t.Errorf("got %s, error %v", got, err)
			}
		})
	}
}

func FuzzWrap(f *testing.F) {
	reason := errors.New("trengo: a reason with \"quotes\" and a <tag>")
	for _, text := range []string{`{"type":"page"}`, `{ }`, `{"type":`, `[1]`, `null`, `"x"`, "{\"a\":1}\x00", `{"_failed":1}`, `{"_failed":{"line":1}}`, "\xff"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		text = bytes.TrimSpace(text)
		if _, f := unwrap(text); len(text) == 0 || f != (failure{}) || bytes.ContainsAny(text, "\r\n") {
			return // not a line, or already wrapped
		}
		got, err := wrap(line{number: 7, text: text}, "A", reason)
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
		back, f := unwrap(got)
		asText := []byte(string([]rune(string(text)))) // JSON replaces invalid UTF-8
		if f.Line != 7 || trimObject(back) != trimObject(asText) && trimObject(back) != trimObject(text) {
			t.Errorf("%q came back as %q, of line %d", text, back, f.Line)
		}
	})
}

// trimObject removes the blanks after the first brace, as wrap does.
func trimObject(text []byte) string {
	rest, isObject := strings.CutPrefix(string(text), "{")
	if !isObject {
		return rest
	}
	return "{" + strings.TrimSpace(rest)
}

// The failed file can be replayed. An event that fails again gets the new
// reason.
func TestFailures_replayed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fx := newFixture(t, orders(1)+"{broken\n"+orders(3)+`{"type":"track","event":"Order Completed","properties":{"order_id":4}}`+"\n")
		fx.addPeople(1)
		fx.replay().check(t, exitFailed, "done 1", "failed 3")
		want := map[int]string{
			2: "trengo: invalid event: it is not valid JSON",
			3: "trengo: contact not found",
			4: "trengo: missing identifier: the event does not have an email",
		}
		if diff := cmp.Diff(want, fx.failedLines()); diff != "" {
			t.Errorf("failed (-want +got):\n%s", diff)
		}
		events := 0
		for _, err := range trengo.ReadEvents(strings.NewReader(readFile(t, fx.settings.failed))) {
			if err == nil {
				events++
			}
		}
		if events != 2 {
			t.Errorf("ReadEvents reads %d events of the failed file", events)
		}

		fx.addPeople(3)
		again := &fixture{Server: fx.Server, settings: fx.settings, t: t}
		again.settings.events, again.settings.checkpoint, again.settings.failed = fx.settings.failed, "", ""
		if err := again.settings.check(); err != nil {
			t.Fatal(err)
		}
		again.replay().check(t, exitFailed, "done 1", "failed 2")
		fx.checkTickets(1, 3)
		// The failed file is in the order of the failures.
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

// A run that is refused leaves nothing behind that the next could resume.
func TestFailures_notEmpty(t *testing.T) {
	t.Parallel()
	fx := newFixture(t, orders(1, 2))
	stale := string(must(wrap(line{number: 1, text: []byte(`{}`)}, "A", errInDoubt))) + "\n"
	writeFile(t, fx.settings.failed, stale)
	for range 2 {
		fx.replay().check(t, exitUsage, "not empty")
	}
	if readFile(t, fx.settings.failed) != stale {
		t.Error("the failed file was changed")
	}
}

// The lines in the failed file of another replay do not count for this one.
func TestFailures_ofAnotherReplay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		other := newFixture(t, strings.Repeat("broken\n", 3))
		other.replay().check(t, exitFailed, "failed 3")
		fx := newFixture(t, orders(1, 2, 3))
		fx.addPeople(1, 2, 3)
		fx.replay(withLimit(1)).check(t, exitOK, "done 1")
		fx.settings.failed = other.settings.failed
		fx.replay().check(t, exitOK, "done 3", "failed 0")
		fx.checkTickets(1, 2, 3)
	})
}
