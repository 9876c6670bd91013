package trengo_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/trengo-go/trengo"
)

// benchEvent is a track call as a web source sends it, about 1.1 KB. It names
// the contact, so that its Plan needs no search.
const benchEvent = `{"type":"track","channel":"web","messageId":"10a3d6b2-aa05-411a-b271-5945795e8229",` +
	`"anonymousId":"b1f4c6de-2b7c-4b0e-9a53-0d2b6a5c7e10","userId":"1001","event":"Order Completed",` +
	`"context":{"app":{"name":"RudderLabs JavaScript SDK","namespace":"com.rudderlabs.javascript","version":"3.21.0"},` +
	`"traits":{"email":"ann@example.com","name":"Ann Example"},"library":{"name":"RudderLabs JavaScript SDK","version":"3.21.0"},` +
	`"locale":"en-GB","page":{"path":"/cart","referrer":"$direct","title":"Cart","url":"https://shop.example.com/cart"},` +
	`"screen":{"density":2,"width":1440,"height":900},"timezone":"GMT+0100",` +
	`"userAgent":"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/135.0","sessionId":1772442000123,` +
	`"externalId":[{"type":"trengoContactId","id":"460000001"}]},` +
	`"properties":{"order_id":"50314b8e9bcf000000000000","currency":"EUR","total":27.5,"products":[{"name":"Desk lamp","price":27.5}]},` +
	`"integrations":{"All":true},"originalTimestamp":"2026-03-02T09:16:02.412Z","sentAt":"2026-03-02T09:16:02.980Z",` +
	`"receivedAt":"2026-03-02T09:16:02.980Z","timestamp":"2026-03-02T09:16:02.412Z","request_ip":"192.0.2.10",` +
	`"rudderId":"4f426dcb-b394-4b36-bb2d-420f0f88080b"}`

// A plan must not take longer than decoding the same bytes into a map, which
// is what a program without this package would begin with.
func BenchmarkPlan(b *testing.B) {
	data := []byte(benchEvent)
	destination, err := trengo.NewDestination(newClientOn(b, respond(http.StatusNotFound, "")), trengo.DestinationConfig{
		ChannelID:      405980,
		EventTemplates: map[string]string{"Order Completed": "Order {{ order_id }} completed: {{ currency }}"},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("ParseEvent and Plan", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			ev, err := trengo.ParseEvent(data)
			if err != nil {
				b.Fatal(err)
			}
			plan, err := destination.Plan(b.Context(), ev)
			if err != nil || len(plan.Writes) != 1 {
				b.Fatal(plan, err)
			}
		}
	})
	b.Run("json.Unmarshal into map", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			var event map[string]any
			if err := json.Unmarshal(data, &event); err != nil {
				b.Fatal(err)
			}
		}
	})
}

const ticketAnswer = `{"id":970000001,"agency_id":300001,"contact_id":460000001,"status":"ASSIGNED","user_id":3601,` +
	`"assigned_at":"2026-03-02T09:16:03.000000Z","assigned_by":3601,"channel_id":405980,"subject":"Order 1001",` +
	`"created_at":"2026-03-02T09:16:03.000000Z","updated_at":"2026-03-02T09:16:03.000000Z","latest_message":null,` +
	`"channel":{"id":405980,"type":"EMAIL","name":"Support"},"team":null}`

func answerTicket(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(ticketAnswer)), Request: r,
	}, nil
}

// What the client adds to a call, next to what a program would write by hand.
func BenchmarkTicketsCreate(b *testing.B) {
	in := trengo.TicketCreateParams{ContactID: 460000001, ChannelID: 405980, Subject: "Order 1001"}
	b.Run("Tickets.Create", func(b *testing.B) {
		var waited time.Duration
		client := newClientOn(b, roundTripper(answerTicket),
			trengo.WithRateLimit(1_000_000_000),
			trengo.WithObserver(func(a trengo.Attempt) { waited += a.Waited }))
		b.ReportAllocs()
		for b.Loop() {
			if ticket, err := client.Tickets.Create(b.Context(), in); err != nil || ticket.ID != 970000001 {
				b.Fatal(ticket, err)
			}
		}
		// Next to nothing: otherwise the limit is measured, not the client.
		b.ReportMetric(float64(waited.Nanoseconds())/float64(b.N), "waited-ns/op")
	})
	b.Run("net/http by hand", func(b *testing.B) {
		client := &http.Client{Transport: roundTripper(answerTicket)}
		b.ReportAllocs()
		for b.Loop() {
			createByHand(b, client, trengo.DefaultBaseURL, in)
		}
	})
}
