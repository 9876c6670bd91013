package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

const (
	ann      = `{"type":"identify","messageId":"6513270e-269e-4d37-b2a7-4de452e6b438","traits":{"email":"ann@example.com","name":"Ann Lee"}}`
	annsBuys = `{"type":"track","messageId":"1772442038977-2217bead-dbc4-46cb-8e81-973e0becd7b0","event":"Order Completed","properties":{"email":"ann@example.com","order_id":1001}}`
)

func TestService_delivers(t *testing.T) {
	t.Parallel()
	r, sender := start(t, nil), newSender(t)
	for _, tt := range []struct {
		name, body string
		status     int
		says       string
	}{
		{"an event", ann, http.StatusOK, `"action":"contact_created"`},
		{"an array, with one that came before", "[" + ann + "," + annsBuys + "]", http.StatusOK, `"duplicate":true`},
		{"an event of somebody whose identify may be on its way", strings.ReplaceAll(annsBuys, "ann@", "ben@"), http.StatusServiceUnavailable, "contact not found"},
		{"no event", `{}`, http.StatusBadRequest, "no type"},
	} {
		status, answer, err := r.post(sender, tt.body)
		if err != nil || status != tt.status || !strings.Contains(answer, tt.says) {
			t.Errorf("%s: %d %s %v", tt.name, status, answer, err)
		}
	}
	if tickets := r.trengo.Tickets(); len(tickets) != 1 || tickets[0].Subject != "Order 1001" {
		t.Errorf("tickets %+v", tickets)
	}
	_, metrics := r.get(t, sender, "/metrics")
	checkText(t, metrics)
	for _, line := range []string{
		`webhook_requests_total{status="200"} 2`,
		`webhook_requests_total{status="503"} 1`,
		`webhook_requests_in_flight 0`,
		`webhook_events_total{action="contact_created",duplicate="true",status="200"} 1`,
		`webhook_events_total{action="ticket_created",duplicate="false",status="200"} 1`,
		`webhook_events_total{action="failed",duplicate="false",status="400"} 1`,
		`trengo_requests_total{method="POST",route="/tickets",status="200",class=""} 1`,
		`trengo_request_duration_seconds_count{method="POST",route="/tickets"} 1`,
		`trengo_rate_limit 1e+09`,
	} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("no line %s in\n%s", line, metrics)
		}
	}
}

func TestService_unknownPeople(t *testing.T) {
	t.Parallel()
	for way, status := range map[string]int{
		unknownRetry: http.StatusServiceUnavailable, unknownCreate: http.StatusOK, unknownFail: http.StatusBadRequest,
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			r := start(t, func(s *settings) { s.unknown = way })
			got, answer, err := r.post(newSender(t), annsBuys)
			if err != nil || got != status {
				t.Errorf("%d %s %v, want %d", got, answer, err, status)
			}
		})
	}
}

func TestService_routes(t *testing.T) {
	t.Parallel()
	r, sender := start(t, nil), newSender(t)
	for path, status := range map[string]int{
		"/healthz": http.StatusOK, "/metrics": http.StatusOK, "/events": http.StatusMethodNotAllowed,
		"/": http.StatusNotFound, "/events/": http.StatusNotFound, "/debug/pprof/": http.StatusNotFound,
	} {
		if got, answer := r.get(t, sender, path); got != status {
			t.Errorf("GET %s: %d %s, want %d", path, got, answer, status)
		}
	}
	resp, err := sender.Get(r.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); got != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("the metrics are %s", got)
	}
}

func TestService_secrets(t *testing.T) {
	t.Parallel()
	r, sender := start(t, func(s *settings) { s.secrets = []string{"Bearer old", "Bearer new"} }), newSender(t)
	for secret, status := range map[string]int{
		"Bearer old": http.StatusOK, "Bearer new": http.StatusOK, "Bearer older": http.StatusUnauthorized,
		"old": http.StatusUnauthorized, "Bearer old, Bearer new": http.StatusUnauthorized, "": http.StatusUnauthorized,
	} {
		if got, answer, err := r.post(sender, ann, "Authorization", secret); got != status {
			t.Errorf("with %q: %d %s %v, want %d", secret, got, answer, err, status)
		}
	}
	if !strings.Contains(r.logs.String(), `"msg":"request","status":401`) {
		t.Errorf("no word of those who were refused in\n%s", r.logs.String())
	}
}

// A number alone does not say what it counts.
func TestLogger_durations(t *testing.T) {
	t.Parallel()
	var b buffer
	newLogger(&b, slog.LevelInfo).Info("x", slog.Duration("elapsed", 1500*time.Microsecond), slog.Duration("wait", time.Minute))
	if got := b.String(); !strings.HasSuffix(got, `"msg":"x","elapsed_ms":1.5,"wait_ms":60000}`+"\n") {
		t.Error(got)
	}
	r := start(t, func(s *settings) { s.logLevel = slog.LevelDebug })
	if _, _, err := r.post(newSender(t), ann); err != nil {
		t.Fatal(err)
	}
	for _, message := range []string{"request", "trengo attempt"} {
		if !regexp.MustCompile(`"msg":"` + message + `",.*"elapsed_ms":[0-9.]+[,}]`).MatchString(r.logs.String()) {
			t.Errorf("no duration with its unit in %q:\n%s", message, r.logs.String())
		}
	}
}

// Everything here could tell who Zoe Quill is.
func TestService_privacy(t *testing.T) {
	t.Parallel()
	r, sender := start(t, func(s *settings) { s.logLevel = -8 }), newSender(t)
	const zoe = `"Zoe Quill <zoe.quill@example.com> +31600000001"`
	const traits = `"traits":{"email":"zoe.quill@example.com","name":"Zoe Quill","phone":"+31600000001",` + zoe + `:` + zoe + `}`
	r.trengo.Inject(
		trengotest.Fault{}, trengotest.Fault{},
		trengotest.Respond(http.StatusUnprocessableEntity, "application/json", `{"message":`+zoe+`,"errors":{`+zoe+`:[`+zoe+`]}}`),
		trengotest.RespondHTML(http.StatusBadGateway),
	)
	bodies := []string{
		`{"type":"identify",` + traits + `,"messageId":"zoe.quill@example.com"}`,
		`{"type":"identify",` + traits + `,"messageId":"31600000001","context":{"externalId":[{"type":"trengoContactId","id":5}]}}`,
		`{"type":"identify",` + strings.Replace(traits, "Zoe Quill", "Zoe Q. Quill", 1) + `}`,
		`{"type":"identify",` + traits + `,"context":{"externalId":[{"type":"trengoChannelId","id":"zoe"}]}}`,
		`{"type":"track","event":` + zoe + `,` + traits + `}`,
		`{"type":"track","event":"Order Completed","properties":{"email":"ben.quill@example.com","order_id":` + zoe + `}}`,
		`{"type":"track","event":"Order Completed","properties":{"email":"zoe.quill@example.com","order_id":` + zoe + `}}`,
		`{"type":` + zoe + `}`, `{"type":"identify","traits":{"email":` + zoe + `}}`, zoe, `[` + zoe + `]`, `{` + zoe,
		ann,
	}
	var answers strings.Builder
	for _, body := range bodies {
		_, answer, err := r.post(sender, body)
		if err != nil {
			t.Fatal(err)
		}
		answers.WriteString(answer)
	}
	for _, header := range []string{"Authorization", "Content-Type", "Content-Encoding", "User-Agent", "X-Signature"} {
		_, answer, err := r.post(sender, bodies[0], header, "zoe.quill@example.com")
		if err != nil {
			t.Fatal(err)
		}
		answers.WriteString(answer)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	logs := r.logs.String()
	for _, told := range []string{
		`"msg":"event"`, `"msg":"request"`, `"level":"DEBUG"`, `"level":"WARN"`, `"contact_id":460000001`, `"ticket_id"`,
		`"message_id":"6513270e-269e-4d37-b2a7-4de452e6b438"`, "/contacts/{id}", "422",
	} {
		if !strings.Contains(logs, told) {
			t.Errorf("no %s in the logs", told)
		}
	}
	for line := range strings.SplitSeq(strings.TrimSpace(logs), "\n") {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
	for _, text := range []string{logs, answers.String()} {
		for _, marker := range []string{"zoe", "quill", "600000001", "ann@", "Ann Lee", r.secret, trengotest.Token} {
			if strings.Contains(strings.ToLower(text), strings.ToLower(marker)) {
				t.Errorf("%q is in\n%s", marker, text)
			}
		}
	}
}

func TestMetrics_privacy(t *testing.T) {
	t.Parallel()
	r, sender := start(t, nil), newSender(t)
	for _, body := range []string{ann, annsBuys, `{"type":"ann@example.com"}`, `{"type":"track","event":"ann@example.com"}`} {
		if _, _, err := r.post(sender, body); err != nil {
			t.Fatal(err)
		}
	}
	if _, metrics := r.get(t, sender, "/metrics"); strings.Contains(metrics, "ann@") {
		t.Errorf("Ann is in\n%s", metrics)
	}
}

// A file takes the place of the token, and is read again for every request.
func TestService_tokenIsReplaced(t *testing.T) {
	t.Parallel()
	s := &settings{tokenFile: t.TempDir() + "/token"}
	srv := trengotest.New()
	srv.SetTokens("new")
	client, err := s.newClient(trengo.WithHTTPClient(srv.HTTPClient()), trengo.WithMaxWait(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	for token, works := range map[string]bool{"old": false, "new\n": true, "": false} {
		writeFile(t, s.tokenFile, token)
		if err := client.Do(t.Context(), trengo.Request{Path: "/labels"}, nil); (err == nil) != works {
			t.Errorf("with %q: %v", token, err)
		}
	}
}
