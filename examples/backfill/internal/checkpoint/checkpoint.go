// Package checkpoint records which events of an input are finished, so that the
// next run leaves them out.
package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/trengo-go/trengo/examples/backfill/internal/input"
	"github.com/trengo-go/trengo/examples/backfill/internal/journal"
)

// A View is what a checkpoint says of the events before a run.
type View struct {
	state    state
	verified checksums // of what earlier runs read of a stream and this one has not
	// IsNew reports whether this is the first run.
	IsNew bool
	// InDoubt are the events that an earlier run started and did not finish.
	InDoubt []input.Position
	// Changes are the settings that differ from those of the last run.
	Changes []string
}

func newView(s state, complete int64, want Header) View {
	v := View{
		state:    s,
		verified: maps.Clone(s.checksums),
		IsNew:    complete == 0,
		InDoubt:  slices.SortedFunc(maps.Values(s.started), func(a, b input.Position) int { return a.Number - b.Number }),
	}
	if !v.IsNew {
		v.Changes = want.Config.Changes(s.config)
	}
	return v
}

// Peek reads a checkpoint without changing it. A missing file is not an error.
func Peek(path string, want Header) (*View, error) {
	s, complete := newState(), int64(0)
	file, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		defer func() { _ = file.Close() }()
		if s, complete, err = readState(file, want); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	v := newView(s, complete, want)
	return &v, nil
}

// IsFinished reports whether an event need not be replayed.
func (v *View) IsFinished(number int) bool { return v.state.finished.has(number) }

// Count returns how many events are finished, and how many of those failed.
func (v *View) Count() (finished, failed int) { return v.state.finished.size, v.state.failed }

// WasInDoubt reports whether an earlier run started the event and did not finish
// it.
func (v *View) WasInDoubt(number int) bool {
	return slices.ContainsFunc(v.InDoubt, func(p input.Position) bool { return p.Number == number })
}

// Verify is called with each event of a stream in order, before it is skipped or
// replayed. The error says that earlier runs read something else.
func (v *View) Verify(ev input.Event) error { return v.verified.verify(ev) }

// VerifyEnd is called at the end of a stream.
func (v *View) VerifyEnd() error { return v.verified.verifyEnd() }

// A Checkpoint records which events of the input are finished. It is valid
// whenever the process ends.
//
// A kill loses at most the record that it interrupts: the kernel keeps the
// others. What a crash of the machine can lose depends on how often the caller
// calls Sync.
type Checkpoint struct {
	mu sync.Mutex // events start and finish in different goroutines
	View
	*journal.Journal
	header Header
}

// Open opens and locks the checkpoint of a replay, or creates it. A config that
// has changed is an error that names the changes, unless they are accepted.
func Open(path string, h Header, acceptChanges bool) (*Checkpoint, error) {
	j, err := journal.Open(path)
	if err != nil {
		return nil, err
	}
	c := &Checkpoint{Journal: j, header: h}
	if err := c.prepare(acceptChanges); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), j.Discard())
	}
	return c, nil
}

func (c *Checkpoint) prepare(acceptChanges bool) error {
	s, complete, err := readState(c.Content(), c.header)
	if err != nil {
		return err
	}
	c.View = newView(s, complete, c.header)
	if len(c.Changes) > 0 && !acceptChanges {
		return fmt.Errorf("the config has changed since the last run: %s; set -accept-changes to replay the events that are left with the new one", strings.Join(c.Changes, ", "))
	}
	return c.Start(complete)
}

// WriteHeader writes the header of a new checkpoint, or the config if that has
// changed. It is called once everything else is ready: with the header, the next
// run resumes.
func (c *Checkpoint) WriteHeader() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.IsNew:
		text, err := c.header.text()
		if err != nil {
			return err
		}
		return c.Write(text)
	case len(c.Changes) > 0:
		config, err := json.Marshal(c.header.Config)
		if err != nil {
			return err
		}
		return c.Write(append([]byte(recordConfig), config...))
	}
	return nil
}

// ReplayID is a short name for the replay.
func (c *Checkpoint) ReplayID() string { return c.header.ReplayID() }

// Add records what happened to an event.
func (c *Checkpoint) Add(kind Kind, ev input.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := record{kind: kind, position: ev.Position, checksum: ev.Checksum}
	if err := c.Write(r.text()); err != nil {
		return err
	}
	return c.state.apply(r)
}

// Err returns the error after which nothing is recorded any more.
func (c *Checkpoint) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Journal.Err()
}

// AddMissingFailure adds the record of an event in the failed file, if an
// earlier run was killed before it could write that.
func (c *Checkpoint) AddMissingFailure(p input.Position) error {
	if c.IsFinished(p.Number) {
		return nil
	}
	return c.Add(Failed, input.Event{Position: p})
}

// IsFinished reports whether an event need not be replayed.
func (c *Checkpoint) IsFinished(number int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.View.IsFinished(number)
}

// Count returns how many events are finished, and how many of those failed.
func (c *Checkpoint) Count() (finished, failed int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.View.Count()
}
