package transport

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"
)

const (
	firstBackoff = time.Second
	maxBackoff   = 30 * time.Second

	// maxPause is the longest pause that the engine obeys if no other bound is
	// set. The server's window is a minute: to ask for more than a few of them
	// is a mistake.
	maxPause = 5 * time.Minute
	// maxRetryAfter is the longest RetryAfter of a Failure: a caller should not
	// stop for years because of a header.
	maxRetryAfter = time.Hour
	// minPause is the shortest pause after a 429. Otherwise a server that
	// rounds down to zero would be asked again within the same second.
	minPause = time.Second
	// firstUnstatedPause is the first pause after a 429 that states none.
	firstUnstatedPause = 15 * time.Second
)

type callKey struct{}

func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// A call is the state of one call. go-retryablehttp and http.Client reach it
// through the context of the request.
type call struct {
	req    *Call // the caller's
	engine *Engine

	slot      slot
	holdsSlot bool
	attempts  int
	last      attempt // the last one that was sent
	retries   int     // without the one after a refused token
	token     string
	// reauthorized says that a refused token was replaced; this is done once.
	reauthorized bool

	nextWait  time.Duration // before the next attempt is enqueued
	waited    time.Duration // before the last attempt
	totalWait time.Duration // in the whole call

	mayHaveActed bool // an attempt may have taken effect
	doubts       int  // attempts that are worth one more
	final        bool // finish was called
	// noRoom says why the next attempt is not sent, and reason any other cause
	// to end the call. Both are nil if the last attempt is the cause.
	noRoom *noRoomError
	reason error
}

// prepare waits until the next attempt may be sent, and authorizes it.
func (c *call) prepare(req *http.Request) error {
	ctx := req.Context()
	began := time.Now()
	err := c.acquireSlot(ctx)
	c.waited = time.Since(began)
	c.totalWait += c.waited
	if err == nil {
		err = c.authorize(ctx)
	}
	if err != nil {
		c.finish(err)
		return err
	}
	// Each attempt gets its own copy: all calls share the caller's header, and
	// net/http adds the cookies of a Jar to it.
	req.Header = c.req.Header.Clone()
	req.Header.Set("Authorization", c.token)
	return nil
}

// finish ends the call. Only the first reason counts.
func (c *call) finish(reason error) {
	if c.final {
		return
	}
	c.final = true
	if reason == nil || errors.As(reason, new(*noRoomError)) || errors.Is(c.last.cause, reason) {
		return // noRoom or the last attempt says it all
	}
	c.reason = reason
}

func (c *call) acquireSlot(ctx context.Context) error {
	bound := c.waitLeft()
	if err := sleep(ctx, c.nextWait); err != nil {
		return err
	}
	if bound > 0 {
		bound = max(1, bound-c.nextWait)
	}
	err := c.engine.limiter.acquire(ctx, &c.slot, bound)
	if errors.As(err, &c.noRoom) || errors.Is(err, ErrTooLate) {
		c.reportNoRoom(ctx)
	}
	c.holdsSlot = err == nil
	return err
}

// waitLeft is how long the call may still wait; zero means no bound.
func (c *call) waitLeft() time.Duration {
	if c.engine.opts.MaxWait == 0 {
		return 0
	}
	return max(1, c.engine.opts.MaxWait-c.totalWait)
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

// authorize gets the token of this attempt: it may have been rotated during
// the wait.
func (c *call) authorize(ctx context.Context) error {
	if c.reauthorized && c.last.statusCode() == http.StatusUnauthorized {
		return nil // replaceToken got it
	}
	token, err := c.engine.opts.Authorization(ctx)
	c.token = token
	return err
}

// releaseSlot frees the slot of an attempt that was not sent.
func (c *call) releaseSlot() {
	c.holdsSlot = false
	c.engine.limiter.release(&c.slot)
}

// completeSlot ends the attempt that has the slot.
func (c *call) completeSlot(info rateInfo) {
	c.holdsSlot = false
	c.engine.limiter.complete(&c.slot, int(c.last.connections.Load()), info)
}

// readRateInfo reads what the header of a response says about the rate limit,
// and when to try again.
func (c *call) readRateInfo(resp *http.Response, began time.Time) rateInfo {
	now := time.Now()
	info := parseRateInfo(resp, c.req.Route, now.Sub(began))
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		pause, stated := parseRetryAfter(resp.Header, now)
		if !stated {
			pause = c.exponential(firstUnstatedPause, window)
		}
		c.last.retryAfter = max(minPause, pause)
		// The gate is closed for as long as the server asks. That calls fail
		// instead of waiting is not a reason to open it early.
		info.pause = min(c.last.retryAfter, max(maxPause, c.engine.opts.MaxWait))
	case resp.StatusCode >= http.StatusInternalServerError, resp.StatusCode == http.StatusRequestTimeout:
		// The reset of the rate limit does not say when an outage ends.
		c.last.retryAfter, _ = parseRetryAfter(http.Header{
			headerRetryAfter: resp.Header[headerRetryAfter],
			"Date":           resp.Header["Date"],
		}, now)
	}
	c.engine.recordRateLimit(info, c.cappedRetryAfter(), now)
	return info
}

// cappedRetryAfter is how long the caller is asked to wait.
func (c *call) cappedRetryAfter() time.Duration {
	if c.noRoom != nil {
		return min(c.noRoom.wait, maxRetryAfter)
	}
	return min(c.last.retryAfter, maxRetryAfter)
}

// endAttempt records how the last attempt ended.
func (c *call) endAttempt(ctx context.Context, result outcome, cause error, elapsed time.Duration) {
	c.last.outcome, c.last.cause = result, cause
	switch result {
	case outcomeLost, outcomeServerError, outcomeUnreadable:
		c.mayHaveActed = true
	case outcomeRedirected:
		// Web applications redirect a POST to what it has made.
		c.mayHaveActed = c.mayHaveActed || !c.req.Repeatable
	case outcomeNone, outcomeAccepted, outcomeNotSent, outcomeRateLimited, outcomeRefused, outcomeTurnedAway:
	}
	if prospectOf(cause) == prospectDoubtful {
		c.doubts++
	}
	if c.engine.observer.enabled(ctx) {
		c.engine.observer.attempt(ctx, c.describe(elapsed))
	}
}

// describe describes the last attempt for logs and observers.
func (c *call) describe(elapsed time.Duration) Attempt {
	return Attempt{
		Method:     c.req.Method,
		Route:      c.req.Route,
		StatusCode: c.last.statusCode(),
		Number:     c.attempts,
		Waited:     c.waited,
		Elapsed:    elapsed,
		Class:      classOf(c.last.outcome, c.last.cause),
	}
}

// shouldRetry decides whether there is another attempt, and after which wait.
func (c *call) shouldRetry(ctx context.Context) bool {
	if c.holdsSlot {
		// The request was not sent: net/http refused it, or its context had
		// ended. Another attempt would fail in the same way.
		return false
	}
	if c.last.outcome == outcomeAccepted {
		c.finish(nil)
		return false
	}
	retry := c.planRetry(ctx)
	if c.engine.observer.logger != nil {
		c.engine.observer.retry(ctx, c.describe(0), retry, max(c.nextWait, c.cappedRetryAfter()))
	}
	if !retry {
		c.finish(nil)
	}
	return retry
}

func (c *call) planRetry(ctx context.Context) bool {
	if err := ctx.Err(); err != nil {
		c.finish(err)
		return false
	}
	switch {
	case c.replaceToken(ctx):
		c.nextWait = 0
	case c.mayRepeat() && c.retries < c.engine.opts.MaxRetries && c.last.retryAfter <= c.longestPause():
		c.nextWait = c.backoff()
		c.retries++
	default:
		return false
	}
	room, inTime := c.engine.limiter.canRetry(ctx, c.nextWait, c.waitLeft())
	if room > 0 {
		c.noRoom = &noRoomError{wait: max(room, c.last.retryAfter)}
		c.reportNoRoom(ctx)
	}
	return inTime
}

// replaceToken asks for the token again after a 401. If it has changed since
// the attempt, another one is worthwhile.
func (c *call) replaceToken(ctx context.Context) bool {
	if c.reauthorized || c.last.statusCode() != http.StatusUnauthorized {
		return false
	}
	token, err := c.engine.opts.Authorization(ctx)
	if err != nil || token == c.token {
		return false
	}
	c.token, c.reauthorized = token, true
	return true
}

func (c *call) mayRepeat() bool {
	switch c.last.outcome {
	case outcomeNotSent, outcomeRateLimited:
		return c.isPromising()
	case outcomeLost, outcomeServerError, outcomeUnreadable:
		return c.req.Repeatable && c.isPromising()
	case outcomeNone, outcomeAccepted, outcomeRedirected, outcomeRefused, outcomeTurnedAway:
		return false
	}
	return false
}

// isPromising reports whether the error of the last attempt leaves hope for
// another one.
func (c *call) isPromising() bool {
	switch prospectOf(c.last.cause) {
	case prospectNone:
		return false
	case prospectDoubtful:
		return c.doubts < 2
	case prospectGood:
	}
	return true
}

func (c *call) longestPause() time.Duration {
	if c.engine.opts.MaxWait > 0 {
		return c.engine.opts.MaxWait
	}
	return maxPause
}

// backoff is the wait before the next attempt: exponential with full jitter,
// or longer if the server asks for it. It is zero after a 429, because the
// gate delays every attempt.
func (c *call) backoff() time.Duration {
	if c.last.outcome == outcomeRateLimited {
		return 0
	}
	return max(rand.N(c.exponential(firstBackoff, maxBackoff)), c.last.retryAfter)
}

// exponential doubles a duration with each retry, up to a maximum.
func (c *call) exponential(d, longest time.Duration) time.Duration {
	for range c.retries {
		if d >= longest {
			return longest
		}
		d *= 2
	}
	return min(d, longest)
}

// reportNoRoom logs that an attempt is not sent. It does not call the Observer,
// which gets attempts only.
func (c *call) reportNoRoom(ctx context.Context) {
	c.engine.observer.noRoom(ctx, c.req, c.cappedRetryAfter())
}

func (c *call) failure() *Failure {
	cause := c.reason
	if cause == nil {
		cause = c.last.cause
	}
	return &Failure{
		Response:       c.last.response,
		Cause:          cause,
		Class:          classOf(c.last.outcome, c.last.cause),
		Attempts:       c.attempts,
		RetryAfter:     c.cappedRetryAfter(),
		RateLimited:    c.noRoom != nil || c.last.outcome == outcomeRateLimited,
		OutcomeUnknown: c.mayHaveActed && c.isWrite() && !c.last.isConclusive(),
		TurnedAway:     c.last.outcome == outcomeTurnedAway,
	}
}

func (c *call) isWrite() bool {
	return c.req.Method != http.MethodGet && c.req.Method != http.MethodHead
}
