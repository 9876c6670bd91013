package trengo

import (
	"encoding/json"
	"testing"
)

func BenchmarkSubject(b *testing.B) {
	ev := &Event{Event: "Order Completed", Properties: map[string]any{
		"order_id": "50314b8e9bcf000000000000",
		"currency": "EUR",
		"total":    json.Number("27.50"),
		"products": []any{"a", json.Number("1"), nil},
		"product":  map[string]any{"name": "Łampa"},
	}}
	for _, bm := range []struct{ name, template string }{
		{"two properties and a number", "Order {{order_id}} completed: {{currency}} {{total}}"},
		{"two properties", "Order {{order_id}} in {{currency}}"},
		{"text", "Order completed"},
		{"all properties", "{{event}}: {{properties}}"},
		{"path, list and default", `{{product.name}} {{products}} {{plan || "free"}}`},
	} {
		templates := mustCompileTemplates(b, map[string]string{ev.Event: bm.template})
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				templates.subject(ev)
			}
		})
	}
}
