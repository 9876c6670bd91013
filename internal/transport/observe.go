package transport

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// An Attempt is what an observer is told.
type Attempt struct {
	Method  string
	Route   string
	Status  int
	Number  int
	Waited  time.Duration
	Elapsed time.Duration
	Class   string
}

func (c *call) report(ctx context.Context, elapsed time.Duration) {
	opts := &c.engine.opts
	logged := opts.Logger != nil && opts.Logger.Enabled(ctx, slog.LevelDebug)
	if opts.Observer == nil && !logged {
		return
	}
	a := Attempt{
		Method:  c.Method,
		Route:   c.Route,
		Number:  c.attempt,
		Waited:  c.waited,
		Elapsed: elapsed,
		Class:   c.class(),
	}
	if c.answer != nil {
		a.Status = c.answer.Status
	}
	if logged {
		opts.Logger.LogAttrs(ctx, slog.LevelDebug, "trengo attempt", a.attrs()...)
	}
	if opts.Observer != nil {
		opts.Observer(a)
	}
}

func (a Attempt) attrs() []slog.Attr {
	return []slog.Attr{
		slog.String("method", a.Method),
		slog.String("route", a.Route),
		slog.Int("status", a.Status),
		slog.Int("attempt", a.Number),
		slog.Duration("waited", a.Waited),
		slog.Duration("elapsed", a.Elapsed),
		slog.String("class", a.Class),
	}
}

func (c *call) reportRetry(ctx context.Context, repeat bool) {
	logger := c.engine.opts.Logger
	if logger == nil || !repeat && c.outcome != limited {
		return
	}
	message := "trengo rate limit reached"
	if repeat {
		message = "trengo retry"
	}
	logger.LogAttrs(ctx, slog.LevelWarn, message,
		slog.String("method", c.Method),
		slog.String("route", c.Route),
		slog.Int("attempt", c.attempt),
		slog.String("class", c.class()),
		slog.Duration("wait", max(c.wait, c.told())))
}

// reportRefusal is all that is told of a call that is not sent, or not again,
// for want of room: an observer is told of attempts.
func (c *call) reportRefusal(ctx context.Context) {
	if c.engine.opts.Logger == nil {
		return
	}
	c.engine.opts.Logger.LogAttrs(ctx, slog.LevelDebug, "trengo refused",
		slog.String("method", c.Method),
		slog.String("route", c.Route),
		slog.Duration("wait", c.told()))
}

// class names how an attempt ended; empty for an answer that can be used.
func (c *call) class() string {
	switch c.outcome {
	case notSent, lost, unreadable:
		return lossClass(c.outcome, c.cause)
	case limited:
		return "rate_limited"
	case serverError:
		return "server_error"
	case refused:
		return "refused"
	default:
		return ""
	}
}

func lossClass(how outcome, cause error) string {
	var timed interface{ Timeout() bool }
	switch {
	case errors.Is(cause, context.Canceled):
		return "canceled"
	case how == notSent:
		return "no_connection"
	case how == unreadable:
		return "unreadable"
	case errors.As(cause, &timed) && timed.Timeout():
		return "timeout"
	default:
		return "connection_lost"
	}
}
