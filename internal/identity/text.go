// Package identity normalizes what tells people apart in events: emails, phone
// numbers, and values that may be either text or a number.
package identity

import (
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// Text reads a value where text is expected: text without its outer spaces, a
// whole number as its digits, anything else as nothing.
func Text(v any) string {
	switch v := v.(type) {
	case nil, bool:
		return ""
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		return wholeNumber(v.String())
	case float64:
		return wholeNumber(strconv.FormatFloat(v, 'g', -1, 64))
	}
	// Only events that were built in Go contain numbers of other types.
	switch r := reflect.ValueOf(v); {
	case r.CanInt():
		return wholeNumber(strconv.FormatInt(r.Int(), 10))
	case r.CanUint():
		return strconv.FormatUint(r.Uint(), 10)
	case r.CanFloat():
		return Text(r.Float())
	case r.Kind() == reflect.String:
		return strings.TrimSpace(r.String())
	}
	return ""
}

// wholeNumber returns nothing for a number that is more than digits: without
// its sign or its point it would be another number.
func wholeNumber(number string) string {
	digits := Digits(number)
	if strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	return digits
}

// Digits writes a whole number without point and exponent, as far as a float64
// holds it exactly. It returns any other number unchanged.
func Digits(number string) string {
	if !strings.ContainsAny(number, ".eE") {
		return number
	}
	const exact = 1 << 53
	if f, err := strconv.ParseFloat(number, 64); err == nil && f == math.Trunc(f) && math.Abs(f) <= exact {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return number
}
