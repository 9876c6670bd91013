package trengo

import "time"

// An Attempt describes one request on the wire to an observer. It contains no
// personal data.
type Attempt struct {
	Method     string
	Route      string        // such as /contacts/{id}
	StatusCode int           // zero if no response arrived
	Number     int           // 1 for the first attempt of a call
	Waited     time.Duration // for its turn, before it was sent
	Elapsed    time.Duration // on the wire
	Class      AttemptClass
}

// An AttemptClass says how an attempt ended.
type AttemptClass string

// The ways in which an attempt ends.
const (
	AttemptClassOK             AttemptClass = ""                // a usable response
	AttemptClassNoConnection   AttemptClass = "no_connection"   // nothing was sent, or Trengo did not process it
	AttemptClassRateLimited    AttemptClass = "rate_limited"    // 429
	AttemptClassTimeout        AttemptClass = "timeout"         // no response in time
	AttemptClassCanceled       AttemptClass = "canceled"        // the caller's context was canceled
	AttemptClassConnectionLost AttemptClass = "connection_lost" // after the connection was obtained
	AttemptClassServerError    AttemptClass = "server_error"    // 5xx, except 501, or 408
	AttemptClassUnreadable     AttemptClass = "unreadable"      // 2xx, but not what was asked for
	AttemptClassRefused        AttemptClass = "refused"         // any other response
)

// A RateLimit is what Trengo last said about the rate limit of the token.
type RateLimit struct {
	Limit     int // requests a minute
	Remaining int // requests left in Trengo's current window of a minute
	// RetryAfter is the pause that a 429 asked for, at most an hour; zero after
	// any other response.
	RetryAfter time.Duration
	// ReceivedAt is when that response arrived.
	ReceivedAt time.Time
}
