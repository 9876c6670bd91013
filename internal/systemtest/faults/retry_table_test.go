package faults

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// A ruling is what the table says of a call that met a failure.
type ruling int

const (
	retried    ruling = iota
	unknown           // not retried, and ErrOutcomeUnknown
	notRetried        // and the outcome is known
)

// A retryRow is a row of the table in the package documentation.
type retryRow struct {
	failure    string
	step       step
	repeatable ruling
	other      ruling
	mayAct     bool          // the attempt may have had its effect
	conclusive bool          // the response proves that no attempt had one
	inBody     bool          // a HEAD cannot meet it
	minWait    time.Duration // before the next attempt
	maxWait    time.Duration
}

const (
	cutBody  = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"id\":1"
	cutChunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{\"id\":1"
)

func retryRows() []retryRow {
	backoff := func(r retryRow) retryRow { r.maxWait = 2 * time.Second; return r }
	unsent := func(name string, s step) retryRow {
		return backoff(retryRow{failure: name, step: s, repeatable: retried, other: retried})
	}
	lost := func(name string, s step) retryRow {
		return backoff(retryRow{failure: name, step: s, repeatable: retried, other: unknown, mayAct: true})
	}
	inBody := func(r retryRow) retryRow { r.inBody = true; return r }
	limited := func(name string, pause time.Duration, header string) retryRow {
		return retryRow{failure: name, step: respond(429, header, ""), repeatable: retried, other: retried, minWait: pause, maxWait: 2 * pause}
	}
	final := func(status int, body string) retryRow {
		return retryRow{failure: strings.TrimSpace(fmt.Sprint(status, " ", body)), step: respond(status, "", body), repeatable: notRetried, other: notRetried}
	}
	conclusive := func(r retryRow) retryRow { r.conclusive = true; return r }
	redirect := func(status int) retryRow {
		step := respond(status, "Location: https://example.com/\r\n", "")
		return retryRow{failure: strconv.Itoa(status), step: step, repeatable: notRetried, other: unknown}
	}
	rows := []retryRow{
		unsent("no connection", step{noConnection: true}),
		unsent("TLS failure", step{noTLS: true}),
		limited("429 with a pause", 20*time.Second, "Retry-After: 20\r\n"),
		limited("429 without a pause", 15*time.Second, ""),
		lost("timeout", step{silent: true}),
		lost("EOF after the request", step{}),
		lost("reset after the request", step{reset: true}),
		lost("EOF within the header", step{response: "HTTP/1.1 200 OK\r\nContent-Le"}),
		lost("reset within the header", step{response: "HTTP/1.1 200 OK\r\nContent-Le", reset: true}),
		lost("not HTTP", step{response: "220 mail.example.com ESMTP\r\n"}),
		inBody(lost("cut body", step{response: cutBody})),
		inBody(lost("reset within the body", step{response: cutBody, reset: true})),
		inBody(lost("cut chunk", step{response: cutChunk})),
		inBody(lost("HTML instead of JSON", respond(200, "Content-Type: text/html\r\n", "<html></html>"))),
		inBody(lost("broken JSON", respond(201, "Content-Type: application/json\r\n", `{"id":`))),
	}
	for _, status := range []int{101, 408, 500, 502, 503, 504, 600} {
		rows = append(rows, lost(strconv.Itoa(status), respond(status, "", "")))
	}
	for _, status := range []int{400, 404, 405, 409, 422} {
		rows = append(rows, conclusive(final(status, "")), conclusive(final(status, `{"message":"No."}`)))
		page := final(status, "<html></html>")
		page.inBody = true
		rows = append(rows, page)
	}
	for _, cut := range []string{"", `{"message":`} {
		page := final(404, "")
		page.failure, page.inBody = "404 with a cut body "+cut, true
		page.step = step{response: "HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\n" + cut}
		rows = append(rows, page)
	}
	for _, status := range []int{401, 403, 407, 421, 425, 501} {
		rows = append(rows, final(status, ""), final(status, `{"message":"No."}`))
	}
	for _, status := range []int{300, 301, 302, 303, 304, 307, 308} {
		rows = append(rows, redirect(status))
	}
	return rows
}

// respond returns a step with a complete response.
func respond(status int, header, body string) step {
	return step{response: fmt.Sprintf("HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Length: %d\r\n%s\r\n%s",
		status, http.StatusText(status), len(body), header, body)}
}

// TestRetryTable sends every kind of call into every kind of failure, through
// net/http's own transport: as the first attempt, as a later one, and as the
// last that the retries allow.
func TestRetryTable(t *testing.T) {
	t.Parallel()
	calls := []trengo.Request{
		{},
		{Method: http.MethodGet},
		{Method: http.MethodHead},
		{Method: http.MethodPut},
		{Method: http.MethodDelete},
		{Method: http.MethodPatch, Repeatable: true},
		{Method: http.MethodPatch},
		{Method: http.MethodPost, Repeatable: true},
		{Method: http.MethodPost},
	}
	unsent, outage := step{noConnection: true}, respond(503, "", "")
	positions := []struct {
		name   string
		before []step
		last   bool // no retries are left
		mayAct bool // an earlier attempt may have had its effect
	}{
		{name: "first attempt"},
		{name: "first and last attempt", last: true},
		{name: "second attempt", before: []step{unsent}},
		{name: "third and last attempt", before: []step{unsent, unsent}, last: true},
		{name: "second attempt after one that may have acted", before: []step{outage}, mayAct: true},
		{name: "third and last attempt after one that may have acted", before: []step{outage, unsent}, last: true, mayAct: true},
	}
	for _, row := range retryRows() {
		t.Run(row.failure, func(t *testing.T) {
			t.Parallel()
			for _, call := range calls {
				call.Path = "/labels"
				if !isRead(call.Method) {
					call.Body = map[string]string{"name": "Urgent"}
				}
				if row.inBody && call.Method == http.MethodHead {
					continue
				}
				repeatable := call.Repeatable || call.Method != http.MethodPost && call.Method != http.MethodPatch
				for _, position := range positions {
					if position.mayAct && !repeatable {
						continue
					}
					c := retryCase{
						row: row, call: call, before: position.before, last: position.last,
						mayActBefore: position.mayAct, ruling: row.other,
					}
					if repeatable {
						c.ruling = row.repeatable
					}
					c.name = fmt.Sprintf("%s %s, repeatable %t, %s", call.Method, row.failure, repeatable, position.name)
					synctest.Test(t, c.run)
				}
			}
		})
	}
}

func isRead(method string) bool {
	return method == "" || method == http.MethodGet || method == http.MethodHead
}

// A retryCase is one cell of the table.
type retryCase struct {
	name         string
	row          retryRow
	call         trengo.Request
	before       []step
	last         bool
	mayActBefore bool
	ruling       ruling
}

// script returns what happens to the attempts. The one after the failure would
// succeed.
func (c retryCase) script() []step {
	success := respond(200, "Content-Type: application/json\r\n", "{}")
	return append(slices.Clone(c.before), c.row.step, success)
}

func (c retryCase) run(t *testing.T) {
	conns := newScriptedConns(c.script()...)
	opts := []trengo.Option{}
	if c.last {
		opts = append(opts, trengo.WithMaxRetries(len(c.before)))
	}
	err := fixtures.NewClient(t, conns.transport(), opts...).Do(t.Context(), c.call, nil)
	attempts := conns.arrivals()
	want := len(c.before) + 1
	retry := c.ruling == retried && !c.last
	if retry {
		want++
	}
	if len(attempts) != want {
		t.Fatalf("%s: %d attempts, want %d; error %v", c.name, len(attempts), want, err)
	}
	c.checkAttempts(t, attempts)
	if retry {
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if wait := c.wait(attempts); wait < c.row.minWait || wait > c.row.maxWait<<len(c.before) {
			t.Errorf("%s: the next attempt came after %s", c.name, wait)
		}
		return
	}
	wantUnknown := c.ruling == unknown || !isRead(c.call.Method) && (c.row.mayAct || c.mayActBefore && !c.row.conclusive)
	if got := errors.Is(err, trengo.ErrOutcomeUnknown); got != wantUnknown || err == nil {
		t.Errorf("%s: error %v, want an unknown outcome: %t", c.name, err, wantUnknown)
	}
	if got := fixtures.ErrorOf(t, err).Attempts; got != want {
		t.Errorf("%s: the error counts %d attempts, want %d", c.name, got, want)
	}
}

// wait returns the time between the failure and the next attempt.
func (c retryCase) wait(attempts []arrival) time.Duration {
	wait := attempts[len(c.before)+1].at.Sub(attempts[len(c.before)].at)
	if c.row.step.silent {
		wait -= trengo.DefaultTimeout
	}
	return wait
}

func (c retryCase) checkAttempts(t *testing.T, attempts []arrival) {
	t.Helper()
	method, body := c.call.Method, ""
	if method == "" {
		method = http.MethodGet
	}
	if c.call.Body != nil {
		body = `{"name":"Urgent"}`
	}
	for i, a := range attempts {
		s := c.script()[i]
		if s.noConnection || s.noTLS {
			continue
		}
		if a.method != method || a.body != body || a.token != "Bearer "+trengotest.Token {
			t.Errorf("%s: attempt %d arrived as %s with the body %q and the token %q", c.name, i+1, a.method, a.body, a.token)
		}
	}
}
