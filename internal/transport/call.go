package transport

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	// maxAnswer and maxErrorAnswer bound what is read of an answer: a page of
	// a hundred tickets is well under a megabyte.
	maxAnswer      = 16 << 20
	maxErrorAnswer = 1 << 20

	// maxPause is the longest pause that is obeyed where no other bound is
	// set. The server's window is a minute: what asks for more than a few of
	// them is mistaken.
	maxPause = 5 * time.Minute
	// minPause keeps a server that rounds down to 0 from being asked again
	// within the same second.
	minPause = time.Second

	firstBackoff = time.Second
	maxBackoff   = 30 * time.Second
	// firstUnstatedPause is the wait after a 429 that names none.
	firstUnstatedPause = 15 * time.Second
)

// ErrAnswerTooLong is the cause of a [Failure] whose answer was not read to
// its end.
var ErrAnswerTooLong = errors.New("the answer is too long")

// An outcome is how an attempt ended, as far as repeating it is concerned.
type outcome int

const (
	noOutcome   outcome = iota
	accepted            // a 2xx answer that can be used
	notSent             // no connection was obtained
	limited             // 429
	lost                // no answer, or only a part of it, after a connection was obtained
	serverError         // 5xx other than 501
	unreadable          // a 2xx answer that cannot be used
	refused             // any other answer
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
		c.ended = true
		// A refusal says all in rateLimited.
		if !errors.As(err, new(*refusal)) {
			c.cause = err
		}
		return err
	}
	// The caller's header is shared by all attempts, so each gets a copy.
	req.Header = req.Header.Clone()
	req.Header.Set("Authorization", c.token)
	return nil
}

func (c *call) pause(ctx context.Context) error {
	if err := sleep(ctx, c.wait); err != nil {
		return err
	}
	maxWait := c.engine.opts.MaxWait
	if maxWait > 0 {
		maxWait = max(1, maxWait-c.waiting-c.wait)
	}
	err := c.engine.pacer.take(ctx, &c.slot, maxWait)
	var late *refusal
	if errors.As(err, &late) {
		c.rateLimited, c.retryAfter = true, late.wait
	}
	c.underWay = err == nil
	return err
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
	if err != nil {
		c.giveBack()
		return err
	}
	c.token = token
	return nil
}

func (c *call) giveBack() {
	c.underWay = false
	c.engine.pacer.cancel(&c.slot)
}

// attempts sends single attempts, below http.Client and above the caller's
// transport, so that cookies and proxies work as ever. It hides the
// transport's CloseIdleConnections, with which go-retryablehttp would empty a
// connection pool that others share.
type attempts struct {
	next    http.RoundTripper
	timeout time.Duration
}

func (a *attempts) RoundTrip(req *http.Request) (*http.Response, error) {
	c := callOf(req.Context())
	c.start()
	if err := req.Context().Err(); err != nil {
		c.giveBack()
		c.end(req.Context(), notSent, err, 0)
		return nil, err
	}
	ctx, cancel := context.WithTimeout(req.Context(), a.timeout)
	defer cancel()
	began := time.Now()
	resp, err := c.exchange(a.next, req.WithContext(ctx), began)
	if err != nil {
		how := c.lostOrNotSent(err)
		// net/http returns the cause of the context, which can be anything.
		if ended := req.Context().Err(); ended != nil && !errors.Is(err, ended) {
			err = errors.Join(ended, err)
		}
		c.end(req.Context(), how, err, time.Since(began))
		return nil, err
	}
	answer, err := readAnswer(resp)
	c.answer = answer
	resp.Body = http.NoBody
	how, cause := c.judge(err)
	c.end(req.Context(), how, cause, time.Since(began))
	return resp, nil
}

func (c *call) start() {
	c.attempt++
	c.answer, c.cause, c.retryAfter, c.rateLimited = nil, nil, 0, false
	c.traced.Store(false)
	c.connections.Store(0)
}

// exchange sends the request and settles its slot.
func (c *call) exchange(next http.RoundTripper, req *http.Request, began time.Time) (*http.Response, error) {
	var said statement
	// Deferred, so that a transport that panics does not keep the slot.
	defer func() {
		if c.underWay {
			c.underWay = false
			c.engine.pacer.done(&c.slot, int(c.connections.Load()), said)
		}
	}()
	resp, err := next.RoundTrip(req)
	switch {
	case err == nil:
		said = c.hear(resp, began)
	case c.lostOrNotSent(err) == notSent:
		c.giveBack()
	}
	return resp, err
}

// hear reads what an answer's header says about the rate limit.
func (c *call) hear(resp *http.Response, began time.Time) statement {
	now := time.Now()
	said := readStatement(resp.Header, now.Sub(began))
	if resp.StatusCode >= http.StatusBadRequest {
		pause, stated := retryAfter(resp.Header, now)
		if resp.StatusCode == http.StatusTooManyRequests {
			if !stated {
				pause = c.grown(firstUnstatedPause, window)
			}
			pause = max(minPause, pause)
			said.pause = min(pause, c.longestPause())
		}
		c.retryAfter = pause
	}
	c.engine.remember(said, now)
	return said
}

func (c *call) longestPause() time.Duration {
	if c.engine.opts.MaxWait > 0 {
		return c.engine.opts.MaxWait
	}
	return maxPause
}

// lostOrNotSent tells the two ways apart in which an attempt gets no answer.
// A transport that tells about its connections is believed; of another one
// only a failed dial is known not to have sent anything.
func (c *call) lostOrNotSent(err error) outcome {
	if c.connections.Load() > 0 {
		return lost
	}
	if c.traced.Load() {
		return notSent
	}
	var failed *net.OpError
	if errors.As(err, &failed) && failed.Op == "dial" {
		return notSent
	}
	return lost
}

func readAnswer(resp *http.Response) (*Answer, error) {
	defer resp.Body.Close()
	most := int64(maxErrorAnswer)
	if isSuccess(resp.StatusCode) {
		most = maxAnswer
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err == nil && int64(len(body)) > most {
		body, err = body[:most], ErrAnswerTooLong
	}
	return &Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, err
}

func isSuccess(status int) bool { return status >= 200 && status < 300 }

// judge says what became of an attempt that was answered.
func (c *call) judge(readErr error) (outcome, error) {
	switch status := c.answer.Status; {
	case isSuccess(status) && readErr != nil:
		return unreadable, readErr
	case isSuccess(status):
		if err := c.Accept(c.answer); err != nil {
			return unreadable, err
		}
		return accepted, nil
	case status == http.StatusTooManyRequests:
		return limited, nil
	case status >= 500 && status != http.StatusNotImplemented:
		return serverError, nil
	default:
		return refused, nil
	}
}

func (c *call) end(ctx context.Context, how outcome, cause error, elapsed time.Duration) {
	c.outcome, c.cause = how, cause
	switch how {
	case limited:
		c.rateLimited = true
	case lost, serverError, unreadable:
		c.mayHave = true
	}
	c.report(ctx, elapsed)
}

// shallRepeat decides whether the call goes on, and after which wait.
func (c *call) shallRepeat(ctx context.Context, err error) bool {
	if c.underWay {
		// net/http refused the request without asking the transport.
		c.giveBack()
		c.cause = bare(err)
	}
	repeat := c.outcome != accepted && c.next(ctx)
	c.ended = !repeat
	c.reportRetry(ctx, repeat)
	return repeat
}

func (c *call) next(ctx context.Context) bool {
	if err := ctx.Err(); err != nil {
		if c.cause == nil {
			c.cause = err
		}
		return false
	}
	if c.tokenReplaced(ctx) {
		c.wait = 0
		return true
	}
	if !c.mayRepeat() || c.attempt > c.engine.opts.MaxRetries || c.retryAfter > c.longestPause() {
		return false
	}
	c.wait = c.backoff()
	if deadline, ok := ctx.Deadline(); ok && time.Now().Add(c.wait).After(deadline) {
		return false
	}
	maxWait := c.engine.opts.MaxWait
	return maxWait == 0 || c.waiting+c.wait <= maxWait
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

// grown doubles a duration with each attempt after the first.
func (c *call) grown(d, most time.Duration) time.Duration {
	for range c.attempt - 1 {
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
		RetryAfter:  c.retryAfter,
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
