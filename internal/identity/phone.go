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
// letter, does not have digits. A leading 0 that is left marks a national
// number.
func phoneDigits(phone string) (digits string, international bool) {
	phone = strings.TrimLeftFunc(phone, isPhoneFormatting)
	rest, international := strings.CutPrefix(phone, "+")
	if before, after, ok := strings.Cut(rest, "(0)"); ok && strings.ContainsFunc(before, isDigit) {
		rest = before + after
	}
	var b strings.Builder
	for _, r := range rest {
		switch {
		case isDigit(r):
			b.WriteRune(r)
		case !isPhoneFormatting(r):
			return "", false
		}
	}
	digits = b.String()
	if !international {
		digits, international = strings.CutPrefix(digits, "00")
	}
	return digits, international
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func isPhoneFormatting(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune("()-./\u2010\u2011\u2012\u2013", r) || unicode.Is(unicode.Cf, r)
}
