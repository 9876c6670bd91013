package transport

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
)

// If a transport does not report its connections, only a failed dial is sure
// not to have sent anything.
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
					server := &stub{responses: []canned{{err: tt.err, untraced: true}, {status: 200}}}
					_, err := newEngine(server).Do(t.Context(), newCall(http.MethodPost, repeatable))
					if f := failureOf(t, err); server.count() != want || (f != nil && f.OutcomeUnknown) != (want == 1) {
						t.Errorf("repeatable %t: %d attempts and %+v, want %d", repeatable, server.count(), f, want)
					}
				}
			})
		})
	}
}

// http.Client lets a transport leave out an empty body, and fails if the
// response states a length. So does the engine, without a panic.
func TestResponsesWithoutABody(t *testing.T) {
	tests := []struct {
		name   string
		method string
		resp   *http.Response
		fails  string // the end of the cause; empty means a response
	}{
		{"no body", http.MethodPost, &http.Response{StatusCode: http.StatusNoContent}, ""},
		{"no body for its length", http.MethodPost, &http.Response{StatusCode: http.StatusOK, ContentLength: 5}, "a response of 5 bytes without a body"},
		{"no body for the length of a HEAD", http.MethodHead, &http.Response{StatusCode: http.StatusOK, ContentLength: 5}, ""},
		{"nothing", http.MethodPost, nil, "neither a response nor an error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent := 0
				transport := roundTripper(func(*http.Request) (*http.Response, error) { sent++; return tt.resp, nil })
				got, err := newEngine(transport).Do(t.Context(), newCall(tt.method, false))
				if sent != 1 {
					t.Errorf("%d requests, want 1", sent)
				}
				if f := failureOf(t, err); tt.fails != "" {
					if f == nil || !f.OutcomeUnknown || !strings.HasSuffix(fmt.Sprint(f.Cause), tt.fails) {
						t.Errorf("failure %+v, want an unknown outcome because of %q", f, tt.fails)
					}
					return
				}
				if err != nil || len(got.Body) != 0 {
					t.Errorf("response %+v, %v", got, err)
				}
			})
		})
	}
}
