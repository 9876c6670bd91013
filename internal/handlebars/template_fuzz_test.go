package handlebars_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/trengo-go/trengo/internal/handlebars"
)

func FuzzCompile(f *testing.F) {
	f.Add("{{event}} Triggered", "Product Purchased", `{}`)
	f.Add("a {{~{product.[order id]}~}} {{items.0}}", "Ev", `{"product": {"order id": 5}, "items": [1, [null, 2.50]]}`)
	f.Add(`{{!-- }} --}}{{ event.properties.plan || "free" }}`, "\x00\xff\u2028", `{"plan": "\u0000 \ufeff"}`)
	f.Add("{{properties}}{{this.x}}{{./y}}{{&z}}", "Ev", `{"x": 1e400, "y": -0, "z": 1e-7, "event": null}`)
	f.Add("{{a}}{{a}}{{a}}", "Ev", `{"a": "`+strings.Repeat("é ", 100)+`"}`)
	f.Fuzz(func(t *testing.T, source, event, object string) {
		template, err := handlebars.Compile(source)
		if err != nil {
			if !strings.Contains(source, "{{") {
				t.Errorf("%q, a text without tags, does not compile: %v", source, err)
			}
			return
		}
		decoder := json.NewDecoder(bytes.NewReader([]byte(object)))
		decoder.UseNumber()
		var properties map[string]any
		if decoder.Decode(&properties) != nil {
			return
		}
		text := template.Render(handlebars.Message{Event: event, Properties: properties})
		if want := strings.ReplaceAll(source, "\x00", " "); !strings.Contains(source, "{{") && text != want {
			t.Errorf("%q, a text without tags, renders as %q", source, text)
		}
		if utf8.ValidString(source) && utf8.ValidString(event) && !utf8.ValidString(text) {
			t.Errorf("%q rendered for %q with %s as %q, which is not UTF-8", source, event, object, text)
		}
	})
}
