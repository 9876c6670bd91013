package failed

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/examples/backfill/internal/input"
)

func TestWrap(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"event", `{"type":"page"}`, `{"_failed":{"line":7,"event":9,"replay":"A","reason":"R"},"type":"page"}`},
		{"blanks", `{ "type" : "page" }`, `{"_failed":{"line":7,"event":9,"replay":"A","reason":"R"},"type" : "page" }`},
		{"several lines", "{\n  \"type\": \"page\",\r\n  \"a\": \"\\n\"\n}", `{"_failed":{"line":7,"event":9,"replay":"A","reason":"R"},"type": "page",    "a": "\n" }`},
		{"empty object", `{ }`, `{"_failed":{"line":7,"event":9,"replay":"A","reason":"R"}}`},
		{"broken JSON", `{"type":`, `{"_failed":{"line":7,"event":9,"replay":"A","reason":"R","text":"{\"type\":"}}`},
		{"array", `[{"type":"page"}]`, `{"_failed":{"line":7,"event":9,"replay":"A","reason":"R","text":"[{\"type\":\"page\"}]"}}`},
		{"nothing", ``, `{"_failed":{"line":7,"event":9,"replay":"A","reason":"R"}}`},
		{"oversized line", `{"a":"` + strings.Repeat("x", input.MaxText-6), `{"_failed":{"line":7,"event":9,"replay":"A","reason":"R"}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Wrap(seventhLine([]byte(tt.text)), "A", errors.New("R"))
			if err != nil || string(got) != tt.want {
				t.Errorf("got %s, error %v", got, err)
			}
		})
	}
}

func FuzzWrap(f *testing.F) {
	reason := errors.New("trengo: a reason with \"quotes\" and a <tag>")
	for _, text := range []string{`{"type":"page"}`, `{ }`, `{"type":`, `[1]`, `null`, `"x"`, "{\"a\":1}\x00", `{"_failed":1}`, `{"_failed":{"line":1}}`, "\xff"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		text = bytes.TrimSpace(text)
		if _, f := Unwrap(text); len(text) == 0 || f != (Failure{}) || bytes.ContainsAny(text, "\r\n") {
			return // not a line, or already wrapped
		}
		got, err := Wrap(seventhLine(text), "A", reason)
		if err != nil {
			t.Fatal(err)
		}
		before, errBefore := trengo.ParseEvent(text)
		after, errAfter := trengo.ParseEvent(got)
		if (errBefore == nil) != (errAfter == nil) {
			t.Fatalf("%q: error %v, and wrapped as %q: %v", text, errBefore, got, errAfter)
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("%q became another event (-want +got):\n%s", text, diff)
		}
		back, f := Unwrap(got)
		asText := []byte(string([]rune(string(text)))) // JSON replaces invalid UTF-8
		if f.Line != 7 || trimObject(back) != trimObject(asText) && trimObject(back) != trimObject(text) {
			t.Errorf("%q came back as %q, of line %d", text, back, f.Line)
		}
	})
}

// trimObject removes the blanks after the first brace, as wrap does.
func trimObject(text []byte) string {
	rest, isObject := strings.CutPrefix(string(text), "{")
	if !isObject {
		return rest
	}
	return "{" + strings.TrimSpace(rest)
}

func seventhLine(text []byte) input.Event {
	return input.Event{Position: input.Position{Number: 9, Line: 7, Index: 1}, Text: text}
}
