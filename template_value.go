package trengo

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

// maxValues is how many values, those in lists included, are printed into one
// subject. More have no room in it, and a list that contains itself comes to
// an end.
const maxValues = 4096

// allProperties is what {{properties}} stands for: one text, into which no
// path leads.
type allProperties map[string]any

// valuePrinter prints values as JavaScript's String does, but integers keep
// all their digits.
type valuePrinter struct {
	out  strings.Builder
	left int // how many values may still be printed
}

func (p *valuePrinter) value(v any) {
	p.left--
	if p.left < 0 {
		return
	}
	switch v := jsonValue(v).(type) {
	case string:
		p.out.WriteString(v)
	case bool:
		p.out.WriteString(strconv.FormatBool(v))
	case json.Number:
		p.number(v)
	case float64:
		p.float(v)
	case []any:
		p.list(v)
	case map[string]any:
		p.out.WriteString("[object Object]")
	case allProperties:
		p.properties(v)
	}
}

func (p *valuePrinter) number(n json.Number) {
	integer := !strings.ContainsAny(string(n), ".eE")
	if integer && n != "-0" {
		p.out.WriteString(string(n))
		return
	}
	f, err := strconv.ParseFloat(string(n), 64)
	if errors.Is(err, strconv.ErrSyntax) {
		p.out.WriteString(string(n))
		return
	}
	p.float(f)
}

func (p *valuePrinter) float(f float64) {
	switch size := math.Abs(f); {
	case f == 0: // also -0
		p.out.WriteByte('0')
	case math.IsInf(f, 1):
		p.out.WriteString("Infinity")
	case math.IsInf(f, -1):
		p.out.WriteString("-Infinity")
	case size < 1e-6, size >= 1e21:
		p.out.WriteString(strings.Replace(strconv.FormatFloat(f, 'e', -1, 64), "e-0", "e-", 1))
	default:
		var digits [32]byte
		p.out.Write(strconv.AppendFloat(digits[:0], f, 'f', -1, 64))
	}
}

func (p *valuePrinter) list(values []any) {
	for i, v := range values {
		if i > 0 {
			p.out.WriteByte(',')
		}
		p.value(v)
	}
}

func (p *valuePrinter) properties(properties allProperties) {
	for i, name := range slices.Sorted(maps.Keys(properties)) {
		if i > 0 {
			p.out.WriteByte(' ')
		}
		p.out.WriteString(name)
		p.out.WriteString(": ")
		if v := jsonValue(properties[name]); v != nil {
			p.value(v)
		} else {
			p.out.WriteString("null")
		}
	}
}

// jsonValue returns v as it would be had it come as JSON: nil, string, bool,
// json.Number or float64, []any or map[string]any. Only events built in Go
// hold anything else.
func jsonValue(v any) any {
	switch v := v.(type) {
	case nil, string, bool, json.Number, float64, allProperties:
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
		return fmt.Sprint(v) // survives a method that panics
	}
	return jsonKind(value)
}

func isNil(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		return v.IsNil()
	}
	return false
}

// jsonKind is jsonValue by what a type is made of. What JSON cannot hold
// becomes nil.
func jsonKind(v reflect.Value) any {
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
		return float64Of(v.Float())
	case reflect.Float64:
		return v.Float()
	case reflect.Slice, reflect.Array:
		return jsonList(v)
	case reflect.Map:
		return jsonObject(v)
	case reflect.Struct:
		return map[string]any{}
	case reflect.Pointer:
		// A pointer to a pointer is not followed: it may lead back to itself.
		if to := v.Elem(); to.Kind() != reflect.Pointer && to.Kind() != reflect.Interface {
			return jsonValue(to.Interface())
		}
	}
	return nil
}

// float64Of returns the float64 that is written as the float32 is: 0.1, not
// 0.10000000149011612.
func float64Of(f float64) float64 {
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
