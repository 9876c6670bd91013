package identity_test

import (
	"strings"
	"testing"

	"github.com/trengo-go/trengo/internal/identity"
)

func TestName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, value, want string

		part bool // a word of it was not a name
	}{
		{name: "a name", value: "Ann Lee", want: "Ann Lee"},
		{name: "spaces around it", value: " \tAnn Lee\r\n", want: "Ann Lee"},
		{name: "spaces within it", value: "Ann  Lee", want: "Ann  Lee"},
		{name: "a space of another kind within it", value: "Ann\u00a0Lee", want: "Ann\u00a0Lee"},
		{name: "characters of HTML", value: "Ann <b> & 'Lee'", want: "Ann <b> & 'Lee'"},
		{name: "nothing", value: "", want: ""},

		{name: "a line break", value: "Ann\nLee", want: "Ann Lee"},
		{name: "a line break of two characters", value: "Ann\r\nLee", want: "Ann Lee"},
		{name: "a line break among spaces", value: "Ann \n  Lee", want: "Ann Lee"},
		{name: "spaces beside a line break elsewhere", value: "Ann  B.\n\nLee", want: "Ann  B. Lee"},
		{name: "a line separator", value: "Ann\u2028Lee", want: "Ann Lee"},
		{name: "tabs", value: "Ann\t\tLee", want: "Ann Lee"},
		{name: "a NUL", value: "Ann\x00Lee\x00", want: "Ann Lee"},
		{name: "an escape sequence", value: "\x1b[31mAnn", want: "[31mAnn"},
		{name: "an override", value: "\u202eeeL nnA", want: "eeL nnA"},
		{name: "isolates", value: "\u2068Ann\u2069 \u2068Lee\u2069", want: "Ann Lee"},
		{name: "a zero-width space", value: "\u200bAnn\u200b Lee\ufeff", want: "Ann Lee"},
		{name: "invisible characters alone", value: "\u200b\u2060\u200e", want: ""},
		{name: "a filler that looks like nothing", value: "\u3164", want: ""},

		{name: "undefined", value: "undefined", want: "", part: true},
		{name: "null as text", value: "null", want: "", part: true},
		{name: "NaN as text", value: "NaN", want: "", part: true},
		{name: "N/A", value: "N/A", want: "", part: true},
		{name: "undefined between spaces", value: " undefined\n", want: "", part: true},
		{name: "undefined and a mark", value: "\ufeffundefined", want: "", part: true},
		{name: "undefined twice", value: "undefined undefined", want: "", part: true},
		{name: "null twice", value: "null  null", want: "", part: true},
		{name: "two of them", value: "null undefined", want: "", part: true},
		{name: "a first name and undefined", value: "Ann undefined", want: "Ann", part: true},
		{name: "undefined and a last name", value: "undefined Lee", want: "Lee", part: true},
		{name: "undefined as middle name", value: "Ann undefined Lee", want: "Ann Lee", part: true},
		{name: "a first name and null", value: "Ann null", want: "Ann", part: true},
		{name: "N/A behind a line break", value: "Ann\nN/A", want: "Ann", part: true},
		{name: "the surname Null", value: "Ann Null", want: "Ann Null"},
		{name: "a word that begins so", value: "Ann nullmeier", want: "Ann nullmeier"},
		{name: "a word that ends so", value: "Ann-undefined", want: "Ann-undefined"},
		{name: "other case", value: "UNDEFINED", want: "UNDEFINED"},
		{name: "nan in lower case", value: "nan", want: "nan"},
		{name: "the name Nan", value: "Nan Goldin", want: "Nan Goldin"},
		{name: "n/a in lower case", value: "n/a", want: "n/a"},
		{name: "in quotes", value: `"null"`, want: `"null"`},
		{name: "the name None", value: "None", want: "None"},
		{name: "the name Nil", value: "Nil", want: "Nil"},

		{name: "Arabic", value: "محمد الأحمد", want: "محمد الأحمد"},
		{name: "Hebrew with a direction mark", value: "דנה כהן\u200f (Dana)", want: "דנה כהן\u200f (Dana)"},
		{name: "Persian with a joiner", value: "پری\u200cناز", want: "پری\u200cناز"},
		{name: "Malayalam with a joiner at the end", value: "മോഹന\u0d4d\u200d", want: "മോഹന\u0d4d\u200d"},
		{name: "Sinhala with a joiner", value: "ශ\u0dca\u200dරී", want: "ශ\u0dca\u200dරී"},
		{name: "Hindi", value: "अनिता शर्मा", want: "अनिता शर्मा"},
		{name: "Thai", value: "สมชาย ใจดี", want: "สมชาย ใจดี"},
		{name: "Chinese", value: "王小明", want: "王小明"},
		{name: "Japanese with its space", value: "山田　花子", want: "山田　花子"},
		{name: "Korean", value: "김민지", want: "김민지"},
		{name: "Russian", value: "Анна Ли", want: "Анна Ли"},
		{name: "Greek", value: "Άννα Λη", want: "Άννα Λη"},
		{name: "Georgian", value: "ანა ლი", want: "ანა ლი"},
		{name: "Armenian", value: "Աննա Լի", want: "Աննա Լի"},
		{name: "Amharic", value: "አና ሊ", want: "አና ሊ"},
		{name: "Vietnamese with combining marks", value: "Nguye\u0302\u0303n", want: "Nguye\u0302\u0303n"},
		{name: "an emoji of several", value: "Ann 👩\u200d🚀", want: "Ann 👩\u200d🚀"},
		{name: "a flag", value: "Ann 🇳🇱", want: "Ann 🇳🇱"},

		{name: "Arabic with a joiner", value: "محمد\u200cرضا", want: "محمد\u200cرضا"},
		{name: "Latin beyond ASCII", value: "Zoë Ångström", want: "Zoë Ångström"},
		{name: "an emoji of a profession", value: "Ann 👩\u200d🔬", want: "Ann 👩\u200d🔬"},
		{name: "joiners around it", value: "\u200dAnn\u200c", want: "Ann"},
		{name: "not UTF-8", value: "Ann\xffLee", want: "Ann\ufffdLee"},
		{name: "a word that begins with null", value: "Nullens", want: "Nullens"},
		{name: "Undefined", value: "Undefined", want: "Undefined"},
		{name: "Null", value: "Null", want: "Null"},
		{name: "Nan", value: "Nan", want: "Nan"},
		{name: "a part that is missing, and a part", value: " Lee", want: "Lee"},
		{name: "two parts that are missing", value: " ", want: ""},
		{name: "a space at the cut", value: strings.Repeat("a ", 128), want: strings.TrimSpace(strings.Repeat("a ", 128))},
		{name: "255 characters", value: strings.Repeat("é", 255), want: strings.Repeat("é", 255)},
		{name: "256 characters", value: strings.Repeat("é", 256), want: strings.Repeat("é", 255)},
		{name: "a cut behind a joiner", value: strings.Repeat("é", 254) + "\u200d🚀", want: strings.Repeat("é", 254)},
		{name: "a word that the cut makes", value: strings.Repeat("a", 250) + " nullmeier", want: strings.Repeat("a", 250) + " null"},
		{name: "what is left out does not count", value: "undefined " + strings.Repeat("a", 255), want: strings.Repeat("a", 255), part: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, whole := identity.Name(tt.value), identity.IsWholeName(tt.value)
			if got != tt.want || whole != !tt.part {
				t.Errorf("%q: got %q, %t, want %q, %t", tt.value, got, whole, tt.want, !tt.part)
			}
		})
	}
}
