package identity_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/trengo-go/trengo/internal/identity"
)

func TestCleanLine(t *testing.T) {
	t.Parallel()
	const family = "👩\u200d👩\u200d👧"
	for _, tt := range []struct {
		name, text string
		max        int
		want       string
	}{
		{"plain text", "Order 42 shipped", 255, "Order 42 shipped"},
		{"nothing", "", 255, ""},
		{"spaces alone", " \t\u00a0\u3000\n", 255, ""},
		{"spaces around it", " \t Order\u00a0\u2003\r\n", 255, "Order"},
		{"spaces within it", "Order  42", 255, "Order  42"},
		{"spaces of other kinds within it", "Order\u00a0\u202f42", 255, "Order\u00a0\u202f42"},
		{"each control is a space", "a\r\nb\tc", 255, "a  b c"},
		{"controls of C0, DEL and C1", "a\x00b\x1bc\x7fd\u0085e\u009ff", 255, "a b c d e f"},
		{"line and paragraph separators", "a\u2028b\u2029c", 255, "a b c"},
		{"controls around it", "\x00\x1bOrder\x7f", 255, "Order"},

		{"overrides and embeddings", "a\u202ab\u202bc\u202cd\u202de\u202ef", 255, "abcdef"},
		{"isolates", "a\u2066b\u2067c\u2068d\u2069e", 255, "abcde"},
		{"a zero-width space", "Ann\u200bLee", 255, "AnnLee"},
		{"a byte order mark", "\ufeffAnn\ufeffLee", 255, "AnnLee"},
		{"a word joiner", "Ann\u2060Lee", 255, "AnnLee"},
		{"invisible operators", "a\u2061b\u2062c\u2063d\u2064e\u206af\u206fg", 255, "abcdefg"},
		{"spaces around what is dropped", "\u202e Ann \u202c", 255, "Ann"},
		{"a text that seems to be another", "invoice\u202efdp.exe", 255, "invoicefdp.exe"},
		{"joiners", "a\u200cb\u200dc", 255, "a\u200cb\u200dc"},
		{"an emoji of several", family, 255, family},
		{"direction marks", "Ann \u200e(אן)\u200f", 255, "Ann \u200e(אן)\u200f"},
		{"a soft hyphen", "Don\u00adau", 255, "Don\u00adau"},
		{"a joiner at the end of a word", "മോഹന\u0d4d\u200d", 255, "മോഹന\u0d4d\u200d"},
		{"a joiner at the end of other words", "Ann\u200d", 255, "Ann"},
		{"a non-joiner at the end of a word", "അന\u0d4d\u200c", 255, "അന\u0d4d"},
		{"joiners around the text", "\u200c\u200d Ann \u200d \u200c", 255, "Ann"},
		{"several joiners at the end of a word", "മോഹന\u0d4d\u200d\u200d", 255, "മോഹന\u0d4d\u200d"},
		{"nothing visible", "\u200d\u200e\u00ad \u3164\u2800\ufe0f\u115f", 255, ""},
		{"a visible sign beside what is not", "\u200e!", 255, "\u200e!"},
		{"not UTF-8", "a\xffb", 255, "a\ufffdb"},
		{"a surrogate", "a\xed\xa0\x80b", 255, "a\ufffd\ufffd\ufffdb"},

		{"as long as may be", strings.Repeat("a", 255), 255, strings.Repeat("a", 255)},
		{"longer", strings.Repeat("a", 255) + "b", 255, strings.Repeat("a", 255)},
		{"characters are counted, not bytes", strings.Repeat("é", 256), 255, strings.Repeat("é", 255)},
		{"characters beyond 16 bits count once", strings.Repeat("😀", 256), 255, strings.Repeat("😀", 255)},
		{"spaces at the cut", "abc  def", 5, "abc"},
		{"a cut at a space of another kind", "abc\u00a0def", 4, "abc"},
		{"spaces in front do not count", "   abc", 3, "abc"},
		{"what is dropped does not count", "\u200ba\u200bb\u200bc", 3, "abc"},
		{"a cut behind a joiner", family, 2, "👩"},
		{"a cut behind two joiners and a space", "ab \u200d\u200ccd", 5, "ab"},
		{"a cut before a joiner", family, 3, "👩\u200d👩"},
		{"a cut before the only visible sign", "\u200e\u200ea", 2, ""},
		{"a cut of what is not UTF-8", strings.Repeat("\xff", 256), 255, strings.Repeat("\ufffd", 255)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := identity.CleanLine(tt.text, tt.max)
			if got != tt.want {
				t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
			}
			if again := identity.CleanLine(got, tt.max); again != got {
				t.Errorf("cleaned again, %q becomes %q", got, again)
			}
		})
	}
}

func FuzzCleanLine(f *testing.F) {
	for _, text := range []string{"Ann Lee", " a\r\nb ", "\u202ea\u200d", "\xff\xfe", "👩\u200d👩\u200d👧", "\u00a0\ufeff\u200d", "a\u200d\u200d \u200c"} {
		f.Add(text, 3)
		f.Add(text, 255)
	}
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = 1 + limit&0xff
		got := identity.CleanLine(text, limit)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > limit || strings.TrimSpace(got) != got {
			t.Fatalf("%q cut at %d: got %q", text, limit, got)
		}
		if strings.ContainsFunc(got, unicode.IsControl) || strings.ContainsAny(got, "\u2028\u2029\u200b\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") {
			t.Fatalf("%q: got %q", text, got)
		}
		if again := identity.CleanLine(got, limit); again != got {
			t.Fatalf("%q: got %q, then %q", text, got, again)
		}
		const maxName = 255
		name := identity.Name(text)
		if utf8.RuneCountInString(name) > maxName || strings.ContainsFunc(name, unicode.IsControl) {
			t.Fatalf("%q: the name is %q", text, name)
		}
		// The cut can make a word that is left out.
		if utf8.RuneCountInString(name) < maxName-1 && (identity.Name(name) != name || !identity.IsWholeName(name)) {
			t.Fatalf("%q: the name is %q, then %q", text, name, identity.Name(name))
		}
	})
}
