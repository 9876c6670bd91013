package trengo_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
)

// How often a call is sent whose response cannot be used.
func TestClient_Do_attemptsAtUnusableResponses(t *testing.T) {
	type label struct{ ID int64 }
	ignored := func() any { return nil }
	fit := func() any { return new(label) }
	tests := []struct {
		name   string
		status int
		media  string
		body   string
		out    func() any
		sent   int
		says   string
	}{
		{"a web page", 200, "text/html", fixtures.HTMLPage, fit, 2, "200 OK: text/html instead of JSON; 2 attempts"},
		{"a web page that is not wanted", 200, "text/html", fixtures.HTMLPage, ignored, 2, "200 OK: text/html instead of JSON; 2 attempts"},
		{"a web page that claims to be JSON", 200, "application/json", fixtures.HTMLPage, fit, 2, "200 OK: invalid or truncated JSON; 2 attempts"},
		{"text", 201, "text/plain", "OK", ignored, 2, "201 Created: text/plain instead of JSON; 2 attempts"},
		{"truncated JSON", 200, "application/json", `{"id":5`, fit, 5, "200 OK: invalid or truncated JSON; 5 attempts"},
		{"nothing", 200, "application/json", "", fit, 5, "200 OK: an empty response instead of JSON; 5 attempts"},
		{"204", 204, "", "", fit, 1, "204 No Content: an empty response instead of JSON"},
		{"JSON of another type", 200, "application/json", `{"id":"five"}`, fit, 1, "200 OK: the response does not fit int64"},
		{"an array", 200, "application/json", `[]`, fit, 1, "200 OK: the response does not fit trengo_test.label"},
		{"a number that is too large", 200, "application/json", `{"id":1e30}`, fit, 1, "200 OK: the response does not fit int64"},
		{"a time of another form", 200, "application/json", `"yesterday"`, func() any { return new(time.Time) }, 1, "200 OK: the response does not fit time.Time"},
		{"a type that cannot be decoded", 200, "application/json", `{}`, func() any { return new(chan int) }, 1, "200 OK: the response does not fit chan int"},
		{"a type with an UnmarshalJSON of its own", 200, "application/json", `{}`, func() any { return new(personalJSON) }, 1, "200 OK: the response does not fit trengo_test.personalJSON"},
	}
	for _, tt := range tests {
		for _, call := range []struct {
			method     string
			repeatable bool
		}{{http.MethodGet, true}, {http.MethodPut, true}, {http.MethodPost, false}} {
			t.Run(call.method+" "+tt.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					sent := 0
					client := fixtures.NewClient(t, testkit.RoundTripperFunc(func(r *http.Request) (*http.Response, error) {
						sent++
						return testkit.Respond(tt.status, tt.body, "Content-Type", tt.media)(r)
					}))
					err := client.Do(t.Context(), trengo.Request{Method: call.method, Path: "/labels"}, tt.out())
					want := tt.sent
					if !call.repeatable {
						want = 1
					}
					unknown := call.method != http.MethodGet
					if sent != want || errors.Is(err, trengo.ErrOutcomeUnknown) != unknown {
						t.Errorf("%d requests and %v, want %d and an unknown outcome: %t", sent, err, want, unknown)
					}
					if text := "trengo: GET /labels: " + tt.says; call.method == http.MethodGet && fmt.Sprint(err) != text {
						t.Errorf("error %v, want %s", err, text)
					}
				})
			})
		}
	}
}

// What a response cannot be decoded into is a mistake in the program. It would only
// show after the request has acted.
func TestClient_Do_notAPointer(t *testing.T) {
	t.Parallel()
	for _, out := range []any{struct{}{}, map[string]any{}, 5, (*int)(nil), []int{}} {
		sent := 0
		client := fixtures.NewClient(t, testkit.RoundTripperFunc(func(r *http.Request) (*http.Response, error) {
			sent++
			return testkit.Respond(http.StatusOK, "{}")(r)
		}))
		err := client.Do(t.Context(), trengo.Request{Path: "/labels"}, out)
		const want = "trengo: GET /labels: invalid request: the response cannot be decoded into what is not a pointer"
		if sent != 0 || fmt.Sprint(err) != want || trengo.Retryable(err) {
			t.Errorf("into a %T: %d requests and %v, want none and %s", out, sent, err, want)
		}
	}
}

// Of a refusal whose body was cut off, nobody can tell whether it was Trengo's own.
func TestClient_Do_refusalIsCutOff(t *testing.T) {
	t.Parallel()
	client := fixtures.NewClient(t, testkit.RoundTripperFunc(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusNotFound, Header: http.Header{}, Body: io.NopCloser(failingReader{io.ErrUnexpectedEOF})}, nil
	}))
	err := client.Do(t.Context(), trengo.Request{Path: "/labels"}, nil)
	const want = "trengo: GET /labels: 404 Not Found: connection lost"
	if !trengo.Retryable(err) || !errors.Is(err, trengo.ErrNotFound) || fmt.Sprint(err) != want {
		t.Errorf("error %v, want %s, and to be delivered again", err, want)
	}
}
