// Package transport is the engine under the client: it sends HTTP requests
// within a server's rate limit and repeats those that may be repeated. It
// knows HTTP and nothing of what the requests mean.
package transport

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// Options configure an [Engine]. They are taken as valid.
type Options struct {
	HTTPClient    *http.Client // nil: a client with a connection pool of its own
	Limit         int          // requests a minute to begin with
	Ceiling       int          // requests a minute whatever the server allows; 0: none
	MaxRetries    int
	Timeout       time.Duration // of one attempt
	MaxWait       time.Duration // of one call's waits together; 0: no bound
	Authorization func(context.Context) (string, error)
	Logger        *slog.Logger // nil: silent
	Observer      func(Attempt)
}

// A Call is one request to be answered, by as many attempts as it takes.
type Call struct {
	Method string
	URL    string
	Route  string // the path without anything that is personal, for logs and observers
	Header http.Header
	Body   []byte
	// Repeatable says that the call may be sent again when it is not known
	// what became of an earlier attempt.
	Repeatable bool
	// Accept judges a 2xx answer. An answer that it refuses counts as one
	// that cannot be read.
	Accept func(*Answer) error
}

// An Answer is what the server said, read to its end.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// A Failure is the error of every call that ended without an answer that can
// be used.
type Failure struct {
	Answer      *Answer // the last one; nil: none came
	Cause       error   // nil: the answer's status says all
	Attempts    int
	RetryAfter  time.Duration // 0: not known; at most an hour
	RateLimited bool
	Unknown     bool // the call may have had its effect
}

func (f *Failure) Error() string { return "the call failed" }

// An Engine sends calls. It is safe for concurrent use.
type Engine struct {
	opts  Options
	retry *retryablehttp.Client
	pacer *pacer

	saidMu sync.Mutex
	said   RateLimit
}

// New makes an engine. The caller's http.Client is copied.
func New(opts Options) *Engine {
	e := &Engine{opts: opts, pacer: newPacer(opts.Limit, opts.Ceiling)}
	e.retry = retryablehttp.NewClient()
	e.retry.HTTPClient = e.httpClient(opts.HTTPClient)
	e.retry.Logger = nil
	// The number of retries is counted in shallRepeat, with all other reasons
	// to end a call.
	e.retry.RetryMax = int(^uint(0) >> 1)
	e.retry.CheckRetry = func(ctx context.Context, _ *http.Response, _ error) (bool, error) {
		return callOf(ctx).shallRepeat(ctx), nil
	}
	e.retry.Backoff = func(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return 0 }
	e.retry.PrepareRetry = func(req *http.Request) error { return callOf(req.Context()).prepare(req) }
	e.retry.ErrorHandler = retryablehttp.PassthroughErrorHandler
	return e
}

// idlePerHost lets the workers that the documentation suggests keep their
// connections; net/http's own default keeps two.
const idlePerHost = 64

func (e *Engine) httpClient(given *http.Client) *http.Client {
	hc := *e.retry.HTTPClient // with a pool of its own
	if given != nil {
		hc = *given
	} else if pool, ok := hc.Transport.(*http.Transport); ok {
		pool.MaxIdleConnsPerHost = idlePerHost
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
	hc.Transport = &attempts{next: next, timeout: timeout}
	// A redirect would be a request that nobody counted, and a 307 would send
	// a write again.
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &hc
}

// Do sends the call until it has an answer that can be used, or a reason to
// stop. The error is a *Failure.
func (e *Engine) Do(ctx context.Context, in *Call) (*Answer, error) {
	c := &call{Call: in, engine: e}
	ctx = httptrace.WithClientTrace(context.WithValue(ctx, callKey{}, c), &httptrace.ClientTrace{
		GetConn: func(string) { c.traced.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { c.connections.Add(1) },
	})
	// The caller's code runs while the slot is held: it may panic, or end its
	// goroutine.
	defer func() {
		if c.underWay {
			c.giveBack()
		}
	}()
	c.stop(bare(e.send(ctx, c)))
	if c.outcome == accepted {
		return c.answer, nil
	}
	return nil, c.failure()
}

func (e *Engine) send(ctx context.Context, c *call) error {
	var body any
	if c.Body != nil {
		body = c.Body
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, c.Method, c.URL, body)
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

// bare takes off the *url.Error that net/http puts around an error: its text
// holds the whole URL.
func bare(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// RateLimit is what the server last said; the zero value before its first
// answer.
func (e *Engine) RateLimit() RateLimit {
	e.saidMu.Lock()
	defer e.saidMu.Unlock()
	return e.said
}

// remember keeps of earlier answers what this one does not say.
func (e *Engine) remember(said statement, told time.Duration, now time.Time) {
	if said.limit == 0 && !said.hasRemaining && said.pause == 0 {
		return
	}
	e.saidMu.Lock()
	defer e.saidMu.Unlock()
	if said.limit > 0 {
		e.said.Limit = said.limit
	}
	if said.hasRemaining {
		e.said.Remaining = said.remaining
	}
	e.said.RetryAfter = 0
	if said.pause > 0 {
		e.said.RetryAfter = told
	}
	e.said.ReceivedAt = now
}
