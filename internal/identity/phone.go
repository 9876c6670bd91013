package identity

import (
	"strings"
	"unicode"
)

// Phone reads a phone number as an event has it. The key, its digits, is the
// same for all spellings; international reports whether the number came with +
// or 00. If the number is not usable, problem says why without quoting it.
func Phone(value string) (key string, international bool, problem string) {
	digits, international := phoneDigits(value)
	switch {
	case strings.HasPrefix(digits, "0"):
		return "", false, NationalPhone
	case len(digits) < 7 || len(digits) > 15:
		return "", false, "does not have 7 to 15 digits"
	}
	return digits, international, ""
}

// NationalPhone is the problem of a phone number in national form.
const NationalPhone = "is in national form, which makes a broken contact"

// PhoneKey returns the key of a phone number without checking it.
func PhoneKey(phone string) string {
	digits, _ := phoneDigits(phone)
	return digits
}

// phoneDigits removes a phone number's formatting, a leading + or 00, and a (0)
// between country code and number. A value with anything else in it, such as a
// letter or a second number, does not have digits. A leading 0 that is left marks
// a national number.
func phoneDigits(phone string) (digits string, international bool) {
	phone = strings.TrimFunc(phone, isPhoneFormatting)
	rest, international := strings.CutPrefix(phone, "+")
	if before, after, ok := strings.Cut(rest, "(0)"); ok && strings.ContainsFunc(before, isDigit) {
		rest = before + after
	}
	rest = cutZeroFraction(rest)
	var b strings.Builder
	var slashes []int // by the number of digits before them
	for _, r := range rest {
		switch {
		case isDigit(r):
			b.WriteRune(r)
		case r == '/':
			slashes = append(slashes, b.Len())
		case !isPhoneFormatting(r):
			return "", false
		}
	}
	digits, prefix := b.String(), 0
	if !international {
		if digits, international = strings.CutPrefix(digits, "00"); international {
			prefix = len("00")
		}
	}
	for _, before := range slashes {
		if !isPhoneSlash(before-prefix, prefix+len(digits)-before, international) {
			return "", false
		}
	}
	return digits, international
}

// cutZeroFraction undoes what spreadsheets do to numbers: 31612345678.0. Dots
// that group digits, as in 33.1.42.68.53.00, are left.
func cutZeroFraction(phone string) string {
	whole, fraction, ok := strings.Cut(phone, ".")
	const fewest = 7 // digits of a number that is not a group
	if !ok || fraction == "" || strings.Trim(fraction, "0") != "" || countDigits(whole) < fewest {
		return phone
	}
	return whole
}

// isPhoneSlash reports whether a / with so many digits before and after it
// separates an area code, as in 030/1234567. Any other / stands between two
// numbers, or before the last digits of a second one.
func isPhoneSlash(before, after int, international bool) bool {
	mostBefore := 6
	if international {
		mostBefore = 8
	}
	return before <= mostBefore && after > 3
}

func countDigits(s string) (n int) {
	for _, r := range s {
		if isDigit(r) {
			n++
		}
	}
	return n
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func isPhoneFormatting(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune("()-.\u2010\u2011\u2012\u2013", r) || unicode.Is(unicode.Cf, r)
}
