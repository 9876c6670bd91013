package trengo

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync"
)

// A runner runs many deliveries. Deliveries of one person form a line and run
// in its order; a bounded number of lines runs at once.
type runner struct {
	dedup   *deduplicator
	policy  *redeliveryPolicy // nil: a failure does not concern other events
	slots   chan struct{}     // one element for each line that runs
	running sync.WaitGroup
	emit    func(Outcome) // called concurrently
}

// A redeliveryPolicy describes a sender that delivers several events together,
// and all of them again if one fails.
type redeliveryPolicy struct {
	// isPermanent reports whether an event that ended with err would end the
	// same way again. It is not tried again for a while, so that others find
	// room.
	isPermanent func(err error) bool
	// willRedeliver reports whether the sender delivers an event that ended
	// with err again. Events of the person after it must not overtake it.
	willRedeliver func(err error) bool
}

func newRunner(d *deduplicator, concurrency int, policy *redeliveryPolicy) *runner {
	return &runner{dedup: d, policy: policy, slots: make(chan struct{}, max(1, concurrency))}
}

// runSequence runs the events of a sequence and yields their outcomes as they
// complete.
func (r *runner) runSequence(ctx context.Context, events iter.Seq2[*Event, error], yield func(Outcome) bool) {
	ctx, cancel := context.WithCancel(ctx)
	outcomes := make(chan Outcome)
	r.emit = func(o Outcome) { outcomes <- o }
	var panicked any // of the sequence, which belongs to the caller
	go func() {
		defer close(outcomes)
		defer r.running.Wait()
		defer func() { panicked = recover() }()
		r.admitAll(ctx, events)
	}()
	defer func() {
		cancel()
		for range outcomes {
			// Nobody wants them, but their goroutines have to end.
		}
		if panicked != nil {
			panic(panicked)
		}
	}()
	for outcome := range outcomes {
		if !yield(outcome) {
			return
		}
	}
}

// admitAll reserves for each event its position in the queue of its person, in
// the order of the input. It waits for a slot first: an event that has a
// position but does not run would hold up those that do, for ever.
func (r *runner) admitAll(ctx context.Context, events iter.Seq2[*Event, error]) {
	index := 0
	for ev, err := range events {
		select {
		case r.slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return
		}
		d := newDelivery(r.dedup, index, ev, err)
		d.reserve()
		r.start(ctx, []*delivery{d})
		index++
	}
}

// runArray runs the events of one request and returns their outcomes in the
// order of the array.
func (r *runner) runArray(ctx context.Context, events []json.RawMessage) []Outcome {
	outcomes := make([]Outcome, len(events))
	r.emit = func(o Outcome) { outcomes[o.Index] = o }
	for _, line := range r.personLines(ctx, events) {
		r.slots <- struct{}{}
		r.start(ctx, line)
	}
	r.running.Wait()
	return outcomes
}

// personLines groups events by person, people in the order of their first
// events. The events do not get a position in a queue yet: one that has it
// would hold up other requests while it waits for a slot.
func (r *runner) personLines(ctx context.Context, events []json.RawMessage) [][]*delivery {
	var lines [][]*delivery
	lineOf := make(map[personKey]int)
	for i, data := range events {
		ev, err := ParseEvent(data)
		d := newDelivery(r.dedup, i, ev, err)
		key, waits := d.personKey()
		line, known := lineOf[key]
		switch {
		case waits && known:
			lines[line] = append(lines[line], d)
		case waits:
			lineOf[key] = len(lines)
			lines = append(lines, []*delivery{d})
		default:
			d.run(ctx) // it has nothing to wait for
			r.emit(d.Outcome)
		}
	}
	return lines
}

// start runs a line, for which the caller has taken a slot.
func (r *runner) start(ctx context.Context, line []*delivery) {
	r.running.Go(func() {
		defer func() { <-r.slots }()
		r.runLine(ctx, line)
	})
}

func (r *runner) runLine(ctx context.Context, line []*delivery) {
	for i, d := range line {
		if r.policy != nil {
			if err := r.dedup.memory.failureOf(d.queued.op); err != nil {
				d.Err = err
				r.emit(d.Outcome)
				continue
			}
		}
		d.run(ctx)
		r.emit(d.Outcome)
		switch {
		case r.policy == nil || d.Err == nil:
		case r.policy.isPermanent(d.Err):
			r.dedup.memory.rememberFailure(d.queued.op, d.Err)
		case r.policy.willRedeliver(d.Err):
			r.holdBack(line[i+1:], d.Err)
			return
		}
	}
}

func (r *runner) holdBack(line []*delivery, cause error) {
	for _, d := range line {
		d.Err = &opError{op: "held back behind another event of the same person", err: cause}
		r.emit(d.Outcome)
	}
}

// A delivery is an event on its way to its outcome.
type delivery struct {
	Outcome
	queued *queuedOperation // nil if the event is not one
}

func newDelivery(dedup *deduplicator, index int, ev *Event, err error) *delivery {
	d := &delivery{Outcome: Outcome{Index: index, Event: ev, Err: err}}
	if err == nil {
		d.Err = catchPanic(func() { d.queued = dedup.prepare(ev) })
	}
	return d
}

func (d *delivery) personKey() (key personKey, ok bool) {
	if d.queued == nil {
		return personKey{}, false
	}
	return d.queued.personKey()
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
	if d.queued.reservation == nil {
		d.queued.reserve()
	}
	defer d.queued.release()
	if err := catchPanic(func() { d.Result, d.Err = d.queued.run(ctx) }); err != nil {
		d.Err = err
	}
}

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
