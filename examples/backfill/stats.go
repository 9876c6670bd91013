package main

import (
	"fmt"
	"io"
	"maps"
	"sync"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/examples/backfill/internal/input"
)

// stats count what a run does. They are safe for concurrent use.
type stats struct {
	mu sync.Mutex
	counts
}

// start is called before anything but requests is counted. limit is the number
// of events after which this run ends; zero means no limit.
func (st *stats) start(total, before, failures, limit int) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.total, st.end, st.before, st.failures = total, total, before, failures
	if limit > 0 {
		st.end = min(total, before+limit)
	}
	st.actions = map[trengo.Action]int{}
}

func (st *stats) addRequest() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.requests++
}

func (st *stats) addDone(result trengo.Result) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.finished++
	if !result.Duplicate {
		st.actions[result.Action]++
	}
}

func (st *stats) addFailed() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.finished++
	st.failures++
}

func (st *stats) setWaiting(waiting int) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.waiting = waiting
}

func (st *stats) snapshot() counts {
	st.mu.Lock()
	defer st.mu.Unlock()
	c := st.counts
	c.actions = maps.Clone(c.actions)
	return c
}

// counts are those of one run, unless their comment says otherwise.
type counts struct {
	total    int // events of the input, or unknown
	end      int // how many of them are finished at the end of this run
	before   int // finished by earlier runs
	failures int // of all runs
	finished int // done or failed
	waiting  int // for a retry
	requests int
	actions  map[trengo.Action]int
}

// done counts the events of all runs that did not fail.
func (c counts) done() int { return c.before + c.finished - c.failures }

// left counts the events that no run has finished. It is unknown if the total
// is.
func (c counts) left() int {
	if c.total == input.Unknown {
		return input.Unknown
	}
	return c.total - c.before - c.finished
}

func (c counts) print(out io.Writer) {
	row := func(label string, n int) { fmt.Fprintf(out, "      %-25s %8d\n", label, n) }
	row("done", c.done())
	row("failed", c.failures)
	if c.total != input.Unknown {
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
