package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	// maxPause is the longest pause that is obeyed where no other bound is
	// set. The server's window is a minute: what asks for more than a few of
	// them is mistaken.
	maxPause = 5 * time.Minute
	// maxTold bounds what callers are told of a pause: nobody should stay away
	// for years because of a header.
	maxTold = time.Hour
	// minPause keeps a server that rounds down to 0 from being asked again
	// within the same second.
	minPause = time.Second
	// firstUnstatedPause is the wait after a 429 that names none.
	firstUnstatedPause = 15 * time.Second

	// maxAnswer and maxErrorAnswer bound what is read of an answer: a page of
	// a hundred tickets is well under a megabyte.
	maxAnswer      = 16 << 20
	maxErrorAnswer = 1 << 20
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
	// The token or a cookie may have come too late. Nothing is sent then.
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	c.start()
	ctx, cancel := context.WithTimeout(req.Context(), a.timeout)
	defer cancel()
	began := time.Now()
	resp, how, err := c.exchange(a.next, req.WithContext(ctx), began)
	if err != nil {
		err = interrupted(req.Context(), err)
		c.end(req.Context(), how, err, time.Since(began))
		return nil, err
	}
	answer, err := readAnswer(resp)
	elapsed := time.Since(began)
	c.answer = answer
	resp.Body = http.NoBody
	how, cause := c.judge(interrupted(req.Context(), err))
	c.end(req.Context(), how, cause, elapsed)
	return resp, nil
}

// interrupted names the end of the context in an error that came of it:
// net/http returns the context's cause, which can be anything.
func interrupted(ctx context.Context, err error) error {
	if ended := ctx.Err(); err != nil && ended != nil && !errors.Is(err, ended) {
		return errors.Join(ended, err)
	}
	return err
}

func (c *call) start() {
	c.attempt++
	c.answer, c.cause, c.retryAfter, c.rateLimited = nil, nil, 0, false
	c.traced.Store(false)
	c.connections.Store(0)
}

// exchange sends the request and settles its slot. The outcome is that of an
// attempt without an answer.
func (c *call) exchange(next http.RoundTripper, req *http.Request, began time.Time) (*http.Response, outcome, error) {
	var said statement
	// Deferred, so that a transport that panics does not keep the slot.
	defer func() {
		if c.underWay {
			c.underWay = false
			c.engine.pacer.done(&c.slot, int(c.connections.Load()), said)
		}
	}()
	resp, err := roundTrip(next, req)
	if err == nil {
		said = c.hear(resp, began)
		return resp, noOutcome, nil
	}
	how := c.lostOrNotSent(err)
	if how == notSent {
		c.giveBack()
	}
	return nil, how, err
}

// roundTrip takes from a transport what net/http would take.
func roundTrip(next http.RoundTripper, req *http.Request) (*http.Response, error) {
	resp, err := next.RoundTrip(req)
	switch {
	case err != nil:
		return nil, err
	case resp == nil:
		return nil, fmt.Errorf("the transport (%T) returned neither an answer nor an error", next)
	case resp.Body != nil:
		return resp, nil
	case resp.ContentLength > 0 && req.Method != http.MethodHead:
		return nil, fmt.Errorf("the transport (%T) returned an answer of %d bytes without a body", next, resp.ContentLength)
	}
	resp.Body = http.NoBody
	return resp, nil
}

// hear reads what an answer's header says about the rate limit.
func (c *call) hear(resp *http.Response, began time.Time) statement {
	now := time.Now()
	said := readStatement(resp.Header, now.Sub(began))
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		pause, stated := retryAfter(resp.Header, now)
		if !stated {
			pause = c.grown(firstUnstatedPause, window)
		}
		c.retryAfter = max(minPause, pause)
		// The gate is everybody's: that this engine's calls would rather fail
		// than wait is no reason to open it early.
		said.pause = min(c.retryAfter, max(maxPause, c.engine.opts.MaxWait))
	case resp.StatusCode >= http.StatusInternalServerError:
		// The reset of the rate limit has nothing to do with an outage.
		c.retryAfter, _ = retryAfter(http.Header{
			headerRetryAfter: resp.Header[headerRetryAfter],
			"Date":           resp.Header["Date"],
		}, now)
	}
	c.engine.remember(said, c.told(), now)
	return said
}

// told is how long the caller is asked to wait.
func (c *call) told() time.Duration { return min(c.retryAfter, maxTold) }

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
