// Package rawjson takes JSON objects apart without decoding their values.
package rawjson

import (
	"bytes"
	"encoding/json"
	"iter"
	"unicode/utf8"
)

// Members yields the members of an object in their order, duplicates included:
// each key as text and each value as it is written. The object must be valid
// JSON; of anything but an object there are none.
func Members(object []byte) iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		eachMember(object, func(key, value []byte) bool { return yield(string(key), value) })
	}
}

// Elements yields the elements of an array as they are written. The array must be
// valid JSON; of anything but an array there are none.
func Elements(array []byte) iter.Seq[json.RawMessage] {
	return func(yield func(json.RawMessage) bool) {
		rest, isArray := bytes.CutPrefix(skipSpace(array), []byte("["))
		for isArray {
			rest = skipSpace(rest)
			value := rest[:valueLen(rest)]
			if len(value) == 0 || !yield(value) {
				return // len: the array is empty
			}
			rest, isArray = bytes.CutPrefix(skipSpace(rest[len(value):]), []byte(","))
		}
	}
}

// Text returns the text of a value that is a string. The value must be valid JSON.
func Text(value []byte) (text string, isString bool) {
	if len(value) == 0 || value[0] != '"' {
		return "", false
	}
	return string(unquote(value)), true
}

// A Found is what [Find] has found of a key.
type Found struct {
	Value json.RawMessage // nil if the object does not have the key
	Stray string          // a key of the object that is not this one in its case only
}

// IsMissing reports whether the object has neither the key nor a misspelled one.
func (f *Found) IsMissing() bool { return f.Value == nil && f.Stray == "" }

// IsStray reports whether the object has only a misspelled key.
func (f *Found) IsStray() bool { return f.Value == nil && f.Stray != "" }

// Find looks up keys among the members of an object. Of several members with one key
// it takes the last, as JavaScript does; unlike encoding/json it distinguishes upper
// and lower case. The object must be valid JSON; in anything but an object it finds
// nothing. There are as many elements in found as in keys.
func Find(object []byte, keys []string, found []Found) {
	eachMember(object, func(key, value []byte) bool {
		for i := range keys {
			if string(key) == keys[i] {
				found[i].Value = value
				return true
			}
		}
		for i := range keys {
			if bytes.EqualFold(key, []byte(keys[i])) {
				found[i].Stray = string(key)
			}
		}
		return true
	})
}

// eachMember calls f with the members of an object until it returns false.
func eachMember(object []byte, f func(key, value []byte) bool) {
	rest, isObject := bytes.CutPrefix(skipSpace(object), []byte("{"))
	for isObject {
		rest = skipSpace(rest)
		if len(rest) == 0 || rest[0] != '"' {
			return // the object is empty
		}
		key := rest[:valueLen(rest)]
		rest = skipSpace(rest[len(key):])
		rest = skipSpace(bytes.TrimPrefix(rest, []byte(":")))
		value := rest[:valueLen(rest)]
		rest = skipSpace(rest[len(value):])
		if !f(unquote(key), value) || len(rest) == 0 || rest[0] != ',' {
			return
		}
		rest = rest[1:]
	}
}

func skipSpace(data []byte) []byte {
	for len(data) > 0 && isSpace(data[0]) {
		data = data[1:]
	}
	return data
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// valueLen returns the length of the value at the start of data.
func valueLen(data []byte) int {
	depth := 0
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case c == '"':
			i += stringLen(data[i:]) - 1
			if depth == 0 {
				return i + 1
			}
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth < 0 {
				return i
			}
			if depth == 0 {
				return i + 1
			}
		case depth == 0 && (c == ',' || c == ':' || isSpace(c)):
			return i
		}
	}
	return len(data)
}

// stringLen returns the length of the string, with its quotes, at the start of
// data.
func stringLen(data []byte) int {
	end := bytes.IndexByte(data[1:], '"') + 1
	escape := bytes.IndexByte(data[1:end+1], '\\') + 1
	if end > 0 && escape == 0 {
		return end + 1
	}
	for i := max(1, escape); i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(data)
}

func unquote(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 && utf8.Valid(quoted) {
		return quoted[1 : len(quoted)-1]
	}
	var text string
	_ = json.Unmarshal(quoted, &text) // valid JSON, as the caller promised
	return []byte(text)
}
