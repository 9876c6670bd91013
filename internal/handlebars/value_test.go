package handlebars_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/trengo-go/trengo/internal/handlebars"
)

func TestRender_jsonValues(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ value, want string }{
		{`true`, "true"},
		{`false`, "false"},
		{`null`, ""},
		{`""`, ""},
		{`[]`, ""},
		{`{}`, "[object Object]"},
		{`{"toString": "x"}`, "[object Object]"},
		{`{"toHTML": "x"}`, "[object Object]"},
		{`[1, 2, [3, 4]]`, "1,2,3,4"},
		{`[[], [[5]], []]`, ",5,"},
		{`[null, 1]`, ",1"},
		{`[null]`, ""},
		{`[null, null]`, ","},
		{`[{"a": 1}]`, "[object Object]"},
		{`[true, "a, b"]`, "true,a, b"},
		{`["<a>"]`, "<a>"},

		{`"1e3"`, "1e3"},
		{`"2000.50"`, "2000.50"},
		{`"2024-05-01T12:00:00.000Z"`, "2024-05-01T12:00:00.000Z"},

		{`0`, "0"},
		{`-0`, "0"},
		{`-0.0`, "0"},
		{`0e5`, "0"},
		{`2000`, "2000"},
		{`2000.50`, "2000.5"},
		{`2000.00`, "2000"},
		{`1.0`, "1"},
		{`1E3`, "1000"},
		{`-5`, "-5"},
		{`-1.50`, "-1.5"},
		{`0.1`, "0.1"},
		{`4.35`, "4.35"},
		{`0.30000000000000004`, "0.30000000000000004"},
		{`12345.678901234567`, "12345.678901234567"},
		{`0.000001`, "0.000001"},
		{`0.0000015`, "0.0000015"},
		{`0.1e-6`, "1e-7"},
		{`-1.5e-9`, "-1.5e-9"},
		{`1e-10`, "1e-10"},
		{`5e-324`, "5e-324"},
		{`1e-400`, "0"},
		{`1e20`, "100000000000000000000"},
		{`1e21`, "1e+21"},
		{`1.7976931348623157e308`, "1.7976931348623157e+308"},
		{`1e400`, "Infinity"},
		{`-1e400`, "-Infinity"},

		// Unlike JavaScript, which would print 1234567890123456800, 9007199254740992 and 1e+24.
		{`1234567890123456789`, "1234567890123456789"},
		{`-9007199254740993`, "-9007199254740993"},
		{`1000000000000000000000001`, "1000000000000000000000001"},
		{`[9007199254740993]`, "9007199254740993"},
	} {
		t.Run(tc.value, func(t *testing.T) {
			t.Parallel()
			properties := decodeProperties(t, `{"v": `+tc.value+`}`)
			if got := mustCompile(t, "{{v}}").Render(handlebars.Message{Event: "Ev", Properties: properties}); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

type (
	plan   string
	count  int
	ratio  float64
	paid   bool
	colour struct{ name string }
	broken struct{ *colour } // with a nil pointer, String panics
)

func (c *colour) String() string { return "the colour " + c.name }

func TestRender_goValues(t *testing.T) {
	t.Parallel()
	var (
		seven  = 7
		noon   = time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
		itself = []any{1}
		ring   any
	)
	itself[0] = itself
	ring = &ring
	for _, tc := range []struct {
		name string
		v    any
		want string
	}{
		{"int", -7, "-7"},
		{"int8", int8(-8), "-8"},
		{"largest int64", int64(math.MaxInt64), "9223372036854775807"},
		{"largest uint64", uint64(math.MaxUint64), "18446744073709551615"},
		{"named int", count(3), "3"},
		{"named float64", ratio(0.50), "0.5"},
		{"named bool", paid(true), "true"},
		{"float64", 2000.50, "2000.5"},
		{"whole float64", 2000.0, "2000"},
		{"float64 that rounds an integer", float64(1234567890123456789), "1234567890123456800"},
		{"minus zero", math.Copysign(0, -1), "0"},
		{"infinity", math.Inf(-1), "-Infinity"},
		{"NaN", math.NaN(), "NaN"},
		{"float32", float32(0.1), "0.1"},
		{"infinite float32", float32(math.Inf(1)), "Infinity"},
		{"named string", plan("pro"), "pro"},
		{"bytes", []byte("abc"), "abc"},
		{"raw JSON", json.RawMessage(`{"a":1}`), `{"a":1}`},
		{"json.Number that is not a number", json.Number("seven"), "seven"},
		{"empty json.Number", json.Number(""), ""},

		{"time", noon, "2024-05-01T12:00:00Z"},
		{"pointer to time", &noon, "2024-05-01T12:00:00Z"},
		{"duration", 90 * time.Second, "1m30s"},
		{"address", netip.MustParseAddr("10.0.0.1"), "10.0.0.1"},
		{"big integer", new(big.Int).Lsh(big.NewInt(1), 70), "1180591620717411303424"},
		{"Stringer by pointer", &colour{"red"}, "the colour red"},
		{"error", errors.New("card declined"), "card declined"},

		{"strings", []string{"a", "b"}, "a,b"},
		{"array", [2]int{1, 2}, "1,2"},
		{"array of bytes", [2]byte{1, 2}, "1,2"},
		{"list of everything", []any{"a", 1, nil, []float32{0.5}, map[string]any{}}, "a,1,,0.5,[object Object]"},
		{"map", map[string]string{"a": "b"}, "[object Object]"},
		{"struct", struct{ A int }{1}, "[object Object]"},
		{"pointer to struct", &struct{ A int }{1}, "[object Object]"},
		{"pointer", &seven, "7"},

		{"nil pointer", (*int)(nil), ""},
		{"nil time", (*time.Time)(nil), ""},
		{"nil Stringer", (*colour)(nil), ""},
		{"nil list", []any(nil), ""},
		{"nil map", map[string]any(nil), ""},
		{"nil strings", []string(nil), ""},
		{"nil func", (func())(nil), ""},
		{"func", func() {}, ""},
		{"channel", make(chan int), ""},
		{"complex", 1i, ""},
		{"a list that contains itself", itself, ""},
		{"a pointer to itself", ring, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := mustCompile(t, "{{v}}").Render(handlebars.Message{Event: "Ev", Properties: map[string]any{"v": tc.v}}); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestRender_goPaths(t *testing.T) {
	t.Parallel()
	properties := map[string]any{
		"strings": []string{"a", "b"},
		"map":     map[string]int{"a": 1},
		"plans":   map[plan][]plan{"free": {"x"}},
		"years":   map[int]string{2024: "v"},
		"pointer": &map[string]any{"a": "p"},
		"maps":    []map[string]any{{"a": "m"}},
		"struct":  struct{ A int }{1},
		"nil":     map[string]any(nil),
		"time":    time.Now(),
		"list":    []any(nil),
	}
	for template, want := range map[string]string{
		"{{strings.1}}":      "b",
		"{{strings.2}}":      "",
		"{{map.a}}":          "1",
		"{{map.b}}":          "",
		"{{plans.free.[0]}}": "x",
		"{{years.2024}}":     "v",
		"{{pointer.a}}":      "p",
		"{{maps.0.a}}":       "m",
		"{{struct.A}}":       "",
		"{{nil.a}}":          "",
		"{{list.0}}":         "",
		"{{time.year}}":      "",
	} {
		t.Run(template, func(t *testing.T) {
			t.Parallel()
			if got := mustCompile(t, template).Render(handlebars.Message{Event: "Ev", Properties: properties}); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestRender_goProperties(t *testing.T) {
	t.Parallel()
	properties := map[string]any{"b": (*int)(nil), "a": []string{"x"}, "c": map[string]any(nil)}
	if got, want := mustCompile(t, "{{properties}}").Render(handlebars.Message{Event: "Ev", Properties: properties}), "a: x b: null c: null"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRender_hostileValues(t *testing.T) {
	t.Parallel()
	everyone := make([]any, 10)
	for i := range everyone {
		everyone[i] = everyone
	}
	deep := any("end")
	for range 100_000 {
		deep = []any{deep}
	}
	template := mustCompile(t, "a{{v}}")
	for name, v := range map[string]any{
		"a list that contains itself many times": everyone,
		"a deep list":                            deep,
		"a String method that panics":            broken{},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := template.Render(handlebars.Message{Event: "Ev", Properties: map[string]any{"v": v}}); !strings.HasPrefix(got, "a") {
				t.Errorf("got %q", got)
			}
		})
	}
}
