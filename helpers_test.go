package trengo_test

import (
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// newClient returns a client whose requests go to srv.
func newClient(tb testing.TB, srv *trengotest.Server, opts ...trengo.Option) *trengo.Client {
	tb.Helper()
	return newClientOn(tb, srv, opts...)
}

// newClientOn returns a client whose requests go to rt, for answers that no
// [trengotest.Server] gives.
func newClientOn(tb testing.TB, rt http.RoundTripper, opts ...trengo.Option) *trengo.Client {
	tb.Helper()
	first := trengo.WithHTTPClient(&http.Client{Transport: rt})
	client, err := trengo.NewClient(trengotest.Token, append([]trengo.Option{first}, opts...)...)
	if err != nil {
		tb.Fatal(err)
	}
	return client
}

// collect reads a sequence to its end and joins the errors in it.
func collect[T any](seq iter.Seq2[T, error]) (all []T, err error) {
	for v, e := range seq {
		if e != nil {
			err = errors.Join(err, e)
			continue
		}
		all = append(all, v)
	}
	return all, err
}

// errorOf returns the *trengo.Error that err must be.
func errorOf(tb testing.TB, err error) *trengo.Error {
	tb.Helper()
	var failed *trengo.Error
	if !errors.As(err, &failed) {
		tb.Fatalf("error is %v (%T), want a *trengo.Error", err, err)
	}
	return failed
}

// roundTripper is an http.RoundTripper that reports its connections, as
// net/http's own transport does.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil {
		trace.GetConn(r.URL.Host)
		trace.GotConn(httptrace.GotConnInfo{})
	}
	return f(r)
}

// respond returns a transport that answers every request alike. Headers come
// as names and values in turn.
func respond(status int, body string, header ...string) roundTripper {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{
			StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r,
		}, nil
	}
}

// methodsAndPaths is what srv was asked for, such as "GET /contacts/5".
func methodsAndPaths(srv *trengotest.Server) []string {
	var all []string
	for _, r := range srv.Requests() {
		all = append(all, r.Method+" "+r.Path)
	}
	return all
}
