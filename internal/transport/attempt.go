package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// maxBody and maxErrorBody bound how much of a response is read: a page of a
// hundred tickets is well under a megabyte.
const (
	maxBody      = 16 << 20
	maxErrorBody = 1 << 20
)

// ErrResponseTooLong is the cause of a [Failure] whose response was not read to
// its end.
var ErrResponseTooLong = errors.New("the response is too long")

// A ContractError says how the caller's transport breaks the contract of
// [http.RoundTripper].
type ContractError string

func (e ContractError) Error() string { return string(e) }

// An outcome is how an attempt ended, as far as retries depend on it.
type outcome int

const (
	outcomeNone        outcome = iota
	outcomeAccepted            // a usable 2xx response
	outcomeNotSent             // no connection was obtained, or the server says that it did not process the request
	outcomeRateLimited         // 429
	outcomeLost                // no whole response, after a connection was obtained
	outcomeServerError         // 5xx other than 501, 408, or a status that is none
	outcomeUnreadable          // a 2xx response that cannot be used
	outcomeRedirected          // 3xx
	outcomeRefused             // any other 4xx of the API itself
	outcomeTurnedAway          // any other response: something in front of the API sent it
)

// An attempt is one request of a call, and how it ended.
type attempt struct {
	traced      atomic.Bool  // the transport reports its connections
	connections atomic.Int32 // that were obtained
	guard       *guard       // of a request that is not repeatable; nil: it is

	response   *Response     // nil means that none arrived
	retryAfter time.Duration // that the response asks for
	outcome    outcome
	cause      error // nil means that the status of the response is the cause
}

func (a *attempt) reset() {
	a.traced.Store(false)
	a.connections.Store(0)
	a.guard = nil
	a.response, a.retryAfter, a.outcome, a.cause = nil, 0, outcomeNone, nil
}

// trace counts the connections of an attempt, and of those after a reset.
func (a *attempt) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { a.traced.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { a.connections.Add(1) },
	}
}

// statusCode is that of the response, or zero.
func (a *attempt) statusCode() int {
	if a.response == nil {
		return 0
	}
	return a.response.StatusCode
}

// judgeError is the outcome of an attempt without a response. If the transport
// reports its connections, the attempt was sent if there was one, unless net/http
// says otherwise. Any other transport is sure not to have sent it only if it failed
// to dial.
func (a *attempt) judgeError(err error) outcome {
	switch {
	case a.guard.wasUnsent(), wasNotProcessed(err):
		return outcomeNotSent
	case a.connections.Load() > 0:
		return outcomeLost
	case a.traced.Load():
		return outcomeNotSent
	}
	var failed *net.OpError
	if errors.As(err, &failed) && failed.Op == "dial" {
		return outcomeNotSent
	}
	return outcomeLost
}

// judgeResponse is the outcome of an attempt with a response to req.
func (a *attempt) judgeResponse(req *Call, readErr error) (outcome, error) {
	switch status := a.response.StatusCode; {
	case isSuccess(status) && readErr != nil:
		return outcomeUnreadable, readErr
	case isSuccess(status):
		if err := req.Accept(a.response); err != nil {
			return outcomeUnreadable, err
		}
		return outcomeAccepted, nil
	case status == http.StatusTooManyRequests:
		return outcomeRateLimited, nil
	case IsTurnedAway(status):
		return outcomeTurnedAway, nil
	case status < 200 || status >= 500, status == http.StatusRequestTimeout:
		return outcomeServerError, nil
	case status >= 300 && status < 400:
		return outcomeRedirected, nil
	case readErr != nil:
		return outcomeTurnedAway, readErr
	case !req.isFromAPI(a.response):
		return outcomeTurnedAway, nil
	default:
		return outcomeRefused, nil
	}
}

// IsTurnedAway reports whether a status says, whatever the body, that the request
// did not reach the API.
func IsTurnedAway(status int) bool {
	switch status {
	case http.StatusProxyAuthRequired, http.StatusMisdirectedRequest, http.StatusTooEarly, http.StatusNotImplemented:
		return true
	}
	return false
}

// isConclusive reports whether the response shows that the call has not taken
// effect, whatever the outcome of earlier attempts.
func (a *attempt) isConclusive() bool {
	status := a.statusCode()
	return a.outcome == outcomeRefused && status != http.StatusUnauthorized && status != http.StatusForbidden
}

func isSuccess(status int) bool { return status >= 200 && status < 300 }

// An attemptTransport makes single attempts. It sits below http.Client and
// above the caller's transport, so that cookies and proxies work as usual. It
// hides the transport's CloseIdleConnections: go-retryablehttp calls it, and
// would close connections that other clients share.
type attemptTransport struct {
	next    http.RoundTripper
	timeout time.Duration
}

// RoundTrip makes one attempt of the call that the request belongs to.
func (t *attemptTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	c := callOf(ctx)
	// The context may have ended while the caller's code got a token or a
	// cookie. Then nothing is sent.
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.attempts++
	c.last.reset()
	timed, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	// Only this request is traced: what the caller's code sends with its context
	// is not part of the attempt.
	timed = httptrace.WithClientTrace(timed, c.last.trace())
	out := req.WithContext(timed)
	if !c.req.Repeatable {
		out, c.last.guard = protect(out, cancel)
	}
	began := time.Now()
	resp, result, err := t.exchange(c, out, began)
	if err != nil {
		err = withContextError(ctx, err)
		c.endAttempt(ctx, result, err, time.Since(began))
		return nil, err
	}
	response, err := readResponse(resp)
	elapsed := time.Since(began)
	c.last.response = response
	resp.Body = http.NoBody
	result, cause := c.last.judgeResponse(c.req, withContextError(ctx, err))
	c.endAttempt(ctx, result, cause, elapsed)
	return resp, nil
}

// exchange sends the request and gives up its slot. The outcome is that of an
// attempt without a response.
func (t *attemptTransport) exchange(c *call, req *http.Request, began time.Time) (*http.Response, outcome, error) {
	var info rateInfo
	// Deferred, so that a transport that panics does not keep the slot.
	defer func() {
		if c.holdsSlot {
			c.completeSlot(info)
		}
	}()
	resp, err := t.forward(req)
	if err == nil {
		info = c.readRateInfo(resp, began)
		return resp, outcomeNone, nil
	}
	if c.last.guard.wasStopped() {
		err = ErrStreamReset
		c.last.connections.Add(-1) // nothing was sent over the last one
	}
	result := c.last.judgeError(err)
	if result == outcomeNotSent {
		c.releaseSlot()
	}
	return nil, result, err
}

// forward sends the request by the caller's transport. It accepts what net/http
// would accept.
func (t *attemptTransport) forward(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	switch {
	case err != nil:
		return nil, asProxyError(err)
	case resp == nil:
		return nil, ContractError(fmt.Sprintf("the transport (%T) returned neither a response nor an error", t.next))
	case resp.Body != nil:
		return resp, nil
	case resp.ContentLength > 0 && req.Method != http.MethodHead:
		return nil, ContractError(fmt.Sprintf("the transport (%T) returned a response of %d bytes without a body", t.next, resp.ContentLength))
	}
	resp.Body = http.NoBody
	return resp, nil
}

// withContextError adds the error of a context that has ended: net/http
// returns the context's cause, which can be any error.
func withContextError(ctx context.Context, err error) error {
	if ended := ctx.Err(); err != nil && ended != nil && !errors.Is(err, ended) {
		return errors.Join(ended, err)
	}
	return err
}

func readResponse(resp *http.Response) (*Response, error) {
	defer resp.Body.Close()
	longest := int64(maxErrorBody)
	if isSuccess(resp.StatusCode) {
		longest = maxBody
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, longest+1))
	if err == nil && int64(len(body)) > longest {
		body, err = body[:longest], ErrResponseTooLong
	}
	return &Response{StatusCode: resp.StatusCode, Header: resp.Header, Body: body}, err
}
