package trengo

import (
	"context"
	"iter"
	"sync"

	"github.com/trengo-go/trengo/internal/inbound"
)

// A runner runs many deliveries with a bounded number of workers, each of which
// runs one line of them at a time. In runArray the deliveries of a person are one
// line; in runSequence each delivery is a line, and the person's queue keeps the
// order.
type runner struct {
	dedup      *deduplicator
	policy     *redeliveryPolicy // nil: a failure does not concern other events
	maxWorkers int
	lines      chan *delivery // the first of each line
	workers    sync.WaitGroup
	emit       func(Outcome) // called concurrently
	onLineEnd  func()        // called concurrently
}

func newRunner(d *deduplicator, concurrency int, policy *redeliveryPolicy) *runner {
	return &runner{dedup: d, policy: policy, maxWorkers: max(1, concurrency), lines: make(chan *delivery)}
}

// runSequence runs the events of a sequence and yields their outcomes as they
// complete.
func (r *runner) runSequence(ctx context.Context, events iter.Seq2[*Event, error], yield func(Outcome) bool) {
	ctx, cancel := context.WithCancel(ctx)
	outcomes, busy := make(chan Outcome), make(chan struct{}, r.maxWorkers)
	r.emit = func(o Outcome) { outcomes <- o }
	r.onLineEnd = func() { <-busy }
	r.startWorkers(ctx, r.maxWorkers)
	var panicked any // of the sequence, which belongs to the caller
	go func() {
		defer close(outcomes)
		defer r.finish()
		defer func() { panicked = recover() }()
		r.admitAll(ctx, events, busy)
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
// the order of the input. It waits for a free worker first: an event that has a
// position but does not run would hold up those that do, for ever.
func (r *runner) admitAll(ctx context.Context, events iter.Seq2[*Event, error], busy chan<- struct{}) {
	index := 0
	for ev, err := range events {
		select {
		case busy <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return
		}
		d := newDelivery(r.dedup, index, ev, err)
		d.reserve()
		r.lines <- d
		index++
	}
}

// runArray runs the events of one request and returns their outcomes in the
// order of the array. Before it decodes those that ask for something, it reserves
// the memory that they take.
func (r *runner) runArray(ctx context.Context, events []receivedEvent, memory *inbound.Memory) []Outcome {
	outcomes := make([]Outcome, len(events))
	r.emit = func(o Outcome) { outcomes[o.Index] = o }
	r.onLineEnd = func() {}
	asking := r.runHeaders(ctx, events)
	release, err := reserveFor(ctx, asking, memory)
	if err != nil {
		for _, d := range asking {
			d.Err = withPrefix(err)
			r.emit(d.Outcome)
		}
		return outcomes
	}
	defer release()
	lines := r.personLines(ctx, asking)
	r.startWorkers(ctx, min(r.maxWorkers, len(lines)))
	for _, line := range lines {
		r.lines <- line
	}
	r.finish()
	return outcomes
}

// A receivedEvent is an event of a request, or what is in the place of one.
type receivedEvent struct {
	raw rawEvent
	err error // why it is not an event
}

// runHeaders runs the events that need not be decoded and returns the others.
func (r *runner) runHeaders(ctx context.Context, events []receivedEvent) (asking []*delivery) {
	for i := range events {
		d := &delivery{Outcome: Outcome{Index: i, Err: withPrefix(events[i].err)}}
		if d.Err == nil {
			d.Event = events[i].raw.header()
			d.queued = r.dedup.prepareHeader(d.Event)
		}
		if d.Err == nil && d.queued == nil {
			d.raw = &events[i].raw
			asking = append(asking, d)
			continue
		}
		d.run(ctx)
		r.emit(d.Outcome)
	}
	return asking
}

// reserveFor waits for the memory that events take when they are decoded.
func reserveFor(ctx context.Context, events []*delivery, memory *inbound.Memory) (release func(), err error) {
	var size int64
	inherit := false
	for _, d := range events {
		size += d.raw.decodedSize()
		inherit = inherit || d.raw.inheritsAny()
	}
	if inherit && size > memory.Size() {
		// A little body can be a lot of memory, which no bound would hold.
		return nil, invalidEvent("with what it inherits, its batch takes too much memory")
	}
	release, ok := memory.Reserve(ctx, size)
	if !ok {
		return nil, errNoMemory
	}
	return release, nil
}

// personLines decodes events, and groups those that wait for each other, directly or
// for one between them, into lines in the order of their first events. The events do
// not get a position in a queue yet: one that has it would hold up other requests
// while it waits for a worker.
func (r *runner) personLines(ctx context.Context, events []*delivery) (lines []*delivery) {
	var waiting []*delivery
	var groups disjointSets
	lastOf := make(map[personKey]int)
	for _, d := range events {
		d.decode(r.dedup)
		keys := d.queueKeys()
		if len(keys) == 0 {
			d.run(ctx)
			r.emit(d.Outcome)
			continue
		}
		position := len(waiting)
		waiting, groups = append(waiting, d), append(groups, position)
		for _, key := range keys {
			if before, ok := lastOf[key]; ok {
				groups.join(before, position)
			}
			lastOf[key] = position
		}
	}
	last := make([]*delivery, len(waiting))
	for position, d := range waiting {
		first := groups.first(position)
		if before := last[first]; before != nil {
			before.next = d
		} else {
			lines = append(lines, d)
		}
		last[first] = d
	}
	return lines
}

func (r *runner) startWorkers(ctx context.Context, n int) {
	for range n {
		r.startWorker(ctx)
	}
}

func (r *runner) startWorker(ctx context.Context) {
	r.workers.Go(func() {
		finished := false
		defer func() {
			if !finished { // the user's code has called runtime.Goexit
				r.onLineEnd()
				r.startWorker(ctx)
			}
		}()
		for line := range r.lines {
			r.runLine(ctx, line)
			r.onLineEnd()
		}
		finished = true
	})
}

// finish waits until all lines have ended.
func (r *runner) finish() {
	close(r.lines)
	r.workers.Wait()
}

func (r *runner) runLine(ctx context.Context, line *delivery) {
	d := line
	defer func() {
		for ; d != nil; d = d.next { // the user's code has called runtime.Goexit
			d.Err = withPrefix(errGoexit)
			r.emit(d.Outcome)
		}
	}()
	var held heldQueues // nil as long as nothing has failed
	for ; d != nil; d = d.next {
		if cause := held.cause(d); cause != nil {
			d.Err = &opError{op: "held back behind another event of the same person", err: cause}
			held.add(d, cause)
			r.emit(d.Outcome)
			continue
		}
		if r.policy != nil {
			if err := d.queued.earlierFailure(); err != nil {
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
			d.queued.rememberFailure(d.Err)
		case r.policy.willRedeliver(d.Err):
			if held == nil {
				held = make(heldQueues)
			}
			held.add(d, d.Err)
		}
	}
}

// heldQueues are the queues in which events are held back, and the error of the
// one behind which they are.
type heldQueues map[personKey]error

// cause returns why an event is held back, or nil.
func (h heldQueues) cause(d *delivery) error {
	for _, key := range d.queueKeys() {
		if cause := h[key]; cause != nil {
			return cause
		}
	}
	return nil
}

// add holds back the events that would overtake d.
func (h heldQueues) add(d *delivery, cause error) {
	for _, key := range d.queueKeys() {
		h[key] = cause
	}
}

// disjointSets are sets of numbers from 0. Each number has a smaller one of its
// set, or itself.
type disjointSets []int

func (s disjointSets) join(a, b int) {
	a, b = s.first(a), s.first(b)
	s[max(a, b)] = min(a, b)
}

// first returns the smallest number of the set of n.
func (s disjointSets) first(n int) int {
	for s[n] != n {
		s[n] = s[s[n]]
		n = s[n]
	}
	return n
}

// A redeliveryPolicy describes a sender that delivers several events together,
// and all of them again if one fails.
type redeliveryPolicy struct {
	// isPermanent reports whether an event that ended with err would end the
	// same way again. It is not tried again for a while: each delivery would
	// spend its requests again, and there might never be room for the others.
	isPermanent func(err error) bool
	// willRedeliver reports whether the sender delivers an event that ended
	// with err again. Events of the person after it must not overtake it.
	willRedeliver func(err error) bool
}
