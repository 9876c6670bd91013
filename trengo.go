package trengo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/trengo-go/trengo/internal/transport"
)

// A Client is the Trengo REST API v2 for one token. It is safe for concurrent
// use, and all users of a token should share one: the rate limit is counted
// per token, and two clients know nothing of each other.
//
// Make one with [NewClient].
type Client struct {
	Contacts *ContactsService
	Tickets  *TicketsService

	engine  *transport.Engine
	baseURL *url.URL
	header  http.Header // of a request without a body
	posting http.Header // of a request with one
	common  service
}

// A service is the calls of one resource.
type service struct{ client *Client }

// NewClient makes a Client for a personal access token, which Trengo shows
// under Settings, Apps & Integrations, REST API. It sends nothing. The error
// names every mistake in the options at once.
func NewClient(token string, opts ...Option) (*Client, error) {
	o, err := newOptions(token, opts)
	if err != nil {
		return nil, err
	}
	c := &Client{
		baseURL: o.baseURL,
		header:  http.Header{"Accept": {"application/json"}, "User-Agent": {o.userAgent}},
	}
	c.posting = c.header.Clone()
	c.posting.Set("Content-Type", "application/json")
	c.engine = transport.New(o.transport())
	c.common.client = c
	c.Contacts = (*ContactsService)(&c.common)
	c.Tickets = (*TicketsService)(&c.common)
	return c, nil
}

func (o *options) transport() transport.Options {
	t := transport.Options{
		HTTPClient:    o.httpClient,
		Limit:         DefaultRateLimit,
		MaxRetries:    o.maxRetries,
		Timeout:       o.timeout,
		MaxWait:       o.maxWait,
		Logger:        o.logger,
		Authorization: o.authorization,
	}
	if o.rateLimit > 0 {
		t.Limit, t.Ceiling = o.rateLimit, o.rateLimit
	}
	if o.observer != nil {
		t.Observer = func(a transport.Attempt) { o.observer(Attempt(a)) }
	}
	return t
}

// An Attempt is what an observer is told about one request on the wire. It
// holds no personal data.
type Attempt struct {
	Method  string
	Route   string        // such as /contacts/{id}
	Status  int           // 0: no answer came
	Number  int           // 1 for the first attempt of a call
	Waited  time.Duration // for its turn, before it was sent
	Elapsed time.Duration // on the wire
	// Class is empty for an answer that could be used. Otherwise it is one of
	// no_connection, rate_limited, timeout, canceled, connection_lost,
	// server_error, unreadable (a 2xx answer that is not what was asked for)
	// and refused (any other answer).
	Class string
}

// A RateLimit is what Trengo last said about the rate limit of the token.
type RateLimit struct {
	Limit     int // requests a minute
	Remaining int // requests left in the current window of a minute
	// RetryAfter is the pause that a 429 asked for, at most an hour; 0 after
	// any other answer.
	RetryAfter time.Duration
	// ReceivedAt is when the answer came.
	ReceivedAt time.Time
}

// RateLimit returns what the last answer said about the rate limit. A number
// that it left out is that of an answer before it; it is the zero value until
// an answer said something. No request is sent to find out.
func (c *Client) RateLimit() RateLimit { return RateLimit(c.engine.RateLimit()) }

// A Request is a call of any endpoint, also those that no service wraps.
type Request struct {
	Method string // empty: GET
	// Path is below the base URL, begins with a slash and is not escaped. Ids
	// at Trengo are numbers: a word of small letters, - and _ is taken for a
	// word of the route and stands in logs and errors. Let it be nobody's name.
	Path  string
	Query url.Values
	// Body is sent as JSON; nil sends none.
	Body any
	// Repeatable says that a POST or PATCH may be sent again when the outcome
	// of an attempt is unknown, because a second time changes nothing. A GET,
	// HEAD, PUT or DELETE always may.
	Repeatable bool
}

// Do sends a request within the rate limit, repeats it where that is safe,
// and decodes the JSON of a 2xx answer into out; the package documentation
// has the table of what is repeated when. With a nil out an empty answer is
// fine, too. The error is an [*Error]; out may be partly filled then.
//
// The services call Do with what is known of their endpoints. Use it for the
// rest:
//
//	var labels struct{ Data []trengo.Label }
//	err := client.Do(ctx, trengo.Request{Path: "/labels"}, &labels)
func (c *Client) Do(ctx context.Context, r Request, out any) error {
	if out == nil {
		return c.do(ctx, r, nil)
	}
	return c.do(ctx, r, func(body []byte) error { return json.Unmarshal(body, out) })
}

// do is Do with a decoder. An answer that it refuses counts as one that
// cannot be read; a nil decoder takes any JSON, and an empty answer.
func (c *Client) do(ctx context.Context, r Request, decode func([]byte) error) error {
	if r.Method == "" {
		r.Method = http.MethodGet
	}
	call, err := c.call(r)
	if err != nil {
		return &Error{Method: r.Method, Path: r.Path, Err: &invalidRequestError{err}}
	}
	call.Accept = func(a *transport.Answer) error { return accept(a, decode) }
	if _, err := c.engine.Do(ctx, call); err != nil {
		return newError(r, err)
	}
	return nil
}

func (c *Client) call(r Request) (*transport.Call, error) {
	if !isMethod(r.Method) {
		return nil, ownError("the method is not in capital letters")
	}
	if err := checkPath(r.Path); err != nil {
		return nil, err
	}
	call := &transport.Call{
		Method:     r.Method,
		Route:      routeOf(r.Path),
		Header:     c.header,
		Repeatable: r.Repeatable || isRepeatable(r.Method),
	}
	u := *c.baseURL
	u.Path += r.Path
	u.RawQuery = r.Query.Encode()
	call.URL = u.String()
	if r.Body != nil {
		body, err := encode(r.Body)
		if err != nil {
			return nil, err
		}
		call.Header, call.Body = c.posting, body
	}
	return call, nil
}

func checkPath(path string) error {
	if !strings.HasPrefix(path, "/") {
		return ownError("the path does not begin with a slash")
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		if segment == "" || segment == "." || segment == ".." {
			return ownError("the path has an empty segment, a . or a ..")
		}
	}
	return nil
}

func isRepeatable(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

// encode leaves <, > and & as they are: Trengo's texts are no HTML.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// accept decodes a 2xx answer. It goes by the body: the web application
// answers 200 with HTML where the API has no such route.
func accept(a *transport.Answer, decode func([]byte) error) error {
	body := bytes.TrimSpace(a.Body)
	switch {
	case len(body) == 0 && decode == nil:
		return nil
	case len(body) == 0:
		return ownError("an empty answer instead of JSON")
	case decode == nil && json.Valid(body):
		return nil
	case decode == nil:
		return notJSON(a)
	}
	err := decode(body)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return notJSON(a)
	}
	return err
}

func notJSON(a *transport.Answer) error {
	media := mediaType(a.Header)
	if media == "application/json" {
		return ownError("JSON that is broken or was cut off")
	}
	return ownError(media + " instead of JSON")
}

// mediaType names what came, if it has one of the usual names: any other could
// be somebody's name or phone.
func mediaType(header http.Header) string {
	media, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	switch media {
	case "application/json", "text/html", "text/plain", "text/xml", "application/xml":
		return media
	}
	return "something"
}

func newError(r Request, err error) *Error {
	var failed *transport.Failure
	errors.As(err, &failed)
	e := &Error{
		Method:         r.Method,
		Path:           r.Path,
		RetryAfter:     failed.RetryAfter,
		Attempts:       failed.Attempts,
		OutcomeUnknown: failed.Unknown,
		Err:            failed.Cause,
	}
	if a := failed.Answer; a != nil {
		e.StatusCode = a.Status
		e.Body = a.Body[:min(len(a.Body), maxErrorBody)]
		e.Message, e.Fields = readErrorBody(a.Body)
	}
	if failed.RateLimited && e.StatusCode != http.StatusTooManyRequests {
		e.Err = ErrRateLimited
	}
	return e
}

// readErrorBody reads as much of an error's JSON as is there: Trengo sends
// errors as an empty array where there are none, and a message as a string,
// an array or an object.
func readErrorBody(body []byte) (message string, fields map[string][]string) {
	var said struct {
		Message json.RawMessage            `json:"message"`
		Errors  map[string]json.RawMessage `json:"errors"`
	}
	// What does not fit is left out; what is no JSON says nothing.
	_ = json.Unmarshal(body, &said)
	message = strings.Join(texts(said.Message), " ")
	for name, complaints := range said.Errors {
		if fields == nil {
			fields = make(map[string][]string, len(said.Errors))
		}
		fields[name] = texts(complaints)
	}
	return message, fields
}

// texts reads one string or an array of them; anything else is kept as JSON.
func texts(data json.RawMessage) []string {
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
