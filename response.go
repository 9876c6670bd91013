package trengo

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/trengo-go/trengo/internal/transport"
)

// What an [Error] keeps of a response, in bytes. Errors are logged, queued and
// remembered, and a response can have megabytes.
const (
	maxErrorBody   = 1 << 10
	maxErrorText   = 1 << 10 // of the message, and of each complaint
	maxErrorFields = 50
	maxComplaints  = 10 // about one field
)

// acceptResponse decodes a 2xx response. It trusts the body, not the status:
// where the API does not have a route, the web application returns 200 and
// HTML.
func acceptResponse(resp *transport.Response, decode func([]byte) error) error {
	body := trimBody(resp.Body)
	switch {
	case len(body) == 0 && decode == nil:
		return nil
	case len(body) == 0:
		return emptyError(resp)
	case decode == nil && json.Valid(body):
		return nil
	case decode == nil:
		return notJSONError(resp.Header, body)
	}
	err := decode(body)
	if err != nil && !json.Valid(body) {
		return notJSONError(resp.Header, body)
	}
	return err
}

func trimBody(body []byte) []byte {
	return bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
}

// isFromTrengo reports whether an error response is Trengo's own, and not one of a
// firewall, a proxy or a maintenance page in front of it: Trengo sends JSON, or
// nothing.
func isFromTrengo(resp *transport.Response) bool {
	body := trimBody(resp.Body)
	return len(body) == 0 || json.Valid(body)
}

func emptyError(resp *transport.Response) error {
	const text = safeText("an empty response instead of JSON")
	if resp.StatusCode == http.StatusNoContent {
		return transport.Permanent(text)
	}
	return text
}

// notJSONError does not expect JSON of the next attempt either, unless this looks
// like the beginning of some.
func notJSONError(header http.Header, body []byte) error {
	if media := printableMediaType(header); media != "application/json" {
		return transport.Doubtful(safeText(media + " instead of JSON"))
	}
	const text = safeText("invalid or truncated JSON")
	if body[0] != '{' && body[0] != '[' {
		return transport.Doubtful(text)
	}
	return text
}

// decodeInto returns the decoder of what a caller wants, nil if that is nothing.
func decodeInto(out any) (func([]byte) error, error) {
	if out == nil {
		return nil, nil
	}
	if v := reflect.ValueOf(out); v.Kind() != reflect.Pointer || v.IsNil() {
		return nil, safeText("the response cannot be decoded into what is not a pointer")
	}
	return func(body []byte) error {
		if err := json.Unmarshal(body, out); err != nil {
			return transport.Permanent(&mismatchError{wanted: reflect.TypeOf(out).Elem(), err: err})
		}
		return nil
	}, nil
}

// printableMediaType names the usual types only: any other could be somebody's
// name or phone number.
func printableMediaType(header http.Header) string {
	media, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	switch media {
	case "application/json", "text/html", "text/plain", "text/xml", "application/xml":
		return media
	}
	return "something"
}

// newError returns the error of a call that the engine gave up.
func newError(method, path string, err error) *Error {
	var failed *transport.Failure
	errors.As(err, &failed)
	e := &Error{
		Method:         method,
		Path:           path,
		RetryAfter:     failed.RetryAfter,
		Attempts:       failed.Attempts,
		OutcomeUnknown: failed.OutcomeUnknown,
		Err:            failed.Cause,
		turnedAway:     failed.TurnedAway,
	}
	if e.Err != nil && nameError(e.Err) == "" {
		e.Err = &namedError{text: nameClass(failed.Class), err: e.Err}
	}
	if resp := failed.Response; resp != nil {
		e.StatusCode = resp.StatusCode
		e.Header = resp.Header
		e.Body = bytes.Clone(resp.Body[:min(len(resp.Body), maxErrorBody)])
		e.Message, e.Fields = readErrorBody(resp.Body)
	}
	if failed.RateLimited && e.StatusCode != http.StatusTooManyRequests {
		e.Err = ErrRateLimited
	}
	return e
}

// nameClass names an error of which nothing is known but how the attempt ended.
func nameClass(class transport.AttemptClass) safeText {
	switch class {
	case transport.ClassNoConnection:
		return "no connection"
	case transport.ClassUnreadable:
		return "the response cannot be read"
	default:
		return "connection lost"
	}
}

// readErrorBody reads as much as it can of an error's JSON. Trengo sends an empty
// array instead of an empty object of errors, and a message as a string, an array
// or an object; gateways in front of it have other shapes.
func readErrorBody(body []byte) (message string, fields map[string][]string) {
	var wire struct {
		Message json.RawMessage `json:"message"`
		Error   json.RawMessage `json:"error"`
		Errors  json.RawMessage `json:"errors"`
	}
	// A part of the wrong type stays empty, and so does everything if the body
	// is not JSON.
	_ = json.Unmarshal(trimBody(body), &wire)
	var nested struct {
		Errors json.RawMessage `json:"errors"`
	}
	_ = json.Unmarshal(wire.Error, &nested)
	fields = readErrorFields(wire.Errors)
	if fields == nil {
		fields = readErrorFields(nested.Errors)
	}
	parts := []json.RawMessage{wire.Message, wire.Error}
	if fields == nil {
		parts = append(parts, nested.Errors, wire.Errors)
	}
	return cutText(readMessage(parts)), fields
}

// readMessage returns the first of several parts that has texts, or else the JSON
// of the first that has something else.
func readMessage(parts []json.RawMessage) string {
	other := ""
	for _, part := range parts {
		texts, ok := readTexts(part)
		if len(texts) > 0 {
			return strings.Join(texts, " ")
		}
		if !ok {
			other = cmp.Or(other, string(part))
		}
	}
	return other
}

// readErrorFields reads complaints by the name of the field, nil if there are none.
// A field within another one gets both names, with a dot between them.
func readErrorFields(data json.RawMessage) map[string][]string {
	var complaints map[string]json.RawMessage
	if json.Unmarshal(data, &complaints) != nil || len(complaints) == 0 {
		return nil
	}
	fields := make(map[string][]string)
	for name, complaint := range complaints {
		var value any
		_ = json.Unmarshal(complaint, &value) // it is a part of valid JSON
		parts := make(map[string][]string)
		if !addComplaints(parts, name, value) {
			parts = map[string][]string{name: {string(complaint)}}
		}
		maps.Copy(fields, parts)
	}
	return cutFields(fields)
}

// addComplaints adds the texts about a field and the fields within it. It reports
// whether there is nothing but texts.
func addComplaints(fields map[string][]string, name string, value any) bool {
	texts, ok := textsIn(value)
	if ok {
		fields[name] = texts
		return true
	}
	within, _ := value.(map[string]any)
	for part, complaint := range within {
		if !addComplaints(fields, name+"."+part, complaint) {
			return false
		}
	}
	return len(within) > 0
}

// cutFields keeps what an [Error] keeps of its fields.
func cutFields(fields map[string][]string) map[string][]string {
	kept := make(map[string][]string)
	names := slices.Sorted(maps.Keys(fields))
	for _, name := range names[:min(len(names), maxErrorFields)] {
		texts := fields[name]
		texts = texts[:min(len(texts), maxComplaints)]
		for i, text := range texts {
			texts[i] = cutText(text)
		}
		kept[cutText(name)] = slices.Clone(texts)
	}
	return kept
}

// readTexts reads a text, the message of an object, or an array of these. It
// reports whether there is nothing else.
func readTexts(data json.RawMessage) (texts []string, ok bool) {
	var value any
	_ = json.Unmarshal(data, &value) // without data, texts are missing
	return textsIn(value)
}

func textsIn(value any) (texts []string, ok bool) {
	switch value := value.(type) {
	case nil:
		return nil, true
	case string:
		if strings.TrimSpace(value) == "" {
			return nil, true
		}
		return []string{value}, true
	case []any:
		for _, element := range value {
			more, ok := textsIn(element)
			if !ok {
				return nil, false
			}
			texts = append(texts, more...)
		}
		return texts, true
	case map[string]any:
		if message, ok := value["message"]; ok {
			return textsIn(message)
		}
	}
	return nil, false
}

// cutText returns a copy of the beginning of a text, with whole characters.
func cutText(text string) string {
	if len(text) > maxErrorText {
		text = strings.ToValidUTF8(text[:maxErrorText], "")
	}
	return strings.Clone(text)
}
