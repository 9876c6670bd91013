package trengo_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// mistakes has everything that NewClient refuses, with the text that says so.
var mistakes = []struct {
	name  string
	token string
	opt   trengo.Option
	says  string
}{
	{name: "an empty token", token: "", says: "the token is empty"},
	{name: "a token with a line break", token: "abc\ndef", says: "the token has a character that no token has, such as a blank or a line break"},
	{name: "a token with a blank", token: "Bearer abc", says: "the token has a character that no token has, such as a blank or a line break"},
	{name: "a token beyond ASCII", token: "abcé", says: "the token has a character that no token has, such as a blank or a line break"},
	{name: "a base URL without a host", opt: trengo.WithBaseURL("/api/v2"), says: "the base URL is no URL with a host"},
	{name: "a base URL with a port alone", opt: trengo.WithBaseURL("https://:8080"), says: "the base URL is no URL with a host"},
	{name: "a base URL that is none", opt: trengo.WithBaseURL("https://app.trengo.com/%zz"), says: "the base URL is no URL with a host"},
	{name: "an empty base URL", opt: trengo.WithBaseURL(""), says: "the base URL is no URL with a host"},
	{name: "an http base URL", opt: trengo.WithBaseURL("http://app.trengo.com/api/v2"), says: "the base URL is not https, and its host is not loopback"},
	{name: "an http base URL whose host begins like loopback", opt: trengo.WithBaseURL("http://127.0.0.1.example.com"), says: "the base URL is not https, and its host is not loopback"},
	{name: "an http base URL whose user is loopback", opt: trengo.WithBaseURL("http://localhost@example.com"), says: "the base URL is not https, and its host is not loopback"},
	{name: "a base URL with another scheme", opt: trengo.WithBaseURL("ftp://localhost/api/v2"), says: "the base URL is not https, and its host is not loopback"},
	{name: "a base URL with a query", opt: trengo.WithBaseURL("https://app.trengo.com/api/v2?page=1"), says: "the base URL has a query, a fragment or a user"},
	{name: "a base URL with an empty query", opt: trengo.WithBaseURL("https://app.trengo.com/api/v2?"), says: "the base URL has a query, a fragment or a user"},
	{name: "a base URL with a fragment", opt: trengo.WithBaseURL("https://app.trengo.com/api/v2#top"), says: "the base URL has a query, a fragment or a user"},
	{name: "a base URL with a user", opt: trengo.WithBaseURL("https://robin:secret@app.trengo.com"), says: "the base URL has a query, a fragment or a user"},
	{name: "no HTTP client", opt: trengo.WithHTTPClient(nil), says: "the HTTP client is nil"},
	{name: "an empty user agent", opt: trengo.WithUserAgent(""), says: "the user agent is empty or no header text"},
	{name: "a user agent with a line break", opt: trengo.WithUserAgent("shop\r\nX: y"), says: "the user agent is empty or no header text"},
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
	for _, tt := range mistakes {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			token := tt.token
			if tt.opt != nil {
				token = trengotest.Token
			}
			client, err := trengo.NewClient(token, tt.opt)
			if client != nil || err == nil {
				t.Fatalf("got %v, %v; want an error alone", client, err)
			}
			if diff := cmp.Diff("trengo: invalid client: "+tt.says, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNewClient_namesAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	want := []string{"the token is empty"}
	var opts []trengo.Option
	for _, m := range mistakes {
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

func TestNewClient_showsNoSecret(t *testing.T) {
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
		{"an option that is nil", []trengo.Option{nil}, "https://app.trengo.com/api/v2/contacts/5"},
		{"another host", []trengo.Option{trengo.WithBaseURL("https://app.trengo.eu/api/v2")}, "https://app.trengo.eu/api/v2/contacts/5"},
		{"no path", []trengo.Option{trengo.WithBaseURL("https://app.trengo.eu")}, "https://app.trengo.eu/contacts/5"},
		{"slashes at the end", []trengo.Option{trengo.WithBaseURL("https://app.trengo.eu/api/v2//")}, "https://app.trengo.eu/api/v2/contacts/5"},
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
			client := newClientOn(t, roundTripper(func(r *http.Request) (*http.Response, error) {
				got = r.URL.String()
				return respond(http.StatusOK, `{"id":5}`)(r)
			}), tt.opts...)
			// A timeout of a nanosecond may end the call: where it went counts.
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
		client := newClient(t, srv, opts...)
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
	rt := roundTripper(func(r *http.Request) (*http.Response, error) {
		cookies = append(cookies, r.Header.Get("Cookie"))
		return respond(http.StatusOK, `{}`, "Set-Cookie", "session=abc")(r)
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
		{"two clients with a pool of their own", []trengo.Option{base}, 2},
		{"two clients that share a pool", []trengo.Option{base, shared}, 1},
		{"two clients on the pool of net/http", []trengo.Option{base, trengo.WithHTTPClient(&http.Client{})}, 1},
	} {
		opened.Store(0)
		for range 2 {
			client, err := trengo.NewClient(trengotest.Token, tt.opts...)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, err := collect(client.Contacts.List(t.Context(), trengo.ContactListOptions{})); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := opened.Load(); got != tt.opened {
			t.Errorf("%s opened %d connections, want %d", tt.name, got, tt.opened)
		}
	}
}
