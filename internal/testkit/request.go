package testkit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"testing"

	"github.com/trengo-go/trengo/trengotest"
)

// RoundTripperFunc is an [http.RoundTripper] that reports connections to
// [httptrace], as net/http's own transport does. The client tells by them
// whether a request may have reached Trengo.
type RoundTripperFunc func(*http.Request) (*http.Response, error)

// RoundTrip calls f.
func (f RoundTripperFunc) RoundTrip(r *http.Request) (*http.Response, error) {
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil {
		trace.GetConn(r.URL.Host)
		trace.GotConn(httptrace.GotConnInfo{})
	}
	return f(r)
}

// Respond returns a transport that gives the same response to every request.
// Headers are names and values in turn.
func Respond(status int, body string, header ...string) RoundTripperFunc {
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

// RequestLine returns a request as text: "PUT /contacts/5?page=1 {"name":"Ann"}".
// The query and the keys of a JSON body are sorted; any other body is quoted.
func RequestLine(method, path string, query url.Values, body []byte) string {
	line := method + " " + path
	if len(query) > 0 {
		line += "?" + query.Encode()
	}
	if len(body) > 0 {
		line += " " + sortedJSON(body)
	}
	return line
}

func sortedJSON(data []byte) string {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return fmt.Sprintf("%q", data)
	}
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Sprintf("%q", data)
	}
	return strings.TrimSpace(b.String())
}

// RequestLines returns the requests that srv received, in the form of
// [RequestLine].
func RequestLines(srv *trengotest.Server) []string {
	var lines []string
	for _, r := range srv.Requests() {
		lines = append(lines, RequestLine(r.Method, r.Path, r.Query, r.Body))
	}
	return lines
}

// MethodsAndPaths returns the requests that srv received without their queries
// and bodies: "GET /contacts/5".
func MethodsAndPaths(srv *trengotest.Server) []string {
	var all []string
	for _, r := range srv.Requests() {
		all = append(all, r.Method+" "+r.Path)
	}
	return all
}

// CountStatus returns how many requests srv responded to with that status.
func CountStatus(srv *trengotest.Server, status int) (n int) {
	for _, r := range srv.Requests() {
		if r.Status == status {
			n++
		}
	}
	return n
}

// LastRequest returns the last request that srv received, with its body as it
// was sent: `PUT /contacts/5 {"name":"Ann"}`. It fails the test if there is none
// or if it has a query.
func LastRequest(tb testing.TB, srv *trengotest.Server) string {
	tb.Helper()
	all := srv.Requests()
	if len(all) == 0 {
		tb.Fatal("no request")
	}
	last := all[len(all)-1]
	line := last.Method + " " + last.Path
	if len(last.Body) > 0 {
		line += " " + string(last.Body)
	}
	if len(last.Query) > 0 {
		tb.Errorf("the request has the query %v", last.Query)
	}
	return line
}

// IsTicketCreation reports whether r creates a ticket.
func IsTicketCreation(r trengotest.Request) bool {
	return r.Method == http.MethodPost && r.Path == "/tickets"
}
