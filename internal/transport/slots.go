package transport

import (
	"slices"
	"time"
)

// slots counts the slots of the rate limit: those in flight, those that cool
// down and those that are held back for other processes. The rest is free.
//
// Invariants, checked by TestSlots_model:
//   - inFlight[s.index] is s for every slot in flight.
//   - cooling is in the order of until, and coolingSlots is the sum of its
//     slots.
//   - At most one cooldown is held back for others. heldBack is its number of
//     slots, or zero if there is none.
//   - reserved is the sum of seq.remaining over the slots in flight.
//   - occupy takes only a free slot. More slots than the limit are in use only
//     if the limit was lowered, or if one slot cooled down as several.
type slots struct {
	limit        int
	inFlight     []*slot
	cooling      []cooldown
	coolingSlots int
	heldBack     int
	reserved     int
}

// A slot is the right to have one attempt counted by the server.
type slot struct {
	index int // in slots.inFlight
	seq   sequence
	// leastLeft is the smallest result of slots.left while this slot was in
	// flight. What the server says remains of its limit is compared with it:
	// responses arrive late and out of order, and any larger number would take
	// slots that have become free since for requests of other processes.
	leastLeft int
}

// A cooldown is a number of slots that nobody may use until a moment.
type cooldown struct {
	until    time.Time
	slots    int
	heldBack bool // for requests of other processes
}

// free is how many slots can be taken. It is negative after the limit was
// lowered below what is in use.
func (s *slots) free() int { return s.limit - len(s.inFlight) - s.coolingSlots }

// left is how many slots our own attempts leave.
func (s *slots) left() int { return s.free() + s.heldBack }

// needed is how many slots have to be free before an attempt may take one:
// only a continuation may take those that are reserved.
func (s *slots) needed(seq sequence) int {
	if seq.continuation {
		return 1
	}
	return 1 + s.reserved
}

// occupy takes a free slot.
func (s *slots) occupy(taken *slot) {
	taken.index = len(s.inFlight)
	s.inFlight = append(s.inFlight, taken)
	s.reserved += taken.seq.remaining
	left := s.left()
	taken.leastLeft = left
	for _, other := range s.inFlight {
		other.leastLeft = min(other.leastLeft, left)
	}
}

// vacate makes a slot free that is in flight.
func (s *slots) vacate(taken *slot) {
	last := len(s.inFlight) - 1
	s.inFlight[taken.index] = s.inFlight[last]
	s.inFlight[taken.index].index = taken.index
	s.inFlight[last] = nil
	s.inFlight = s.inFlight[:last]
	s.reserved -= taken.seq.remaining
}

// cool starts a cooldown.
func (s *slots) cool(c cooldown) {
	if c.slots == 0 {
		return
	}
	at := len(s.cooling) // almost always: most cooldowns last as long as each other
	for at > 0 && s.cooling[at-1].until.After(c.until) {
		at--
	}
	s.cooling = slices.Insert(s.cooling, at, c)
	s.coolingSlots += c.slots
}

// holdBack keeps n slots from being taken for one window, because other
// processes have used them. They replace those that were held back before:
// only a later response shows that the server's window has ended. The result
// says whether anything has changed.
func (s *slots) holdBack(now time.Time, n int) bool {
	before := s.heldBack
	if before > 0 {
		s.cooling = slices.DeleteFunc(s.cooling, func(c cooldown) bool { return c.heldBack })
		s.coolingSlots -= before
		s.heldBack = 0
	}
	s.cool(cooldown{until: now.Add(window), slots: n, heldBack: true})
	s.heldBack = n
	return before > 0 || n > 0
}

// expire ends the cooldowns whose time has passed. The result says whether the
// slots that were held back are among them.
func (s *slots) expire(now time.Time) (heldBackEnded bool) {
	ended := 0
	for ended < len(s.cooling) && !s.cooling[ended].until.After(now) {
		s.coolingSlots -= s.cooling[ended].slots
		if s.cooling[ended].heldBack {
			s.heldBack = 0
			heldBackEnded = true
		}
		ended++
	}
	s.cooling = s.cooling[ended:]
	return heldBackEnded
}

// resize changes the limit. What left was during the attempts in flight
// changes with it.
func (s *slots) resize(limit int) {
	for _, taken := range s.inFlight {
		taken.leastLeft += limit - s.limit
	}
	s.limit = limit
}

// freeAt is the moment at which n slots are free. It is not known while it
// depends on a slot in flight.
func (s *slots) freeAt(now time.Time, n int) (at time.Time, known bool) {
	missing := n - s.free()
	if missing <= 0 {
		return now, true
	}
	for _, c := range s.cooling {
		if missing -= c.slots; missing <= 0 {
			return c.until, true
		}
	}
	return time.Time{}, false
}

// freeTimes lists when slots become free, in this order, for need slots at
// most. It takes an attempt in flight to end after rttMax. The list is made in
// buf, if that is large enough.
func (s *slots) freeTimes(buf []time.Time, now time.Time, rttMax time.Duration, need int) []time.Time {
	times := buf[:0]
	for range min(need, s.free()) {
		times = append(times, now)
	}
	// If more slots are in use than the limit has, those that are freed first do
	// not become free.
	excess := max(0, -s.free())
	add := func(at time.Time, n int) {
		dropped := min(n, excess)
		excess -= dropped
		for range min(n-dropped, need-len(times)) {
			times = append(times, at)
		}
	}
	inFlight, ended := len(s.inFlight), now.Add(rttMax+window)
	for _, c := range s.cooling {
		if len(times) == need {
			return times
		}
		if c.until.After(ended) {
			add(ended, inFlight)
			inFlight = 0
		}
		add(c.until, c.slots)
	}
	add(ended, inFlight)
	return times
}
