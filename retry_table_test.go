package trengo_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// What the table says of a call that met a failure.
type ruling int

const (
	again   ruling = iota // it is sent again
	unknown               // it is not, and nobody knows whether it acted
	no                    // it is not
)

// A retryRow is a row of the table in the package documentation.
type retryRow struct {
	failure    string
	event      event
	repeatable ruling
	other      ruling
	acted      bool          // the attempt may have had its effect
	conclusive bool          // the answer says that no attempt had one
	inBody     bool          // a HEAD cannot meet it
	least      time.Duration // before the next attempt
	most       time.Duration
}

const (
	lostInBody  = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"id\":1"
	lostInChunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{\"id\":1"
)

func retryRows() []retryRow {
	backoff := func(r retryRow) retryRow { r.most = 2 * time.Second; return r }
	unsent := func(name string, e event) retryRow {
		return backoff(retryRow{failure: name, event: e, repeatable: again, other: again})
	}
	lost := func(name string, e event) retryRow {
		return backoff(retryRow{failure: name, event: e, repeatable: again, other: unknown, acted: true})
	}
	inBody := func(r retryRow) retryRow { r.inBody = true; return r }
	limited := func(name string, pause time.Duration, header string) retryRow {
		return retryRow{failure: name, event: wholeAnswer(429, header, ""), repeatable: again, other: again, least: pause, most: 2 * pause}
	}
	final := func(status int, header string) retryRow {
		return retryRow{failure: strconv.Itoa(status), event: wholeAnswer(status, header, ""), repeatable: no, other: no, conclusive: status >= 400 && status < 500 && status != 401 && status != 403 && status != 408}
	}
	rows := []retryRow{
		unsent("no connection", event{noConnection: true}),
		unsent("TLS failure", event{noTLS: true}),
		limited("429 with a pause", 20*time.Second, "Retry-After: 20\r\n"),
		limited("429 without a pause", 15*time.Second, ""),
		lost("timeout", event{silent: true}),
		lost("EOF after the request", event{}),
		lost("reset after the request", event{reset: true}),
		lost("EOF within the header", event{answer: "HTTP/1.1 200 OK\r\nContent-Le"}),
		lost("reset within the header", event{answer: "HTTP/1.1 200 OK\r\nContent-Le", reset: true}),
		lost("no HTTP", event{answer: "220 mail.example.com ESMTP\r\n"}),
		inBody(lost("cut body", event{answer: lostInBody})),
		inBody(lost("reset within the body", event{answer: lostInBody, reset: true})),
		inBody(lost("cut chunk", event{answer: lostInChunk})),
		inBody(lost("a page instead of JSON", wholeAnswer(200, "Content-Type: text/html\r\n", "<html></html>"))),
		inBody(lost("broken JSON", wholeAnswer(201, "Content-Type: application/json\r\n", `{"id":`))),
	}
	for _, status := range []int{500, 502, 503, 504} {
		rows = append(rows, lost(strconv.Itoa(status), wholeAnswer(status, "", "")))
	}
	for _, status := range []int{501, 400, 401, 403, 404, 408, 409, 422} {
		rows = append(rows, final(status, ""))
	}
	for _, status := range []int{301, 302, 303, 307, 308} {
		rows = append(rows, final(status, "Location: https://example.com/\r\n"))
	}
	return rows
}

// wholeAnswer is a whole answer, after which the server hangs up.
func wholeAnswer(status int, header, body string) event {
	return event{answer: fmt.Sprintf("HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Length: %d\r\n%s\r\n%s",
		status, http.StatusText(status), len(body), header, body)}
}

// TestRetryTable sends every kind of call into every kind of failure, through
// net/http's own transport: as the first attempt, as a later one, and as the
// last for which there are retries.
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
	unsent, outage := event{noConnection: true}, wholeAnswer(503, "", "")
	places := []struct {
		name    string
		before  []event
		last    bool // there are no retries left
		perhaps bool // an attempt before may have had its effect
	}{
		{name: "first attempt"},
		{name: "first and last attempt", last: true},
		{name: "second attempt", before: []event{unsent}},
		{name: "third and last attempt", before: []event{unsent, unsent}, last: true},
		{name: "second attempt after one that may have acted", before: []event{outage}, perhaps: true},
		{name: "third and last attempt after one that may have acted", before: []event{outage, unsent}, last: true, perhaps: true},
	}
	for _, row := range retryRows() {
		t.Run(row.failure, func(t *testing.T) {
			t.Parallel()
			for _, call := range calls {
				call.Path = "/labels"
				if call.Method != http.MethodGet && call.Method != http.MethodHead && call.Method != "" {
					call.Body = map[string]string{"name": "Urgent"}
				}
				if row.inBody && call.Method == http.MethodHead {
					continue
				}
				repeatable := call.Repeatable || call.Method != http.MethodPost && call.Method != http.MethodPatch
				for _, place := range places {
					if place.perhaps && !repeatable {
						continue
					}
					c := retryCase{row: row, in: call, before: place.before, last: place.last, perhaps: place.perhaps, ruling: row.other}
					if repeatable {
						c.ruling = row.repeatable
					}
					c.name = fmt.Sprintf("%s %s, repeatable %t, %s", call.Method, row.failure, repeatable, place.name)
					synctest.Test(t, c.run)
				}
			}
		})
	}
}

// A retryCase is one cell of the table.
type retryCase struct {
	name    string
	row     retryRow
	in      trengo.Request
	before  []event
	last    bool
	perhaps bool
	ruling  ruling
}

// script is what happens to the attempts: the last of them could be answered.
func (c retryCase) script() []event {
	fine := wholeAnswer(200, "Content-Type: application/json\r\n", "{}")
	return append(slices.Clone(c.before), c.row.event, fine)
}

func (c retryCase) run(t *testing.T) {
	w := newScripted(c.script()...)
	opts := []trengo.Option{}
	if c.last {
		opts = append(opts, trengo.WithMaxRetries(len(c.before)))
	}
	err := w.client(t, opts...).Do(t.Context(), c.in, nil)
	attempts := w.arrivals()
	failed := len(c.before) + 1
	repeated := c.ruling == again && !c.last
	want := failed
	if repeated {
		want++
	}
	if len(attempts) != want {
		t.Fatalf("%s: %d attempts, want %d; error %v", c.name, len(attempts), want, err)
	}
	c.checkAttempts(t, attempts)
	if repeated {
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		earliest, latest := c.row.least, c.row.most
		if wait := c.waitOf(attempts); wait < earliest || wait > latest<<len(c.before) {
			t.Errorf("%s: the next attempt came after %s", c.name, wait)
		}
		return
	}
	reads := c.in.Method == "" || c.in.Method == http.MethodGet || c.in.Method == http.MethodHead
	wantUnknown := !reads && (c.row.acted || c.perhaps && !c.row.conclusive)
	if c.ruling == unknown && !wantUnknown {
		t.Fatalf("%s: the row contradicts itself", c.name)
	}
	if got := errors.Is(err, trengo.ErrOutcomeUnknown); got != wantUnknown || err == nil {
		t.Errorf("%s: %v, unknown outcome wanted: %t", c.name, err, wantUnknown)
	}
	if got := errorOf(t, err).Attempts; got != want {
		t.Errorf("%s: %d attempts counted, want %d", c.name, got, want)
	}
}

// waitOf is the time between the failure and the attempt after it.
func (c retryCase) waitOf(attempts []arrival) time.Duration {
	wait := attempts[len(c.before)+1].at.Sub(attempts[len(c.before)].at)
	if c.row.event.silent {
		wait -= trengo.DefaultTimeout
	}
	return wait
}

func (c retryCase) checkAttempts(t *testing.T, attempts []arrival) {
	t.Helper()
	method, body := c.in.Method, ""
	if method == "" {
		method = http.MethodGet
	}
	if c.in.Body != nil {
		body = `{"name":"Urgent"}`
	}
	for i, a := range attempts {
		e := c.script()[i]
		if e.noConnection || e.noTLS {
			continue
		}
		if a.method != method || a.body != body || a.token != "Bearer "+trengotest.Token {
			t.Errorf("%s: attempt %d arrived as %s with the body %q and the token %q", c.name, i+1, a.method, a.body, a.token)
		}
	}
}
