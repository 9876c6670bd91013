package trengo_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// clientMistakes are the options and tokens that NewClient rejects, and the text
// of the error.
var clientMistakes = []struct {
	name  string
	token string
	opt   trengo.Option
	says  string
}{
	{name: "an empty token", token: "", says: "the token is empty"},
	{name: "a token with a line break", token: "abc\ndef", says: "the token has a character that is not allowed, such as a space or a line break"},
	{name: "a token with a space", token: "Bearer abc", says: "the token has a character that is not allowed, such as a space or a line break"},
	{name: "a token beyond ASCII", token: "abcé", says: "the token has a character that is not allowed, such as a space or a line break"},
	{name: "a base URL without a host", opt: trengo.WithBaseURL("/api/v2"), says: "the base URL is not a URL with a host"},
	{name: "a base URL with only a port", opt: trengo.WithBaseURL("https://:8080"), says: "the base URL is not a URL with a host"},
	{name: "an invalid base URL", opt: trengo.WithBaseURL("https://app.trengo.com/%zz"), says: "the base URL is not a URL with a host"},
	{name: "an empty base URL", opt: trengo.WithBaseURL(""), says: "the base URL is not a URL with a host"},
	{name: "an http base URL", opt: trengo.WithBaseURL("http://app.trengo.com/api/v2"), says: "the base URL is not https, and its host is not loopback"},
	{name: "an http base URL whose host begins like a loopback address", opt: trengo.WithBaseURL("http://127.0.0.1.example.com"), says: "the base URL is not https, and its host is not loopback"},
	{name: "an http base URL whose user looks like a loopback host", opt: trengo.WithBaseURL("http://localhost@example.com"), says: "the base URL is not https, and its host is not loopback"},
	{name: "a base URL with another scheme", opt: trengo.WithBaseURL("ftp://localhost/api/v2"), says: "the base URL is not https, and its host is not loopback"},
	{name: "a base URL with a query", opt: trengo.WithBaseURL("https://app.trengo.com/api/v2?page=1"), says: "the base URL has a query, a fragment or a user"},
	{name: "a base URL with an empty query", opt: trengo.WithBaseURL("https://app.trengo.com/api/v2?"), says: "the base URL has a query, a fragment or a user"},
	{name: "a base URL with a fragment", opt: trengo.WithBaseURL("https://app.trengo.com/api/v2#top"), says: "the base URL has a query, a fragment or a user"},
	{name: "a base URL with a user", opt: trengo.WithBaseURL("https://robin:secret@app.trengo.com"), says: "the base URL has a query, a fragment or a user"},
	{name: "no HTTP client", opt: trengo.WithHTTPClient(nil), says: "the HTTP client is nil"},
	{name: "an empty user agent", opt: trengo.WithUserAgent(""), says: "the user agent is empty or not a header value"},
	{name: "a user agent with a line break", opt: trengo.WithUserAgent("shop\r\nX: y"), says: "the user agent is empty or not a header value"},
	{name: "no logger", opt: trengo.WithLogger(nil), says: "the logger is nil"},
	{name: "no token source", opt: trengo.WithTokenSource(nil), says: "the token source is nil"},
	{name: "a rate limit of 0", opt: trengo.WithRateLimit(0), says: "the rate limit 0 is below 1"},
	{name: "a negative rate limit", opt: trengo.WithRateLimit(-7), says: "the rate limit -7 is below 1"},
	{name: "a negative number of retries", opt: trengo.WithMaxRetries(-1), says: "the number of retries -1 is negative"},
	{name: "a timeout of 0", opt: trengo.WithTimeout(0), says: "the timeout 0s is not positive"},
	{name: "a negative timeout", opt: trengo.WithTimeout(-time.Second), says: "the timeout -1s is not positive"},
	{name: "a longest wait of 0", opt: trengo.WithMaxWait(0), says: "the longest wait 0s is not positive"},
	{name: "a negative longest wait", opt: trengo.WithMaxWait(-time.Second), says: "the longest wait -1s is not positive"},
	{name: "no observer", opt: trengo.WithObserver(nil), says: "the observer is nil"},
}

func TestNewClient_mistakes(t *testing.T) {
	t.Parallel()
	for _, tt := range clientMistakes {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			token := tt.token
			if tt.opt != nil {
				token = trengotest.Token
			}
			client, err := trengo.NewClient(token, tt.opt)
			if client != nil || err == nil {
				t.Fatalf("got %v, %v; want only an error", client, err)
			}
			if diff := cmp.Diff("trengo: invalid client: "+tt.says, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

// One error names all mistakes.
func TestNewClient_allMistakes(t *testing.T) {
	t.Parallel()
	want := []string{"the token is empty"}
	var opts []trengo.Option
	for _, m := range clientMistakes {
		if m.opt != nil {
			opts, want = append(opts, m.opt), append(want, m.says)
		}
	}
	_, err := trengo.NewClient("", opts...)
	if err == nil {
		t.Fatal("no error")
	}
	for _, says := range want {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%q is missing in: %v", says, err)
		}
	}
}

// An error of NewClient does not hold tokens and passwords.
func TestNewClient_errorsShowNoSecret(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		errorOfNewClient("s3cret\n"),
		errorOfNewClient(trengotest.Token, trengo.WithBaseURL("https://robin:s3cret@app.trengo.com")),
		errorOfNewClient(trengotest.Token, trengo.WithBaseURL("https://app.trengo.com/%zz?token=s3cret")),
		errorOfNewClient(trengotest.Token, trengo.WithUserAgent("s3cret\n")),
	} {
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("error is %v, want one without the secret", err)
		}
	}
}

func errorOfNewClient(token string, opts ...trengo.Option) error {
	_, err := trengo.NewClient(token, opts...)
	return err
}

func TestNewClient_allowed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		opts []trengo.Option
		url  string // of GET /contacts/5
	}{
		{"no option", nil, "https://app.trengo.com/api/v2/contacts/5"},
		{"a nil option", []trengo.Option{nil}, "https://app.trengo.com/api/v2/contacts/5"},
		{"another host", []trengo.Option{trengo.WithBaseURL("https://app.trengo.eu/api/v2")}, "https://app.trengo.eu/api/v2/contacts/5"},
		{"no path", []trengo.Option{trengo.WithBaseURL("https://app.trengo.eu")}, "https://app.trengo.eu/contacts/5"},
		{"trailing slashes", []trengo.Option{trengo.WithBaseURL("https://app.trengo.eu/api/v2//")}, "https://app.trengo.eu/api/v2/contacts/5"},
		{"http to localhost", []trengo.Option{trengo.WithBaseURL("http://localhost:8080")}, "http://localhost:8080/contacts/5"},
		{"http to 127.0.0.1", []trengo.Option{trengo.WithBaseURL("http://127.0.0.1:8080")}, "http://127.0.0.1:8080/contacts/5"},
		{"http to another loopback address", []trengo.Option{trengo.WithBaseURL("http://127.8.8.8")}, "http://127.8.8.8/contacts/5"},
		{"http to [::1]", []trengo.Option{trengo.WithBaseURL("http://[::1]:8080")}, "http://[::1]:8080/contacts/5"},
		{"the smallest values", []trengo.Option{trengo.WithRateLimit(1), trengo.WithMaxRetries(0), trengo.WithTimeout(1), trengo.WithMaxWait(1)}, "https://app.trengo.com/api/v2/contacts/5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got string
			client := fixtures.NewClient(t, testkit.RoundTripperFunc(func(r *http.Request) (*http.Response, error) {
				got = r.URL.String()
				return testkit.Respond(http.StatusOK, `{"id":5}`)(r)
			}), tt.opts...)
			// A timeout of a nanosecond may end the call. Only its URL matters.
			_, _ = client.Contacts.Get(t.Context(), 5)
			if got != tt.url {
				t.Errorf("sent to %s, want %s", got, tt.url)
			}
		})
	}
}

func TestNewClient_headers(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	channel := srv.AddChannel(trengotest.Channel{})
	contact := srv.AddContact(trengotest.Contact{Email: "ann@example.com"})
	for _, opts := range [][]trengo.Option{nil, {trengo.WithUserAgent("shop/1.2 (+https://example.com)")}} {
		client := fixtures.NewClient(t, srv, opts...)
		if _, err := client.Contacts.Get(t.Context(), contact.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Tickets.Create(t.Context(), trengo.TicketCreateParams{ContactID: contact.ID, ChannelID: channel.ID}); err != nil {
			t.Fatal(err)
		}
	}
	var got []http.Header
	for _, r := range srv.Requests() {
		got = append(got, r.Header)
	}
	header := func(userAgent string, more ...string) http.Header {
		h := http.Header{"Accept": {"application/json"}, "Authorization": {"Bearer " + trengotest.Token}, "User-Agent": {userAgent}}
		if more != nil {
			h["Content-Type"] = more
		}
		return h
	}
	want := []http.Header{
		header("github.com/trengo-go/trengo"), header("github.com/trengo-go/trengo", "application/json"),
		header("shop/1.2 (+https://example.com)"), header("shop/1.2 (+https://example.com)", "application/json"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

func TestWithHTTPClient_isCopied(t *testing.T) {
	t.Parallel()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var cookies []string
	rt := testkit.RoundTripperFunc(func(r *http.Request) (*http.Response, error) {
		cookies = append(cookies, r.Header.Get("Cookie"))
		return testkit.Respond(http.StatusOK, `{}`, "Set-Cookie", "session=abc")(r)
	})
	errOwn := errors.New("own policy")
	given := &http.Client{
		Transport:     &rt,
		Timeout:       7 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return errOwn },
		Jar:           jar,
	}
	client, err := trengo.NewClient(trengotest.Token, trengo.WithHTTPClient(given))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := client.Do(t.Context(), trengo.Request{Path: "/labels"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"", "session=abc"}, cookies); diff != "" {
		t.Errorf("cookies sent (-want +got):\n%s", diff)
	}
	if given.Transport != http.RoundTripper(&rt) || given.Timeout != 7*time.Second || given.Jar != http.CookieJar(jar) {
		t.Errorf("the caller's client was changed: %+v", given)
	}
	if err := given.CheckRedirect(nil, nil); !errors.Is(err, errOwn) {
		t.Errorf("the caller's redirect policy was changed: it returns %v", err)
	}
}

// By default a client has its own pool of connections.
func TestWithHTTPClient_ownPoolByDefault(t *testing.T) {
	t.Parallel()
	var opened atomic.Int32
	listening := httptest.NewUnstartedServer(trengotest.New())
	listening.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	listening.Start()
	defer listening.Close()
	base := trengo.WithBaseURL(listening.URL + "/api/v2")
	shared := trengo.WithHTTPClient(&http.Client{Transport: listening.Client().Transport})
	for _, tt := range []struct {
		name   string
		opts   []trengo.Option
		opened int32
	}{
		{"two clients with their own pools", []trengo.Option{base}, 2},
		{"two clients that share a pool", []trengo.Option{base, shared}, 1},
		{"two clients with the pool of net/http", []trengo.Option{base, trengo.WithHTTPClient(&http.Client{})}, 1},
	} {
		opened.Store(0)
		for range 2 {
			client, err := trengo.NewClient(trengotest.Token, tt.opts...)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, err := testkit.Collect(client.Contacts.List(t.Context(), trengo.ContactListOptions{})); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := opened.Load(); got != tt.opened {
			t.Errorf("%s opened %d connections, want %d", tt.name, got, tt.opened)
		}
	}
}

func TestWithTimeout(t *testing.T) {
	tests := []struct {
		name   string
		own    time.Duration // timeout of the caller's http.Client
		opts   []trengo.Option
		passes time.Duration
	}{
		{"the default", 0, nil, 30 * time.Second},
		{"a shorter timeout", 0, []trengo.Option{trengo.WithTimeout(5 * time.Second)}, 5 * time.Second},
		{"a shorter timeout of the HTTP client", 3 * time.Second, []trengo.Option{trengo.WithTimeout(5 * time.Second)}, 3 * time.Second},
		{"a longer timeout of the HTTP client", 9 * time.Second, []trengo.Option{trengo.WithTimeout(5 * time.Second)}, 5 * time.Second},
		{"a timeout of the HTTP client above the default", time.Hour, nil, 30 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := trengotest.New()
				srv.Inject(trengotest.Slow(2 * time.Hour))
				hc := srv.HTTPClient()
				hc.Timeout = tt.own
				client := fixtures.NewClient(t, srv, append(tt.opts, trengo.WithHTTPClient(hc), trengo.WithMaxRetries(0))...)
				began := time.Now()
				err := client.Do(t.Context(), trengo.Request{Path: "/labels"}, nil)
				if took := time.Since(began); took != tt.passes || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("took %s with %v, want a timeout after %s", took, err, tt.passes)
				}
			})
		})
	}
}

// The timeout applies to each attempt.
func TestWithTimeout_perAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := trengotest.New()
		srv.Inject(trengotest.Slow(time.Hour), trengotest.TooManyRequests("40"), trengotest.Slow(4*time.Second))
		client := fixtures.NewClient(t, srv, trengo.WithTimeout(5*time.Second))
		if err := client.Do(t.Context(), trengo.Request{Path: "/labels"}, nil); err != nil {
			t.Error(err)
		}
		if n := len(srv.Requests()); n != 3 {
			t.Errorf("%d requests, want 3", n)
		}
	})
}

func TestWithMaxRetries(t *testing.T) {
	for _, tt := range []struct {
		opts     []trengo.Option
		attempts int
	}{
		{nil, trengo.DefaultMaxRetries + 1},
		{[]trengo.Option{trengo.WithMaxRetries(1)}, 2},
		{[]trengo.Option{trengo.WithMaxRetries(0)}, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := trengotest.New()
			srv.InjectFunc(func(trengotest.Request) trengotest.Fault { return trengotest.NoConnection() })
			err := fixtures.NewClient(t, srv, tt.opts...).Do(t.Context(), trengo.Request{Path: "/labels"}, nil)
			if got := fixtures.ErrorOf(t, err).Attempts; got != tt.attempts || len(srv.Requests()) != tt.attempts {
				t.Errorf("%d attempts in the error, %d sent, want %d", got, len(srv.Requests()), tt.attempts)
			}
		})
	}
}

func TestWithLogger_levels(t *testing.T) {
	limited := trengotest.TooManyRequests
	tests := []struct {
		name     string
		level    slog.Level
		faults   []trengotest.Fault
		opts     []trengo.Option
		deadline time.Duration
		calls    int
		log      string
	}{
		{
			name: "a retry", level: slog.LevelDebug, faults: []trengotest.Fault{limited("7")}, deadline: time.Minute, calls: 1,
			log: `level=DEBUG msg="trengo attempt" method=HEAD route=/contacts/{id} status=429 attempt=1 waited=0s elapsed=0s class=rate_limited
level=WARN msg="trengo retry" method=HEAD route=/contacts/{id} attempt=1 class=rate_limited wait=7s
level=DEBUG msg="trengo attempt" method=HEAD route=/contacts/{id} status=404 attempt=2 waited=7s elapsed=0s class=refused
`,
		},
		{
			name: "warnings only", level: slog.LevelWarn, faults: []trengotest.Fault{limited("7")}, deadline: time.Minute, calls: 1,
			log: `level=WARN msg="trengo retry" method=HEAD route=/contacts/{id} attempt=1 class=rate_limited wait=7s
`,
		},
		{
			name: "a pause past the deadline, without a retry", level: slog.LevelWarn, faults: []trengotest.Fault{limited("40")}, deadline: 10 * time.Second, calls: 1,
			log: `level=WARN msg="trengo rate limit reached" method=HEAD route=/contacts/{id} attempt=1 class=rate_limited wait=40s
`,
		},
		{
			name: "the last 429", level: slog.LevelWarn, faults: []trengotest.Fault{limited("1"), limited("2")},
			opts: []trengo.Option{trengo.WithMaxRetries(1)}, deadline: time.Minute, calls: 1,
			log: `level=WARN msg="trengo retry" method=HEAD route=/contacts/{id} attempt=1 class=rate_limited wait=1s
level=WARN msg="trengo rate limit reached" method=HEAD route=/contacts/{id} attempt=2 class=rate_limited wait=2s
`,
		},
		{
			name: "a call that is not sent", level: slog.LevelDebug, faults: []trengotest.Fault{limited("40")},
			opts: []trengo.Option{trengo.WithMaxWait(time.Second)}, deadline: time.Minute, calls: 2,
			log: `level=DEBUG msg="trengo attempt" method=HEAD route=/contacts/{id} status=429 attempt=1 waited=0s elapsed=0s class=rate_limited
level=WARN msg="trengo rate limit reached" method=HEAD route=/contacts/{id} attempt=1 class=rate_limited wait=40s
level=DEBUG msg="trengo refused" method=HEAD route=/contacts/{id} wait=40s
`,
		},
		{
			name: "a very long pause", level: slog.LevelWarn, faults: []trengotest.Fault{limited("2147483647")}, deadline: time.Minute, calls: 1,
			log: `level=WARN msg="trengo rate limit reached" method=HEAD route=/contacts/{id} attempt=1 class=rate_limited wait=1h0m0s
`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := trengotest.New()
				srv.Inject(tt.faults...)
				var text strings.Builder
				handler := slog.NewTextHandler(&text, &slog.HandlerOptions{Level: tt.level, ReplaceAttr: dropTime})
				client := fixtures.NewClient(t, srv, append(tt.opts, trengo.WithLogger(slog.New(handler)))...)
				ctx, cancel := context.WithTimeout(t.Context(), tt.deadline)
				defer cancel()
				for range tt.calls {
					if err := client.Do(ctx, trengo.Request{Path: "/contacts/5", Method: http.MethodHead}, nil); err == nil {
						t.Error("no error")
					}
				}
				if diff := cmp.Diff(tt.log, text.String()); diff != "" {
					t.Errorf("log (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func dropTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func TestWithTokenSource(t *testing.T) {
	tests := []struct {
		name   string
		tokens []string // the last one is repeated
		faults []trengotest.Fault
		sent   []string
		status int // of the error; zero: no error
	}{
		{"called once for a successful call", []string{"one", "two"}, nil, []string{"one"}, 0},
		{"called again for a retry", []string{"one", "two"}, []trengotest.Fault{trengotest.LostBefore()}, []string{"one", "two"}, 0},
		{"called again after a rejected token", []string{"revoked", "two"}, nil, []string{"revoked", "two"}, 0},
		{"not called a third time", []string{"revoked", "gone", "two"}, nil, []string{"revoked", "gone"}, 401},
		{"a token that did not change is not sent again", []string{"revoked"}, nil, []string{"revoked"}, 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := trengotest.New()
				srv.SetTokens("one", "two")
				srv.Inject(tt.faults...)
				type key struct{}
				asked := 0
				client, err := trengo.NewClient("", trengo.WithHTTPClient(srv.HTTPClient()),
					trengo.WithTokenSource(func(ctx context.Context) (string, error) {
						if ctx.Value(key{}) != "value" {
							t.Error("the source did not get the context of the call")
						}
						asked++
						return tt.tokens[min(asked, len(tt.tokens))-1], nil
					}))
				if err != nil {
					t.Fatal(err)
				}
				ctx := context.WithValue(t.Context(), key{}, "value")
				err = client.Do(ctx, trengo.Request{Path: "/labels"}, nil)
				if tt.status == 0 && err != nil || tt.status != 0 && fixtures.ErrorOf(t, err).StatusCode != tt.status {
					t.Errorf("error is %v, want status %d", err, tt.status)
				}
				var sent []string
				for _, r := range srv.Requests() {
					sent = append(sent, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
				}
				if diff := cmp.Diff(tt.sent, sent); diff != "" {
					t.Errorf("tokens sent (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestWithTokenSource_noToken(t *testing.T) {
	t.Parallel()
	errVault := errors.New("vault s3cret is sealed")
	tests := []struct {
		name   string
		source func(context.Context) (string, error)
		cause  error // nil: not compared
		says   string
	}{
		{"the source fails", func(context.Context) (string, error) { return "s3cret", errVault }, errVault, "trengo: GET /labels: no token: the source failed"},
		{"the source times out", func(context.Context) (string, error) { return "", context.DeadlineExceeded }, context.DeadlineExceeded, "trengo: GET /labels: no token: timeout"},
		{"the token is empty", func(context.Context) (string, error) { return "", nil }, nil, "trengo: GET /labels: no token: the token is empty"},
		{"the token has a line break", func(context.Context) (string, error) { return "s3cret\n", nil }, nil, "trengo: GET /labels: no token: the token has a character that is not allowed, such as a space or a line break"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := trengotest.New()
			err := fixtures.NewClient(t, srv, trengo.WithTokenSource(tt.source)).Do(t.Context(), trengo.Request{Path: "/labels"}, nil)
			failed := fixtures.ErrorOf(t, err)
			if failed.Attempts != 0 || failed.StatusCode != 0 || len(srv.Requests()) != 0 {
				t.Errorf("%d attempts, status %d, %d requests; want none", failed.Attempts, failed.StatusCode, len(srv.Requests()))
			}
			if tt.cause != nil && !errors.Is(err, tt.cause) {
				t.Errorf("error %v does not wrap that of the source", err)
			}
			if diff := cmp.Diff(tt.says, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if !trengo.Retryable(err) {
				t.Error("the error is not retryable, though the source may recover")
			}
		})
	}
}

func TestWithRateLimit(t *testing.T) {
	tests := []struct {
		name     string
		server   int // requests per minute that the server states; zero: it states none
		opts     []trengo.Option
		requests int
		least    time.Duration
		most     time.Duration
	}{
		{"the default starts with 120", 0, nil, 121, time.Minute, 61 * time.Second},
		{"the default follows a lower limit of the server", 6, nil, 7, time.Minute, 61 * time.Second},
		{"the default follows a higher limit of the server", 1200, nil, 300, 0, 30 * time.Second},
		{"is exact from the first request", 0, []trengo.Option{trengo.WithRateLimit(1)}, 2, time.Minute, time.Minute},
		{"caps the server's limit", 1200, []trengo.Option{trengo.WithRateLimit(6)}, 7, time.Minute, 61 * time.Second},
		{"may start above the default", 0, []trengo.Option{trengo.WithRateLimit(1200)}, 300, 0, 30 * time.Second},
		{"follows a lower limit of the server", 6, []trengo.Option{trengo.WithRateLimit(600)}, 7, time.Minute, 61 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := trengotest.New()
				srv.SetRateLimit(tt.server)
				client := fixtures.NewClient(t, srv, tt.opts...)
				began := time.Now()
				for range tt.requests {
					if err := client.Do(t.Context(), trengo.Request{Path: "/labels"}, nil); err != nil {
						t.Fatal(err)
					}
				}
				if took := time.Since(began); took < tt.least || took > tt.most {
					t.Errorf("%d requests took %s, want %s to %s", tt.requests, took, tt.least, tt.most)
				}
				if n := len(srv.Requests()); n != tt.requests {
					t.Errorf("%d requests were sent, want %d", n, tt.requests)
				}
			})
		})
	}
}

func TestWithMaxWait(t *testing.T) {
	tests := []struct {
		name    string
		pause   string // that the server asks for
		opts    []trengo.Option
		passes  time.Duration
		refused time.Duration // RetryAfter of the error; zero: the call succeeds
	}{
		{"the default waits for five minutes", "300", nil, 300 * time.Second, 0},
		{"the default does not wait longer", "301", nil, 0, 301 * time.Second},
		{"a wait below the bound", "9", []trengo.Option{trengo.WithMaxWait(10 * time.Second)}, 9 * time.Second, 0},
		{"a wait above the bound", "11", []trengo.Option{trengo.WithMaxWait(10 * time.Second)}, 0, 11 * time.Second},
		{"a bound beyond five minutes", "301", []trengo.Option{trengo.WithMaxWait(time.Hour)}, 301 * time.Second, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := trengotest.New()
				srv.Inject(trengotest.TooManyRequests(tt.pause))
				began := time.Now()
				err := fixtures.NewClient(t, srv, tt.opts...).Do(t.Context(), trengo.Request{Path: "/labels"}, nil)
				if took := time.Since(began); took != tt.passes {
					t.Errorf("took %s, want %s", took, tt.passes)
				}
				if tt.refused == 0 {
					if err != nil {
						t.Error(err)
					}
					return
				}
				if failed := fixtures.ErrorOf(t, err); !errors.Is(err, trengo.ErrRateLimited) || failed.RetryAfter != tt.refused {
					t.Errorf("error is %v, want a rate limit with a RetryAfter of %s", err, tt.refused)
				}
			})
		})
	}
}

func TestNewClient_clientsShareNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := trengotest.New()
		hc := srv.HTTPClient()
		one := fixtures.NewClient(t, srv, trengo.WithHTTPClient(hc), trengo.WithMaxWait(time.Second), trengo.WithUserAgent("one"))
		other := fixtures.NewClient(t, srv, trengo.WithHTTPClient(hc))
		srv.Inject(trengotest.TooManyRequests("40"))
		labels := trengo.Request{Path: "/labels"}
		if err := one.Do(t.Context(), labels, nil); !errors.Is(err, trengo.ErrRateLimited) {
			t.Fatalf("error is %v, want a rate limit", err)
		}
		if other.RateLimit() != (trengo.RateLimit{}) {
			t.Errorf("the other client knows the rate limit %+v", other.RateLimit())
		}
		began := time.Now()
		if err := other.Do(t.Context(), labels, nil); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("the other client waited %s", took)
		}
		if agent := srv.Requests()[1].Header.Get("User-Agent"); agent == "one" {
			t.Error("the other client has the user agent of the first")
		}
	})
}
