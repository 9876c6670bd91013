package main

import (
	"fmt"
	"io"
	"maps"
	"sync"

	"github.com/trengo-go/trengo"
)

// A tally counts what a run does.
type tally struct {
	mu sync.Mutex
	counts
}

// counts are those of one run, unless they say otherwise.
type counts struct {
	total    int // events of the input, or unknown
	end      int // of them, how many are finished when this run is over
	before   int // finished by earlier runs
	failures int // of all runs
	finished int // done or failed
	waiting  int // to be tried again
	requests int
	actions  map[trengo.Action]int
}

// begin is called before anything is counted but requests. With a limit, this
// run ends after so many events.
func (t *tally) begin(total, before, failures, limit int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total, t.end, t.before, t.failures = total, total, before, failures
	if limit > 0 {
		t.end = min(total, before+limit)
	}
	t.actions = map[trengo.Action]int{}
}

func (t *tally) request() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests++
}

func (t *tally) finish(result trengo.Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.finished++
	if !result.Duplicate {
		t.actions[result.Action]++
	}
}

func (t *tally) fail() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.finished++
	t.failures++
}

func (t *tally) wait(waiting int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = waiting
}

func (t *tally) snapshot() counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.counts
	c.actions = maps.Clone(c.actions)
	return c
}

// done counts the events of all runs that did not fail.
func (c counts) done() int { return c.before + c.finished - c.failures }

// left counts the events that no run has finished; unknown if that is not
// known.
func (c counts) left() int {
	if c.total == unknown {
		return unknown
	}
	return c.total - c.before - c.finished
}

func (c counts) print(out io.Writer) {
	row := func(label string, n int) { fmt.Fprintf(out, "      %-25s %8d\n", label, n) }
	row("done", c.done())
	row("failed", c.failures)
	if c.total != unknown {
		row("left", c.left())
	}
	fmt.Fprint(out, "      in this run\n")
	row("  contacts created", c.actions[trengo.ActionContactCreated])
	row("  contacts updated", c.actions[trengo.ActionContactUpdated])
	row("  contacts unchanged", c.actions[trengo.ActionContactUnchanged])
	row("  tickets", c.actions[trengo.ActionTicketCreated])
	row("  skipped", c.actions[trengo.ActionSkipped])
	row("  API requests", c.requests)
}
