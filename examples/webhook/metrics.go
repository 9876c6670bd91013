package main

import (
	"bytes"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/trengo-go/trengo"
)

// metrics are what Prometheus is told. Labels have values of this program and
// of the library alone, such as routes without their ids, or statuses: nobody
// outside can add series without end.
type metrics struct {
	inFlight atomic.Int64

	requests *family
	duration *family
	events   *family
	attempts *family
	wire     *family
	waiting  *family
}

// upToTen suits what takes ten seconds at the most.
var upToTen = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

func newMetrics() *metrics {
	return &metrics{
		requests: newCounter("webhook_requests_total", "Requests to /events, by the status of the answer.", "status"),
		duration: newHistogram("webhook_request_duration_seconds", "Time from the header of a request to its answer.", upToTen),
		events:   newCounter("webhook_events_total", "Events, by what became of them.", "action", "duplicate", "status"),
		attempts: newCounter("trengo_requests_total", "Requests to Trengo, retries included; status 0: no answer came.", "method", "route", "status", "class"),
		wire:     newHistogram("trengo_request_duration_seconds", "Time of a request to Trengo on the wire.", upToTen, "method", "route"),
		waiting:  newHistogram("trengo_request_wait_seconds", "Time that a request to Trengo waited for its turn.", upToTen),
	}
}

// attempt is told of each request to Trengo.
func (m *metrics) attempt(a trengo.Attempt) {
	m.attempts.add(1, a.Method, a.Route, strconv.Itoa(a.Status), a.Class)
	m.wire.add(a.Elapsed.Seconds(), a.Method, a.Route)
	m.waiting.add(a.Waited.Seconds())
}

func (m *metrics) outcome(o trengo.Outcome, status int) {
	action := string(o.Result.Action)
	if o.Err != nil {
		action = "failed"
	}
	m.events.add(1, action, strconv.FormatBool(o.Result.Duplicate), strconv.Itoa(status))
}

func (m *metrics) request(status int, elapsed time.Duration) {
	m.requests.add(1, strconv.Itoa(status))
	m.duration.add(elapsed.Seconds())
}

func (m *metrics) serve(w http.ResponseWriter, limit trengo.RateLimit) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	// A scraper that is gone needs no answer.
	_, _ = w.Write(m.text(limit))
}

func (m *metrics) text(limit trengo.RateLimit) []byte {
	var b bytes.Buffer
	m.requests.write(&b)
	m.duration.write(&b)
	writeGauge(&b, "webhook_requests_in_flight", "Requests to /events under way.", float64(m.inFlight.Load()))
	m.events.write(&b)
	m.attempts.write(&b)
	m.wire.write(&b)
	m.waiting.write(&b)
	// Before the first answer nothing is known of the limit.
	if !limit.ReceivedAt.IsZero() {
		writeGauge(&b, "trengo_rate_limit", "Requests a minute that Trengo allows, as it last said.", float64(limit.Limit))
		writeGauge(&b, "trengo_rate_limit_remaining", "Requests left in the minute, as Trengo last said.", float64(limit.Remaining))
		writeGauge(&b, "trengo_rate_limit_timestamp_seconds", "When Trengo last said so, in seconds since 1970.", float64(limit.ReceivedAt.UnixMilli())/1000)
	}
	return b.Bytes()
}
