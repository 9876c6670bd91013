package trengo_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
)

func FuzzParseEvent(f *testing.F) {
	for _, seed := range []string{
		benchEvent,
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
	client := newClientOn(f, respond(http.StatusOK, `{"data":[],"links":{}}`), trengo.WithRateLimit(1<<40))
	var destinations []*trengo.Destination
	for _, cfg := range []trengo.DestinationConfig{
		{ChannelIdentifier: trengo.IdentifierEmail, CreateMissingContacts: true},
		{ChannelIdentifier: trengo.IdentifierPhone, CreateMissingContacts: true},
		{ChannelIdentifier: trengo.IdentifierPhone, AllowDuplicates: true, NormalizePhone: strings.ToLower},
	} {
		cfg.ChannelID = 405980
		cfg.EventTemplates = map[string]string{"Ev": "{{ event }} {{ items.[1] }} {{ properties }}"}
		destination, err := trengo.NewDestination(client, cfg)
		if err != nil {
			f.Fatal(err)
		}
		destinations = append(destinations, destination)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ev, err := trengo.ParseEvent(data)
		if err != nil {
			if !errors.Is(err, trengo.ErrInvalidEvent) || ev != nil {
				t.Errorf("event %v with error %v, want an ErrInvalidEvent alone", ev, err)
			}
			return
		}
		if strings.TrimSpace(ev.Type) == "" {
			t.Errorf("an event without a type: %q", data)
		}
		checkSameWhenCompact(t, data, ev)
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

func checkSameWhenCompact(t *testing.T, data []byte, want *trengo.Event) {
	t.Helper()
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		t.Fatalf("an event that is no JSON: %q", data)
	}
	got, err := trengo.ParseEvent(compact.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("without its blanks it is another event (-want +got):\n%s", diff)
	}
}

// checkPlan plans for a Trengo that knows nobody.
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
			t.Errorf("a write that cannot be sent: %+v", write)
		}
	}
}
