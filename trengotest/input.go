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

// input is the body of a request together with what is wrong with it. Its methods
// read one field each and note what they cannot accept.
type input struct {
	fields map[string]any
	words  vocabulary
	errors map[string][]string
}

// input reads the body. One that cannot be read has no fields, so that required
// ones are missing.
func (s *Server) input(c *call) *input {
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
	decoder.UseNumber() // ids need all their digits
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

// get returns the value of a field, with strings trimmed and empty ones taken for
// null, as Laravel does before it looks at them.
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

// scalar is text that may also be sent as a number.
func (in *input) scalar(name string) string {
	if n, isNumber := in.get(name).(json.Number); isNumber {
		return n.String()
	}
	return in.text(name)
}

// id returns 0 if the field is missing.
func (in *input) id(name string) int64 {
	v := in.get(name)
	if v == nil {
		return 0
	}
	id, ok := parseID(v)
	if !ok {
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
		id, ok := parseID(v)
		if !ok {
			in.reject(name, in.words.notInteger)
		}
		ids = append(ids, id)
	}
	return ids
}

// parseID reads an id that came as a number or as a string of digits.
func parseID(v any) (int64, bool) {
	id, err := strconv.ParseInt(fmt.Sprint(v), 10, 64)
	return id, err == nil
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

// reject notes what is wrong with a field; only the first reason for each counts.
func (in *input) reject(name, reason string) {
	if in.errors[name] == nil {
		label := strings.ReplaceAll(name, "_", " ")
		in.errors[name] = []string{strings.ReplaceAll(reason, "%", label)}
	}
}

func (in *input) failed() bool { return len(in.errors) > 0 }

func (in *input) unprocessable() answer {
	return reply(http.StatusUnprocessableEntity, object{"message": in.words.invalid, "errors": in.errors})
}

// refusal is a 422 by a rule of the help desk rather than by the form of a field.
func (in *input) refusal(name, reason string) answer {
	in.reject(name, reason)
	return reply(http.StatusUnprocessableEntity, object{"message": reason, "errors": in.errors})
}
