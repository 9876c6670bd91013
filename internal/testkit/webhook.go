package testkit

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/trengo-go/trengo"
)

// AllowAll is the configuration of a handler that accepts events from anyone.
var AllowAll = trengo.HandlerConfig{AllowUnauthenticated: true}

// SkippedEvent is an event that costs no request.
const SkippedEvent = `{"type":"page"}`

// A Webhook is a [Deployment] behind a handler.
type Webhook struct {
	*Deployment

	Handler  http.Handler
	Outcomes []EventOutcome // in the order of OnOutcome's calls
}

// An EventOutcome is one call of [trengo.HandlerConfig.OnOutcome]. Err is the
// text of the error.
type EventOutcome struct {
	Index, Status int
	Err           string
}

// NewWebhook returns a handler for a [NewDeployment]. It sets cfg.OnOutcome.
func NewWebhook(tb testing.TB, cfg trengo.HandlerConfig, changes ...func(*trengo.DestinationConfig)) *Webhook {
	tb.Helper()
	w := &Webhook{Deployment: NewDeployment(tb, changes...)}
	cfg.OnOutcome = func(o trengo.Outcome, status int) {
		w.Outcomes = append(w.Outcomes, EventOutcome{o.Index, status, ErrorText(o.Err)})
	}
	w.Handler = NewHandler(tb, w.Destination, cfg)
	return w
}

// NewHandler returns a handler, and fails the test if cfg is invalid.
func NewHandler(tb testing.TB, destination *trengo.Destination, cfg trengo.HandlerConfig) http.Handler {
	tb.Helper()
	handler, err := trengo.NewHandler(destination, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return handler
}

// A HandlerResponse is the body of a handler's response.
type HandlerResponse struct {
	Status    int               `json:"status"`
	Action    string            `json:"action"`
	Reason    string            `json:"reason"`
	Duplicate bool              `json:"duplicate"`
	Error     string            `json:"error"`
	Events    []HandlerResponse `json:"events"` // of an array
}

// Statuses returns the status of each event of an array.
func (r HandlerResponse) Statuses() (all []int) {
	for _, event := range r.Events {
		all = append(all, event.Status)
	}
	return all
}

// Post sends a body to the handler. See [Serve].
func (w *Webhook) Post(body string) HandlerResponse {
	w.tb.Helper()
	_, response := Serve(w.tb, w.Handler, EventRequest(w.tb.Context(), body))
	return response
}

// EventRequest returns a request with that body, as RudderStack sends it.
func EventRequest(ctx context.Context, body string) *http.Request {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

// Serve returns the handler's response to r, and checks what holds for every
// response: its body is one line of JSON with known fields and its own status.
func Serve(tb testing.TB, handler http.Handler, r *http.Request) (http.Header, HandlerResponse) {
	tb.Helper()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	line := recorder.Body.Bytes()
	if bytes.Count(line, []byte("\n")) != 1 || !bytes.HasSuffix(line, []byte("\n")) {
		tb.Errorf("the body is not one line: %q", line)
	}
	if got := recorder.Header().Get("Content-Type"); got != "application/json" {
		tb.Errorf("Content-Type is %q", got)
	}
	var response HandlerResponse
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&response); err != nil {
		tb.Fatalf("%v: %s", err, line)
	}
	if response.Status != recorder.Code {
		tb.Errorf("the body has status %d, the response %d", response.Status, recorder.Code)
	}
	return recorder.Header(), response
}

// EventJSON returns an event as RudderStack sends it.
func EventJSON(tb testing.TB, ev *trengo.Event) string {
	tb.Helper()
	externalIDs := []map[string]string{}
	for _, id := range ev.Context.ExternalIDs {
		externalIDs = append(externalIDs, map[string]string{"type": id.Type, "id": id.ID})
	}
	data, err := json.Marshal(map[string]any{
		"type": ev.Type, "messageId": ev.MessageID, "event": ev.Event, "traits": ev.Traits,
		"properties": ev.Properties, "context": map[string]any{"externalId": externalIDs},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}

// ArrayJSON returns an array of events. See [EventJSON].
func ArrayJSON(tb testing.TB, events ...*trengo.Event) string {
	tb.Helper()
	var all []string
	for _, ev := range events {
		all = append(all, EventJSON(tb, ev))
	}
	return "[" + strings.Join(all, ",") + "]"
}

// Gzip returns a body compressed with gzip.
func Gzip(body string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, body)
	_ = w.Close()
	return b.String()
}
