package trengophone

import (
	"strings"
	"unicode"
)

// readDigits removes everything from a phone number that is not the number. It
// is strict where package phonenumbers is not, because that package looks for a
// number in any text: what may be two numbers, has an extension or letters is
// not ok. The rules are those of package trengo for numbers in international
// form.
func readDigits(phone string) (digits string, international, ok bool) {
	text := strings.Map(plainRune, withoutScheme(trimOutside(phone)))
	text = strings.TrimLeft(text, " -./()")
	text, international = strings.CutPrefix(text, "+")
	if strings.Trim(text, "0123456789 -./()") != "" || strings.ContainsAny(text, "+?") || holdsTwoRuns(text) {
		return "", false, false
	}
	text = strings.ReplaceAll(text, " ", "")
	if strings.Contains(text, "(") {
		text = strings.TrimRight(text, "-.")
	} else {
		text = strings.TrimRight(text, "-.)")
	}
	text, ok = withoutFraction(text)
	if !ok || hasMisplacedSlash(text, international) || endsInExtension(text) {
		return "", false, false
	}
	return onlyDigits(text), international, true
}

// trimOutside removes spaces, quotes, brackets and separators around a number.
func trimOutside(phone string) string {
	return strings.TrimFunc(phone, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune("'\"`,;‘’‚‛“”„‟«»[]{}<>", r)
	})
}

// withoutScheme removes the scheme of a URI that consists of a phone number.
func withoutScheme(phone string) string {
	scheme, rest, ok := strings.Cut(phone, ":")
	if !ok {
		return phone
	}
	switch strings.ToLower(scheme) {
	case "tel", "callto", "sms", "whatsapp":
		return rest
	}
	return phone
}

// plainRune is for strings.Map. It returns the ASCII character for digits and
// formatting, and a question mark for anything else.
func plainRune(r rune) rune {
	switch {
	case r >= '0' && r <= '9', strings.ContainsRune("+-./()", r):
		return r
	case unicode.IsSpace(r):
		return ' '
	case unicode.Is(unicode.Cf, r):
		return -1
	case unicode.Is(unicode.Pd, r), r == '\u2212': // the minus of mathematics
		return '-'
	case r >= '！' && r <= '～' && strings.ContainsRune("+-./()", r-'！'+'!'):
		return r - '！' + '!' // of full width
	}
	return plainDigit(r)
}

// plainDigit returns the ASCII digit for a digit of any script, and a question
// mark for anything else.
func plainDigit(r rune) rune {
	if !unicode.Is(unicode.Nd, r) {
		return '?'
	}
	// Unicode has the digits of a script in a row that begins with its zero.
	var before rune
	for unicode.Is(unicode.Nd, r-1-before) {
		before++
	}
	return '0' + before%10
}

// holdsTwoRuns reports whether each of two unbroken runs of digits is long
// enough to be a number.
func holdsTwoRuns(text string) bool {
	const minDigits = 7
	long := 0
	for run := range strings.FieldsFuncSeq(text, func(r rune) bool { return r < '0' || r > '9' }) {
		if len(run) >= minDigits {
			long++
		}
	}
	return long > 1
}

// withoutFraction removes the fraction of zeros that a program gave a number
// which it took for a decimal. Another fraction is not ok.
func withoutFraction(text string) (whole string, ok bool) {
	const minDigits = 7
	before, after, found := strings.Cut(text, ".")
	switch {
	case !found, len(onlyDigits(before)) < minDigits:
		return text, true
	case strings.Trim(after, "0") == "":
		return before, true
	}
	isDecimal := strings.Trim(before+after, "0123456789") == "" && len(after) <= 2
	return text, !isDecimal
}

// hasMisplacedSlash reports whether a slash stands elsewhere than behind an
// area code: before another number, or before another ending of the same.
func hasMisplacedSlash(text string, international bool) bool {
	const maxAreaCode, maxWithCountryCode, maxEnding = 6, 8, 3
	digits := onlyDigits(text)
	limit := maxAreaCode
	switch {
	case international:
		limit = maxWithCountryCode
	case strings.HasPrefix(digits, "00"):
		limit = len("00") + maxWithCountryCode
	}
	before := 0
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9':
			before++
		case r == '/' && (before > limit || len(digits)-before <= maxEnding):
			return true
		}
	}
	return false
}

// endsInExtension reports whether a few digits in brackets end the number.
func endsInExtension(text string) bool {
	const maxExtension = 3
	group, ok := strings.CutSuffix(text, ")")
	open := strings.LastIndexByte(group, '(')
	if !ok || open < 0 || onlyDigits(group[:open]) == "" {
		return false
	}
	extension := len(group) - open - len("(")
	return extension > 0 && extension <= maxExtension
}

func onlyDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
}
