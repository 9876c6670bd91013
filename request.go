package trengo

import (
	"bytes"
	"cmp"
	"context"
	"encoding"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/trengo-go/trengo/internal/transport"
)

// A Request is a call of any endpoint, including those that no service wraps.
type Request struct {
	Method string // empty means GET
	// Path is below the base URL, begins with a slash and is not escaped. An
	// ID in it must be at least 1. Never put a name into a path: lower-case
	// words count as words of the route and appear in logs and errors.
	Path  string
	Query url.Values
	// Body is sent as JSON; nil sends none. A Params value of this package is
	// checked first, and a json.RawMessage is sent as it is. What does not have a
	// meaning as JSON is an error, such as bytes, a reader, url.Values or a
	// strings.Builder: use RawBody.
	Body any
	// RawBody is sent as it is, with ContentType: a form, for example. Body must
	// be nil then.
	RawBody     []byte
	ContentType string
	// Repeatable says that a POST or PATCH may be sent again when the outcome
	// of an attempt is unknown, because a second time changes nothing. GET,
	// HEAD, PUT and DELETE requests are always repeatable.
	Repeatable bool
}

// A requester sends requests with one token to one base URL, within the rate
// limit. It knows no resources.
type requester struct {
	engine      *transport.Engine
	logger      *slog.Logger // nil means no log
	baseURL     *url.URL
	readHeader  http.Header // of a request without a body
	writeHeader http.Header // of a request with a body
}

func newRequester(o *options) *requester {
	q := &requester{
		engine:     transport.New(o.transportOptions()),
		logger:     o.logger,
		baseURL:    o.baseURL,
		readHeader: http.Header{"Accept": {"application/json"}, "User-Agent": {o.userAgent}},
	}
	q.writeHeader = q.readHeader.Clone()
	q.writeHeader.Set("Content-Type", "application/json")
	return q
}

// do sends a request and decodes its response. A response that decode rejects
// counts as unreadable; without decode any JSON, and an empty body, will do.
// The error is an [*Error].
func (q *requester) do(ctx context.Context, r Request, decode func([]byte) error) error {
	if r.Method == "" {
		r.Method = http.MethodGet
	}
	call, err := q.newCall(r)
	if err != nil {
		return invalidRequest(r, err)
	}
	call.Accept = func(resp *transport.Response) error { return acceptResponse(resp, decode) }
	call.FromAPI = isFromTrengo
	if _, err := q.engine.Do(ctx, call); err != nil {
		return newError(r.Method, r.Path, err)
	}
	return nil
}

func invalidRequest(r Request, err error) *Error {
	return &Error{Method: cmp.Or(r.Method, http.MethodGet), Path: r.Path, Err: &invalidRequestError{err}}
}

// A validator is a request body that can tell what is wrong with it.
type validator interface{ validate() error }

var errZeroClient = safeText("the Client was not made by NewClient")

func (q *requester) newCall(r Request) (*transport.Call, error) {
	if q == nil {
		return nil, errZeroClient
	}
	if !isMethod(r.Method) {
		return nil, safeText("the method is not in capital letters")
	}
	if body, ok := r.Body.(validator); ok && !isNilPointer(r.Body) {
		if err := body.validate(); err != nil {
			return nil, err
		}
	}
	if err := checkPath(r.Path); err != nil {
		return nil, err
	}
	call := &transport.Call{
		Method:     r.Method,
		Route:      routeOf(r.Path),
		Repeatable: r.Repeatable || isRepeatableMethod(r.Method),
	}
	u := *q.baseURL
	u.Path += r.Path
	u.RawQuery = r.Query.Encode()
	call.URL = u.String()
	var err error
	call.Header, call.Body, err = q.encodeBody(r)
	return call, err
}

// encodeBody returns the body of a request, nil if it does not have one, and the
// header that goes with it.
func (q *requester) encodeBody(r Request) (http.Header, []byte, error) {
	switch {
	case r.Body != nil && !isJSONValue(r.Body):
		return nil, nil, safeText("the body is not a JSON value: see Request.RawBody")
	case r.RawBody == nil && r.ContentType != "":
		return nil, nil, safeText("there is a ContentType without a RawBody")
	case r.RawBody == nil && r.Body == nil:
		return q.readHeader, nil, nil
	case r.RawBody == nil:
		body, err := encodeJSON(r.Body)
		return q.writeHeader, body, err
	case r.Body != nil:
		return nil, nil, safeText("there is both a Body and a RawBody")
	case strings.TrimSpace(r.ContentType) == "" || !isHeaderText(r.ContentType):
		return nil, nil, safeText("the RawBody does not have a ContentType")
	}
	header := q.readHeader.Clone()
	header.Set("Content-Type", r.ContentType)
	return header, r.RawBody, nil
}

func isNilPointer(v any) bool {
	pointer := reflect.ValueOf(v)
	return pointer.Kind() == reflect.Pointer && pointer.IsNil()
}

// isJSONValue reports whether a value has a meaning as JSON. Encoding/json makes
// base64 of bytes, an object of arrays of a form, and an empty object of a type
// that hides what it holds, such as a [strings.Builder].
func isJSONValue(v any) bool {
	t := reflect.TypeOf(v)
	for t.Kind() == reflect.Pointer && !hasOwnJSON(t) {
		t = t.Elem()
	}
	switch {
	case hasOwnJSON(t):
		return true
	case t == reflect.TypeFor[url.Values](), reflect.TypeOf(v).Implements(reflect.TypeFor[io.Reader]()):
		return false
	case t.Kind() == reflect.Slice:
		return t.Elem().Kind() != reflect.Uint8 || hasOwnJSON(reflect.PointerTo(t.Elem()))
	case t.Kind() == reflect.Struct:
		fields := reflect.VisibleFields(t)
		return len(fields) == 0 || slices.ContainsFunc(fields, func(f reflect.StructField) bool { return f.IsExported() })
	}
	return true
}

func hasOwnJSON(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[json.Marshaler]()) || t.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

// encodeJSON leaves <, > and & as they are: Trengo's texts are not HTML.
func encodeJSON(v any) ([]byte, error) {
	if raw, ok := v.(json.RawMessage); ok {
		if !json.Valid(raw) {
			return nil, safeText("the body is not valid JSON")
		}
		return raw, nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
