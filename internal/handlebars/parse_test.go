package handlebars_test

import (
	"strings"
	"testing"

	"github.com/trengo-go/trengo/internal/handlebars"
)

func TestCompile_errors(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ template, tag string }{
		{"a {{event", "{{event"},
		{"{{event}", "{{event}"},
		{"{{{event}}", "{{{event}}"},
		{"{{{event~}}", "{{{event~}}"},
		{"{{{{event}}}}", "{{{{event}}"},
		{"{{", "{{"},
		{"{{}} b", "{{}}"},
		{"{{ }}", "{{ }}"},
		{"{{~}}", "{{~}}"},
		{"{{{}}}", "{{{}}"},
		{"{{.name}}", "{{.name}}"},
		{"{{.}}", "{{.}}"},
		{"{{./}}", "{{./}}"},
		{"{{this}}", "{{this}}"},
		{"{{this.}}", "{{this.}}"},
		{"{{this.this}}", "{{this.this}}"},
		{"{{./this.name}}", "{{./this.name}}"},
		{"{{product.this}}", "{{product.this}}"},
		{"{{a.[b}}", "{{a.[b}}"},
		{"{{a.[b]c}}", "{{a.[b]c}}"},
		{`{{"a}}`, `{{"a}}`},
		{`{{"a".b}}`, `{{"a".b}}`},
		{"{{'event'}}", "{{'event'}}"},
		{"{{a + 1}}", "{{a + 1}}"},
		{"{{a|b}}", "{{a|b}}"},
		{"{{a | b}}", "{{a | b}}"},
		{"{{a, b}}", "{{a, b}}"},
		{"{{my key}}", "{{my key}}"},
		{"{{this .x}}", "{{this .x}}"},
		{"{{product..name}}", "{{product..name}}"},
		{"{{product.}}", "{{product.}}"},
		{"{{product/name}}", "{{product/name}}"},
		{"{{this/name}}", "{{this/name}}"},
		{"{{../event}}", "{{../event}}"},
		{"{{./../event}}", "{{./../event}}"},
		{"{{@index}}", "{{@index}}"},
		{"{{@root.event}}", "{{@root.event}}"},
		{"{{ a { b }}", "{{ a { b }}"},
		{"{{ a {{b}} }}", "{{ a {{b}}"},
		{"{{ !c }}", "{{ !c }}"},
		{"{{! c", "{{! c"},
		{"{{!-- c }} d", "{{!-- c }}"},
		{"{{!-- c --} }}", "{{!-- c --} }}"},

		{`\{{event}}`, `\{{event}}`},
		{`a \\{{event}}`, `\{{event}}`}, // in Handlebars, this is a backslash and an expression
		{`\{{event`, `\{{event`},

		{"{{lookup . \"event\"}}", "{{lookup . \"event\"}}"},
		{"{{lookup product \"name\"}}", "{{lookup product \"name\"}}"},
		{"{{(lookup items 0)}}", "{{(lookup items 0)}}"},
		{`{{log "hi"}}x`, `{{log "hi"}}`},
		{"{{unknown 1}}", "{{unknown 1}}"},
		{`{{event "x"}}`, `{{event "x"}}`},
		{"{{name value}}", "{{name value}}"},
		{"{{name a=1}}", "{{name a=1}}"},
		{"{{if flag}}", "{{if flag}}"},
		{"{{if}}", "{{if}}"},
		{"{{else}}", "{{else}}"},
		{"{{ else }}", "{{ else }}"},
		{"{{unless}}", "{{unless}}"},
		{"{{each}}", "{{each}}"},
		{"{{with}}", "{{with}}"},
		{"{{lookup}}", "{{lookup}}"},
		{"{{log}}", "{{log}}"},
		{"{{helperMissing}}", "{{helperMissing}}"},
		{"{{blockHelperMissing}}", "{{blockHelperMissing}}"},

		{"{{#if flag}}x{{/if}}", "{{#if flag}}"},
		{"{{#if flag}}x", "{{#if flag}}"},
		{"{{#if flag}}x{{/unless}}", "{{#if flag}}"},
		{"x{{/if}}", "{{/if}}"},
		{"{{^off}}inv{{/off}}", "{{^off}}"},
		{"{{^}}", "{{^}}"},
		{"{{#each items}}{{.}}{{/each}}", "{{#each items}}"},
		{"{{#product}}{{name}}{{/product}}", "{{#product}}"},
		{`{{#*inline "p"}}I{{/inline}}`, `{{#*inline "p"}}`},
		{"{{#> layout}}fb{{/layout}}", "{{#> layout}}"},
		{"{{> part}}", "{{> part}}"},
		{"{{* deco}}", "{{* deco}}"},
		{"{{{{raw}}}} {{x}} {{{{/raw}}}}", "{{{{raw}}"},

		{`{{ || "x" }}`, `{{ || "x" }}`},
		{`{{ my key || "x" }}`, `{{ my key || "x" }}`},
		{`{{ plan || "x"`, `{{ plan || "x"`},
		{`{{ plan || {{name}} }}`, `{{ plan || {{name}}`},
		{`{{{ plan || "x" }}`, `{{{ plan || "x" }}`},
		{`{{ plan | "x" }}`, `{{ plan | "x" }}`},
		{`{{ if || "x" }}`, `{{ if || "x" }}`},
	} {
		t.Run(tc.template, func(t *testing.T) {
			t.Parallel()
			_, err := handlebars.Compile("{{event}} " + tc.template)
			if err == nil {
				t.Fatalf("%q compiles", tc.template)
			}
			want := "tag `" + tc.tag + "` is not supported"
			if !strings.Contains(tc.tag, "}}") {
				want = "tag `" + tc.tag + "` is not closed"
			}
			if !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got error %q, want prefix %q", err, want)
			}
		})
	}
}

func TestCompile_punctuation(t *testing.T) {
	t.Parallel()
	for _, r := range "\t !\"#%&'()*+,/;<=>@[\\]^`{|}~\u00a0\ufeff" {
		if _, err := handlebars.Compile("{{a" + string(r) + "b}}"); err == nil {
			t.Errorf("a segment with %q compiles", r)
		}
	}
}
