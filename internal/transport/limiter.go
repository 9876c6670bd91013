// How the rate limit is kept, in one place:
//
// A slot is the right to have one attempt counted by the server; there are as
// many as the limit. An attempt takes a slot before it is sent. When its
// response has arrived, the slot goes into a cooldown of one window, and only
// then is it free again. The server counts the attempt between the first two
// moments. So all attempts that it counts within one window hold a slot at the
// same time, wherever that window starts: there are never more than the limit.
// If the attempt is given up without a response, the server may still count it,
// at most maxLag later: the cooldown is longer by that. A slot skips the
// cooldown if nothing was sent, or if the response was a 429.
//
// Two things keep free slots from an attempt. Slots are held back for one
// window when a response shows that another process has used the token. Slots
// are reserved for the remaining calls of a sequence that has started; only a
// continuation may take them.
//
// The pacer can only delay an attempt further: its gate is closed while the
// server asks for a pause, and its bucket spreads a backlog over the window.
//
// An attempt that cannot be sent at once waits in the queue. The schedule
// predicts when each attempt in the queue will be sent. An attempt whose
// response would arrive after its deadline fails at once instead of waiting.
//
// How many slots there are is what the responses state. Not every one of them is
// believed: see limits.

package transport

import (
	"context"
	"math"
	"sync"
	"time"
)

const (
	// window is the interval over which the server counts.
	window = time.Minute

	// maxLag is how long after the end of an attempt without a response the
	// server may still count it.
	maxLag = time.Minute

	// slack is how late timers and goroutines may run.
	slack = 10 * time.Millisecond
)

// A noRoomError means that an attempt cannot be sent in time. The wait is how
// long it takes until one could be.
type noRoomError struct{ wait time.Duration }

func (e *noRoomError) Error() string { return "no room within the rate limit in time" }

// ErrTooLate is the cause of a [Failure] whose call was not sent, because even
// a fast response would arrive after the deadline: a write would have an
// unknown outcome. It matches context.DeadlineExceeded.
var ErrTooLate error = tooLateError{}

type tooLateError struct{}

func (tooLateError) Error() string { return "the response would arrive too late" }

func (tooLateError) Is(target error) bool { return target == context.DeadlineExceeded }

// A limiter decides when an attempt may be sent. It coordinates slots, queue,
// round-trip times and pacer. These four know nothing of each other and do not
// lock: only the limiter has a mutex. A limiter is safe for concurrent use.
type limiter struct {
	mu      sync.Mutex // guards all other fields
	ceiling int        // most slots, whatever the server allows; zero means no bound
	limits  limits
	slots   slots
	queue   queue
	rtt     rtt
	pacer   pacer
	timer   *time.Timer // fires when the first waiter can be sent
	// timetable is the schedule of the queue.
	timetable timetable
	scratch   []time.Time // reused by every other schedule
}

func newLimiter(limit, ceiling int) *limiter {
	return &limiter{ceiling: ceiling, limits: newLimits(limit), slots: slots{limit: limit}, pacer: newPacer(limit)}
}

// acquire waits until the attempt of s may be sent. It fails with a
// *noRoomError if that moment would leave no time for a round trip before the
// context's deadline, or if it is more than maxWait away (zero means no
// bound): at once, or as soon as this is known.
//
// Attempts are sent in the order in which they arrive, continuations first.
func (l *limiter) acquire(ctx context.Context, s *slot, maxWait time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.seq = sequenceFrom(ctx)
	w := &waiter{slot: s, bounds: newBounds(ctx, time.Now(), maxWait)}
	queued, err := l.enqueue(w)
	if !queued {
		return err
	}
	select {
	case err := <-w.result:
		return err
	case <-ctx.Done():
		l.abandon(w)
		return ctx.Err()
	}
}

// enqueue lets w wait in the queue. If queued is false, w does not have to
// wait: it has its slot already, or it gets none because of the error.
func (l *limiter) enqueue(w *waiter) (queued bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.expire(now)
	if l.rtt.cannotMeet(now, w.bounds.respondBy) {
		return false, ErrTooLate
	}
	if l.queue.len() == 0 && l.canStart(now, w) && l.tryGrant(now, w.slot) {
		l.timetable.change()
		return false, nil
	}
	if wait, inTime := l.predict(now, w.slot.seq, w.bounds); !inTime {
		return false, &noRoomError{wait: wait}
	}
	overtakes := l.queue.push(w)
	l.timetable.add(1 + w.slot.seq.remaining)
	if overtakes {
		l.timetable.delay()
	}
	l.revise(now)
	l.dispatch(now)
	return true, nil
}

// canStart reports whether the remaining calls of a sequence are expected to
// have room, if its first call is sent now. It leaves out how long the server
// takes to respond: after one slow response no sequence would start, and
// nothing would show that the server has become fast again. If no slot is in
// use, a sequence always starts; otherwise a limit smaller than the sequence
// would never let it start.
func (l *limiter) canStart(now time.Time, w *waiter) bool {
	if w.slot.seq.remaining == 0 || l.slots.free() == l.slots.limit {
		return true
	}
	s := l.schedule(now, l.slots.reserved, &l.scratch)
	s.rttMax = 0
	s.advance(l.slots.reserved)
	return s.lateBy(w.slot.seq, w.bounds) <= 0
}

// abandon takes w out of the queue because its caller has stopped waiting. The
// slot that w may have been granted in the meantime becomes free.
func (l *limiter) abandon(w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if granted := l.queue.remove(w); granted {
		l.slots.vacate(w.slot)
	}
	l.timetable.change()
	l.dispatch(time.Now())
}

// release frees the slot of an attempt that was not sent.
func (l *limiter) release(s *slot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slots.vacate(s)
	l.timetable.change()
	l.dispatch(time.Now())
}

// complete ends an attempt that was, or may have been, sent. If connections is
// more than one, net/http sent the request again by itself: then the server
// may have counted each of them.
func (l *limiter) complete(s *slot, connections int, info rateInfo) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.expire(now)
	before, rttMax := l.conditions(), l.rtt.max
	if l.ceiling > 0 {
		info.limit = min(info.limit, l.ceiling)
	}
	l.resize(now, info)
	l.slots.vacate(s)
	l.cool(now, max(1, connections), info)
	l.observe(now, s, info)
	switch {
	case l.conditions().worseThan(before):
		l.timetable.invalidate()
	case l.rtt.max > rttMax || !info.received:
		l.timetable.delay()
	default:
		l.timetable.change()
	}
	l.revise(now)
	l.dispatch(now)
}

// cool starts the cooldowns of requests that ended now. At most one of them, the
// last, has a response by the server.
func (l *limiter) cool(now time.Time, requests int, info rateInfo) {
	if info.received && !info.byGateway {
		requests--
		// If the server counts a 429 at all, it does so in the window that ends
		// while the gate is closed. A cooldown would reach into the next window,
		// pass there for a request of our own, and so hide one of another process.
		if info.pause == 0 {
			l.slots.cool(cooldown{until: now.Add(window), slots: 1})
		}
	}
	l.slots.cool(cooldown{until: now.Add(window + maxLag), slots: requests})
}

// observe takes in what a response shows about the server and about other
// processes that use the token. The slot is that of the attempt.
func (l *limiter) observe(now time.Time, s *slot, info rateInfo) {
	if !info.received {
		return
	}
	l.rtt.add(now, info.rtt)
	switch {
	case info.pause > 0:
		// The gate delays every attempt; what remains of the limit adds nothing.
		l.pacer.closeGate(now.Add(info.pause))
		l.pacer.noteSharing(now)
		l.adjustPacer(now)
	case info.hasRemaining && info.limit == l.slots.limit: // what remains of any other limit is not ours
		others := max(0, s.leastLeft-info.remaining)
		if others > 0 {
			l.pacer.noteSharing(now)
		}
		if l.slots.holdBack(now, others) {
			l.adjustPacer(now)
		}
	}
}

// resize adopts the limit that the response states, if it is believed.
func (l *limiter) resize(now time.Time, info rateInfo) {
	l.limits.hear(now, info)
	if l.limits.present == l.slots.limit {
		return
	}
	l.slots.resize(l.limits.present)
	l.adjustPacer(now)
}

// expire ends everything whose time has passed.
func (l *limiter) expire(now time.Time) {
	heldBackEnded := l.slots.expire(now)
	sharingEnded := l.pacer.expireSharing(now)
	if heldBackEnded || sharingEnded {
		l.adjustPacer(now)
	}
}

func (l *limiter) adjustPacer(now time.Time) {
	l.pacer.adjust(now, l.slots.limit, l.slots.heldBack)
	l.timetable.change()
}

// dispatch resolves the waiters at the front of the queue that can be
// resolved now, and sets the timer for the next one.
func (l *limiter) dispatch(now time.Time) {
	w := l.queue.first()
	for w != nil && l.resolve(now, w) {
		w = l.queue.first()
	}
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	if w == nil {
		return
	}
	if at, known := l.nextGrant(now, w.slot.seq); known {
		l.timer = time.AfterFunc(at.Sub(now), l.dispatchNow)
	}
}

func (l *limiter) dispatchNow() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dispatch(time.Now())
}

// resolve grants the first waiter its slot, or fails it if its time has
// passed; false means neither. A waiter's time passes only if something
// delayed it that no response showed, such as an attempt that hangs.
func (l *limiter) resolve(now time.Time, first *waiter) bool {
	var err error
	if last := first.bounds.lastSend(l.rtt.max); !last.IsZero() && now.Sub(last) > slack {
		err = &noRoomError{wait: window / time.Duration(l.slots.limit)}
		l.timetable.change()
	} else if !l.tryGrant(now, first.slot) {
		return false
	}
	l.queue.settle(first, err)
	return true
}

// tryGrant gives s to an attempt that may be sent now.
func (l *limiter) tryGrant(now time.Time, s *slot) bool {
	l.expire(now)
	if l.slots.free() < l.slots.needed(s.seq) || !l.pacer.allow(now) {
		return false
	}
	l.slots.occupy(s)
	return true
}

// nextGrant is when the first waiter can be sent. It is not known while that
// depends on a response that has yet to arrive; complete then dispatches.
func (l *limiter) nextGrant(now time.Time, first sequence) (at time.Time, known bool) {
	at, known = l.slots.freeAt(now, l.slots.needed(first))
	if !known {
		return time.Time{}, false
	}
	return l.pacer.earliest(at), true
}

// predict reports whether an attempt that is enqueued now would be sent in
// time. If not, wait is how long it takes until one would.
func (l *limiter) predict(now time.Time, seq sequence, b bounds) (wait time.Duration, inTime bool) {
	if b.lastSend(l.rtt.max).IsZero() {
		return 0, true
	}
	if !seq.continuation {
		l.play(now)
		return l.timetable.end.check(now, seq, b)
	}
	s := l.schedule(now, (1+maxRemaining)*l.queue.continuations.Len(), &l.scratch)
	for w := l.queue.first(); w != nil && w.slot.seq.continuation; w = l.queue.after(w) {
		s.advance(1 + w.slot.seq.remaining)
	}
	return s.check(now, seq, b)
}

// canRetry reports whether an attempt could still be sent in time after a
// wait, as far as is known now. If the rate limit does not let it, room is how
// long it takes until it would; room is zero if the wait alone is too long.
func (l *limiter) canRetry(ctx context.Context, wait, maxWait time.Duration) (room time.Duration, inTime bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.expire(now)
	b := newBounds(ctx, now, maxWait)
	// An attempt that is enqueued after the wait is not sent earlier than one
	// that is enqueued now.
	if room, inTime = l.predict(now, sequenceFrom(ctx), b); !inTime {
		return room, false
	}
	last := b.lastSend(l.rtt.max)
	return 0, last.IsZero() || !now.Add(wait).After(last)
}

// revise fails the waiters that would be sent too late after what has changed.
// Whoever stays in the queue is expected to be in time.
func (l *limiter) revise(now time.Time) {
	if l.timetable.mayBeLate && l.queue.len() > 0 {
		l.play(now)
	}
}

// play plays the queue, unless its timetable still holds.
func (l *limiter) play(now time.Time) {
	waiters := l.queue.len()
	if l.timetable.isCurrent(now, waiters) {
		return
	}
	attempts := l.slots.reserved + (1+maxRemaining)*waiters
	room := attempts + playedPerChange // the queue may double before it is played again
	s := l.schedule(now, attempts+room, &l.timetable.buf)
	if len(s.free) == l.slots.limit {
		room = math.MaxInt
	}
	s.play(now, &l.queue, l.slots.reserved, l.timetable.mayBeLate)
	l.timetable.renew(now, s, room)
}

// schedule starts a schedule of so many attempts and one more sequence. It is
// valid until the next one is made in the same buffer.
func (l *limiter) schedule(now time.Time, attempts int, buf *[]time.Time) *schedule {
	free := l.slots.freeTimes(*buf, now, l.rtt.max, attempts+1+maxRemaining)
	*buf = free[:0]
	return newSchedule(now, free, &l.pacer, l.rtt.max)
}

func (l *limiter) conditions() conditions {
	return conditions{gate: l.pacer.gate, limit: l.slots.limit, heldBack: l.slots.heldBack}
}
