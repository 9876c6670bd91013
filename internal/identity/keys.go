package identity

import "strings"

// SameKey reports whether two keys are spellings of one, such as firstName,
// FIRST_NAME, "First name" and $first-name, or email and Emails. Only ASCII
// letters have two cases.
func SameKey(a, b string) bool {
	for same := 0; ; same++ {
		a, b = strings.TrimLeft(a, separators), strings.TrimLeft(b, separators)
		if a == "" || b == "" {
			return same > 0 && isPluralEnding(a+b)
		}
		if lowerByte(a[0]) != lowerByte(b[0]) {
			return false
		}
		a, b = a[1:], b[1:]
	}
}

// separators are the characters of a key that do not distinguish it.
const separators = " _-$"

func isPluralEnding(s string) bool {
	switch strings.TrimRight(s, separators) {
	case "", "s", "S", "es", "ES":
		return true
	}
	return false
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
