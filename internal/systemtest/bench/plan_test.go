package bench

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
)

// A plan must not take longer than decoding the same bytes into a map, with
// which a program without this module would begin.
func BenchmarkPlan(b *testing.B) {
	data := []byte(testkit.WebEvent)
	client := testkit.NewClient(b, testkit.Respond(http.StatusNotFound, ""))
	destination := testkit.NewDestination(b, client, trengo.DestinationConfig{
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
