package trengo

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync"
)

// An Outcome is what became of one event of [Destination.ProcessAll].
type Outcome struct {
	Index  int    // the place in the input, from 0
	Event  *Event // nil if there was only an error in the input
	Result Result
	Err    error
}

// ProcessAll does what [Destination.Process] does with every event of a
// sequence, [DestinationConfig.Concurrency] of them at once, and yields the outcomes as
// they complete: Outcome.Index says which event they are of. Events of one
// person are handled in the order of the input; one that fails does not hold
// back those after it. An error of the input becomes an outcome, as does a
// panic while an event is handled, and the rest goes on.
//
// Events are taken from the sequence, by another goroutine, as fast as they
// are handled, so memory does not grow with the input. When ctx ends or the
// caller leaves the loop, no more are taken, those under way are cancelled,
// and the loop ends as soon as the sequence returns; events that were not
// begun have no outcome. To finish what is under way, end the sequence
// instead.
func (d *Destination) ProcessAll(ctx context.Context, events iter.Seq2[*Event, error]) iter.Seq[Outcome] {
	return func(yield func(Outcome) bool) {
		ctx, cancel := context.WithCancel(ctx)
		b := batch{destination: d, entries: make(chan entry), busy: make(chan struct{}, d.cfg.Concurrency), outcomes: make(chan Outcome)}
		b.start(ctx, events)
		defer func() {
			cancel()
			for range b.outcomes {
				// Nobody wants them, but their goroutines have to end.
			}
			if b.panicked != nil {
				panic(b.panicked)
			}
		}()
		for outcome := range b.outcomes {
			if !yield(outcome) {
				return
			}
		}
	}
}

// A batch is a ProcessAll at work.
type batch struct {
	destination *Destination
	busy        chan struct{} // has an element for each worker that has an event
	entries     chan entry
	outcomes    chan Outcome
	panicked    any // of the sequence, which belongs to the caller
}

func (b *batch) start(ctx context.Context, events iter.Seq2[*Event, error]) {
	var running sync.WaitGroup
	running.Go(func() {
		defer close(b.entries)
		defer func() { b.panicked = recover() }()
		b.admit(ctx, events)
	})
	for range cap(b.busy) {
		running.Go(func() {
			for e := range b.entries {
				b.outcomes <- e.handle(ctx)
				<-b.busy
			}
		})
	}
	go func() {
		running.Wait()
		close(b.outcomes)
	}()
}

// admit gives each event its place in its person's line, in the order of the
// input. It waits for a free worker first: an event that has a place but
// nobody to handle it would hold up those that are being handled, for ever.
func (b *batch) admit(ctx context.Context, events iter.Seq2[*Event, error]) {
	index := 0
	for ev, err := range events {
		select {
		case b.busy <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return
		}
		e := entry{Outcome: Outcome{Index: index, Event: ev, Err: err}}
		if err == nil {
			e.Err = recovered(func() {
				e.task = b.destination.newTask(ev)
				e.task.join()
			})
		}
		b.entries <- e
		index++
	}
}

// An entry is an event that has its place.
type entry struct {
	Outcome
	task *task // nil if there is nothing to do
}

func (e *entry) leave() {
	if e.task != nil {
		e.task.leave()
	}
}

func (e *entry) handle(ctx context.Context) Outcome {
	defer e.leave()
	if e.task != nil {
		panicked := recovered(func() { e.Result, e.Err = e.task.run(ctx) })
		if panicked != nil {
			e.Err = panicked
		}
	}
	return e.Outcome
}

// recovered turns a panic of f into an error. What is panicked with may hold
// personal data, so it is not printed, unless it comes from the runtime.
func recovered(f func()) (err error) {
	defer func() {
		value := recover()
		if value == nil {
			return
		}
		what := fmt.Sprintf("%T", value)
		if fault, ok := value.(runtime.Error); ok {
			what = fault.Error()
		}
		err = &panicError{site: panicSite(), what: what}
	}()
	f()
	return nil
}

// panicError is a panic while an event was handled.
type panicError struct{ site, what string }

func (e *panicError) Error() string { return "trengo: panic at " + e.site + ": " + e.what }

// panicSite is the function and line that panicked.
func panicSite() string {
	var callers [32]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers[:])])
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, "runtime.") || !more {
			return fmt.Sprintf("%s:%d", frame.Function, frame.Line)
		}
	}
}
