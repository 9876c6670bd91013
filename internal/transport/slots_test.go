package transport

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// A slotsModel does what slots does, without its counters: it looks at
// everything each time.
type slotsModel struct {
	limit     int
	inFlight  []*modelSlot
	cooling   []cooldown
	highWater int // of slots in use, after the last change that may exceed the limit
}

type modelSlot struct {
	slot      *slot
	leastLeft int
}

func (m *slotsModel) used() (all, heldBack int) {
	all = len(m.inFlight)
	for _, c := range m.cooling {
		all += c.slots
		if c.heldBack {
			heldBack += c.slots
		}
	}
	return all, heldBack
}

func (m *slotsModel) reserved() (n int) {
	for _, s := range m.inFlight {
		n += s.slot.seq.remaining
	}
	return n
}

func (m *slotsModel) left() int {
	used, heldBack := m.used()
	return m.limit - used + heldBack
}

func (m *slotsModel) occupy(s *slot) {
	m.inFlight = append(m.inFlight, &modelSlot{slot: s, leastLeft: m.limit})
	for _, other := range m.inFlight {
		other.leastLeft = min(other.leastLeft, m.left())
	}
}

func (m *slotsModel) expire(now time.Time) (heldBackEnded bool) {
	m.cooling = slices.DeleteFunc(m.cooling, func(c cooldown) bool {
		ended := !c.until.After(now)
		heldBackEnded = heldBackEnded || ended && c.heldBack
		return ended
	})
	return heldBackEnded
}

func (m *slotsModel) holdBack(now time.Time, n int) {
	m.cooling = slices.DeleteFunc(m.cooling, func(c cooldown) bool { return c.heldBack })
	if n > 0 {
		m.cool(cooldown{until: now.Add(window), slots: n, heldBack: true})
	}
}

func (m *slotsModel) cool(c cooldown) {
	m.cooling = append(m.cooling, c)
	slices.SortStableFunc(m.cooling, func(a, b cooldown) int { return a.until.Compare(b.until) })
}

// times lists when each slot of the limit is free.
func (m *slotsModel) times(now time.Time, rttMax time.Duration) []time.Time {
	var busy []time.Time
	for _, c := range m.cooling {
		busy = append(busy, slices.Repeat([]time.Time{c.until}, c.slots)...)
	}
	busy = append(busy, slices.Repeat([]time.Time{now.Add(rttMax + window)}, len(m.inFlight))...)
	slices.SortFunc(busy, time.Time.Compare)
	if excess := len(busy) - m.limit; excess > 0 {
		return busy[excess:]
	}
	return append(slices.Repeat([]time.Time{now}, m.limit-len(busy)), busy...)
}

// certain is when n slots are free, even if no attempt in flight ends.
func (m *slotsModel) certain(now time.Time, n int) (at time.Time, known bool) {
	ended := m.times(now, 24*time.Hour)
	at = ended[n-1]
	return at, at.Sub(now) < 24*time.Hour
}

func (m *slotsModel) check(t *testing.T, s *slots, now time.Time) {
	t.Helper()
	used, heldBack := m.used()
	if s.free() != m.limit-used || s.left() != m.left() || s.heldBack != heldBack || s.reserved != m.reserved() {
		t.Errorf("free %d, left %d, held back %d, reserved %d; want %d, %d, %d, %d",
			s.free(), s.left(), s.heldBack, s.reserved, m.limit-used, m.left(), heldBack, m.reserved())
	}
	if len(s.inFlight) != len(m.inFlight) {
		t.Errorf("%d slots in flight, want %d", len(s.inFlight), len(m.inFlight))
	}
	for _, in := range m.inFlight {
		if got := in.slot.index; got >= len(s.inFlight) || s.inFlight[got] != in.slot {
			t.Errorf("the slot with index %d is not there", got)
		}
		if in.slot.leastLeft != in.leastLeft {
			t.Errorf("least left %d, want %d", in.slot.leastLeft, in.leastLeft)
		}
	}
	sum, heldBackCooldowns := 0, 0
	for _, c := range s.cooling {
		sum += c.slots
		if c.heldBack {
			heldBackCooldowns++
		}
	}
	inOrder := slices.IsSortedFunc(s.cooling, func(a, b cooldown) int { return a.until.Compare(b.until) })
	if sum != s.coolingSlots || heldBackCooldowns > 1 || !inOrder {
		t.Errorf("%d cooling slots in %+v, %d of the cooldowns held back, in order: %t", s.coolingSlots, s.cooling, heldBackCooldowns, inOrder)
	}
	if m.highWater = max(m.limit, min(m.highWater, used)); used > m.highWater {
		t.Errorf("%d slots in use, want at most %d", used, m.highWater)
	}
	const rttMax = 3 * time.Second
	want := m.times(now, rttMax)
	for _, need := range []int{1, 5, 100} {
		if got := s.freeTimes(nil, now, rttMax, need); !slices.Equal(got, want[:min(need, len(want))]) {
			t.Errorf("the first %d slots are free at %v, want %v", need, got, want)
		}
	}
	for n := 1; n <= m.limit; n++ {
		wantAt, wantKnown := m.certain(now, n)
		if at, known := s.freeAt(now, n); known != wantKnown || known && !at.Equal(wantAt) {
			t.Errorf("%d slots are free at %v (known: %t), want %v (%t)", n, at, known, wantAt, wantKnown)
		}
	}
}

// Whatever happens to slots, they keep their invariants, and count as a model
// without counters does.
func TestSlots_model(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 0))
		now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
		limit := 1 + rng.IntN(20)
		s, m := &slots{limit: limit}, &slotsModel{limit: limit}
		for step := range 300 {
			now = now.Add(time.Duration(rng.IntN(8)) * time.Second) // often the very end of a cooldown
			if got, want := s.expire(now), m.expire(now); got != want {
				t.Errorf("held back slots ended: %t, want %t", got, want)
			}
			switch rng.IntN(8) {
			case 0, 1, 2, 3:
				taken := &slot{seq: sequence{continuation: rng.IntN(2) == 0, remaining: rng.IntN(1 + maxRemaining)}}
				needed := 1
				if !taken.seq.continuation {
					needed += m.reserved()
				}
				if got := s.needed(taken.seq); got != needed {
					t.Errorf("%+v needs %d free slots, want %d", taken.seq, got, needed)
				}
				if s.free() >= needed {
					s.occupy(taken)
					m.occupy(taken)
				}
			case 4, 5:
				if len(m.inFlight) == 0 {
					continue
				}
				i := rng.IntN(len(m.inFlight))
				s.vacate(m.inFlight[i].slot)
				m.inFlight = slices.Delete(m.inFlight, i, i+1)
				if n := rng.IntN(4); n > 0 {
					until := now.Add(window)
					if rng.IntN(3) == 0 {
						until = until.Add(maxLag)
					}
					s.cool(cooldown{until: until, slots: n})
					m.cool(cooldown{until: until, slots: n})
					m.highWater += n
				}
			case 6:
				_, before := m.used()
				n := rng.IntN(1 + max(0, m.left()))
				m.holdBack(now, n)
				if changed := s.holdBack(now, n); changed != (before > 0 || n > 0) {
					t.Errorf("holding back %d instead of %d: changed %t", n, before, changed)
				}
			case 7:
				used, _ := m.used()
				to := 1 + rng.IntN(20)
				for _, in := range m.inFlight {
					in.leastLeft += to - m.limit
				}
				s.resize(to)
				m.limit, m.highWater = to, max(m.highWater, used)
			}
			if m.check(t, s, now); t.Failed() {
				t.Fatalf("seed %d, step %d: %+v", seed, step, s)
			}
		}
	}
}

// What remains of the server's limit is compared with the fewest slots that
// were left while the attempt was in flight, not with those that are left when
// its response arrives.
func TestSlots_leastLeft(t *testing.T) {
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	s := &slots{limit: 10}
	slow, fast := &slot{}, &slot{}
	s.occupy(slow)
	s.occupy(fast)
	s.vacate(fast)
	if slow.leastLeft != 8 || s.left() != 9 {
		t.Errorf("least left %d with %d left, want 8 with 9", slow.leastLeft, s.left())
	}
	s.holdBack(now, 5)
	if s.free() != 4 || s.left() != 9 || slow.leastLeft != 8 {
		t.Errorf("%d free, %d left, least left %d after 5 were held back; want 4, 9, 8", s.free(), s.left(), slow.leastLeft)
	}
}
