package identity_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo/internal/identity"
)

type ownText string

func TestText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		value any
		want  string
	}{
		{"text", " ann@example.com\t", "ann@example.com"},
		{"text of an own type", ownText(" Ann "), "Ann"},
		{"spaces", " \n", ""},
		{"null", nil, ""},
		{"a bool", true, ""},
		{"a whole number", json.Number("31600000042"), "31600000042"},
		{"a whole number with an exponent", json.Number("3.1600000042e10"), "31600000042"},
		{"a whole number with a fraction of zero", json.Number("31600000042.0"), "31600000042"},
		{"a number with a fraction", json.Number("3160000004.5"), ""},
		{"a negative number", json.Number("-31600000042"), ""},
		{"a number too long to be written out", json.Number("1e30"), ""},
		{"an int", 31600000042, "31600000042"},
		{"a negative int", -5, ""},
		{"a uint64", uint64(31600000042), "31600000042"},
		{"a float64", 31600000042.0, "31600000042"},
		{"a float32", float32(16777216), "16777216"},
		{"not a number", math.NaN(), ""},
		{"infinity", math.Inf(1), ""},
		{"bytes", []byte("ann@example.com"), ""},
		{"a nil pointer", (*string)(nil), ""},
		{"an array", []any{"ann@example.com"}, ""},
		{"an object", map[string]any{"email": "ann@example.com"}, ""},
		{"a function", func() {}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := identity.Text(tt.value); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		json string
		keys []string
		want []string
	}{
		{name: "text", json: `" ann@example.com "`, want: []string{"ann@example.com"}},
		{name: "a number", json: `31600000042`, want: []string{"31600000042"}},
		{name: "spaces", json: `" "`},
		{name: "null", json: `null`},
		{name: "a bool", json: `true`},
		{name: "a number with a fraction", json: `1.5`},
		{name: "an array of text", json: `["ann@example.com", "bob@example.com"]`, want: []string{"ann@example.com", "bob@example.com"}},
		{name: "an array of numbers", json: `[31600000042, 31600000043]`, want: []string{"31600000042", "31600000043"}},
		{name: "an empty array", json: `[]`},
		{name: "an array that begins with nothing", json: `[null, "", " ", false, {}, [], "ann@example.com"]`, want: []string{"ann@example.com"}},
		{name: "an array of objects", json: `[{"email": "ann@example.com"}, {"email": "bob@example.com"}]`, keys: []string{"email"}, want: []string{"ann@example.com", "bob@example.com"}},
		{name: "an array of objects with a number", json: `[{"phone": 31600000042}]`, keys: []string{"phone"}, want: []string{"31600000042"}},
		{name: "an array of objects and text", json: `["ann@example.com", {"email": "bob@example.com"}]`, keys: []string{"email"}, want: []string{"ann@example.com", "bob@example.com"}},
		{name: "objects without the key", json: `[{"mail": "ann@example.com"}, {"email": "bob@example.com"}]`, keys: []string{"email"}, want: []string{"bob@example.com"}},
		{name: "objects with the key in other case", json: `[{"Email": "ann@example.com"}]`, keys: []string{"email"}, want: []string{"ann@example.com"}},
		{name: "objects with several keys, in their order", json: `[{"value": "b@example.com", "email": "a@example.com"}, {"value": "c@example.com"}]`, keys: []string{"email", "value"}, want: []string{"a@example.com", "b@example.com", "c@example.com"}},
		{name: "objects whose value is not text", json: `[{"email": null}, {"email": ["a@example.com"]}, {"email": {"email": "b@example.com"}}]`, keys: []string{"email"}},
		{name: "objects without a key to look at", json: `[{"email": "ann@example.com"}]`},
		{name: "an array in an array", json: `[["ann@example.com"]]`},
		{name: "an array in an array and text", json: `[["ann@example.com"], "bob@example.com"]`, want: []string{"bob@example.com"}},
		{name: "an array of all kinds", json: `["a", null, true, 5, ""]`, want: []string{"a", "5"}},
		{name: "objects with and without the key, and text", json: `[{"email": "a"}, {"mail": "b"}, "c"]`, keys: []string{"email"}, want: []string{"a", "c"}},
		{name: "an object alone", json: `{"email": "ann@example.com"}`, keys: []string{"email"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var value any
			decoder := json.NewDecoder(strings.NewReader(tt.json))
			decoder.UseNumber()
			if err := decoder.Decode(&value); err != nil {
				t.Fatal(err)
			}
			got := slices.Collect(identity.Texts(value, identity.Keys(tt.keys).All))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.json, diff)
			}
		})
	}
}

// Events built in Go hold lists of any type.
func TestTexts_ofGo(t *testing.T) {
	t.Parallel()
	var nilList []string
	want := []string{"ann@example.com", "bob@example.com"}
	for _, tt := range []struct {
		name  string
		value any
		want  []string
	}{
		{"strings", want, want},
		{"an array", [2]string{"ann@example.com", "bob@example.com"}, want},
		{"own text", []ownText{"ann@example.com", "bob@example.com"}, want},
		{"ints", []int{31600000042}, []string{"31600000042"}},
		{"objects", []map[string]any{{"email": "ann@example.com"}, nil, {"email": "bob@example.com"}}, want},
		{"objects of strings", []map[string]string{{"email": "ann@example.com"}, {"email": "bob@example.com"}}, want},
		{"objects with keys of an own type", []map[ownText]string{{"email": "ann@example.com"}}, []string{"ann@example.com"}},
		{"maps with other keys", []map[int]string{{1: "ann@example.com"}}, nil},
		{"a nil list", nilList, nil},
		{"a nil object", []map[string]any{nil}, nil},
		{"bytes", []byte("ann@example.com"), nil},
		{"raw JSON", json.RawMessage(`"ann@example.com"`), nil},
		{"bytes in a list", []any{[]byte("ann@example.com")}, nil},
		{"pointers", []*string{nil}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, slices.Collect(identity.Texts(tt.value, identity.Keys{"email"}.All))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTexts_stopsWithItsCaller(t *testing.T) {
	t.Parallel()
	for _, value := range []any{
		"ann@example.com",
		[]any{"ann@example.com", "bob@example.com"},
		[]any{map[string]any{"email": "ann@example.com", "value": "bob@example.com"}, "cy@example.com"},
	} {
		for text := range identity.Texts(value, identity.Keys{"email", "value"}.All) {
			if text != "ann@example.com" {
				t.Errorf("%v: got %q first", value, text)
			}
			break
		}
	}
}
