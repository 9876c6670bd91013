package trengo_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

func TestClient_Do_request(t *testing.T) {
	t.Parallel()
	query := func(name string, values ...string) url.Values { return url.Values{name: values} }
	tests := []struct {
		name string
		in   trengo.Request
		line string // method and URL below the host
		body string
	}{
		{"the method is GET by default", trengo.Request{Path: "/labels"}, "GET /labels", ""},
		{"another method", trengo.Request{Method: http.MethodDelete, Path: "/labels/5"}, "DELETE /labels/5", ""},
		{"a plus in the query", trengo.Request{Path: "/contacts", Query: query("term", "+31600000001")}, "GET /contacts?term=%2B31600000001", ""},
		{"a blank in the query", trengo.Request{Path: "/contacts", Query: query("term", "Ann Example")}, "GET /contacts?term=Ann+Example", ""},
		{"separators in the query", trengo.Request{Path: "/contacts", Query: query("term", "a&b=c#d?e/f%g")}, "GET /contacts?term=a%26b%3Dc%23d%3Fe%2Ff%25g", ""},
		{"a list in the query", trengo.Request{Path: "/tickets", Query: query("users[]", "1", "2")}, "GET /tickets?users%5B%5D=1&users%5B%5D=2", ""},
		{"an empty query", trengo.Request{Path: "/tickets", Query: url.Values{}}, "GET /tickets", ""},
		{"a path with a blank", trengo.Request{Path: "/a b"}, "GET /a%20b", ""},
		{"a path with separators", trengo.Request{Path: "/a?b#c%2Fd"}, "GET /a%3Fb%23c%252Fd", ""},
		{"a path with dots in its words", trengo.Request{Path: "/a..b/.c"}, "GET /a..b/.c", ""},
		{"a body", trengo.Request{Method: http.MethodPost, Path: "/labels", Body: map[string]any{"name": "Urgent"}}, "POST /labels", `{"name":"Urgent"}`},
		{"a body with characters of HTML", trengo.Request{Method: http.MethodPost, Path: "/labels", Body: map[string]string{"name": "<b> & 'é'"}}, "POST /labels", `{"name":"<b> & 'é'"}`},
		{"a body that is JSON already", trengo.Request{Method: http.MethodPost, Path: "/labels", Body: json.RawMessage(`{"a":[1]}`)}, "POST /labels", `{"a":[1]}`},
		{"a body that is an empty object", trengo.Request{Method: http.MethodPost, Path: "/labels", Body: struct{}{}}, "POST /labels", `{}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var line, body string
			client := newClientOn(t, roundTripper(func(r *http.Request) (*http.Response, error) {
				line = r.Method + " " + r.URL.RequestURI()
				if r.Body != nil {
					sent, err := io.ReadAll(r.Body)
					if err != nil || int64(len(sent)) != r.ContentLength {
						t.Errorf("a body of %d bytes was announced as %d: %v", len(sent), r.ContentLength, err)
					}
					body = string(sent)
				}
				return respond(http.StatusOK, "{}")(r)
			}), trengo.WithBaseURL("https://example.com"))
			if err := client.Do(t.Context(), tt.in, nil); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tt.line, tt.body}, []string{line, body}); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

// A value must come out of the server as it went into the client, whatever
// the encoding in between.
func TestClient_Do_queryArrivesAsGiven(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	given := url.Values{"term": {"+31 6&=#?%/ ä"}, "users[]": {"1", "2"}, "empty": {""}}
	if err := newClient(t, srv).Do(t.Context(), trengo.Request{Path: "/contacts", Query: given}, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(given, srv.Requests()[0].Query); diff != "" {
		t.Errorf("query (-want +got):\n%s", diff)
	}
}

type unencodable struct{}

func (unencodable) MarshalJSON() ([]byte, error) { return nil, errors.New("ann@example.com") }

func TestClient_Do_invalidRequest(t *testing.T) {
	t.Parallel()
	const path = "not sent, because it is invalid: the path has an empty segment, a . or a .."
	tests := []struct {
		name string
		in   trengo.Request
		says string
	}{
		{"no path", trengo.Request{}, "trengo: GET : not sent, because it is invalid: the path does not begin with a slash"},
		{"a path without a slash", trengo.Request{Path: "labels"}, "trengo: GET labels: not sent, because it is invalid: the path does not begin with a slash"},
		{"a whole URL", trengo.Request{Path: "https://example.com/"}, "trengo: GET …//…/: not sent, because it is invalid: the path does not begin with a slash"},
		{"a path that is a slash", trengo.Request{Path: "/"}, "trengo: GET /: " + path},
		{"a path that ends in a slash", trengo.Request{Path: "/labels/"}, "trengo: GET /labels/: " + path},
		{"an empty segment", trengo.Request{Method: http.MethodDelete, Path: "/tickets//labels"}, "trengo: DELETE /tickets//labels: " + path},
		{"a host in the path", trengo.Request{Path: "//example.com"}, "trengo: GET //…: " + path},
		{"a segment of one dot", trengo.Request{Path: "/labels/./5"}, "trengo: GET /labels/…/5: " + path},
		{"a segment of two dots", trengo.Request{Path: "/contacts/../users"}, "trengo: GET /contacts/…/users: " + path},
		{"two dots at the end", trengo.Request{Path: "/contacts/.."}, "trengo: GET /contacts/…: " + path},
		{"a method with a blank", trengo.Request{Method: "GE T", Path: "/labels"}, "trengo: … /labels: not sent, because it is invalid: the method is not in capital letters"},
		{"a method in small letters", trengo.Request{Method: "get", Path: "/labels"}, "trengo: … /labels: not sent, because it is invalid: the method is not in capital letters"},
		{"a body that JSON does not have", trengo.Request{Method: http.MethodPost, Path: "/labels", Body: make(chan int)}, "trengo: POST /labels: not sent, because it is invalid: *json.UnsupportedTypeError"},
		{"a body that refuses", trengo.Request{Method: http.MethodPost, Path: "/labels", Body: unencodable{}}, "trengo: POST /labels: not sent, because it is invalid: *json.MarshalerError"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := trengotest.New()
			err := newClient(t, srv).Do(t.Context(), tt.in, nil)
			if diff := cmp.Diff(tt.says, errorOf(t, err).Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if failed := errorOf(t, err); failed.Attempts != 0 || failed.StatusCode != 0 || failed.OutcomeUnknown {
				t.Errorf("%+v, want no attempt", *failed)
			}
			_, says, _ := strings.Cut(tt.says, "invalid: ")
			if diff := cmp.Diff("invalid request: "+says, fmt.Sprint(errors.Unwrap(err))); diff != "" {
				t.Errorf("cause (-want +got):\n%s", diff)
			}
			if trengo.Retryable(err) {
				t.Error("a request that will be invalid again is retryable")
			}
			if n := len(srv.Requests()); n != 0 {
				t.Errorf("%d requests were sent", n)
			}
		})
	}
}

func TestClient_Do_redirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	for _, location := range []string{"https://example.com/elsewhere", "/api/v2/labels", "", ":%zz"} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			sent := 0
			client := newClientOn(t, roundTripper(func(r *http.Request) (*http.Response, error) {
				sent++
				return respond(status, "", "Location", location)(r)
			}))
			err := client.Do(t.Context(), trengo.Request{Method: http.MethodPost, Path: "/labels", Body: 1, Repeatable: true}, nil)
			failed := errorOf(t, err)
			if failed.StatusCode != status || failed.Err != nil || failed.OutcomeUnknown || sent != 1 {
				t.Errorf("%d to %q: %d requests, error %v; want the status after one", status, location, sent, err)
			}
			if trengo.Retryable(err) {
				t.Errorf("%d to %q is retryable", status, location)
			}
		}
	}
}

func TestClient_RateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := trengotest.New()
		srv.SpendRateLimit(10)
		client := newClient(t, srv, trengo.WithMaxRetries(0))
		if got := client.RateLimit(); got != (trengo.RateLimit{}) {
			t.Errorf("before the first answer it is %+v, want the zero value", got)
		}
		began := time.Now()
		answered := trengo.RateLimit{Limit: 120, Remaining: 109, ReceivedAt: began}
		refused := trengo.RateLimit{Limit: 120, Remaining: 109, RetryAfter: 20 * time.Second, ReceivedAt: began.Add(time.Second)}
		for _, step := range []struct {
			name  string
			fault trengotest.Fault
			want  trengo.RateLimit
		}{
			{"an answer", trengotest.Fault{}, answered},
			{"no answer", trengotest.NoConnection(), answered},
			{"a 429", trengotest.TooManyRequests("20"), refused},
		} {
			srv.Inject(step.fault)
			_ = client.Do(t.Context(), trengo.Request{Path: "/labels"}, nil)
			if diff := cmp.Diff(step.want, client.RateLimit()); diff != "" {
				t.Errorf("after %s (-want +got):\n%s", step.name, diff)
			}
			time.Sleep(500 * time.Millisecond)
		}
		srv.SetRateLimit(0)
		time.Sleep(time.Minute)
		if err := client.Do(t.Context(), trengo.Request{Path: "/labels"}, nil); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(refused, client.RateLimit()); diff != "" {
			t.Errorf("after an answer without headers (-want +got):\n%s", diff)
		}
	})
}

func TestClient_concurrently(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	client := newClient(t, srv)
	var all sync.WaitGroup
	for range 16 {
		want := srv.AddContact(trengotest.Contact{Email: "ann@example.com"}).ID
		all.Go(func() {
			got, err := client.Contacts.Get(t.Context(), want)
			if err != nil || got.ID != want {
				t.Errorf("got contact %+v, %v; want %d", got, err, want)
			}
			_ = client.RateLimit()
		})
	}
	all.Wait()
	if n := len(srv.Requests()); n != 16 {
		t.Errorf("%d requests, want 16", n)
	}
}

func TestClient_Do_contextEndedBefore(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := newClient(t, srv).Do(ctx, trengo.Request{Path: "/labels"}, nil)
	if failed := errorOf(t, err); failed.Attempts != 0 || !errors.Is(err, context.Canceled) || len(srv.Requests()) != 0 {
		t.Errorf("error %v after %d requests, want a cancelled context and none", err, len(srv.Requests()))
	}
}
