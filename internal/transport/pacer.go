package transport

import (
	"time"

	"golang.org/x/time/rate"
)

// sharedFor is how long the burst stays small after a sign of another process
// on the same token.
const sharedFor = 2 * window

// A pacer delays attempts for which there are slots. Its gate is closed while
// the server asks for a pause. Its bucket spreads a backlog over the window.
type pacer struct {
	bucket      *rate.Limiter
	gate        time.Time // nothing is sent before it
	sharedUntil time.Time // zero means no recent sign of another process
}

func newPacer(limit int) pacer {
	return pacer{bucket: rate.NewLimiter(pace(limit, 0), burst(limit, false))}
}

// pace is how many attempts per second of a backlog may be sent: what other
// processes leave of the limit, so that it lasts for the whole window. Half of
// the limit is the least, or a process that starts later than the others would
// never get its share.
func pace(limit, others int) rate.Limit {
	ours := max(float64(limit-others), float64(limit)/2)
	return rate.Limit(ours / window.Seconds())
}

// burst is how many attempts of a backlog may be sent at once. It is half of
// the limit for a process that has the token for itself, and small otherwise:
// then two processes do not reach the server's limit together.
func burst(limit int, shared bool) int {
	if shared {
		return max(1, limit/20)
	}
	return max(1, limit/2)
}

// adjust sets pace and burst by the limit and by what other processes use.
func (p *pacer) adjust(now time.Time, limit, others int) {
	p.bucket.SetLimitAt(now, pace(limit, others))
	p.bucket.SetBurstAt(now, burst(limit, !p.sharedUntil.IsZero()))
}

// noteSharing notes a sign of another process; adjust puts it into effect.
func (p *pacer) noteSharing(now time.Time) { p.sharedUntil = now.Add(sharedFor) }

// expireSharing forgets the last sign of another process after a while. The
// result says whether it did; adjust puts that into effect.
func (p *pacer) expireSharing(now time.Time) bool {
	if p.sharedUntil.IsZero() || p.sharedUntil.After(now) {
		return false
	}
	p.sharedUntil = time.Time{}
	return true
}

// closeGate keeps the gate closed until a moment, or until a later one if it
// is closed for longer already.
func (p *pacer) closeGate(until time.Time) {
	if until.After(p.gate) {
		p.gate = until
	}
}

// allow reports whether an attempt may be sent now, and takes a token for it.
func (p *pacer) allow(now time.Time) bool {
	return !p.gate.After(now) && p.bucket.AllowN(now, 1)
}

// earliest is the first moment from at on at which allow will be true.
func (p *pacer) earliest(at time.Time) time.Time {
	if p.gate.After(at) {
		at = p.gate
	}
	if missing := 1 - p.bucket.TokensAt(at); missing > 0 {
		// A microsecond more, so that rounding never lets a timer fire early.
		at = at.Add(time.Duration(missing/float64(p.bucket.Limit())*float64(time.Second)) + time.Microsecond)
	}
	return at
}
