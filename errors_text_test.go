package trengo_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
)

func TestError_body(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		body    string
		message string
		fields  map[string][]string
	}{
		{"no body", ``, "", nil},
		{"a page", page, "", nil},
		{"cut JSON", `{"message":"No`, "", nil},
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
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client := newClientOn(t, respond(http.StatusUnprocessableEntity, tt.body))
			failed := errorOf(t, client.Do(t.Context(), trengo.Request{Path: "/labels"}, nil))
			if failed.Message != tt.message || string(failed.Body) != tt.body {
				t.Errorf("message %q, body %s; want %q, %s", failed.Message, failed.Body, tt.message, tt.body)
			}
			if diff := cmp.Diff(tt.fields, failed.Fields); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}

// An error can be made by hand, by whoever tests code that calls a client.
func TestError_text(t *testing.T) {
	t.Parallel()
	personal := errors.New("ann@example.com")
	tests := []struct {
		name string
		err  trengo.Error
		want string
	}{
		{"all that is printed", trengo.Error{Method: "PUT", Path: "/contacts/5", StatusCode: 422, Fields: map[string][]string{"name": {"Ann?"}, "email": nil, "phone": nil, "contact_group_ids.0": nil, "contact_group_ids.10": nil}, RetryAfter: 1500 * time.Millisecond, Attempts: 3, OutcomeUnknown: true, Err: io.EOF}, "trengo: PUT /contacts/5: 422 Unprocessable Entity: connection lost; outcome unknown; invalid fields: contact_group_ids.0, contact_group_ids.10, email, name, phone; retry after 1.5s; 3 attempts"},
		{"all that is not printed", trengo.Error{Method: "GET", Path: "/labels", StatusCode: 400, Message: "Ann", Body: []byte("Ann"), Attempts: 1}, "trengo: GET /labels: 400 Bad Request"},
		{"names of fields that could be anything", trengo.Error{Method: "GET", Path: "/labels", StatusCode: 422, Fields: map[string][]string{"ann@example.com": nil, "+31 6": nil, "Ann Example": nil, "Ann": nil, "31600000001": nil, "é": nil, "items.*.name_2": nil, "a-b": nil}}, "trengo: GET /labels: 422 Unprocessable Entity; invalid fields: items.*.name_2"},
		{"a path with more than words and ids", trengo.Error{Method: "GET", Path: "/contacts/ann@example.com/notes/+5/-5/0/5/99999999999999999999/quick_replies/a-b/Ann"}, "trengo: GET /contacts/…/notes/…/…/…/5/…/quick_replies/a-b/…: no answer"},
		{"a pause below a millisecond", trengo.Error{Method: "GET", Path: "/labels", RetryAfter: time.Second + 499*time.Microsecond}, "trengo: GET /labels: no answer; retry after 1s"},
		{"no answer", trengo.Error{Method: "GET", Path: "/labels"}, "trengo: GET /labels: no answer"},
		{"a status without a name", trengo.Error{Method: "GET", Path: "/labels", StatusCode: 599}, "trengo: GET /labels: 599"},
		{"a cancelled context", trengo.Error{Method: "GET", Path: "/labels", Err: context.Canceled}, "trengo: GET /labels: context canceled"},
		{"a deadline", trengo.Error{Method: "GET", Path: "/labels", Err: fmt.Errorf("ann: %w", context.DeadlineExceeded)}, "trengo: GET /labels: timeout"},
		{"a timeout of a connection", trengo.Error{Method: "GET", Path: "/labels", Err: &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}}, "trengo: GET /labels: timeout"},
		{"an unexpected end", trengo.Error{Method: "GET", Path: "/labels", Err: io.ErrUnexpectedEOF}, "trengo: GET /labels: connection lost"},
		{"no room", trengo.Error{Method: "GET", Path: "/labels", Err: trengo.ErrRateLimited}, "trengo: GET /labels: no room within the rate limit in time"},
		{"an unknown host", trengo.Error{Method: "GET", Path: "/labels", Err: &net.DNSError{Name: "ann.example.com", IsNotFound: true}}, "trengo: GET /labels: host not found"},
		{"an error of the operating system on a connection", trengo.Error{Method: "GET", Path: "/labels", Err: &net.OpError{Op: "write", Err: os.NewSyscallError("ann", syscall.EPIPE)}}, "trengo: GET /labels: write: broken pipe"},
		{"an error of the operating system", trengo.Error{Method: "GET", Path: "/labels", Err: fmt.Errorf("ann: %w", syscall.ECONNRESET)}, "trengo: GET /labels: connection reset by peer"},
		{"a certificate", trengo.Error{Method: "GET", Path: "/labels", Err: &tls.CertificateVerificationError{Err: personal}}, "trengo: GET /labels: certificate not trusted"},
		{"JSON of another type", trengo.Error{Method: "GET", Path: "/labels", Err: &json.UnmarshalTypeError{Value: "ann", Type: reflect.TypeFor[int64](), Field: "ann"}}, "trengo: GET /labels: the answer does not fit int64"},
		{"an error with a URL", trengo.Error{Method: "GET", Path: "/labels", Err: &url.Error{Op: "Get", URL: "https://app.trengo.com?term=ann", Err: io.EOF}}, "trengo: GET /labels: connection lost"},
		{"anything else", trengo.Error{Method: "GET", Path: "/labels", Err: personal}, "trengo: GET /labels: *errors.errorString"},
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

func TestError_byHand(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		err       error
		is        []string
		retryable bool
	}{
		{"nothing", nil, nil, false},
		{"a stranger", errors.New("disk full"), nil, false},
		{"the zero value: no answer", &trengo.Error{}, nil, true},
		{"not found", &trengo.Error{StatusCode: 404}, []string{"not found"}, false},
		{"unauthorized", &trengo.Error{StatusCode: 401}, []string{"unauthorized"}, true},
		{"forbidden", &trengo.Error{StatusCode: 403}, []string{"unauthorized"}, true},
		{"rate limited by Trengo", &trengo.Error{StatusCode: 429}, []string{"rate limited"}, true},
		{"rate limited by the client", &trengo.Error{Err: trengo.ErrRateLimited}, []string{"rate limited"}, true},
		{"unprocessable", &trengo.Error{StatusCode: 422}, []string{"unprocessable"}, false},
		{"outcome unknown", &trengo.Error{StatusCode: 404, OutcomeUnknown: true}, []string{"not found", "outcome unknown"}, true},
		{"an answer that cannot be read", &trengo.Error{StatusCode: 200}, nil, true},
		{"the last success", &trengo.Error{StatusCode: 299}, nil, true},
		{"a redirect", &trengo.Error{StatusCode: 300}, nil, false},
		{"a bad request", &trengo.Error{StatusCode: 400}, nil, false},
		{"a request that took too long", &trengo.Error{StatusCode: 408}, nil, true},
		{"an error of the server", &trengo.Error{StatusCode: 500}, nil, true},
		{"not implemented", &trengo.Error{StatusCode: 501}, nil, false},
		{"a bad gateway", &trengo.Error{StatusCode: 502}, nil, true},
		{"a sentinel alone", trengo.ErrOutcomeUnknown, []string{"outcome unknown"}, true},
		{"another sentinel alone", trengo.ErrNotFound, []string{"not found"}, false},
		{"a cancelled context", context.Canceled, []string{"canceled"}, true},
		{"a deadline, wrapped", fmt.Errorf("import: %w", context.DeadlineExceeded), []string{"deadline exceeded"}, true},
		{"not found though the context ended", &trengo.Error{StatusCode: 404, Err: context.Canceled}, []string{"canceled", "not found"}, false},
		{"an invalid event", trengo.ErrInvalidEvent, []string{"invalid event"}, false},
		{"a missing identifier", trengo.ErrMissingIdentifier, []string{"missing identifier"}, false},
		{"an unknown contact", trengo.ErrContactNotFound, []string{"contact not found"}, false},
		{"an ambiguous contact", &trengo.AmbiguousContactError{}, []string{"ambiguous contact"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, err := range []error{tt.err, fmt.Errorf("import: %w", tt.err), errors.Join(errors.New("disk full"), tt.err)} {
				if diff := cmp.Diff(tt.is, matching(err)); diff != "" {
					t.Errorf("%T: errors.Is (-want +got):\n%s", err, diff)
				}
				if got := trengo.Retryable(err); got != tt.retryable {
					t.Errorf("%T: retryable is %t, want %t", err, got, tt.retryable)
				}
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
			t.Errorf("%v is not found as what it is", err)
		}
	}
}
