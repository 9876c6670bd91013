package transport

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The header names in net/http's canonical form, in which a look-up
// allocates nothing.
const (
	headerLimit      = "X-Ratelimit-Limit"
	headerRemaining  = "X-Ratelimit-Remaining"
	headerReset      = "X-Ratelimit-Reset"
	headerRetryAfter = "Retry-After"
)

// A RateLimit is what the server last said about its rate limit.
type RateLimit struct {
	Limit      int
	Remaining  int
	RetryAfter time.Duration
	ReceivedAt time.Time
}

// A statement is what one answer said about the rate limit; its zero value
// says nothing, as no answer does.
type statement struct {
	answered     bool
	roundTrip    time.Duration
	limit        int // 0: not said
	remaining    int
	hasRemaining bool
	pause        time.Duration // of a 429; 0 for any other answer
}

func readStatement(header http.Header, roundTrip time.Duration) statement {
	said := statement{answered: true, roundTrip: roundTrip}
	if n, ok := count(header.Get(headerLimit)); ok {
		said.limit = n
	}
	said.remaining, said.hasRemaining = count(header.Get(headerRemaining))
	return said
}

func count(value string) (int, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31)
	return int(n), err == nil
}

// learn takes up what an answer said about pauses and about others on the
// token. The slot is that of the answered attempt.
func (p *pacer) learn(now time.Time, s *slot, said statement) {
	if !said.answered {
		return
	}
	p.learnRoundTrip(now, said.roundTrip)
	switch {
	case said.pause > 0:
		// The gate holds everyone back; that nothing remains adds nothing to it.
		if until := now.Add(said.pause); until.After(p.gate) {
			p.gate = until
		}
		p.share(now)
	case said.hasRemaining:
		p.holdBack(now, max(0, s.leastLeft-said.remaining))
	}
}

// holdBack keeps slots free for what others have used of the server's window,
// in place of those that an earlier answer made it keep: when the server
// begins its next window, nothing but a later answer tells.
func (p *pacer) holdBack(now time.Time, slots int) {
	if p.others > 0 {
		p.resting = slices.DeleteFunc(p.resting, func(r rest) bool { return r.others })
		p.rested -= p.others
		p.others = 0
		p.smooth(now)
	}
	if slots == 0 {
		return
	}
	p.resting = append(p.resting, rest{until: now.Add(window), slots: slots, others: true})
	p.rested += slots
	p.others = slots
	p.share(now)
}

// learnRoundTrip follows a slow answer at once and a quick one gradually: a
// prediction that is too late only refuses a caller, one that is too early
// makes it miss its deadline. The other way round for what an answer takes at
// best.
func (p *pacer) learnRoundTrip(now time.Time, sample time.Duration) {
	p.roundTrip = max(sample, p.roundTrip-(p.roundTrip-sample)/8)
	p.quickest += (sample - p.quickest) / 8
	if p.heard.IsZero() || sample < p.quickest {
		p.quickest = sample
	}
	p.heard = now
}

func (p *pacer) resize(now time.Time, limit int) {
	if p.ceiling > 0 {
		limit = min(limit, p.ceiling)
	}
	if limit < 1 || limit == p.limit {
		return
	}
	for _, s := range p.inFlight {
		s.leastLeft += limit - p.limit
	}
	p.limit = limit
	p.smooth(now)
}

// share notes a sign of somebody else on the same token.
func (p *pacer) share(now time.Time) {
	p.sharedUntil = now.Add(sharedFor)
	p.smooth(now)
}

// retryAfter reads how long the server asks to wait: the Retry-After header
// in seconds or as a date, else X-RateLimit-Reset. What cannot be read says
// nothing.
func retryAfter(header http.Header, now time.Time) (time.Duration, bool) {
	value := strings.TrimSpace(header.Get(headerRetryAfter))
	if seconds, ok := count(value); ok {
		return time.Duration(seconds) * time.Second, true
	}
	if date, err := http.ParseTime(value); err == nil {
		// The server's own clock, if it tells it, leaves ours out of the sum.
		if sent, err := http.ParseTime(header.Get("Date")); err == nil {
			now = sent
		}
		return max(0, date.Sub(now)), true
	}
	return untilReset(header.Get(headerReset), now)
}

// untilReset reads X-RateLimit-Reset. Its format is documented nowhere: a
// small number is taken for seconds to wait, a large one for a Unix time, and
// what is further away than the server's window for a mistake.
func untilReset(value string, now time.Time) (time.Duration, bool) {
	seconds, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	if err != nil {
		return 0, false
	}
	wait := time.Duration(seconds) * time.Second
	if seconds > int64(window.Seconds()) {
		wait = time.Unix(seconds, 0).Sub(now)
	}
	if wait <= 0 || wait > window {
		return 0, false
	}
	return wait, true
}
