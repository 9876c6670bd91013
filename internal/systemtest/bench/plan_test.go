package bench

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
)

// webEvent is a track call as a web source of RudderStack sends it, about 1.1 KB.
// It names its contact, so that a plan needs no search.
const webEvent = `{"type":"track","channel":"web","messageId":"10a3d6b2-aa05-411a-b271-5945795e8229",` +
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

// A plan must not take longer than decoding the same bytes into a map, with
// which a program without this module would begin.
func BenchmarkPlan(b *testing.B) {
	data := []byte(webEvent)
	client := fixtures.NewClient(b, testkit.Respond(http.StatusNotFound, ""))
	destination := fixtures.NewDestination(b, client, trengo.DestinationConfig{
		EventTemplates: map[string]string{"Order Completed": "Order {{ order_id }} completed: {{ currency }}"},
	})
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
