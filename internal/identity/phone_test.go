package identity_test

import (
	"strings"
	"testing"

	"github.com/trengo-go/trengo/internal/identity"
)

const (
	wrongLength = "does not have 7 to 15 digits"
	twoNumbers  = "may be two numbers, or one with an extension"
	notWhole    = "has a fraction"
)

// A country's numbers are fictitious, or the ones that the numbering plan uses
// as examples.
var countries = []struct {
	country string
	key     string
	// international are spellings with + or 00, which are usable everywhere.
	international []string
	// national are spellings with a leading 0, which are usable nowhere.
	national []string
	// bare are spellings without any prefix.
	bare []string
}{
	{
		country: "Netherlands", key: "31600000042",
		international: []string{"+31600000042", "0031600000042", "+31 6 0000 0042", "+31 (0)6 0000 0042", "+31-6-00000042", "00 31 (0) 6 00000042", "+31.6.0000.0042", "(+31) 6 00000042"},
		national:      []string{"0600000042", "06-00000042", "06 0000 0042", "(0)6 00000042"},
		bare:          []string{"600000042"},
	},
	{
		country: "Belgium", key: "32470000042",
		international: []string{"+32470000042", "0032 470 00 00 42", "+32 470/00.00.42", "+32 (0)470 00 00 42", "+32/470/00.00.42"},
		national:      []string{"0470/00.00.42", "0470 00 00 42"},
		bare:          []string{"470000042"},
	},
	{
		country: "Germany", key: "4930231250042",
		international: []string{"+4930231250042", "+49 30 23125-0042", "+49 (0)30/231250042", "+49/30/231250042", "0049 (30) 23125 0042", "+49 (30) 231250-042", "+49 30 / 231 25 00 42"},
		national:      []string{"030/231250042", "(030) 231250042", "030 23125-0042"},
		bare:          []string{"30 23125 004"},
	},
	{
		country: "Austria", key: "43720000042",
		international: []string{"+43720000042", "+43 720 000042", "+43 (0)720/000042", "0043/720/000042"},
		national:      []string{"0720/000042", "0720 000042"},
		bare:          []string{"720 000042"},
	},
	{
		country: "Switzerland", key: "41790000042",
		international: []string{"+41 79 000 00 42", "0041790000042", "+41(0)79 000 00 42", "+41 (0) 79 000 00 42", "+41 ( 0 ) 79 000 00 42"},
		national:      []string{"079 000 00 42", "079/000 00 42"},
		bare:          []string{"79 000 00 42"},
	},
	{
		country: "France", key: "33142685300",
		international: []string{"+33.1.42.68.53.00", "+33 1 42 68 53 00", "0033 1 42 68 53 00", "+33 (0)1 42 68 53 00", "+33-1-42-68-53-00", "+33\u00a01\u00a042\u00a068\u00a053\u00a000", "+33\u202f1\u202f42\u202f68\u202f53\u202f00"},
		national:      []string{"01.42.68.53.00", "01 42 68 53 00", "0142685300"},
		bare:          []string{"142685300"},
	},
	{
		country: "United Kingdom", key: "447700900042",
		international: []string{"+447700900042", "+44 7700 900042", "+44 (0)7700 900042", "0044 7700 900 042", "+44(0)7700900042"},
		national:      []string{"07700 900042", "07700900042", "(07700) 900042"},
		bare:          []string{"7700 900042"},
	},
	{
		country: "Ireland", key: "353209100042",
		international: []string{"+353 20 910 0042", "00353209100042", "+353 (0)20 910 0042"},
		national:      []string{"(020) 910 0042"},
		bare:          []string{"20 910 0042"},
	},
	{
		country: "Spain", key: "34600000042",
		international: []string{"+34 600 00 00 42", "+34-600-000-042", "0034600000042"},
		bare:          []string{"600 00 00 42", "600000042"},
	},
	{
		country: "Portugal", key: "351900000042",
		international: []string{"+351 900 000 042", "00351 900000042", "(+351) 900 000 042"},
		bare:          []string{"900 000 042"},
	},
	{
		country: "Italy, which keeps the 0 of a landline", key: "390600000042",
		international: []string{"+39 06 0000 0042", "+39 06/00000042", "0039 06 00000042"},
		national:      []string{"06 0000 0042", "06/00000042"},
	},
	{
		country: "Sweden", key: "46701740642",
		international: []string{"+46 70-174 06 42", "+46(0)70-1740642", "0046 70 1740642"},
		national:      []string{"070-174 06 42"},
		bare:          []string{"70-174 06 42"},
	},
	{
		country: "Norway", key: "4795550123",
		international: []string{"+47 955 50 123", "004795550123", "+47 95 55 01 23"},
		bare:          []string{"955 50 123", "95550123", "47 955 50 123"},
	},
	{
		country: "Denmark", key: "4520000042",
		international: []string{"+45 20 00 00 42", "0045 20000042"},
		bare:          []string{"20 00 00 42", "45 20 00 00 42"},
	},
	{
		country: "Poland", key: "48500000042",
		international: []string{"+48 500 000 042", "0048500000042", "+48-500-000-042"},
		bare:          []string{"500-000-042"},
	},
	{
		country: "Turkey", key: "905000000042",
		international: []string{"+90 (500) 000 00 42", "0090 500 000 0042"},
		national:      []string{"0500 000 00 42", "0 (500) 000 00 42"},
		bare:          []string{"500 000 00 42"},
	},
	{
		country: "United States", key: "14795550123",
		international: []string{"+1 479-555-0123", "+1 (479) 555-0123", "001 479 555 0123", "+1.479.555.0123", "+14795550123", "+1/479/555-0123"},
		bare:          []string{"(479) 555-0123", "479-555-0123", "479.555.0123", "4795550123", "479/555-0123", "479 555 0123", "555-0123"},
	},
	{
		country: "Brazil", key: "5511900000042",
		international: []string{"+55 11 90000-0042", "+55 (11) 90000-0042", "005511900000042"},
		national:      []string{"(011) 90000-0042"},
	},
	{
		country: "Mexico", key: "525500000042",
		international: []string{"+52 55 0000 0042", "0052 55 0000 0042"},
		national:      []string{"01 55 0000 0042"},
		bare:          []string{"55 0000 0042"},
	},
	{
		country: "Australia", key: "61491570156",
		international: []string{"+61 491 570 156", "+61 (0)491 570 156", "0061491570156"},
		national:      []string{"0491 570 156"},
		bare:          []string{"491 570 156"},
	},
	{
		country: "New Zealand", key: "64210000042",
		international: []string{"+64 21 000 0042", "0064 21 0000042"},
		national:      []string{"021 000 0042"},
	},
	{
		country: "Japan", key: "819000000042",
		international: []string{"+81 90-0000-0042", "+81-90-0000-0042", "0081 90 0000 0042", "+81\u201090\u20100000\u20100042"},
		national:      []string{"090-0000-0042"},
		bare:          []string{"90-0000-0042"},
	},
	{
		country: "China", key: "8613800000042",
		international: []string{"+86 138 0000 0042", "0086 13800000042", "+86-138-0000-0042"},
		national:      []string{"0138 0000 0042"},
	},
	{
		country: "India", key: "919800000042",
		international: []string{"+91 98000 00042", "+91-98000-00042", "0091 98000 00042"},
		national:      []string{"098000 00042"},
		bare:          []string{"98000 00042", "98000-00042"},
	},
	{
		country: "South Africa", key: "27820000042",
		international: []string{"+27 82 000 0042", "+27 (0)82 000 0042", "0027820000042"},
		national:      []string{"082 000 0042"},
		bare:          []string{"82 000 0042"},
	},
	{
		country: "United Arab Emirates", key: "971500000042",
		international: []string{"+971 50 000 0042", "00971 50 000 0042", "\u202a+971500000042\u202c", "\u200e+971 50 000 0042"},
		national:      []string{"050 000 0042"},
		bare:          []string{"50 000 0042"},
	},
	{
		country: "Iceland, whose numbers are short", key: "3545500042",
		international: []string{"+354 550 0042", "00354 550 0042"},
		bare:          []string{"550 0042", "354 550 0042"},
	},
}

func TestPhone_countries(t *testing.T) {
	t.Parallel()
	for _, tt := range countries {
		t.Run(tt.country, func(t *testing.T) {
			t.Parallel()
			for _, value := range tt.international {
				key, international, problem := identity.Phone(value)
				if key != tt.key || !international || problem != "" {
					t.Errorf("%q: got %q, %t, %q, want the key %s", value, key, international, problem, tt.key)
				}
				if key := identity.PhoneKey(value); key != tt.key {
					t.Errorf("%q of a contact: got the key %q, want %s", value, key, tt.key)
				}
			}
			for _, value := range tt.national {
				if key, _, problem := identity.Phone(value); key != "" || problem != identity.NationalPhone {
					t.Errorf("%q: got %q, %q, want the problem of a national form", value, key, problem)
				}
			}
			for _, value := range tt.bare {
				key, international, problem := identity.Phone(value)
				if key == "" || international || problem != "" {
					t.Errorf("%q: got %q, %t, %q, want bare digits", value, key, international, problem)
				}
			}
			bare := tt.key
			if key, international, problem := identity.Phone(bare); key != bare || international || problem != "" {
				t.Errorf("%q: got %q, %t, %q, want bare digits", bare, key, international, problem)
			}
		})
	}
}

func TestPhone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, value string
		want        string // with a + if international
		problem     string
	}{
		{name: "spaces around it", value: " +31 6 0000 0042\t", want: "+31600000042"},
		{name: "a line break around it", value: "\r\n+31600000042\r\n", want: "+31600000042"},
		{name: "characters that nobody sees", value: "+31\u200b600000042\u202c", want: "+31600000042"},
		{name: "characters that nobody sees around it", value: "\ufeff\u202d+31600000042\u202c", want: "+31600000042"},
		{name: "a soft hyphen", value: "+31\u00ad6\u00ad00000042", want: "+31600000042"},
		{name: "the hyphens of a text processor", value: "+31\u20116\u20130000\u20120042", want: "+31600000042"},
		{name: "all formatting at once", value: "+31-(6)0.000/0042", want: "+31600000042"},
		{name: "a + in brackets", value: "(+31) 6 0000 0042", want: "+31600000042"},
		{name: "a space behind the +", value: "+ 31 600000042", want: "+31600000042"},
		{name: "00 in spaces", value: "0 0 31600000042", want: "+31600000042"},
		{name: "00 in brackets", value: "(00) 31600000042", want: "+31600000042"},
		{name: "7 digits", value: "+1234567", want: "+1234567"},
		{name: "7 bare digits", value: "1234567", want: "1234567"},
		{name: "15 digits", value: "123456789012345", want: "123456789012345"},
		{name: "15 digits behind 00", value: "00123456789012345", want: "+123456789012345"},
		{name: "(0) behind bare digits", value: "31 (0)6 0000 0042", want: "31600000042"},
		{name: "a hyphen before a German extension", value: "+49 30 23125-42", want: "+49302312542"},
		{name: "a minus in front", value: "-31600000042", want: "31600000042"},

		{name: "quotes around it", value: `"+31600000042"`, want: "+31600000042"},
		{name: "the apostrophe of a spreadsheet", value: "'+31600000042", want: "+31600000042"},
		{name: "typographic quotes around it", value: "„+31600000042“", want: "+31600000042"},
		{name: "brackets and quotes around it", value: `["+31600000042"]`, want: "+31600000042"},
		{name: "angle brackets around it", value: "<tel:+31600000042>", want: "+31600000042"},
		{name: "a separator behind it", value: "+31600000042;", want: "+31600000042"},
		{name: "separators and spaces around it", value: ", +31600000042 , ", want: "+31600000042"},
		{name: "a slash and nothing behind it", value: "+31600000042 / ", problem: twoNumbers},
		{name: "a slash and nothing before it", value: " / +31600000042", want: "+31600000042"},
		{name: "a point behind it", value: "+31600000042.", want: "+31600000042"},
		{name: "a hyphen behind it", value: "+31600000042 -", want: "+31600000042"},

		{name: "a tel URI", value: "tel:+31-6-0000-0042", want: "+31600000042"},
		{name: "a tel URI in capitals", value: "TEL: +31600000042", want: "+31600000042"},
		{name: "a tel URI with slashes", value: "tel://+31600000042", want: "+31600000042"},
		{name: "a tel URI in quotes", value: `"tel:+31600000042"`, want: "+31600000042"},
		{name: "an address of WhatsApp", value: "whatsapp:+31600000042", want: "+31600000042"},
		{name: "an sms URI", value: "sms:+31600000042", want: "+31600000042"},
		{name: "a callto URI", value: "callto:0031600000042", want: "+31600000042"},
		{name: "a tel URI of bare digits", value: "tel:479-555-0123", want: "4795550123"},
		{name: "a tel URI with an extension", value: "tel:+31200000042;ext=5", problem: wrongLength},
		{name: "a tel URI with a context", value: "tel:0042;phone-context=+31200000", problem: wrongLength},
		{name: "a tel URI twice", value: "tel:tel:+31600000042", problem: wrongLength},
		{name: "a tel URI without a number", value: "tel:", problem: wrongLength},
		{name: "another URI", value: "skype:31600000042", problem: wrongLength},

		{name: "a fraction of zero", value: "4795550123.0", want: "4795550123"},
		{name: "a fraction of two zeros", value: "+31612345678.00", want: "+31612345678"},
		{name: "a fraction of six zeros", value: "31612345678.000000", want: "31612345678"},
		{name: "a fraction of zero behind 00", value: "0031612345678.0", want: "+31612345678"},
		{name: "a fraction of zero between marks", value: "\u202a+31612345678.0\u202c ", want: "+31612345678"},
		{name: "a fraction of zero in quotes", value: `"31612345678.0"`, want: "31612345678"},
		{name: "a fraction of zero in a tel URI", value: "tel:+31612345678.0", want: "+31612345678"},
		{name: "a fraction of zero behind 7 digits", value: "1234567.0", want: "1234567"},
		{name: "a fraction of zero behind 6 digits is a part of the number", value: "+123456.0", want: "+1234560"},
		{name: "a fraction of zero behind 15 digits", value: "123456789012345.0", want: "123456789012345"},
		{name: "points between all digits", value: "+33.1.42.68.53.00", want: "+33142685300"},
		{name: "points between groups", value: "+31.6.1234.5678", want: "+31612345678"},
		{name: "points with zeros at the end", value: "1.800.555.0000", want: "18005550000"},
		{name: "one point within a number", value: "+1479555.0123", want: "+14795550123"},
		{name: "one point with zeros that other digits follow", value: "+4930123.0042", want: "+49301230042"},
		{name: "a fraction of zero of a national form", value: "0612345678.0", problem: identity.NationalPhone},
		{name: "a fraction of zero in brackets", value: "(31612345678.0)", want: "31612345678"},
		{name: "a fraction of zero with a hyphen behind it", value: "31612345678.0 - ", want: "31612345678"},
		{name: "a fraction of zero behind an area code in brackets", value: "(479) 5550123.0", want: "4795550123"},
		{name: "a fraction that is not zero", value: "31612345678.5", problem: notWhole},
		{name: "a fraction of cents", value: "+31612345678.50", problem: notWhole},
		{name: "a point before the last three digits", value: "31612345.678", want: "31612345678"},
		{name: "a fraction with a comma", value: "4795550123,0", problem: wrongLength},
		{name: "a number with an exponent", value: "3.1612345678E+10", problem: wrongLength},
		{name: "a rounded number with an exponent", value: "3.16E+10", problem: wrongLength},

		{name: "a slash behind the area code", value: "+49 30/1234567", want: "+49301234567"},
		{name: "a slash behind 6 bare digits", value: "123456/78901", want: "12345678901"},
		{name: "a slash behind 7 bare digits", value: "1234567/8901", problem: twoNumbers},
		{name: "a slash behind 8 digits", value: "+43 552212/3456", want: "+435522123456"},
		{name: "a slash behind 9 digits", value: "+43 5522123/4567", problem: twoNumbers},
		{name: "a slash behind 8 digits after 00", value: "0043552212/3456", want: "+435522123456"},
		{name: "a slash behind 9 digits after 00", value: "00435522123/4567", problem: twoNumbers},
		{name: "a slash before 4 digits", value: "+43 5522/1234", want: "+4355221234"},
		{name: "a slash before 3 digits", value: "+43 5522/123", problem: twoNumbers},
		{name: "a slash and (0)", value: "+49 (0)30/1234567", want: "+49301234567"},
		{name: "two slashes", value: "+49/30/1234567", want: "+49301234567"},
		{name: "two slashes, of which the second is another number", value: "+49/30/1234567/8", problem: twoNumbers},
		{name: "two numbers with a slash", value: "1234567 / 7654321", problem: twoNumbers},
		{name: "two numbers with a slash and without spaces", value: "1234567/7654321", problem: twoNumbers},
		{name: "two endings", value: "+31612345678/79", problem: twoNumbers},
		{name: "two numbers with a space", value: "1234567 7654321", problem: twoNumbers},
		{name: "two numbers with a hyphen", value: "5550123 - 5550199", problem: twoNumbers},
		{name: "two numbers with a line break", value: "5550123\n5550199", problem: twoNumbers},
		{name: "two numbers with brackets", value: "5550123 (5550199)", problem: twoNumbers},
		{name: "two numbers with a +", value: "+31612345678 +31687654321", problem: wrongLength},
		{name: "two numbers with +, with a slash", value: "+31612345678 / +31687654321", problem: wrongLength},
		{name: "two numbers with 00", value: "0031612345678 0031687654321", problem: twoNumbers},
		{name: "two numbers with a comma", value: "+31612345678,+31687654321", problem: wrongLength},
		{name: "two numbers with a semicolon", value: "31612345678;31687654321", problem: wrongLength},
		{name: "two numbers with a word", value: "+31612345678 or +31687654321", problem: wrongLength},
		{name: "two numbers with a pipe", value: "31612345678|31687654321", problem: wrongLength},

		{name: "an extension with x", value: "+31200000042 x12", problem: wrongLength},
		{name: "an extension with ext.", value: "+31200000042 ext. 5", problem: wrongLength},
		{name: "an extension as a parameter", value: "+31200000042;ext=5", problem: wrongLength},
		{name: "an extension with #", value: "+31200000042#5", problem: wrongLength},
		{name: "an extension in brackets", value: "(479) 555-0123 (12)", problem: twoNumbers},
		{name: "an extension of one digit in brackets", value: "+31200000042 (2)", problem: twoNumbers},
		{name: "brackets around the last digits", value: "+1 479 (555) (0123)", want: "+14795550123"},
		{name: "brackets around the whole", value: "(+31 6 00000042)", want: "+31600000042"},
		{name: "a pause", value: "+31200000042,,5", problem: wrongLength},
		{name: "letters", value: "+31 6 CALL ANN", problem: wrongLength},
		{name: "a vanity number", value: "1-800-FLOWERS", problem: wrongLength},
		{name: "a letter behind the digits", value: "+31600000042x", problem: wrongLength},
		{name: "a label", value: "mobile: +31600000042", problem: wrongLength},

		{name: "full-width digits", value: "＋３１６０００００４２", problem: wrongLength},
		{name: "full-width digits without a +", value: "０９０－００００－００４２", problem: wrongLength},
		{name: "Arabic-Indic digits", value: "+٣١٦٠٠٠٠٠٠٤٢", problem: wrongLength},
		{name: "digits of two scripts", value: "+3160000004٢", problem: wrongLength},
		{name: "superscript digits", value: "+31600000042²", problem: wrongLength},

		{name: "00", value: "0031612345678", want: "+31612345678"},
		{name: "00 and spaces", value: "00 31 6 1234 5678", want: "+31612345678"},
		{name: "trunk zero in parentheses", value: "+31 (0)6 12345678", want: "+31612345678"},
		{name: "dots that group, last group zeros", value: "+31.6.1234.0000", want: "+31612340000"},
		{name: "one dot that groups", value: "+1.4155550123", want: "+14155550123"},
		{name: "one dot before zeros, short before", value: "+314155.00", want: "+31415500"},
		{name: "hyphens and parentheses", value: "+1 (415) 555-0123", want: "+14155550123"},
		{name: "non-breaking hyphens", value: "+1 415\u2011555\u20110123", want: "+14155550123"},
		{name: "format characters", value: "\u202a+31612345678\u202c", want: "+31612345678"},
		{name: "fraction behind formatting", value: "+31 6 12345678.0", want: "+31612345678"},
		{name: "fraction and a space", value: "31612345678.0 ", want: "31612345678"},
		{name: "area code before a slash, 00", value: "0049 30/1234567", want: "+49301234567"},
		{name: "longest area code before a slash", value: "+4912345/6789", want: "+49123456789"},
		{name: "8 digits before a slash", value: "+49123456/7890", want: "+491234567890"},
		{name: "bare area code before a slash", value: "123456/7890", want: "1234567890"},
		{name: "9 digits before a slash", value: "+491234567/8901", problem: twoNumbers},
		{name: "two endings behind 00", value: "0031612345678/79", problem: twoNumbers},
		{name: "3 digits behind a slash", value: "030/123", problem: twoNumbers},
		{name: "slash at the end", value: "+31612345678/", problem: twoNumbers},
		{name: "two numbers behind area codes", value: "030/1234567/7654321", problem: twoNumbers},
		{name: "letters", value: "call me", problem: wrongLength},
		{name: "extension", value: "+31612345678x12", problem: wrongLength},
		{name: "formatting alone", value: "+() -./", problem: wrongLength},
		{name: "16 digits", value: "+1234567890123456", problem: wrongLength},
		{name: "full-width digits", value: "\uff0b\uff13\uff11\uff16", problem: wrongLength},
		{name: "(0) and nothing before it", value: "(0)6 0000 0042", problem: identity.NationalPhone},
		{name: "a national form behind a +", value: "+0600000042", problem: identity.NationalPhone},
		{name: "a national form behind 00", value: "000600000042", problem: identity.NationalPhone},
		{name: "00 behind a +", value: "+0031600000042", problem: identity.NationalPhone},
		{name: "a short national form", value: "0123", problem: identity.NationalPhone},
		{name: "6 digits", value: "+123456", problem: wrongLength},
		{name: "6 digits behind 00", value: "00123456", problem: wrongLength},
		{name: "16 digits", value: "1234567890123456", problem: wrongLength},
		{name: "no digits", value: "+", problem: wrongLength},
		{name: "00 alone", value: "00", problem: wrongLength},
		{name: "nothing", value: "", problem: wrongLength},
		{name: "formatting alone", value: "( ) - / .", problem: wrongLength},
		{name: "two +", value: "++31600000042", problem: wrongLength},
		{name: "a + between the digits", value: "31+600000042", problem: wrongLength},
		{name: "a NUL", value: "+31600000042\x00", problem: wrongLength},
		{name: "not UTF-8", value: "+31600000042\xff", problem: wrongLength},
		{name: "an email", value: "31600000042@example.com", problem: wrongLength},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			key, international, problem := identity.Phone(tt.value)
			got := key
			if international {
				got = "+" + key
			}
			if got != tt.want || problem != tt.problem {
				t.Errorf("%q: got %q, %q, want %q, %q", tt.value, got, problem, tt.want, tt.problem)
			}
			if problem != "" {
				return
			}
			if got := identity.PhoneKey(tt.value); got != key {
				t.Errorf("a contact with %q has the key %q, an event with it %q", tt.value, got, key)
			}
			if again, _, problem := identity.Phone(key); again != key || problem != "" {
				t.Errorf("the key of the key %s is %q, %q", key, again, problem)
			}
		})
	}
}

// What is read from a contact is compared, not judged.
func TestPhoneKey(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"":                     "",
		"+31 6 00000042":       "31600000042",
		"31600000042":          "31600000042",
		"4795550123":           "4795550123", // bare digits, whatever BarePhones says of events
		"(479) 555-0123":       "4795550123",
		"5550123":              "5550123",
		"0612345678":           "0612345678",
		"+0612345678":          "0612345678",
		"++09912234567":        "",
		"123":                  "123",
		"1234567890123456":     "1234567890123456",
		"4795550123.0":         "4795550123",
		"1234567 / 7654321":    "",
		"+31200000042 (2)":     "",
		"ann@example.com":      "",
		"+31600000042 ext. 5":  "",
		"+98 30311521":         "9830311521",
		"+972 50-000-0042":     "972500000042",
		"\u202a+31600000042":   "31600000042",
		"tel:+31600000042":     "31600000042",
		"+٣١٦٠٠٠٠٠٠٤٢":         "",
		strings.Repeat("1", 9): "111111111",
	} {
		if got := identity.PhoneKey(value); got != want {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
	}
}

// A hostile value costs no more than its length.
func TestPhone_longValues(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"1", "0", "(", ")", "/", ".", "-", "'", "+", "(0)", "1/", "1 ", "\u200b", "1234567 ", "a:", "tel:"} {
		if key, _, problem := identity.Phone(strings.Repeat(unit, 1<<20/len(unit))); key != "" || problem == "" {
			t.Errorf("1 MB of %q: got %q, %q", unit, key, problem)
		}
	}
}

func FuzzPhone(f *testing.F) {
	for _, country := range countries {
		f.Add(country.international[0])
		f.Add(country.key)
	}
	for _, value := range []string{
		"0612345678", "4795550123.0", "+31612345678.00", "1234567 / 7654321", "+31612345678/79", "+49 (0)30/1234567",
		"tel:+31600000042;ext=5", "+31 (0)", "(0)(0)", "00", "00.00.31600000042", "\u202a+31\u200b6", "'+31600000042'", "+31600000042 (2)", "\xff",
	} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		key, international, problem := identity.Phone(value)
		if problem != "" {
			if key != "" || international {
				t.Fatalf("%q: a problem %q beside %q, %t", value, problem, key, international)
			}
			return
		}
		if len(key) < 7 || len(key) > 15 || key[0] == '0' || strings.Trim(key, "0123456789") != "" {
			t.Fatalf("%q: the key is %q", value, key)
		}
		if international != strings.ContainsRune(value, '+') && !strings.Contains(onlyDigits(value), "00") {
			t.Fatalf("%q: international is %t", value, international)
		}
		if !isSubsequence(key, value) {
			t.Fatalf("%q: the key %s has digits that the value does not have", value, key)
		}
		if got := identity.PhoneKey(value); got != key {
			t.Fatalf("%q: the key is %s in an event, %q in a contact", value, key, got)
		}
		for _, address := range []string{key, "+" + key, "00" + key} {
			again, plus, problem := identity.Phone(address)
			if again != key || problem != "" || plus != (address != key) {
				t.Fatalf("%q: got %q, %t, %q, want %s", address, again, plus, problem, key)
			}
			if got := identity.PhoneKey(address); got != key {
				t.Fatalf("%q of a contact: got %q, want %s", address, got, key)
			}
		}
	})
}

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}
