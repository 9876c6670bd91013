package trengo_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
)

const maxEvent = 4 << 20

// eventOfSize is an event of n bytes.
func eventOfSize(n int) string {
	const head, tail = `{"type":"identify","userId":"u","x":"`, `"}`
	return head + strings.Repeat("x", n-len(head)-len(tail)) + tail
}

func TestParseEvent_invalid(t *testing.T) {
	t.Parallel()
	const (
		noObject = "it is no JSON object"
		broken   = "it is broken JSON"
		trailing = "something follows the JSON object"
		tooLong  = "it is longer than 4 MB"
		noType   = "it has no type"
	)
	tests := []struct{ name, data, says string }{
		{"nothing", "", noObject},
		{"blanks", " \t\r\n", noObject},
		{"null", "null", noObject},
		{"a string", `"identify"`, noObject},
		{"a number", "5", noObject},
		{"a bool", "true", noObject},
		{"an array", "[]", noObject},
		{"an array of events", `[{"type":"identify"}]`, noObject},
		{"no JSON", "type=identify", noObject},
		{"a web page", "<html></html>", noObject},
		{"a byte order mark", "\ufeff" + `{"type":"identify"}`, noObject},
		{"an event that ends early", `{"type":"identify"`, broken},
		{"an event that ends in a text", `{"type":"identify","userId":"1`, broken},
		{"an event that ends after a colon", `{"type":"identify","traits":`, broken},
		{"an opening brace", "{", broken},
		{"a comma too many", `{"type":"identify",}`, broken},
		{"single quotes", `{'type':'identify'}`, broken},
		{"a number that JSON does not have", `{"type":"identify","traits":{"age":NaN}}`, broken},
		{"a line break in a text", "{\"type\":\"identify\",\"userId\":\"a\nb\"}", broken},
		{"objects 100,000 levels deep", `{"type":"identify","traits":` + strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_001), broken},
		{"arrays 100,000 levels deep", `{"type":"identify","x":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "}", broken},
		{"levels that are never closed", `{"type":"identify","properties":` + strings.Repeat(`{"a":`, 100_000), broken},
		{"a second event", `{"type":"identify"}{"type":"identify"}`, trailing},
		{"a second event in the next line", "{\"type\":\"identify\"}\n{}", trailing},
		{"a comma", `{"type":"identify"},`, trailing},
		{"a brace too many", `{"type":"identify"}}`, trailing},
		{"a NUL", "{\"type\":\"identify\"}\x00", trailing},
		{"one byte more than 4 MB", eventOfSize(maxEvent + 1), tooLong},
		{"10 MB", eventOfSize(10 << 20), tooLong},
		{"10 MB of something else", strings.Repeat("x", 10<<20), tooLong},
		{"no type", `{"userId":"1001"}`, noType},
		{"an empty object", `{}`, noType},
		{"a type that is null", `{"type":null}`, noType},
		{"a type that is a number", `{"type":5}`, noType},
		{"a type that is a bool", `{"type":true}`, noType},
		{"a type that is an array", `{"type":["identify"]}`, noType},
		{"a type that is an object", `{"type":{"identify":1}}`, noType},
		{"an empty type", `{"type":""}`, noType},
		{"a blank type", `{"type":" \t\n"}`, noType},
		{"a type elsewhere", `{"context":{"type":"identify"},"traits":{"type":"identify"}}`, noType},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ev, err := trengo.ParseEvent([]byte(tt.data))
			if diff := cmp.Diff("trengo: invalid event: "+tt.says, errorText(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if !errors.Is(err, trengo.ErrInvalidEvent) || trengo.Retryable(err) || ev != nil {
				t.Errorf("event %v with error %v, want a permanent ErrInvalidEvent alone", ev, err)
			}
		})
	}
}

func TestParseEvent_valid(t *testing.T) {
	t.Parallel()
	ofUser := trengo.Event{Type: "identify", UserID: "u"}
	withType := func(kind string) trengo.Event { return trengo.Event{Type: kind} }
	tests := []struct {
		name, data string
		want       trengo.Event
	}{
		{"a type alone", `{"type":"page"}`, withType("page")},
		{"blanks around it", " \t\r\n{\"type\":\"page\"}\r\n ", withType("page")},
		{"a type that nobody knows", `{"type":"audiencelist"}`, withType("audiencelist")},
		{"a type in other case, between blanks", `{"type":" IDENTIFY\n"}`, withType(" IDENTIFY\n")},
		{"4 MB", eventOfSize(maxEvent), ofUser},
		{"objects 1,000 levels deep that are not read", `{"type":"identify","userId":"u","x":` + strings.Repeat(`{"a":`, 1000) + "1" + strings.Repeat("}", 1001), ofUser},
		{"fields that nobody knows", `{"type":"identify","userId":"u","user_id":5,"version":"1","writeKey":null,"user_properties":{}}`, ofUser},
		{"escapes", `{"type":"\u0069dentify","userId":"\u0075"}`, ofUser},
		{"a text that is no UTF-8", "{\"type\":\"identify\",\"userId\":\"\xff\"}", trengo.Event{Type: "identify", UserID: "\ufffd"}},
		{"half of a surrogate pair", `{"type":"identify","userId":"\ud800"}`, trengo.Event{Type: "identify", UserID: "\ufffd"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ev, err := trengo.ParseEvent([]byte(tt.data))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&tt.want, ev); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		})
	}
}

// fullEvent is an event of which a Destination reads every field.
func fullEvent() (data map[string]any, want *trengo.Event) {
	data = map[string]any{
		"type": "track", "messageId": "m", "userId": "u", "anonymousId": "a", "event": "Ev",
		"traits":       map[string]any{"email": "t@example.com"},
		"properties":   map[string]any{"email": "p@example.com"},
		"integrations": map[string]any{"All": true},
		"context": map[string]any{
			"traits":     map[string]any{"email": "c@example.com"},
			"externalId": []any{map[string]any{"type": "trengoContactId", "id": "7"}},
		},
	}
	return data, &trengo.Event{
		Type: "track", MessageID: "m", UserID: "u", AnonymousID: "a", Event: "Ev",
		Traits:       map[string]any{"email": "t@example.com"},
		Properties:   map[string]any{"email": "p@example.com"},
		Integrations: map[string]any{"All": true},
		Context: trengo.EventContext{
			Traits:      map[string]any{"email": "c@example.com"},
			ExternalIDs: []trengo.ExternalID{{Type: "trengoContactId", ID: "7"}},
		},
	}
}

// Whatever one field holds, the others are read.
func TestParseEvent_wrongTypes(t *testing.T) {
	t.Parallel()
	noObjects := []string{`"text"`, `""`, "null", "5", "-0.5", "true", "false", "[]", "[null]", `[null,{"email":"x@example.com"},5]`}
	noTexts := []string{"null", "true", "false", "[]", `["x"]`, "{}", `{"id":"x"}`}
	inContext := func(name, value string) func(map[string]any) {
		return func(data map[string]any) { data["context"].(map[string]any)[name] = json.RawMessage(value) }
	}
	tests := []struct {
		field  string
		values []string
		empty  func(*trengo.Event)
	}{
		{"messageId", noTexts, func(ev *trengo.Event) { ev.MessageID = "" }},
		{"userId", noTexts, func(ev *trengo.Event) { ev.UserID = "" }},
		{"anonymousId", noTexts, func(ev *trengo.Event) { ev.AnonymousID = "" }},
		{"event", noTexts, func(ev *trengo.Event) { ev.Event = "" }},
		{"traits", noObjects, func(ev *trengo.Event) { ev.Traits = nil }},
		{"properties", noObjects, func(ev *trengo.Event) { ev.Properties = nil }},
		{"integrations", noObjects, func(ev *trengo.Event) { ev.Integrations = nil }},
		{"context", noObjects, func(ev *trengo.Event) { ev.Context = trengo.EventContext{} }},
		{"context.traits", noObjects, func(ev *trengo.Event) { ev.Context.Traits = nil }},
		{"context.externalId", []string{`"text"`, "null", "5", "true", "[]", "{}", "[null]", `[5,"x",true,[],{}]`}, func(ev *trengo.Event) { ev.Context.ExternalIDs = nil }},
	}
	for _, tt := range tests {
		for _, value := range tt.values {
			t.Run(tt.field+" is "+value, func(t *testing.T) {
				t.Parallel()
				data, want := fullEvent()
				if name, ok := strings.CutPrefix(tt.field, "context."); ok {
					inContext(name, value)(data)
				} else {
					data[tt.field] = json.RawMessage(value)
				}
				tt.empty(want)
				encoded, err := json.Marshal(data)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, mustParse(t, string(encoded))); diff != "" {
					t.Errorf("event (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// Several wrong types at once, in both orders: encoding/json remembers only
// the first.
func TestParseEvent_everythingWrong(t *testing.T) {
	t.Parallel()
	fields := []string{
		`"messageId":[]`, `"userId":{}`, `"event":true`, `"traits":"x"`, `"properties":[1]`,
		`"context":{"traits":5,"externalId":"x"}`, `"integrations":null`,
	}
	want := &trengo.Event{Type: "track", AnonymousID: "a"}
	for range 2 {
		data := `{"type":"track",` + strings.Join(fields, ",") + `,"anonymousId":"a"}`
		if diff := cmp.Diff(want, mustParse(t, data)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", data, diff)
		}
		for i, j := 0, len(fields)-1; i < j; i, j = i+1, j-1 {
			fields[i], fields[j] = fields[j], fields[i]
		}
	}
}

func TestParseEvent_texts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, value, want string }{
		{"text", `"Ev"`, "Ev"},
		{"text between blanks", `" Ev "`, " Ev "},
		{"a number in text", `"1e3"`, "1e3"},
		{"a number", "404", "404"},
		{"a negative number", "-5", "-5"},
		{"zero", "0", "0"},
		{"a number with a fraction", "1.50", "1.50"},
		{"a whole number with a point", "405980.0", "405980"},
		{"a whole number with an exponent", "4.0598e5", "405980"},
		{"a whole number with a capital exponent", "1E3", "1000"},
		{"a fraction with an exponent", "15e-1", "15e-1"},
		{"an integer beyond 2^53", "9007199254740993", "9007199254740993"},
		{"an integer beyond 64 bits", "123456789012345678901234567890", "123456789012345678901234567890"},
		{"an exponent beyond 2^53", "1e300", "1e300"},
		{"an exponent beyond all numbers", "1e400", "1e400"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ev := mustParse(t, fmt.Sprintf(`{"type":"track","messageId":%[1]s,"userId":%[1]s,"anonymousId":%[1]s,"event":%[1]s}`, tt.value))
			want := &trengo.Event{Type: "track", MessageID: tt.want, UserID: tt.want, AnonymousID: tt.want, Event: tt.want}
			if diff := cmp.Diff(want, ev); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseEvent_numbersKeepTheirDigits(t *testing.T) {
	t.Parallel()
	const object = `{"order":123456789012345678901234567890,"total":2000.50,"deep":{"list":[9007199254740993,-0]}}`
	ev := mustParse(t, fmt.Sprintf(`{"type":"track","traits":%[1]s,"properties":%[1]s,"integrations":%[1]s,"context":{"traits":%[1]s}}`, object))
	fields := map[string]any{
		"order": json.Number("123456789012345678901234567890"), "total": json.Number("2000.50"),
		"deep": map[string]any{"list": []any{json.Number("9007199254740993"), json.Number("-0")}},
	}
	want := &trengo.Event{Type: "track", Traits: fields, Properties: fields, Integrations: fields, Context: trengo.EventContext{Traits: fields}}
	if diff := cmp.Diff(want, ev); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

func TestParseEvent_externalIDs(t *testing.T) {
	t.Parallel()
	const channel, contact = "trengoChannelId", "trengoContactId"
	for _, tt := range []struct {
		name, value string
		want        []trengo.ExternalID
	}{
		{"text", `[{"type":"trengoContactId","id":" 7 "}]`, []trengo.ExternalID{{contact, " 7 "}}},
		{"a number", `[{"type":"trengoContactId","id":90071992547409931}]`, []trengo.ExternalID{{contact, "90071992547409931"}}},
		{"a whole number with a point", `[{"type":"trengoContactId","id":7.0}]`, []trengo.ExternalID{{contact, "7"}}},
		{"a fraction", `[{"type":"trengoContactId","id":1.5}]`, []trengo.ExternalID{{contact, "1.5"}}},
		{"several", `[{"type":"trengoChannelId","id":1},{"type":"trengoContactId","id":"2"}]`, []trengo.ExternalID{{channel, "1"}, {contact, "2"}}},
		{"a single object", `{"type":"trengoContactId","id":7}`, []trengo.ExternalID{{contact, "7"}}},
		{"a single object without a type", `{"id":7}`, nil},
		{"an object of objects", `{"0":{"type":"trengoContactId","id":7}}`, nil},
		{"other fields", `[{"type":"trengoContactId","id":"7","identifierType":"email","collection":"users"}]`, []trengo.ExternalID{{contact, "7"}}},
		{"an id that is null", `[{"type":"trengoContactId","id":null}]`, []trengo.ExternalID{{contact, ""}}},
		{"no id", `[{"type":"trengoContactId","value":7}]`, []trengo.ExternalID{{contact, ""}}},
		{"no type", `[{"id":7},{"type":"","id":7},{"type":null,"id":7}]`, nil},
		{"a type that is no text", `[{"type":5,"id":7},{"type":["trengoContactId"],"id":7}]`, nil},
		{"entries that are none", `[null,5,"trengoContactId",true,[{"type":"trengoContactId","id":1}],{"type":"trengoContactId","id":7}]`, []trengo.ExternalID{{contact, "7"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ev := mustParse(t, `{"type":"track","context":{"externalId":`+tt.value+`}}`)
			if diff := cmp.Diff(tt.want, ev.Context.ExternalIDs); diff != "" {
				t.Errorf("external ids (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseEvent_externalIDsOfSegment(t *testing.T) {
	t.Parallel()
	ev := mustParse(t, `{"type":"track","context":{
		"externalIds":[{"type":"trengoContactId","id":"8","collection":"users","encoding":"none"}],
		"externalId":[{"type":"trengoContactId","id":"7"}]}}`)
	want := []trengo.ExternalID{{Type: "trengoContactId", ID: "7"}, {Type: "trengoContactId", ID: "8"}}
	if diff := cmp.Diff(want, ev.Context.ExternalIDs); diff != "" {
		t.Errorf("external ids (-want +got):\n%s", diff)
	}
}

// Whoever reads a stream reads the next message into the same bytes.
func TestParseEvent_keepsNoPartOfData(t *testing.T) {
	t.Parallel()
	encoded, want := fullEvent()
	data, err := json.Marshal(encoded)
	if err != nil {
		t.Fatal(err)
	}
	ev := mustParse(t, string(data))
	got, err := trengo.ParseEvent(data)
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		data[i] = 'x'
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(ev, got); diff != "" {
		t.Errorf("the same event twice (-want +got):\n%s", diff)
	}
}
