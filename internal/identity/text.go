// Package identity normalizes what tells people apart in events: emails, phone
// numbers, and values that may be either text or a number.
package identity

import (
	"encoding/json"
	"iter"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
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

// Texts yields the texts of a value that may hold several: a text, a number, or an
// array of those or of objects that have them under key, as in
// [{"email":"ann@example.com"}].
func Texts(v any, key string) iter.Seq[string] {
	return func(yield func(string) bool) {
		elements, isArray := v.([]any)
		if !isArray {
			elements = []any{v}
		}
		for _, element := range elements {
			if object, isObject := element.(map[string]any); isObject && isArray {
				element = object[key]
			}
			if text := Text(element); text != "" && !yield(text) {
				return
			}
		}
	}
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

// Name returns a person's name, or a part of one, as it is sent: one line of at
// most 255 characters. Words that programs write where a name is missing, such as
// undefined, are not part of a name.
func Name(value string) string {
	name := CleanLine(value, maxName)
	words := strings.Fields(name)
	kept := slices.DeleteFunc(slices.Clone(words), isMissingWord)
	if len(kept) == len(words) {
		return name
	}
	return strings.Join(kept, " ")
}

const maxName = 255 // characters

func isMissingWord(word string) bool {
	switch word {
	case "undefined", "null", "NaN", "N/A":
		return true
	}
	return false
}

// CleanLine makes one line of text: control characters and line breaks become
// spaces, invisible characters that reorder or hide text are removed, and
// whitespace around it is, too. The line is cut after most characters. It keeps
// joiners, which names and emoji need.
func CleanLine(text string, most int) string {
	if !isPrintableASCII(text) {
		text = strings.Map(cleanRune, text)
	}
	text = firstRunes(strings.TrimFunc(text, isSpace), most)
	return strings.TrimRightFunc(text, isSpace)
}

// isPrintableASCII saves most texts the slower strings.Map.
func isPrintableASCII(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// cleanRune is for strings.Map, which also replaces invalid UTF-8.
func cleanRune(r rune) rune {
	switch {
	case unicode.IsControl(r), r == '\u2028', r == '\u2029':
		return ' '
	case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069', r == '\u200b', r == '\ufeff':
		return -1
	}
	return r
}

// isSpace reports whether r is whitespace, or a joiner without anything to join.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r == '\u200c' || r == '\u200d' }

func firstRunes(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for i := range text {
		if n == 0 {
			return text[:i]
		}
		n--
	}
	return text
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
