package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// Of a transport that does not trace its connections only a failed dial is
// known not to have sent anything.
func TestTransportThatDoesNotTrace(t *testing.T) {
	errRead := &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNREFUSED}
	tests := []struct {
		name string
		err  error
		sent int // by a write that may not be repeated
	}{
		{"failed dial", errDial, 2},
		{"failed dial within another error", fmt.Errorf("proxy: %w", errDial), 2},
		{"reset", errReset, 1},
		{"another operation", errRead, 1},
		{"EOF", io.EOF, 1},
		{"unknown error", errors.New("unknown"), 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, repeatable := range []bool{true, false} {
					want := 2
					if !repeatable {
						want = tt.sent
					}
					server := &stub{answers: []answer{{err: tt.err, untraced: true}, {status: 200}}}
					_, err := newEngine(server).Do(t.Context(), newCall(http.MethodPost, repeatable))
					if f := failureOf(t, err); server.count() != want || (f != nil && f.OutcomeUnknown) != (want == 1) {
						t.Errorf("repeatable %t: %d attempts and %+v, want %d", repeatable, server.count(), f, want)
					}
				}
			})
		})
	}
}

func TestRetriesUsedUp(t *testing.T) {
	tests := []struct {
		name    string
		call    *Call
		answers []answer
		unknown bool
		limited bool
		status  int
	}{
		{"read", newCall(http.MethodGet, true), []answer{{status: 503}}, false, false, 503},
		{"write that may have acted", newCall(http.MethodPost, true), []answer{{status: 503}}, true, false, 503},
		{"write, the first attempt may have acted", newCall(http.MethodPut, true), []answer{{err: io.EOF}, {err: errDial, dial: true}}, true, false, 0},
		{"write that was never sent", newCall(http.MethodPost, false), []answer{{err: errDial, dial: true}}, false, false, 0},
		{"write that was always limited", newCall(http.MethodPost, false), []answer{{status: 429}}, false, true, 429},
		{"write that may have acted, then is limited", newCall(http.MethodPut, true), []answer{{status: 500}, {status: 429}}, true, true, 429},
		{"write that may have acted, then is refused for good", newCall(http.MethodPut, true), []answer{{status: 500}, {status: 404}}, false, false, 404},
		{"write that may have acted, then the token is refused", newCall(http.MethodPut, true), []answer{{status: 500}, {status: 401}}, true, false, 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, err := newEngine(&stub{answers: tt.answers}).Do(t.Context(), tt.call)
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
		{name: "more than five minutes, allowed", header: http.Header{"Retry-After": {"301"}}, maxWait: time.Hour, wait: 301 * time.Second},
		{name: "an age, with a bound of hours", header: http.Header{"Retry-After": {"2147483647"}}, maxWait: 2 * time.Hour},
		{name: "past the deadline", header: http.Header{"Retry-After": {"20"}}, deadline: 10 * time.Second},
		{name: "past the longest wait", header: http.Header{"Retry-After": {"20"}}, maxWait: 10 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &stub{answers: []answer{{status: 429, header: tt.header}, {status: 200}}}
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
				if took != 0 || f == nil || !f.RateLimited || f.RetryAfter < 10*time.Second || f.Response.StatusCode != 429 {
					t.Errorf("took %s with %+v, want a refusal at once", took, f)
				}
			})
		})
	}
}

func TestWaitsDoNotOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &stub{answers: []answer{{status: 429}}}
		_, _ = newEngine(server, func(o *Options) { o.MaxRetries = 100 }).Do(t.Context(), newCall(http.MethodGet, true))
		for i := 10; i < 100; i++ {
			if wait := server.sent[i+1].at.Sub(server.sent[i].at); wait != time.Minute {
				t.Errorf("attempt %d came %s after a 429 without a pause, want 1m", i+2, wait)
			}
		}
	})
}

// A program may have replaced the default transport, for instance to trace.
func TestNew_defaultTransportReplaced(t *testing.T) {
	before := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = before })
	http.DefaultTransport = &stub{}
	New(Options{Limit: 1, Timeout: time.Second})
}

func TestContextEnds(t *testing.T) {
	tests := []struct {
		name    string
		answers []answer
		call    *Call
		unknown bool
	}{
		{"before a read is answered", []answer{{status: 200, after: time.Hour}}, newCall(http.MethodGet, true), false},
		{"before a write is answered", []answer{{status: 200, after: time.Hour}}, newCall(http.MethodPut, true), true},
		{"between the attempts of a read", []answer{{status: 503, header: http.Header{"Retry-After": {"20"}}}}, newCall(http.MethodGet, true), false},
		{"between the attempts of a write", []answer{{status: 503, header: http.Header{"Retry-After": {"20"}}}}, newCall(http.MethodPut, true), true},
		{"behind the gate", []answer{{status: 429, header: http.Header{"Retry-After": {"20"}}}}, newCall(http.MethodPost, false), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(5*time.Second, cancel)
				began := time.Now()
				e := newEngine(&stub{answers: tt.answers})
				_, err := e.Do(ctx, tt.call)
				f := failureOf(t, err)
				if took := time.Since(began); took != 5*time.Second {
					t.Errorf("took %s, want 5s", took)
				}
				if !errors.Is(f.Cause, context.Canceled) || f.OutcomeUnknown != tt.unknown {
					t.Errorf("cause %v, unknown %t; want a cancelled context, %t", f.Cause, f.OutcomeUnknown, tt.unknown)
				}
				if n := len(e.limiter.slots.inFlight); n != 0 {
					t.Errorf("%d slots are still held", n)
				}
			})
		})
	}
}

func TestTokenSourceFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vault := errors.New("vault")
		server := &stub{answers: []answer{{status: 200}}}
		e := newEngine(server, func(o *Options) {
			o.Authorization = func(context.Context) (string, error) { return "", vault }
		})
		_, err := e.Do(t.Context(), newCall(http.MethodGet, true))
		if f := failureOf(t, err); !errors.Is(f.Cause, vault) || f.Attempts != 0 || server.count() != 0 {
			t.Errorf("failure %+v after %d requests", f, server.count())
		}
		if e.limiter.slots.free() != 120 {
			t.Errorf("%d slots are free, want all", e.limiter.slots.free())
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"20", "0", "-1", "1.5", " 5", "5, 10", "9223372036854775807", "Sat, 01 Jan 2000 00:00:20 GMT", "Saturday, 01-Jan-00 00:00:20 GMT", "946684820", ""} {
		f.Add(seed, seed, seed)
	}
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, after, reset, date string) {
		header := http.Header{"Retry-After": {after}, "X-Ratelimit-Reset": {reset}, "Date": {date}}
		wait, ok := parseRetryAfter(header, now)
		if wait < 0 || !ok && wait != 0 {
			t.Errorf("wait %s, %t", wait, ok)
		}
	})
}
