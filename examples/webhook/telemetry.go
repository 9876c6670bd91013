package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"time"

	"github.com/trengo-go/trengo"
)

// newLogger returns the logger of the service, which the library in it uses
// too.
func newLogger(out io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: level, ReplaceAttr: durationInMilliseconds}))
}

// durationInMilliseconds puts the unit of a duration into its key. By default,
// JSON gets a number of nanoseconds without a unit.
func durationInMilliseconds(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() != slog.KindDuration {
		return a
	}
	return slog.Float64(a.Key+"_ms", float64(a.Value.Duration())/float64(time.Millisecond))
}

// telemetry writes metrics and log lines. It takes nothing from an event that
// could contain personal data.
type telemetry struct {
	logger  *slog.Logger
	metrics *metrics
}

// observeOutcome is called with the outcome of each event.
func (tm *telemetry) observeOutcome(o trengo.Outcome, status int) {
	tm.metrics.observeOutcome(o, status)
	level := slog.LevelInfo
	switch {
	case o.Err != nil:
		level = slog.LevelWarn
	case o.Result.Action == trengo.ActionSkipped:
		// Most sources send mostly events that are skipped.
		level = slog.LevelDebug
	}
	tm.logger.LogAttrs(context.Background(), level, "event", outcomeAttrs(o, status)...)
}

// observeRequests observes every request to next, even one without events.
func (tm *telemetry) observeRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		tm.metrics.inFlight.Add(1)
		defer tm.metrics.inFlight.Add(-1)
		sw := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(sw, r)
		elapsed := time.Since(start)
		tm.metrics.observeRequest(sw.status, elapsed)
		level := slog.LevelDebug
		if needsRequestLog(sw.status) {
			level = slog.LevelWarn
		}
		tm.logger.LogAttrs(r.Context(), level, "request", slog.Int("status", sw.status), slog.Duration("elapsed", elapsed))
	})
}

// needsRequestLog reports whether a request may have got its response before
// any event was read, so that no log line of an event mentions it.
func needsRequestLog(status int) bool {
	return status >= http.StatusBadRequest && status < http.StatusInternalServerError && status != http.StatusTooManyRequests
}

func outcomeAttrs(o trengo.Outcome, status int) []slog.Attr {
	attrs := []slog.Attr{slog.Int("status", status)}
	text := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	id := func(key string, value int64) {
		if value != 0 {
			attrs = append(attrs, slog.Int64(key, value))
		}
	}
	if o.Event != nil && sdkMessageID.MatchString(o.Event.MessageID) {
		text("message_id", o.Event.MessageID)
	}
	text("action", string(o.Result.Action))
	text("reason", o.Result.Reason)
	if o.Result.Duplicate {
		attrs = append(attrs, slog.Bool("duplicate", true))
	}
	id("contact_id", o.Result.ContactID)
	id("ticket_id", o.Result.TicketID)
	if o.Err != nil {
		text("error", o.Err.Error()) // the library's errors never contain personal data
	}
	return attrs
}

// sdkMessageID matches the message IDs that RudderStack's SDKs generate: a UUID,
// on mobile preceded by a time in milliseconds. An ID that was set by hand may
// contain anything, such as an email.
var sdkMessageID = regexp.MustCompile(`^([0-9]{13}-)?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// A statusWriter remembers the status of a response.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets the handler set deadlines on the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
