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
)

// The values that hold where no [Option] says otherwise.
const (
	DefaultBaseURL    = "https://app.trengo.com/api/v2"
	DefaultRateLimit  = 120 // requests a minute
	DefaultMaxRetries = 4
	DefaultTimeout    = 30 * time.Second // of one attempt

	defaultUserAgent = "github.com/trengo-go/trengo"
)

// An Option sets up a [Client]. A nil Option does nothing.
type Option func(*options) error

type options struct {
	// authorization makes the header of an attempt; nil: the token is fixed
	authorization func(context.Context) (string, error)
	baseURL       *url.URL
	httpClient    *http.Client
	userAgent     string
	logger        *slog.Logger
	rateLimit     int // 0: start with the default and follow the server
	maxRetries    int
	timeout       time.Duration
	maxWait       time.Duration
	observer      func(Attempt)
}

func newOptions(token string, opts []Option) (*options, error) {
	o := &options{
		baseURL:    must(url.Parse(DefaultBaseURL)),
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
		header := authorization(token)
		o.authorization = func(context.Context) (string, error) { return header, nil }
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, fmt.Errorf("trengo: invalid client: %w", err)
	}
	return o, nil
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// checkToken says what is wrong with a token, without showing it.
func checkToken(token string) error {
	if token == "" {
		return ownError("the token is empty")
	}
	if !isHeaderText(token) || strings.Contains(token, " ") {
		return ownError("the token has a character that no token has, such as a blank or a line break")
	}
	return nil
}

func authorization(token string) string { return "Bearer " + token }

func isHeaderText(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// WithBaseURL sends the requests elsewhere than to [DefaultBaseURL]. The URL
// must be https, unless its host is loopback, and has no query, fragment or
// user.
func WithBaseURL(rawURL string) Option {
	return func(o *options) error {
		u, err := url.Parse(strings.TrimRight(rawURL, "/"))
		switch {
		case err != nil || u.Hostname() == "":
			return errors.New("the base URL is no URL with a host")
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

// WithHTTPClient sends the requests with hc, whose transport, proxy, TLS
// settings and cookie jar count. The client is copied and never changed. Its
// Timeout counts if it is shorter than that of [WithTimeout]; redirects are
// not followed, whatever CheckRedirect says. By default the Client has a
// connection pool of its own.
//
// The transport should report its connections to
// [net/http/httptrace], as [net/http.Transport] does: otherwise a request
// that was never sent cannot be told from one whose answer was lost, unless
// the dial failed, and is not repeated if that could do harm.
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
			return errors.New("the user agent is empty or no header text")
		}
		o.userAgent = userAgent
		return nil
	}
}

// WithLogger logs each attempt at level Debug, as well as each call that is
// refused without one, and each retry and 429 at level Warn: method, route
// such as /contacts/{id}, status, numbers and durations; never a query, a body
// or the token. By default nothing is logged.
func WithLogger(logger *slog.Logger) Option {
	return func(o *options) error {
		if logger == nil {
			return errors.New("the logger is nil")
		}
		o.logger = logger
		return nil
	}
}

// WithTokenSource asks source for the token of every attempt, so that it can
// be rotated without a restart; the token given to [NewClient] is not used
// then. Once per call, a token that is refused (401) is asked for again, and
// the call goes on if it has changed.
//
// The source is called by many goroutines at once. It should keep the token
// in memory: the attempt's place within the rate limit is taken while it is
// asked. Its error ends the call.
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
			return authorization(token), nil
		}
		return nil
	}
}

// WithRateLimit starts with a limit of perMinute requests and never exceeds
// it, so that something else has room on the same token. By default the
// client starts with [DefaultRateLimit] and follows the limit that Trengo
// states in its answers, up and down.
func WithRateLimit(perMinute int) Option {
	return func(o *options) error {
		if perMinute < 1 {
			return fmt.Errorf("the rate limit %d is below 1", perMinute)
		}
		o.rateLimit = perMinute
		return nil
	}
}

// WithMaxRetries bounds how often a call is repeated after its first attempt.
// The default is [DefaultMaxRetries]; with 0 every call is sent once, and once
// more if a refused token was replaced (see [WithTokenSource]).
func WithMaxRetries(n int) Option {
	return func(o *options) error {
		if n < 0 {
			return fmt.Errorf("the number of retries %d is negative", n)
		}
		o.maxRetries = n
		return nil
	}
}

// WithTimeout bounds one attempt, from its connection to the last byte of the
// answer; waiting for its turn is not part of it. The default is
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

// WithMaxWait bounds how long one call waits in all: for its place within the
// rate limit, for the pauses that Trengo asks for and between retries. A call
// that would wait longer fails at once with [ErrRateLimited], or with the
// failure that it would have repeated. By default the context is the bound,
// and a pause of more than five minutes is refused.
func WithMaxWait(d time.Duration) Option {
	return func(o *options) error {
		if d <= 0 {
			return fmt.Errorf("the longest wait %s is not positive", d)
		}
		o.maxWait = d
		return nil
	}
}

// WithObserver calls observe after each attempt, for metrics and traces. It
// is called by many goroutines at once and should return quickly. A call that
// is refused without an attempt, because there is no room within the rate
// limit in time, is not observed.
func WithObserver(observe func(Attempt)) Option {
	return func(o *options) error {
		if observe == nil {
			return errors.New("the observer is nil")
		}
		o.observer = observe
		return nil
	}
}
