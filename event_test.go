package trengo_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
)

const maxEvent = 4 << 20

// eventOfSize returns an event of n bytes.
func eventOfSize(n int) string {
	const head, tail = `{"type":"identify","userId":"u","x":"`, `"}`
	return head + strings.Repeat("x", n-len(head)-len(tail)) + tail
}

func TestParseEvent_invalid(t *testing.T) {
	t.Parallel()
	const (
		noObject = "it is not a JSON object"
		broken   = "it is not valid JSON"
		trailing = "something follows the JSON object"
		tooLong  = "it is longer than 4 MB"
		noType   = "it does not have a type"
	)
	tests := []struct{ name, data, says string }{
		{"nothing", "", noObject},
		{"white space", " \t\r\n", noObject},
		{"null", "null", noObject},
		{"a string", `"identify"`, noObject},
		{"a number", "5", noObject},
		{"a bool", "true", noObject},
		{"an array", "[]", noObject},
		{"an array of events", `[{"type":"identify"}]`, noObject},
		{"text that is not JSON", "type=identify", noObject},
		{"a web page", "<html></html>", noObject},
		{"a truncated event", `{"type":"identify"`, broken},
		{"an event truncated in a string", `{"type":"identify","userId":"1`, broken},
		{"an event truncated after a colon", `{"type":"identify","traits":`, broken},
		{"an opening brace", "{", broken},
		{"a comma too many", `{"type":"identify",}`, broken},
		{"single quotes", `{'type':'identify'}`, broken},
		{"a number that is not JSON", `{"type":"identify","traits":{"age":NaN}}`, broken},
		{"a line break in a string", "{\"type\":\"identify\",\"userId\":\"a\nb\"}", broken},
		{"objects 100,000 levels deep", `{"type":"identify","traits":` + strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_001), broken},
		{"arrays 100,000 levels deep", `{"type":"identify","x":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "}", broken},
		{"objects that are never closed", `{"type":"identify","properties":` + strings.Repeat(`{"a":`, 100_000), broken},
		{"a second event", `{"type":"identify"}{"type":"identify"}`, trailing},
		{"a second event on the next line", "{\"type\":\"identify\"}\n{}", trailing},
		{"a comma", `{"type":"identify"},`, trailing},
		{"a brace too many", `{"type":"identify"}}`, trailing},
		{"a NUL", "{\"type\":\"identify\"}\x00", trailing},
		{"one byte more than 4 MB", eventOfSize(maxEvent + 1), tooLong},
		{"10 MB", eventOfSize(10 << 20), tooLong},
		{"10 MB that are not JSON", strings.Repeat("x", 10<<20), tooLong},
		{"no type", `{"userId":"1001"}`, noType},
		{"an empty object", `{}`, noType},
		{"a type that is null", `{"type":null}`, noType},
		{"a type that is a number", `{"type":5}`, noType},
		{"a type that is a bool", `{"type":true}`, noType},
		{"a type that is an array", `{"type":["identify"]}`, noType},
		{"a type that is an object", `{"type":{"identify":1}}`, noType},
		{"an empty type", `{"type":""}`, noType},
		{"a type of white space", `{"type":" \t\n"}`, noType},
		{"a type elsewhere", `{"context":{"type":"identify"},"traits":{"type":"identify"}}`, noType},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ev, err := trengo.ParseEvent([]byte(tt.data))
			if diff := cmp.Diff("trengo: invalid event: "+tt.says, testkit.ErrorText(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if !errors.Is(err, trengo.ErrInvalidEvent) || trengo.Retryable(err) || ev != nil {
				t.Errorf("event %v with error %v, want only a permanent ErrInvalidEvent", ev, err)
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
		{"only a type", `{"type":"page"}`, withType("page")},
		{"white space around it", " \t\r\n{\"type\":\"page\"}\r\n ", withType("page")},
		{"an unknown type", `{"type":"audiencelist"}`, withType("audiencelist")},
		{"a type in a different case and white space", `{"type":" IDENTIFY\n"}`, withType(" IDENTIFY\n")},
		{"4 MB", eventOfSize(maxEvent), ofUser},
		{"an unknown field, 1,000 levels deep", `{"type":"identify","userId":"u","x":` + strings.Repeat(`{"a":`, 1000) + "1" + strings.Repeat("}", 1001), ofUser},
		{"unknown fields", `{"type":"identify","userId":"u","user_id":5,"version":"1","writeKey":null,"user_properties":{}}`, ofUser},
		{"escapes", `{"type":"\u0069dentify","userId":"\u0075"}`, ofUser},
		{"a string that is not UTF-8", "{\"type\":\"identify\",\"userId\":\"\xff\"}", trengo.Event{Type: "identify", UserID: "\ufffd"}},
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

// fullEvent returns an event that has every field that is read.
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
			Fields: map[string]any{
				"traits":     map[string]any{"email": "c@example.com"},
				"externalId": []any{map[string]any{"type": "trengoContactId", "id": "7"}},
			},
		},
	}
}

func decodeJSON(t *testing.T, text string) (value any) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// A field of the wrong type is empty. All others are read.
func TestParseEvent_wrongTypes(t *testing.T) {
	t.Parallel()
	notObjects := []string{`"text"`, `""`, "null", "5", "-0.5", "true", "false", "[]", "[null]", `[null,{"email":"x"},5]`}
	notTexts := []string{"null", "true", "false", "[]", `["x"]`, "{}", `{"id":"x"}`}
	tests := []struct {
		field  string
		values []string
		empty  func(*trengo.Event)
	}{
		{"messageId", notTexts, func(ev *trengo.Event) { ev.MessageID = "" }},
		{"userId", notTexts, func(ev *trengo.Event) { ev.UserID = "" }},
		{"anonymousId", notTexts, func(ev *trengo.Event) { ev.AnonymousID = "" }},
		{"event", notTexts, func(ev *trengo.Event) { ev.Event = "" }},
		{"traits", notObjects, func(ev *trengo.Event) { ev.Traits = nil }},
		{"properties", notObjects, func(ev *trengo.Event) { ev.Properties = nil }},
		{"integrations", notObjects, func(ev *trengo.Event) { ev.Integrations = nil }},
		{"context", notObjects, func(ev *trengo.Event) { ev.Context = trengo.EventContext{} }},
		{"context.traits", notObjects, func(ev *trengo.Event) { ev.Context.Traits = nil }},
		{"context.externalId", []string{`"text"`, "null", "5", "true", "[]", "{}", "[null]", `[5,"x",true,[],{}]`}, func(ev *trengo.Event) { ev.Context.ExternalIDs = nil }},
	}
	for _, tt := range tests {
		for _, value := range tt.values {
			t.Run(tt.field+" is "+value, func(t *testing.T) {
				t.Parallel()
				data, want := fullEvent()
				if name, ok := strings.CutPrefix(tt.field, "context."); ok {
					data["context"].(map[string]any)[name] = json.RawMessage(value)
					want.Context.Fields[name] = decodeJSON(t, value)
				} else {
					data[tt.field] = json.RawMessage(value)
				}
				tt.empty(want)
				encoded, err := json.Marshal(data)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, fixtures.ParseEvent(t, string(encoded))); diff != "" {
					t.Errorf("event (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// Several fields of the wrong type, in both orders: encoding/json reports only the
// first.
func TestParseEvent_manyWrongTypes(t *testing.T) {
	t.Parallel()
	fields := []string{
		`"messageId":[]`, `"userId":{}`, `"event":true`, `"traits":"x"`, `"properties":[1]`,
		`"context":{"traits":5,"externalId":"x"}`, `"integrations":null`,
	}
	want := &trengo.Event{
		Type: "track", AnonymousID: "a",
		Context: trengo.EventContext{Fields: map[string]any{"traits": json.Number("5"), "externalId": "x"}},
	}
	for range 2 {
		data := `{"type":"track",` + strings.Join(fields, ",") + `,"anonymousId":"a"}`
		if diff := cmp.Diff(want, fixtures.ParseEvent(t, data)); diff != "" {
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
		{"text in spaces", `" Ev "`, " Ev "},
		{"a number in a string", `"1e3"`, "1e3"},
		{"a number", "404", "404"},
		{"a negative number", "-5", "-5"},
		{"zero", "0", "0"},
		{"a number with a fraction", "1.50", "1.50"},
		{"a whole number with a decimal point", "405980.0", "405980"},
		{"a whole number with an exponent", "4.0598e5", "405980"},
		{"a whole number with a capital exponent", "1E3", "1000"},
		{"a fraction with an exponent", "15e-1", "15e-1"},
		{"an integer beyond 2^53", "9007199254740993", "9007199254740993"},
		{"an integer beyond 64 bits", "123456789012345678901234567890", "123456789012345678901234567890"},
		{"an exponent beyond 2^53", "1e300", "1e300"},
		{"an exponent beyond all floats", "1e400", "1e400"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ev := fixtures.ParseEvent(t, fmt.Sprintf(`{"type":"track","messageId":%[1]s,"userId":%[1]s,"anonymousId":%[1]s,"event":%[1]s}`, tt.value))
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
	ev := fixtures.ParseEvent(t, fmt.Sprintf(`{"type":"track","traits":%[1]s,"properties":%[1]s,"integrations":%[1]s,"context":{"traits":%[1]s}}`, object))
	fields := map[string]any{
		"order": json.Number("123456789012345678901234567890"), "total": json.Number("2000.50"),
		"deep": map[string]any{"list": []any{json.Number("9007199254740993"), json.Number("-0")}},
	}
	want := &trengo.Event{Type: "track", Traits: fields, Properties: fields, Integrations: fields, Context: trengo.EventContext{Traits: fields, Fields: map[string]any{"traits": fields}}}
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
		{"text", `[{"type":"trengoContactId","id":" 7 "}]`, []trengo.ExternalID{{Type: contact, ID: " 7 "}}},
		{"a number", `[{"type":"trengoContactId","id":90071992547409931}]`, []trengo.ExternalID{{Type: contact, ID: "90071992547409931"}}},
		{"a whole number with a decimal point", `[{"type":"trengoContactId","id":7.0}]`, []trengo.ExternalID{{Type: contact, ID: "7"}}},
		{"a fraction", `[{"type":"trengoContactId","id":1.5}]`, []trengo.ExternalID{{Type: contact, ID: "1.5"}}},
		{"several", `[{"type":"trengoChannelId","id":1},{"type":"trengoContactId","id":"2"}]`, []trengo.ExternalID{{Type: channel, ID: "1"}, {Type: contact, ID: "2"}}},
		{"a single object", `{"type":"trengoContactId","id":7}`, []trengo.ExternalID{{Type: contact, ID: "7"}}},
		{"a single object without a type", `{"id":7}`, nil},
		{"an object of objects", `{"0":{"type":"trengoContactId","id":7}}`, nil},
		{"other fields", `[{"type":"trengoContactId","id":"7","identifierType":"email","collection":"users"}]`, []trengo.ExternalID{{Type: contact, ID: "7", IdentifierType: "email"}}},
		{"an identifier type without a type", `[{"identifierType":"email","id":"ann@example.com"}]`, []trengo.ExternalID{{ID: "ann@example.com", IdentifierType: "email"}}},
		{"an ID that is null", `[{"type":"trengoContactId","id":null}]`, []trengo.ExternalID{{Type: contact, ID: ""}}},
		{"no ID", `[{"type":"trengoContactId","value":7}]`, []trengo.ExternalID{{Type: contact, ID: ""}}},
		{"no type", `[{"id":7},{"type":"","id":7},{"type":null,"id":7}]`, nil},
		{"a type that is not text", `[{"type":5,"id":7},{"type":["trengoContactId"],"id":7}]`, nil},
		{"entries that are not objects", `[null,5,"trengoContactId",true,[{"type":"trengoContactId","id":1}],{"type":"trengoContactId","id":7}]`, []trengo.ExternalID{{Type: contact, ID: "7"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ev := fixtures.ParseEvent(t, `{"type":"track","context":{"externalId":`+tt.value+`}}`)
			if diff := cmp.Diff(tt.want, ev.Context.ExternalIDs); diff != "" {
				t.Errorf("external IDs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseEvent_externalIDsOfSegment(t *testing.T) {
	t.Parallel()
	ev := fixtures.ParseEvent(t, `{"type":"track","context":{
		"externalIds":[{"type":"trengoContactId","id":"8","collection":"users","encoding":"none"}],
		"externalId":[{"type":"trengoContactId","id":"7"}]}}`)
	want := []trengo.ExternalID{{Type: "trengoContactId", ID: "7"}, {Type: "trengoContactId", ID: "8"}}
	if diff := cmp.Diff(want, ev.Context.ExternalIDs); diff != "" {
		t.Errorf("external IDs (-want +got):\n%s", diff)
	}
}

// A caller may reuse the bytes for the next event.
func TestParseEvent_copiesData(t *testing.T) {
	t.Parallel()
	encoded, want := fullEvent()
	data, err := json.Marshal(encoded)
	if err != nil {
		t.Fatal(err)
	}
	ev := fixtures.ParseEvent(t, string(data))
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

// readAll returns what ReadEvents yields: the user ID of an event, or the text of
// an error.
func readAll(r io.Reader) (got []string) {
	for ev, err := range trengo.ReadEvents(r) {
		if (ev == nil) == (err == nil) {
			got = append(got, "want either an event or an error")
		}
		if err != nil {
			got = append(got, err.Error())
			continue
		}
		got = append(got, ev.UserID)
	}
	return got
}

func lineOf(userID string) string { return `{"type":"identify","userId":"` + userID + `"}` }

func TestReadEvents(t *testing.T) {
	t.Parallel()
	const bom = "\ufeff"
	tests := []struct {
		name, lines string
		want        []string
	}{
		{"nothing", "", nil},
		{"only blank lines", "\n\r\n \t\n\n", nil},
		{"one event", lineOf("1") + "\n", []string{"1"}},
		{"a last line without a line break", lineOf("1") + "\n" + lineOf("2"), []string{"1", "2"}},
		{"blank lines between", "\n" + lineOf("1") + "\n\n \t \n" + lineOf("2") + "\n\n", []string{"1", "2"}},
		{"Windows line breaks", lineOf("1") + "\r\n\r\n" + lineOf("2") + "\r\n", []string{"1", "2"}},
		{"white space around an event", " \t" + lineOf("1") + "  \n", []string{"1"}},
		{"a byte order mark", bom + lineOf("1") + "\n" + lineOf("2"), []string{"1", "2"}},
		{"only a byte order mark", bom, nil},
		{"a byte order mark on its own line", bom + "\n" + lineOf("1"), []string{"1"}},
		{"a byte order mark on a later line", lineOf("1") + "\n" + bom + lineOf("2"), []string{"1", "2"}},
		{"an invalid line between others", lineOf("1") + "\n{\n" + lineOf("3"), []string{"1", "trengo line 2: it is not valid JSON", "3"}},
		{"an invalid line after blank ones", "\n\n[]\n" + lineOf("4"), []string{"trengo line 3: it is not a JSON object", "4"}},
		{"an invalid first line", bom + "x\n" + lineOf("2"), []string{"trengo line 1: it is not a JSON object", "2"}},
		{"an invalid last line without a line break", lineOf("1") + "\n" + `{"type":`, []string{"1", "trengo line 2: it is not valid JSON"}},
		{"several invalid lines", "{}\n{}\n", []string{"trengo line 1: it does not have a type", "trengo line 2: it does not have a type"}},
		{"two events on a line", lineOf("1") + lineOf("1") + "\n" + lineOf("2"), []string{"trengo line 1: something follows the JSON object", "2"}},
		{"an event over two lines", "{\"type\":\n\"identify\"}\n", []string{"trengo line 1: it is not valid JSON", "trengo line 2: it is not a JSON object"}},
		{"a line of 4 MB", eventOfSize(maxEvent) + "\n" + lineOf("2"), []string{"u", "2"}},
		{"a line of 4 MB with a Windows line break", eventOfSize(maxEvent) + "\r\n" + lineOf("2"), []string{"u", "2"}},
		{"a line of 4 MB and one byte", eventOfSize(maxEvent+1) + "\n" + lineOf("2"), []string{"trengo line 1: it is longer than 4 MB", "2"}},
		{"a last line of 10 MB without a line break", lineOf("1") + "\n" + eventOfSize(10<<20), []string{"1", "trengo line 2: it is longer than 4 MB"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var want []string
			for _, line := range tt.want {
				if number, why, ok := strings.Cut(strings.TrimPrefix(line, "trengo "), ": "); ok {
					line = "trengo: " + number + ": invalid event: " + why
				}
				want = append(want, line)
			}
			if diff := cmp.Diff(want, readAll(strings.NewReader(tt.lines))); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if len(tt.lines) > 1<<10 {
				return
			}
			for how, r := range map[string]io.Reader{
				"byte by byte":                iotest.OneByteReader(strings.NewReader(tt.lines)),
				"with the last bytes and EOF": iotest.DataErrReader(strings.NewReader(tt.lines)),
			} {
				if diff := cmp.Diff(want, readAll(r)); diff != "" {
					t.Errorf("events, read %s (-want +got):\n%s", how, diff)
				}
			}
		})
	}
}

func TestReadEvents_errorsAreInvalidEvents(t *testing.T) {
	t.Parallel()
	for _, err := range trengo.ReadEvents(strings.NewReader("{}\n")) {
		if !errors.Is(err, trengo.ErrInvalidEvent) || trengo.Retryable(err) {
			t.Errorf("error is %v, want a permanent ErrInvalidEvent", err)
		}
	}
}

func TestReadEvents_readerFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is broken")
	for name, rest := range map[string]string{
		"between two lines":      "",
		"within a line":          `{"type":"ident`,
		"after a complete event": lineOf("2"),
		"within a line too long": eventOfSize(maxEvent + 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			var last error
			for ev, err := range trengo.ReadEvents(io.MultiReader(strings.NewReader(lineOf("1")+"\n"+rest), iotest.ErrReader(broken))) {
				if err == nil {
					got = append(got, ev.UserID)
					continue
				}
				got, last = append(got, err.Error()), err
			}
			if diff := cmp.Diff([]string{"1", "trengo: line 2: the disk is broken"}, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if !errors.Is(last, broken) || errors.Is(last, trengo.ErrInvalidEvent) {
				t.Errorf("error is %v, want that of the reader", last)
			}
		})
	}
}

// endless is a reader that never ends.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, lineOf("1")+"\n")
	e.read += n
	return n, nil
}

func TestReadEvents_break(t *testing.T) {
	t.Parallel()
	source := &endless{}
	seen := 0
	for ev, err := range trengo.ReadEvents(source) {
		if err != nil || ev.UserID != "1" {
			t.Fatal(ev, err)
		}
		if seen++; seen == 3 {
			break
		}
	}
	if size := len(lineOf("1")) + 1; source.read != 3*size {
		t.Errorf("%d bytes read for three lines of %d", source.read, size)
	}
	for range trengo.ReadEvents(strings.NewReader("{}\n{}\n")) {
		if seen++; seen > 4 {
			t.Error("the sequence continues after a break")
		}
		break
	}
}

// Not parallel: it counts what the whole program allocates.
func TestReadEvents_lineTooLongIsNotKept(t *testing.T) {
	const megabytes = 64
	part := eventOfSize(1 << 20)
	var line []io.Reader
	for range megabytes {
		line = append(line, strings.NewReader(part))
	}
	line = append(line, strings.NewReader("\n"+lineOf("2")+"\n"))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := readAll(io.MultiReader(line...))
	runtime.ReadMemStats(&after)
	want := []string{"trengo: line 1: invalid event: it is longer than 4 MB", "2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > megabytes/2 {
		t.Errorf("%d MB allocated for a line of %d MB", used, megabytes)
	}
}

// webEvent is a track event as a web source sends it.
const webEvent = `{"type":"track","channel":"web","messageId":"10a3d6b2-aa05-411a-b271-5945795e8229",` +
	`"anonymousId":"b1f4c6de-2b7c-4b0e-9a53-0d2b6a5c7e10","userId":"1001","event":"Order Completed",` +
	`"context":{"app":{"name":"RudderLabs JavaScript SDK","namespace":"com.rudderlabs.javascript","version":"3.21.0"},` +
	`"traits":{"email":"ann@example.com","name":"Ann Example"},"library":{"name":"RudderLabs JavaScript SDK","version":"3.21.0"},` +
	`"locale":"en-GB","page":{"path":"/cart","referrer":"$direct","title":"Cart","url":"https://shop.example.com/cart"},` +
	`"screen":{"density":2,"width":1440,"height":900},"timezone":"GMT+0100",` +
	`"userAgent":"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/135.0","sessionId":1772442000123,` +
	`"externalId":[{"type":"trengoContactId","id":"460000001"}]},` +
	`"properties":{"order_id":"50314b8e9bcf000000000000","currency":"EUR","total":27.5,"products":[{"name":"Desk lamp","price":27.5}]},` +
	`"integrations":{"All":true},"originalTimestamp":"2026-03-02T09:16:02.412Z","sentAt":"2026-03-02T09:16:02.980Z",` +
	`"receivedAt":"2026-03-02T09:16:02.980Z","timestamp":"2026-03-02T09:16:02.412Z","request_ip":"192.0.2.10",` +
	`"rudderId":"4f426dcb-b394-4b36-bb2d-420f0f88080b"}`

func FuzzParseEvent(f *testing.F) {
	for _, seed := range []string{
		webEvent,
		`{"type":"identify","traits":{"email":"ann@example.com","phone":"+31 (0)6 0000-0042","firstName":"Ann","lastname":5}}`,
		`{"type":"Track ","event":"Ev","properties":{"email":"a+b@example.com","phone":31600000042,"items":[1,[null,2.50]]},"context":null}`,
		`{"type":"track","event":5,"context":{"traits":[null],"externalId":{"type":"trengoChannelId","id":405981.0}}}`,
		`{"type":"identify","context":{"externalId":[null,5,{"type":"trengoContactId","id":[1e400]},{"type":5}]},"traits":"x"}`,
		`{"type":"identify","integrations":{"Trengo":false},"userId":-0.0,"messageId":{},"anonymousId":[]}`,
		`{"type":5}`, "[]", "null", "{", `{"type":"page"} {}`, "\ufeff{}", "{\"type\":\"\xff\\ud800\u2028\"}",
		`{"type":"identify","traits":` + strings.Repeat(`{"a":`, 50) + "1" + strings.Repeat("}", 51),
	} {
		f.Add([]byte(seed))
	}
	// This Trengo does not have contacts.
	client := fixtures.NewClient(f, testkit.Respond(http.StatusOK, `{"data":[],"links":{}}`), trengo.WithRateLimit(1<<40))
	var destinations []*trengo.Destination
	for _, cfg := range []trengo.DestinationConfig{
		{ChannelIdentifier: trengo.IdentifierEmail, CreateMissingContacts: true},
		{ChannelIdentifier: trengo.IdentifierPhone, CreateMissingContacts: true},
		{ChannelIdentifier: trengo.IdentifierPhone, AllowDuplicates: true, NormalizePhone: strings.ToLower},
	} {
		cfg.EventTemplates = map[string]string{"Ev": "{{ event }} {{ items.[1] }} {{ properties }}"}
		destinations = append(destinations, fixtures.NewDestination(f, client, cfg))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ev, err := trengo.ParseEvent(data)
		if err != nil {
			if !errors.Is(err, trengo.ErrInvalidEvent) || ev != nil {
				t.Errorf("event %v with error %v, want only an ErrInvalidEvent", ev, err)
			}
			return
		}
		if strings.TrimSpace(ev.Type) == "" {
			t.Errorf("an event without a type: %q", data)
		}
		checkCompact(t, data, ev)
		listed := *ev
		listed.Type, listed.Event, listed.Integrations = "track", "Ev", nil
		identified := listed
		identified.Type = "identify"
		for _, destination := range destinations {
			for _, ev := range []*trengo.Event{ev, &listed, &identified} {
				checkPlan(t, destination, ev)
			}
		}
	})
}

func checkCompact(t *testing.T, data []byte, want *trengo.Event) {
	t.Helper()
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		t.Fatalf("an event that is not JSON: %q", data)
	}
	got, err := trengo.ParseEvent(compact.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event without white space (-want +got):\n%s", diff)
	}
}

func checkPlan(t *testing.T, destination *trengo.Destination, ev *trengo.Event) {
	t.Helper()
	plan, err := destination.Plan(t.Context(), ev)
	expected := err == nil
	for _, sentinel := range []error{trengo.ErrInvalidEvent, trengo.ErrMissingIdentifier, trengo.ErrContactNotFound} {
		expected = expected || errors.Is(err, sentinel)
	}
	if !expected {
		t.Errorf("unexpected error: %v", err)
	}
	if (err == nil) == (plan.Action == "") || err != nil && plan.Writes != nil {
		t.Errorf("%+v with error %v", plan, err)
	}
	for _, write := range plan.Writes {
		if !json.Valid(write.Body) || write.Method == "" || !strings.HasPrefix(write.Path, "/") {
			t.Errorf("invalid write: %+v", write)
		}
	}
}

// Keys count only as they are spelled in the documentation, in whatever order.
func TestParseEvent_keysInAnotherCase(t *testing.T) {
	t.Parallel()
	const right = `"type":"track","event":"Ordered","messageId":"m-1","traits":{"email":"ann@example.com"},` +
		`"properties":{"a":1},"integrations":{"All":true},"context":{"traits":{"name":"Ann"},"externalId":[{"type":"trengoContactId","id":5}]}`
	want, err := trengo.ParseEvent([]byte("{" + right + "}"))
	if err != nil {
		t.Fatal(err)
	}
	for _, stray := range []string{
		`"Traits":{"email":"bob@example.com"}`,
		`"TRAITS":null`,
		`"MessageID":"m-2"`,
		`"messageid":"m-2"`,
		`"Event":"Page Viewed"`,
		`"Type":"identify"`,
		`"Integrations":{"Trengo":false}`,
		`"propertie\u017f":{"a":2}`,
		`"Properties":{"a":2}`,
		`"Context":{"traits":{"email":"bob@example.com"}}`,
		`"UserId":"u-2"`,
	} {
		name, _, _ := strings.Cut(stray, ":")
		exact := []string{"{" + right + "," + stray + "}", "{" + stray + "," + right + "}"}
		if strings.HasPrefix(stray, `"UserId"`) {
			exact = nil // the event does not have a userId beside it
		}
		for _, data := range exact {
			got, err := trengo.ParseEvent([]byte(data))
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%s beside the right key: error %v (-want +got):\n%s", name, err, diff)
			}
		}
	}
	for data, want := range map[string]string{
		`{"type":"track","MessageId":"m-1"}`:                                            `it has the key "MessageId" instead of "messageId"`,
		`{"Type":"track"}`:                                                              `it has the key "Type" instead of "type"`,
		`{"type":"identify","Traits":{"email":"ann@example.com"}}`:                      `it has the key "Traits" instead of "traits"`,
		`{"type":"track","propertie\u017f":{}}`:                                         `it has the key "propertieſ" instead of "properties"`,
		`{"type":"track","userid":5}`:                                                   `it has the key "userid" instead of "userId"`,
		`{"type":"track","context":{"ExternalId":[]}}`:                                  `it has the key "ExternalId" instead of "externalId"`,
		`{"type":"track","context":{"externalID":{"type":"x","id":5}}}`:                 `it has the key "externalID" instead of "externalId"`,
		`{"type":"track","context":{"externalId":[{"type":"trengoContactId","ID":5}]}}`: `it has the key "ID" instead of "id"`,
		`{"type":"track","context":{"externalId":[{"Type":"trengoChannelId","id":5}]}}`: `it has the key "Type" instead of "type"`,
	} {
		_, err := trengo.ParseEvent([]byte(data))
		if !errors.Is(err, trengo.ErrInvalidEvent) || testkit.ErrorText(err) != "trengo: invalid event: "+want {
			t.Errorf("%s: error %v", data, err)
		}
	}
	for _, data := range []string{
		`{"type":"track","message_id":"m-1","Foo":1,"types":2}`,
		`{"type":"track","context":{"Library":{},"traits":{"Email":"x"}}}`,
		`{"type":"track","context":{"externalId":[{"Type":"HS-lead","ID":5},{"TYPE":7}]}}`,
	} {
		if _, err := trengo.ParseEvent([]byte(data)); err != nil {
			t.Errorf("%s: error %v", data, err)
		}
	}
}

// A byte order mark before an event is not a part of it.
func TestParseEvent_byteOrderMark(t *testing.T) {
	t.Parallel()
	ev, err := trengo.ParseEvent([]byte("\ufeff {\"type\":\"page\"}"))
	if err != nil || ev.Type != "page" {
		t.Errorf("%+v, %v", ev, err)
	}
}

// The whole context is kept, as it was sent.
func TestParseEvent_context(t *testing.T) {
	t.Parallel()
	for _, object := range []string{
		`{"page":{"url":"https://example.com/"},"ip":"192.0.2.1","campaign":null,"screen":{"width":1.50},"list":[1,{"a":2}]}`,
		`{"traits":{"a":1},"Traits":{"a":2},"externalId":[{"type":"x","id":5}],"externalID":[]}`,
		`{"traits":"text","externalId":{"a":1},"page":"text"}`,
		`{}`,
	} {
		ev := fixtures.ParseEvent(t, `{"type":"page","context":{"ip":"old"},"context":`+object+`}`)
		if diff := cmp.Diff(decodeJSON(t, object), any(ev.Context.Fields)); diff != "" {
			t.Errorf("fields of %s (-want +got):\n%s", object, diff)
		}
	}
}

// Programs keep events as JSON, in queues of their own.
func TestEvent_survivesJSON(t *testing.T) {
	t.Parallel()
	data, want := fullEvent()
	data["context"].(map[string]any)["page"] = map[string]any{"url": "https://example.com/"}
	want.Context.Fields["page"] = map[string]any{"url": "https://example.com/"}
	encoded, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := json.Marshal(fixtures.ParseEvent(t, string(encoded)))
	if err != nil {
		t.Fatal(err)
	}
	var got *trengo.Event
	if err := json.Unmarshal(stored, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}
