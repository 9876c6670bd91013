package trengo_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
)

func TestDestination_skipped(t *testing.T) {
	t.Parallel()
	skipped := func(reason string) trengo.Result {
		return trengo.Result{Action: trengo.ActionSkipped, Reason: reason}
	}
	neither := skipped("neither identify nor track")
	off := skipped("integrations.Trengo is false")
	unlisted := skipped("event not in the template map")
	const person = `"traits":{"email":"ann@example.com","name":"Ann Lee"}`
	runEvents(t, []eventCase{
		{name: "a page call", event: `{"type":"page",` + person + `}`, want: neither},
		{name: "a screen call", event: `{"type":"screen",` + person + `}`, want: neither},
		{name: "a group call", event: `{"type":"group",` + person + `}`, want: neither},
		{name: "an alias call", event: `{"type":"alias",` + person + `}`, want: neither},
		{name: "a type that nobody knows", event: `{"type":"identity",` + person + `}`, want: neither},
		{name: "a page call whose event is listed", event: `{"type":"page","event":"Ev",` + person + `}`, want: neither},
		{name: "an event that is not listed", event: `{"type":"track","event":"Other",` + person + `}`, want: unlisted},
		{name: "an event in other case", event: `{"type":"track","event":"ev",` + person + `}`, want: unlisted},
		{name: "an event with a blank behind it", event: `{"type":"track","event":"Ev ",` + person + `}`, want: unlisted},
		{name: "a track call without an event", event: `{"type":"track",` + person + `}`, want: unlisted},
		{name: "a track call whose event is an object", event: `{"type":"track","event":{"name":"Ev"},` + person + `}`, want: unlisted},
		{name: "an event where none is listed", cfg: trengo.DestinationConfig{EventTemplates: map[string]string{}}, event: trackEvent(person), want: unlisted},
		{name: "an identify call with Trengo switched off", event: identifyEvent(`"integrations":{"Trengo":false},` + person), want: off},
		{name: "a track call with Trengo switched off", event: trackEvent(`"integrations":{"All":true,"Trengo":false},` + person), want: off},
		{name: "a page call with Trengo switched off", event: `{"type":"page","integrations":{"Trengo":false}}`, want: off},
		{name: "an event that is skipped may be wrong otherwise", event: `{"type":"page","context":{"externalId":[{"type":"trengoContactId","id":"x"}]}}`, want: neither},
		{name: "an event that is not listed may lack an identifier", event: `{"type":"track","event":"Other"}`, want: unlisted},
	})
}

func TestDestination_notSkipped(t *testing.T) {
	t.Parallel()
	identified := trengo.Result{Action: trengo.ActionContactUnchanged, ContactID: 11}
	tracked := trengo.Result{Action: trengo.ActionTicketCreated, ContactID: 11, TicketID: newTicket}
	search := []string{searchOf("ann%40example.com")}
	searchAndTicket := []string{search[0], ticketOf(11, mailChannel, "About Ev")}
	const person = `"traits":{"email":"ann@example.com"}`
	runEvents(t, []eventCase{
		{name: "a type in capitals", event: `{"type":"IDENTIFY",` + person + `}`, want: identified, requests: search},
		{name: "a type between blanks", event: `{"type":" Track\n","event":"Ev",` + person + `}`, want: tracked, requests: searchAndTicket},
		{name: "Trengo switched on", event: identifyEvent(`"integrations":{"All":false,"Trengo":true},` + person), want: identified, requests: search},
		{name: "Trengo switched on with options", event: identifyEvent(`"integrations":{"Trengo":{"x":false}},` + person), want: identified, requests: search},
		{name: "Trengo neither on nor off", event: identifyEvent(`"integrations":{"Trengo":null},` + person), want: identified, requests: search},
		{name: "a switch that is text", event: identifyEvent(`"integrations":{"Trengo":"false"},` + person), want: identified, requests: search},
		{name: "another destination switched off", event: identifyEvent(`"integrations":{"trengo":false,"Zendesk":false},` + person), want: identified, requests: search},
		{name: "integrations that are no object", event: identifyEvent(`"integrations":["Trengo",false],` + person), want: identified, requests: search},
		{
			name: "an event whose name is a number", cfg: trengo.DestinationConfig{EventTemplates: map[string]string{"404": "Error {{ event }}"}},
			event: `{"type":"track","event":404,` + person + `}`, want: tracked,
			requests: []string{search[0], ticketOf(11, mailChannel, "Error 404")},
		},
	}, mailContact(11, "Ann Lee", "ann@example.com"))
}

func TestDestination_madeByHand(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		ev   *trengo.Event
		says string
	}{
		{"no event", nil, "trengo: invalid event: it is nil"},
		{"an event without a type", &trengo.Event{Traits: map[string]any{"email": "ann@example.com"}}, "trengo: invalid event: it has no type"},
		{"a type of blanks", &trengo.Event{Type: " \t", Traits: map[string]any{"email": "ann@example.com"}}, "trengo: invalid event: it has no type"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := newTrengo()
			destination := destinationOn(t, srv, trengo.DestinationConfig{})
			result, err := destination.Process(t.Context(), tt.ev)
			if !errors.Is(err, trengo.ErrInvalidEvent) || err.Error() != tt.says || result != (trengo.Result{}) {
				t.Errorf("Process: %+v with %v, want %q", result, err, tt.says)
			}
			plan, err := destination.Plan(t.Context(), tt.ev)
			if !errors.Is(err, trengo.ErrInvalidEvent) || err.Error() != tt.says || plan.Result != (trengo.Result{}) || plan.Writes != nil {
				t.Errorf("Plan: %+v with %v, want %q", plan, err, tt.says)
			}
			if lines := requestLines(srv); lines != nil {
				t.Errorf("requests %q", lines)
			}
		})
	}
}

// An override is refused before anything is sent: better no ticket than one
// on the wrong channel or of the wrong contact.
func TestDestination_overrideIsNoID(t *testing.T) {
	t.Parallel()
	values := []string{
		`"support"`, `1.5`, `"1.5"`, `true`, `false`, `[7]`, `[]`, `{"x":1}`, `{}`, `"5/../6"`, `0`, `"0"`, `-1`, `"-1"`,
		`"+5"`, `"0x10"`, `"1_0"`, `"5 6"`, `1e30`, `99999999999999999999`, `"７"`, `"5,"`,
	}
	for _, override := range []string{"trengoChannelId", "trengoContactId"} {
		for _, value := range values {
			fields := `"traits":{"email":"ann@example.com","name":"Ann Lee"},"context":{"externalId":[{"type":"` + override + `","id":` + value + `}]}`
			for _, event := range []string{identifyEvent(fields), trackEvent(fields)} {
				srv := newTrengo(mailContact(11, "Ann", "ann@example.com"))
				result, err := destinationOn(t, srv, trengo.DestinationConfig{}).Process(t.Context(), mustParse(t, event))
				if diff := cmp.Diff("trengo: invalid event: "+override+" in context.externalId is no id", errorText(err)); diff != "" {
					t.Errorf("%s: error (-want +got):\n%s", event, diff)
				}
				if !errors.Is(err, trengo.ErrInvalidEvent) || result != (trengo.Result{}) || len(srv.Requests()) != 0 {
					t.Errorf("%s: %+v with %v after %q", event, result, err, requestLines(srv))
				}
			}
		}
	}
}

func TestDestination_overrides(t *testing.T) {
	t.Parallel()
	const ann = `"traits":{"email":"ann@example.com"}`
	external := func(entries string) string { return ann + `,"context":{"externalId":` + entries + `}` }
	found := trengo.Result{Action: trengo.ActionTicketCreated, ContactID: 11, TicketID: newTicket}
	named := trengo.Result{Action: trengo.ActionTicketCreated, ContactID: 12, TicketID: newTicket}
	normally := []string{searchOf("ann%40example.com"), ticketOf(11, mailChannel, "About Ev")}
	elsewhere := []string{searchOf("ann%40example.com"), ticketOf(11, otherMailChannel, "About Ev")}
	ofNamed := []string{ticketOf(12, mailChannel, "About Ev")}
	runEvents(t, []eventCase{
		{name: "a contact as a number", event: trackEvent(external(`[{"type":"trengoContactId","id":12}]`)), want: named, requests: ofNamed},
		{name: "a contact as text", event: trackEvent(external(`[{"type":"trengoContactId","id":"12"}]`)), want: named, requests: ofNamed},
		{name: "a contact between blanks", event: trackEvent(external(`[{"type":"trengoContactId","id":" 12 "}]`)), want: named, requests: ofNamed},
		{name: "a contact with a point and nothing behind it", event: trackEvent(external(`[{"type":"trengoContactId","id":12.0}]`)), want: named, requests: ofNamed},
		{name: "a contact with an exponent", event: trackEvent(external(`[{"type":"trengoContactId","id":1.2e1}]`)), want: named, requests: ofNamed},
		{name: "a single object instead of an array", event: trackEvent(external(`{"type":"trengoContactId","id":12}`)), want: named, requests: ofNamed},
		{name: "an entry of a reverse ETL source", event: trackEvent(external(`[{"type":"trengoContactId","id":12,"identifierType":"email"}]`)), want: named, requests: ofNamed},
		{name: "the first entry that has a value", event: trackEvent(external(`[{"type":"trengoContactId","id":""},{"type":"trengoContactId","id":null},{"type":"trengoContactId","id":12}]`)), want: named, requests: ofNamed},
		{name: "the first of two contacts", event: trackEvent(external(`[{"type":"trengoContactId","id":12},{"type":"trengoContactId","id":11}]`)), want: named, requests: ofNamed},
		{name: "a second entry is not looked at", event: trackEvent(external(`[{"type":"trengoContactId","id":12},{"type":"trengoContactId","id":"x"}]`)), want: named, requests: ofNamed},
		{name: "entries that are none", event: trackEvent(external(`[null,5,"x",[],{"type":"trengoContactId","id":12}]`)), want: named, requests: ofNamed},
		{name: "an id that is null", event: trackEvent(external(`[{"type":"trengoContactId","id":null}]`)), want: found, requests: normally},
		{name: "an id that is blank", event: trackEvent(external(`[{"type":"trengoContactId","id":"  "}]`)), want: found, requests: normally},
		{name: "an entry without an id", event: trackEvent(external(`[{"type":"trengoContactId","value":12}]`)), want: found, requests: normally},
		{name: "ids of something else", event: trackEvent(external(`[{"type":"hubspotId","id":12},{"type":"TrengoContactId","id":12}]`)), want: found, requests: normally},
		{name: "external ids that are text", event: trackEvent(external(`"12"`)), want: found, requests: normally},
		{name: "a channel as a number", event: trackEvent(external(`[{"type":"trengoChannelId","id":405981}]`)), want: found, requests: elsewhere},
		{name: "a channel as text", event: trackEvent(external(`[{"type":"trengoChannelId","id":"405981"}]`)), want: found, requests: elsewhere},
		{name: "a blank channel", event: trackEvent(external(`[{"type":"trengoChannelId","id":""}]`)), want: found, requests: normally},
		{
			name: "both", event: trackEvent(external(`[{"type":"trengoChannelId","id":405981},{"type":"trengoContactId","id":12}]`)),
			want: named, requests: []string{ticketOf(12, otherMailChannel, "About Ev")},
		},
		{
			name: "a person without an identifier", event: trackEvent(`"context":{"externalId":[{"type":"trengoContactId","id":12}]}`),
			want: named, requests: ofNamed,
		},
	}, mailContact(11, "Ann Lee", "ann@example.com"), mailContact(12, "Bob", "bob@example.com"))
}
