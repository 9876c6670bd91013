package trengo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/trengo-go/trengo/internal/transport"
)

// The defaults of a [Client].
const (
	DefaultBaseURL    = "https://app.trengo.com/api/v2"
	DefaultRateLimit  = 120 // requests a minute
	DefaultMaxRetries = 4
	DefaultTimeout    = 30 * time.Second // of one attempt

	defaultUserAgent = "github.com/trengo-go/trengo"
)

// An Option configures a [Client]. A nil Option does nothing.
type Option func(*options) error

type options struct {
	// authorization returns the header of an attempt. newOptions sets it if no
	// option did.
	authorization func(context.Context) (string, error)
	baseURL       *url.URL
	httpClient    *http.Client
	userAgent     string
	logger        *slog.Logger
	rateLimit     int // zero: start with the default and follow the server
	maxRetries    int
	timeout       time.Duration
	maxWait       time.Duration
	observer      func(context.Context, Attempt)
}

func newOptions(token string, opts []Option) (*options, error) {
	o := &options{
		baseURL:    mustParseURL(DefaultBaseURL),
		userAgent:  defaultUserAgent,
		maxRetries: DefaultMaxRetries,
		timeout:    DefaultTimeout,
	}
	var mistakes []error
	for _, opt := range opts {
		if opt != nil {
			mistakes = append(mistakes, opt(o))
		}
	}
	if o.authorization == nil {
		mistakes = append(mistakes, checkToken(token))
		header := bearerHeader(token)
		o.authorization = func(context.Context) (string, error) { return header, nil }
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, &opError{op: "invalid client", err: err}
	}
	return o, nil
}

func (o *options) transportOptions() transport.Options {
	t := transport.Options{
		HTTPClient:    o.httpClient,
		Limit:         DefaultRateLimit,
		MaxRetries:    o.maxRetries,
		Timeout:       o.timeout,
		MaxWait:       o.maxWait,
		Logger:        o.logger,
		Authorization: o.authorization,
	}
	if o.rateLimit > 0 {
		t.Limit, t.Ceiling = o.rateLimit, o.rateLimit
	}
	if observe := o.observer; observe != nil {
		t.Observer = func(ctx context.Context, a transport.Attempt) {
			observe(ctx, Attempt{
				Method:     a.Method,
				Route:      a.Route,
				StatusCode: a.StatusCode,
				Number:     a.Number,
				Waited:     a.Waited,
				Elapsed:    a.Elapsed,
				Class:      AttemptClass(a.Class),
			})
		}
	}
	return t
}

func mustParseURL(raw string) *url.URL {
	u, err := url.Parse(raw)
	if err != nil {
		panic(err)
	}
	return u
}

// checkToken says what is wrong with a token, without printing it.
func checkToken(token string) error {
	if token == "" {
		return safeText("the token is empty")
	}
	if !isHeaderText(token) || strings.Contains(token, " ") {
		return safeText("the token has a character that is not allowed, such as a space or a line break")
	}
	return nil
}

func bearerHeader(token string) string { return "Bearer " + token }

func isHeaderText(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// WithBaseURL replaces [DefaultBaseURL]. The URL must be https, unless its host
// is loopback, and must not have a query, a fragment or a user.
func WithBaseURL(rawURL string) Option {
	return func(o *options) error {
		u, err := url.Parse(strings.TrimRight(rawURL, "/"))
		switch {
		case err != nil || u.Hostname() == "":
			return errors.New("the base URL is not a URL with a host")
		case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
			return errors.New("the base URL is not https, and its host is not loopback")
		case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil:
			return errors.New("the base URL has a query, a fragment or a user")
		}
		o.baseURL = u
		return nil
	}
}

func isLoopback(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}

// WithHTTPClient sends the requests with hc: its transport, proxy, TLS settings
// and cookie jar apply. The client is copied and never changed. Its Timeout
// applies if it is shorter than that of [WithTimeout]. Redirects are not
// followed, whatever its CheckRedirect says. By default the Client has its own
// connection pool. That closes connections after 50 seconds without a request,
// before a load balancer does, and asks an HTTP/2 connection for a sign of life
// after 10 seconds of silence. A transport of yours should do both (IdleConnTimeout
// and HTTP2.SendPingTimeout of [net/http.Transport]): without pings, an HTTP/2
// connection that something on the way has lost fails every call until it is
// closed.
//
// The transport should report its connections to [net/http/httptrace], as
// [net/http.Transport] does. Otherwise a request that was never sent looks like
// one whose response was lost, unless the dial failed, and is not repeated if
// that could act twice.
func WithHTTPClient(hc *http.Client) Option {
	return func(o *options) error {
		if hc == nil {
			return errors.New("the HTTP client is nil")
		}
		o.httpClient = hc
		return nil
	}
}

// WithUserAgent replaces the User-Agent header, which names this module.
func WithUserAgent(userAgent string) Option {
	return func(o *options) error {
		if userAgent == "" || !isHeaderText(userAgent) {
			return errors.New("the user agent is empty or not a header value")
		}
		o.userAgent = userAgent
		return nil
	}
}

// WithLogger logs each attempt, and each call that is refused without one, at
// level Debug, and each retry and 429 at level Warn. A record contains the
// method, a route such as /contacts/{id}, the status, numbers and durations;
// never a query, a body or the token. By default nothing is logged.
func WithLogger(logger *slog.Logger) Option {
	return func(o *options) error {
		if logger == nil {
			return errors.New("the logger is nil")
		}
		o.logger = logger
		return nil
	}
}

// WithTokenSource asks source for the token of every attempt, so that the token
// can be rotated without a restart. The token given to [NewClient] is then not
// used. If Trengo rejects the token (401), the call asks for it once more, and
// goes on if it has changed.
//
// Many goroutines call source at once. It should keep the token in memory: the
// attempt holds its slot of the rate limit meanwhile. An error of source ends
// the call.
func WithTokenSource(source func(context.Context) (string, error)) Option {
	return func(o *options) error {
		if source == nil {
			return errors.New("the token source is nil")
		}
		o.authorization = func(ctx context.Context) (string, error) {
			token, err := source(ctx)
			if err == nil {
				err = checkToken(token)
			}
			if err != nil {
				return "", &tokenSourceError{err}
			}
			return bearerHeader(token), nil
		}
		return nil
	}
}

// WithRateLimit starts with a limit of perMinute requests and never exceeds it,
// which leaves room for other users of the token. By default the client starts
// with [DefaultRateLimit] and follows the limit that Trengo states in its
// responses, up and down, once two routes have stated the same change. The word
// of one route is enough after two minutes in which no other route has
// contradicted it, or earlier if none has done so for as long and the route goes
// by it: nothing remains of the lower limit, or a second response states the
// higher one. So a route with a limit of its own, or a response of a gateway,
// does not slow all calls.
//
// Half of the limit can be sent at once; a backlog is smoothed. An attempt
// returns its slot at once after a 429, or if it was not sent. The slot of an
// attempt without a response rests for two minutes, because Trengo may still
// count the request for a minute after the client has given it up.
//
// If a response says that fewer requests remain than the client expects, somebody
// else uses the token. The difference is held back until a later response says
// otherwise, for a minute at most. A backlog is sent that much slower, but at no
// less than half of the limit, and bursts stay small for two minutes. A 429 holds
// everything back until its Retry-After has passed: for at most five minutes, or
// as long as [WithMaxWait] if that is longer.
func WithRateLimit(perMinute int) Option {
	return func(o *options) error {
		if perMinute < 1 {
			return fmt.Errorf("the rate limit %d is below 1", perMinute)
		}
		o.rateLimit = perMinute
		return nil
	}
}

// WithMaxRetries limits how often a call is repeated after its first attempt.
// The default is [DefaultMaxRetries]. Zero means that every call is sent once,
// and once more if a rejected token was replaced (see [WithTokenSource]).
func WithMaxRetries(n int) Option {
	return func(o *options) error {
		if n < 0 {
			return fmt.Errorf("the number of retries %d is negative", n)
		}
		o.maxRetries = n
		return nil
	}
}

// WithTimeout limits one attempt, from its connection to the last byte of the
// response; the wait for its turn is not part of it. The default is
// [DefaultTimeout].
func WithTimeout(d time.Duration) Option {
	return func(o *options) error {
		if d <= 0 {
			return fmt.Errorf("the timeout %s is not positive", d)
		}
		o.timeout = d
		return nil
	}
}

// WithMaxWait limits how long one call waits in total: for its slot of the rate
// limit, for the pauses that Trengo asks for and between retries. A call that
// would wait longer fails at once with [ErrRateLimited], or with the failure
// that it would have retried. By default the context is the limit, and a pause
// of more than five minutes is refused.
func WithMaxWait(d time.Duration) Option {
	return func(o *options) error {
		if d <= 0 {
			return fmt.Errorf("the longest wait %s is not positive", d)
		}
		o.maxWait = d
		return nil
	}
}

// WithObserver calls observe after each attempt, with the context of the call:
// for metrics and traces. Many goroutines call it at once, and it should return
// quickly. A call that is refused without an attempt, because the rate limit
// leaves no room in time, is not observed.
func WithObserver(observe func(context.Context, Attempt)) Option {
	return func(o *options) error {
		if observe == nil {
			return errors.New("the observer is nil")
		}
		o.observer = observe
		return nil
	}
}
