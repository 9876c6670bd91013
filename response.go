package trengo

import (
	"bytes"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strings"

	"github.com/trengo-go/trengo/internal/transport"
)

// maxErrorBody is how much of a response an [Error] keeps.
const maxErrorBody = 1 << 10

// acceptResponse decodes a 2xx response. It trusts the body, not the status:
// where the API does not have a route, the web application returns 200 and
// HTML.
func acceptResponse(resp *transport.Response, decode func([]byte) error) error {
	body := bytes.TrimSpace(bytes.TrimPrefix(resp.Body, []byte("\ufeff")))
	switch {
	case len(body) == 0 && decode == nil:
		return nil
	case len(body) == 0:
		return safeText("an empty response instead of JSON")
	case decode == nil && json.Valid(body):
		return nil
	case decode == nil:
		return notJSONError(resp)
	}
	err := decode(body)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return notJSONError(resp)
	}
	return err
}

func notJSONError(resp *transport.Response) error {
	media := printableMediaType(resp.Header)
	if media == "application/json" {
		return safeText("invalid or truncated JSON")
	}
	return safeText(media + " instead of JSON")
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
	}
	if resp := failed.Response; resp != nil {
		e.StatusCode = resp.StatusCode
		e.Header = resp.Header
		e.Body = resp.Body[:min(len(resp.Body), maxErrorBody)]
		e.Message, e.Fields = readErrorBody(resp.Body)
	}
	if failed.RateLimited && e.StatusCode != http.StatusTooManyRequests {
		e.Err = ErrRateLimited
	}
	return e
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
	_ = json.Unmarshal(body, &wire)
	var nested struct {
		Message json.RawMessage `json:"message"`
		Errors  json.RawMessage `json:"errors"`
	}
	_ = json.Unmarshal(wire.Error, &nested)
	if len(nested.Message) > 0 {
		wire.Error = nested.Message
	}
	fields = readErrorFields(wire.Errors)
	if fields == nil {
		fields = readErrorFields(nested.Errors)
	}
	texts := readTexts(wire.Message)
	if len(texts) == 0 {
		texts = readTexts(wire.Error)
	}
	if len(texts) == 0 && fields == nil {
		texts = readTexts(wire.Errors)
	}
	return strings.Join(texts, " "), fields
}

func readErrorFields(data json.RawMessage) map[string][]string {
	var complaints map[string]json.RawMessage
	if json.Unmarshal(data, &complaints) != nil || len(complaints) == 0 {
		return nil
	}
	fields := make(map[string][]string, len(complaints))
	for name, texts := range complaints {
		fields[name] = readTexts(texts)
	}
	return fields
}

// readTexts reads one string or an array of strings; it keeps anything else as
// JSON.
func readTexts(data json.RawMessage) []string {
	var one string
	var many []string
	switch {
	case len(data) == 0 || string(data) == "null":
		return nil
	case json.Unmarshal(data, &one) == nil:
		return []string{one}
	case json.Unmarshal(data, &many) == nil:
		return many
	default:
		return []string{string(data)}
	}
}
