package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
)

var ticketParams = trengo.TicketCreateParams{
	ContactID: fixtures.FirstContact, ChannelID: fixtures.EmailChannel, Subject: "Order 1001",
}

const ticketResponse = `{"id":970000001,"agency_id":300001,"contact_id":460000001,"status":"ASSIGNED","user_id":3601,` +
	`"assigned_at":"2026-03-02T09:16:03.000000Z","assigned_by":3601,"channel_id":405980,"subject":"Order 1001",` +
	`"created_at":"2026-03-02T09:16:03.000000Z","updated_at":"2026-03-02T09:16:03.000000Z","latest_message":null,` +
	`"channel":{"id":405980,"type":"EMAIL","name":"Support"},"team":null}`

// The client's share of a call, next to the code that a program would write
// without it.
func BenchmarkTicketsCreate(b *testing.B) {
	stub := testkit.Respond(http.StatusOK, ticketResponse, "Content-Type", "application/json")
	b.Run("Tickets.Create", func(b *testing.B) {
		var waited time.Duration
		client := fixtures.NewClient(b, stub,
			trengo.WithRateLimit(fixtures.Unlimited),
			trengo.WithObserver(func(_ context.Context, a trengo.Attempt) { waited += a.Waited }))
		b.ReportAllocs()
		for b.Loop() {
			create(b, client)
		}
		// Close to zero: otherwise the benchmark measures the rate limit.
		b.ReportMetric(float64(waited.Nanoseconds())/float64(b.N), "waited-ns/op")
	})
	b.Run("net/http by hand", func(b *testing.B) {
		client := &http.Client{Transport: stub}
		b.ReportAllocs()
		for b.Loop() {
			createByHand(b, client, trengo.DefaultBaseURL)
		}
	})
}

// The same over a socket. The two take turns, because other work on the machine
// would slow down only one of them. A few calls say little, so the bound counts
// from a thousand.
func BenchmarkLoopback(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, ticketResponse)
	}))
	defer srv.Close()
	client, err := trengo.NewClient("token", trengo.WithBaseURL(srv.URL), trengo.WithRateLimit(fixtures.Unlimited))
	if err != nil {
		b.Fatal(err)
	}
	plain := &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	var ours, byHand time.Duration
	for b.Loop() {
		began := time.Now()
		create(b, client)
		between := time.Now()
		createByHand(b, plain, srv.URL)
		ours += between.Sub(began)
		byHand += time.Since(between)
	}
	b.ReportMetric(float64(ours.Nanoseconds())/float64(b.N), "ours-ns/op")
	b.ReportMetric(float64(byHand.Nanoseconds())/float64(b.N), "by-hand-ns/op")
	ratio := float64(ours) / float64(byHand)
	b.ReportMetric(ratio, "ratio")
	if b.N >= 1000 && ratio > 1.35 {
		b.Errorf("a call takes %.2f times as long as by hand, want at most 1.35 times", ratio)
	}
}

func create(b *testing.B, client *trengo.Client) {
	b.Helper()
	if ticket, err := client.Tickets.Create(b.Context(), ticketParams); err != nil || ticket.ID != fixtures.FirstTicket {
		b.Fatal(ticket, err)
	}
}

// createByHand is the code of a program without this module.
func createByHand(b *testing.B, client *http.Client, baseURL string) {
	b.Helper()
	body, err := json.Marshal(ticketParams)
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
	if err != nil || ticket.ID != fixtures.FirstTicket {
		b.Fatal(ticket.ID, err)
	}
}
