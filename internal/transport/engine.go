// Package transport is the engine under the client: it sends HTTP requests
// within a server's rate limit, and retries those that may be repeated. It
// knows HTTP, but not what the requests mean.
package transport

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// Options configure an [Engine]. New does not check them.
type Options struct {
	HTTPClient *http.Client  // nil means a client with its own connection pool
	Limit      int           // requests per minute, until a response states the limit
	Ceiling    int           // most requests per minute, whatever the server allows; zero means no bound
	MaxRetries int           // per call
	Timeout    time.Duration // of one attempt
	MaxWait    time.Duration // sum of the waits of one call; zero means no bound
	// Authorization returns the Authorization header of the next attempt. It
	// is called with the context of the call, possibly by many goroutines.
	Authorization func(context.Context) (string, error)
	Logger        *slog.Logger // nil means no log
	// Observer is called after each attempt, with the values and the deadline
	// of the context that [Engine.Do] was given and by the same goroutine. Nil
	// means no observer.
	Observer func(context.Context, Attempt)
}

// A Call is one request, for which the engine makes as many attempts as it
// takes to get a response.
type Call struct {
	Method string
	URL    string
	Route  string // the path without personal data, for logs and observers
	Header http.Header
	Body   []byte
	// Repeatable says that the call may be sent again if the outcome of an
	// earlier attempt is unknown.
	Repeatable bool
	// Accept checks a 2xx response. A response that it returns an error for
	// counts as one that cannot be read. [Doubtful] and [Permanent] say that
	// another attempt would hardly, or never, be better.
	Accept func(*Response) error
	// FromAPI reports whether a 4xx response is from the API, and not from
	// something in front of it, which knows nothing of earlier attempts. Nil
	// means that all are.
	FromAPI func(*Response) bool
}

func (c *Call) isFromAPI(r *Response) bool { return c.FromAPI == nil || c.FromAPI(r) }

// A Response is what the server sent, with its whole body.
type Response struct {
	StatusCode int
	Header     http.Header
	Body       []byte
}

// A Failure is the error of a call without a usable response.
type Failure struct {
	Response       *Response     // to the last attempt; nil means that none arrived
	Cause          error         // nil means that the status of the response is the cause
	Class          AttemptClass  // of the last attempt
	Attempts       int           // requests sent
	RetryAfter     time.Duration // at most an hour; zero means that it is not known
	RateLimited    bool          // by the server, or by the engine before the call was sent
	OutcomeUnknown bool          // a write may have taken effect
	TurnedAway     bool          // by something in front of the API
}

func (f *Failure) Error() string { return "the call failed" }

// A RateLimit is what the server has stated about its rate limit.
type RateLimit struct {
	Limit      int           // requests per minute
	Remaining  int           // in the present window
	RetryAfter time.Duration // from a 429, at most an hour; zero after any other response
	ReceivedAt time.Time
}

// An Engine sends calls. It is safe for concurrent use.
type Engine struct {
	opts     Options
	retry    *retryablehttp.Client
	limiter  *limiter
	observer observer

	rateLimitMu sync.Mutex
	rateLimit   RateLimit
}

// New returns an engine. It copies opts.HTTPClient.
func New(opts Options) *Engine {
	e := &Engine{
		opts:     opts,
		limiter:  newLimiter(opts.Limit, opts.Ceiling),
		observer: observer{logger: opts.Logger, callback: opts.Observer},
	}
	e.retry = retryablehttp.NewClient()
	e.retry.HTTPClient = e.httpClient(opts.HTTPClient)
	e.retry.Logger = nil
	// The number of retries is checked in planRetry, with all other reasons
	// to end a call.
	e.retry.RetryMax = int(^uint(0) >> 1)
	e.retry.CheckRetry = func(ctx context.Context, _ *http.Response, _ error) (bool, error) {
		return callOf(ctx).shouldRetry(ctx), nil
	}
	e.retry.Backoff = func(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return 0 }
	e.retry.PrepareRetry = func(req *http.Request) error { return callOf(req.Context()).prepare(req) }
	e.retry.ErrorHandler = retryablehttp.PassthroughErrorHandler
	return e
}

func (e *Engine) httpClient(given *http.Client) *http.Client {
	hc := *e.retry.HTTPClient // has its own connection pool
	if given != nil {
		hc = *given
	} else if pool, ok := hc.Transport.(*http.Transport); ok {
		configurePool(pool)
	}
	next := hc.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	timeout := e.opts.Timeout
	if hc.Timeout > 0 {
		timeout = min(timeout, hc.Timeout)
	}
	hc.Timeout = 0
	hc.Transport = &attemptTransport{next: next, timeout: timeout}
	// A redirect would be a request without a slot, and a 307 would send a
	// write again.
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &hc
}

const (
	// idlePerHost is enough for the number of workers that the documentation
	// suggests to keep their connections; net/http's own default is two.
	idlePerHost = 64

	// idleTimeout is below the minute after which load balancers close a
	// connection: a request must not meet one that is about to be closed.
	idleTimeout = 50 * time.Second

	// pingAfter and pingTimeout are how long an HTTP/2 connection may be silent
	// before it is asked for a sign of life, and may take for it. Otherwise one
	// that something between the two sides has lost would be used for ever.
	pingAfter   = 10 * time.Second
	pingTimeout = 5 * time.Second
)

// configurePool sets what matters to the default transport.
func configurePool(pool *http.Transport) {
	pool.MaxIdleConnsPerHost = idlePerHost
	pool.IdleConnTimeout = idleTimeout
	pool.OnProxyConnectResponse = checkProxy
	pool.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout}
}

// Do sends the call until there is a usable response or a reason to stop. The
// error is a *Failure.
func (e *Engine) Do(ctx context.Context, req *Call) (*Response, error) {
	c := &call{req: req, engine: e}
	ctx = context.WithValue(ctx, callKey{}, c)
	// The caller's code runs while the slot is held: it may panic or end its
	// goroutine.
	defer func() {
		if c.holdsSlot {
			c.releaseSlot()
		}
	}()
	c.finish(withoutURL(e.send(ctx, c)))
	if c.last.outcome == outcomeAccepted {
		return c.last.response, nil
	}
	return nil, c.failure()
}

func (e *Engine) send(ctx context.Context, c *call) error {
	var body any
	if c.req.Body != nil {
		body = c.req.Body
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, c.req.Method, c.req.URL, body)
	if err != nil {
		return err
	}
	if err := c.prepare(req.Request); err != nil {
		return err
	}
	resp, err := e.retry.Do(req)
	if resp != nil {
		_ = resp.Body.Close()
	}
	return err
}

// withoutURL unwraps the *url.Error that net/http puts around an error,
// because its text contains the whole URL.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// RateLimit returns what the server stated last. It is the zero value before the
// first response.
func (e *Engine) RateLimit() RateLimit {
	e.rateLimitMu.Lock()
	defer e.rateLimitMu.Unlock()
	return e.rateLimit
}

// recordRateLimit updates the RateLimit. What a response leaves out keeps its
// earlier value.
func (e *Engine) recordRateLimit(info rateInfo, retryAfter time.Duration, now time.Time) {
	if info.limit == 0 && !info.hasRemaining && info.pause == 0 {
		return
	}
	e.rateLimitMu.Lock()
	defer e.rateLimitMu.Unlock()
	if info.limit > 0 {
		e.rateLimit.Limit = info.limit
	}
	if info.hasRemaining {
		e.rateLimit.Remaining = info.remaining
	}
	e.rateLimit.RetryAfter = 0
	if info.pause > 0 {
		e.rateLimit.RetryAfter = retryAfter
	}
	e.rateLimit.ReceivedAt = now
}
