package trengo_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
)

// pick returns one of all.
func pick(r *rand.Rand, all ...string) string { return all[r.IntN(len(all))] }

// object returns an object with each of the members, or not, in any order. A member
// may be there twice.
func object(r *rand.Rand, members ...string) string {
	var some []string
	for _, member := range members {
		for range [...]int{1, 1, 1, 1, 1, 1, 1, 0, 0, 2}[r.IntN(10)] {
			some = append(some, member)
		}
	}
	r.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
	return "{" + strings.Join(some, pick(r, ",", ", ", ",\n\t")) + "}"
}

// spelled returns a key that is nearly always right.
func spelled(r *rand.Rand, key string) string {
	switch r.IntN(60) {
	case 0:
		key = strings.ToUpper(key)
	case 1:
		return `"\u00` + strconv.FormatInt(int64(key[0]), 16) + key[1:] + `":`
	}
	return `"` + key + `":`
}

// anything returns a value of any kind.
func anything(r *rand.Rand) string {
	return pick(r, "null", "true", "5", "-1.50", "1e400", `""`, `" x "`, `"\u0041\ud800"`, `"ann@example.com"`, "[]", "{}", `[1,{"a":[]}]`,
		`{"type":"identify"}`, `{"a":{"b":"}"},"":[null]}`)
}

// often returns the first value, and sometimes anything.
func often(r *rand.Rand, value string) string {
	if r.IntN(8) == 0 {
		return anything(r)
	}
	return value
}

// randomEvent returns an event as a careless sender may write it.
func randomEvent(r *rand.Rand) string {
	person := func() string {
		return object(r, `"email":`+often(r, pick(r, `"ann@example.com"`, `"Bob@example.com "`)),
			`"phone":`+often(r, `"+31600000001"`), `"name":`+often(r, `"Ann"`), `"firstName":`+often(r, `"Ann"`), `"x":`+anything(r))
	}
	externalID := func() string {
		return object(r, spelled(r, "type")+often(r, pick(r, `"trengoContactId"`, `"trengoChannelId"`, `"email"`, `"HS-lead"`)),
			spelled(r, "id")+often(r, pick(r, `"405980"`, "460000001", `"cid@example.com"`)), `"identifierType":`+often(r, `"email"`))
	}
	externalIDs := pick(r, "["+externalID()+","+often(r, externalID())+"]", externalID(), anything(r), "[]", "[]")
	return object(r,
		spelled(r, "type")+often(r, pick(r, `"identify"`, `"track"`, `"track"`, `" Identify"`, `"page"`, `"record"`, `"com.example"`)),
		spelled(r, "messageId")+often(r, `"m-1"`),
		spelled(r, "userId")+often(r, `"u-1"`),
		spelled(r, "event")+often(r, pick(r, `"Ordered"`, `"Called"`, `"Viewed"`)),
		spelled(r, "traits")+often(r, person()),
		spelled(r, "properties")+often(r, person()),
		spelled(r, "context")+often(r, object(r, spelled(r, "traits")+often(r, person()), spelled(r, "externalId")+externalIDs, `"page":{"a":1}`)),
		spelled(r, "integrations")+often(r, object(r, pick(r, `"All":`, `"all":`, `"All":`)+pick(r, "true", "false", anything(r)), pick(r, `"Trengo":`, `"trengo":`, `"Trengo":`)+pick(r, "true", "false", `{"a":1}`, "null"), `"x":{}`)),
		pick(r, `"anonymousId":7`, `"specversion":"1.0"`, `"payload":5`, `"sentAt":"x"`, `"sentAt":"x"`),
	)
}

// decodedEvent reads an event in the simplest way.
func decodedEvent(t *testing.T, data string) *trengo.Event {
	t.Helper()
	decode := func(data json.RawMessage) (v any) {
		if len(data) == 0 {
			return nil
		}
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.UseNumber()
		if err := decoder.Decode(&v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	object := func(data json.RawMessage) map[string]any { m, _ := decode(data).(map[string]any); return m }
	raw := func(data json.RawMessage) (m map[string]json.RawMessage) { _ = json.Unmarshal(data, &m); return m }
	fields := raw(json.RawMessage(data))
	context := raw(fields["context"])
	ev := &trengo.Event{
		Traits: object(fields["traits"]), Properties: object(fields["properties"]), Integrations: object(fields["integrations"]),
		Context: trengo.EventContext{Traits: object(context["traits"]), Fields: object(fields["context"])},
	}
	for key, to := range map[string]*string{"type": &ev.Type, "messageId": &ev.MessageID, "userId": &ev.UserID, "anonymousId": &ev.AnonymousID, "event": &ev.Event} {
		*to, _ = decode(fields[key]).(string)
	}
	return ev
}

// ParseEvent reads of an event what encoding/json does.
func TestParseEvent_agreesWithDecoding(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	parsed := 0
	for range 20_000 {
		data := randomEvent(r)
		got, err := trengo.ParseEvent([]byte(data))
		if err != nil {
			continue
		}
		parsed++
		want := decodedEvent(t, data)
		// Numbers are texts, of which other tests take care.
		for _, text := range []*string{&got.MessageID, &got.UserID, &got.AnonymousID, &got.Event} {
			if _, err := strconv.ParseFloat(*text, 64); err == nil || strings.HasPrefix(*text, "1") {
				*text = ""
			}
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(trengo.EventContext{}, "ExternalIDs"), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", data, diff)
		}
	}
	if parsed < 10_000 {
		t.Errorf("only %d events are valid", parsed)
	}
}

// checkHandlerAgrees checks that the handler, which reads an event in two steps,
// does what ParseEvent and Process do.
func checkHandlerAgrees(t *testing.T, data []byte) trengo.Action {
	t.Helper()
	options := func(cfg *trengo.DestinationConfig) {
		cfg.CreateMissingContacts = true
		cfg.HonorIntegrationsAll = len(data)%2 == 0
		cfg.EventTemplates = map[string]string{"Ordered": "{{ context.page.a }} {{ traits.name }} {{ x }}"}
	}
	whole, handled := fixtures.NewDeployment(t, options), fixtures.NewDeployment(t, options)
	var want, got trengo.Outcome
	if want.Event, want.Err = trengo.ParseEvent(data); want.Err == nil {
		want.Result, want.Err = whole.Destination.Process(t.Context(), want.Event)
	}
	cfg := fixtures.AllowAll
	cfg.OnOutcome = func(o trengo.Outcome, _ int) { got = o }
	fixtures.Serve(t, fixtures.NewHandler(t, handled.Destination, cfg), fixtures.EventRequest(t.Context(), string(data)))
	if testkit.ErrorText(want.Err) != testkit.ErrorText(got.Err) || want.Result != got.Result {
		t.Errorf("%s: %+v, %v, want %+v, %v", data, got.Result, got.Err, want.Result, want.Err)
	}
	if diff := cmp.Diff(testkit.RequestLines(whole.Server), testkit.RequestLines(handled.Server)); diff != "" {
		t.Errorf("%s: requests (-want +got):\n%s", data, diff)
	}
	switch {
	case want.Event == nil:
		if got.Event != nil {
			t.Errorf("%s: event %+v", data, got.Event)
		}
	case got.Result.Action != trengo.ActionSkipped && got.Err == nil:
		if diff := cmp.Diff(want.Event, got.Event); diff != "" {
			t.Errorf("%s: event (-want +got):\n%s", data, diff)
		}
	default: // perhaps only the header
		full, header := want.Event, got.Event
		if full.Type != header.Type || full.MessageID != header.MessageID || full.UserID != header.UserID || full.Event != header.Event {
			t.Errorf("%s: header %+v, want %+v", data, header, full)
		}
	}
	return got.Result.Action
}

// isOneEvent reports whether data is an event, and not several.
func isOneEvent(data []byte) bool {
	n := 0
	for event := range trengo.SplitEvents(data) {
		if n++; n > 1 || !bytes.Equal(bytes.TrimSpace(event), bytes.TrimSpace(data)) {
			return false
		}
	}
	return true
}

func TestHandler_agreesWithProcess(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 2))
	actions := map[trengo.Action]int{}
	for range 4000 {
		if data := []byte(randomEvent(r)); isOneEvent(data) {
			actions[checkHandlerAgrees(t, data)]++
		}
	}
	for _, action := range []trengo.Action{trengo.ActionContactCreated, trengo.ActionTicketCreated, trengo.ActionSkipped, ""} {
		if actions[action] < 100 {
			t.Errorf("too few of %q: %v", action, actions)
		}
	}
}

func FuzzHandler_agreesWithProcess(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 50 {
		f.Add([]byte(randomEvent(r)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if isOneEvent(data) && !slices.Contains(data, 0) {
			checkHandlerAgrees(t, data)
		}
	})
}
