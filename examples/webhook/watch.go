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

// newLogger makes the logger of the service and of the library in it.
func newLogger(out io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: level, ReplaceAttr: nameUnit}))
}

// nameUnit writes durations in milliseconds, and says so: in JSON they would be
// numbers of nanoseconds that do not.
func nameUnit(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() != slog.KindDuration {
		return a
	}
	return slog.Float64(a.Key+"_ms", float64(a.Value.Duration())/float64(time.Millisecond))
}

// A watcher tells operators what happens, in metrics and log lines. Of an
// event it takes nothing that its sender could have put personal data into.
type watcher struct {
	logger  *slog.Logger
	metrics *metrics
}

// outcome is told how each event ended.
func (w *watcher) outcome(o trengo.Outcome, status int) {
	w.metrics.outcome(o, status)
	level := slog.LevelInfo
	switch {
	case o.Err != nil:
		level = slog.LevelWarn
	case o.Result.Action == trengo.ActionSkipped:
		// Most events of most sources are none of ours.
		level = slog.LevelDebug
	}
	w.logger.LogAttrs(context.Background(), level, "event", describe(o, status)...)
}

func describe(o trengo.Outcome, status int) []slog.Attr {
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
	if o.Event != nil && madeBySDK.MatchString(o.Event.MessageID) {
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
		text("error", o.Err.Error()) // holds no personal data, says the library
	}
	return attrs
}

// madeBySDK matches the message ids that RudderStack's SDKs make: a UUID, on
// phones behind a time in milliseconds. Whoever sets the id by hand may have
// made it of anything, such as an e-mail.
var madeBySDK = regexp.MustCompile(`^([0-9]{13}-)?[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// watch is told of every request, also of those that no event comes out of.
func (w *watcher) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		began := time.Now()
		w.metrics.inFlight.Add(1)
		defer w.metrics.inFlight.Add(-1)
		answer := &statusWriter{ResponseWriter: rw, status: http.StatusOK}
		next.ServeHTTP(answer, r)
		elapsed := time.Since(began)
		w.metrics.request(answer.status, elapsed)
		level := slog.LevelDebug
		if isUntold(answer.status) {
			level = slog.LevelWarn
		}
		w.logger.LogAttrs(r.Context(), level, "request", slog.Int("status", answer.status), slog.Duration("elapsed", elapsed))
	})
}

// isUntold reports whether a request may have been answered before any event
// was read, so that no event tells of it.
func isUntold(status int) bool {
	return status >= http.StatusBadRequest && status < http.StatusInternalServerError && status != http.StatusTooManyRequests
}

// A statusWriter remembers the status of an answer.
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
