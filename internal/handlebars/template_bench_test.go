package handlebars_test

import (
	"encoding/json"
	"testing"

	"github.com/trengo-go/trengo/internal/handlebars"
)

const benchTemplate = "Order {{order_id}} completed: {{currency}} {{total}}"

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := handlebars.Compile(benchTemplate); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	properties := map[string]any{
		"order_id": "50314b8e9bcf000000000000",
		"currency": "EUR",
		"total":    json.Number("27.50"),
		"products": []any{"a", json.Number("1"), nil},
		"product":  map[string]any{"name": "Łampa"},
	}
	for _, bm := range []struct{ name, template string }{
		{"two properties and a number", benchTemplate},
		{"two properties", "Order {{order_id}} in {{currency}}"},
		{"text", "Order completed"},
		{"all properties", "{{event}}: {{properties}}"},
		{"path, list and default", `{{product.name}} {{products}} {{plan || "free"}}`},
	} {
		template := mustCompile(b, bm.template)
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				template.Render(handlebars.Message{Event: "Order Completed", Properties: properties})
			}
		})
	}
}
