package main

import (
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trengo-go/trengo"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMetrics_text(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	m.inFlight.Add(2)
	for _, a := range []trengo.Attempt{
		{Method: http.MethodPost, Route: "/tickets", StatusCode: http.StatusOK, Number: 1, Waited: 2 * time.Second, Elapsed: 125 * time.Millisecond},
		{Method: http.MethodPost, Route: "/tickets", StatusCode: http.StatusTooManyRequests, Number: 1, Elapsed: 100 * time.Millisecond, Class: trengo.AttemptClassRateLimited},
		{Method: http.MethodGet, Route: "/contacts", Number: 1, Elapsed: 30 * time.Second, Class: trengo.AttemptClassTimeout},
		{Method: http.MethodPut, Route: "/contacts/{id}", StatusCode: http.StatusOK, Number: 2},
	} {
		m.observeAttempt(t.Context(), a)
	}
	m.observeOutcome(trengo.Outcome{Result: trengo.Result{Action: trengo.ActionTicketCreated}}, http.StatusOK)
	m.observeOutcome(trengo.Outcome{Result: trengo.Result{Action: trengo.ActionTicketCreated}}, http.StatusOK)
	m.observeOutcome(trengo.Outcome{Result: trengo.Result{Action: trengo.ActionTicketCreated, Duplicate: true}}, http.StatusOK)
	m.observeOutcome(trengo.Outcome{Err: trengo.ErrContactNotFound}, http.StatusServiceUnavailable)
	m.observeRequest(http.StatusUnauthorized, time.Millisecond)
	m.observeRequest(http.StatusOK, 5*time.Millisecond) // the bound of its bucket
	got := m.text(trengo.RateLimit{Limit: 120, Remaining: 117, ReceivedAt: time.UnixMilli(1772442000250)})

	path := filepath.Join("testdata", "metrics.txt")
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != strings.ReplaceAll(string(want), "\r\n", "\n") {
		t.Errorf("the text differs from %s:\n%s", path, got)
	}
	checkText(t, string(got))
}

func TestMetrics_noValues(t *testing.T) {
	t.Parallel()
	text := string(newMetrics().text(trengo.RateLimit{}))
	checkText(t, text)
	if strings.Contains(text, "trengo_rate_limit") {
		t.Errorf("an unknown rate limit is in\n%s", text)
	}
	// A rate over time needs the value before the first request.
	if !strings.Contains(text, "webhook_request_duration_seconds_count 0\n") {
		t.Errorf("no count of requests:\n%s", text)
	}
}

func TestMetrics_privacy(t *testing.T) {
	t.Parallel()
	fx, sender := newFixture(t, nil), newSender(t)
	for _, body := range []string{annIdentify, annOrder, `{"type":"ann@example.com"}`, `{"type":"track","event":"ann@example.com"}`} {
		if _, _, err := fx.post(sender, body); err != nil {
			t.Fatal(err)
		}
	}
	if _, metrics := fx.get(t, sender, "/metrics"); strings.Contains(metrics, "ann@") {
		t.Errorf("an email is in\n%s", metrics)
	}
}
