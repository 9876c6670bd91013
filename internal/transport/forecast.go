package transport

import (
	"context"
	"time"
)

// A forecast plays the queue through. It has to, because slots, bucket and
// gate hold each other up: a slot that comes free late also starts its next
// rest late.
type forecast struct {
	at        time.Time   // of the attempt before
	free      []time.Time // when the slots are free, the earliest first
	tokens    float64     // in the bucket at filledAt
	filledAt  time.Time
	perToken  time.Duration
	burst     float64
	roundTrip time.Duration
}

func (p *pacer) forecast(now time.Time) *forecast {
	f := &forecast{
		at:        now,
		free:      p.releases(now),
		tokens:    p.bucket.TokensAt(now),
		filledAt:  now,
		perToken:  time.Duration(float64(time.Second) / float64(p.bucket.Limit())),
		burst:     float64(p.bucket.Burst()),
		roundTrip: p.roundTrip,
	}
	if p.gate.After(now) {
		f.at = p.gate
	}
	return f
}

// releases lists when each slot is free, the earliest first, as far as the
// queue and one more attempt can need them.
func (p *pacer) releases(now time.Time) []time.Time {
	need := p.promised + (1+mostFollowed)*(p.queue.Len()+1)
	free := p.scratch[:0]
	for range min(need, p.free()) {
		free = append(free, now)
	}
	// After the limit was lowered the slots that come free first are gone.
	gone := max(0, -p.free())
	for _, r := range p.resting {
		for range min(need-len(free), r.slots-gone) {
			free = append(free, r.until)
		}
		gone = max(0, gone-r.slots)
	}
	for range min(need-len(free), len(p.inFlight)-gone) {
		free = append(free, now.Add(p.roundTrip+window))
	}
	p.scratch = free[:0]
	return free
}

// turn is when the next attempt can go.
func (f *forecast) turn() time.Time {
	at := f.at
	if f.free[0].After(at) {
		at = f.free[0]
	}
	if missing := 1 - f.tokensAt(at); missing > 0 {
		at = at.Add(time.Duration(missing * float64(f.perToken)))
	}
	return at
}

func (f *forecast) tokensAt(at time.Time) float64 {
	return min(f.tokens+float64(at.Sub(f.filledAt))/float64(f.perToken), f.burst)
}

// pass lets so many attempts go, each at its turn.
func (f *forecast) pass(attempts int) {
	for range attempts {
		at := f.turn()
		f.tokens = max(0, f.tokensAt(at)-1)
		f.filledAt, f.at = at, at
		f.free = append(f.free[1:], at.Add(f.roundTrip+window))
	}
}

// fits says when an attempt could go, and how much too late that is: not at
// all if it is not positive. What follows it has to be in time, too.
func (f *forecast) fits(how part, w patience) (at time.Time, late time.Duration) {
	at = f.turn()
	if !w.until.IsZero() {
		late = at.Sub(w.until)
	}
	if w.deadline.IsZero() {
		return at, late
	}
	last, after := at, *f
	for range how.followed {
		after.pass(1)
		after.at = after.at.Add(f.roundTrip)
		last = after.turn()
	}
	lateEnd := last.Add(f.roundTrip + slack).Sub(w.deadline)
	if w.until.IsZero() {
		return at, lateEnd
	}
	return at, max(late, lateEnd)
}

// predict says how long an attempt that joins the queue now would wait, and
// whether it would go in time. If not, the wait is until one would.
func (p *pacer) predict(now time.Time, w patience, how part) (wait time.Duration, inTime bool) {
	bound := w.latest(p.roundTrip)
	if bound.IsZero() {
		return 0, true
	}
	f := p.forecast(now)
	if !how.follows {
		f.pass(p.promised)
	}
	passed := 0
	for place := p.queue.Front(); place != nil; place = place.Next() {
		ahead := place.Value.(*waiter).slot.part
		if how.follows && !ahead.follows {
			break
		}
		if f.at.After(bound) {
			// The rest of the queue follows at this pace.
			return f.at.Sub(now) + time.Duration(p.queue.Len()-passed)*f.perToken, false
		}
		f.pass(1 + ahead.followed)
		passed++
	}
	at, late := f.fits(how, w)
	return f.wait(now, at, late), late <= 0
}

// wait is until there is room for an attempt whose turn would be too late by so
// much, but at least until the queue has moved on by one.
func (f *forecast) wait(now, at time.Time, late time.Duration) time.Duration {
	return max(at.Sub(now), late, f.perToken)
}

// foresee says whether an attempt that is to be made after a wait could still
// be sent in time, as far as is known now. If it could not, room is when it
// would be its turn, or 0 if the wait alone is too long.
func (p *pacer) foresee(ctx context.Context, wait, maxWait time.Duration) (room time.Duration, inTime bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.wake(now)
	w := newPatience(ctx, now, maxWait)
	// An attempt that comes later is not served earlier.
	if room, inTime = p.predict(now, w, partOf(ctx)); !inTime {
		return room, false
	}
	bound := w.latest(p.roundTrip)
	return 0, bound.IsZero() || !now.Add(wait).After(bound)
}

// revise refuses those in the queue whose turn would come too late by now. The
// others were promised a turn in time, and keep it.
func (p *pacer) revise(now time.Time) {
	f := p.forecast(now)
	promised := p.promised
	for place := p.queue.Front(); place != nil; {
		w, next := place.Value.(*waiter), place.Next()
		if !w.slot.part.follows {
			f.pass(promised)
			promised = 0
		}
		at, late := f.fits(w.slot.part, w.patience)
		if late <= 0 {
			f.pass(1 + w.slot.part.followed)
		} else {
			p.queue.Remove(place)
			w.admitted <- &refusal{wait: f.wait(now, at, late)}
		}
		place = next
	}
}

// An outlook is what predictions are made from that an answer can change for
// the worse.
type outlook struct {
	gate          time.Time
	roundTrip     time.Duration
	limit, others int
}

func (p *pacer) outlook() outlook {
	return outlook{gate: p.gate, roundTrip: p.roundTrip, limit: p.limit, others: p.others}
}

func (o outlook) isWorseThan(before outlook) bool {
	return o.gate.After(before.gate) || o.roundTrip > before.roundTrip || o.limit < before.limit || o.others > before.others
}
