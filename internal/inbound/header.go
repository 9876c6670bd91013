package inbound

import (
	"strings"
	"unicode"
)

// IsHeaderName reports whether s can name a header. It is stricter than HTTP, and
// wide enough for every header in use.
func IsHeaderName(s string) bool {
	const usual = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	return s != "" && strings.Trim(s, usual) == ""
}

// IsHeaderValue reports whether a header can have the value: net/http removes
// outer spaces.
func IsHeaderValue(s string) bool {
	return s != "" && strings.TrimSpace(s) == s && !strings.ContainsFunc(s, unicode.IsControl)
}
