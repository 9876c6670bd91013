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
)

// An item is an event on its way through ProcessAll.
type item struct {
	line
	event *trengo.Event
	err   error // why there is no event
	// inDoubt says that some try may have had its effect.
	inDoubt bool

	tries    int       // that failed
	failedAt time.Time // the first of them
	due      time.Time // when the next may be made
}

// A queue decides which event is next: one that is to be tried again and whose
// time has come, or else a new one. The new ones come from another goroutine,
// because nobody knows when a read from a pipe returns.
type queue struct {
	items chan *item
	begin func(*item) error // called before an item is handed out

	mu       sync.Mutex
	ended    bool          // items is closed
	out      int           // how many were handed out
	underWay map[int]*item // by their place among those
	waiting  []*item       // to be tried again
	streak   int           // of failures since Trengo last answered
	newAt    time.Time     // when the last new item was handed out
	changed  chan struct{}
}

const (
	// concurrency bounds how many events are under way, and so how many a kill
	// leaves in doubt. ProcessAll by itself would be one or two ahead.
	concurrency = 16

	// maxStreak failures in a row that a later try may mend are taken for an
	// outage: until one try has come through, a new event is begun only now and
	// then. There must be some, because all that wait may be bad.
	maxStreak  = concurrency
	probeEvery = time.Minute

	// maxWaiting bounds how many events wait for another try, and the memory
	// that they take.
	maxWaiting = 100
)

func newQueue(begin func(*item) error) *queue {
	return &queue{items: make(chan *item), begin: begin, underWay: map[int]*item{}, changed: make(chan struct{}, 1)}
}

// events is the sequence for ProcessAll. It ends after the last event, or when
// ctx does, which leaves those under way alone.
func (q *queue) events(ctx context.Context) func(yield func(*trengo.Event, error) bool) {
	return func(yield func(*trengo.Event, error) bool) {
		for {
			it := q.next(ctx)
			if it == nil || q.begin(it) != nil {
				return
			}
			q.enter(it)
			if !yield(it.event, it.err) {
				return
			}
		}
	}
}

// next waits for an item; nil is the end.
func (q *queue) next(ctx context.Context) *item {
	for ctx.Err() == nil {
		it, items, due, over := q.look()
		if it != nil || over {
			return it
		}
		select {
		case it, more := <-items:
			if more {
				q.noteNew()
				return it
			}
			q.end()
		case <-due:
		case <-q.changed:
		case <-ctx.Done():
		}
	}
	return nil
}

// look returns the item whose time has come, or else what to wait for. The
// channel of new items is nil if there are to be none now.
func (q *queue) look() (it *item, items <-chan *item, due <-chan time.Time, over bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.underWay) >= concurrency {
		return nil, nil, nil, false
	}
	wait := time.Duration(math.MaxInt64)
	if len(q.waiting) > 0 {
		first := slices.MinFunc(q.waiting, func(a, b *item) int { return a.due.Compare(b.due) })
		if wait = time.Until(first.due); wait <= 0 {
			q.waiting = slices.DeleteFunc(q.waiting, func(it *item) bool { return it == first })
			return first, nil, nil, false
		}
	}
	if !q.ended {
		probe := time.Until(q.newAt.Add(probeEvery))
		if q.streak < maxStreak || probe <= 0 {
			items = q.items
		} else {
			wait = min(wait, probe)
		}
	}
	return nil, items, time.After(wait), q.ended && len(q.waiting) == 0 && len(q.underWay) == 0
}

func (q *queue) noteNew() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.newAt = time.Now()
}

func (q *queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
}

func (q *queue) enter(it *item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.underWay[q.out] = it
	q.out++
}

// of returns the item of an outcome.
func (q *queue) of(index int) *item {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.underWay[index]
}

// leave is called when everything about an item is settled, so that next does
// not take the queue for empty before.
func (q *queue) leave(index int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.underWay, index)
	select {
	case q.changed <- struct{}{}:
	default:
	}
}

// again lets an item be tried once more after a pause, if there is room.
func (q *queue) again(it *item, pause time.Duration) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= maxWaiting {
		return false
	}
	it.due = time.Now().Add(pause)
	q.waiting = append(q.waiting, it)
	return true
}

// noAnswer counts a failure that a later try may mend, and answered ends the
// count.
func (q *queue) noAnswer() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.streak++
}

func (q *queue) answered() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.streak = 0
}

func (q *queue) isOutage() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.streak >= maxStreak
}

// left yields the items that were handed out and taken by nobody.
func (q *queue) left() iter.Seq[*item] { return maps.Values(q.underWay) }

func (q *queue) waitingFor() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}
