package transport

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	firstBackoff = time.Second
	maxBackoff   = 30 * time.Second
)

type callKey struct{}

func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// call is the state of one call; the hooks reach it through the context.
type call struct {
	*Call
	engine *Engine

	slot     slot
	underWay bool // the slot is held
	attempt  int
	retries  int // attempts that were repeated; those with a refused token are not among them
	token    string
	// reauthorized says that a refused token was already replaced once.
	reauthorized bool

	wait    time.Duration // before the next attempt
	waited  time.Duration // before this attempt
	waiting time.Duration // in the whole call

	traced      atomic.Bool // the transport tells about its connections
	connections atomic.Int32

	outcome     outcome
	answer      *Answer
	cause       error
	retryAfter  time.Duration
	rateLimited bool
	mayHave     bool // an attempt may have had its effect
	ended       bool // the last word is spoken
}

// prepare waits until the next attempt may be sent and gives it its token.
func (c *call) prepare(req *http.Request) error {
	ctx := req.Context()
	began := time.Now()
	err := c.pause(ctx)
	c.waited = time.Since(began)
	c.waiting += c.waited
	if err == nil {
		err = c.authorize(ctx)
	}
	if err != nil {
		c.stop(err)
		return err
	}
	// Each attempt gets a copy of its own: the caller's header is shared by
	// all, and net/http adds the cookies of a Jar.
	req.Header = c.Header.Clone()
	req.Header.Set("Authorization", c.token)
	return nil
}

// stop ends the call, for the first of the reasons that come.
func (c *call) stop(reason error) {
	if c.ended {
		return
	}
	c.ended = true
	// A refusal says all in rateLimited.
	if reason == nil || errors.As(reason, new(*refusal)) || errors.Is(c.cause, reason) {
		return
	}
	c.cause = reason
}

func (c *call) pause(ctx context.Context) error {
	bound := c.waitLeft()
	if err := sleep(ctx, c.wait); err != nil {
		return err
	}
	if bound > 0 {
		bound = max(1, bound-c.wait)
	}
	err := c.engine.pacer.take(ctx, &c.slot, bound)
	var late *refusal
	switch {
	case errors.As(err, &late):
		c.refuse(ctx, late.wait)
	case errors.Is(err, ErrTooLate):
		c.reportRefusal(ctx)
	}
	c.underWay = err == nil
	return err
}

// waitLeft is what is left of the call's longest wait; 0 if there is no bound.
func (c *call) waitLeft() time.Duration {
	if c.engine.opts.MaxWait == 0 {
		return 0
	}
	return max(1, c.engine.opts.MaxWait-c.waiting)
}

func (c *call) refuse(ctx context.Context, wait time.Duration) {
	c.rateLimited, c.retryAfter = true, wait
	c.reportRefusal(ctx)
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// authorize asks for the token of this attempt: it may have been rotated
// during the wait.
func (c *call) authorize(ctx context.Context) error {
	if c.reauthorized && c.answer != nil && c.answer.Status == http.StatusUnauthorized {
		return nil
	}
	token, err := c.engine.opts.Authorization(ctx)
	c.token = token
	return err
}

func (c *call) giveBack() {
	c.underWay = false
	c.engine.pacer.cancel(&c.slot)
}

// shallRepeat decides whether the call goes on, and after which wait.
func (c *call) shallRepeat(ctx context.Context) bool {
	if c.underWay {
		// The request was not sent: net/http refused it, or it was too late.
		// It would be so again.
		return false
	}
	repeat := c.outcome != accepted && c.next(ctx)
	c.reportRetry(ctx, repeat)
	if !repeat {
		c.stop(nil)
	}
	return repeat
}

func (c *call) next(ctx context.Context) bool {
	if err := ctx.Err(); err != nil {
		c.stop(err)
		return false
	}
	switch {
	case c.tokenReplaced(ctx):
		c.wait = 0
	case c.mayRepeat() && c.retries < c.engine.opts.MaxRetries && c.retryAfter <= c.longestPause():
		c.wait = c.backoff()
		c.retries++
	default:
		return false
	}
	room, inTime := c.engine.pacer.foresee(ctx, c.wait, c.waitLeft())
	if room > 0 {
		c.refuse(ctx, max(room, c.retryAfter))
	}
	return inTime
}

func (c *call) mayRepeat() bool {
	switch c.outcome {
	case notSent, limited:
		return true
	case lost, serverError, unreadable:
		return c.Repeatable
	default:
		return false
	}
}

// backoff is the wait before the next attempt: exponential with full jitter,
// or longer if the server asks for it. After a 429 it is nothing, because the
// gate of the pacer holds everyone back.
func (c *call) backoff() time.Duration {
	if c.outcome == limited {
		return 0
	}
	return max(rand.N(c.grown(firstBackoff, maxBackoff)), c.retryAfter)
}

// grown doubles a duration with each retry.
func (c *call) grown(d, most time.Duration) time.Duration {
	for range c.retries {
		if d >= most {
			return most
		}
		d *= 2
	}
	return min(d, most)
}

// tokenReplaced asks once more for the token after a 401. A token that has
// changed in the meantime deserves another attempt.
func (c *call) tokenReplaced(ctx context.Context) bool {
	if c.reauthorized || c.answer == nil || c.answer.Status != http.StatusUnauthorized {
		return false
	}
	token, err := c.engine.opts.Authorization(ctx)
	if err != nil || token == c.token {
		return false
	}
	c.token, c.reauthorized = token, true
	return true
}

func (c *call) failure() *Failure {
	return &Failure{
		Answer:      c.answer,
		Cause:       c.cause,
		Attempts:    c.attempt,
		RetryAfter:  c.told(),
		RateLimited: c.rateLimited,
		Unknown:     c.mayHave && c.writes() && !c.conclusive(),
	}
}

func (c *call) writes() bool { return c.Method != http.MethodGet && c.Method != http.MethodHead }

// conclusive says whether the last answer tells that the call has no effect,
// whatever became of the attempts before it.
func (c *call) conclusive() bool {
	if c.outcome != refused {
		return false
	}
	switch status := c.answer.Status; status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestTimeout:
		return false
	default:
		return status >= 400 && status < 500
	}
}
