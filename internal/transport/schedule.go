package transport

import "time"

// A schedule predicts when attempts will be sent. It plays the queue through,
// because slots, bucket and gate delay each other: a slot that is taken late
// also ends its cooldown late.
type schedule struct {
	now      time.Time
	lastSent time.Time   // when the previous attempt is sent
	free     []time.Time // when the slots become free, in this order
	rttMax   time.Duration
	reserved int // attempts of started sequences that are not in the queue yet

	tokens   float64 // in the bucket at filledAt
	filledAt time.Time
	perToken time.Duration
	burst    float64
}

// newSchedule starts a schedule with the next attempt to be sent.
func newSchedule(now time.Time, free []time.Time, p *pacer, rttMax time.Duration, reserved int) *schedule {
	s := &schedule{
		now:      now,
		lastSent: now,
		free:     free,
		rttMax:   rttMax,
		reserved: reserved,
		tokens:   p.bucket.TokensAt(now),
		filledAt: now,
		perToken: time.Duration(float64(time.Second) / float64(p.bucket.Limit())),
		burst:    float64(p.bucket.Burst()),
	}
	if p.gate.After(now) {
		s.lastSent = p.gate
	}
	return s
}

// next is when the next attempt can be sent.
func (s *schedule) next() time.Time {
	at := s.lastSent
	if s.free[0].After(at) {
		at = s.free[0]
	}
	if missing := 1 - s.tokensAt(at); missing > 0 {
		at = at.Add(time.Duration(missing * float64(s.perToken)))
	}
	return at
}

func (s *schedule) tokensAt(at time.Time) float64 {
	return min(s.tokens+float64(at.Sub(s.filledAt))/float64(s.perToken), s.burst)
}

// advance plays that n attempts are sent, one after the other.
func (s *schedule) advance(n int) {
	for range n {
		at := s.next()
		s.tokens = max(0, s.tokensAt(at)-1)
		s.filledAt, s.lastSent = at, at
		s.free = append(s.free[1:], at.Add(s.rttMax+window))
	}
}

// lateBy is how much too late the next attempt would be sent; it is in time if
// that is not positive. The remaining calls of its sequence have to be in time,
// too.
func (s *schedule) lateBy(seq sequence, b bounds) time.Duration {
	if b.respondBy.IsZero() {
		if b.sendBy.IsZero() {
			return 0
		}
		return s.next().Sub(b.sendBy)
	}
	rest := *s
	for range seq.remaining {
		rest.advance(1)
		rest.lastSent = rest.lastSent.Add(s.rttMax) // each call waits for the response before it
	}
	late := rest.next().Add(s.rttMax + slack).Sub(b.respondBy)
	if b.sendBy.IsZero() {
		return late
	}
	return max(late, s.next().Sub(b.sendBy))
}

// waitUntilRoom is how long it takes until there is room for an attempt that
// would be sent too late by so much now. The queue has to advance by at least
// one attempt before it is worth trying again.
func (s *schedule) waitUntilRoom(late time.Duration) time.Duration {
	return max(s.next().Sub(s.now), late, s.perToken)
}

// predict reports whether an attempt that is added to the queue would be sent
// in time. If not, wait is how long it takes until one would. The attempt has
// at least one bound.
func (s *schedule) predict(q *queue, seq sequence, b bounds) (wait time.Duration, inTime bool) {
	last := b.lastSend(s.rttMax)
	if !seq.continuation {
		s.advance(s.reserved)
	}
	played := 0
	for w := q.first(); w != nil; w = q.after(w) {
		if seq.continuation && !w.slot.seq.continuation {
			break
		}
		if s.lastSent.After(last) {
			// The rest of the queue advances at the pace of the bucket.
			return s.lastSent.Sub(s.now) + time.Duration(q.len()-played)*s.perToken, false
		}
		s.advance(1 + w.slot.seq.remaining)
		played++
	}
	if late := s.lateBy(seq, b); late > 0 {
		return s.waitUntilRoom(late), false
	}
	return 0, true
}

// evictLate fails the waiters that would be sent too late.
func (s *schedule) evictLate(q *queue) {
	for w := q.first(); w != nil; {
		next := q.after(w)
		if !w.slot.seq.continuation {
			s.advance(s.reserved)
			s.reserved = 0
		}
		if late := s.lateBy(w.slot.seq, w.bounds); late > 0 {
			q.settle(w, &noRoomError{wait: s.waitUntilRoom(late)})
		} else {
			s.advance(1 + w.slot.seq.remaining)
		}
		w = next
	}
}

// conditions are what predictions depend on and what a response can make
// worse.
type conditions struct {
	gate            time.Time
	rttMax          time.Duration
	limit, heldBack int
}

func (c conditions) worseThan(before conditions) bool {
	return c.gate.After(before.gate) || c.rttMax > before.rttMax || c.limit < before.limit || c.heldBack > before.heldBack
}
