// Package identity normalizes what tells people apart in events: emails, phone
// numbers, names, user IDs, and values that may be text, a number or a list of
// them. It does not keep anything, and its functions are safe for concurrent
// use.
package identity

import (
	"encoding/json"
	"iter"
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

// Texts reads a value where one text or a list of them is expected. It yields
// what [Text] makes of the value or, if it is an array, of its elements; of an
// element that is an object, the texts among those of its members that members
// yields. It yields neither empty texts nor those of arrays in arrays. An object
// alone is not a list.
func Texts(v any, members Members) iter.Seq[string] {
	return func(yield func(string) bool) {
		list := reflect.ValueOf(v)
		if kind := list.Kind(); kind != reflect.Slice && kind != reflect.Array {
			if text := Text(v); text != "" {
				yield(text)
			}
			return
		}
		if list.Type().Elem().Kind() == reflect.Uint8 { // bytes are not a list
			return
		}
		for i := range list.Len() {
			for _, text := range elementTexts(list.Index(i).Interface(), members) {
				if text != "" && !yield(text) {
					return
				}
			}
		}
	}
}

func elementTexts(v any, members Members) (texts []string) {
	if reflect.ValueOf(v).Kind() != reflect.Map {
		return []string{Text(v)}
	}
	for value := range members(asObject(v)) {
		texts = append(texts, Text(value))
	}
	return texts
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

// lowerASCII folds the case of ASCII letters and changes nothing else.
func lowerASCII(s string) string {
	i := strings.IndexFunc(s, func(r rune) bool { return 'A' <= r && r <= 'Z' })
	if i < 0 {
		return s
	}
	folded := []byte(s)
	for ; i < len(folded); i++ {
		if 'A' <= folded[i] && folded[i] <= 'Z' {
			folded[i] += 'a' - 'A'
		}
	}
	return string(folded)
}
