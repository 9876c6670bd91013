package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/examples/backfill/internal/failed"
	"github.com/trengo-go/trengo/examples/backfill/internal/input"
)

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
	stale := string(must(failed.Wrap(input.Event{Text: []byte(`{}`)}, "A", errInDoubt))) + "\n"
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
		other := newFixture(t, strings.Repeat("{}\n", 3))
		other.replay().check(t, exitFailed, "failed 3")
		fx := newFixture(t, orders(1, 2, 3))
		fx.addPeople(1, 2, 3)
		fx.replay(withLimit(1)).check(t, exitOK, "done 1")
		fx.settings.failed = other.settings.failed
		fx.replay().check(t, exitOK, "done 3", "failed 0")
		fx.checkTickets(1, 2, 3)
	})
}

// Nothing that a line can hold ends the run.
func TestFailures_blankLines(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"byte order marks": "\ufeff\ufeff \ufeff", "a line end of another system": "\r\r", "a space that does not break": "\u00a0", "a tab": "\v",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fx := newFixture(t, orders(1)+line+"\n"+orders(2))
				fx.addPeople(1, 2)
				fx.replay().check(t, exitOK, "done 2", "failed 0")
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		fx := newFixture(t, orders(1)+`{"_failed":{"line":3,"text":" "}}`+"\n"+orders(2))
		fx.addPeople(1, 2)
		fx.replay().check(t, exitFailed, "done 2", "failed 1")
	})
}
