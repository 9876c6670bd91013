package trengo_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/trengo-go/trengo"
)

// What a call costs over plain net/http when it really goes over a socket. The
// two take turns, because other work on the machine would fall on one of them.
// A few calls say little: the bound counts from a thousand on.
func BenchmarkLoopback(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, ticketAnswer)
	}))
	defer srv.Close()
	in := trengo.TicketCreateParams{ContactID: 460000001, ChannelID: 405980, Subject: "Order 1001"}
	client, err := trengo.NewClient("token", trengo.WithBaseURL(srv.URL), trengo.WithRateLimit(1_000_000_000))
	if err != nil {
		b.Fatal(err)
	}
	plain := &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	var ours, theirs time.Duration
	for b.Loop() {
		began := time.Now()
		if _, err := client.Tickets.Create(b.Context(), in); err != nil {
			b.Fatal(err)
		}
		between := time.Now()
		createByHand(b, plain, srv.URL, in)
		ours += between.Sub(began)
		theirs += time.Since(between)
	}
	b.ReportMetric(float64(ours.Nanoseconds())/float64(b.N), "ours-ns/op")
	b.ReportMetric(float64(theirs.Nanoseconds())/float64(b.N), "by-hand-ns/op")
	ratio := float64(ours) / float64(theirs)
	b.ReportMetric(ratio, "ratio")
	if b.N >= 1000 && ratio > 1.35 {
		b.Errorf("a call takes %.2f times as long as by hand, want at most 1.35 times", ratio)
	}
}

// createByHand is what a program would write without this package.
func createByHand(b *testing.B, client *http.Client, baseURL string, in trengo.TicketCreateParams) {
	b.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		b.Fatal(err)
	}
	r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, baseURL+"/tickets", bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer token")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	var ticket trengo.Ticket
	err = json.NewDecoder(resp.Body).Decode(&ticket)
	resp.Body.Close()
	if err != nil || ticket.ID != 970000001 {
		b.Fatal(ticket.ID, err)
	}
}
