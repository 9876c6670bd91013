package identity

import (
	"cmp"
	"iter"
	"reflect"
	"slices"
	"strings"
)

// Keys say under which names objects hold a value, best first. A name with dots is
// also a path: a.b is the member b of the object in a.
//
// The first key counts before all others. Those that are another spelling of it
// count as the first key, too.
type Keys []string

// Members yields the values of some members of objects: [Keys.First], [Keys.Rest]
// or [Keys.All].
type Members = func(objects ...map[string]any) iter.Seq[any]

// All yields First and then Rest.
func (k Keys) All(objects ...map[string]any) iter.Seq[any] {
	return func(yield func(any) bool) {
		for _, values := range [...]iter.Seq[any]{k.First(objects...), k.Rest(objects...)} {
			for value := range values {
				if !yield(value) {
					return
				}
			}
		}
	}
}

// First yields the values under the first key as it is written, object by object.
func (k Keys) First(objects ...map[string]any) iter.Seq[any] {
	return func(yield func(any) bool) {
		first := k.first()
		for _, object := range objects {
			if !yieldExact(object, first, yield) {
				return
			}
		}
	}
}

// Rest yields, object by object, the values under the other keys as they are
// written, and then those under other spellings of all keys.
func (k Keys) Rest(objects ...map[string]any) iter.Seq[any] {
	return func(yield func(any) bool) {
		others := k[len(k.first()):]
		for _, object := range objects {
			if !yieldExact(object, others, yield) || !k.yieldSpellings(object, yield) {
				return
			}
		}
	}
}

// first returns the first key with those that are spellings of it.
func (k Keys) first() Keys {
	n := 0
	for n < len(k) && SameKey(k[0], k[n]) {
		n++
	}
	return k[:n]
}

func yieldExact(object map[string]any, keys Keys, yield func(any) bool) bool {
	for _, key := range keys {
		if value, ok := exactValue(object, key); ok && !yield(value) {
			return false
		}
	}
	return true
}

func exactValue(object map[string]any, key string) (value any, ok bool) {
	if value, ok = object[key]; ok {
		return value, true
	}
	for head, rest := range splits(key) {
		if inner, isMember := object[head]; isMember {
			if value, ok = exactValue(asObject(inner), rest); ok {
				return value, true
			}
		}
	}
	return nil, false
}

// yieldSpellings yields the values under spellings that are not keys themselves. A
// map does not have an order, so the spellings of a key are sorted.
func (k Keys) yieldSpellings(object map[string]any, yield func(any) bool) bool {
	for i, key := range k {
		if slices.ContainsFunc(k[:i], func(earlier string) bool { return SameKey(earlier, key) }) {
			continue
		}
		found := appendSpellings(nil, object, key, "")
		slices.SortFunc(found, func(a, b spelling) int { return cmp.Compare(a.key, b.key) })
		for _, s := range found {
			if !slices.Contains(k, s.key) && !yield(s.value) {
				return false
			}
		}
	}
	return true
}

// A spelling is a key as an object has it, and the value there.
type spelling struct {
	key   string
	value any
}

// appendSpellings appends the values of object under key however it is spelled.
// The path leads to the object.
func appendSpellings(found []spelling, object map[string]any, key, path string) []spelling {
	for name, value := range object {
		if SameKey(name, key) {
			found = append(found, spelling{path + name, value})
		}
		for head, rest := range splits(key) {
			if SameKey(name, head) {
				found = appendSpellings(found, asObject(value), rest, path+name+".")
			}
		}
	}
	return found
}

// splits yields the two parts of a key around each of its dots.
func splits(key string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for i := range len(key) {
			if key[i] == '.' && !yield(key[:i], key[i+1:]) {
				return
			}
		}
	}
}

// asObject returns an object of any Go type, nil for anything else.
func asObject(v any) map[string]any {
	if object, ok := v.(map[string]any); ok {
		return object
	}
	value := reflect.ValueOf(v)
	if value.Kind() != reflect.Map || value.Type().Key().Kind() != reflect.String {
		return nil
	}
	object := make(map[string]any, value.Len())
	for name, member := range value.Seq2() {
		object[name.String()] = member.Interface()
	}
	return object
}

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
