package main

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/trengo-go/trengo"
)

// metrics are exposed to Prometheus. Label values come only from this program
// and the library, such as routes without IDs, or statuses. A sender cannot add
// series without end.
type metrics struct {
	inFlight atomic.Int64

	requests *family
	duration *family
	events   *family
	attempts *family
	wire     *family
	waiting  *family
}

// durationBuckets suit durations of up to ten seconds.
var durationBuckets = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

func newMetrics() *metrics {
	return &metrics{
		requests: newCounter("webhook_requests_total", "Requests to /events, by the status of the response.", "status"),
		duration: newHistogram("webhook_request_duration_seconds", "Time from the header of a request to its response.", durationBuckets),
		events:   newCounter("webhook_events_total", "Events, by outcome.", "action", "duplicate", "status"),
		attempts: newCounter("trengo_requests_total", "Requests to Trengo, including retries; status 0 means no response.", "method", "route", "status", "class"),
		wire:     newHistogram("trengo_request_duration_seconds", "Time of a request to Trengo on the wire.", durationBuckets, "method", "route"),
		waiting:  newHistogram("trengo_request_wait_seconds", "Time that a request to Trengo waited before it was sent.", durationBuckets),
	}
}

// observeAttempt is called after each request to Trengo.
func (m *metrics) observeAttempt(_ context.Context, a trengo.Attempt) {
	m.attempts.add(1, a.Method, a.Route, strconv.Itoa(a.StatusCode), string(a.Class))
	m.wire.add(a.Elapsed.Seconds(), a.Method, a.Route)
	m.waiting.add(a.Waited.Seconds())
}

func (m *metrics) observeOutcome(o trengo.Outcome, status int) {
	action := string(o.Result.Action)
	if o.Err != nil {
		action = "failed"
	}
	m.events.add(1, action, strconv.FormatBool(o.Result.Duplicate), strconv.Itoa(status))
}

func (m *metrics) observeRequest(status int, elapsed time.Duration) {
	m.requests.add(1, strconv.Itoa(status))
	m.duration.add(elapsed.Seconds())
}

func (m *metrics) respond(w http.ResponseWriter, limit trengo.RateLimit) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	// A write fails only if the scraper has disconnected.
	_, _ = w.Write(m.text(limit))
}

func (m *metrics) text(limit trengo.RateLimit) []byte {
	var b bytes.Buffer
	m.requests.write(&b)
	m.duration.write(&b)
	writeGauge(&b, "webhook_requests_in_flight", "Requests to /events in flight.", float64(m.inFlight.Load()))
	m.events.write(&b)
	m.attempts.write(&b)
	m.wire.write(&b)
	m.waiting.write(&b)
	// The limit is unknown before the first response.
	if !limit.ReceivedAt.IsZero() {
		writeGauge(&b, "trengo_rate_limit", "Requests a minute that Trengo allows, by its last response.", float64(limit.Limit))
		writeGauge(&b, "trengo_rate_limit_remaining", "Requests left in the minute, by Trengo's last response.", float64(limit.Remaining))
		writeGauge(&b, "trengo_rate_limit_timestamp_seconds", "Time of that response, in seconds since 1970.", float64(limit.ReceivedAt.UnixMilli())/1000)
	}
	return b.Bytes()
}
