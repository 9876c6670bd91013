package main

import (
	"context"
	"iter"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/examples/backfill/internal/input"
)

const (
	// concurrency bounds how many events are in flight, and so how many a kill
	// leaves in doubt. ProcessAll alone would read one or two further ahead.
	concurrency = 16

	// If suspiciousFailures events fail in a row, and may succeed later, a new
	// one is started only once per probeInterval, until one succeeds. The
	// waiting events alone would not do as probes: all of them may be bad.
	suspiciousFailures = concurrency
	probeInterval      = time.Minute

	// outageEvents different events that fail in a row, to the last retry, are
	// an outage. Fewer may have something that Trengo, or what protects it,
	// rejects.
	outageEvents = 3

	// maxWaiting bounds how many events wait for a retry, and their memory.
	maxWaiting = 100
)

// An item is an event on its way through ProcessAll.
type item struct {
	input.Event
	event *trengo.Event
	err   error // why the event is missing
	// inDoubt says that an attempt may have had its effect.
	inDoubt bool

	failures     int
	streak       int // the last row of failures that it belongs to
	firstFailure time.Time
	nextAttempt  time.Time
}

// A queue decides which event is next: one whose retry is due, or else a new
// one. New ones come from another goroutine, because a read from a pipe may
// block.
type queue struct {
	items       chan *item
	markStarted func(*item) error // called before an item is handed out

	mu        sync.Mutex
	ended     bool          // items is closed
	handedOut int           // how many items were
	inFlight  map[int]*item // by their index in the sequence
	waiting   []*item       // for a retry
	responded time.Time     // when Trengo last responded to an item
	failing   int           // items that failed since then, and may succeed later
	streak    int           // counts the rows of such failures, from 1
	lastNew   time.Time     // when the last new item was handed out
	changed   chan struct{}
}

func newQueue(markStarted func(*item) error) *queue {
	return &queue{items: make(chan *item), markStarted: markStarted, inFlight: map[int]*item{}, streak: 1, changed: make(chan struct{}, 1)}
}

// events is the sequence for ProcessAll. It ends after the last event or with
// ctx. The end of ctx does not affect the events in flight.
func (q *queue) events(ctx context.Context) iter.Seq2[*trengo.Event, error] {
	return func(yield func(*trengo.Event, error) bool) {
		for {
			it := q.next(ctx)
			if it == nil || q.markStarted(it) != nil {
				return
			}
			q.add(it)
			if !yield(it.event, it.err) {
				return
			}
		}
	}
}

// next waits for an item; nil means the end.
func (q *queue) next(ctx context.Context) *item {
	for ctx.Err() == nil {
		s := q.poll()
		if s.due != nil || s.isEmpty {
			return s.due
		}
		select {
		case it, more := <-s.newItems:
			if more {
				q.noteNew()
				return it
			}
			q.end()
		case <-s.wake:
		case <-q.changed:
		case <-ctx.Done():
		}
	}
	return nil
}

// A supply is what a queue has at the moment: an item, nothing any more, or
// something to wait for.
type supply struct {
	due      *item            // an item to retry now
	isEmpty  bool             // everything is processed
	newItems <-chan *item     // nil while no new item may start
	wake     <-chan time.Time // fires when time changes the supply
}

func (q *queue) poll() supply {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.inFlight) >= concurrency {
		return supply{}
	}
	wait := time.Duration(math.MaxInt64)
	if len(q.waiting) > 0 {
		first := slices.MinFunc(q.waiting, func(a, b *item) int { return a.nextAttempt.Compare(b.nextAttempt) })
		if wait = time.Until(first.nextAttempt); wait <= 0 {
			q.waiting = slices.DeleteFunc(q.waiting, func(it *item) bool { return it == first })
			return supply{due: first}
		}
	}
	if q.ended {
		return supply{isEmpty: len(q.waiting) == 0 && len(q.inFlight) == 0, wake: time.After(wait)}
	}
	if probe := time.Until(q.lastNew.Add(probeInterval)); q.failing >= suspiciousFailures && probe > 0 {
		return supply{wake: time.After(min(wait, probe))}
	}
	return supply{newItems: q.items, wake: time.After(wait)}
}

func (q *queue) noteNew() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lastNew = time.Now()
}

func (q *queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
}

func (q *queue) add(it *item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.inFlight[q.handedOut] = it
	q.handedOut++
}

// item returns the item of an outcome.
func (q *queue) item(index int) *item {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.inFlight[index]
}

// remove is called only after an item is recorded and its retry, if any, is
// scheduled: otherwise next could take the queue for empty.
func (q *queue) remove(index int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.inFlight, index)
	select {
	case q.changed <- struct{}{}:
	default:
	}
}

// retryAfter schedules a retry after a pause. It reports false if there is no
// room.
func (q *queue) retryAfter(it *item, pause time.Duration) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= maxWaiting {
		return false
	}
	it.nextAttempt = time.Now().Add(pause)
	q.waiting = append(q.waiting, it)
	return true
}

// addFailure counts an event that failed and may succeed later, but only once in
// a row.
func (q *queue) addFailure(it *item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if it.streak != q.streak {
		it.streak = q.streak
		q.failing++
	}
}

// addResponse ends the row of failures: Trengo responded to an item, if only to
// reject it.
func (q *queue) addResponse() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.responded = time.Now()
	q.failing = 0
	q.streak++
}

// isOutage reports whether an item that fails again and again is not to blame:
// several others fail in a row, and Trengo responded to none since it failed
// first.
func (q *queue) isOutage(it *item) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.failing >= outageEvents && it.firstFailure.After(q.responded)
}

// unprocessed yields the items that were handed out but never processed. It may
// be called only after ProcessAll has ended.
func (q *queue) unprocessed() iter.Seq[*item] { return maps.Values(q.inFlight) }

func (q *queue) waitingCount() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// waitingPositions returns which events wait for a retry.
func (q *queue) waitingPositions() []input.Position {
	q.mu.Lock()
	defer q.mu.Unlock()
	positions := make([]input.Position, len(q.waiting))
	for i, it := range q.waiting {
		positions[i] = it.Position
	}
	return positions
}
