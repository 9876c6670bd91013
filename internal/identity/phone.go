package identity

import (
	"strings"
	"unicode"
)

// NationalPhone is the problem of a phone number in national form.
const NationalPhone = "is in national form, which makes a broken contact"

const (
	wrongLength = "does not have 7 to 15 digits"
	twoNumbers  = "may be two numbers, or one with an extension"
	notWhole    = "has a fraction"
)

// The digits that the shortest and the longest phone number have.
const (
	minPhoneDigits = 7
	maxPhoneDigits = 15
)

// Phone reads a phone number as an event has it. The key, its digits, is the
// same for all spellings; international reports whether the number came with +
// or 00. If it did not, the key is bare digits, and [CheckBarePhone] decides
// whether they are usable. If the number is not usable, problem says why
// without quoting it.
//
// Formatting, quotes and brackets around the number and the scheme of a tel URI are
// ignored. A number with anything else in it, such as a letter, an extension
// or a digit of another script, is not usable: what the sender meant would be a
// guess. Neither is a value that may hold two numbers, because their digits
// together are the number of somebody else.
func Phone(value string) (key string, international bool, problem string) {
	digits, international, problem := phoneDigits(value)
	switch {
	case problem != "":
		return "", false, problem
	case strings.HasPrefix(digits, "0"):
		return "", false, NationalPhone
	case len(digits) < minPhoneDigits || len(digits) > maxPhoneDigits:
		return "", false, wrongLength
	}
	return digits, international, ""
}

// PhoneKey returns the key of a contact's phone number without checking its
// length. Contacts hold numbers in international form, with or without +, so
// [BarePhones] does not apply to them. The key is empty if [Phone] cannot tell
// which digits are the number.
func PhoneKey(phone string) string {
	digits, _, problem := phoneDigits(phone)
	if problem != "" {
		return ""
	}
	return digits
}

// phoneDigits removes everything from a phone number that is not the number:
// what stands around it, formatting, a leading + or 00, a (0) between country
// code and number. A leading 0 that is left marks a national number. Problem
// says why the digits cannot be told, except for their count.
func phoneDigits(value string) (digits string, international bool, problem string) {
	text := withoutPhoneScheme(trimPhone(strings.Map(visibleRune, value)))
	text = strings.TrimLeftFunc(text, isPhoneFormatting)
	text, international = strings.CutPrefix(text, "+")
	if strings.ContainsFunc(text, func(r rune) bool { return !isDigit(r) && !isPhoneFormatting(r) }) {
		return "", false, wrongLength
	}
	if holdsTwoRuns(text) {
		return "", false, twoNumbers
	}
	n := number(strings.Join(strings.Fields(text), "")).trimRight().withoutTrunkZero()
	if !international {
		n, international = n.cutDoubleZero()
	}
	n = n.withoutFraction()
	if n.hasFraction() {
		return "", false, notWhole
	}
	if n.hasMisplacedSlash(international) || n.endsInExtension() {
		return "", false, twoNumbers
	}
	return n.digits(), international, ""
}

// A number is digits with formatting between them, but without spaces.
type number string

// trimRight removes the formatting behind the last digit, but for a bracket
// whose other half stands between the digits.
func (n number) trimRight() number {
	cutset := ".-"
	if !strings.Contains(string(n), "(") {
		cutset += ")"
	}
	return number(strings.TrimRight(string(n), cutset))
}

// withoutTrunkZero removes the (0) that stands for the 0 of the national form.
func (n number) withoutTrunkZero() number {
	before, after, ok := strings.Cut(string(n), "(0)")
	if !ok || !strings.ContainsFunc(before, isDigit) {
		return n
	}
	return number(before + after)
}

// cutDoubleZero removes a leading 00, which may have formatting in it.
func (n number) cutDoubleZero() (after number, found bool) {
	zeros := 0
	for i, r := range n {
		switch {
		case r == '0':
			zeros++
		case isDigit(r):
			return n, false
		}
		if zeros == 2 {
			return n[i+1:], true
		}
	}
	return n, false
}

// withoutFraction removes the fraction of zeros that a program gave a number
// which it took for a decimal. Points may also be formatting, so the fraction
// must follow the only point, and that enough digits.
func (n number) withoutFraction() number {
	before, after, ok := strings.Cut(string(n), ".")
	whole := number(before)
	if !ok || strings.Trim(after, "0") != "" || len(whole.digits()) < minPhoneDigits {
		return n
	}
	return whole
}

// hasFraction reports whether the number looks like a decimal: its only
// formatting is one point before its last digits. Joined to the others, those
// would be the number of somebody else.
func (n number) hasFraction() bool {
	const maxFraction = 2
	before, after, ok := strings.Cut(string(n), ".")
	return ok && after != "" && len(after) <= maxFraction && len(before) >= minPhoneDigits && strings.Trim(before+after, "0123456789") == ""
}

// hasMisplacedSlash reports whether a slash stands elsewhere than behind an
// area code: before another number, or before another ending of the same.
func (n number) hasMisplacedSlash(international bool) bool {
	const maxAreaCode, maxWithCountryCode, maxEnding = 6, 8, 3
	limit := maxAreaCode
	if international {
		limit = maxWithCountryCode
	}
	all, before := len(n.digits()), 0
	for _, r := range n {
		switch {
		case isDigit(r):
			before++
		case r == '/' && all > 0 && (before > limit || all-before <= maxEnding):
			return true
		}
	}
	return false
}

// endsInExtension reports whether a few digits in brackets end the number.
func (n number) endsInExtension() bool {
	const maxExtension = 3
	group, ok := strings.CutSuffix(string(n), ")")
	open := strings.LastIndexByte(group, '(')
	if !ok || open < 0 || !strings.ContainsFunc(group[:open], isDigit) {
		return false
	}
	extension := len(number(group[open:]).digits())
	return extension > 0 && extension <= maxExtension
}

func (n number) digits() string {
	return strings.Map(func(r rune) rune {
		if !isDigit(r) {
			return -1
		}
		return r
	}, string(n))
}

// holdsTwoRuns reports whether each of two unbroken runs of digits is long
// enough to be a number.
func holdsTwoRuns(text string) bool {
	long := 0
	for run := range strings.FieldsFuncSeq(text, func(r rune) bool { return !isDigit(r) }) {
		if len(run) >= minPhoneDigits {
			long++
		}
	}
	return long > 1
}

// trimPhone removes spaces, quotes, brackets and separators around a phone
// number.
func trimPhone(text string) string {
	return strings.TrimFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune("'\"`,;‘’‚‛“”„‟«»[]{}<>", r)
	})
}

// withoutPhoneScheme removes the scheme of a URI that consists of a phone
// number. Parameters behind it are left.
func withoutPhoneScheme(text string) string {
	scheme, rest, ok := strings.Cut(text, ":")
	if !ok {
		return text
	}
	switch lowerASCII(scheme) {
	case "tel", "callto", "sms", "whatsapp":
		return rest
	}
	return text
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func isPhoneFormatting(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune("()-./\u2010\u2011\u2012\u2013", r)
}

// visibleRune is for strings.Map. It drops format characters.
func visibleRune(r rune) rune {
	if unicode.Is(unicode.Cf, r) {
		return -1
	}
	return r
}
