package handlebars

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxValues limits how many values one rendering prints, elements of lists
// included. It ends the rendering of a list that contains itself.
const maxValues = 4096

// allMembers is the value of {{ properties }} and of a part that is an object. It
// prints as one text and a path does not lead into it.
type allMembers map[string]any

// A printer prints values as JavaScript's String does, except that integers
// keep all their digits.
type printer struct {
	text strings.Builder
	left int // how many more values may be printed
}

func (p *printer) print(v any) {
	p.left--
	if p.left < 0 {
		return
	}
	switch v := jsonValue(v).(type) {
	case string:
		p.text.WriteString(v)
	case bool:
		p.text.WriteString(strconv.FormatBool(v))
	case json.Number:
		p.printNumber(v)
	case float64:
		p.printFloat(v)
	case []any:
		p.printList(v)
	case map[string]any:
		p.text.WriteString("[object Object]")
	case allMembers:
		p.printMembers(v)
	}
}

func (p *printer) printNumber(n json.Number) {
	integer := !strings.ContainsAny(string(n), ".eE")
	if integer && n != "-0" {
		p.text.WriteString(string(n))
		return
	}
	f, err := strconv.ParseFloat(string(n), 64)
	if errors.Is(err, strconv.ErrSyntax) {
		p.text.WriteString(string(n))
		return
	}
	p.printFloat(f) // a number out of range is infinite, as in JavaScript
}

func (p *printer) printFloat(f float64) {
	switch size := math.Abs(f); {
	case f == 0: // also -0
		p.text.WriteByte('0')
	case math.IsInf(f, 1):
		p.text.WriteString("Infinity")
	case math.IsInf(f, -1):
		p.text.WriteString("-Infinity")
	case size < 1e-6, size >= 1e21:
		p.text.WriteString(strings.Replace(strconv.FormatFloat(f, 'e', -1, 64), "e-0", "e-", 1))
	default:
		var digits [32]byte
		p.text.Write(strconv.AppendFloat(digits[:0], f, 'f', -1, 64))
	}
}

func (p *printer) printList(values []any) {
	for i, v := range values {
		if i > 0 {
			p.text.WriteByte(',')
		}
		p.print(v)
	}
}

func (p *printer) printMembers(members allMembers) {
	for i, name := range slices.Sorted(maps.Keys(members)) {
		if i > 0 {
			p.text.WriteByte(' ')
		}
		p.text.WriteString(name)
		p.text.WriteString(": ")
		if v := jsonValue(members[name]); v != nil {
			p.print(v)
		} else {
			p.text.WriteString("null")
		}
	}
}

// jsonValue returns v as a value of one of the types that JSON is decoded into:
// nil, string, bool, json.Number, float64, []any or map[string]any. Properties
// that were not decoded from JSON may hold any other type.
func jsonValue(v any) any {
	switch v := v.(type) {
	case nil, string, bool, json.Number, float64, allMembers:
		return v
	case time.Time:
		return v.Format(time.RFC3339Nano)
	}
	value := reflect.ValueOf(v)
	if isNil(value) {
		return nil
	}
	switch typed := v.(type) {
	case map[string]any, []any:
		return v
	case *time.Time:
		return typed.Format(time.RFC3339Nano)
	case fmt.Stringer, error:
		return fmt.Sprint(v) // recovers from a method that panics
	}
	return jsonValueOfKind(value)
}

func isNil(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		return v.IsNil()
	}
	return false
}

// jsonValueOfKind is jsonValue for a type that is only known by its kind. The
// result is nil if JSON does not have such values.
func jsonValueOfKind(v reflect.Value) any {
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return json.Number(strconv.FormatInt(v.Int(), 10))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return json.Number(strconv.FormatUint(v.Uint(), 10))
	case reflect.Float32:
		return widenFloat32(v.Float())
	case reflect.Float64:
		return v.Float()
	case reflect.Slice, reflect.Array:
		return jsonList(v)
	case reflect.Map:
		return jsonObject(v)
	case reflect.Struct:
		return map[string]any{}
	case reflect.Pointer:
		// A pointer to a pointer is not followed: it may point to itself.
		if to := v.Elem(); to.Kind() != reflect.Pointer && to.Kind() != reflect.Interface {
			return jsonValue(to.Interface())
		}
	}
	return nil
}

// widenFloat32 returns the float64 that prints like the float32 value f: 0.1,
// not 0.10000000149011612.
func widenFloat32(f float64) float64 {
	f, _ = strconv.ParseFloat(strconv.FormatFloat(f, 'g', -1, 32), 64)
	return f
}

func jsonList(v reflect.Value) any {
	if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
		return string(v.Bytes())
	}
	list := make([]any, v.Len())
	for i := range list {
		list[i] = v.Index(i).Interface()
	}
	return list
}

func jsonObject(v reflect.Value) map[string]any {
	object := make(map[string]any, v.Len())
	for name, value := range v.Seq2() {
		object[fmt.Sprint(name)] = value.Interface()
	}
	return object
}
