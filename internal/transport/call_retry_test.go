package transport

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestRetriesUsedUp(t *testing.T) {
	tests := []struct {
		name      string
		call      *Call
		responses []canned
		unknown   bool
		limited   bool
		status    int
	}{
		{"read", newCall(http.MethodGet, true), []canned{{status: 503}}, false, false, 503},
		{"write that may have acted", newCall(http.MethodPost, true), []canned{{status: 503}}, true, false, 503},
		{"write, the first attempt may have acted", newCall(http.MethodPut, true), []canned{{err: io.EOF}, {err: errDial, dial: true}}, true, false, 0},
		{"write that was never sent", newCall(http.MethodPost, false), []canned{{err: errDial, dial: true}}, false, false, 0},
		{"write that always got a 429", newCall(http.MethodPost, false), []canned{{status: 429}}, false, true, 429},
		{"write that may have acted, then a 429", newCall(http.MethodPut, true), []canned{{status: 500}, {status: 429}}, true, true, 429},
		{"write that may have acted, then a 404", newCall(http.MethodPut, true), []canned{{status: 500}, {status: 404}}, false, false, 404},
		{"write that may have acted, then a 401", newCall(http.MethodPut, true), []canned{{status: 500}, {status: 401}}, true, false, 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, err := newEngine(&stub{responses: tt.responses}).Do(t.Context(), tt.call)
				f := failureOf(t, err)
				if f == nil {
					t.Fatal("no failure")
				}
				status := 0
				if f.Response != nil {
					status = f.Response.StatusCode
				}
				if f.OutcomeUnknown != tt.unknown || f.RateLimited != tt.limited || status != tt.status {
					t.Errorf("unknown %t, limited %t, status %d; want %t, %t, %d",
						f.OutcomeUnknown, f.RateLimited, status, tt.unknown, tt.limited, tt.status)
				}
			})
		})
	}
}

// An attempt with a replaced token does not count as a retry: retries are for
// failures of the server.
func TestReplacedTokenIsNotARetry(t *testing.T) {
	for _, retries := range []int{0, 1, 2} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			synctest.Test(t, func(t *testing.T) {
				responses := []canned{{status: 401}}
				responses = append(responses, slices.Repeat([]canned{{err: errDial, dial: true}}, retries)...)
				server := &stub{responses: append(responses, canned{status: 200})}
				asked := 0
				e := newEngine(server, func(o *Options) {
					o.MaxRetries = retries
					o.Authorization = func(context.Context) (string, error) { asked++; return fmt.Sprint("token ", min(asked, 2)), nil }
				})
				_, err := e.Do(t.Context(), newCall(method, false))
				if err != nil || server.count() != retries+2 {
					t.Errorf("%s, %d retries: %+v after %d requests, want a response after %d", method, retries, failureOf(t, err), server.count(), retries+2)
				}
				if last := server.sent[len(server.sent)-1]; last.authorization != "token 2" {
					t.Errorf("the last attempt was sent with %q", last.authorization)
				}
			})
		}
	}
}

// A refused token is replaced at once, but the attempt with the new one needs
// room, too.
func TestReplacedTokenNeedsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := false
		e := newEngine(&stub{responses: []canned{{status: 401}, {status: 200}}}, func(o *Options) {
			o.Limit, o.MaxWait = 1, time.Second
			o.Authorization = func(context.Context) (string, error) {
				if asked {
					return "new", nil
				}
				asked = true
				return "old", nil
			}
		})
		began := time.Now()
		_, err := e.Do(t.Context(), newCall(http.MethodGet, true))
		f := failureOf(t, err)
		if f == nil || time.Since(began) != 0 || !f.RateLimited || f.RetryAfter != window || f.Response.StatusCode != http.StatusUnauthorized {
			t.Errorf("after %s: %+v", time.Since(began), f)
		}
	})
}

// A call does not wait for a retry that could not be sent in time.
func TestWaitIsSkippedWithoutRoomAfterIt(t *testing.T) {
	const (
		second = time.Second
		slow   = 5 * time.Second
	)
	closed := canned{status: 429, header: pauseOf("200")}
	fail := func(status int, pause string) canned {
		return canned{status: status, header: pauseOf(pause), after: slow}
	}
	fine := canned{status: 200, after: slow}
	tests := []struct {
		name     string
		before   []canned // to other calls
		first    canned
		deadline time.Duration
		maxWait  time.Duration
		limit    int
		took     time.Duration
		sent     int // by the call
		limited  bool
		after    time.Duration // the Failure's RetryAfter
	}{
		{name: "the wait leaves too little time for the response", first: fail(503, "40"), deadline: 47 * second, took: slow, sent: 1, after: 40 * second},
		{name: "the wait leaves just enough time", first: fail(503, "40"), deadline: 50*second + slack, took: 50 * second, sent: 2},
		{name: "the wait is past the deadline", first: fail(503, "40"), deadline: 20 * second, took: slow, sent: 1, after: 40 * second},
		{name: "the wait is longer than MaxWait", first: fail(503, "40"), maxWait: 39 * second, took: slow, sent: 1, after: 40 * second},
		{name: "the wait is as long as MaxWait", first: fail(503, "40"), maxWait: 40 * second, took: 50 * second, sent: 2},
		{name: "the gate leaves too little time for the response", first: fail(429, "40"), deadline: 47 * second, took: slow, sent: 1, limited: true, after: 40 * second},
		{name: "the gate leaves just enough time", first: fail(429, "40"), deadline: 50*second + slack, took: 50 * second, sent: 2},
		{name: "the gate of another call opens after the deadline", before: []canned{closed}, first: fail(503, "20"), deadline: 60 * second, took: slow, sent: 1, limited: true, after: 195 * second},
		{name: "the gate of another call opens after the deadline, and the wait is even longer", before: []canned{closed}, first: fail(503, "250"), deadline: 60 * second, took: slow, sent: 1, limited: true, after: 250 * second},
		{name: "the gate of another call opens after MaxWait", before: []canned{closed}, first: fail(503, "20"), maxWait: 60 * second, took: slow, sent: 1, limited: true, after: 195 * second},
		{name: "the gate of another call opens during the wait", before: []canned{{status: 429, header: pauseOf("9")}}, first: fail(503, "20"), maxWait: 60 * second, took: 30 * second, sent: 2},
		{name: "no slot becomes free in time", limit: 1, first: fail(503, "20"), deadline: 60 * second, took: slow, sent: 1, limited: true, after: 60 * second},
		{name: "a slot becomes free in time", limit: 1, first: fail(503, "20"), deadline: 80 * second, took: slow + window + slow, sent: 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &stub{responses: append([]canned{tt.first}, append(tt.before, fine)...)}
				e := newEngine(server, func(o *Options) {
					o.MaxWait = tt.maxWait
					if tt.limit > 0 {
						o.Limit = tt.limit
					}
				})
				ctx := t.Context()
				if tt.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.deadline)
					defer cancel()
				}
				others := len(tt.before)
				if others > 0 {
					// They start after the call and get their responses before it.
					time.AfterFunc(time.Nanosecond, func() {
						short, cancel := context.WithTimeout(t.Context(), second)
						defer cancel()
						_, _ = e.Do(short, newCall(http.MethodPost, false))
					})
				}
				began := time.Now()
				_, err := e.Do(ctx, newCall(http.MethodPut, true))
				if took := time.Since(began).Round(10 * time.Millisecond); took != tt.took || server.count() != tt.sent+others {
					t.Errorf("took %s and %d requests, want %s and %d", took, server.count()-others, tt.took, tt.sent)
				}
				f := failureOf(t, err)
				if f == nil {
					if tt.after > 0 {
						t.Error("no failure")
					}
					return
				}
				if f.RateLimited != tt.limited || f.RetryAfter.Round(second) != tt.after || f.OutcomeUnknown != (tt.first.status == 503) {
					t.Errorf("failure %+v, want one with RateLimited %t and RetryAfter %s", f, tt.limited, tt.after)
				}
			})
		})
	}
}

func TestPauseAfter429(t *testing.T) {
	tests := []struct {
		name     string
		header   http.Header
		deadline time.Duration // 0: none
		maxWait  time.Duration
		wait     time.Duration // until the second attempt; 0: there is none
	}{
		{name: "seconds", header: http.Header{"Retry-After": {"20"}}, wait: 20 * time.Second},
		{name: "date", header: http.Header{"Retry-After": {"Sat, 01 Jan 2000 00:00:20 GMT"}}, wait: 20 * time.Second},
		{name: "date by the server's own clock", header: http.Header{"Retry-After": {"Wed, 01 Jan 2025 00:00:20 GMT"}, "Date": {"Wed, 01 Jan 2025 00:00:00 GMT"}}, wait: 20 * time.Second},
		{name: "reset in seconds", header: http.Header{"X-Ratelimit-Reset": {"20"}}, wait: 20 * time.Second},
		{name: "reset as a Unix time", header: http.Header{"X-Ratelimit-Reset": {"946684820"}}, wait: 20 * time.Second},
		{name: "zero", header: http.Header{"Retry-After": {"0"}}, wait: time.Second},
		{name: "nothing", wait: 15 * time.Second},
		{name: "overflow", header: http.Header{"Retry-After": {"9223372036854775807"}}, wait: 15 * time.Second},
		{name: "negative", header: http.Header{"Retry-After": {"-5"}}, wait: 15 * time.Second},
		{name: "far reset", header: http.Header{"X-Ratelimit-Reset": {"946688400"}}, wait: 15 * time.Second},
		{name: "five minutes", header: http.Header{"Retry-After": {"300"}}, wait: 5 * time.Minute},
		{name: "more than five minutes", header: http.Header{"Retry-After": {"301"}}},
		{name: "more than five minutes, within MaxWait", header: http.Header{"Retry-After": {"301"}}, maxWait: time.Hour, wait: 301 * time.Second},
		{name: "68 years, with a MaxWait of hours", header: http.Header{"Retry-After": {"2147483647"}}, maxWait: 2 * time.Hour},
		{name: "past the deadline", header: http.Header{"Retry-After": {"20"}}, deadline: 10 * time.Second},
		{name: "longer than MaxWait", header: http.Header{"Retry-After": {"20"}}, maxWait: 10 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &stub{responses: []canned{{status: 429, header: tt.header}, {status: 200}}}
				e := newEngine(server, func(o *Options) { o.MaxWait = tt.maxWait })
				ctx := t.Context()
				if tt.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.deadline)
					defer cancel()
				}
				began := time.Now()
				_, err := e.Do(ctx, newCall(http.MethodPost, false))
				took := time.Since(began)
				if tt.wait > 0 {
					if err != nil || took != tt.wait {
						t.Errorf("took %s with %v, want %s", took, err, tt.wait)
					}
					return
				}
				f := failureOf(t, err)
				if took != 0 || f == nil || !f.RateLimited || f.RetryAfter < 10*time.Second || f.Response.StatusCode != http.StatusTooManyRequests {
					t.Errorf("took %s with %+v, want no room at once", took, f)
				}
			})
		})
	}
}

// Which header asks for a pause depends on the status.
func TestRetryAfterByStatus(t *testing.T) {
	reset := http.Header{headerReset: {"55"}}
	both := http.Header{headerReset: {"55"}, headerRetryAfter: {"20"}}
	dated := http.Header{headerRetryAfter: {"Wed, 01 Jan 2025 00:00:20 GMT"}, "Date": {"Wed, 01 Jan 2025 00:00:00 GMT"}}
	tests := []struct {
		status int
		header http.Header
		want   time.Duration
	}{
		{429, reset, 55 * time.Second},
		{429, both, 20 * time.Second},
		{500, reset, 0},
		{500, both, 20 * time.Second},
		{502, dated, 20 * time.Second},
		{503, reset, 0},
		{503, pauseOf("2147483647"), time.Hour},
		{503, pauseOf("Fri, 31 Dec 9999 23:59:59 GMT"), time.Hour},
		{501, both, 20 * time.Second},
		{404, both, 0},
		{422, reset, 0},
		{400, both, 0},
		{301, both, 0},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			server := &stub{responses: []canned{{status: tt.status, header: tt.header}}}
			e := newEngine(server, func(o *Options) { o.MaxRetries = 0 })
			_, err := e.Do(t.Context(), newCall(http.MethodGet, true))
			if f := failureOf(t, err); f.RetryAfter != tt.want {
				t.Errorf("%d with %v: RetryAfter %s, want %s", tt.status, tt.header, f.RetryAfter, tt.want)
			}
		})
	}
}

// A 502 of a proxy in front of the API has the rate-limit header, too.
func TestResetDoesNotDelayARetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &stub{responses: []canned{{status: 502, header: http.Header{headerReset: {"55"}}}, {status: 200}}}
		began := time.Now()
		_, err := newEngine(server).Do(t.Context(), newCall(http.MethodGet, true))
		if took := time.Since(began); err != nil || took > firstBackoff {
			t.Errorf("took %s with %v", took, err)
		}
	})
}

func TestWaitsDoNotOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &stub{responses: []canned{{status: 429}}}
		_, _ = newEngine(server, func(o *Options) { o.MaxRetries = 100 }).Do(t.Context(), newCall(http.MethodGet, true))
		for i := 10; i < 100; i++ {
			if wait := server.sent[i+1].at.Sub(server.sent[i].at); wait != time.Minute {
				t.Errorf("attempt %d was sent %s after a 429 that states no pause, want 1m", i+2, wait)
			}
		}
	})
}

func TestBackoffGrows(t *testing.T) {
	const samples = 200
	longest := make([]time.Duration, 8)
	var sum time.Duration
	for range samples {
		synctest.Test(t, func(t *testing.T) {
			server := &stub{responses: []canned{{err: errDial, dial: true}}}
			_, _ = newEngine(server, func(o *Options) { o.MaxRetries = len(longest) }).Do(t.Context(), newCall(http.MethodGet, true))
			for i := range longest {
				wait := server.sent[i+1].at.Sub(server.sent[i].at)
				longest[i] = max(longest[i], wait)
				sum += wait
			}
		})
	}
	seconds := []float64{1, 2, 4, 8, 16, 30, 30, 30}
	var mean time.Duration
	for i, s := range seconds {
		bound := time.Duration(s * float64(time.Second))
		mean += bound / 2
		if longest[i] > bound || longest[i] < bound*9/10 {
			t.Errorf("the longest of %d waits before retry %d is %s, want nearly %s", samples, i+1, longest[i], bound)
		}
	}
	// Without full jitter, all would be longer or alike.
	if got := sum / samples; got < mean*9/10 || got > mean*11/10 {
		t.Errorf("%d retries wait %s on average, want about %s", len(seconds), got, mean)
	}
}
