package trengo_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

func TestClient_Do_request(t *testing.T) {
	t.Parallel()
	query := func(name string, values ...string) url.Values { return url.Values{name: values} }
	tests := []struct {
		name string
		in   trengo.Request
		line string // method, path and query
		body string
	}{
		{"the method is GET by default", trengo.Request{Path: "/labels"}, "GET /labels", ""},
		{"another method", trengo.Request{Method: http.MethodDelete, Path: "/labels/5"}, "DELETE /labels/5", ""},
		{"a plus in the query", trengo.Request{Path: "/contacts", Query: query("term", "+31600000001")}, "GET /contacts?term=%2B31600000001", ""},
		{"a space in the query", trengo.Request{Path: "/contacts", Query: query("term", "Ann Example")}, "GET /contacts?term=Ann+Example", ""},
		{"separators in the query", trengo.Request{Path: "/contacts", Query: query("term", "a&b=c#d?e/f%g")}, "GET /contacts?term=a%26b%3Dc%23d%3Fe%2Ff%25g", ""},
		{"a list in the query", trengo.Request{Path: "/tickets", Query: query("users[]", "1", "2")}, "GET /tickets?users%5B%5D=1&users%5B%5D=2", ""},
		{"an empty query", trengo.Request{Path: "/tickets", Query: url.Values{}}, "GET /tickets", ""},
		{"a path with a space", trengo.Request{Path: "/a b"}, "GET /a%20b", ""},
		{"a path with separators", trengo.Request{Path: "/a&b=c%2Fd"}, "GET /a&b=c%252Fd", ""},
		{"a path with dots in its words", trengo.Request{Path: "/a..b/.c"}, "GET /a..b/.c", ""},
		{"a body", trengo.Request{Method: http.MethodPost, Path: "/labels", Body: map[string]any{"name": "Urgent"}}, "POST /labels", `{"name":"Urgent"}`},
		{"a body with HTML characters", trengo.Request{Method: http.MethodPost, Path: "/labels", Body: map[string]string{"name": "<b> & 'é'"}}, "POST /labels", `{"name":"<b> & 'é'"}`},
		{"a body that is JSON already", trengo.Request{Method: http.MethodPost, Path: "/labels", Body: json.RawMessage(`{"a":[1]}`)}, "POST /labels", `{"a":[1]}`},
		{"a body that is an empty object", trengo.Request{Method: http.MethodPost, Path: "/labels", Body: struct{}{}}, "POST /labels", `{}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var line, body string
			client := fixtures.NewClient(t, testkit.RoundTripperFunc(func(r *http.Request) (*http.Response, error) {
				line = r.Method + " " + r.URL.RequestURI()
				if r.Body != nil {
					sent, err := io.ReadAll(r.Body)
					if err != nil || int64(len(sent)) != r.ContentLength {
						t.Errorf("a body of %d bytes has Content-Length %d: %v", len(sent), r.ContentLength, err)
					}
					body = string(sent)
				}
				return testkit.Respond(http.StatusOK, "{}")(r)
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

// A form or any other body that is not JSON is sent as it is.
func TestClient_Do_rawBody(t *testing.T) {
	t.Parallel()
	var sent, contentType string
	client := fixtures.NewClient(t, testkit.RoundTripperFunc(func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		sent, contentType = string(body), r.Header.Get("Content-Type")
		return testkit.Respond(http.StatusOK, "{}")(r)
	}))
	do := func(r trengo.Request) error {
		sent, contentType = "", ""
		r.Method, r.Path = http.MethodPost, "/labels"
		return client.Do(t.Context(), r, nil)
	}
	const form = "application/x-www-form-urlencoded"
	if err := do(trengo.Request{RawBody: []byte("a=1&b=<"), ContentType: form}); err != nil || sent != "a=1&b=<" || contentType != form {
		t.Errorf("sent %q as %q: %v", sent, contentType, err)
	}
	if err := do(trengo.Request{Body: []int{1}}); err != nil || sent != "[1]" || contentType != "application/json" {
		t.Errorf("sent %q as %q: %v", sent, contentType, err)
	}
	for name, r := range map[string]trengo.Request{
		"bytes":                             {Body: []byte("{}")},
		"bytes of another type":             {Body: namedBytes("{}")},
		"a pointer to bytes":                {Body: &[]byte{'{', '}'}},
		"a pointer to a form":               {Body: &url.Values{"a": {"1"}}},
		"a text that is being written":      {Body: new(strings.Builder)},
		"a multipart writer":                {Body: multipart.NewWriter(io.Discard)},
		"a reader that can be closed":       {Body: io.NopCloser(strings.NewReader("{}"))},
		"JSON that is not valid":            {Body: json.RawMessage(`{"a":`)},
		"JSON that is empty":                {Body: json.RawMessage(nil)},
		"a content type of blanks":          {RawBody: []byte("a=1"), ContentType: " "},
		"a reader":                          {Body: strings.NewReader("{}")},
		"a form":                            {Body: url.Values{"a": {"1"}}},
		"a raw body without a content type": {RawBody: []byte("a=1")},
		"a content type alone":              {ContentType: form},
		"a content type for JSON":           {ContentType: form, Body: 5},
		"both bodies":                       {RawBody: []byte("a=1"), ContentType: form, Body: 5},
		"a content type with a line break":  {RawBody: []byte("a=1"), ContentType: "a/b\r\nX: y"},
	} {
		err := do(r)
		if testkit.ErrorText(err) == "" || fixtures.ErrorOf(t, err).Attempts != 0 || trengo.Retryable(err) || sent != "" {
			t.Errorf("%s: error %v, sent %q", name, err, sent)
		}
	}
	for _, path := range []string{"/labels?page=2", "/labels#5", "/a?"} {
		if err := client.Do(t.Context(), trengo.Request{Path: path}, nil); err == nil || fixtures.ErrorOf(t, err).Attempts != 0 {
			t.Errorf("%s: error %v", path, err)
		}
	}
}

// A body is sent as JSON if it has a meaning there.
func TestClient_Do_jsonBody(t *testing.T) {
	t.Parallel()
	const written = "{\"b\" : 1.0,\n \"a\":\"<\\u00e9\"}"
	tests := []struct {
		name string
		body any
		want string
	}{
		{"JSON, as it is written", json.RawMessage(written), written},
		{"a text", "a=1", `"a=1"`},
		{"an empty struct", struct{}{}, `{}`},
		{"bytes in a struct", &struct{ Data []byte }{[]byte("a")}, `{"Data":"YQ=="}`},
		{"a struct with an embedded one", struct{ embedded }{embedded{5}}, `{"N":5}`},
		{"a type with a JSON of its own", new(time.Time), `"0001-01-01T00:00:00Z"`},
		{"small numbers with texts", &[]textStatus{1}, `["1"]`},
		{"an array of bytes", [2]byte{1, 2}, `[1,2]`},
		{"a map of texts", map[string][]string{"a": {"1"}}, `{"a":["1"]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var sent string
			client := fixtures.NewClient(t, testkit.RoundTripperFunc(func(r *http.Request) (*http.Response, error) {
				body, _ := io.ReadAll(r.Body)
				sent = string(body)
				return testkit.Respond(http.StatusOK, "{}")(r)
			}))
			if err := client.Do(t.Context(), trengo.Request{Method: http.MethodPost, Path: "/labels", Body: tt.body}, nil); err != nil || sent != tt.want {
				t.Errorf("sent %q, want %q: %v", sent, tt.want, err)
			}
		})
	}
}

type namedBytes []byte

type embedded struct{ N int }

// A textStatus is a number that has a text in JSON.
type textStatus uint8

func (s textStatus) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, int64(s), 10), nil }

// The server receives the values of a query as they were given, whatever their
// encoding.
func TestClient_Do_queryRoundTrip(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	given := url.Values{"term": {"+31 6&=#?%/ ä"}, "users[]": {"1", "2"}, "empty": {""}}
	if err := fixtures.NewClient(t, srv).Do(t.Context(), trengo.Request{Path: "/contacts", Query: given}, nil); err != nil {
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
	const path = "invalid request: the path has an empty segment, a . or a .."
	tests := []struct {
		name string
		in   trengo.Request
		says string
	}{
		{"no path", trengo.Request{}, "trengo: GET : invalid request: the path does not begin with a slash"},
		{"a path without a slash", trengo.Request{Path: "labels"}, "trengo: GET labels: invalid request: the path does not begin with a slash"},
		{"a whole URL", trengo.Request{Path: "https://example.com/"}, "trengo: GET …//…/: invalid request: the path does not begin with a slash"},
		{"only a slash", trengo.Request{Path: "/"}, "trengo: GET /: " + path},
		{"a path that ends in a slash", trengo.Request{Path: "/labels/"}, "trengo: GET /labels/: " + path},
		{"an empty segment", trengo.Request{Method: http.MethodDelete, Path: "/tickets//labels"}, "trengo: DELETE /tickets//labels: " + path},
		{"a host in the path", trengo.Request{Path: "//example.com"}, "trengo: GET //…: " + path},
		{"a segment of one dot", trengo.Request{Path: "/labels/./5"}, "trengo: GET /labels/…/5: " + path},
		{"a segment of two dots", trengo.Request{Path: "/contacts/../users"}, "trengo: GET /contacts/…/users: " + path},
		{"two dots at the end", trengo.Request{Path: "/contacts/.."}, "trengo: GET /contacts/…: " + path},
		{"a method with a space", trengo.Request{Method: "GE T", Path: "/labels"}, "trengo: … /labels: invalid request: the method is not in capital letters"},
		{"a method in lower case", trengo.Request{Method: "get", Path: "/labels"}, "trengo: … /labels: invalid request: the method is not in capital letters"},
		{"a body that JSON cannot represent", trengo.Request{Method: http.MethodPost, Path: "/labels", Body: make(chan int)}, "trengo: POST /labels: invalid request: *json.UnsupportedTypeError"},
		{"a body whose MarshalJSON fails", trengo.Request{Method: http.MethodPost, Path: "/labels", Body: unencodable{}}, "trengo: POST /labels: invalid request: *json.MarshalerError"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := trengotest.New()
			err := fixtures.NewClient(t, srv).Do(t.Context(), tt.in, nil)
			if diff := cmp.Diff(tt.says, fixtures.ErrorOf(t, err).Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if failed := fixtures.ErrorOf(t, err); failed.Attempts != 0 || failed.StatusCode != 0 || failed.OutcomeUnknown {
				t.Errorf("%+v, want no attempt", *failed)
			}
			_, says, _ := strings.Cut(tt.says, "invalid request: ")
			if diff := cmp.Diff("invalid request: "+says, fmt.Sprint(errors.Unwrap(err))); diff != "" {
				t.Errorf("cause (-want +got):\n%s", diff)
			}
			if trengo.Retryable(err) {
				t.Error("the error is retryable")
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
			client := fixtures.NewClient(t, testkit.RoundTripperFunc(func(r *http.Request) (*http.Response, error) {
				sent++
				return testkit.Respond(status, "", "Location", location)(r)
			}))
			err := client.Do(t.Context(), trengo.Request{Method: http.MethodPost, Path: "/labels", Body: 1, Repeatable: true}, nil)
			failed := fixtures.ErrorOf(t, err)
			if failed.StatusCode != status || failed.Err != nil || failed.OutcomeUnknown || sent != 1 {
				t.Errorf("%d to %q: %d requests, error %v; want the status after one request", status, location, sent, err)
			}
			if !trengo.Retryable(err) {
				t.Errorf("%d to %q is not retryable", status, location)
			}
		}
	}
}

func TestClient_RateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := trengotest.New()
		srv.SpendRateLimit(10)
		client := fixtures.NewClient(t, srv, trengo.WithMaxRetries(0))
		if got := client.RateLimit(); got != (trengo.RateLimit{}) {
			t.Errorf("before the first response it is %+v, want the zero value", got)
		}
		began := time.Now()
		allowed := trengo.RateLimit{Limit: 120, Remaining: 109, ReceivedAt: began}
		refused := trengo.RateLimit{Limit: 120, Remaining: 109, RetryAfter: 20 * time.Second, ReceivedAt: began.Add(time.Second)}
		for _, step := range []struct {
			name  string
			fault trengotest.Fault
			want  trengo.RateLimit
		}{
			{"a response", trengotest.Fault{}, allowed},
			{"no response", trengotest.NoConnection(), allowed},
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
			t.Errorf("after a response without headers (-want +got):\n%s", diff)
		}
	})
}

// A client is safe for concurrent use.
func TestClient_concurrently(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	client := fixtures.NewClient(t, srv)
	var all sync.WaitGroup
	for range 16 {
		want := srv.AddContact(trengotest.Contact{Email: "ann@example.com"}).ID
		all.Go(func() {
			got, err := client.Contacts.Get(t.Context(), want)
			if err != nil || got.ID != want {
				t.Errorf("got contact %+v, %v; want ID %d", got, err, want)
			}
			_ = client.RateLimit()
		})
	}
	all.Wait()
	if n := len(srv.Requests()); n != 16 {
		t.Errorf("%d requests, want 16", n)
	}
}

func TestClient_Do_contextHasEnded(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := fixtures.NewClient(t, srv).Do(ctx, trengo.Request{Path: "/labels"}, nil)
	if failed := fixtures.ErrorOf(t, err); failed.Attempts != 0 || !errors.Is(err, context.Canceled) || len(srv.Requests()) != 0 {
		t.Errorf("error %v after %d requests, want a canceled context and no request", err, len(srv.Requests()))
	}
}

// What counts as a usable response, and the error for any other.
func TestClient_Do_response(t *testing.T) {
	t.Parallel()
	const page = fixtures.HTMLPage
	type label struct{ ID int64 }
	tests := []struct {
		name   string
		status int
		media  string
		body   string
		out    bool   // whether the caller wants the body
		says   string // the error
	}{
		{"nothing, not wanted", 200, "", "", false, ""},
		{"nothing with type text/html, not wanted", 200, "text/html", "", false, ""},
		{"204, not wanted", 204, "", "", false, ""},
		{"white space, not wanted", 200, "application/json", " \r\n", false, ""},
		{"an object, not wanted", 201, "application/json", `{"id":5}`, false, ""},
		{"an empty array, not wanted", 202, "application/json", `[]`, false, ""},
		{"a web page, not wanted", 200, "text/html; charset=UTF-8", page, false, "trengo: GET /labels: 200 OK: text/html instead of JSON"},
		{"a web page with type application/json, not wanted", 200, "application/json", page, false, "trengo: GET /labels: 200 OK: invalid or truncated JSON"},
		{"truncated JSON, not wanted", 200, "application/json", `{"id":5`, false, "trengo: GET /labels: 200 OK: invalid or truncated JSON"},
		{"an object", 200, "application/json", `{"id":5}`, true, ""},
		{"an object in white space", 201, "application/json; charset=utf-8", "\n {\"id\":5}\n", true, ""},
		{"an object with type text/html", 200, "text/html", `{"id":5}`, true, ""},
		{"an object without a type", 299, "", `{"id":5}`, true, ""},
		{"nothing", 200, "application/json", "", true, "trengo: GET /labels: 200 OK: an empty response instead of JSON"},
		{"204", 204, "", "", true, "trengo: GET /labels: 204 No Content: an empty response instead of JSON"},
		{"a web page", 200, "text/html", page, true, "trengo: GET /labels: 200 OK: text/html instead of JSON"},
		{"a web page without a type", 200, "", page, true, "trengo: GET /labels: 200 OK: something instead of JSON"},
		{"a web page with an unknown type", 200, "text/ann", page, true, "trengo: GET /labels: 200 OK: something instead of JSON"},
		{"a web page with an invalid type", 200, "text/", page, true, "trengo: GET /labels: 200 OK: something instead of JSON"},
		{"truncated JSON", 200, "application/json", `{"id":5`, true, "trengo: GET /labels: 200 OK: invalid or truncated JSON"},
		{"two objects", 200, "application/json", `{"id":5}{"id":6}`, true, "trengo: GET /labels: 200 OK: invalid or truncated JSON"},
		{"JSON that does not fit", 200, "application/json", `{"id":"ann@example.com"}`, true, "trengo: GET /labels: 200 OK: the response does not fit int64"},
		{"an unknown status", 599, "", "", true, "trengo: GET /labels: 599"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got label
			var out any
			if tt.out {
				out = &got
			}
			client := fixtures.NewClient(t, testkit.Respond(tt.status, tt.body, "Content-Type", tt.media), trengo.WithMaxRetries(0))
			err := client.Do(t.Context(), trengo.Request{Path: "/labels"}, out)
			if tt.says == "" {
				if err != nil || tt.out && got.ID != 5 {
					t.Errorf("got %+v, %v", got, err)
				}
				return
			}
			if diff := cmp.Diff(tt.says, fixtures.ErrorOf(t, err).Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if failed := fixtures.ErrorOf(t, err); failed.StatusCode != tt.status || failed.Attempts != 1 || string(failed.Body) != tt.body {
				t.Errorf("%+v, want the status and body of the response", *failed)
			}
			if !trengo.Retryable(err) {
				t.Error("the error is not retryable")
			}
		})
	}
}

// An error holds the first kilobyte of the body.
func TestClient_Do_errorBody(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 2000)
	tests := []struct {
		name   string
		status int
		body   string
		kept   int
	}{
		{"a short body", 400, "short", 5},
		{"one kilobyte", 400, long[:1024], 1024},
		{"one byte more", 400, long[:1025], 1024},
		{"an unusable body with status 200", 200, long, 1024},
		{"a huge body", 404, strings.Repeat(long, 1000), 1024},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client := fixtures.NewClient(t, testkit.Respond(tt.status, tt.body), trengo.WithMaxRetries(0))
			failed := fixtures.ErrorOf(t, client.Do(t.Context(), trengo.Request{Path: "/labels"}, nil))
			if string(failed.Body) != tt.body[:tt.kept] {
				t.Errorf("%d bytes kept, want the first %d", len(failed.Body), tt.kept)
			}
		})
	}
}

// The message and fields of an error are read beyond the first kilobyte.
func TestClient_Do_longErrorBody(t *testing.T) {
	t.Parallel()
	body := `{"filler":"` + strings.Repeat("x", 2000) + `","message":"No.","errors":{"name":["Missing."]}}`
	client := fixtures.NewClient(t, testkit.Respond(http.StatusUnprocessableEntity, body))
	failed := fixtures.ErrorOf(t, client.Do(t.Context(), trengo.Request{Path: "/labels"}, nil))
	if failed.Message != "No." || len(failed.Fields["name"]) != 1 {
		t.Errorf("message %q and fields %v, want both", failed.Message, failed.Fields)
	}
}

func TestClient_Do_responseTooLong(t *testing.T) {
	t.Parallel()
	long := `"` + strings.Repeat("x", 16<<20) + `"`
	client := fixtures.NewClient(t, testkit.Respond(http.StatusOK, long), trengo.WithMaxRetries(0))
	var out string
	err := client.Do(t.Context(), trengo.Request{Method: http.MethodPost, Path: "/labels"}, &out)
	want := "trengo: POST /labels: 200 OK: the response is too long; outcome unknown"
	if diff := cmp.Diff(want, fixtures.ErrorOf(t, err).Error()); diff != "" || !errors.Is(err, trengo.ErrOutcomeUnknown) {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

// Without a body, net/http would send the request again for itself.
func TestClient_Do_streamIsReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &testkit.HTTP2Server{Handle: func(s *testkit.HTTP2Stream) { s.Reset(testkit.HTTP2ProtocolError) }}
		client := fixtures.NewClient(t, server.Transport(t), trengo.WithBaseURL("http://127.0.0.1"))
		err := client.Do(t.Context(), trengo.Request{Method: http.MethodPost, Path: "/tickets/5/close"}, nil)
		want := "trengo: POST /tickets/5/close: the server reset the request; outcome unknown"
		if fmt.Sprint(err) != want || server.Requests() != 1 {
			t.Errorf("%d requests and %v, want one and %s", server.Requests(), err, want)
		}
	})
}
