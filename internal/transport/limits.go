package transport

import "time"

const (
	// believedAfter is how long one route has to state a limit, without
	// contradiction, until it is believed.
	believedAfter = 2 * time.Minute

	// maxClaims bounds how many routes are remembered that state another limit.
	maxClaims = 64
)

// limits decides which of the limits that responses state is the server's. A
// route can have a limit of its own, and a gateway states what it likes. So
// another limit than the present one is only a claim of the route that states
// it. It is believed
//
//   - if two routes claim a lower one, or two a higher one, without
//     contradiction: then the one that is closer to the present limit;
//   - if a route has claimed it for two minutes without contradiction;
//   - if it is lower, and a route both enforces it with a 429 and states it in
//     another response, without contradiction.
//
// Another route contradicts by stating the present limit. From then on, the
// claim counts only by the two minutes, which begin anew; so routes with a limit
// of their own do not count as two. A route that itself states the present limit
// withdraws its claim.
//
// Up to the limit that the limiter started with, a higher limit is believed at
// once: a lower one may have been believed by mistake. A limit above it that only
// one route has stated is given up as soon as another route states a lower one.
type limits struct {
	initial int
	present int
	since   time.Time         // when present was believed
	by      string            // the only route that states present, if it is above initial
	claims  map[string]*claim // by route; those of the present limit are kept
}

// A claim is that a route states another limit than the other routes.
type claim struct {
	limit        int
	since        time.Time // or when it was last contradicted
	contradicted bool
	served       bool // stated by a response other than a 429
	enforced     bool // stated by a 429
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
	if info.limit < l.present && l.by != "" && l.by != info.route {
		delete(l.claims, l.by)
		l.believe(now, max(info.limit, l.initial), info.route)
	}
	switch {
	case info.limit > l.present && info.limit <= l.initial:
		l.believe(now, info.limit, "")
	case info.limit != l.present:
		l.noteClaim(now, info)
	}
	if info.limit == l.present {
		l.contradict(now, info)
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
	if info.pause > 0 {
		c.enforced = true
	} else {
		c.served = true
	}
	switch {
	case now.Sub(c.since) >= believedAfter:
		l.believe(now, c.limit, info.route)
	case c.contradicted:
	case c.limit < l.present && c.enforced && c.served:
		l.believe(now, c.limit, info.route)
	default:
		l.believeTwo(now, c)
	}
}

// believeTwo believes a claim if another one supports it.
func (l *limits) believeTwo(now time.Time, c *claim) {
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
	l.present, l.since, l.by = limit, now, ""
	if limit > l.initial {
		l.by = route
	}
}

// contradict takes in that a response states the present limit.
func (l *limits) contradict(now time.Time, info rateInfo) {
	if l.by != info.route {
		l.by = ""
	}
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
