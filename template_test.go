package trengo

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func mustCompileTemplates(tb testing.TB, templates map[string]string) *eventTemplates {
	tb.Helper()
	compiled, err := compileEventTemplates(templates, true)
	if err != nil {
		tb.Fatal(err)
	}
	return compiled
}

func TestCompileEventTemplates_errors(t *testing.T) {
	t.Parallel()
	const (
		unclosed = "the template of \"A \\\"1\\\"\": tag `{{ event` is not closed"
		block    = "the template of \"B\": tag `{{#if x}}` is not supported: only {{ path }} and {{ path || default }} are"
	)
	broken := map[string]string{"B": "a {{#if x}} b {{/if}}", "fine": "{{ event }}", `A "1"`: "{{ event", "blank": " "}
	templates, err := compileEventTemplates(broken, true)
	if want := unclosed + "\n" + block; err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
	if templates != nil {
		t.Errorf("got templates %v beside the error", templates)
	}
}

// A phone channel has tickets without subjects.
func TestCompileEventTemplates_withoutSubjects(t *testing.T) {
	t.Parallel()
	templates, err := compileEventTemplates(map[string]string{"Ev": "About {{ event }}", "Broken": "{{ event"}, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{"Ev", "Broken"} {
		if !templates.lists(event) {
			t.Errorf("%s is not listed", event)
		}
		if got := templates.subject(&Event{Event: event}); got != "" {
			t.Errorf("the subject of %s is %q, want none", event, got)
		}
	}
}

func TestEventTemplates_lists(t *testing.T) {
	t.Parallel()
	const padded = " Padded "
	templates := mustCompileTemplates(t, map[string]string{"Ev": "{{ event }}", "Empty": "", "Blank": " \t\n", padded: "x", "": "x"})
	for event, want := range map[string]bool{
		"Ev": true, "Empty": true, "Blank": true, padded: true, "": true,
		"ev": false, strings.TrimSpace(padded): false, "Other": false,
	} {
		if got := templates.lists(event); got != want {
			t.Errorf("lists(%q) = %t, want %t", event, got, want)
		}
	}
	if mustCompileTemplates(t, nil).lists("Ev") {
		t.Error("an event is listed where none is")
	}
}

func TestEventTemplates_subjectOfTheEvent(t *testing.T) {
	t.Parallel()
	templates := mustCompileTemplates(t, map[string]string{"Ev": "{{ event }} {{ plan || free }}", "Other": "{{ plan }}", "Empty": "", "Blank": " \t\n"})
	pro := map[string]any{"plan": "pro"}
	for _, tc := range []struct {
		event      string
		properties map[string]any
		want       string
	}{
		{"Ev", pro, "Ev pro"},
		{"Ev", nil, "Ev free"},
		{"Other", pro, "pro"},
		{"Other", nil, ""},
		{"Empty", pro, ""},
		{"Blank", pro, ""},
		{"Unlisted", pro, ""},
	} {
		if got := templates.subject(&Event{Event: tc.event, Properties: tc.properties}); got != tc.want {
			t.Errorf("the subject of %s with %v is %q, want %q", tc.event, tc.properties, got, tc.want)
		}
	}
}

// What the template leaves in the text does not get into the subject.
func TestEventTemplates_subjectIsOneLine(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, template, value, want string }{
		{name: "padded text", template: "   padded   ", want: "padded"},
		{name: "padded by controls", template: "\n\t x \t\n", want: "x"},
		{name: "padded as JavaScript sees it", template: "\u00a0\ufeff\u3000x\u2003\ufeff\u0085", want: "x"},
		{name: "padded value", template: "{{x}}", value: " \n y \ufeff", want: "y"},
		{name: "padded by empty values", template: "{{x}} y {{x}}", want: "y"},
		{name: "an empty value at the end", template: "{{event}}: {{x}}", want: "Ev:"},
		{name: "an empty property at the end", template: "{{properties}}", want: "x:"},
		{name: "newline in the text", template: "a\nb", want: "a b"},
		{name: "newline after whitespace control", template: "a\n{{~event}}\nb", want: "aEv b"},
		{name: "newline in a value", template: "{{x}}", value: "a\r\nb\tc", want: "a  b c"},
		{name: "NUL in the text", template: "a\x00\x00b{{event}}", want: "a  bEv"},
		{name: "NUL in a value", template: "{{x}}", value: "a\x00\x00b", want: "a  b"},
		{name: "other controls", template: "{{x}}", value: "a\u0000b\u001bc\u007fd\u0085e\u009ff", want: "a b c d e f"},
		{name: "DEL in ASCII text", template: "a\u007fb", want: "a b"},
		{name: "line separators", template: "a\u2028b{{x}}", value: "c\u2029d", want: "a bc d"},
		{name: "other whitespace and joiners stay inside", template: "a\u00a0b\u200cc\u200dd", want: "a\u00a0b\u200cc\u200dd"},
		{name: "characters that hide or reorder text", template: "{{x}} paid", value: "\u202eABC\u202c\ufeff\u200b\u2066", want: "ABC paid"},
		{name: "invalid UTF-8", template: "a\xff{{x}}", value: "b\xc3", want: "a\ufffdb\ufffd"},
		{name: "whitespace alone", template: "{{x}}", value: " \t ", want: ""},
		{name: "whitespace in the place of a default", template: `{{ x || "free" }}`, value: " ", want: ""},
		{name: "empty template", template: "", want: ""},
		{name: "template of whitespace", template: " \t\n ", want: ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			templates := mustCompileTemplates(t, map[string]string{"Ev": tc.template})
			if got := templates.subject(&Event{Event: "Ev", Properties: map[string]any{"x": tc.value}}); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestEventTemplates_subjectLength(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, event, want string }{
		{"255 characters", strings.Repeat("a", 255), strings.Repeat("a", 255)},
		{"256 characters", strings.Repeat("a", 255) + "b", strings.Repeat("a", 255)},
		{"characters, not bytes", strings.Repeat("é", 255), strings.Repeat("é", 255)},
		{"a character of four bytes at the end", strings.Repeat("é", 254) + "😀b", strings.Repeat("é", 254) + "😀"},
		{"whitespace before the text does not count", strings.Repeat(" ", 9) + strings.Repeat("a", 255), strings.Repeat("a", 255)},
		{"whitespace before the cut is trimmed", strings.Repeat("a", 250) + "          b", strings.Repeat("a", 250)},
		{"invalid UTF-8 counts as the characters that replace it", strings.Repeat("\xff", 256), strings.Repeat("\ufffd", 255)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			templates := mustCompileTemplates(t, map[string]string{tc.event: "{{event}}"})
			if got := templates.subject(&Event{Event: tc.event}); got != tc.want {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}

// Templates lead into the whole message.
func TestEventTemplates_subjectOfMessage(t *testing.T) {
	t.Parallel()
	const ann = `"userId":"u-1","anonymousId":"a-1","messageId":"m-1","traits":{"firstName":"Ann"},` +
		`"context":{"page":{"url":"https://example.com/a?b=1"},"campaign":{"name":null},"traits":{"firstName":"Bob","plan":"pro"},"externalId":[{"type":"x","id":7}]}`
	for _, tc := range []struct{ name, fields, template, want string }{
		{"built-ins", ann, "{{traits.firstName}} {{userId}} {{context.page.url}}", "Ann u-1 https://example.com/a?b=1"},
		{"the other IDs", ann, "{{anonymousId}} {{messageId}}", "a-1 m-1"},
		{"traits of the context", ann, "{{traits.plan}} {{context.traits.firstName}}", "pro Bob"},
		{"the rest of the context", ann, "{{context.externalId.[0].id}}{{context.campaign.name}}{{context.app.name}}", "7"},
		{"a property of that name", ann + `,"properties":{"userId":"p-1","traits":{"firstName":"Cy"},"context":"shop"}`, "{{userId}} {{traits.firstName}} {{context}}", "p-1 Cy shop"},
		{"a default", ann, "{{context.ip || none}} {{event.userId || none}} {{event.context.traits.plan || none}}", "none u-1 pro"},
		{"nothing of it", `"properties":{}`, "{{traits.firstName}}{{userId}}{{context.page.url}}{{traits}}{{context}}", ""},
		{"a number as user ID", `"userId":9007199254740993`, "{{userId}}", "9007199254740993"},
		{"all traits", `"traits":{"b":1,"a":"x"}`, "{{traits}}", "a: x b: 1"},
		{"all of the context", `"context":{"ip":"192.0.2.1","page":{"url":"x"}}`, "{{context}}", "ip: 192.0.2.1 page: [object Object]"},
		{"two lines", `"traits":{"firstName":"Ann\nLee"}`, "{{traits.firstName}}", "Ann Lee"},
		{"other parts are not built-ins", ann + `,"integrations":{"All":true},"channel":"web"`, "{{type}}{{integrations.All}}{{channel}}{{page.url}}{{firstName}}", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			ev, err := ParseEvent([]byte(`{"type":"track","event":"Ev",` + tc.fields + `}`))
			if err != nil {
				t.Fatal(err)
			}
			templates := mustCompileTemplates(t, map[string]string{"Ev": tc.template})
			if got := templates.subject(ev); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// An event that is built in Go need not repeat its traits in the fields of its
// context.
func TestEventTemplates_subjectOfGoEvent(t *testing.T) {
	t.Parallel()
	type page struct{ URL string }
	templates := mustCompileTemplates(t, map[string]string{"Ev": "{{context.traits.name}} {{context.page.url}} {{traits.age}}{{context.typed.URL}}"})
	for _, context := range []EventContext{
		{Traits: map[string]any{"name": "Ann", "age": 42}, Fields: map[string]any{"page": map[string]string{"url": "x"}, "typed": page{"y"}}},
		{Traits: map[string]any{"name": "Ann", "age": 42}, Fields: map[string]any{"page": map[string]string{"url": "x"}, "traits": map[string]any{"name": "Bob"}}},
	} {
		ev := &Event{Type: "track", Event: "Ev", Context: context}
		if got := templates.subject(ev); got != "Ann x 42" {
			t.Errorf("got %q", got)
		}
		if _, changed := context.Traits["url"]; changed || len(context.Traits) != 2 || len(context.Fields) != 2 {
			t.Errorf("the context was changed: %+v", context)
		}
	}
}

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
