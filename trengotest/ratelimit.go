package trengotest

import (
	"net/http"
	"strconv"
	"time"
)

const (
	defaultRateLimit = 120
	rateLimitWindow  = time.Minute
)

// A rateLimiter counts the requests of each token.
type rateLimiter struct {
	limit   int // requests per window; zero means no limit
	windows map[string]*window
}

func newRateLimiter() rateLimiter {
	return rateLimiter{limit: defaultRateLimit, windows: make(map[string]*window)}
}

// count counts one request. A request over the limit is not counted, so that
// rejected requests do not add up.
func (l *rateLimiter) count(token string, now time.Time) quota {
	if l.limit == 0 {
		return quota{}
	}
	w := l.window(token, now)
	exceeded := w.spent >= l.limit
	if !exceeded {
		w.spent++
	}
	return quota{limit: l.limit, remaining: max(0, l.limit-w.spent), exceeded: exceeded, ends: w.ends}
}

// peek returns the quota without counting a request.
func (l *rateLimiter) peek(token string, now time.Time) quota {
	q := quota{limit: l.limit, remaining: l.limit}
	if w := l.windows[token]; w != nil && now.Before(w.ends) {
		q.remaining = max(0, l.limit-w.spent)
	}
	return q
}

// spend counts n requests, up to the limit.
func (l *rateLimiter) spend(token string, n int, now time.Time) {
	w := l.window(token, now)
	w.spent = min(w.spent+max(0, n), max(w.spent, l.limit))
}

// window returns the open window of a token. If none is open, it opens one.
func (l *rateLimiter) window(token string, now time.Time) *window {
	w := l.windows[token]
	if w == nil || !now.Before(w.ends) {
		w = &window{ends: now.Add(rateLimitWindow)}
		l.windows[token] = w
	}
	return w
}

// A window counts the requests of one token during one minute. It opens with the
// first request after the previous window ended, so its start depends on the client.
type window struct {
	ends  time.Time
	spent int
}

// A quota is the state of the rate limit as one response reports it.
type quota struct {
	limit     int // zero means no limit
	remaining int
	exceeded  bool
	ends      time.Time
}

func (q quota) writeTo(h http.Header) {
	if q.limit == 0 {
		return
	}
	h.Set("X-Ratelimit-Limit", strconv.Itoa(q.limit))
	h.Set("X-Ratelimit-Remaining", strconv.Itoa(q.remaining))
}

// retryAfter returns the seconds until the window ends. They are rounded up, so
// that a client that waits that long finds the window closed.
func (q quota) retryAfter(now time.Time) string {
	seconds := (q.ends.Sub(now) + time.Second - 1) / time.Second
	return strconv.FormatInt(int64(seconds), 10)
}

// reset returns the end of the window in seconds since 1970, rounded up as well.
func (q quota) reset() string {
	return strconv.FormatInt(q.ends.Add(time.Second-1).Unix(), 10)
}
