package transport

import (
	"container/list"
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// window is the interval over which the server counts.
	window = time.Minute

	// sharedFor is how long a sign of somebody else on the same token keeps
	// the burst small.
	sharedFor = 2 * window

	// slack is what timers and goroutines may come late by.
	slack = 10 * time.Millisecond
)

// A pacer decides when an attempt may be sent.
//
// The guarantee is in its slots. An attempt takes one of limit slots before
// it is sent and gives it back a window after its answer arrived. The server
// counts the attempt between those two moments, so all attempts that it
// counts within one window hold a slot at the same time, wherever that
// window starts; hence there are never more than limit of them. The token
// bucket and the gate only make an attempt wait longer.
//
// Attempts that have to wait are served in the order in which they came.
type pacer struct {
	mu      sync.Mutex
	limit   int
	ceiling int // 0: the server's word is enough
	bucket  *rate.Limiter

	inFlight []*slot
	resting  []rest // in the order of until
	rested   int    // slots in resting
	others   int    // those among them that are held back for others

	gate        time.Time // nothing is sent before it
	sharedUntil time.Time
	roundTrip   time.Duration

	queue   list.List // of *waiter
	timer   *time.Timer
	scratch []time.Time
}

// A slot is the right to have one attempt counted by the server.
type slot struct {
	index int // in pacer.inFlight
	// leastLeft is the smallest number of slots that our own attempts left
	// while this one was under way. Answers arrive late and out of order: any
	// other number would take slots that came free in the meantime for
	// somebody else's requests.
	leastLeft int
}

// rest is slots that nobody may use until a moment.
type rest struct {
	until  time.Time
	slots  int
	others bool // held back for others
}

type waiter struct {
	slot    *slot
	granted chan struct{}
}

// refusal is the error of an attempt that cannot be sent in time.
type refusal struct{ wait time.Duration }

func (r *refusal) Error() string { return "the rate limit leaves no room in time" }

func newPacer(limit, ceiling int) *pacer {
	return &pacer{
		limit:   limit,
		ceiling: ceiling,
		bucket:  rate.NewLimiter(pace(limit, 0), burst(limit, false)),
	}
}

// pace is how many attempts a second a backlog may send: what others leave of
// the limit, so that it lasts as long as the window. Half of it is ours in any
// case, or whoever comes late to a token would never get its share.
func pace(limit, others int) rate.Limit {
	ours := max(float64(limit-others), float64(limit)/2)
	return rate.Limit(ours / window.Seconds())
}

// burst is how much a backlog may send at once. Alone on a token half the
// limit answers short bursts quickly; beside another process a small burst
// keeps both from running into the server's limit together.
func burst(limit int, shared bool) int {
	if shared {
		return max(1, limit/20)
	}
	return max(1, limit/2)
}

// take waits until the attempt of s may be sent. It fails at once, with a
// *refusal, if that moment would leave no time for a round trip before the
// context's deadline or would lie more than maxWait away (0: no bound).
func (p *pacer) take(ctx context.Context, s *slot, maxWait time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.mu.Lock()
	now := time.Now()
	if p.queue.Len() == 0 {
		if p.tryGrant(now, s) {
			p.mu.Unlock()
			return nil
		}
	}
	if wait, inTime := p.predict(now, latest(ctx, now, p.roundTrip, maxWait)); !inTime {
		p.mu.Unlock()
		return &refusal{wait: wait}
	}
	w := &waiter{slot: s, granted: make(chan struct{})}
	place := p.queue.PushBack(w)
	p.serve(now)
	p.mu.Unlock()

	select {
	case <-w.granted:
		return nil
	case <-ctx.Done():
		p.leave(place)
		return ctx.Err()
	}
}

// latest is the last moment at which an attempt is worth sending; zero if
// there is none.
func latest(ctx context.Context, now time.Time, roundTrip, maxWait time.Duration) time.Time {
	var bound time.Time
	if maxWait > 0 {
		bound = now.Add(maxWait)
	}
	if deadline, ok := ctx.Deadline(); ok {
		if last := deadline.Add(-roundTrip - slack); bound.IsZero() || last.Before(bound) {
			bound = last
		}
	}
	return bound
}

func (p *pacer) leave(place *list.Element) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	w := place.Value.(*waiter)
	select {
	case <-w.granted:
		p.remove(w.slot)
	default:
		p.queue.Remove(place)
	}
	p.serve(now)
}

// cancel gives back a slot whose attempt the server never counted.
func (p *pacer) cancel(s *slot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remove(s)
	p.serve(time.Now())
}

// done begins the window after which the slot of an answered, or possibly
// answered, attempt is free again. Connections beyond the first mean that
// net/http sent the attempt again by itself, so that the server may have
// counted more than one.
func (p *pacer) done(s *slot, connections int, said statement) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.resize(now, said.limit)
	p.remove(s)
	// A 429 counts, if at all, in the window that the gate sits out. Its slot
	// would come free within the next one, while the slots that rest for it
	// hide that somebody else has used that one up.
	if said.pause == 0 {
		p.restFor(now, max(1, connections))
	}
	p.learn(now, s, said)
	p.serve(now)
}

func (p *pacer) remove(s *slot) {
	last := len(p.inFlight) - 1
	p.inFlight[s.index] = p.inFlight[last]
	p.inFlight[s.index].index = s.index
	p.inFlight[last] = nil
	p.inFlight = p.inFlight[:last]
}

func (p *pacer) restFor(now time.Time, slots int) {
	p.resting = append(p.resting, rest{until: now.Add(window), slots: slots})
	p.rested += slots
}

func (p *pacer) wake(now time.Time) {
	awake := 0
	for awake < len(p.resting) && !p.resting[awake].until.After(now) {
		p.rested -= p.resting[awake].slots
		if p.resting[awake].others {
			p.others = 0
			p.smooth(now)
		}
		awake++
	}
	p.resting = p.resting[awake:]
	if !p.sharedUntil.IsZero() && !p.sharedUntil.After(now) {
		p.sharedUntil = time.Time{}
		p.smooth(now)
	}
}

// smooth makes pace and burst fit what is known of others.
func (p *pacer) smooth(now time.Time) {
	p.bucket.SetLimitAt(now, pace(p.limit, p.others))
	p.bucket.SetBurstAt(now, burst(p.limit, !p.sharedUntil.IsZero()))
}

func (p *pacer) free() int { return p.limit - len(p.inFlight) - p.rested }

// left is how many slots our own attempts leave.
func (p *pacer) left() int { return p.free() + p.others }

// tryGrant lets s go now, if it may.
func (p *pacer) tryGrant(now time.Time, s *slot) bool {
	p.wake(now)
	if p.gate.After(now) || p.free() < 1 || !p.bucket.AllowN(now, 1) {
		return false
	}
	s.index = len(p.inFlight)
	p.inFlight = append(p.inFlight, s)
	s.leastLeft = p.left()
	p.noteLeft()
	return true
}

func (p *pacer) noteLeft() {
	left := p.left()
	for _, s := range p.inFlight {
		s.leastLeft = min(s.leastLeft, left)
	}
}

// serve lets as many waiters go as may, and sets the timer for the next.
func (p *pacer) serve(now time.Time) {
	for front := p.queue.Front(); front != nil; front = p.queue.Front() {
		w := front.Value.(*waiter)
		if !p.tryGrant(now, w.slot) {
			break
		}
		p.queue.Remove(front)
		close(w.granted)
	}
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	if p.queue.Len() == 0 {
		return
	}
	if next, known := p.next(now); known {
		p.timer = time.AfterFunc(next.Sub(now), p.tick)
	}
}

func (p *pacer) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serve(time.Now())
}

// next is the moment at which the first waiter can go. It is not known while
// it depends on an answer that has yet to arrive; that answer calls serve.
func (p *pacer) next(now time.Time) (time.Time, bool) {
	at := now
	if missing := 1 - p.free(); missing > 0 {
		if missing > p.rested {
			return time.Time{}, false
		}
		at = p.resting[p.restingIndex(missing)].until
	}
	if p.gate.After(at) {
		at = p.gate
	}
	if missing := 1 - p.bucket.TokensAt(at); missing > 0 {
		// A microsecond up, so that rounding never makes the timer fire early.
		at = at.Add(time.Duration(missing/float64(p.bucket.Limit())*float64(time.Second)) + time.Microsecond)
	}
	return at, true
}

// restingIndex is the place in resting at which n slots have come free.
func (p *pacer) restingIndex(n int) int {
	for i, r := range p.resting {
		if n -= r.slots; n <= 0 {
			return i
		}
	}
	return len(p.resting) - 1
}

// predict says how long an attempt that joins the queue now would wait, and
// whether it could go by the bound (zero: any time will do). It plays the
// queue through, because slots, bucket and gate hold each other up: a slot
// that comes free late also starts its next rest late.
func (p *pacer) predict(now, bound time.Time) (wait time.Duration, inTime bool) {
	if bound.IsZero() {
		return 0, true
	}
	free := p.releases(now)
	perToken := time.Duration(float64(time.Second) / float64(p.bucket.Limit()))
	tokens, filledAt, at := p.bucket.TokensAt(now), now, now
	if p.gate.After(at) {
		at = p.gate
	}
	places := p.queue.Len() + 1
	for place := range places {
		if slotAt := free[place]; slotAt.After(at) {
			at = slotAt
		}
		tokens = min(tokens+float64(at.Sub(filledAt))/float64(perToken), float64(p.bucket.Burst()))
		if tokens < 1 {
			at = at.Add(time.Duration((1 - tokens) * float64(perToken)))
			tokens = 1
		}
		tokens, filledAt = tokens-1, at
		if at.After(bound) {
			// The rest of the queue follows at this pace.
			return at.Sub(now) + time.Duration(places-place-1)*perToken, false
		}
		free = append(free, at.Add(p.roundTrip+window))
	}
	p.scratch = free[:0]
	return at.Sub(now), true
}

// releases lists when each slot is free, the earliest first.
func (p *pacer) releases(now time.Time) []time.Time {
	free := p.scratch[:0]
	for range p.free() {
		free = append(free, now)
	}
	for _, r := range p.resting {
		for range r.slots {
			free = append(free, r.until)
		}
	}
	for range p.inFlight {
		free = append(free, now.Add(p.roundTrip+window))
	}
	// After the limit was lowered the slots that come free first are gone.
	return free[max(0, len(free)-p.limit):]
}
