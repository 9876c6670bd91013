package trengo_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// sentinels has everything that an error of a client can be compared with,
// and what it must never be taken for.
var sentinels = map[string]error{
	"not found":          trengo.ErrNotFound,
	"unauthorized":       trengo.ErrUnauthorized,
	"rate limited":       trengo.ErrRateLimited,
	"unprocessable":      trengo.ErrUnprocessable,
	"outcome unknown":    trengo.ErrOutcomeUnknown,
	"invalid event":      trengo.ErrInvalidEvent,
	"missing identifier": trengo.ErrMissingIdentifier,
	"contact not found":  trengo.ErrContactNotFound,
	"ambiguous contact":  trengo.ErrAmbiguousContact,
	"canceled":           context.Canceled,
	"deadline exceeded":  context.DeadlineExceeded,
	"EOF":                io.EOF,
	"unexpected EOF":     io.ErrUnexpectedEOF,
	"refused":            syscall.ECONNREFUSED,
	"reset":              syscall.ECONNRESET,
}

func matching(err error) []string {
	var names []string
	for name, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// verdict is all that a caller can learn from an error.
type verdict struct {
	Is         []string
	StatusCode int
	RetryAfter time.Duration
	Attempts   int
	Retryable  bool
	Text       string
}

func verdictOn(t *testing.T, err error) verdict {
	t.Helper()
	failed := errorOf(t, err)
	return verdict{matching(err), failed.StatusCode, failed.RetryAfter, failed.Attempts, trengo.Retryable(err), failed.Error()}
}

const page = "<!DOCTYPE html><html></html>"

func TestError_ofEveryFault(t *testing.T) {
	json := func(status int) trengotest.Fault {
		return trengotest.Respond(status, "application/json", `{"message":"No."}`)
	}
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
		{"302", read, []trengotest.Fault{trengotest.RespondHTML(302)}, nil, verdict{nil, 302, 0, 1, false, "trengo: GET /tickets/5: 302 Found"}},
		{"400", create, []trengotest.Fault{json(400)}, nil, verdict{nil, 400, 0, 1, false, "trengo: POST /tickets: 400 Bad Request"}},
		{"401", read, []trengotest.Fault{json(401)}, nil, verdict{[]string{"unauthorized"}, 401, 0, 1, true, "trengo: GET /tickets/5: 401 Unauthorized"}},
		{"403", create, []trengotest.Fault{json(403)}, nil, verdict{[]string{"unauthorized"}, 403, 0, 1, true, "trengo: POST /tickets: 403 Forbidden"}},
		{"404", read, []trengotest.Fault{json(404)}, nil, verdict{[]string{"not found"}, 404, 0, 1, false, "trengo: GET /tickets/5: 404 Not Found"}},
		{"404 with a page", remove, []trengotest.Fault{trengotest.RespondHTML(404)}, nil, verdict{[]string{"not found"}, 404, 0, 1, false, "trengo: DELETE /tickets/5: 404 Not Found"}},
		{"405", create, []trengotest.Fault{json(405)}, nil, verdict{nil, 405, 0, 1, false, "trengo: POST /tickets: 405 Method Not Allowed"}},
		{"408", create, []trengotest.Fault{json(408)}, nil, verdict{nil, 408, 0, 1, true, "trengo: POST /tickets: 408 Request Timeout"}},
		{"409", create, []trengotest.Fault{json(409)}, nil, verdict{nil, 409, 0, 1, false, "trengo: POST /tickets: 409 Conflict"}},
		{"422", create, []trengotest.Fault{json(422)}, nil, verdict{[]string{"unprocessable"}, 422, 0, 1, false, "trengo: POST /tickets: 422 Unprocessable Entity"}},
		{"429 that names its pause", create, []trengotest.Fault{trengotest.TooManyRequests("20")}, once, verdict{[]string{"rate limited"}, 429, 20 * time.Second, 1, true, "trengo: POST /tickets: 429 Too Many Requests; retry after 20s"}},
		{"429 that names none", read, []trengotest.Fault{trengotest.TooManyRequests("")}, once, verdict{[]string{"rate limited"}, 429, 15 * time.Second, 1, true, "trengo: GET /tickets/5: 429 Too Many Requests; retry after 15s"}},
		{"429 without end", create, []trengotest.Fault{trengotest.TooManyRequests("20")}, nil, verdict{[]string{"rate limited"}, 429, 20 * time.Second, 5, true, "trengo: POST /tickets: 429 Too Many Requests; retry after 20s; 5 attempts"}},
		{"429 with a page", read, []trengotest.Fault{trengotest.RespondHTML(429)}, once, verdict{[]string{"rate limited"}, 429, 15 * time.Second, 1, true, "trengo: GET /tickets/5: 429 Too Many Requests; retry after 15s"}},
		{"500 for a read", read, []trengotest.Fault{json(500)}, nil, verdict{nil, 500, 0, 5, true, "trengo: GET /tickets/5: 500 Internal Server Error; 5 attempts"}},
		{"500 for a delete", remove, []trengotest.Fault{json(500)}, nil, verdict{[]string{"outcome unknown"}, 500, 0, 5, true, "trengo: DELETE /tickets/5: 500 Internal Server Error; outcome unknown; 5 attempts"}},
		{"500 for a create", create, []trengotest.Fault{json(500)}, nil, verdict{[]string{"outcome unknown"}, 500, 0, 1, true, "trengo: POST /tickets: 500 Internal Server Error; outcome unknown"}},
		{"500 for a HEAD", trengo.Request{Method: http.MethodHead, Path: "/tickets/5"}, []trengotest.Fault{json(500)}, nil, verdict{nil, 500, 0, 5, true, "trengo: HEAD /tickets/5: 500 Internal Server Error; 5 attempts"}},
		{"501", create, []trengotest.Fault{json(501)}, nil, verdict{nil, 501, 0, 1, false, "trengo: POST /tickets: 501 Not Implemented"}},
		{"502 with a page", create, []trengotest.Fault{trengotest.RespondHTML(502)}, nil, verdict{[]string{"outcome unknown"}, 502, 0, 1, true, "trengo: POST /tickets: 502 Bad Gateway; outcome unknown"}},
		{"503", read, []trengotest.Fault{json(503)}, once, verdict{nil, 503, 0, 1, true, "trengo: GET /tickets/5: 503 Service Unavailable"}},
		{"504", create, []trengotest.Fault{json(504)}, nil, verdict{[]string{"outcome unknown"}, 504, 0, 1, true, "trengo: POST /tickets: 504 Gateway Timeout; outcome unknown"}},
		{"200 with a page", create, []trengotest.Fault{trengotest.RespondHTML(200)}, nil, verdict{[]string{"outcome unknown"}, 200, 0, 1, true, "trengo: POST /tickets: 200 OK: text/html instead of JSON; outcome unknown"}},
		{"no connection", create, []trengotest.Fault{trengotest.NoConnection()}, nil, verdict{[]string{"refused"}, 0, 0, 5, true, "trengo: POST /tickets: dial: connection refused; 5 attempts"}},
		{"lost before a read", read, []trengotest.Fault{trengotest.LostBefore()}, once, verdict{[]string{"EOF"}, 0, 0, 1, true, "trengo: GET /tickets/5: connection lost"}},
		{"lost before a create", create, []trengotest.Fault{trengotest.LostBefore()}, nil, verdict{[]string{"EOF", "outcome unknown"}, 0, 0, 1, true, "trengo: POST /tickets: connection lost; outcome unknown"}},
		{"lost after a create", create, []trengotest.Fault{trengotest.LostAfter()}, nil, verdict{[]string{"outcome unknown", "reset"}, 0, 0, 1, true, "trengo: POST /tickets: read: connection reset by peer; outcome unknown"}},
		{"slower than the timeout", create, []trengotest.Fault{trengotest.Slow(time.Hour)}, nil, verdict{[]string{"deadline exceeded", "outcome unknown"}, 0, 0, 1, true, "trengo: POST /tickets: timeout; outcome unknown"}},
		{"a write that may have acted, then a 429", remove, []trengotest.Fault{json(500), trengotest.TooManyRequests("400")}, nil, verdict{[]string{"outcome unknown", "rate limited"}, 429, 400 * time.Second, 2, true, "trengo: DELETE /tickets/5: 429 Too Many Requests; outcome unknown; retry after 6m40s; 2 attempts"}},
		{"a write that may have acted, then a 404", remove, []trengotest.Fault{json(500), json(404)}, nil, verdict{[]string{"not found"}, 404, 0, 2, false, "trengo: DELETE /tickets/5: 404 Not Found; 2 attempts"}},
		{"a write that may have acted, then a 401", remove, []trengotest.Fault{json(500), json(401)}, nil, verdict{[]string{"outcome unknown", "unauthorized"}, 401, 0, 2, true, "trengo: DELETE /tickets/5: 401 Unauthorized; outcome unknown; 2 attempts"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := trengotest.New()
				srv.InjectFunc(func(r trengotest.Request) trengotest.Fault {
					return tt.faults[min(r.Seq, len(tt.faults))-1]
				})
				err := newClient(t, srv, tt.opts...).Do(t.Context(), tt.in, nil)
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

func TestError_cutAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := trengotest.New()
		srv.Inject(trengotest.Truncated())
		_, err := newClient(t, srv).Tickets.Create(t.Context(), createTicketOn(srv))
		want := verdict{[]string{"outcome unknown", "unexpected EOF"}, 200, 0, 1, true, "trengo: POST /tickets: 200 OK: connection lost; outcome unknown"}
		if diff := cmp.Diff(want, verdictOn(t, err)); diff != "" {
			t.Errorf("error (-want +got):\n%s", diff)
		}
	})
}

// createTicketOn seeds srv with what a ticket needs.
func createTicketOn(srv *trengotest.Server) trengo.TicketCreateParams {
	channel := srv.AddChannel(trengotest.Channel{})
	contact := srv.AddContact(trengotest.Contact{Email: "ann@example.com"})
	return trengo.TicketCreateParams{ContactID: contact.ID, ChannelID: channel.ID, Subject: "Order 12"}
}

func TestError_retryAfterOf503(t *testing.T) {
	t.Parallel()
	client := newClientOn(t, respond(http.StatusServiceUnavailable, "", "Retry-After", "7"), trengo.WithMaxRetries(0))
	err := client.Do(t.Context(), trengo.Request{Path: "/labels"}, nil)
	want := verdict{nil, 503, 7 * time.Second, 1, true, "trengo: GET /labels: 503 Service Unavailable; retry after 7s"}
	if diff := cmp.Diff(want, verdictOn(t, err)); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
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
			"cancelled on the wire", trengotest.Slow(20 * time.Second), cancelAfter(5 * time.Second),
			verdict{[]string{"canceled", "outcome unknown"}, 0, 0, 1, true, "trengo: POST /tickets: context canceled; outcome unknown"},
		},
		{
			"cancelled on the wire with a reason", trengotest.Slow(20 * time.Second),
			func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancelCause(ctx)
				time.AfterFunc(5*time.Second, func() { cancel(io.ErrClosedPipe) })
				return ctx, func() { cancel(nil) }
			},
			verdict{[]string{"canceled", "outcome unknown"}, 0, 0, 1, true, "trengo: POST /tickets: context canceled; outcome unknown"},
		},
		{
			"its deadline passes on the wire", trengotest.Slow(20 * time.Second), deadlineAfter(5 * time.Second),
			verdict{[]string{"deadline exceeded", "outcome unknown"}, 0, 0, 1, true, "trengo: POST /tickets: timeout; outcome unknown"},
		},
		{
			"cancelled in a pause", trengotest.TooManyRequests("20"), cancelAfter(5 * time.Second),
			verdict{[]string{"canceled", "rate limited"}, 429, 20 * time.Second, 1, true, "trengo: POST /tickets: 429 Too Many Requests: context canceled; retry after 20s"},
		},
		{
			"its deadline is before the end of a pause", trengotest.TooManyRequests("20"), deadlineAfter(5 * time.Second),
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
				err := newClient(t, srv).Do(ctx, create, nil)
				if diff := cmp.Diff(tt.want, verdictOn(t, err)); diff != "" {
					t.Errorf("error (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// The observer is told of an answer before anybody thinks of a retry.
func TestError_contextEndsBeforeARetry(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	client := newClientOn(t, respond(http.StatusBadGateway, ""), trengo.WithObserver(func(trengo.Attempt) { cancel() }))
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

func TestError_noRoomInTime(t *testing.T) {
	fill := trengo.Request{Path: "/labels"}
	tests := []struct {
		name  string
		in    trengo.Request
		first bool // the call is the first one, and its first attempt ends with 500
		want  verdict
	}{
		{
			"before it is sent",
			trengo.Request{Method: http.MethodPost, Path: "/tickets"},
			false,
			verdict{[]string{"rate limited"}, 0, time.Minute, 0, true, "trengo: POST /tickets: no room within the rate limit in time; retry after 1m0s"},
		},
		{
			"after an attempt that may have acted",
			trengo.Request{Method: http.MethodPut, Path: "/contacts/5"},
			true,
			verdict{[]string{"outcome unknown", "rate limited"}, 500, time.Minute, 1, true, "trengo: PUT /contacts/5: 500 Internal Server Error: no room within the rate limit in time; outcome unknown; retry after 1m0s"},
		},
		{
			"after a read that failed", fill, true,
			verdict{[]string{"rate limited"}, 500, time.Minute, 1, true, "trengo: GET /labels: 500 Internal Server Error: no room within the rate limit in time; retry after 1m0s"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := trengotest.New()
				client := newClient(t, srv, trengo.WithRateLimit(1))
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
					t.Errorf("the call slept for %s first", slept)
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
	if diff := cmp.Diff([]string{"EOF", "not found"}, matching(err)); diff != "" {
		t.Errorf("errors.Is (-want +got):\n%s", diff)
	}
}
