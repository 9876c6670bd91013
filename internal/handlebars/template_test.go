package handlebars_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/trengo-go/trengo/internal/handlebars"
)

// A renderCase renders a template for an event, "Ev" by default, with
// properties in JSON. Its name is the template by default.
type renderCase struct {
	name, template, event, properties string
	want                              string
}

func testRender(t *testing.T, cases []renderCase) {
	t.Helper()
	for _, tc := range cases {
		name := tc.name
		if name == "" {
			name = tc.template
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event := tc.event
			if event == "" {
				event = "Ev"
			}
			got := mustCompile(t, tc.template).Render(handlebars.Message{Event: event, Properties: decodeProperties(t, tc.properties)})
			if got != tc.want {
				t.Errorf("%q rendered for %q with %s as %q, want %q", tc.template, event, tc.properties, got, tc.want)
			}
		})
	}
}

func mustCompile(tb testing.TB, source string) *handlebars.Template {
	tb.Helper()
	template, err := handlebars.Compile(source)
	if err != nil {
		tb.Fatal(err)
	}
	return template
}

func decodeProperties(tb testing.TB, object string) map[string]any {
	tb.Helper()
	if object == "" {
		return nil
	}
	decoder := json.NewDecoder(strings.NewReader(object))
	decoder.UseNumber()
	var properties map[string]any
	if err := decoder.Decode(&properties); err != nil {
		tb.Fatal(err)
	}
	return properties
}

func TestRender_content(t *testing.T) {
	t.Parallel()
	testRender(t, []renderCase{
		{template: "{event} Stress test", want: "{event} Stress test"},
		{template: "a } b { c", want: "a } b { c"},
		{template: "50% $1 ${event}", want: "50% $1 ${event}"},
		{template: "event}}", want: "event}}"},
		{template: `back\slash`, want: `back\slash`},
		{template: `\{event}`, want: `\{event}`},
		{template: `\ {{event}}`, want: `\ Ev`},
		{template: "Tom & Jerry <b>", want: "Tom & Jerry <b>"},
		{template: "{ {event} }", want: "{ {event} }"},
		{template: "{{event}}}", want: "Ev}"},
		{template: "{{event}} {{event}}", want: "Ev Ev"},
		{template: "{{event}} Triggered", event: "Product Purchased", want: "Product Purchased Triggered"},
		{name: "empty", template: "", want: ""},
		{name: "whitespace", template: " \t\n ", want: " \t\n "},
		{name: "controls and other whitespace", template: "a\u001b\u2028\u00a0\ufeff", want: "a\u001b\u2028\u00a0\ufeff"},
		{name: "invalid UTF-8", template: "a\xff", want: "a\xff"},
		{name: "NUL", template: "a\x00\x00b{{event}}", want: "a  bEv"},
	})
}

func TestRender_expressions(t *testing.T) {
	t.Parallel()
	testRender(t, []renderCase{
		{template: "{{ event }}", want: "Ev"},
		{template: "{{event}}", want: "Ev"},
		{template: "{{\tevent\n}}", want: "Ev"},
		{template: "{{\u00a0event\ufeff}}", want: "Ev"},
		{template: "{{this.event}}", want: "Ev"},
		{template: "{{./event}}", want: "Ev"},
		{template: "{{[event]}}", want: "Ev"},
		{template: `{{"event"}}`, want: "Ev"},
		{template: "{{{event}}}", want: "Ev"},
		{template: "{{{ event }}}", want: "Ev"},
		{template: "{{&event}}", want: "Ev"},
		{template: "{{& event }}", want: "Ev"},
		{template: "a{{{event}}}b", want: "aEvb"},
	})
}

func TestRender_whitespaceControl(t *testing.T) {
	t.Parallel()
	testRender(t, []renderCase{
		{template: "a {{~event~}} b", want: "aEvb"},
		{template: "a {{~event}} b", want: "aEv b"},
		{template: "a {{event~}} b", want: "a Evb"},
		{template: "a {{event~}} b {{~event}} c", want: "a EvbEv c"},
		{template: "a\n{{~event}}\nb", want: "aEv\nb"},
		{template: "a {{~ event ~}} b", want: "aEvb"},
		{template: "a {{~{event}~}} b", want: "aEvb"},
		{template: "a {{~& event}} b", want: "aEv b"},
		{template: `a {{~missing || "c"~}} b`, want: "acb"},
		{template: "a {{event~}} {{event}} b", want: "a EvEv b"},
		{name: "braces that meet after trimming", template: "{ {{~! c ~}} {event}", want: "{{event}"},
	})
}

func TestRender_comments(t *testing.T) {
	t.Parallel()
	testRender(t, []renderCase{
		{template: "{{! c }}x", want: "x"},
		{template: "{{!c}}x", want: "x"},
		{template: "{{!}}x", want: "x"},
		{template: "a{{! event }}b", want: "ab"},
		{template: "{{!-- a }} b --}}x", want: "x"},
		{template: "{{!-- {{event}} --}}x {{!-- y --}}z", want: "x z"},
		{template: "{{!--}}x", want: "x"},
		{template: "a {{~! c ~}} b", want: "ab"},
		{template: "a {{~!-- c --~}} b", want: "ab"},
	})
}

// A value is rendered as it is, whatever it holds.
func TestRender_plainText(t *testing.T) {
	t.Parallel()
	testRender(t, []renderCase{
		{name: "characters of HTML", template: "{{event}}", event: "& < > \" ' ` =", want: "& < > \" ' ` ="},
		{name: "an HTML entity", template: "{{event}}", event: "&amp;", want: "&amp;"},
		{name: "tags in a value", template: "{{x}} {{{x}}}", properties: `{"x": "{{y}}", "y": 1}`, want: "{{y}} {{y}}"},
		{name: "NUL in a value", template: "{{x}}{{x}}", properties: `{"x": "a\u0000\u0000b"}`, want: "a\x00\x00ba\x00\x00b"},
		{name: "NUL in a default", template: "{{x || a\x00\x00b}}{{event}}", want: "a\x00\x00bEv"},
		{name: "lines and whitespace", template: "{{x}}", properties: `{"x": " a\r\n\tb\u2029 "}`, want: " a\r\n\tb\u2029 "},
		{name: "invalid UTF-8", template: "{{event}}", event: "b\xc3", want: "b\xc3"},
		{name: "patterns of regular expressions and printf", template: "{{x}}", properties: `{"x": "$1 %s \\1"}`, want: `$1 %s \1`},
	})
}

// lampProperties holds a value of every kind that a path can reach.
const lampProperties = `{"value": 5000, "name": "N", "product": {"name": "Lamp", "price": 12.5, "dims": {"h": 3}, "0": "zero",
	"order id": "o", "a.b": "ab", "this": "t", "if": "i"},
	"items": ["a", "b"], "products": [{"n": "x", "q": 1}, {"n": "y", "q": 2}], "rows": [["p", "q"]],
	"flag": true, "off": false, "empty": "", "zero": 0, "nul": null}`

func TestRender_paths(t *testing.T) {
	t.Parallel()
	cases := []renderCase{
		{template: "{{name}}", want: "N"},
		{template: "{{product.name}}", want: "Lamp"},
		{template: "{{product.[name]}}", want: "Lamp"},
		{template: "{{[product].name}}", want: "Lamp"},
		{template: "{{this.product.name}}", want: "Lamp"},
		{template: "{{./product.name}}", want: "Lamp"},
		{template: "{{product.dims.h}}", want: "3"},
		{template: "{{product.[order id]}}", want: "o"},
		{template: "{{product.[a.b]}}", want: "ab"},
		{template: "{{product.a.b}}", want: ""},
		{template: "{{product.[this]}}", want: "t"},
		{template: "{{product.if}}", want: "i"},
		{template: "{{product.0}}", want: "zero"},
		{template: "{{items.[0]}}", want: "a"},
		{template: "{{items.0}}", want: "a"},
		{template: "{{items.[1]}}", want: "b"},
		{template: "{{items.[2]}}", want: ""},
		{template: "{{items.[9]}}", want: ""},
		{template: "{{items.[-1]}}", want: ""},
		{template: "{{items.[99999999999999999999]}}", want: ""},
		{template: "{{products.0.n}}", want: "x"},
		{template: "{{products.[1].n}}", want: "y"},
		{template: "{{rows.0.1}}", want: "q"},
		{template: "{{products.n}}", want: ""},

		{template: "{{items.length}}", want: ""}, // unlike JavaScript
		{template: "{{items.join}}", want: ""},
		{template: "{{name.length}}", want: ""},
		{template: "{{name.0}}", want: ""},
		{template: "{{flag.x}}", want: ""},
		{template: "{{value.x}}", want: ""},
		{template: "{{missing}}", want: ""},
		{template: "{{missing.a.b}}", want: ""},
		{template: "{{nul}}", want: ""},
		{template: "{{nul.name}}", want: ""},
		{template: "{{Event}}", want: ""},
		{template: "{{null}}", want: ""},
		{template: "{{undefined}}", want: ""},
		{template: "{{constructor}}", want: ""},
		{template: "{{__proto__}}", want: ""},
		{template: "{{toString}}", want: ""},
	}
	for i := range cases {
		cases[i].properties = lampProperties
	}
	testRender(t, cases)
}

func TestRender_names(t *testing.T) {
	t.Parallel()
	cases := []renderCase{
		{template: "{{[my key]}}", properties: `{"my key": "v"}`},
		{template: `{{"my key"}}`, properties: `{"my key": "v"}`},
		{template: `{{"a.b"}}`, properties: `{"a.b": "v", "a": {"b": "path"}}`},
		{template: "{{[my.key]}}", properties: `{"my.key": "v"}`},
		{template: "{{[]}}", properties: `{"": "v"}`},
		{template: "{{[a}}b]}}", properties: `{"a}}b": "v"}`},
		{template: `{{"a}}b"}}`, properties: `{"a}}b": "v"}`},
		{template: "{{[a\tb]}}", properties: `{"a\tb": "v", "a b": "blank"}`},
		{template: "{{[a\x00b]}}", properties: `{"a\u0000b": "v", "a b": "blank"}`},
		{template: `{{[a"b]}}`, properties: `{"a\"b": "v"}`},
		{template: "{{my-key}}", properties: `{"my-key": "v"}`},
		{template: "{{my_key}}", properties: `{"my_key": "v"}`},
		{template: "{{my:key?}}", properties: `{"my:key?": "v"}`},
		{template: "{{$total}}", properties: `{"$total": "v"}`},
		{template: "{{1st}}", properties: `{"1st": "v"}`},
		{template: "{{1}}", properties: `{"1": "v"}`},
		{template: "{{[0]}}", properties: `{"0": "v"}`},
		{template: "{{ünï}}", properties: `{"ünï": "v"}`},
		{template: "{{価格}}", properties: `{"価格": "v"}`},
		{template: "{{true}}", properties: `{"true": "v"}`},
		{template: "{{null}}", properties: `{"null": "v"}`},
		{template: "{{as}}", properties: `{"as": "v"}`},
		{template: "{{elsewhere}}", properties: `{"elsewhere": "v"}`},
		{template: "{{thisness}}", properties: `{"thisness": "v"}`},
		{template: "{{this.[else]}}", properties: `{"else": "v"}`},
		{template: "{{./if}}", properties: `{"if": "v"}`},
		{template: "{{this.log}}", properties: `{"log": "v"}`},
		{template: "{{if.x}}", properties: `{"if": {"x": "v"}}`},
		{template: "{{[else]}}", properties: `{"else": "v"}`},
		{template: "{{[if]}}", properties: `{"if": "v"}`}, // in Handlebars, this calls the helper
		{template: "{{toString}}", properties: `{"toString": "v"}`},
		{template: "{{hasOwnProperty}}", properties: `{"hasOwnProperty": "v"}`},
	}
	for i := range cases {
		cases[i].want = "v"
	}
	cases = append(cases, renderCase{template: "{{my.key}}", properties: `{"my.key": "v"}`, want: ""})
	testRender(t, cases)
}

func TestRender_builtIns(t *testing.T) {
	t.Parallel()
	testRender(t, []renderCase{
		{template: "{{properties}}", properties: `{"a": 1, "b": "x"}`, want: "a: 1 b: x"},
		{template: "{{ properties }}!", properties: `{"a": 1, "b": "x"}`, want: "a: 1 b: x!"}, // JavaScript: "b: x !"
		{template: "{{properties}}", properties: `{}`, want: ""},
		{template: "{{event}}: {{properties}}", want: "Ev: "},
		{
			template:   "{{properties}}",
			properties: `{"a": [1, [2, 3]], "o": {"x": 1}, "n": null, "t": true, "f": 1e21}`,
			want:       "a: 1,2,3 f: 1e+21 n: null o: [object Object] t: true",
		},
		{name: "sorted by bytes", template: "{{properties}}", properties: `{"b": 1, "a": 2, "10": 3, "2": 4, "B": 5}`, want: "10: 3 2: 4 B: 5 a: 2 b: 1"},
		{template: "{{properties}}", properties: `{"a": "<b>"}`, want: "a: <b>"},
		{template: "{{properties}}", properties: `{"": "e"}`, want: ": e"},
		{template: "{{properties}}", properties: `{"a": "", "b": [null]}`, want: "a:  b: "},
		{template: "{{properties}}", properties: `{"event": "o"}`, want: "event: o"},
		{template: "{{properties.a}}", properties: `{"a": 1}`, want: ""},
		{template: "{{properties.length}}", properties: `{"a": 1}`, want: ""},
		{template: "{{properties.0}}", properties: `{"0": 1}`, want: ""},
		{template: "{{event.length}}", want: ""},
		{template: "{{event.event}}", want: ""},
		{template: "{{event.properties.a}}", properties: `{"a": 1}`, want: ""},

		{template: "{{event}}", properties: `{"event": "o"}`, want: "o"},
		{template: "{{event}}", properties: `{"event": null}`, want: ""},
		{template: "{{event}}", properties: `{"event": ""}`, want: ""},
		{template: "{{event.name}}", properties: `{"event": {"name": "en"}}`, want: "en"},
		{template: "{{event.properties.a}}", properties: `{"a": 1, "event": {"properties": {"a": 2}}}`, want: "2"},
		{template: "{{properties.x}}", properties: `{"properties": {"x": "d"}}`, want: "d"},
		{template: "{{properties}}", properties: `{"properties": "p"}`, want: "p"},
		{template: "{{properties}}", properties: `{"properties": null}`, want: ""},
	})
}

func TestRender_defaults(t *testing.T) {
	t.Parallel()
	testRender(t, []renderCase{
		{template: `{{ plan || "free" }}`, properties: `{"plan": "pro"}`, want: "pro"},
		{template: `{{ plan || "free" }}`, want: "free"},
		{template: `{{plan||free}}`, want: "free"},
		{template: `{{ plan || "free" }}`, properties: `{"plan": null}`, want: "free"},
		{template: `{{ plan || "free" }}`, properties: `{"plan": ""}`, want: "free"},
		{template: `{{ plan || "free" }}`, properties: `{"plan": [null]}`, want: "free"},
		{template: `{{ plan || "free" }}`, properties: `{"plan": 0}`, want: "0"},
		{template: `{{ plan || "free" }}`, properties: `{"plan": false}`, want: "false"},
		{template: `{{ plan || "free" }}`, properties: `{"plan": " "}`, want: " "},
		{template: `{{{ plan || "free" }}}`, want: "free"},
		{template: `a{{{plan || "free"}}}b`, want: "afreeb"},
		{template: `a {{~{plan || "free"}~}} b`, want: "afreeb"},
		{template: `{{& plan || "free" }}`, want: "free"},
		{template: `{{ a.b.[c d] || "free" }}`, properties: `{"a": {"b": {"c d": "v"}}}`, want: "v"},
		{template: `{{ "my plan" || "free" }}`, properties: `{"my plan": "v"}`, want: "v"},
		{template: `{{ this.plan || "free" }}`, properties: `{"plan": "v"}`, want: "v"},

		{template: `{{ plan || "a" "b" }}`, want: "a b"},
		{template: `{{ plan || 5" }}`, want: "5"},
		{template: `x{{ plan || " a " }}x`, want: "xax"},
		{template: `{{ plan || don't }}`, want: "don't"},
		{template: `{{ plan || a | b }}`, want: "a | b"},
		{template: `{{ plan || a || b }}`, want: "a || b"},
		{template: `{{ plan || }}x`, want: "x"},
		{template: `{{ plan || "" }}x`, want: "x"},
		{template: `{{ plan || {a} b }}`, want: "{a} b"},
		{template: `{{ plan || name }}`, properties: `{"name": "n"}`, want: "name"},

		{template: `{{ event.properties.plan || "free" }}`, properties: `{"plan": "pro"}`, want: "pro"},
		{template: `{{ event.properties.a.0 || "free" }}`, properties: `{"a": ["v"]}`, want: "v"},
		{template: `{{ event.properties.plan || "free" }}`, want: "free"},
		{template: `{{ properties.plan || "free" }}`, properties: `{"plan": "pro"}`, want: "pro"},
		{template: `{{ event.properties || "none" }}`, properties: `{"a": 1}`, want: "a: 1"},
		{template: `{{ properties || "none" }}`, properties: `{"a": 1}`, want: "a: 1"},
		{template: `{{ properties || "none" }}`, want: "none"},
		{template: `{{ event.event || "x" }}`, want: "Ev"},
		{template: `{{ event || "x" }}`, want: "Ev"},
		{template: `{{ event.event.event || "x" }}`, want: "x"},
		{template: `{{ event.plan || "x" }}`, properties: `{"plan": "pro"}`, want: "x"},
		{template: `{{ event.context.ip || "x" }}`, properties: `{"context": {"ip": "1"}}`, want: "x"},
		{template: `{{ event.traits.email || "x" }}`, properties: `{"traits": {"email": "1"}}`, want: "x"},
		{template: `{{ event.properties.event || "x" }}`, want: "x"},
		{template: `{{ event.properties.a || "x" }}`, properties: `{"a": 1, "event": {"properties": {"a": 2}}}`, want: "2"},
		{template: `{{ event.properties.a || "x" }}`, properties: `{"a": 1, "event": "o"}`, want: "x"},
		{template: `{{ event.properties.a || "x" }}`, properties: `{"a": 1, "properties": {"a": 2}}`, want: "1"},
		{template: `{{ properties.a || "x" }}`, properties: `{"a": 1, "properties": {"a": 2}}`, want: "2"},
		{template: `{{ properties.a || "x" }}`, properties: `{"a": 1, "properties": null}`, want: "x"},
	})
}

func TestRender_concurrent(t *testing.T) {
	t.Parallel()
	template := mustCompile(t, `{{n}} {{event}} {{m || "none"}}`)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			event := strings.Repeat("e", i)
			want := "1 " + event + " none"
			for range 200 {
				got := template.Render(handlebars.Message{Event: event, Properties: map[string]any{"n": json.Number("1")}})
				if got != want {
					t.Errorf("got %q, want %q", got, want)
					return
				}
			}
		})
	}
	group.Wait()
}

func TestRender_parts(t *testing.T) {
	t.Parallel()
	parts := map[string]any{
		"userId": "u-1", "messageId": "", "event": "not the name", "properties": map[string]any{"a": "not a property"},
		"traits":  map[string]any{"firstName": "Ann", "address": map[string]any{"city": "Utrecht"}, "tags": []any{"a", "b"}, "age": json.Number("42")},
		"context": map[string]any{"page": map[string]any{"url": "https://example.com/?a=1&b=2"}, "ip": nil},
		"typed":   map[string]string{"a": "b"},
	}
	properties := map[string]any{"a": "b", "own": "property"}
	for template, want := range map[string]string{
		"{{userId}}":                     "u-1",
		"{{ traits.firstName }}":         "Ann",
		"{{traits.address.city}}":        "Utrecht",
		"{{traits.tags.[1]}}":            "b",
		"{{traits.[firstName]}}":         "Ann",
		"{{context.page.url}}":           "https://example.com/?a=1&b=2",
		"{{this.context.page.url}}":      "https://example.com/?a=1&b=2",
		"{{traits}}":                     "address: [object Object] age: 42 firstName: Ann tags: a,b",
		"{{traits.address}}":             "[object Object]",
		"{{typed}} {{typed.a}}":          "a: b b",
		"{{event}} {{properties}}":       "Ev a: b own: property",
		"{{userId.x}}{{context.ip}}":     "",
		"{{TRAITS.firstName}}{{UserId}}": "",
		"{{messageId || none}}":          "none",
		"{{context.ip || none}}":         "none",
		"{{traits.x || none}}":           "none",
		"{{event.userId || none}}":       "u-1",
		"{{event.traits.firstName || you}} {{event.context.page.url || x}}": "Ann https://example.com/?a=1&b=2",
		"{{event.userId}}": "",
	} {
		got := mustCompile(t, template).Render(handlebars.Message{Event: "Ev", Properties: properties, Parts: parts})
		if got != want {
			t.Errorf("%q rendered as %q, want %q", template, got, want)
		}
	}
	shadowed := map[string]any{"userId": "p-1", "traits": map[string]any{"firstName": "Bob"}, "context": nil}
	got := mustCompile(t, "{{userId}} {{traits.firstName}} {{context.page.url}}{{context}}").
		Render(handlebars.Message{Event: "Ev", Properties: shadowed, Parts: parts})
	if got != "p-1 Bob " {
		t.Errorf("got %q, want the properties of that name", got)
	}
}
