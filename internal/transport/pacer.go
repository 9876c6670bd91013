package transport

import (
	"container/list"
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
// The guarantee is in its slots. An attempt takes one of limit slots before it
// is sent and gives it back a window after its answer arrived, or at once if
// that was a 429 or nothing was sent. The server counts the attempt between
// those two moments, so all attempts that it counts within one window hold a
// slot at the same time, wherever that window starts; hence there are never
// more than limit of them. The token bucket and the gate only make an attempt
// wait longer.
//
// Attempts that have to wait stand in a queue; see [pacer.take].
type pacer struct {
	mu      sync.Mutex
	limit   int
	ceiling int // 0: the server's word is enough
	bucket  *rate.Limiter

	inFlight []*slot
	resting  []rest // in the order of until
	rested   int    // slots in resting
	others   int    // those among them that are held back for others
	promised int    // attempts that are to follow those in flight

	gate        time.Time // nothing is sent before it
	sharedUntil time.Time
	roundTrip   time.Duration // at worst, of late
	quickest    time.Duration // at best, of late
	heard       time.Time     // the last answer; zero: none yet

	queue   list.List // of *waiter
	timer   *time.Timer
	scratch []time.Time
}

// A slot is the right to have one attempt counted by the server.
type slot struct {
	index int // in pacer.inFlight
	part  part
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
	p.wake(now)
	before := p.outlook()
	p.resize(now, said.limit)
	p.remove(s)
	// A 429 counts, if at all, in the window that the gate sits out. Its slot
	// would come free within the next one, while the slots that rest for it
	// hide that somebody else has used that one up.
	if said.pause == 0 {
		p.restFor(now, max(1, connections))
	}
	p.learn(now, s, said)
	if p.outlook().isWorseThan(before) {
		p.revise(now)
	}
	p.serve(now)
}

func (p *pacer) remove(s *slot) {
	last := len(p.inFlight) - 1
	p.inFlight[s.index] = p.inFlight[last]
	p.inFlight[s.index].index = s.index
	p.inFlight[last] = nil
	p.inFlight = p.inFlight[:last]
	p.promised -= s.part.followed
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
	if p.gate.After(now) || p.free() < p.needed(s.part) || !p.bucket.AllowN(now, 1) {
		return false
	}
	s.index = len(p.inFlight)
	p.inFlight = append(p.inFlight, s)
	p.promised += s.part.followed
	s.leastLeft = p.left()
	p.noteLeft()
	return true
}

// needed is how many slots have to be free for an attempt: those that others
// were promised are not for one that follows nothing.
func (p *pacer) needed(how part) int {
	if how.follows {
		return 1
	}
	return 1 + p.promised
}

func (p *pacer) noteLeft() {
	left := p.left()
	for _, s := range p.inFlight {
		s.leastLeft = min(s.leastLeft, left)
	}
}
