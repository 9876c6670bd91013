package transport

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// An Attempt describes one attempt to an observer. It does not hold personal
// data.
type Attempt struct {
	Method     string
	Route      string
	StatusCode int           // zero means that no response arrived
	Number     int           // within the call, from 1
	Waited     time.Duration // before the attempt was sent
	Elapsed    time.Duration // until its response was read
	Class      AttemptClass
}

func (a *Attempt) attrs() []slog.Attr {
	return []slog.Attr{
		slog.String("method", a.Method),
		slog.String("route", a.Route),
		slog.Int("status", a.StatusCode),
		slog.Int("attempt", a.Number),
		slog.Duration("waited", a.Waited),
		slog.Duration("elapsed", a.Elapsed),
		slog.String("class", string(a.Class)),
	}
}

// An AttemptClass names how an attempt failed. It is empty if the response
// could be used.
type AttemptClass string

// The classes of attempts that failed.
const (
	ClassNoConnection   AttemptClass = "no_connection"   // nothing was sent, or the server says that it did not process it
	ClassRateLimited    AttemptClass = "rate_limited"    // the status is 429
	ClassTimeout        AttemptClass = "timeout"         // no response in time
	ClassCanceled       AttemptClass = "canceled"        // the context was canceled first
	ClassConnectionLost AttemptClass = "connection_lost" // no response for any other reason
	ClassServerError    AttemptClass = "server_error"    // a status of 500 or more, except 501, or 408
	ClassUnreadable     AttemptClass = "unreadable"      // a 2xx response that cannot be used
	ClassRefused        AttemptClass = "refused"         // any other response
)

func classOf(result outcome, cause error) AttemptClass {
	switch result {
	case outcomeNotSent, outcomeLost, outcomeUnreadable:
		return classOfLoss(result, cause)
	case outcomeRateLimited:
		return ClassRateLimited
	case outcomeServerError:
		return ClassServerError
	case outcomeRedirected, outcomeRefused, outcomeTurnedAway:
		return ClassRefused
	case outcomeNone, outcomeAccepted:
		return ""
	}
	return ""
}

func classOfLoss(result outcome, cause error) AttemptClass {
	var timed interface{ Timeout() bool }
	switch {
	case errors.Is(cause, context.Canceled):
		return ClassCanceled
	case result == outcomeNotSent:
		return ClassNoConnection
	case result == outcomeUnreadable:
		return ClassUnreadable
	case errors.As(cause, &timed) && timed.Timeout():
		return ClassTimeout
	default:
		return ClassConnectionLost
	}
}

// An observer passes on what happens to calls: attempts to the caller's
// Observer and Logger, decisions to the Logger only.
type observer struct {
	logger   *slog.Logger                   // nil means no log
	callback func(context.Context, Attempt) // nil means no observer
}

// enabled reports whether attempts are passed on at all.
func (o *observer) enabled(ctx context.Context) bool { return o.callback != nil || o.logsAttempts(ctx) }

func (o *observer) logsAttempts(ctx context.Context) bool {
	return o.logger != nil && o.logger.Enabled(ctx, slog.LevelDebug)
}

func (o *observer) attempt(ctx context.Context, a Attempt) {
	if o.logsAttempts(ctx) {
		o.logger.LogAttrs(ctx, slog.LevelDebug, "trengo attempt", a.attrs()...)
	}
	if o.callback != nil {
		o.callback(ctx, a)
	}
}

// retry logs whether another attempt follows the one described. That none
// follows is worth a line only if the rate limit is the reason.
func (o *observer) retry(ctx context.Context, a Attempt, retry bool, wait time.Duration) {
	if o.logger == nil || !retry && a.Class != ClassRateLimited {
		return
	}
	message := "trengo rate limit reached"
	if retry {
		message = "trengo retry"
	}
	o.logger.LogAttrs(ctx, slog.LevelWarn, message,
		slog.String("method", a.Method),
		slog.String("route", a.Route),
		slog.Int("attempt", a.Number),
		slog.String("class", string(a.Class)),
		slog.Duration("wait", wait))
}

// noRoom logs that a call is not sent, or not sent again, because the rate
// limit leaves no room for it in time.
func (o *observer) noRoom(ctx context.Context, req *Call, wait time.Duration) {
	if o.logger == nil {
		return
	}
	o.logger.LogAttrs(ctx, slog.LevelDebug, "trengo refused",
		slog.String("method", req.Method),
		slog.String("route", req.Route),
		slog.Duration("wait", wait))
}
