package trengo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// A webhook is a desk behind a handler.
type webhook struct {
	*desk
	handler http.Handler
	told    []told // by OnOutcome
}

type told struct {
	Index, Status int
	Err           string
}

var anybody = trengo.HandlerConfig{AllowUnauthenticated: true}

func newWebhook(t *testing.T, cfg trengo.HandlerConfig, changes ...func(*trengo.DestinationConfig)) *webhook {
	t.Helper()
	w := &webhook{desk: newDesk(t, changes...)}
	cfg.OnOutcome = func(o trengo.Outcome, status int) {
		w.told = append(w.told, told{o.Index, status, errorText(o.Err)})
	}
	w.handler = newHandler(t, w.destination, cfg)
	return w
}

func newHandler(t *testing.T, d *trengo.Destination, cfg trengo.HandlerConfig) http.Handler {
	t.Helper()
	handler, err := trengo.NewHandler(d, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// A reply is what the sender of a delivery reads.
type reply struct {
	Status    int
	Action    string  `json:",omitempty"`
	Reason    string  `json:",omitempty"`
	Duplicate bool    `json:",omitempty"`
	Error     string  `json:",omitempty"`
	Events    []reply `json:",omitempty"`
}

func (w *webhook) post(body string) reply {
	w.t.Helper()
	_, answer := serve(w.t, w.handler, delivery(w.t.Context(), body))
	return answer
}

// delivery is a request with events, as RudderStack makes it.
func delivery(ctx context.Context, body string) *http.Request {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

// serve checks what holds of every answer.
func serve(t *testing.T, handler http.Handler, r *http.Request) (http.Header, reply) {
	t.Helper()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	line := recorder.Body.Bytes()
	if bytes.Count(line, []byte("\n")) != 1 || !bytes.HasSuffix(line, []byte("\n")) {
		t.Errorf("the body is not one line: %q", line)
	}
	if got := recorder.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type is %q", got)
	}
	var answer reply
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&answer); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	if answer.Status != recorder.Code {
		t.Errorf("the body says %d, and the status is %d", answer.Status, recorder.Code)
	}
	return recorder.Header(), answer
}

// wire is an event as RudderStack sends it.
func wire(t *testing.T, ev *trengo.Event) string {
	t.Helper()
	externalIDs := []map[string]string{}
	for _, id := range ev.Context.ExternalIDs {
		externalIDs = append(externalIDs, map[string]string{"type": id.Type, "id": id.ID})
	}
	data, err := json.Marshal(map[string]any{
		"type": ev.Type, "messageId": ev.MessageID, "event": ev.Event, "traits": ev.Traits,
		"properties": ev.Properties, "context": map[string]any{"externalId": externalIDs},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func wires(t *testing.T, events ...*trengo.Event) string {
	t.Helper()
	var all []string
	for _, ev := range events {
		all = append(all, wire(t, ev))
	}
	return "[" + strings.Join(all, ",") + "]"
}

func TestHandler_statusOfAnEvent(t *testing.T) {
	t.Parallel()
	track, identify := trackFor("1", annsMail), identifyFor("1", annsMail, "Anna")
	unreadable := *track
	unreadable.Type = ""
	nobody := trackFor("1", "")
	stranger := trackFor("1", "bob@example.com")
	skipped := *track
	skipped.Event = "Unlisted"
	override := about(trackFor("1", annsMail), "trengoChannelId", 0)
	cases := []struct {
		name  string
		event *trengo.Event
		cfg   trengo.HandlerConfig
		fault trengotest.Fault // of the last request
		want  reply
	}{
		{"a track", track, anybody, trengotest.Fault{}, reply{Status: 200, Action: "ticket_created"}},
		{"an identify", identify, anybody, trengotest.Fault{}, reply{Status: 200, Action: "contact_updated"}},
		{"an event that is not listed", &skipped, anybody, trengotest.Fault{}, reply{Status: 200, Action: "skipped", Reason: "event not in the template map"}},
		{"an event without a type", &unreadable, anybody, trengotest.Fault{}, reply{Status: 400, Error: "trengo: invalid event: it has no type"}},
		{"an override that is no id", override, anybody, trengotest.Fault{}, reply{Status: 400, Error: "trengo: invalid event: trengoChannelId in context.externalId is no id"}},
		{"nobody", nobody, anybody, trengotest.Fault{}, reply{Status: 400, Error: "trengo: missing identifier: the event has no email"}},
		{"a stranger", stranger, anybody, trengotest.Fault{}, reply{Status: 400, Error: "trengo: contact not found"}},
		{"a stranger who may be on the way", stranger, trengo.HandlerConfig{AllowUnauthenticated: true, RetryContactNotFound: true}, trengotest.Fault{}, reply{Status: 503, Error: "trengo: contact not found"}},
		{"values that Trengo refuses", track, anybody, trengotest.Respond(422, "application/json", `{"errors":{"subject":["no"]}}`), reply{Status: 400, Error: "trengo: POST /tickets: 422 Unprocessable Entity; invalid fields: subject"}},
		{"a route that is not there", track, anybody, trengotest.Respond(405, "", ""), reply{Status: 400, Error: "trengo: POST /tickets: 405 Method Not Allowed"}},
		{"something that Trengo cannot do", track, anybody, trengotest.Respond(501, "", ""), reply{Status: 400, Error: "trengo: POST /tickets: 501 Not Implemented"}},
		{"a token that is refused", track, anybody, trengotest.Respond(401, "", ""), reply{Status: 503, Error: "trengo: POST /tickets: 401 Unauthorized"}},
		{"a token without the right", track, anybody, trengotest.Respond(403, "", ""), reply{Status: 503, Error: "trengo: POST /tickets: 403 Forbidden"}},
		{"no connection", track, anybody, trengotest.NoConnection(), reply{Status: 503, Error: "trengo: POST /tickets: dial: connection refused"}},
		{"a rename that times out at Trengo", identify, anybody, trengotest.Respond(408, "", ""), reply{Status: 503, Error: "trengo: PUT /contacts/460000002: 408 Request Timeout"}},
		{"too many requests", track, anybody, trengotest.TooManyRequests("60"), reply{Status: 429, Error: "trengo: POST /tickets: 429 Too Many Requests; retry after 1m0s"}},
		{"a rename whose answer was lost", identify, anybody, trengotest.LostAfter(), reply{Status: 503, Error: "trengo: PUT /contacts/460000002: read: connection reset by peer; outcome unknown"}},
		{"a ticket that may be there", track, anybody, trengotest.Respond(502, "", ""), reply{Status: 503, Error: `trengo: ticket of contact 460000002 on channel 405980 for the event "Ordered": POST /tickets: 502 Bad Gateway; outcome unknown`}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWebhook(t, c.cfg)
				w.warmUp()
				w.AddContact(trengotest.Contact{Name: "Ann", Email: annsMail, ChannelIDs: []int64{deskMail}})
				w.Inject(trengotest.Fault{}, c.fault) // the search, and what follows it
				if diff := cmp.Diff(c.want, w.post(wire(t, c.event))); diff != "" {
					t.Errorf("answer (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff([]told{{0, c.want.Status, c.want.Error}}, w.told); diff != "" {
					t.Errorf("outcomes (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestHandler_severalContacts(t *testing.T) {
	t.Parallel()
	w := newWebhook(t, anybody)
	for range 2 {
		w.AddContact(trengotest.Contact{Email: annsMail})
	}
	want := reply{Status: 400, Error: "trengo: ambiguous contact: 460000002, 460000001"}
	if diff := cmp.Diff(want, w.post(wire(t, trackFor("1", annsMail)))); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestHandler_panic(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"%s", "[%s]"} {
		w := newWebhook(t, anybody, byPhone, func(cfg *trengo.DestinationConfig) {
			cfg.NormalizePhone = func(string) string { panic("ann@example.com") }
		})
		answer := w.post(strings.Replace(body, "%s", wire(t, trackFor("1", annsPhone)), 1))
		if answer.Status != 500 || len(w.told) != 1 || w.told[0].Status != 500 {
			t.Errorf("answer %+v, outcomes %+v", answer, w.told)
		}
		if strings.Contains(w.told[0].Err, "ann") {
			t.Error("the error shows what was panicked with")
		}
	}
}

// A panic may be mended within the hours for which RudderStack goes on, so it
// counts for more than what will never be done; an outage counts for more.
func TestHandler_panicInAnArray(t *testing.T) {
	t.Parallel()
	const panics, nobody = "+31600000009", ""
	for name, c := range map[string]struct {
		other string
		want  []int
		all   int
	}{
		"beside one that fails for good":     {nobody, []int{500, 400}, 500},
		"beside one that Trengo is down for": {annsPhone, []int{500, 503}, 503},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWebhook(t, anybody, byPhone, func(cfg *trengo.DestinationConfig) {
				cfg.NormalizePhone = func(phone string) string {
					if phone == panics {
						panic("no rule for it")
					}
					return phone
				}
			})
			w.InjectFunc(func(trengotest.Request) trengotest.Fault { return trengotest.NoConnection() })
			got := w.post(wires(t, trackFor("1", panics), trackFor("2", c.other)))
			if diff := cmp.Diff(c.want, got.statuses()); diff != "" || got.Status != c.all {
				t.Errorf("status %d, want %d, of events (-want +got):\n%s", got.Status, c.all, diff)
			}
		})
	}
}

func TestHandler_duplicate(t *testing.T) {
	t.Parallel()
	w := newWebhook(t, anybody, creating)
	event := wire(t, trackFor("1", annsMail))
	w.post(event)
	want := reply{Status: 200, Action: "ticket_created", Duplicate: true}
	if diff := cmp.Diff(want, w.post(event)); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	if n := len(w.Tickets()); n != 1 {
		t.Errorf("%d tickets", n)
	}
}

// The header says what Trengo asked for, or when the queue has room.
func TestHandler_retryAfter(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault trengotest.Fault
		busy  int // requests just before
		want  string
	}{
		"Trengo asks for it":    {trengotest.TooManyRequests("17"), 0, "17"},
		"the queue is full":     {trengotest.Fault{}, 61, "1"}, // half a second, in whole ones
		"nobody asks for it":    {trengotest.NoConnection(), 0, ""},
		"nothing went wrong":    {trengotest.Fault{}, 0, ""},
		"it will never be done": {trengotest.Respond(422, "", ""), 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWebhook(t, trengo.HandlerConfig{AllowUnauthenticated: true, Timeout: 100 * time.Millisecond})
				w.AddContact(trengotest.Contact{Name: "Ann", Email: annsMail})
				w.must(identifyFor("", annsMail, "")) // so that it is known
				for i, array := range []string{"%s", "[%s," + skippable + "]"} {
					time.Sleep(time.Minute)
					for range c.busy {
						_ = w.client.Do(t.Context(), trengo.Request{Path: "/contacts"}, nil)
					}
					w.Inject(c.fault)
					event := wire(t, identifyFor("", annsMail, "Ann "+strconv.Itoa(i)))
					header, answer := serve(t, w.handler, delivery(t.Context(), strings.Replace(array, "%s", event, 1)))
					if got := header.Get("Retry-After"); got != c.want {
						t.Errorf("Retry-After is %q, want %q, with %+v", got, c.want, answer)
					}
				}
			})
		})
	}
}

func TestNewHandler_mistakes(t *testing.T) {
	t.Parallel()
	const (
		noDestination = "the destination is nil"
		budget        = "Budget is negative"
		maxBody       = "MaxBody is negative"
		noSecret      = "there are neither Secrets nor a SigningSecret; Insecure would let everybody in"
		insecure      = "a secret is set, and so is Insecure"
		noValue       = " is empty or cannot be the value of a header"
		noName        = "SecretHeader is no name of a header"
		noUse         = "SecretHeader is set, and Secrets is empty"
	)
	d := newDesk(t).destination
	bad := func(numbers ...int) (all []string) {
		for _, n := range numbers {
			all = append(all, "secret "+strconv.Itoa(n)+noValue)
		}
		return all
	}
	for name, c := range map[string]struct {
		destination *trengo.Destination
		cfg         trengo.HandlerConfig
		says        []string
	}{
		"no destination":              {nil, anybody, []string{noDestination}},
		"nothing":                     {d, trengo.HandlerConfig{}, []string{noSecret}},
		"insecure with a secret":      {d, trengo.HandlerConfig{AllowUnauthenticated: true, Secrets: []string{"s"}}, []string{insecure}},
		"insecure with a signature":   {d, trengo.HandlerConfig{AllowUnauthenticated: true, SigningSecret: "s"}, []string{insecure}},
		"a secret that was not set":   {d, trengo.HandlerConfig{Secrets: []string{""}}, bad(0)},
		"secrets that no header has":  {d, trengo.HandlerConfig{Secrets: []string{"fine", " a", "b ", "a\nb", "Bearer "}}, bad(1, 2, 3, 4)},
		"a header that cannot be":     {d, trengo.HandlerConfig{Secrets: []string{"s"}, SecretHeader: "X Secret"}, []string{noName}},
		"a header without secrets":    {d, trengo.HandlerConfig{SigningSecret: "s", SecretHeader: "X-Secret"}, []string{noUse}},
		"negative sizes":              {d, trengo.HandlerConfig{AllowUnauthenticated: true, Timeout: -1, MaxBodyBytes: -1}, []string{budget, maxBody}},
		"all of them, and no secrets": {nil, trengo.HandlerConfig{Timeout: -1, MaxBodyBytes: -1, SecretHeader: "é"}, []string{noDestination, budget, maxBody, noUse, noName, noSecret}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler, err := trengo.NewHandler(c.destination, c.cfg)
			if diff := cmp.Diff("trengo: invalid handler: "+strings.Join(c.says, "\n"), errorText(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if handler != nil {
				t.Error("a handler beside the error")
			}
		})
	}
}
