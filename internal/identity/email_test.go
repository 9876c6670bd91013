package identity_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/trengo-go/trengo/internal/identity"
)

const (
	notOneAddress  = "is not one address with text on both sides of its @"
	brokenEncoding = "has characters that were lost in an encoding"
	emailTooLong   = "is too long"
)

func TestEmail(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, value, want, problem string }{
		{name: "an address", value: "ann@example.com", want: "ann@example.com"},
		{name: "in other case", value: "Ann.Lee@EXAMPLE.Com", want: "ann.lee@example.com"},
		{name: "between spaces", value: " \tann@example.com\r\n", want: "ann@example.com"},
		{name: "between spaces beyond ASCII", value: "\u00a0ann@example.com\u2003\u2028", want: "ann@example.com"},
		{name: "with a plus", value: "ann+news@example.com", want: "ann+news@example.com"},
		{name: "with all characters of a local part", value: "a!#$%&'*+-/=?^_`{|}~b@example.com", want: "a!#$%&'*+-/=?^_`{|}~b@example.com"},
		{name: "with an apostrophe", value: "o'brien@example.com", want: "o'brien@example.com"},
		{name: "with an apostrophe in front", value: "'t.hooft@example.nl", want: "'t.hooft@example.nl"},
		{name: "with a point in front", value: ".ann@example.com", want: ".ann@example.com"},
		{name: "with points beside each other", value: "ann..lee@example.jp", want: "ann..lee@example.jp"},
		{name: "with a point before the @", value: "ann.@example.jp", want: "ann.@example.jp"},
		{name: "without a point behind the @", value: "ann@localhost", want: "ann@localhost"},
		{name: "with a domain literal", value: "ann@[127.0.0.1]", want: "ann@[127.0.0.1]"},
		{name: "with a subdomain and a hyphen", value: "a@mail.ex-ample.co.uk", want: "a@mail.ex-ample.co.uk"},

		{name: "angle brackets", value: "<ann@example.com>", want: "ann@example.com"},
		{name: "angle brackets and spaces", value: " < ann@example.com > ", want: "ann@example.com"},
		{name: "a display name", value: "Ann Lee <ann@example.com>", want: "ann@example.com"},
		{name: "a display name without a space", value: "Ann<Ann@Example.com>", want: "ann@example.com"},
		{name: "a display name in quotes", value: `"Ann Lee" <ann@example.com>`, want: "ann@example.com"},
		{name: "a display name with a comma in quotes", value: `"Lee, Ann" <ann@example.com>`, want: "ann@example.com"},
		{name: "a display name with a comma", value: "Lee, Ann <ann@example.com>", want: "ann@example.com"},
		{name: "a display name with escaped quotes", value: `"Ann \"A\" Lee" <ann@example.com>`, want: "ann@example.com"},
		{name: "a display name in other scripts", value: "Анна Ли 安 <ann@example.com>", want: "ann@example.com"},
		{name: "a display name in encoded words", value: "=?UTF-8?Q?Ann_L=C3=A9e?= <ann@example.com>", want: "ann@example.com"},
		{name: "a display name with brackets", value: "Ann Lee (Sales) <ann@example.com>", want: "ann@example.com"},
		{name: "a display name with an @", value: "Ann @ Work <ann@example.com>", want: "ann@example.com"},
		{name: "the address as display name", value: "Ann@example.com <ann@example.com>", want: "ann@example.com"},
		{name: "the address in quotes as display name", value: `"ann@example.com" <ann@Example.com>`, want: "ann@example.com"},
		{name: "the address with its link", value: "ann@example.com <mailto:ann@example.com>", want: "ann@example.com"},
		{name: "another address as display name", value: "bob@example.com <ann@example.com>", problem: notOneAddress},
		{name: "another address within the display name", value: `"Ann via bob@example.com" <ann@example.com>`, problem: notOneAddress},
		{name: "a group of one", value: "Friends: Ann <ann@example.com>;", want: "ann@example.com"},
		{name: "separators behind the angle brackets", value: "Ann <ann@example.com>,;", want: "ann@example.com"},
		{name: "a comment", value: "ann@example.com (Ann Lee)", want: "ann@example.com"},
		{name: "a comment behind angle brackets", value: "Ann <ann@example.com> (work)", want: "ann@example.com"},
		{name: "a comment and a point", value: "ann@example.com (Ann Lee).", want: "ann@example.com"},
		{name: "another address in a comment", value: "ann@example.com (was bob@example.com)", problem: notOneAddress},
		{name: "a comment in front", value: "(Ann Lee) ann@example.com", problem: notOneAddress},
		{name: "the address as a comment", value: "Ann Lee (ann@example.com)", problem: notOneAddress},
		{name: "a comment within the address", value: "ann(Lee)@example.com", problem: notOneAddress},
		{name: "words behind the angle brackets", value: "<ann@example.com> Ann Lee", problem: notOneAddress},
		{name: "an angle bracket that is not closed", value: "Ann Lee <ann@example.com", problem: notOneAddress},
		{name: "an angle bracket that was not opened", value: "Ann Lee ann@example.com>", problem: notOneAddress},
		{name: "one angle bracket in front", value: "<ann@example.com", want: "ann@example.com"},
		{name: "one angle bracket behind", value: "ann@example.com>", want: "ann@example.com"},
		{name: "two addresses in angle brackets", value: "Ann <ann@example.com>, Bob <bob@example.com>", problem: notOneAddress},
		{name: "one address in angle brackets twice", value: "<ann@example.com> <ann@example.com>", problem: notOneAddress},
		{name: "empty angle brackets", value: "Ann Lee <>", problem: notOneAddress},
		{name: "an address before empty angle brackets", value: "ann@example.com <>", problem: notOneAddress},

		{name: "a mailto URI", value: "mailto:ann@example.com", want: "ann@example.com"},
		{name: "a mailto URI in capitals", value: "MAILTO:Ann@Example.com", want: "ann@example.com"},
		{name: "a mailto URI with a space", value: "mailto: ann@example.com", want: "ann@example.com"},
		{name: "a mailto URI with slashes", value: "mailto://ann@example.com", want: "ann@example.com"},
		{name: "a mailto URI with parameters", value: "mailto:ann@example.com?subject=Hello, Ann&body=a b", want: "ann@example.com"},
		{name: "a mailto URI with a copy", value: "mailto:ann@example.com?cc=bob@example.com", want: "ann@example.com"},
		{name: "an encoded mailto URI", value: "mailto:ann%2Bnews%40example.com", want: "ann+news@example.com"},
		{name: "a plus in a mailto URI", value: "mailto:ann+news@example.com", want: "ann+news@example.com"},
		{name: "a broken encoding in a mailto URI", value: "mailto:100%ann@example.com", want: "100%ann@example.com"},
		{name: "a mailto URI in angle brackets", value: "Ann Lee <mailto:ann@example.com?subject=x>", want: "ann@example.com"},
		{name: "a mailto URI in quotes", value: `"mailto:ann@example.com"`, want: "ann@example.com"},
		{name: "mailto twice", value: "mailto:mailto:ann@example.com", want: "ann@example.com"},
		{name: "a mailto URI of two addresses", value: "mailto:ann@example.com,bob@example.com", problem: notOneAddress},
		{name: "a mailto URI with an encoded line break", value: "mailto:ann%0D%0Alee@example.com", problem: notOneAddress},
		{name: "a mailto URI without an address", value: "mailto:", problem: notOneAddress},
		{name: "a mailto URI with parameters alone", value: "mailto:?to=ann@example.com", problem: notOneAddress},
		{name: "parameters without mailto", value: "ann@example.com?subject=x", want: "ann@example.com"},
		{name: "a question mark in the local part", value: "ann?lee@example.com", want: "ann?lee@example.com"},
		{name: "a question and another address", value: "ann@example.com?bob@example.com", problem: notOneAddress},
		{name: "another URI", value: "smtp:ann@example.com", problem: notOneAddress},
		{name: "a URL with a user", value: "https://ann@example.com/", problem: notOneAddress},

		{name: "a semicolon behind it", value: "ann@example.com;", want: "ann@example.com"},
		{name: "a comma and a space behind it", value: "ann@example.com, ", want: "ann@example.com"},
		{name: "separators on both sides", value: ";,ann@example.com,;", want: "ann@example.com"},
		{name: "a point behind it", value: "ann@example.com.", want: "ann@example.com"},
		{name: "an exclamation mark behind it", value: "ann@example.com!", want: "ann@example.com"},
		{name: "a colon in front", value: ": ann@example.com", want: "ann@example.com"},
		{name: "a full stop of Chinese behind it", value: "ann@example.com。", want: "ann@example.com"},
		{name: "quotes", value: `"ann@example.com"`, want: "ann@example.com"},
		{name: "apostrophes", value: "'ann@example.com'", want: "ann@example.com"},
		{name: "apostrophes in quotes", value: `"'ann@example.com'"`, want: "ann@example.com"},
		{name: "apostrophes and a semicolon", value: "'ann@example.com';", want: "ann@example.com"},
		{name: "backquotes", value: "`ann@example.com`", want: "ann@example.com"},
		{name: "typographic quotes", value: "“ann@example.com”", want: "ann@example.com"},
		{name: "German quotes", value: "„ann@example.com“", want: "ann@example.com"},
		{name: "French quotes with spaces", value: "«\u00a0ann@example.com\u00a0»", want: "ann@example.com"},
		{name: "Japanese brackets", value: "「ann@example.com」", want: "ann@example.com"},
		{name: "one quote in front", value: `"ann@example.com`, want: "ann@example.com"},
		{name: "one quote behind", value: `ann@example.com"`, want: "ann@example.com"},
		{name: "brackets", value: "(ann@example.com)", want: "ann@example.com"},
		{name: "an array as text", value: `["ann@example.com"]`, want: "ann@example.com"},
		{name: "braces", value: "{ann@example.com}", want: "ann@example.com"},
		{name: "quotes around a domain literal", value: `"ann@[127.0.0.1]"`, want: "ann@[127.0.0.1]"},
		{name: "a display name of quotes in quotes", value: `"'Ann' <ann@example.com>"`, want: "ann@example.com"},

		{name: "a zero-width space", value: "\u200bann@exam\u200bple.com\u200b", want: "ann@example.com"},
		{name: "a byte order mark", value: "\ufeffann@example.com", want: "ann@example.com"},
		{name: "direction marks", value: "\u202aann@example.com\u202c\u200e", want: "ann@example.com"},
		{name: "isolates", value: "\u2068ann@example.com\u2069", want: "ann@example.com"},
		{name: "a soft hyphen", value: "ann@ex\u00adample.com", want: "ann@example.com"},
		{name: "a word joiner", value: "ann\u2060@example.com", want: "ann@example.com"},
		{name: "joiners between letters of ASCII", value: "a\u200dnn@exam\u200cple.com", want: "ann@example.com"},
		{name: "a zero-width space and spaces around it", value: " \u200b ann@example.com \ufeff ", want: "ann@example.com"},
		{name: "a zero-width space within angle brackets", value: "Ann <\u200bann@example.com\u200b>", want: "ann@example.com"},
		{name: "a zero-width space in mailto", value: "mail\u200bto:ann@example.com", want: "ann@example.com"},
		{name: "an encoded zero-width space", value: "mailto:ann@example.com%E2%80%8B", want: "ann@example.com"},
		{name: "nothing but a zero-width space before the @", value: "\u200b@example.com", problem: notOneAddress},

		{name: "an umlaut", value: "ä@example.com", want: "ä@example.com"},
		{name: "an umlaut in capitals", value: "Ä@EXAMPLE.com", want: "ä@example.com"},
		{name: "a domain of another script", value: "ann@пример.рф", want: "ann@пример.рф"},
		{name: "an encoded domain", value: "ann@XN--E1AFMKFD.xn--p1ai", want: "ann@xn--e1afmkfd.xn--p1ai"},
		{name: "a whole address of another script", value: "用户@例子.广告", want: "用户@例子.广告"},
		{name: "a domain whose spelling needs a joiner", value: "ann@نامه\u200cای.com", want: "ann@نامه\u200cای.com"},
		{name: "a domain that ends in a combining mark", value: "ann@उदाहरण.भारत", want: "ann@उदाहरण.भारत"},
		{name: "the sign for Kelvin is not a k", value: "\u212aate@example.com", want: "\u212aate@example.com"},
		{name: "the long s is not an s", value: "jame\u017f@example.com", want: "jame\u017f@example.com"},
		{name: "the Turkish I with a point is not an i", value: "\u0130@example.com", want: "\u0130@example.com"},

		{name: "a space in the local part", value: "ann lee@example.com", problem: notOneAddress},
		{name: "a space in the domain", value: "ann@exam ple.com", problem: notOneAddress},
		{name: "a space beside the @", value: "ann @example.com", problem: notOneAddress},
		{name: "a space beyond ASCII", value: "ann\u00a0lee@example.com", problem: notOneAddress},
		{name: "a word behind it", value: "ann@example.com work", problem: notOneAddress},
		{name: "a label", value: "Email: ann@example.com", problem: notOneAddress},
		{name: "two addresses with a comma", value: "ann@example.com,bob@example.com", problem: notOneAddress},
		{name: "two addresses with a semicolon", value: "ann@example.com; bob@example.com", problem: notOneAddress},
		{name: "two addresses with a space", value: "ann@example.com bob@example.com", problem: notOneAddress},
		{name: "two addresses with a slash", value: "ann@example.com/bob@example.com", problem: notOneAddress},
		{name: "a quoted local part", value: `"ann lee"@example.com`, problem: notOneAddress},
		{name: "a quoted local part without a space", value: `"ann"@example.com`, problem: notOneAddress},
		{name: "a comma in it", value: "ann,lee@example.com", problem: notOneAddress},
		{name: "a semicolon in it", value: "ann@example;com", problem: notOneAddress},
		{name: "a colon in it", value: "ann@example.com:25", problem: notOneAddress},
		{name: "a bracket in it", value: "ann)lee@example.com", problem: notOneAddress},
		{name: "an angle bracket in it", value: "ann<lee@example.com", problem: notOneAddress},
		{name: "an HTML entity", value: "&lt;ann@example.com&gt;", problem: notOneAddress},
		{name: "a Markdown link", value: "[ann@example.com](mailto:ann@example.com)", want: "ann@example.com"},
		{name: "a Markdown link to another address", value: "[ann@example.com](mailto:bob@example.com)", problem: notOneAddress},

		{name: "CR LF in it", value: "ann@example.com\r\nBcc: bob", problem: notOneAddress},
		{name: "a line break in the local part", value: "ann\nlee@example.com", problem: notOneAddress},
		{name: "a tab in it", value: "ann\tlee@example.com", problem: notOneAddress},
		{name: "a NUL in it", value: "ann\x00@example.com", problem: notOneAddress},
		{name: "a NUL behind it", value: "ann@example.com\x00", problem: notOneAddress},
		{name: "an escape in it", value: "ann\x1b[0m@example.com", problem: notOneAddress},
		{name: "a delete in it", value: "ann\x7f@example.com", problem: notOneAddress},
		{name: "a control of C1 in it", value: "ann\u009f@example.com", problem: notOneAddress},
		{name: "a folded display name", value: "Ann Lee\r\n <ann@example.com>", want: "ann@example.com"},
		{name: "not UTF-8", value: "j\xfcrgen@example.com", problem: brokenEncoding},
		{name: "a replacement character", value: "j\ufffdrgen@example.com", problem: brokenEncoding},

		{name: "nothing", value: "", problem: notOneAddress},
		{name: "spaces", value: " \t", problem: notOneAddress},
		{name: "no @", value: "example.com", problem: notOneAddress},
		{name: "an @ alone", value: "@", problem: notOneAddress},
		{name: "nothing before the @", value: "@example.com", problem: notOneAddress},
		{name: "spaces before the @", value: "  @example.com", problem: notOneAddress},
		{name: "nothing behind the @", value: "ann@", problem: notOneAddress},
		{name: "spaces behind the @", value: "ann@  ", problem: notOneAddress},
		{name: "punctuation alone behind the @", value: "ann@.", problem: notOneAddress},
		{name: "two @", value: "ann@lee@example.com", problem: notOneAddress},
		{name: "two @ together", value: "ann@@example.com", problem: notOneAddress},
		{name: "an @ at the end", value: "ann@example.com@", problem: notOneAddress},
		{name: "a number", value: "31600000042", problem: notOneAddress},
		{name: "words with an @", value: "ann at example", problem: notOneAddress},
		{name: "an @ of full width", value: "ann＠example.com", problem: notOneAddress},
		{name: "upper case", value: "ANN@Example.COM", want: "ann@example.com"},
		{name: "display name without a space", value: "Ann<ann@example.com>", want: "ann@example.com"},
		{name: "the quoted address as display name", value: `"ann@example.com" <ann@example.com>`, want: "ann@example.com"},
		{name: "spaces in angle brackets", value: "Ann < ann@example.com >;", want: "ann@example.com"},
		{name: "mailto with a subject", value: "MAILTO:ann@example.com?subject=x&body=y@z", want: "ann@example.com"},
		{name: "mailto with an escape", value: "mailto:ann%40example.com", want: "ann@example.com"},
		{name: "mailto in angle brackets", value: "<mailto:ann@example.com>", want: "ann@example.com"},
		{name: "comma and dot behind", value: "ann@example.com,.", want: "ann@example.com"},
		{name: "single quotes", value: `'ann@example.com'`, want: "ann@example.com"},
		{name: "square brackets", value: "[ann@example.com]", want: "ann@example.com"},
		{name: "zero-width space inside", value: "ann\u200b@example.com", want: "ann@example.com"},
		{name: "soft hyphen inside", value: "ann@exam\u00adple.com", want: "ann@example.com"},
		{name: "direction marks around", value: "\u202aann@example.com\u202c", want: "ann@example.com"},
		{name: "no-break space behind", value: "ann@example.com\u00a0", want: "ann@example.com"},
		{name: "plus and dots", value: "ann.lee+shop@example.co.uk", want: "ann.lee+shop@example.co.uk"},
		{name: "underscore before", value: "_ann@example.com", want: "_ann@example.com"},
		{name: "letters beyond ASCII in other case", value: "JÜRGEN@EXÄMPLE.com", want: "jürgen@exämple.com"},
		{name: "Cyrillic in other case", value: "АННА@ПРИМЕР.РФ", want: "анна@пример.рф"},
		{name: "Greek in other case", value: "ΆΝΝΑ@ΠΑΡΆΔΕΙΓΜΑ.ελ", want: "άννα@παράδειγμα.ελ"},
		{name: "a final sigma is not a sigma", value: "νίκος@example.com", want: "νίκος@example.com"},
		{name: "a sharp s in other case", value: "STRAẞE@example.com", want: "straße@example.com"},
		{name: "a sharp s is not ss", value: "straße@example.com", want: "straße@example.com"},
		{name: "the sign for Ångström is an Å", value: "\u212bngstr\u00f6m@example.com", want: "\u00e5ngstr\u00f6m@example.com"},
		{name: "the long s is not an s", value: "\u017fam@example.com", want: "\u017fam@example.com"},
		{name: "a Turkish İ is not an i", value: "\u0130pek@example.com", want: "\u0130pek@example.com"},
		{name: "a Turkish ı is not an i", value: "\u0131\u015f\u0131k@example.com", want: "\u0131\u015f\u0131k@example.com"},
		{name: "a letter without case", value: "安娜@例子.com", want: "安娜@例子.com"},
		{name: "a letter that is longer in lower case", value: strings.Repeat("\u023a", 156) + "@example.com", problem: emailTooLong},
		{name: "the address in other case as display name", value: "JÜRGEN@example.com <jürgen@example.com>", want: "jürgen@example.com"},
		{name: "long s is not an s", value: "\u017fam@example.com", want: "\u017fam@example.com"},
		{name: "spaces", value: "  ", problem: notOneAddress},
		{name: "a name", value: "Ann Lee", problem: notOneAddress},
		{name: "space behind the @", value: "ann@ example.com", problem: notOneAddress},
		{name: "another address in the name", value: "Bob (bob@example.com) <ann@example.com>", problem: notOneAddress},
		{name: "text behind the angle brackets", value: "<ann@example.com> work", problem: notOneAddress},
		{name: "angle bracket inside", value: "ann<@example.com", problem: notOneAddress},
		{name: "colon inside", value: "ann:lee@example.com", problem: notOneAddress},
		{name: "quote inside", value: `ann"lee@example.com`, problem: notOneAddress},
		{name: "parenthesis inside", value: "ann(home)@example.com", problem: notOneAddress},
		{name: "line break inside", value: "ann@example.com\r\nBcc: bob@example.com", problem: notOneAddress},
		{name: "escaped line break in a mailto", value: "mailto:ann%0a@example.com", problem: notOneAddress},
		{name: "another scheme", value: "sip:ann@example.com", problem: notOneAddress},
		{name: "URL with a user", value: "https://ann@example.com", problem: notOneAddress},
		{name: "320 bytes", value: strings.Repeat("a", 308) + "@example.com", want: strings.Repeat("a", 308) + "@example.com"},
		{name: "321 bytes", value: strings.Repeat("a", 309) + "@example.com", problem: emailTooLong},
		{name: "a long display name", value: strings.Repeat("Ann ", 200) + "<ann@example.com>", want: "ann@example.com"},
		{name: "long parameters", value: "mailto:ann@example.com?body=" + strings.Repeat("a", 2000), want: "ann@example.com"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			key, problem := identity.Email(tt.value)
			if key != tt.want || problem != tt.problem {
				t.Errorf("%q: got %q, %q, want %q, %q", tt.value, key, problem, tt.want, tt.problem)
			}
			if strings.Contains(problem, "ann") || strings.Contains(problem, "bob") {
				t.Errorf("the problem quotes the email: %s", problem)
			}
			if problem != "" {
				return
			}
			if got := identity.EmailKey(tt.value); got != key {
				t.Errorf("a contact with %q has the key %q, an event with it %q", tt.value, got, key)
			}
			if again, problem := identity.Email(key); again != key || problem != "" {
				t.Errorf("the key of the key %q is %q, %q", key, again, problem)
			}
			if got := identity.EmailKey(key); got != key {
				t.Errorf("a contact with the email %q has the key %q", key, got)
			}
		})
	}
}

// What a contact is stored with matches the events of the same address, and no
// others.
func TestEmailKey(t *testing.T) {
	t.Parallel()
	for email, want := range map[string]string{
		"":                          "",
		"ann@example.com":           "ann@example.com",
		" Ann@EXAMPLE.com\t":        "ann@example.com",
		"\u00a0ann@example.com":     "ann@example.com",
		"Ann <ann@example.com>":     "ann@example.com",
		"ann@example.com\u200b":     "ann@example.com",
		"Ä@Example.com":             "ä@example.com",
		"JÜRGEN":                    "jürgen",
		"\u212aate@example.com":     "\u212aate@example.com",
		"ann@пример.рф":             "ann@пример.рф",
		"joann@example.com":         "joann@example.com",
		"ann@example.com.au":        "ann@example.com.au",
		"Ann":                       "ann",
		"ann@":                      "ann@",
		"Ann@Example.com, bob@x.de": "ann@example.com, bob@x.de",
		"ann@example.com\x00":       "ann@example.com\x00",
		"ANN\xff@example.com":       "ann\xff@example.com",
		"ANN\xfe@example.com":       "ann\xfe@example.com",
	} {
		if got := identity.EmailKey(email); got != want {
			t.Errorf("%q: got %q, want %q", email, got, want)
		}
	}
}

// Folding a letter beyond ASCII never makes it one of ASCII, which would be that
// of another person: the sign for Kelvin is a k in lower case, a Turkish İ an i.
func TestEmail_foldsWithinASCIIOrBeyond(t *testing.T) {
	t.Parallel()
	letters, folded := 0, 0
	for r := rune('A'); r <= unicode.MaxRune; r++ {
		if !unicode.IsLetter(r) {
			continue
		}
		email := string(r) + "@example.com"
		key, problem := identity.Email(email)
		if problem != "" {
			t.Fatalf("%U: %s", r, problem)
		}
		first, _ := utf8.DecodeRuneInString(key)
		if first < utf8.RuneSelf != (r < utf8.RuneSelf) {
			t.Errorf("%U is folded to %U", r, first)
		}
		if first != r && first != unicode.ToLower(r) {
			t.Errorf("%U is folded to %U, which is not its lower case", r, first)
		}
		if again, _ := identity.Email(key); again != key {
			t.Errorf("%U: the key of the key is another one", r)
		}
		letters++
		if first != r {
			folded++
		}
	}
	if letters < 100_000 || folded < 1000 {
		t.Errorf("%d of %d letters have another case", folded, letters)
	}
}

// A hostile value costs no more than its length.
func TestEmail_longValues(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"a", "@", "<", ">", "(", ")", "'", "\"", ";", ".", "\u200b", "\u200d", "mailto:", "<a@b>", "%", "%25", "ä\u200d", " "} {
		for _, value := range []string{strings.Repeat(unit, 1<<20/len(unit)), "ann@example.com" + strings.Repeat(unit, 1<<20/len(unit))} {
			if key, _ := identity.Email(value); len(key) > 320 {
				t.Errorf("1 MB of %q: the key has %d bytes", unit, len(key))
			}
		}
	}
}

func FuzzEmail(f *testing.F) {
	for _, value := range []string{
		"ann@example.com", "Ann Lee <ann@example.com>", `"Lee, Ann" <ann@example.com>;`, "mailto:ann%2Bx%40example.com?subject=x", "mailto:%6Dailto:a@b",
		"'ann@example.com'", "ann@example.com (Ann)", "a@[127.0.0.1]", "\u200bann@example.com\ufeff", "ann@نامه\u200cای.com", "\u212aate@example.com",
		"ann@example.com?x", "ann@lee@example.com", "Ann@example.com <ann@example.com>", "ann\r\n@example.com", "\xff@example.com", "(((a@b)", "„a@b“", "a@b\u200d\u200d",
	} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		key, problem := identity.Email(value)
		if problem != "" {
			if key != "" {
				t.Fatalf("%q: the key %q beside the problem %q", value, key, problem)
			}
			return
		}
		local, domain, _ := strings.Cut(key, "@")
		if local == "" || domain == "" || strings.Contains(domain, "@") || len(key) > 320 {
			t.Fatalf("%q: the key is %q", value, key)
		}
		if strings.ContainsAny(key, "<>();,:\"") || strings.ContainsFunc(key, unicode.IsSpace) || strings.ContainsFunc(key, unicode.IsControl) {
			t.Fatalf("%q: the key is %q", value, key)
		}
		if !utf8.ValidString(key) || strings.ContainsFunc(key, func(r rune) bool { return 'A' <= r && r <= 'Z' }) {
			t.Fatalf("%q: the key is %q", value, key)
		}
		if again, problem := identity.Email(key); again != key || problem != "" {
			t.Fatalf("%q: the key of the key %q is %q, %q", value, key, again, problem)
		}
		for _, email := range []string{key, value} {
			if got := identity.EmailKey(email); got != key {
				t.Fatalf("%q: the key is %q in an event, that of a contact with %q is %q", value, key, email, got)
			}
		}
		if again, problem := identity.Email("Somebody <" + strings.ToUpper(local[:1]) + key[1:] + ">;"); local[0] < utf8.RuneSelf && (again != key || problem != "") {
			t.Fatalf("%q: the key %q with a display name is %q, %q", value, key, again, problem)
		}
		// The address stands in the value, but for what is encoded or dropped.
		if !strings.Contains(value, "%") && !isSubsequence(strings.ToLower(key), strings.ToLower(value)) {
			t.Fatalf("%q: the key %q is not part of it", value, key)
		}
	})
}

func isSubsequence(sub, s string) bool {
	for i := range len(s) {
		if sub != "" && s[i] == sub[0] {
			sub = sub[1:]
		}
	}
	return sub == ""
}

// Whoever sends events must not be able to keep the process busy with one.
func TestEmail_layers(t *testing.T) {
	t.Parallel()
	const address = "ann@example.com"
	for layers, usable := range map[int]bool{5: true, 100: false} {
		key, problem := identity.Email(strings.Repeat("mailto:(", layers) + address + strings.Repeat(")", layers))
		if (key == address) != usable || (problem == "") != usable {
			t.Errorf("%d layers: key %q, problem %q", layers, key, problem)
		}
	}
}
