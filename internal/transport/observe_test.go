package transport

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestObservedTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &stub{responses: []canned{
			{status: 503, after: 2 * time.Second, header: http.Header{headerRetryAfter: {"20"}}},
			{status: 200, after: 3 * time.Second},
		}}
		var seen []Attempt
		e := newEngine(server, func(o *Options) { o.Observer = func(_ context.Context, a Attempt) { seen = append(seen, a) } })
		in := newCall(http.MethodGet, true)
		in.Accept = func(*Response) error { time.Sleep(5 * time.Second); return nil }
		if _, err := e.Do(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		want := []Attempt{
			{Method: "GET", Route: "/tickets", StatusCode: 503, Number: 1, Elapsed: 2 * time.Second, Class: ClassServerError},
			{Method: "GET", Route: "/tickets", StatusCode: 200, Number: 2, Waited: 20 * time.Second, Elapsed: 3 * time.Second},
		}
		if !slices.Equal(seen, want) {
			t.Errorf("observed %+v, want %+v", seen, want)
		}
	})
}

// The caller's code may send requests of its own with the context that it is
// called with. They do not count as requests of the attempt.
func TestContextOfTheCallersCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, "value"), time.Minute)
		defer cancel()
		deadline, _ := ctx.Deadline()
		calls := 0
		check := func(got context.Context) {
			calls++
			if at, ok := got.Deadline(); !ok || !at.Equal(deadline) || got.Value(key{}) != "value" {
				t.Errorf("deadline %v and value %v, want those of the caller's context", at, got.Value(key{}))
			}
			if httptrace.ContextClientTrace(got) != nil {
				t.Error("the context is traced")
			}
		}
		e := newEngine(&stub{responses: []canned{{status: 503}, {status: 200}}}, func(o *Options) {
			o.Observer = func(ctx context.Context, _ Attempt) { check(ctx) }
			o.Authorization = func(ctx context.Context) (string, error) { check(ctx); return "token", nil }
		})
		if _, err := e.Do(ctx, newCall(http.MethodGet, true)); err != nil {
			t.Fatal(failureOf(t, err))
		}
		if calls != 4 {
			t.Errorf("%d calls of the caller's code, want 4", calls)
		}
	})
}

func TestClassOf(t *testing.T) {
	tests := []struct {
		result outcome
		cause  error
		want   AttemptClass
	}{
		{outcomeAccepted, nil, ""},
		{outcomeNotSent, errDial, "no_connection"},
		{outcomeNotSent, context.Canceled, "canceled"},
		{outcomeRateLimited, nil, "rate_limited"},
		{outcomeLost, errReset, "connection_lost"},
		{outcomeLost, context.DeadlineExceeded, "timeout"},
		{outcomeLost, context.Canceled, "canceled"},
		{outcomeServerError, nil, "server_error"},
		{outcomeUnreadable, io.ErrUnexpectedEOF, "unreadable"},
		{outcomeRefused, nil, "refused"},
	}
	for _, tt := range tests {
		if got := classOf(tt.result, tt.cause); got != tt.want {
			t.Errorf("outcome %d because of %v: class %q, want %q", tt.result, tt.cause, got, tt.want)
		}
	}
}

func TestClassOfACanceledAttempt(t *testing.T) {
	errGone := errors.New("the caller has gone")
	places := map[string]roundTripper{
		"before there is a connection": func(r *http.Request) (*http.Response, error) {
			httptrace.ContextClientTrace(r.Context()).GetConn("app.trengo.com:443")
			_, err := untilCanceled{r.Context()}.Read(nil)
			return nil, err
		},
		"before the response": func(r *http.Request) (*http.Response, error) {
			_, err := untilCanceled{r.Context()}.Read(nil)
			return nil, err
		},
		"within the body": func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(untilCanceled{r.Context()})}, nil
		},
	}
	for name, transport := range places {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Second, func() { cancel(errGone) })
				var class AttemptClass
				e := newEngine(transport, func(o *Options) { o.Observer = func(_ context.Context, a Attempt) { class = a.Class } })
				_, err := e.Do(ctx, newCall(http.MethodGet, true))
				f := failureOf(t, err)
				if class != ClassCanceled || !errors.Is(f.Cause, context.Canceled) || !errors.Is(f.Cause, errGone) {
					t.Errorf("class %q with the cause %v", class, f.Cause)
				}
			})
		})
	}
}

// untilCanceled is a body that fails with the cause of its context, like those
// of net/http.
type untilCanceled struct{ ctx context.Context }

func (r untilCanceled) Read([]byte) (int, error) {
	<-r.ctx.Done()
	return 0, context.Cause(r.ctx)
}

func TestSilentLoggerCostsNothing(t *testing.T) {
	c := &call{req: newCall(http.MethodGet, true), engine: newEngine(&stub{}, func(o *Options) {
		o.Logger = slog.New(slog.DiscardHandler)
	})}
	if n := testing.AllocsPerRun(100, func() { c.endAttempt(t.Context(), outcomeRefused, nil, time.Second) }); n != 0 {
		t.Errorf("%v allocations for a line that is not logged", n)
	}
}
