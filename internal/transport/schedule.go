package transport

import "time"

// A schedule predicts when attempts will be sent. It plays the queue through,
// because slots, bucket and gate delay each other: a slot that is taken late
// also ends its cooldown late. It takes every attempt to get a response.
type schedule struct {
	lastSent time.Time   // when the previous attempt is sent
	free     []time.Time // when the slots become free, in this order
	again    []time.Time // the same of those that were used since
	rttMax   time.Duration

	tokens   float64 // in the bucket at filledAt
	filledAt time.Time
	perToken time.Duration
	burst    float64
}

// newSchedule starts a schedule with the next attempt to be sent.
func newSchedule(now time.Time, free []time.Time, p *pacer, rttMax time.Duration) *schedule {
	s := &schedule{
		lastSent: now,
		free:     free,
		rttMax:   rttMax,
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
	if free := (*s.nextFree())[0]; free.After(at) {
		at = free
	}
	if missing := 1 - s.tokensAt(at); missing > 0 {
		at = at.Add(time.Duration(missing * float64(s.perToken)))
	}
	return at
}

// nextFree is the list that begins with the next slot to become free.
func (s *schedule) nextFree() *[]time.Time {
	if len(s.free) == 0 || len(s.again) > 0 && s.again[0].Before(s.free[0]) {
		return &s.again
	}
	return &s.free
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
		free := s.nextFree()
		*free = (*free)[1:]
		s.again = append(s.again, at.Add(s.rttMax+window))
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

// check reports whether the next attempt would be sent in time. If not, wait is
// how long it takes until one would.
func (s *schedule) check(now time.Time, seq sequence, b bounds) (wait time.Duration, inTime bool) {
	if late := s.lateBy(seq, b); late > 0 {
		return s.waitUntilRoom(now, late), false
	}
	return 0, true
}

// waitUntilRoom is how long it takes until there is room for an attempt that
// would be sent too late by so much now. The queue has to advance by at least
// one attempt before it is worth trying again.
func (s *schedule) waitUntilRoom(now time.Time, late time.Duration) time.Duration {
	return max(s.next().Sub(now), late, s.perToken)
}

// play plays the queue, and the attempts of started sequences that are not in
// it yet. If evict is set, it fails the waiters that would be sent too late.
func (s *schedule) play(now time.Time, q *queue, reserved int, evict bool) {
	for w := q.first(); w != nil; {
		next := q.after(w)
		if !w.slot.seq.continuation {
			s.advance(reserved)
			reserved = 0
		}
		wait, inTime := time.Duration(0), true
		if evict {
			wait, inTime = s.check(now, w.slot.seq, w.bounds)
		}
		if inTime {
			s.advance(1 + w.slot.seq.remaining)
		} else {
			q.settle(w, &noRoomError{wait: wait})
		}
		w = next
	}
	s.advance(reserved)
}

// conditions are what predictions depend on and what a response can make
// worse, besides the round-trip time.
type conditions struct {
	gate            time.Time
	limit, heldBack int
}

func (c conditions) worseThan(before conditions) bool {
	return c.gate.After(before.gate) || c.limit < before.limit || c.heldBack > before.heldBack
}
