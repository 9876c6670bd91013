package transport

import "time"

const (
	// disputedFor is how long the word of one route counts against that of
	// another one.
	disputedFor = 2 * time.Minute

	// maxClaims bounds how many routes are remembered that state another limit.
	maxClaims = 64
)

// limits decides which of the limits that responses state is the server's. A
// route can have a limit of its own, and a gateway states what it likes. So
// another limit than the present one is only a claim of the route that states
// it. It is believed if
//
//   - two routes claim a lower one, or two a higher one: then the one that is
//     closer to the present limit;
//   - a route has claimed it for two minutes, in which no other route has stated
//     the present limit;
//   - no other route has stated the present limit in the last two minutes, and
//     the route goes by its claim: it states a lower limit and that nothing
//     remains of it, or a higher one twice.
//
// A route contradicts the claims of the others by stating the present limit, and
// withdraws its own. What was contradicted does not count as one of two until the
// route claims something else.
//
// Up to the limit that the limiter started with, a higher limit is believed at
// once: a lower one may have been believed by mistake. Above it, a limit of only
// one route is given up as soon as any response states a lower one.
type limits struct {
	initial   int
	present   int
	since     time.Time // when present was believed
	alone     string    // the route, if present is above initial and no other route has stated it
	confirmed [2]confirmation
	claims    map[string]*claim // by route; those of the present limit are kept
}

// A claim is that a route states another limit than the other routes.
type claim struct {
	limit        int
	since        time.Time // or when it was last contradicted
	contradicted bool
	responses    int
	hasRoom      bool // a response said that something remains
	usedUp       bool // a response said that nothing remains, or was a 429
}

// A confirmation is that a route has stated the present limit. Of two routes,
// the last ones are kept.
type confirmation struct {
	route string
	at    time.Time
}

func newLimits(initial int) limits {
	return limits{initial: initial, present: initial, claims: map[string]*claim{}}
}

// hear takes in the limit that a response states. A request that was sent before
// something became known does not contradict it.
func (l *limits) hear(now time.Time, info rateInfo) {
	outdated := now.Add(-info.rtt).Before(l.since)
	if info.limit < 1 || info.limit != l.present && outdated {
		return
	}
	if info.limit < l.present && l.alone != "" {
		delete(l.claims, l.alone)
		l.believe(now, max(info.limit, l.initial), info.route)
	}
	switch {
	case info.limit > l.present && info.limit <= l.initial:
		l.believe(now, info.limit, info.route)
	case info.limit != l.present:
		l.noteClaim(now, info)
	}
	if info.limit == l.present {
		l.confirm(now, info)
	}
}

// noteClaim notes that a response states another limit than the present one,
// and believes it if that is enough.
func (l *limits) noteClaim(now time.Time, info rateInfo) {
	c := l.claims[info.route]
	if c == nil || c.limit != info.limit {
		if len(l.claims) >= maxClaims {
			clear(l.claims)
		}
		c = &claim{limit: info.limit, since: now}
		l.claims[info.route] = c
	}
	c.responses++
	if info.pause > 0 || info.hasRemaining && info.remaining == 0 {
		c.usedUp = true
	} else {
		c.hasRoom = true
	}
	if now.Sub(c.since) >= disputedFor || c.isConsistent(l.present) && !l.isDisputed(now, info.route) {
		l.believe(now, c.limit, info.route)
		return
	}
	l.believeTwo(now, c)
}

// isConsistent reports whether a route goes by its claim. One response does not
// show that.
func (c *claim) isConsistent(present int) bool {
	if c.limit > present {
		return c.responses > 1
	}
	return c.hasRoom && c.usedUp
}

// isDisputed reports whether another route stated the present limit recently.
func (l *limits) isDisputed(now time.Time, route string) bool {
	other := l.confirmed[0]
	if other.route == route {
		other = l.confirmed[1]
	}
	return !other.at.IsZero() && now.Sub(other.at) < disputedFor
}

// believeTwo believes a claim if another one supports it.
func (l *limits) believeTwo(now time.Time, c *claim) {
	if c.contradicted {
		return
	}
	for _, other := range l.claims {
		switch {
		case other == c || other.contradicted:
		case c.limit < l.present && other.limit < l.present:
			l.believe(now, max(c.limit, other.limit), "")
			return
		case c.limit > l.present && other.limit > l.present:
			l.believe(now, min(c.limit, other.limit), "")
			return
		}
	}
}

// believe adopts a limit. The route is the only one that states it, or empty.
func (l *limits) believe(now time.Time, limit int, route string) {
	l.present, l.since, l.alone = limit, now, ""
	l.confirmed = [2]confirmation{}
	if limit > l.initial {
		l.alone = route
	}
}

// confirm takes in that a response states the present limit.
func (l *limits) confirm(now time.Time, info rateInfo) {
	if l.alone != info.route {
		l.alone = ""
	}
	if l.confirmed[0].route != info.route {
		l.confirmed[1] = l.confirmed[0]
	}
	l.confirmed[0] = confirmation{route: info.route, at: now}
	sent := now.Add(-info.rtt)
	for route, c := range l.claims {
		switch {
		case c.limit == l.present || sent.Before(c.since):
		case route == info.route:
			delete(l.claims, route)
		default:
			c.contradicted, c.since = true, now
		}
	}
}
