package identity_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/trengo-go/trengo/internal/identity"
)

func TestName(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"Ann Lee":                 "Ann Lee",
		"  Ann  Lee\t":            "Ann  Lee",
		"":                        "",
		"undefined":               "",
		"undefined undefined":     "",
		"null":                    "",
		"NaN":                     "",
		"N/A":                     "",
		"null null":               "",
		"Ann undefined":           "Ann",
		"undefined Lee":           "Lee",
		" null ":                  "",
		"Undefined":               "Undefined",
		"Null":                    "Null",
		"Nan":                     "Nan",
		"n/a":                     "n/a",
		"Nullens":                 "Nullens",
		"Ann\r\nLee":              "Ann  Lee",
		"Ann\x00Lee\x1b":          "Ann Lee",
		"Ann\u2028Lee":            "Ann Lee",
		"\u202eeeL nnA\u202c":     "eeL nnA",
		"\u2067Ann\u2069":         "Ann",
		"\ufeffAnn\u200b Lee":     "Ann Lee",
		"محمد\u200cرضا":           "محمد\u200cرضا",
		"Ann 👩\u200d🔬":            "Ann 👩\u200d🔬",
		"\u200dAnn\u200c":         "Ann",
		"Zoë Ångström":            "Zoë Ångström",
		"王小明":                     "王小明",
		strings.Repeat("é", 255):  strings.Repeat("é", 255),
		strings.Repeat("é", 256):  strings.Repeat("é", 255),
		strings.Repeat("a ", 128): strings.TrimSpace(strings.Repeat("a ", 128)),
		"Ann\xffLee":              "Ann\ufffdLee",
	} {
		if got := identity.Name(value); got != want {
			t.Errorf("%q gives %q, want %q", value, got, want)
		}
	}
}

func FuzzCleanLine(f *testing.F) {
	for _, seed := range []string{"Ann Lee", "a\r\nb", "\u202ea\u202c", "👩\u200d🔬", "\xff", "\u200d"} {
		f.Add(seed, 5)
	}
	f.Fuzz(func(t *testing.T, text string, most int) {
		most = min(max(1, most), 300)
		line := identity.CleanLine(text, most)
		if !utf8.ValidString(line) || utf8.RuneCountInString(line) > most || strings.TrimSpace(line) != line {
			t.Errorf("%q gives %q", text, line)
		}
		if strings.ContainsAny(line, "\x00\r\n\t\u2028\u2029\u202a\u202e\u2066\u2069\u200b\ufeff") {
			t.Errorf("%q leaves control characters in %q", text, line)
		}
		if again := identity.CleanLine(line, most); again != line {
			t.Errorf("%q becomes %q when it is cleaned again", line, again)
		}
	})
}

func TestTexts(t *testing.T) {
	t.Parallel()
	type object = map[string]any
	for name, tt := range map[string]struct {
		value any
		want  []string
	}{
		"text":                {" a ", []string{"a"}},
		"number":              {json.Number("31612345678"), []string{"31612345678"}},
		"array":               {[]any{"a", nil, true, json.Number("5"), ""}, []string{"a", "5"}},
		"array of objects":    {[]any{object{"email": "a"}, object{"mail": "b"}, "c"}, []string{"a", "c"}},
		"array in an array":   {[]any{[]any{"a"}, "b"}, []string{"b"}},
		"object":              {object{"email": "a"}, nil},
		"object in an object": {[]any{object{"email": object{"email": "a"}}}, nil},
		"nothing":             {nil, nil},
		"empty array":         {[]any{}, nil},
	} {
		if got := slices.Collect(identity.Texts(tt.value, "email")); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
