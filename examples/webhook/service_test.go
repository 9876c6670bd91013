package main

import (
	"net/http"
	"strings"
	"testing"
)

func TestService_delivers(t *testing.T) {
	t.Parallel()
	fx, sender := newFixture(t, nil), newSender(t)
	for _, tt := range []struct {
		name, body string
		status     int
		want       string // in the response
	}{
		{"event", annIdentify, http.StatusOK, `"action":"contact_created"`},
		{"array with a redelivered event", "[" + annIdentify + "," + annOrder + "]", http.StatusOK, `"duplicate":true`},
		{"event of an unknown person", strings.ReplaceAll(annOrder, "ann@", "ben@"), http.StatusServiceUnavailable, "contact not found"},
		{"empty object", `{}`, http.StatusBadRequest, "does not have a type"},
	} {
		status, response, err := fx.post(sender, tt.body)
		if err != nil || status != tt.status || !strings.Contains(response, tt.want) {
			t.Errorf("%s: %d %s %v", tt.name, status, response, err)
		}
	}
	if tickets := fx.trengo.Tickets(); len(tickets) != 1 || tickets[0].Subject != "Order 1001" {
		t.Errorf("tickets %+v", tickets)
	}
	_, metrics := fx.get(t, sender, "/metrics")
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
	for unknown, status := range map[string]int{
		unknownRetry: http.StatusServiceUnavailable, unknownCreate: http.StatusOK, unknownFail: http.StatusBadRequest,
	} {
		t.Run(unknown, func(t *testing.T) {
			t.Parallel()
			fx := newFixture(t, func(s *settings) { s.unknown = unknown })
			got, response, err := fx.post(newSender(t), annOrder)
			if err != nil || got != status {
				t.Errorf("%d %s %v, want %d", got, response, err, status)
			}
		})
	}
}

func TestService_routes(t *testing.T) {
	t.Parallel()
	fx, sender := newFixture(t, nil), newSender(t)
	for path, status := range map[string]int{
		"/healthz": http.StatusOK, "/metrics": http.StatusOK, "/events": http.StatusMethodNotAllowed,
		"/": http.StatusNotFound, "/events/": http.StatusNotFound, "/debug/pprof/": http.StatusNotFound,
	} {
		if got, response := fx.get(t, sender, path); got != status {
			t.Errorf("GET %s: %d %s, want %d", path, got, response, status)
		}
	}
	resp, err := sender.Get(fx.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); got != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("content type %s", got)
	}
}

func TestService_secrets(t *testing.T) {
	t.Parallel()
	fx, sender := newFixture(t, func(s *settings) { s.secrets = []string{"Bearer old", "Bearer new"} }), newSender(t)
	for secret, status := range map[string]int{
		"Bearer old": http.StatusOK, "Bearer new": http.StatusOK, "Bearer older": http.StatusUnauthorized,
		"old": http.StatusUnauthorized, "Bearer old, Bearer new": http.StatusUnauthorized, "": http.StatusUnauthorized,
	} {
		if got, response, err := fx.post(sender, annIdentify, "Authorization", secret); got != status {
			t.Errorf("with %q: %d %s %v, want %d", secret, got, response, err, status)
		}
	}
	if !strings.Contains(fx.logs.String(), `"msg":"request","status":401`) {
		t.Errorf("the refused requests are not in\n%s", fx.logs.String())
	}
}
