package trengotest

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

const (
	defaultRateLimit = 120
	rateLimitWindow  = time.Minute
)

// A window counts the requests of one token. It opens with the first request
// after the one before has ended, so that its place in time depends on the client.
type window struct {
	ends  time.Time
	spent int
}

// quota is what one answer says about the rate limit.
type quota struct {
	limit     int // 0: there is none
	remaining int
	exceeded  bool
	ends      time.Time
}

// SetRateLimit sets how many requests a token may send within a window of 60
// seconds, from the next request on and for windows that are open, too. 0 means
// that there is no limit and that answers carry no rate limit headers.
func (s *Server) SetRateLimit(perMinute int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rateLimit = max(0, perMinute)
}

// SpendRateLimit counts n requests of somebody else who shares the token. If no
// window is open, it opens one. With several tokens it counts them for each.
func (s *Server) SpendRateLimit(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	tokens := slices.Clone(s.tokens)
	for _, u := range s.users.all(nil) {
		if u.Token != "" && !slices.Contains(tokens, u.Token) {
			tokens = append(tokens, u.Token)
		}
	}
	for _, token := range tokens {
		w := s.window(token, now)
		w.spent = min(w.spent+max(0, n), max(w.spent, s.rateLimit))
	}
}

// count counts one request. A request over the limit is not counted, so that
// refused requests do not add up.
func (s *Server) count(token string, now time.Time) quota {
	if s.rateLimit == 0 {
		return quota{}
	}
	w := s.window(token, now)
	exceeded := w.spent >= s.rateLimit
	if !exceeded {
		w.spent++
	}
	return quota{limit: s.rateLimit, remaining: max(0, s.rateLimit-w.spent), exceeded: exceeded, ends: w.ends}
}

// peek tells the quota without counting.
func (s *Server) peek(token string, now time.Time) quota {
	q := quota{limit: s.rateLimit, remaining: s.rateLimit}
	if w := s.windows[token]; w != nil && now.Before(w.ends) {
		q.remaining = max(0, s.rateLimit-w.spent)
	}
	return q
}

func (s *Server) window(token string, now time.Time) *window {
	w := s.windows[token]
	if w == nil || !now.Before(w.ends) {
		w = &window{ends: now.Add(rateLimitWindow)}
		s.windows[token] = w
	}
	return w
}

func (q quota) writeTo(h http.Header) {
	if q.limit == 0 {
		return
	}
	h.Set("X-Ratelimit-Limit", strconv.Itoa(q.limit))
	h.Set("X-Ratelimit-Remaining", strconv.Itoa(q.remaining))
}

func (s *Server) tooManyAttempts(q quota, now time.Time) answer {
	a := s.failure(http.StatusTooManyRequests, "Too Many Attempts.")
	// Rounded up: whoever waits as long as told finds the window closed.
	wait := (q.ends.Sub(now) + time.Second - 1) / time.Second
	a.header.Set("Retry-After", strconv.FormatInt(int64(wait), 10))
	if !s.Behavior.OmitRateLimitReset {
		reset := q.ends.Add(time.Second - 1).Unix()
		a.header.Set("X-Ratelimit-Reset", strconv.FormatInt(reset, 10))
	}
	return a
}
