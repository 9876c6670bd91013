package trengo_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// A verdict is what a caller can learn from an error.
type verdict struct {
	Is         []string // as from fixtures.MatchingSentinels
	StatusCode int
	RetryAfter time.Duration
	Attempts   int
	Retryable  bool
	Text       string
}

func verdictOn(t *testing.T, err error) verdict {
	t.Helper()
	failed := fixtures.ErrorOf(t, err)
	return verdict{fixtures.MatchingSentinels(err), failed.StatusCode, failed.RetryAfter, failed.Attempts, trengo.Retryable(err), failed.Error()}
}

// The error of every kind of failure.
func TestError_ofEveryFault(t *testing.T) {
	json := func(status int) trengotest.Fault {
		return trengotest.Respond(status, "application/json", `{"message":"No."}`)
	}
	empty := func(status int) trengotest.Fault { return trengotest.Respond(status, "", "") }
	read := trengo.Request{Path: "/tickets/5"}
	create := trengo.Request{Method: http.MethodPost, Path: "/tickets", Body: struct{}{}}
	remove := trengo.Request{Method: http.MethodDelete, Path: "/tickets/5"}
	once := []trengo.Option{trengo.WithMaxRetries(0)}
	tests := []struct {
		name   string
		in     trengo.Request
		faults []trengotest.Fault // the last one is repeated
		opts   []trengo.Option
		want   verdict
	}{
		{"302 for a read", read, []trengotest.Fault{trengotest.RespondHTML(302)}, nil, verdict{nil, 302, 0, 1, true, "trengo: GET /tickets/5: 302 Found"}},
		{"302 for a create", create, []trengotest.Fault{trengotest.RespondHTML(302)}, nil, verdict{[]string{"outcome unknown"}, 302, 0, 1, true, "trengo: POST /tickets: 302 Found; outcome unknown"}},
		{"302 for a delete", remove, []trengotest.Fault{json(302)}, nil, verdict{nil, 302, 0, 1, true, "trengo: DELETE /tickets/5: 302 Found"}},
		{"304 for a create", create, []trengotest.Fault{empty(304)}, nil, verdict{[]string{"outcome unknown"}, 304, 0, 1, true, "trengo: POST /tickets: 304 Not Modified; outcome unknown"}},
		{"400", create, []trengotest.Fault{json(400)}, nil, verdict{nil, 400, 0, 1, false, "trengo: POST /tickets: 400 Bad Request"}},
		{"401", read, []trengotest.Fault{json(401)}, nil, verdict{[]string{"unauthorized"}, 401, 0, 1, true, "trengo: GET /tickets/5: 401 Unauthorized"}},
		{"403", create, []trengotest.Fault{json(403)}, nil, verdict{[]string{"unauthorized"}, 403, 0, 1, true, "trengo: POST /tickets: 403 Forbidden"}},
		{"404", read, []trengotest.Fault{json(404)}, nil, verdict{[]string{"not found"}, 404, 0, 1, false, "trengo: GET /tickets/5: 404 Not Found"}},
		{"400 with a web page", create, []trengotest.Fault{trengotest.RespondHTML(400)}, nil, verdict{nil, 400, 0, 1, true, "trengo: POST /tickets: 400 Bad Request"}},
		{"403 with a web page", create, []trengotest.Fault{trengotest.RespondHTML(403)}, nil, verdict{[]string{"unauthorized"}, 403, 0, 1, true, "trengo: POST /tickets: 403 Forbidden"}},
		{"404 with a web page", remove, []trengotest.Fault{trengotest.RespondHTML(404)}, nil, verdict{[]string{"not found"}, 404, 0, 1, true, "trengo: DELETE /tickets/5: 404 Not Found"}},
		{"404 with text", read, []trengotest.Fault{trengotest.Respond(404, "text/plain", "404 page not found")}, nil, verdict{[]string{"not found"}, 404, 0, 1, true, "trengo: GET /tickets/5: 404 Not Found"}},
		{"404 with a web page that claims to be JSON", read, []trengotest.Fault{trengotest.Respond(404, "application/json", fixtures.HTMLPage)}, nil, verdict{[]string{"not found"}, 404, 0, 1, true, "trengo: GET /tickets/5: 404 Not Found"}},
		{"404 with JSON that claims to be a web page", read, []trengotest.Fault{trengotest.Respond(404, "text/html", `{"message":"No."}`)}, nil, verdict{[]string{"not found"}, 404, 0, 1, false, "trengo: GET /tickets/5: 404 Not Found"}},
		{"404 with JSON after a byte order mark", read, []trengotest.Fault{trengotest.Respond(404, "application/json", "\ufeff [] ")}, nil, verdict{[]string{"not found"}, 404, 0, 1, false, "trengo: GET /tickets/5: 404 Not Found"}},
		{"404 without a body", read, []trengotest.Fault{empty(404)}, nil, verdict{[]string{"not found"}, 404, 0, 1, false, "trengo: GET /tickets/5: 404 Not Found"}},
		{"422 with white space", create, []trengotest.Fault{trengotest.Respond(422, "text/html", " \r\n")}, nil, verdict{[]string{"unprocessable"}, 422, 0, 1, false, "trengo: POST /tickets: 422 Unprocessable Entity"}},
		{"406 with a web page", create, []trengotest.Fault{trengotest.RespondHTML(406)}, nil, verdict{nil, 406, 0, 1, true, "trengo: POST /tickets: 406 Not Acceptable"}},
		{"405", create, []trengotest.Fault{json(405)}, nil, verdict{nil, 405, 0, 1, false, "trengo: POST /tickets: 405 Method Not Allowed"}},
		{"407", create, []trengotest.Fault{empty(407)}, nil, verdict{nil, 407, 0, 1, true, "trengo: POST /tickets: 407 Proxy Authentication Required"}},
		{"408 for a create", create, []trengotest.Fault{json(408)}, nil, verdict{[]string{"outcome unknown"}, 408, 0, 1, true, "trengo: POST /tickets: 408 Request Timeout; outcome unknown"}},
		{"408 for a read", read, []trengotest.Fault{json(408)}, nil, verdict{nil, 408, 0, 5, true, "trengo: GET /tickets/5: 408 Request Timeout; 5 attempts"}},
		{"408 for a delete", remove, []trengotest.Fault{trengotest.RespondHTML(408)}, nil, verdict{[]string{"outcome unknown"}, 408, 0, 5, true, "trengo: DELETE /tickets/5: 408 Request Timeout; outcome unknown; 5 attempts"}},
		{"409", create, []trengotest.Fault{json(409)}, nil, verdict{nil, 409, 0, 1, false, "trengo: POST /tickets: 409 Conflict"}},
		{"421", create, []trengotest.Fault{json(421)}, nil, verdict{nil, 421, 0, 1, true, "trengo: POST /tickets: 421 Misdirected Request"}},
		{"422", create, []trengotest.Fault{json(422)}, nil, verdict{[]string{"unprocessable"}, 422, 0, 1, false, "trengo: POST /tickets: 422 Unprocessable Entity"}},
		{"425", create, []trengotest.Fault{json(425)}, nil, verdict{nil, 425, 0, 1, true, "trengo: POST /tickets: 425 Too Early"}},
		{"429 with Retry-After", create, []trengotest.Fault{trengotest.TooManyRequests("20")}, once, verdict{[]string{"rate limited"}, 429, 20 * time.Second, 1, true, "trengo: POST /tickets: 429 Too Many Requests; retry after 20s"}},
		{"429 without Retry-After", read, []trengotest.Fault{trengotest.TooManyRequests("")}, once, verdict{[]string{"rate limited"}, 429, 15 * time.Second, 1, true, "trengo: GET /tickets/5: 429 Too Many Requests; retry after 15s"}},
		{"429 until the last attempt", create, []trengotest.Fault{trengotest.TooManyRequests("20")}, nil, verdict{[]string{"rate limited"}, 429, 20 * time.Second, 5, true, "trengo: POST /tickets: 429 Too Many Requests; retry after 20s; 5 attempts"}},
		{"429 with a web page", read, []trengotest.Fault{trengotest.RespondHTML(429)}, once, verdict{[]string{"rate limited"}, 429, 15 * time.Second, 1, true, "trengo: GET /tickets/5: 429 Too Many Requests; retry after 15s"}},
		{"500 for a read", read, []trengotest.Fault{json(500)}, nil, verdict{nil, 500, 0, 5, true, "trengo: GET /tickets/5: 500 Internal Server Error; 5 attempts"}},
		{"500 for a delete", remove, []trengotest.Fault{json(500)}, nil, verdict{[]string{"outcome unknown"}, 500, 0, 5, true, "trengo: DELETE /tickets/5: 500 Internal Server Error; outcome unknown; 5 attempts"}},
		{"500 for a create", create, []trengotest.Fault{json(500)}, nil, verdict{[]string{"outcome unknown"}, 500, 0, 1, true, "trengo: POST /tickets: 500 Internal Server Error; outcome unknown"}},
		{"500 for a HEAD", trengo.Request{Method: http.MethodHead, Path: "/tickets/5"}, []trengotest.Fault{json(500)}, nil, verdict{nil, 500, 0, 5, true, "trengo: HEAD /tickets/5: 500 Internal Server Error; 5 attempts"}},
		{"501", create, []trengotest.Fault{json(501)}, nil, verdict{nil, 501, 0, 1, true, "trengo: POST /tickets: 501 Not Implemented"}},
		{"502 with a web page", create, []trengotest.Fault{trengotest.RespondHTML(502)}, nil, verdict{[]string{"outcome unknown"}, 502, 0, 1, true, "trengo: POST /tickets: 502 Bad Gateway; outcome unknown"}},
		{"503", read, []trengotest.Fault{json(503)}, once, verdict{nil, 503, 0, 1, true, "trengo: GET /tickets/5: 503 Service Unavailable"}},
		{"504", create, []trengotest.Fault{json(504)}, nil, verdict{[]string{"outcome unknown"}, 504, 0, 1, true, "trengo: POST /tickets: 504 Gateway Timeout; outcome unknown"}},
		{"200 with a web page", create, []trengotest.Fault{trengotest.RespondHTML(200)}, nil, verdict{[]string{"outcome unknown"}, 200, 0, 1, true, "trengo: POST /tickets: 200 OK: text/html instead of JSON; outcome unknown"}},
		{"no connection", create, []trengotest.Fault{trengotest.NoConnection()}, nil, verdict{[]string{"refused"}, 0, 0, 5, true, "trengo: POST /tickets: dial: connection refused; 5 attempts"}},
		{"lost before a read", read, []trengotest.Fault{trengotest.LostBefore()}, once, verdict{[]string{"EOF"}, 0, 0, 1, true, "trengo: GET /tickets/5: connection lost"}},
		{"lost before a create", create, []trengotest.Fault{trengotest.LostBefore()}, nil, verdict{[]string{"EOF", "outcome unknown"}, 0, 0, 1, true, "trengo: POST /tickets: connection lost; outcome unknown"}},
		{"lost after a create", create, []trengotest.Fault{trengotest.LostAfter()}, nil, verdict{[]string{"outcome unknown", "reset"}, 0, 0, 1, true, "trengo: POST /tickets: read: connection reset by peer; outcome unknown"}},
		{"slower than the timeout", create, []trengotest.Fault{trengotest.Slow(time.Hour)}, nil, verdict{[]string{"deadline exceeded", "outcome unknown"}, 0, 0, 1, true, "trengo: POST /tickets: timeout; outcome unknown"}},
		{"a write that may have taken effect, then 429", remove, []trengotest.Fault{json(500), trengotest.TooManyRequests("400")}, nil, verdict{[]string{"outcome unknown", "rate limited"}, 429, 400 * time.Second, 2, true, "trengo: DELETE /tickets/5: 429 Too Many Requests; outcome unknown; retry after 6m40s; 2 attempts"}},
		{"a write that may have taken effect, then 404", remove, []trengotest.Fault{json(500), json(404)}, nil, verdict{[]string{"not found"}, 404, 0, 2, false, "trengo: DELETE /tickets/5: 404 Not Found; 2 attempts"}},
		{"a write that may have taken effect, then 404 without a body", remove, []trengotest.Fault{json(500), empty(404)}, nil, verdict{[]string{"not found"}, 404, 0, 2, false, "trengo: DELETE /tickets/5: 404 Not Found; 2 attempts"}},
		{"a write that may have taken effect, then 404 with a web page", remove, []trengotest.Fault{json(500), trengotest.RespondHTML(404)}, nil, verdict{[]string{"not found", "outcome unknown"}, 404, 0, 2, true, "trengo: DELETE /tickets/5: 404 Not Found; outcome unknown; 2 attempts"}},
		{"a write that may have taken effect, then 421", remove, []trengotest.Fault{json(500), json(421)}, nil, verdict{[]string{"outcome unknown"}, 421, 0, 2, true, "trengo: DELETE /tickets/5: 421 Misdirected Request; outcome unknown; 2 attempts"}},
		{"a write that may have taken effect, then 302", remove, []trengotest.Fault{json(500), empty(302)}, nil, verdict{[]string{"outcome unknown"}, 302, 0, 2, true, "trengo: DELETE /tickets/5: 302 Found; outcome unknown; 2 attempts"}},
		{"a write that may have taken effect, then 401", remove, []trengotest.Fault{json(500), json(401)}, nil, verdict{[]string{"outcome unknown", "unauthorized"}, 401, 0, 2, true, "trengo: DELETE /tickets/5: 401 Unauthorized; outcome unknown; 2 attempts"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := trengotest.New()
				srv.InjectFunc(func(r trengotest.Request) trengotest.Fault {
					return tt.faults[min(r.Seq, len(tt.faults))-1]
				})
				err := fixtures.NewClient(t, srv, tt.opts...).Do(t.Context(), tt.in, nil)
				if diff := cmp.Diff(tt.want, verdictOn(t, err)); diff != "" {
					t.Errorf("error (-want +got):\n%s", diff)
				}
				if n := len(srv.Requests()); n != tt.want.Attempts {
					t.Errorf("%d requests, want %d", n, tt.want.Attempts)
				}
			})
		})
	}
}

func TestError_truncatedResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := trengotest.New()
		srv.Inject(trengotest.Truncated())
		_, err := fixtures.NewClient(t, srv).Tickets.Create(t.Context(), fixtures.AddTicketParams(srv))
		want := verdict{[]string{"outcome unknown", "unexpected EOF"}, 200, 0, 1, true, "trengo: POST /tickets: 200 OK: connection lost; outcome unknown"}
		if diff := cmp.Diff(want, verdictOn(t, err)); diff != "" {
			t.Errorf("error (-want +got):\n%s", diff)
		}
	})
}

func TestError_retryAfterOf503(t *testing.T) {
	t.Parallel()
	client := fixtures.NewClient(t, testkit.Respond(http.StatusServiceUnavailable, "", "Retry-After", "7"), trengo.WithMaxRetries(0))
	err := client.Do(t.Context(), trengo.Request{Path: "/labels"}, nil)
	want := verdict{nil, 503, 7 * time.Second, 1, true, "trengo: GET /labels: 503 Service Unavailable; retry after 7s"}
	if diff := cmp.Diff(want, verdictOn(t, err)); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

// An error has the headers of the last response.
func TestError_header(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		responses := []testkit.RoundTripperFunc{
			testkit.Respond(http.StatusBadGateway, "", "X-Request-Id", "first"),
			testkit.Respond(http.StatusFound, "", "X-Request-Id", "second", "Location", "https://example.com/"),
		}
		client := fixtures.NewClient(t, testkit.RoundTripperFunc(func(r *http.Request) (*http.Response, error) {
			next := responses[0]
			responses = responses[1:]
			return next(r)
		}))
		failed := fixtures.ErrorOf(t, client.Do(t.Context(), trengo.Request{Path: "/labels"}, nil))
		want := http.Header{"X-Request-Id": {"second"}, "Location": {"https://example.com/"}}
		if diff := cmp.Diff(want, failed.Header); diff != "" {
			t.Errorf("header (-want +got):\n%s", diff)
		}
	})
}

func TestError_headerWithoutResponse(t *testing.T) {
	t.Parallel()
	srv := trengotest.New()
	srv.Inject(trengotest.NoConnection())
	err := fixtures.NewClient(t, srv, trengo.WithMaxRetries(0)).Do(t.Context(), trengo.Request{Path: "/labels"}, nil)
	if header := fixtures.ErrorOf(t, err).Header; header != nil {
		t.Errorf("header %v, want none", header)
	}
}

func TestError_contextEnds(t *testing.T) {
	create := trengo.Request{Method: http.MethodPost, Path: "/tickets", Body: struct{}{}}
	tests := []struct {
		name  string
		fault trengotest.Fault
		end   func(context.Context) (context.Context, context.CancelFunc)
		want  verdict
	}{
		{
			"canceled in flight", trengotest.Slow(20 * time.Second), cancelAfter(5 * time.Second),
			verdict{[]string{"canceled", "outcome unknown"}, 0, 0, 1, true, "trengo: POST /tickets: context canceled; outcome unknown"},
		},
		{
			"canceled in flight with a cause", trengotest.Slow(20 * time.Second),
			func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancelCause(ctx)
				time.AfterFunc(5*time.Second, func() { cancel(io.ErrClosedPipe) })
				return ctx, func() { cancel(nil) }
			},
			verdict{[]string{"canceled", "outcome unknown"}, 0, 0, 1, true, "trengo: POST /tickets: context canceled; outcome unknown"},
		},
		{
			"deadline passes in flight", trengotest.Slow(20 * time.Second), deadlineAfter(5 * time.Second),
			verdict{[]string{"deadline exceeded", "outcome unknown"}, 0, 0, 1, true, "trengo: POST /tickets: timeout; outcome unknown"},
		},
		{
			"canceled in a pause", trengotest.TooManyRequests("20"), cancelAfter(5 * time.Second),
			verdict{[]string{"canceled", "rate limited"}, 429, 20 * time.Second, 1, true, "trengo: POST /tickets: 429 Too Many Requests: context canceled; retry after 20s"},
		},
		{
			"deadline before the end of a pause", trengotest.TooManyRequests("20"), deadlineAfter(5 * time.Second),
			verdict{[]string{"rate limited"}, 429, 20 * time.Second, 1, true, "trengo: POST /tickets: 429 Too Many Requests; retry after 20s"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := trengotest.New()
				srv.Inject(tt.fault)
				ctx, cancel := tt.end(t.Context())
				defer cancel()
				err := fixtures.NewClient(t, srv).Do(ctx, create, nil)
				if diff := cmp.Diff(tt.want, verdictOn(t, err)); diff != "" {
					t.Errorf("error (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// The observer is called before a retry.
func TestError_contextEndsBeforeARetry(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	client := fixtures.NewClient(t, testkit.Respond(http.StatusBadGateway, ""), trengo.WithObserver(func(context.Context, trengo.Attempt) { cancel() }))
	want := verdict{[]string{"canceled"}, 502, 0, 1, true, "trengo: GET /labels: 502 Bad Gateway: context canceled"}
	if diff := cmp.Diff(want, verdictOn(t, client.Do(ctx, trengo.Request{Path: "/labels"}, nil))); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

func cancelAfter(d time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(d, cancel)
		return ctx, cancel
	}
}

func deadlineAfter(d time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithTimeout(ctx, d) }
}

// A call fails at once if it cannot be sent before its deadline.
func TestError_noRoomInTime(t *testing.T) {
	fill := trengo.Request{Path: "/labels"}
	tests := []struct {
		name  string
		in    trengo.Request
		first bool // the call is the first one, and its first attempt fails with 500
		want  verdict
	}{
		{
			"before it is sent",
			trengo.Request{Method: http.MethodPost, Path: "/tickets"},
			false,
			verdict{[]string{"rate limited"}, 0, time.Minute, 0, true, "trengo: POST /tickets: the rate limit leaves no room in time; retry after 1m0s"},
		},
		{
			"after an attempt that may have taken effect",
			trengo.Request{Method: http.MethodPut, Path: "/contacts/5"},
			true,
			verdict{[]string{"outcome unknown", "rate limited"}, 500, time.Minute, 1, true, "trengo: PUT /contacts/5: 500 Internal Server Error: the rate limit leaves no room in time; outcome unknown; retry after 1m0s"},
		},
		{
			"after a read that failed", fill, true,
			verdict{[]string{"rate limited"}, 500, time.Minute, 1, true, "trengo: GET /labels: 500 Internal Server Error: the rate limit leaves no room in time; retry after 1m0s"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := trengotest.New()
				client := fixtures.NewClient(t, srv, trengo.WithRateLimit(1))
				if tt.first {
					srv.Inject(trengotest.RespondHTML(500))
				} else if err := client.Do(t.Context(), fill, nil); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				began := time.Now()
				got := verdictOn(t, client.Do(ctx, tt.in, nil))
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("error (-want +got):\n%s", diff)
				}
				if slept := time.Since(began); slept != 0 {
					t.Errorf("the call waited %s", slept)
				}
			})
		})
	}
}

func TestError_wrapped(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("import: %w", &trengo.Error{StatusCode: http.StatusNotFound, Err: io.EOF})
	var failed *trengo.Error
	if !errors.As(err, &failed) || failed.StatusCode != http.StatusNotFound {
		t.Errorf("errors.As finds %v", failed)
	}
	if diff := cmp.Diff([]string{"EOF", "not found"}, fixtures.MatchingSentinels(err)); diff != "" {
		t.Errorf("errors.Is (-want +got):\n%s", diff)
	}
}

func TestError_body(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		body    string
		message string
		fields  map[string][]string
	}{
		{"no body", ``, "", nil},
		{"a web page", fixtures.HTMLPage, "", nil},
		{"truncated JSON", `{"message":"No`, "", nil},
		{"an array", `["No."]`, "", nil},
		{"null", `null`, "", nil},
		{"an empty object", `{}`, "", nil},
		{"an empty array of errors", `{"message":"Unauthenticated.","errors":[]}`, "Unauthenticated.", nil},
		{"an empty array of errors before the message", `{"errors":[],"message":"Unauthenticated."}`, "Unauthenticated.", nil},
		{"errors by field", `{"message":"Invalid.","errors":{"name":["Required.","Too short."],"to.0":["Bad."]}}`, "Invalid.", map[string][]string{"name": {"Required.", "Too short."}, "to.0": {"Bad."}}},
		{"one error by field", `{"message":"Invalid.","errors":{"name":"Required."}}`, "Invalid.", map[string][]string{"name": {"Required."}}},
		{"a field without an error", `{"errors":{"name":null}}`, "", map[string][]string{"name": nil}},
		{"a field with an error of another form", `{"errors":{"name":{"code":5},"age":[5]}}`, "", map[string][]string{"name": {`{"code":5}`}, "age": {"[5]"}}},
		{"errors that are null", `{"message":"No.","errors":null}`, "No.", nil},
		{"errors as text", `{"message":"No.","errors":"many"}`, "No.", nil},
		{"no errors", `{"message":"No."}`, "No.", nil},
		{"a message that is null", `{"message":null}`, "", nil},
		{"a message of several texts", `{"message":["No.","Never."]}`, "No. Never.", nil},
		{"a message that is an object", `{"message":{"code":5}}`, `{"code":5}`, nil},
		{"a message that is a number", `{"message":5}`, `5`, nil},
		{"errors that are texts", `{"errors":["No.","Never."]}`, "No. Never.", nil},
		{"errors that are one text", `{"errors":"No."}`, "No.", nil},
		{"errors that are texts beside a message", `{"message":"No.","errors":["Never."]}`, "No.", nil},
		{"an error that is text", `{"error":"Not allowed."}`, "Not allowed.", nil},
		{"an error with a message", `{"error":{"message":"Not allowed.","code":5}}`, "Not allowed.", nil},
		{"an error without a message", `{"error":{"code":5}}`, `{"code":5}`, nil},
		{"an error that is null", `{"error":null}`, "", nil},
		{"an empty message beside an error", `{"message":" ","error":"No."}`, "No.", nil},
		{"an empty message beside errors", `{"message":"","errors":["No."]}`, "No.", nil},
		{"an error that is a flag, beside errors", `{"error":true,"errors":["No."]}`, "No.", nil},
		{"an error that is a number", `{"error":404,"errors":{"name":["Required."]}}`, "404", map[string][]string{"name": {"Required."}}},
		{"errors that are objects with messages", `{"errors":[{"message":"No.","code":5},{"message":"Never."}]}`, "No. Never.", nil},
		{"errors that are arrays of texts", `{"errors":[["No."],["","Never."],null]}`, "No. Never.", nil},
		{"errors that are objects without messages", `{"errors":[{"code":5}]}`, `[{"code":5}]`, nil},
		{"texts in an error", `{"error":{"errors":["No.","Never."]}}`, "No. Never.", nil},
		{"a message in a message", `{"message":{"message":"No."}}`, "No.", nil},
		{"fields with messages", `{"errors":{"name":[{"message":"Required."}]}}`, "", map[string][]string{"name": {"Required."}}},
		{"fields in a field", `{"errors":{"contact":{"name":["Required."],"emails":{"0":"Bad."}},"age":"Bad."}}`, "", map[string][]string{"contact.name": {"Required."}, "contact.emails.0": {"Bad."}, "age": {"Bad."}}},
		{"a byte order mark", "\ufeff" + `{"message":"No."}`, "No.", nil},
		{"a message before an error", `{"error":"Never.","message":"No."}`, "No.", nil},
		{"errors in an error", `{"error":{"message":"Invalid.","errors":{"name":["Required."]}}}`, "Invalid.", map[string][]string{"name": {"Required."}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client := fixtures.NewClient(t, testkit.Respond(http.StatusUnprocessableEntity, tt.body))
			failed := fixtures.ErrorOf(t, client.Do(t.Context(), trengo.Request{Path: "/labels"}, nil))
			if failed.Message != tt.message || string(failed.Body) != tt.body {
				t.Errorf("message %q, body %s; want %q, %s", failed.Message, failed.Body, tt.message, tt.body)
			}
			if diff := cmp.Diff(tt.fields, failed.Fields); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}

// Code that tests callers of a client makes errors itself.
func TestError_text(t *testing.T) {
	t.Parallel()
	personal := errors.New("ann@example.com")
	tests := []struct {
		name string
		err  trengo.Error
		want string
	}{
		{"every part that is printed", trengo.Error{Method: "PUT", Path: "/contacts/5", StatusCode: 422, Fields: map[string][]string{"name": {"Ann?"}, "email": nil, "phone": nil, "contact_group_ids.0": nil, "contact_group_ids.10": nil}, RetryAfter: 1500 * time.Millisecond, Attempts: 3, OutcomeUnknown: true, Err: io.EOF}, "trengo: PUT /contacts/5: 422 Unprocessable Entity: connection lost; outcome unknown; invalid fields: contact_group_ids.0, contact_group_ids.10, email, name, phone; retry after 1.5s; 3 attempts"},
		{"parts that are not printed", trengo.Error{Method: "GET", Path: "/labels", StatusCode: 400, Message: "Ann", Body: []byte("Ann"), Attempts: 1}, "trengo: GET /labels: 400 Bad Request"},
		{"field names that may be personal data", trengo.Error{Method: "GET", Path: "/labels", StatusCode: 422, Fields: map[string][]string{"ann@example.com": nil, "+31 6": nil, "Ann Example": nil, "Ann": nil, "31600000001": nil, "é": nil, "items.*.name_2": nil, "a-b": nil}}, "trengo: GET /labels: 422 Unprocessable Entity; invalid fields: items.*.name_2"},
		{"a path that may hold personal data", trengo.Error{Method: "GET", Path: "/contacts/ann@example.com/notes/+5/-5/0/5/99999999999999999999/quick_replies/a-b/Ann"}, "trengo: GET /contacts/…/notes/…/…/…/5/…/quick_replies/a-b/…: no response"},
		{"a pause below a millisecond", trengo.Error{Method: "GET", Path: "/labels", RetryAfter: time.Second + 499*time.Microsecond}, "trengo: GET /labels: no response; retry after 1s"},
		{"no response", trengo.Error{Method: "GET", Path: "/labels"}, "trengo: GET /labels: no response"},
		{"a status without a name", trengo.Error{Method: "GET", Path: "/labels", StatusCode: 599}, "trengo: GET /labels: 599"},
		{"a canceled context", trengo.Error{Method: "GET", Path: "/labels", Err: context.Canceled}, "trengo: GET /labels: context canceled"},
		{"a deadline", trengo.Error{Method: "GET", Path: "/labels", Err: fmt.Errorf("ann: %w", context.DeadlineExceeded)}, "trengo: GET /labels: timeout"},
		{"a timeout of a connection", trengo.Error{Method: "GET", Path: "/labels", Err: &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}}, "trengo: GET /labels: timeout"},
		{"an unexpected end", trengo.Error{Method: "GET", Path: "/labels", Err: io.ErrUnexpectedEOF}, "trengo: GET /labels: connection lost"},
		{"no room", trengo.Error{Method: "GET", Path: "/labels", Err: trengo.ErrRateLimited}, "trengo: GET /labels: the rate limit leaves no room in time"},
		{"an unknown host", trengo.Error{Method: "GET", Path: "/labels", Err: &net.DNSError{Name: "ann.example.com", IsNotFound: true}}, "trengo: GET /labels: host not found"},
		{"a system error of a connection", trengo.Error{Method: "GET", Path: "/labels", Err: &net.OpError{Op: "write", Err: os.NewSyscallError("ann", syscall.EPIPE)}}, "trengo: GET /labels: write: broken pipe"},
		{"a system error", trengo.Error{Method: "GET", Path: "/labels", Err: fmt.Errorf("ann: %w", syscall.ECONNRESET)}, "trengo: GET /labels: connection reset by peer"},
		{"a certificate", trengo.Error{Method: "GET", Path: "/labels", Err: &tls.CertificateVerificationError{Err: personal}}, "trengo: GET /labels: certificate not trusted"},
		{"JSON that does not fit", trengo.Error{Method: "GET", Path: "/labels", Err: &json.UnmarshalTypeError{Value: "ann", Type: reflect.TypeFor[int64](), Field: "ann"}}, "trengo: GET /labels: the response does not fit int64"},
		{"an error with a URL", trengo.Error{Method: "GET", Path: "/labels", Err: &url.Error{Op: "Get", URL: "https://app.trengo.com?term=ann", Err: io.EOF}}, "trengo: GET /labels: connection lost"},
		{"any other error", trengo.Error{Method: "GET", Path: "/labels", Err: personal}, "trengo: GET /labels: unknown error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, tt.err.Error()); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
		})
	}
}

// What errors match, and whether they are retryable, also wrapped and joined.
func TestError_matching(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		err       error
		is        []string
		retryable bool
	}{
		{"nothing", nil, nil, false},
		{"an unrelated error", errors.New("disk full"), nil, false},
		{"the zero value", &trengo.Error{}, nil, true},
		{"not found", &trengo.Error{StatusCode: 404}, []string{"not found"}, false},
		{"unauthorized", &trengo.Error{StatusCode: 401}, []string{"unauthorized"}, true},
		{"forbidden", &trengo.Error{StatusCode: 403}, []string{"unauthorized"}, true},
		{"rate limited by Trengo", &trengo.Error{StatusCode: 429}, []string{"rate limited"}, true},
		{"rate limited by the client", &trengo.Error{Err: trengo.ErrRateLimited}, []string{"rate limited"}, true},
		{"unprocessable", &trengo.Error{StatusCode: 422}, []string{"unprocessable"}, false},
		{"outcome unknown", &trengo.Error{StatusCode: 404, OutcomeUnknown: true}, []string{"not found", "outcome unknown"}, true},
		{"an unusable response", &trengo.Error{StatusCode: 200}, nil, true},
		{"the last successful status", &trengo.Error{StatusCode: 299}, nil, true},
		{"a redirect", &trengo.Error{StatusCode: 300}, nil, true},
		{"a bad request", &trengo.Error{StatusCode: 400}, nil, false},
		{"a request timeout", &trengo.Error{StatusCode: 408}, nil, true},
		{"a proxy without credentials", &trengo.Error{StatusCode: 407}, nil, true},
		{"a misdirected request", &trengo.Error{StatusCode: 421}, nil, true},
		{"too early", &trengo.Error{StatusCode: 425}, nil, true},
		{"the last refusal", &trengo.Error{StatusCode: 499}, nil, false},
		{"a server error", &trengo.Error{StatusCode: 500}, nil, true},
		{"not implemented", &trengo.Error{StatusCode: 501}, nil, true},
		{"a bad gateway", &trengo.Error{StatusCode: 502}, nil, true},
		{"a sentinel", trengo.ErrOutcomeUnknown, []string{"outcome unknown"}, true},
		{"another sentinel", trengo.ErrNotFound, []string{"not found"}, false},
		{"a canceled context", context.Canceled, []string{"canceled"}, true},
		{"a deadline, wrapped", fmt.Errorf("import: %w", context.DeadlineExceeded), []string{"deadline exceeded"}, true},
		{"not found with a canceled context", &trengo.Error{StatusCode: 404, Err: context.Canceled}, []string{"canceled", "not found"}, false},
		{"an invalid event", trengo.ErrInvalidEvent, []string{"invalid event"}, false},
		{"a missing identifier", trengo.ErrMissingIdentifier, []string{"missing identifier"}, false},
		{"an unknown contact", trengo.ErrContactNotFound, []string{"contact not found"}, false},
		{"an ambiguous contact", &trengo.AmbiguousContactError{}, []string{"ambiguous contact"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, err := range []error{tt.err, fmt.Errorf("import: %w", tt.err), errors.Join(errors.New("disk full"), tt.err)} {
				if diff := cmp.Diff(tt.is, fixtures.MatchingSentinels(err)); diff != "" {
					t.Errorf("%T: errors.Is (-want +got):\n%s", err, diff)
				}
				if got := trengo.Retryable(err); got != tt.retryable {
					t.Errorf("%T: retryable is %t, want %t", err, got, tt.retryable)
				}
			}
		})
	}
}

func TestRetryable(t *testing.T) {
	t.Parallel()
	_, invalid := trengo.ParseEvent([]byte("[]"))
	for _, tt := range []struct {
		name string
		err  error
		want bool
	}{
		{"no error", nil, false},
		{"the error of ParseEvent", invalid, false},
		{"ErrInvalidEvent", trengo.ErrInvalidEvent, false},
		{"ErrMissingIdentifier", trengo.ErrMissingIdentifier, false},
		{"ErrContactNotFound", trengo.ErrContactNotFound, false},
		{"ErrAmbiguousContact", trengo.ErrAmbiguousContact, false},
		{"an AmbiguousContactError", &trengo.AmbiguousContactError{ContactIDs: []int64{1, 2}}, false},
		{"ErrNotFound", trengo.ErrNotFound, false},
		{"ErrUnprocessable", trengo.ErrUnprocessable, false},
		{"ErrUnauthorized", trengo.ErrUnauthorized, true},
		{"ErrRateLimited", trengo.ErrRateLimited, true},
		{"ErrTooManyPending", trengo.ErrTooManyPending, true},
		{"ErrOutcomeUnknown", trengo.ErrOutcomeUnknown, true},
		{"a canceled context", context.Canceled, true},
		{"a context past its deadline", context.DeadlineExceeded, true},
		{"an error of another package", errors.New("something"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := trengo.Retryable(tt.err); got != tt.want {
				t.Errorf("Retryable is %t, want %t", got, tt.want)
			}
			if tt.err == nil {
				return
			}
			if got := trengo.Retryable(fmt.Errorf("line 5: %w", tt.err)); got != tt.want {
				t.Errorf("wrapped, Retryable is %t, want %t", got, tt.want)
			}
		})
	}
}

func TestAmbiguousContactError(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err  trengo.AmbiguousContactError
		want string
	}{
		{trengo.AmbiguousContactError{ContactIDs: []int64{7, 4_000_000_001}}, "trengo: ambiguous contact: 7, 4000000001"},
		{trengo.AmbiguousContactError{ContactIDs: []int64{7}, Truncated: true}, "trengo: ambiguous contact: 7; the search has too many pages to read them all"},
		{trengo.AmbiguousContactError{Truncated: true}, "trengo: ambiguous contact; the search has too many pages to read them all"},
	}
	for _, tt := range tests {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("text is %q, want %q", got, tt.want)
		}
		var got *trengo.AmbiguousContactError
		if err := fmt.Errorf("event 5: %w", &tt.err); !errors.As(err, &got) || !errors.Is(err, trengo.ErrAmbiguousContact) {
			t.Errorf("errors.As and errors.Is do not find %v", err)
		}
	}
}

const secretToken = "s3cret-t0ken"

// markers are parts of the token, email, phone number and name that every request
// and response of the privacy tests holds.
var markers = []string{"s3cret", "zoe", "quill", "31600000001", "600000001"}

// leaked returns a marker that is in text, or "".
func leaked(text string) string {
	text = strings.ToLower(text)
	for _, marker := range markers {
		if strings.Contains(text, marker) {
			return marker
		}
	}
	return ""
}

// A witness records everything that a client reports about its calls.
type witness struct {
	logged   strings.Builder
	attempts []trengo.Attempt
	errs     []error
}

func (w *witness) options() []trengo.Option {
	handler := slog.NewJSONHandler(&w.logged, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true})
	return []trengo.Option{
		trengo.WithLogger(slog.New(handler)),
		trengo.WithObserver(func(_ context.Context, a trengo.Attempt) { w.attempts = append(w.attempts, a) }),
	}
}

// texts returns the records as text. Errors are formatted in all the ways in which
// they may reach a log.
func (w *witness) texts() []string {
	all := strings.Split(w.logged.String(), "\n")
	for _, a := range w.attempts {
		all = append(all, fmt.Sprintf("%#v", a))
	}
	var logs strings.Builder
	logger := slog.New(slog.NewTextHandler(&logs, nil))
	for _, err := range w.errs {
		logger.Error("call failed", "err", err)
		all = append(all, err.Error(), fmt.Sprintf("%v", err), fmt.Sprintf("%+v", err), fmt.Sprintf("%q", err))
		all = append(all, fmt.Errorf("import: %w", err).Error(), errors.Join(err, err).Error())
	}
	return append(all, logs.String())
}

// A failure makes every call fail.
type failure struct {
	name string
	rt   http.RoundTripper
	opts []trengo.Option
	ctx  func(context.Context) (context.Context, context.CancelFunc)
}

// echo is a response that repeats the personal data of the request.
const echo = `"message":"zoe.quill@example.com (Zoe Quill, +31600000001) with s3cret-t0ken is taken",
	"errors":{"zoe.quill@example.com":["Zoe Quill"],"Zoe Quill":"+31600000001","+31600000001":{"s3cret-t0ken":1},"name":["Zoe Quill"]}`

func failures() []failure {
	var all []failure
	respond := func(name string, status int, body string, header ...string) {
		all = append(all, failure{name: name, rt: testkit.Respond(status, body, header...)})
	}
	for _, status := range []int{300, 302, 307, 400, 401, 403, 404, 405, 408, 409, 418, 422, 429, 500, 501, 502, 503, 504, 599} {
		name := strconv.Itoa(status)
		respond(name+" that repeats personal data", status, "{"+echo+"}", "Content-Type", "application/json")
		respond(name+" with a web page that repeats personal data", status, "<h1>Zoe Quill</h1>", "Content-Type", "text/html; title=\"Zoe Quill\"")
		respond(name+" with headers that repeat personal data", status, "", "Content-Type", "zoe.quill@example.com",
			"Location", "https://zoe:quill@example.com/%zz", "Retry-After", "31600000001", "X-Ratelimit-Limit", "zoe", "X-Ratelimit-Reset", "31600000001")
	}
	for b, body := range []string{
		`{` + echo, `{"id":"zoe.quill@example.com",` + echo + `}`, `{"id":31600000001.5,"data":[31600000001]}`, `{"data":"Zoe Quill"}`,
		`"Zoe Quill"`, `Zoe Quill`, `<h1>Zoe Quill</h1>`, ``,
	} {
		for i, media := range []string{"application/json", "text/html", "zoe.quill@example.com", "application/x-zoe-quill-31600000001", "text/html; x=\"Zoe\"", "zoe/", "zoe", "+31600000001", "text/s3cret-t0ken"} {
			respond(fmt.Sprintf("200 with body %d and type %d", b, i), 200, body, "Content-Type", media)
		}
	}
	for name, err := range map[string]error{
		"an error of the transport":     errors.New("zoe.quill@example.com"),
		"an error with its URL":         &url.Error{Op: "Get", URL: "https://app.trengo.com?term=zoe", Err: errors.New("Zoe Quill")},
		"an error that wraps EOF":       fmt.Errorf("sent Zoe Quill and s3cret-t0ken: %w", io.ErrUnexpectedEOF),
		"an unknown host":               &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "zoe.quill.example.com", Server: "31600000001"}},
		"a broken connection":           &net.OpError{Op: "write", Net: "zoe", Addr: &net.UnixAddr{Name: "/home/quill"}, Err: os.NewSyscallError("zoe", syscall.EPIPE)},
		"an invalid address":            &net.OpError{Op: "dial", Net: "tcp", Err: &net.AddrError{Err: "missing port", Addr: "zoe.quill@example.com"}},
		"a certificate of another host": &tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: &x509.Certificate{DNSNames: []string{"quill"}}, Host: "zoe.example.com"}},
		"a timeout of the transport":    &net.OpError{Op: "read", Net: "quill", Err: os.ErrDeadlineExceeded},
	} {
		all = append(all, failure{name: name, rt: testkit.RoundTripperFunc(func(*http.Request) (*http.Response, error) { return nil, err })})
	}
	for _, fault := range []trengotest.Fault{
		trengotest.NoConnection(), trengotest.LostBefore(), trengotest.LostAfter(), trengotest.Truncated(),
		trengotest.Slow(time.Hour), trengotest.Late(time.Hour), trengotest.TooManyRequests("20"), trengotest.TooManyRequests(""),
	} {
		srv := trengotest.New()
		srv.SetTokens(secretToken)
		srv.InjectFunc(func(trengotest.Request) trengotest.Fault { return fault })
		all = append(all, failure{name: fault.String(), rt: srv})
	}
	source := func(token string, err error) []trengo.Option {
		return []trengo.Option{trengo.WithTokenSource(func(context.Context) (string, error) { return token, err })}
	}
	nothing := testkit.Respond(http.StatusOK, "")
	return append(
		all,
		failure{name: "a token source that fails", rt: nothing, opts: source("", errors.New("s3cret-t0ken of Zoe Quill has expired"))},
		failure{name: "a token source with a bad token", rt: nothing, opts: source("s3cret-t0ken\n", nil)},
		failure{name: "a context canceled with a cause", rt: trengotest.New(), ctx: func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			cancel(errors.New("Zoe Quill hung up"))
			return ctx, func() { cancel(nil) }
		}},
		failure{name: "no room in time", rt: nothing, opts: []trengo.Option{trengo.WithRateLimit(1), trengo.WithMaxWait(time.Second)}},
	)
}

func TestPrivacy_services(t *testing.T) {
	failures, methods := failures(), fixtures.Methods()
	errs, sent := 0, 0
	for _, m := range methods {
		t.Run(m.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, failure := range failures {
					w := new(witness)
					rt := markedCounter{failure.rt, &sent}
					opts := append(append(w.options(), trengo.WithHTTPClient(&http.Client{Transport: rt})), failure.opts...)
					client, err := trengo.NewClient(secretToken, opts...)
					if err != nil {
						t.Fatal(err)
					}
					ctx, cancel := t.Context(), context.CancelFunc(func() {})
					if failure.ctx != nil {
						ctx, cancel = failure.ctx(ctx)
					}
					for range 2 {
						if _, err := m.Call(ctx, client); err != nil {
							w.errs = append(w.errs, err)
						}
					}
					cancel()
					errs += len(w.errs)
					for _, text := range w.texts() {
						if marker := leaked(text); marker != "" {
							t.Errorf("%s: %q leaked: %s", failure.name, marker, text)
						}
					}
				}
			})
		})
	}
	// Otherwise there was nothing to leak.
	if calls := 2 * len(methods) * len(failures); errs < calls*3/4 || sent < errs/2 {
		t.Errorf("%d of %d calls failed, and %d requests held a marker", errs, calls, sent)
	}
}

// A markedCounter counts the requests that hold a marker.
type markedCounter struct {
	http.RoundTripper
	sent *int
}

func (c markedCounter) RoundTrip(r *http.Request) (*http.Response, error) {
	if leaked(r.Header.Get("Authorization")) != "" {
		*c.sent++
	}
	return c.RoundTripper.RoundTrip(r)
}

// personalJSON fails to encode and decode, with personal data in the error.
type personalJSON struct{}

func (personalJSON) MarshalJSON() ([]byte, error) { return nil, errors.New("Zoe Quill") }

func (*personalJSON) UnmarshalJSON(data []byte) error { return fmt.Errorf("cannot read %s", data) }

func TestPrivacy_Do(t *testing.T) {
	contact := trengo.Request{
		Method: http.MethodPost, Path: "/contacts/zoe.quill@example.com/notes/+31600000001/Zoe Quill",
		Query: url.Values{"term": {"zoe.quill@example.com"}}, Body: map[string]string{"name": "Zoe Quill"},
	}
	unencodable := contact
	unencodable.Body = personalJSON{}
	named := contact
	named.Method = "Zoe"
	relative := contact
	relative.Path = "zoe.quill@example.com"
	dotted := contact
	dotted.Path += "/.."
	for name, call := range map[string]struct {
		in   trengo.Request
		out  any
		body string
	}{
		"a refused request":                 {contact, nil, ""},
		"a body that cannot be encoded":     {unencodable, nil, ""},
		"a method that is a name":           {named, nil, ""},
		"a path without a slash":            {relative, nil, ""},
		"a path with two dots":              {dotted, nil, ""},
		"a response that cannot be decoded": {contact, new(personalJSON), `{"name":"Zoe Quill"}`},
		"a response that does not fit":      {contact, new([]int), `{"name":"Zoe Quill"}`},
		"a number that is too large":        {contact, new(struct{ ID int8 }), `{"id":31600000001}`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := new(witness)
				status := http.StatusOK
				if call.body == "" {
					status = http.StatusBadRequest
				}
				err := fixtures.NewClient(t, testkit.Respond(status, call.body), w.options()...).Do(t.Context(), call.in, call.out)
				if err == nil {
					t.Fatal("no error")
				}
				w.errs = append(w.errs, err)
				for _, text := range w.texts() {
					if marker := leaked(text); marker != "" {
						t.Errorf("%q leaked: %s", marker, text)
					}
				}
			})
		})
	}
}
