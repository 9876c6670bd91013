package identity

import (
	"math"
	"strconv"
	"strings"
	"unicode"
)

// UserID returns the ID of a user without its outer spaces, or nothing if it
// does not tell users apart: a word for nobody, or a number that lost digits.
func UserID(text string) string {
	id := strings.TrimSpace(text)
	if IsNobody(id) || mayBeRounded(id) {
		return ""
	}
	return id
}

// IsNobody reports whether a text is what senders write where they do not know
// a user: a word such as guest or undefined, in any case and with any
// punctuation, a template that was not filled in, or nothing but zeros and
// punctuation.
func IsNobody(text string) bool {
	text = strings.TrimSpace(text)
	if text == "-1" || isUnfilledTemplate(text) {
		return true
	}
	word := lowerASCII(strings.Map(letterOrDigit, firstRunes(text, maxNobody)))
	return strings.Trim(word, "0") == "" || nobodies[word]
}

// maxNobody is more characters than a word for nobody has, with punctuation.
const maxNobody = 100

func letterOrDigit(r rune) rune {
	if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
		return r
	}
	return -1
}

func isUnfilledTemplate(text string) bool {
	for _, opening := range [...]string{"{{", "{%", "${", "#{", "<%", "%%"} {
		if strings.Contains(text, opening) {
			return true
		}
	}
	return false
}

// mayBeRounded reports whether a number is so long that a float64 does not hold
// all its digits, and has none that such a float64 would not have. JavaScript,
// and RudderStack itself, round long numbers: several users then have one ID.
func mayBeRounded(id string) bool {
	const exact = 1 << 53
	f, err := strconv.ParseFloat(id, 64)
	if err != nil || math.Abs(f) <= exact || math.IsInf(f, 0) {
		return false
	}
	withoutPlus := strings.Replace(id, "e+", "e", 1)
	return id == strconv.FormatFloat(f, 'f', -1, 64) ||
		withoutPlus == strings.Replace(strconv.FormatFloat(f, 'e', -1, 64), "e+", "e", 1)
}

// nobodies are words without spaces and punctuation, in lower case. Those of a
// person or of an account that can belong to one, such as admin, are not among
// them.
var nobodies = wordSet(`
	undefined null nil none nan na void empty blank missing notset unset
	notavailable notapplicable true false objectobject

	guest guests guestuser guestcustomer guestcheckout visitor
	anonymous anonymoususer anonymousid anon anonuser anonymized
	unknown unknownuser unidentified unregistered unauthenticated
	notloggedin loggedout nouser nouserid noid nobody
	gast anonym anoniem anonyme anonimo anónimo invitado unbekannt onbekend inconnu

	user userid uid id customer customerid member default defaultuser
	test testing tester testuser testuserid testid demo demouser dummy dummyuser
	example sample placeholder system
`)

func wordSet(words string) map[string]bool {
	set := make(map[string]bool)
	for word := range strings.FieldsSeq(words) {
		set[word] = true
	}
	return set
}
