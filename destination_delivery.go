package trengo

import (
	"context"
	"fmt"
	"runtime"
	"strings"
)

// A delivery is an event on its way to its outcome.
type delivery struct {
	Outcome
	raw    *rawEvent        // nil unless the event is still to be decoded
	queued *queuedOperation // nil if the event is not one
	next   *delivery        // in the line of the person
}

func newDelivery(dedup *deduplicator, index int, ev *Event, err error) *delivery {
	d := &delivery{Outcome: Outcome{Index: index, Event: ev, Err: err}}
	d.prepare(dedup)
	return d
}

// decode replaces the header of the event by all of it.
func (d *delivery) decode(dedup *deduplicator) {
	d.Event, d.raw = d.raw.event(), nil
	d.prepare(dedup)
}

func (d *delivery) prepare(dedup *deduplicator) {
	if d.Err == nil {
		d.Err = catchPanic(func() { d.queued = dedup.prepare(d.Event) })
	}
}

func (d *delivery) queueKeys() []personKey {
	if d.queued == nil {
		return nil
	}
	return d.queued.queueKeys()
}

func (d *delivery) reserve() {
	if d.queued != nil {
		d.queued.reserve()
	}
}

func (d *delivery) run(ctx context.Context) {
	if d.queued == nil {
		return
	}
	if d.queued.reservations == nil {
		d.queued.reserve()
	}
	defer d.queued.release()
	if err := catchPanic(func() { d.Result, d.Err = d.queued.run(ctx) }); err != nil {
		d.Err = err
	}
}

// errGoexit is the error of an event whose goroutine was ended by the user's code,
// and of those that waited for it.
var errGoexit = &panicError{site: "an option or a transport", what: "runtime.Goexit"}

// catchPanic turns a panic of f into an error. The value may contain personal
// data, so it is not printed, unless it comes from the runtime.
func catchPanic(f func()) (err error) {
	defer func() {
		value := recover()
		if value == nil {
			return
		}
		what := fmt.Sprintf("%T", value)
		if fault, ok := value.(runtime.Error); ok {
			what = fault.Error()
		}
		err = withPrefix(&panicError{site: panicSite(), what: what})
	}()
	f()
	return nil
}

// A panicError is a panic while an event was processed.
type panicError struct{ site, what string }

func (e *panicError) Error() string { return "panic at " + e.site + ": " + e.what }

// panicSite returns the function and line that panicked.
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
