package trengo

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func FuzzSubject(f *testing.F) {
	f.Add("{{event}} Triggered", "Product Purchased", `{}`)
	f.Add("a {{~{product.[order id]}~}} {{items.0}}", "Ev", `{"product": {"order id": 5}, "items": [1, [null, 2.50]]}`)
	f.Add(`{{!-- }} --}}{{ event.properties.plan || "free" }}`, "\x00\xff\u2028", `{"plan": "\u0000 \ufeff"}`)
	f.Add("{{properties}}{{this.x}}{{./y}}{{&z}}", "Ev", `{"x": 1e400, "y": -0, "z": 1e-7, "event": null}`)
	f.Add("{{a}}{{a}}{{a}}", "Ev", `{"a": "`+strings.Repeat("é ", 100)+`"}`)
	f.Fuzz(func(t *testing.T, template, event, object string) {
		templates, err := compileEventTemplates(map[string]string{event: template}, true)
		if err != nil {
			if !strings.Contains(template, "{{") {
				t.Errorf("%q, a text without tags, does not compile: %v", template, err)
			}
			return
		}
		decoder := json.NewDecoder(bytes.NewReader([]byte(object)))
		decoder.UseNumber()
		var properties map[string]any
		if decoder.Decode(&properties) != nil {
			return
		}
		checkSubject(t, templates.subject(&Event{Event: event, Properties: properties}))
	})
}

func checkSubject(t *testing.T, subject string) {
	t.Helper()
	if !utf8.ValidString(subject) {
		t.Errorf("%q is not UTF-8", subject)
	}
	if n := utf8.RuneCountInString(subject); n > maxSubject {
		t.Errorf("%q has %d characters", subject, n)
	}
	if strings.TrimSpace(subject) != subject || strings.Trim(subject, "\u00a0\ufeff") != subject {
		t.Errorf("%q is not trimmed", subject)
	}
	if strings.ContainsFunc(subject, unicode.IsControl) || strings.ContainsAny(subject, "\u2028\u2029") {
		t.Errorf("%q is more than one line", subject)
	}
}
