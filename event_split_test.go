package trengo_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
)

// split returns what SplitEvents yields: the event as it was sent, or the text of
// the error behind it.
func split(data string) (got []string) {
	for event, err := range trengo.SplitEvents([]byte(data)) {
		if err != nil {
			event = append(slices.Clip(event), strings.TrimPrefix(err.Error(), "trengo: invalid event: ")...)
		}
		got = append(got, string(event))
	}
	return got
}

func TestSplitEvents(t *testing.T) {
	t.Parallel()
	const (
		a        = `{"type":"track","messageId":"a"}`
		b        = `{ "type" : "identify", "traits":{"batch":[1]} }`
		own      = `{"type":"track","context":null,"integrations":{"All":true}}`
		withBoth = `{"context":{"ip":"x"},"integrations":{"Trengo":false},`
	)
	for _, tt := range []struct {
		name, data string
		want       []string
	}{
		{"an event", a, []string{a}},
		{"an event with white space and a byte order mark", "\ufeff\n " + b + "\r\n", []string{b}},
		{"an event that has a batch", `{"type":"track","batch":[` + a + `]}`, []string{`{"type":"track","batch":[` + a + `]}`}},
		{"an event that has a payload", `{"payload":{},"type":"track"}`, []string{`{"payload":{},"type":"track"}`}},
		{"an event whose type is misspelled", `{"Type":"track","batch":[]}`, []string{`{"Type":"track","batch":[]}`}},
		{"an event whose type is a number", `{"type":5,"batch":[` + a + `]}`, []string{`{"type":5,"batch":[` + a + `]}`}},
		{"an array", "[" + a + " ,\n" + b + " ]", []string{a, b}},
		{"a batch", `{"batch":[` + a + `,` + b + `],"sentAt":"x"}`, []string{a, b}},
		{"a batch in an array", `[{"batch":[` + a + `]},` + b + `]`, []string{a, b}},
		{"a batch whose type is null", `{"type":null,"batch":[` + a + `]}`, []string{a}},
		{"a batch whose type is blank", `{"type":" ","batch":[` + a + `]}`, []string{a}},
		{"a line of RudderStack's archive", `{"userId":"u","payload":` + a + `,"createdAt":"x","messageId":"other"}`, []string{a}},
		{"a batch in a payload", `{"payload":{"batch":[` + a + `,` + b + `],"writeKey":"k"}}`, []string{a, b}},
		{"a payload in a batch", `{"batch":[{"payload":` + a + `}]}`, []string{a}},
		{"a batch beside a payload", `{"payload":` + b + `,"batch":[` + a + `]}`, []string{a}},
		{"the last of two batches", `{"batch":[` + b + `],"batch":[` + a + `]}`, []string{a}},
		{"four envelopes", `{"payload":{"payload":{"payload":{"batch":[` + a + `]}}}}`, []string{a}},
		{
			"inherits from a batch",
			`{"context":{"ip":"x"},"integrations":{"Trengo":false},"batch":[` + a + `,` + own + `]}`,
			[]string{withBoth + a[1:], own},
		},
		{
			"inherits from the nearest envelope",
			`{"context":{"ip":"far"},"integrations":{"Trengo":false},"payload":{"context":{"ip":"x"},"batch":[` + a + `]}}`,
			[]string{withBoth + a[1:]},
		},
		{
			"inherits what it lacks",
			`{"context":{"ip":"x"},"batch":[{"type":"track","context":{}},` + b + `]}`,
			[]string{`{"type":"track","context":{}}`, `{"context":{"ip":"x"},` + b[1:]},
		},
		{
			"does not inherit over a misspelled key",
			`{"context":{"ip":"x"},"batch":[{"type":"track","Context":{}}]}`,
			[]string{`{"type":"track","Context":{}}`},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, split(tt.data)); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSplitEvents_invalid(t *testing.T) {
	t.Parallel()
	const (
		event    = `{"type":"track"}`
		noObject = "it is not a JSON object"
		noType   = "it does not have a type"
		only     = "it is an envelope: send only the event in its "
	)
	for data, want := range map[string]string{
		"":                                  noObject,
		"text":                              noObject,
		"null":                              noObject,
		"[]":                                noObject,
		"[" + event:                         noObject,
		`{"batch":[` + event:                "it is not valid JSON",
		event + event:                       "something follows the JSON object",
		"{}":                                noType,
		`{"userId":"u","message":"text"}`:   noType,
		`{"event":"Ordered","data":"text"}`: noType,
		`{"type":5}`:                        "",
		`{"batch":[]}`:                      "its batch is empty",
		`{"batch":null}`:                    "its batch is not an array",
		`{"batch":` + event + `}`:           "its batch is not an array",
		`{"payload":[` + event + `]}`:       "its payload is not an object",
		`{"payload":"{}"}`:                  "its payload is not an object",
		`{"Batch":[` + event + `]}`:         `it has the key "Batch" instead of "batch"`,
		`{"batch":[` + event + `],"Integrations":{"Trengo":false}}`:                       `it has the key "Integrations" instead of "integrations"`,
		`{"message":{"data":"eyJ9","messageId":"1"},"subscription":"s"}`:                  "it is a Pub/Sub push request: turn on payload unwrapping in the subscription",
		`{"message":` + event + `,"metadata":{}}`:                                         only + "message",
		`{"version":"0","detail-type":"x","detail":` + event + `}`:                        "it is an envelope of EventBridge: send only its detail",
		`{"data":` + event + `}`:                                                          only + "data",
		`{"events":[` + event + `]}`:                                                      only + "events",
		`{"Records":[{"body":"{}"}]}`:                                                     only + "Records",
		`{"body":" {\"type\":\"track\"}"}`:                                                only + "body",
		`{"job_id":1,"event_payload":` + event + `}`:                                      only + "event_payload",
		`{"payload":{"payload":{"payload":{"payload":{"payload":` + event + `}}}}}`:       "it is in too many envelopes",
		`{"payload":{"payload":{"payload":{"payload":{"batch":[` + event + `]}}},"x":1}}`: "it is in too many envelopes",
	} {
		got := split(data)
		if len(got) != 1 || !strings.HasSuffix(got[0], want) {
			t.Errorf("%s gives %q, want %q", data, got, want)
		}
		if raw := strings.TrimSuffix(got[0], want); !strings.Contains(data, raw) {
			t.Errorf("%s comes with %q", data, raw)
		}
		for _, err := range trengo.SplitEvents([]byte(data)) {
			if want != "" && !errors.Is(err, trengo.ErrInvalidEvent) {
				t.Errorf("%s: error %v, want an ErrInvalidEvent", data, err)
			}
		}
	}
}

// What is not an event costs itself only.
func TestSplitEvents_goesOn(t *testing.T) {
	t.Parallel()
	const event = `{"type":"track"}`
	got := split(`{"batch":[5,` + event + `,[],{"batch":[]},{"userId":"u"},` + event + `]}`)
	want := []string{
		"5it is not a JSON object", event, "[]it is not a JSON object", `{"batch":[]}its batch is empty`,
		`{"userId":"u"}it does not have a type`, event,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestSplitEvents_break(t *testing.T) {
	t.Parallel()
	const event = `{"type":"track"}`
	for _, data := range []string{"[" + event + "," + event + "]", `{"batch":[{"batch":[` + event + "]}," + event + `]}`, "[5,5]"} {
		n := 0
		for range trengo.SplitEvents([]byte(data)) {
			n++
			break
		}
		if n != 1 {
			t.Errorf("%s: %d events after the loop was left", data, n)
		}
	}
}

// An object without a type is refused by ParseEvent, which names what it is.
func TestParseEvent_envelopes(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		`{"batch":[{"type":"track"}]}`:                "it is a batch of events: SplitEvents takes it apart",
		`{"type":5,"batch":[{"type":"track"}]}`:       "it does not have a type",
		`{"batch":[]}`:                                "its batch is empty",
		`{"userId":"u","payload":{"type":"track"}}`:   "it is an envelope: SplitEvents takes the event out of its payload",
		`{"detail":{"type":"track"}}`:                 "it is an envelope of EventBridge: send only its detail",
		`{"message":{"data":"e30="}}`:                 "it is a Pub/Sub push request: turn on payload unwrapping in the subscription",
		`{"type":null,"message":{"type":"identify"}}`: "it is an envelope: send only the event in its message",
	} {
		ev, err := trengo.ParseEvent([]byte(data))
		if got := testkit.ErrorText(err); ev != nil || got != "trengo: invalid event: "+want {
			t.Errorf("%s: %v, %q, want %q", data, ev, got, want)
		}
	}
}

// The events are what encoding/json finds in an envelope, and ParseEvent reads each.
func FuzzSplitEvents(f *testing.F) {
	for _, seed := range []string{
		`{"type":"track"}`, `[{"type":"a"},{"type":"b"}]`, `{"context":{"a":1},"batch":[{"type":"b"},{},5,{"type":"c","context":{}}]}`,
		`{"payload":{"type":"x"},"integrations":{"Trengo":false}}`, `{"Batch":1}`, "[]", "\ufeff{}", `{"message":{"data":""}}`, `{"type":"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		n := 0
		for event, err := range trengo.SplitEvents(data) {
			n++
			_, parseErr := trengo.ParseEvent(event)
			switch {
			case err != nil && !errors.Is(err, trengo.ErrInvalidEvent):
				t.Errorf("%q: error %v", data, err)
			case err != nil && parseErr == nil:
				t.Errorf("%q: %q was refused with %v, but is an event", data, event, err)
			case err == nil && !json.Valid(event):
				t.Errorf("%q: %q is not JSON", data, event)
			}
		}
		if n == 0 || !bytes.Equal(before, data) {
			t.Errorf("%q: %d events, data is now %q", before, n, data)
		}
	})
}
