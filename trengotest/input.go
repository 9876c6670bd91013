package trengotest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// An input holds the fields of a request's body and the errors in them. Its methods
// read one field each and record an error if they cannot.
type input struct {
	fields map[string]any
	words  vocabulary
	errors map[string][]string
}

// get returns the value of a field. Strings are trimmed and empty ones become null,
// as Laravel does before validation.
func (in *input) get(name string) any {
	text, isText := in.fields[name].(string)
	if !isText {
		return in.fields[name]
	}
	if text = strings.TrimSpace(text); text == "" {
		return nil
	}
	return text
}

func (in *input) has(name string) bool {
	_, found := in.fields[name]
	return found
}

func (in *input) text(name string) string {
	switch v := in.get(name).(type) {
	case nil:
		return ""
	case string:
		return v
	default:
		in.reject(name, in.words.notText)
		return ""
	}
}

// scalar reads a text that can also be sent as a number.
func (in *input) scalar(name string) string {
	if n, isNumber := in.get(name).(json.Number); isNumber {
		return n.String()
	}
	return in.text(name)
}

// id returns zero if the field is missing.
func (in *input) id(name string) int64 {
	v := in.get(name)
	if v == nil {
		return 0
	}
	id, valid := parseID(v)
	if !valid {
		in.reject(name, in.words.notInteger)
	}
	return id
}

func (in *input) ids(name string) []int64 {
	list, isList := in.get(name).([]any)
	if !isList && in.get(name) != nil {
		in.reject(name, in.words.notList)
	}
	var ids []int64
	for _, v := range list {
		id, valid := parseID(v)
		if !valid {
			in.reject(name, in.words.notInteger)
		}
		ids = append(ids, id)
	}
	return ids
}

func (in *input) flag(name string) bool {
	switch fmt.Sprint(in.get(name)) {
	case "true", "1":
		return true
	case "false", "0", "<nil>":
		return false
	default:
		in.reject(name, in.words.notBool)
		return false
	}
}

func (in *input) require(names ...string) {
	for _, name := range names {
		if in.get(name) == nil {
			in.reject(name, in.words.required)
		}
	}
}

// reject records the error of a field. Later errors of the same field are ignored.
func (in *input) reject(name, reason string) {
	if in.errors[name] == nil {
		label := strings.ReplaceAll(name, "_", " ")
		in.errors[name] = []string{strings.ReplaceAll(reason, "%", label)}
	}
}

func (in *input) failed() bool { return len(in.errors) > 0 }

// unprocessable is the 422 for the recorded errors.
func (in *input) unprocessable() response {
	return jsonResponse(http.StatusUnprocessableEntity, object{"message": in.words.invalid, "errors": in.errors})
}

// violation is a 422 for a valid field that breaks a rule of the help desk.
func (in *input) violation(name, reason string) response {
	in.reject(name, reason)
	return jsonResponse(http.StatusUnprocessableEntity, object{"message": reason, "errors": in.errors})
}

// newInput parses the body of a request. A body that cannot be parsed does not have
// fields, so that required ones are missing.
func (s *Server) newInput(c *call) *input {
	return &input{
		fields: parseBody(c.record.Header.Get("Content-Type"), c.record.Body),
		words:  s.words(),
		errors: make(map[string][]string),
	}
}

func parseBody(contentType string, body []byte) map[string]any {
	mediaType, _, _ := mime.ParseMediaType(contentType)
	switch {
	case strings.HasSuffix(mediaType, "json"):
		return parseJSON(body)
	case mediaType == "application/x-www-form-urlencoded":
		return parseForm(body)
	default:
		return nil
	}
}

func parseJSON(body []byte) map[string]any {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber() // a float64 would round large IDs
	var fields map[string]any
	if decoder.Decode(&fields) != nil {
		return nil
	}
	return fields
}

func parseForm(body []byte) map[string]any {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil
	}
	fields := make(map[string]any, len(form))
	for key, values := range form {
		name, list := strings.CutSuffix(key, "[]")
		if !list {
			fields[name] = values[len(values)-1]
			continue
		}
		all := make([]any, len(values))
		for i, v := range values {
			all[i] = v
		}
		fields[name] = all
	}
	return fields
}

// parseID accepts a number and a string of digits.
func parseID(v any) (int64, bool) {
	id, err := strconv.ParseInt(fmt.Sprint(v), 10, 64)
	return id, err == nil
}
