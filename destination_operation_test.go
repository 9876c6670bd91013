package trengo_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
)

// Events that need no request.
func TestDestination_skipped(t *testing.T) {
	t.Parallel()
	skipped := func(reason string) trengo.Result {
		return trengo.Result{Action: trengo.ActionSkipped, Reason: reason}
	}
	neither := skipped("neither identify nor track")
	off := skipped("integrations.Trengo is false")
	unlisted := skipped("event not in the template map")
	similar := skipped(`event not in the template map, which has "Ordered": the name must be exactly that`)
	const person = `"traits":{"email":"ann@example.com","name":"Ann Lee"}`
	fixtures.RunEventCases(t, []fixtures.EventCase{
		{Name: "a page event", Event: `{"type":"page",` + person + `}`, Want: neither},
		{Name: "a screen event", Event: `{"type":"screen",` + person + `}`, Want: neither},
		{Name: "a group event", Event: `{"type":"group",` + person + `}`, Want: neither},
		{Name: "an alias event", Event: `{"type":"alias",` + person + `}`, Want: neither},
		{Name: "an unknown type", Event: `{"type":"identity",` + person + `}`, Want: neither},
		{Name: "a page event with a listed name", Event: `{"type":"page","event":"Ordered",` + person + `}`, Want: neither},
		{Name: "a track event with an unlisted name", Event: `{"type":"track","event":"Other",` + person + `}`, Want: unlisted},
		{Name: "a listed name in a different case", Event: `{"type":"track","event":"ordered",` + person + `}`, Want: similar},
		{Name: "a listed name with a space after it", Event: `{"type":"track","event":"Ordered ",` + person + `}`, Want: similar},
		{Name: "a listed name with invisible characters", Event: `{"type":"track","event":"\ufeffOrde\u200bred\u00a0",` + person + `}`, Want: similar},
		{
			Name: "a listed name in another style", Config: trengo.DestinationConfig{EventTemplates: map[string]string{"Order Completed": ""}},
			Event: `{"type":"track","event":"order_completed",` + person + `}`, Want: skipped(`event not in the template map, which has "Order Completed": the name must be exactly that`),
		},
		{
			Name: "the name of a list that has spaces", Config: trengo.DestinationConfig{EventTemplates: map[string]string{"Order Completed ": ""}},
			Event: `{"type":"track","event":"Order Completed",` + person + `}`, Want: skipped(`event not in the template map, which has "Order Completed ": the name must be exactly that`),
		},
		{
			Name: "a listed name in another case beyond ASCII", Config: trengo.DestinationConfig{EventTemplates: map[string]string{"Überwiesen": ""}},
			Event: `{"type":"track","event":"ÜBERWIESEN",` + person + `}`, Want: skipped(`event not in the template map, which has "Überwiesen": the name must be exactly that`),
		},
		{Name: "a name that contains a listed one", Event: `{"type":"track","event":"Ordered again",` + person + `}`, Want: unlisted},
		{Name: "a track event without a name", Event: `{"type":"track",` + person + `}`, Want: unlisted},
		{Name: "a track event whose name is an object", Event: `{"type":"track","event":{"name":"Ordered"},` + person + `}`, Want: unlisted},
		{Name: "a track event without any template", Config: trengo.DestinationConfig{EventTemplates: map[string]string{}}, Event: fixtures.TrackJSON(person), Want: unlisted},
		{Name: "an identify event with Trengo switched off", Event: fixtures.IdentifyJSON(`"integrations":{"Trengo":false},` + person), Want: off},
		{Name: "a track event with Trengo switched off", Event: fixtures.TrackJSON(`"integrations":{"All":true,"Trengo":false},` + person), Want: off},
		{Name: "a page event with Trengo switched off", Event: `{"type":"page","integrations":{"Trengo":false}}`, Want: off},
		{Name: "a record event with Trengo switched off", Event: `{"type":"record","integrations":{"Trengo":false}}`, Want: off},
		{Name: "a page event that is otherwise invalid", Event: `{"type":"page","context":{"externalId":[{"type":"trengoContactId","id":"x"}]}}`, Want: neither},
		{Name: "an unlisted event without an identifier", Event: `{"type":"track","event":"Other"}`, Want: unlisted},
	})
}

func TestDestination_notSkipped(t *testing.T) {
	t.Parallel()
	identified := trengo.Result{Action: trengo.ActionContactUnchanged, ContactID: 11}
	tracked := trengo.Result{Action: trengo.ActionTicketCreated, ContactID: 11, TicketID: fixtures.FirstTicket}
	search := []string{fixtures.SearchLine("ann%40example.com")}
	searchAndTicket := []string{search[0], fixtures.TicketLine(11, fixtures.EmailChannel, fixtures.EventSubject)}
	const person = `"traits":{"email":"ann@example.com"}`
	fixtures.RunEventCases(t, []fixtures.EventCase{
		{Name: "a type in capitals", Event: `{"type":"IDENTIFY",` + person + `}`, Want: identified, Requests: search},
		{Name: "a type in white space", Event: `{"type":" Track\n","event":"Ordered",` + person + `}`, Want: tracked, Requests: searchAndTicket},
		{Name: "Trengo switched on", Event: fixtures.IdentifyJSON(`"integrations":{"All":false,"Trengo":true},` + person), Want: identified, Requests: search},
		{Name: "Trengo switched on with options", Event: fixtures.IdentifyJSON(`"integrations":{"Trengo":{"x":false}},` + person), Want: identified, Requests: search},
		{Name: "Trengo neither on nor off", Event: fixtures.IdentifyJSON(`"integrations":{"Trengo":null},` + person), Want: identified, Requests: search},
		{Name: "a switch that is text", Event: fixtures.IdentifyJSON(`"integrations":{"Trengo":"false"},` + person), Want: identified, Requests: search},
		{Name: "another destination switched off", Event: fixtures.IdentifyJSON(`"integrations":{"Zendesk":false,"trengo":true},` + person), Want: identified, Requests: search},
		{Name: "Trengo switched off in another case", Event: fixtures.IdentifyJSON(`"integrations":{"trengo":false},` + person), Err: trengo.ErrInvalidEvent},
		{Name: "Trengo switched on, and off in another case", Event: fixtures.IdentifyJSON(`"integrations":{"Trengo":true,"TRENGO":false},` + person), Want: identified, Requests: search},
		{Name: "integrations that are an array", Event: fixtures.IdentifyJSON(`"integrations":["Trengo",false],` + person), Want: identified, Requests: search},
		{
			Name: "an event whose name is a number", Config: trengo.DestinationConfig{EventTemplates: map[string]string{"404": "Error {{ event }}"}},
			Event: `{"type":"track","event":404,` + person + `}`, Want: tracked,
			Requests: []string{search[0], fixtures.TicketLine(11, fixtures.EmailChannel, "Error 404")},
		},
	}, fixtures.EmailContact(11, "Ann Lee", "ann@example.com"))
}

// An event that does not come from ParseEvent may be invalid.
func TestDestination_invalidEvent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		ev   *trengo.Event
		says string
	}{
		{"no event", nil, "trengo: invalid event: it is nil"},
		{"an event without a type", &trengo.Event{Traits: map[string]any{"email": "ann@example.com"}}, "trengo: invalid event: it does not have a type"},
		{"a type of white space", &trengo.Event{Type: " \t", Traits: map[string]any{"email": "ann@example.com"}}, "trengo: invalid event: it does not have a type"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := fixtures.New(t)
			destination := f.NewWarmDestination(trengo.DestinationConfig{})
			result, err := destination.Process(t.Context(), tt.ev)
			if !errors.Is(err, trengo.ErrInvalidEvent) || err.Error() != tt.says || result != (trengo.Result{}) {
				t.Errorf("Process: %+v with %v, want %q", result, err, tt.says)
			}
			plan, err := destination.Plan(t.Context(), tt.ev)
			if !errors.Is(err, trengo.ErrInvalidEvent) || err.Error() != tt.says || plan.Result != (trengo.Result{}) || plan.Writes != nil {
				t.Errorf("Plan: %+v with %v, want %q", plan, err, tt.says)
			}
			if lines := f.RequestLines(); lines != nil {
				t.Errorf("requests %q", lines)
			}
		})
	}
}

// An override that is not an ID is an error before anything is sent: a ticket on
// the wrong channel or for the wrong contact would be worse.
func TestDestination_invalidOverride(t *testing.T) {
	t.Parallel()
	values := []string{
		`"support"`, `1.5`, `"1.5"`, `true`, `false`, `[7]`, `[]`, `{"x":1}`, `{}`, `"5/../6"`, `0`, `"0"`, `-1`, `"-1"`,
		`"+5"`, `"0x10"`, `"1_0"`, `"5 6"`, `1e30`, `99999999999999999999`, `"７"`, `"5,"`,
	}
	for _, override := range []string{"trengoChannelId", "trengoContactId"} {
		for _, value := range values {
			fields := `"traits":{"email":"ann@example.com","name":"Ann Lee"},"context":{"externalId":[{"type":"` + override + `","id":` + value + `}]}`
			for _, event := range []string{fixtures.IdentifyJSON(fields), fixtures.TrackJSON(fields)} {
				f := fixtures.New(t, fixtures.EmailContact(11, "Ann", "ann@example.com"))
				result, err := f.NewWarmDestination(trengo.DestinationConfig{}).Process(t.Context(), fixtures.ParseEvent(t, event))
				if diff := cmp.Diff("trengo: invalid event: "+override+" in context.externalId is not an ID", testkit.ErrorText(err)); diff != "" {
					t.Errorf("%s: error (-want +got):\n%s", event, diff)
				}
				if !errors.Is(err, trengo.ErrInvalidEvent) || result != (trengo.Result{}) || len(f.Requests()) != 0 {
					t.Errorf("%s: %+v with %v after %q", event, result, err, f.RequestLines())
				}
			}
		}
	}
}

func TestDestination_overrides(t *testing.T) {
	t.Parallel()
	const ann = `"traits":{"email":"ann@example.com"}`
	external := func(entries string) string { return ann + `,"context":{"externalId":` + entries + `}` }
	found := trengo.Result{Action: trengo.ActionTicketCreated, ContactID: 11, TicketID: fixtures.FirstTicket}
	named := trengo.Result{Action: trengo.ActionTicketCreated, ContactID: 12, TicketID: fixtures.FirstTicket}
	bySearch := []string{fixtures.SearchLine("ann%40example.com"), fixtures.TicketLine(11, fixtures.EmailChannel, fixtures.EventSubject)}
	onOther := []string{fixtures.SearchLine("ann%40example.com"), fixtures.TicketLine(11, fixtures.OtherEmailChannel, fixtures.EventSubject)}
	byID := []string{fixtures.TicketLine(12, fixtures.EmailChannel, fixtures.EventSubject)}
	fixtures.RunEventCases(t, []fixtures.EventCase{
		{Name: "a contact as a number", Event: fixtures.TrackJSON(external(`[{"type":"trengoContactId","id":12}]`)), Want: named, Requests: byID},
		{Name: "a contact as text", Event: fixtures.TrackJSON(external(`[{"type":"trengoContactId","id":"12"}]`)), Want: named, Requests: byID},
		{Name: "a contact in white space", Event: fixtures.TrackJSON(external(`[{"type":"trengoContactId","id":" 12 "}]`)), Want: named, Requests: byID},
		{Name: "a contact with a decimal point and zero", Event: fixtures.TrackJSON(external(`[{"type":"trengoContactId","id":12.0}]`)), Want: named, Requests: byID},
		{Name: "a contact with an exponent", Event: fixtures.TrackJSON(external(`[{"type":"trengoContactId","id":1.2e1}]`)), Want: named, Requests: byID},
		{Name: "a single object instead of an array", Event: fixtures.TrackJSON(external(`{"type":"trengoContactId","id":12}`)), Want: named, Requests: byID},
		{Name: "an entry of a reverse ETL source", Event: fixtures.TrackJSON(external(`[{"type":"trengoContactId","id":12,"identifierType":"email"}]`)), Want: named, Requests: byID},
		{Name: "the first entry that has a value", Event: fixtures.TrackJSON(external(`[{"type":"trengoContactId","id":""},{"type":"trengoContactId","id":null},{"type":"trengoContactId","id":12}]`)), Want: named, Requests: byID},
		{Name: "the first of two contacts", Event: fixtures.TrackJSON(external(`[{"type":"trengoContactId","id":12},{"type":"trengoContactId","id":11}]`)), Want: named, Requests: byID},
		{Name: "a second entry that is not an ID", Event: fixtures.TrackJSON(external(`[{"type":"trengoContactId","id":12},{"type":"trengoContactId","id":"x"}]`)), Want: named, Requests: byID},
		{Name: "entries that are not objects", Event: fixtures.TrackJSON(external(`[null,5,"x",[],{"type":"trengoContactId","id":12}]`)), Want: named, Requests: byID},
		{Name: "an ID that is null", Event: fixtures.TrackJSON(external(`[{"type":"trengoContactId","id":null}]`)), Want: found, Requests: bySearch},
		{Name: "an ID of spaces", Event: fixtures.TrackJSON(external(`[{"type":"trengoContactId","id":"  "}]`)), Want: found, Requests: bySearch},
		{Name: "an entry without an ID", Event: fixtures.TrackJSON(external(`[{"type":"trengoContactId","value":12}]`)), Want: found, Requests: bySearch},
		{Name: "IDs of other types", Event: fixtures.TrackJSON(external(`[{"type":"hubspotId","id":12},{"type":"TrengoContactId","id":12}]`)), Want: found, Requests: bySearch},
		{Name: "external IDs that are text", Event: fixtures.TrackJSON(external(`"12"`)), Want: found, Requests: bySearch},
		{Name: "a channel as a number", Event: fixtures.TrackJSON(external(`[{"type":"trengoChannelId","id":405981}]`)), Want: found, Requests: onOther},
		{Name: "a channel as text", Event: fixtures.TrackJSON(external(`[{"type":"trengoChannelId","id":"405981"}]`)), Want: found, Requests: onOther},
		{Name: "an empty channel", Event: fixtures.TrackJSON(external(`[{"type":"trengoChannelId","id":""}]`)), Want: found, Requests: bySearch},
		{
			Name: "a channel and a contact", Event: fixtures.TrackJSON(external(`[{"type":"trengoChannelId","id":405981},{"type":"trengoContactId","id":12}]`)),
			Want: named, Requests: []string{fixtures.TicketLine(12, fixtures.OtherEmailChannel, fixtures.EventSubject)},
		},
		{
			Name: "a contact without an identifier", Event: fixtures.TrackJSON(`"context":{"externalId":[{"type":"trengoContactId","id":12}]}`),
			Want: named, Requests: byID,
		},
	}, fixtures.EmailContact(11, "Ann Lee", "ann@example.com"), fixtures.EmailContact(12, "Bob", "bob@example.com"))
}

// An identifierCase is an identify event of an unknown person. Its contact is
// created with the event's identifier, or the event is an error.
type identifierCase struct {
	name       string
	fields     string // of the event
	identifier string // of the created contact
	term       string // of the search, empty if it is the identifier
	says       string // the error
}

func runIdentifiers(t *testing.T, cfg trengo.DestinationConfig, cases []identifierCase) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := fixtures.New(t)
			ev := fixtures.ParseEvent(t, fixtures.IdentifyJSON(tt.fields))
			_, err := f.NewWarmDestination(cfg).Process(t.Context(), ev)
			if tt.says != "" {
				if !errors.Is(err, trengo.ErrMissingIdentifier) || trengo.Retryable(err) {
					t.Errorf("error is %v, want a permanent ErrMissingIdentifier", err)
				}
				if diff := cmp.Diff("trengo: missing identifier: "+tt.says, testkit.ErrorText(err)); diff != "" {
					t.Errorf("error (-want +got):\n%s", diff)
				}
				if lines := f.RequestLines(); lines != nil {
					t.Errorf("requests %q", lines)
				}
				fixtures.CheckPrivate(t, err, ev, nil)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			term := tt.term
			if term == "" {
				term = tt.identifier
			}
			channel := int64(fixtures.EmailChannel)
			if cfg.ChannelIdentifier == trengo.IdentifierPhone {
				channel = fixtures.PhoneChannel
			}
			want := []string{fixtures.SearchLine(strings.ReplaceAll(term, "@", "%40")), fixtures.CreateLine(channel, tt.identifier, "")}
			if diff := cmp.Diff(want, f.RequestLines()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDestination_email(t *testing.T) {
	t.Parallel()
	const none = "the event does not have an email"
	const invalid = "the email is not one address with text on both sides of its @"
	bad := func(name, email string) identifierCase {
		return identifierCase{name: name, fields: `"traits":{"email":` + email + `}`, says: invalid}
	}
	absent := func(name, email string) identifierCase {
		return identifierCase{name: name, fields: `"traits":{"email":` + email + `}`, says: none}
	}
	runIdentifiers(t, trengo.DestinationConfig{}, []identifierCase{
		{name: "in traits", fields: `"traits":{"email":"a@example.com"}`, identifier: "a@example.com"},
		{name: "in context.traits", fields: `"context":{"traits":{"email":"a@example.com"}}`, identifier: "a@example.com"},
		{name: "in properties", fields: `"properties":{"email":"a@example.com"}`, identifier: "a@example.com"},
		{name: "traits come first", fields: `"properties":{"email":"p@example.com"},"context":{"traits":{"email":"c@example.com"}},"traits":{"email":"t@example.com"}`, identifier: "t@example.com"},
		{name: "context.traits come second", fields: `"properties":{"email":"p@example.com"},"context":{"traits":{"email":"c@example.com"}},"traits":{"phone":"5"}`, identifier: "c@example.com"},
		{name: "an invalid one is skipped", fields: `"traits":{"email":"ann at example"},"context":{"traits":{"email":"@"}},"properties":{"email":"p@example.com"}`, identifier: "p@example.com"},
		{name: "a value that is not text is skipped", fields: `"traits":{"email":{"x":"t@example.com"}},"context":{"traits":{"email":[{"x":"c@example.com"},7]}},"properties":{"email":"p@example.com"}`, identifier: "p@example.com"},
		{name: "null and white space are skipped", fields: `"traits":{"email":null},"context":{"traits":{"email":"  "}},"properties":{"email":"p@example.com"}`, identifier: "p@example.com"},
		{name: "in white space", fields: `"traits":{"email":" \ta@example.com\n"}`, identifier: "a@example.com"},
		{name: "in white space beyond ASCII", fields: `"traits":{"email":"\u00a0a@example.com\u2003"}`, identifier: "a@example.com"},
		{name: "in a different case", fields: `"traits":{"email":"Ann.Lee@EXAMPLE.Com"}`, identifier: "ann.lee@example.com"},
		{name: "with a plus", fields: `"traits":{"email":"a+b@example.com"}`, identifier: "a+b@example.com", term: "a%2Bb@example.com"},
		{name: "without a dot after the @", fields: `"traits":{"email":"a@localhost"}`, identifier: "a@localhost"},

		bad("no @", `"example.com"`),
		bad("only an @", `"@"`),
		bad("nothing before the @", `"@example.com"`),
		bad("spaces before the @", `"  @example.com"`),
		bad("nothing after the @", `"ann@"`),
		bad("spaces after the @", `"ann@  "`),
		bad("two @", `"ann@lee@example.com"`),
		bad("two @ together", `"ann@@example.com"`),
		bad("an @ at the end", `"ann@example.com@"`),
		bad("a number", `31600000042`),
		absent("null", `null`),
		absent("empty", `""`),
		absent("white space", `" \t"`),
		absent("a bool", `true`),
		absent("an empty array", `[]`),
		absent("an array in an array", `[["a@example.com"]]`),
		{name: "first usable one of an array", fields: `"traits":{"email":["ann",null,"a@example.com","b@example.com"]}`, identifier: "a@example.com"},
		{name: "array of emails", fields: `"traits":{"emails":["a@example.com"]}`, identifier: "a@example.com"},
		{name: "array of objects", fields: `"traits":{"emails":[{"type":"work","email":"a@example.com"}]}`, identifier: "a@example.com"},
		{name: "email before emails", fields: `"traits":{"emails":["b@example.com"],"email":"a@example.com"}`, identifier: "a@example.com"},
		{name: "emails of traits before context.traits", fields: `"traits":{"emails":["a@example.com"]},"context":{"traits":{"email":"c@example.com"}}`, identifier: "a@example.com"},
		{name: "display name", fields: `"traits":{"email":"Ann Lee <A@example.com>"}`, identifier: "a@example.com"},
		{name: "mailto link", fields: `"traits":{"email":"mailto:a@example.com?subject=x"}`, identifier: "a@example.com"},
		{name: "invisible characters", fields: `"traits":{"email":"\ufeffa\u200b@example.com;"}`, identifier: "a@example.com"},
		bad("two addresses", `"a@example.com, b@example.com"`),
		bad("a line break inside", `"a@example.com\r\nBcc: b@example.com"`),
		absent("an object", `{"email":"a@example.com"}`),
		{name: "the error is about an invalid one rather than a missing one", fields: `"traits":{"email":"ann"},"properties":{"email":null}`, says: invalid},
		{name: "nowhere", fields: `"traits":{"name":"Ann Lee"}`, says: none},
		{name: "a user ID does not count", fields: `"userId":"a@example.com","anonymousId":"a@example.com"`, says: none},
		{name: "external ID of type email", fields: `"context":{"externalId":[{"type":"hs","id":"h@example.com"},{"type":"email","id":"A@example.com"}]}`, identifier: "a@example.com"},
		{name: "external ID of reverse ETL", fields: `"context":{"mappedToDestination":true,"externalId":[{"identifierType":"email","id":"a@example.com","type":"HS-lead"}]}`, identifier: "a@example.com"},
		{name: "external ID of Segment", fields: `"context":{"externalIds":[{"type":"email","id":"a@example.com","collection":"users"}]}`, identifier: "a@example.com"},
		{name: "properties before an external ID", fields: `"properties":{"email":"p@example.com"},"context":{"externalId":[{"type":"email","id":"a@example.com"}]}`, identifier: "p@example.com"},
		{name: "an external ID behind an invalid trait", fields: `"traits":{"email":"ann"},"context":{"externalId":[{"type":"email","id":"a@example.com"}]}`, identifier: "a@example.com"},
		{name: "an external ID of another type does not count", fields: `"context":{"externalId":[{"type":"hubspotId","id":"a@example.com"},{"type":"phone","id":"b@example.com"},{"id":"c@example.com"}]}`, says: none},
		{name: "nested fields do not count", fields: `"context":{"traits":{"company":{"email":"a@example.com"}},"email":"a@example.com"}`, says: none},
		{name: "a phone number does not count", fields: `"traits":{"phone":"+31600000042"}`, says: none},
	})
}

func TestDestination_phoneNumber(t *testing.T) {
	t.Parallel()
	const none = "the event does not have a phone number"
	const national = "the phone number is in national form, which makes a broken contact: see DestinationConfig.NormalizePhone"
	const length = "the phone number does not have 7 to 15 digits"
	phone := func(name, value, identifier string) identifierCase {
		return identifierCase{
			name: name, fields: `"traits":{"phone":` + value + `}`,
			identifier: identifier, term: strings.TrimPrefix(identifier, "+"),
		}
	}
	bad := func(name, value, says string) identifierCase {
		return identifierCase{name: name, fields: `"traits":{"phone":` + value + `}`, says: says}
	}
	runIdentifiers(t, trengo.DestinationConfig{ChannelIdentifier: trengo.IdentifierPhone}, []identifierCase{
		phone("with marks before the plus", `"\u202a+31600000042\u202c"`, "+31600000042"),
		phone("with a plus in brackets", `"(+31) 6 0000 0042"`, "+31600000042"),
		bad("a number with a fraction", `3160000004.5`, none),
		bad("a negative number", `-31600000042`, none),
		bad("a number with a large exponent", `1e30`, none),
		phone("with a plus", `"+31600000042"`, "+31600000042"),
		phone("with 00", `"0031600000042"`, "+31600000042"),
		phone("with neither", `"31600000042"`, "31600000042"),
		phone("a number", `31600000042`, "31600000042"),
		phone("a number with an exponent", `3.1600000042e10`, "31600000042"),
		phone("with white space", `" +31 6 0000 0042\t"`, "+31600000042"),
		phone("with white space beyond ASCII", `"+31\u00a06\u202f0000\u20090042"`, "+31600000042"),
		phone("with hyphens, dots, slashes and brackets", `"+31-(6)0.000/0042"`, "+31600000042"),
		phone("with typographic hyphens", `"+31\u20116\u20130000\u20100042"`, "+31600000042"),
		phone("with invisible marks", `"+31\u200b600000042\u202c"`, "+31600000042"),
		phone("with (0)", `"+31 (0)6 0000 0042"`, "+31600000042"),
		phone("with 00 and (0)", `"00 31 (0) 6 00000042"`, "+31600000042"),
		phone("with 00 and (0) together", `"0031(0)600000042"`, "+31600000042"),
		phone("with 00 and spaces", `"0 0 31600000042"`, "+31600000042"),
		phone("of 7 digits", `"+1234567"`, "+1234567"),
		phone("of 15 digits", `"123456789012345"`, "123456789012345"),
		phone("of 15 digits after 00", `"00123456789012345"`, "+123456789012345"),
		{name: "in context.traits", fields: `"context":{"traits":{"phone":"+31600000042"}}`, identifier: "+31600000042", term: "31600000042"},
		{name: "in properties", fields: `"properties":{"phone":"+31600000042"}`, identifier: "+31600000042", term: "31600000042"},
		{name: "traits come first", fields: `"properties":{"phone":"+31600000043"},"context":{"traits":{"phone":"+31600000044"}},"traits":{"phone":"+31600000042"}`, identifier: "+31600000042", term: "31600000042"},
		{name: "an invalid one is skipped", fields: `"traits":{"phone":"06 00000042"},"context":{"traits":{"phone":"call me"}},"properties":{"phone":"+31600000042"}`, identifier: "+31600000042", term: "31600000042"},

		bad("in national form", `"0600000042"`, national),
		bad("in national form, with (0)", `"(0)6 0000 0042"`, national),
		bad("in national form after a plus", `"+0600000042"`, national),
		bad("in national form after 00", `"000600000042"`, national),
		bad("00 after a plus", `"+0031600000042"`, national),
		bad("a short national form", `"0123"`, national),
		bad("6 digits", `"+123456"`, length),
		bad("6 digits after 00", `"00123456"`, length),
		bad("16 digits", `"1234567890123456"`, length),
		bad("no digits", `"+"`, length),
		bad("only 00", `"00"`, length),
		bad("letters", `"+31 6 CALL ANN"`, length),
		bad("a letter after the digits", `"+31600000042x"`, length),
		bad("a plus between the digits", `"31+600000042"`, length),
		bad("two numbers", `"+31600000042,+31600000043"`, length),
		bad("digits of another script", `"+٣١٦٠٠٠٤"`, length),
		bad("null", `null`, none),
		bad("white space", `"  "`, none),
		bad("a bool", `true`, none),
		bad("an object", `{"number":"+31600000042"}`, none),
		{name: "nowhere", fields: `"traits":{"name":"Ann Lee"}`, says: none},
		{name: "an email does not count", fields: `"traits":{"email":"ann@example.com"}`, says: none},
		{name: "external ID of type phone", fields: `"context":{"externalId":[{"type":"phone","id":"+31600000042"}]}`, identifier: "+31600000042", term: "31600000042"},
		{name: "external ID that is a number", fields: `"context":{"externalId":[{"identifierType":"phone","id":31600000042}]}`, identifier: "31600000042"},
		{name: "an external ID of another type does not count", fields: `"context":{"externalId":[{"type":"email","id":"+31600000042"}]}`, says: none},
		{name: "the error is about the last invalid one", fields: `"traits":{"phone":"5"},"properties":{"phone":"0600000042"}`, says: national},
	})
}

func TestDestination_barePhones(t *testing.T) {
	t.Parallel()
	const says = "the phone number does not begin with + or 00 and may lack its country code: " +
		"see DestinationConfig.NormalizePhone and package trengophone, or DestinationConfig.BarePhones"
	for policy, cases := range map[trengo.BarePhones][]identifierCase{
		"": {
			{name: "a national number of the United States", fields: `"traits":{"phone":"(201) 555-0123"}`, says: says},
			{name: "10 digits", fields: `"traits":{"phone":"4795550123"}`, says: says},
			{name: "11 digits", fields: `"traits":{"phone":"31600000042"}`, identifier: "31600000042"},
			{name: "10 digits with +", fields: `"traits":{"phone":"+4795550123"}`, identifier: "+4795550123", term: "4795550123"},
			{name: "10 digits with 00", fields: `"traits":{"phone":"004795550123"}`, identifier: "+4795550123", term: "4795550123"},
			{name: "an external ID", fields: `"context":{"externalId":[{"type":"phone","id":"4795550123"}]}`, says: says},
			{name: "the next source counts", fields: `"traits":{"phone":"4795550123"},"properties":{"phone":"+31600000042"}`, identifier: "+31600000042", term: "31600000042"},
		},
		trengo.BarePhonesInternational: {
			{name: "10 digits, international", fields: `"traits":{"phone":"4795550123"}`, identifier: "4795550123"},
		},
		trengo.BarePhonesRefuse: {
			{name: "12 digits, rejected", fields: `"traits":{"phone":"491600000042"}`, says: says},
			{name: "12 digits with +", fields: `"traits":{"phone":"+491600000042"}`, identifier: "+491600000042", term: "491600000042"},
		},
	} {
		runIdentifiers(t, trengo.DestinationConfig{ChannelIdentifier: trengo.IdentifierPhone, BarePhones: policy}, cases)
	}
}

func TestDestination_normalizePhone(t *testing.T) {
	t.Parallel()
	const length = "the phone number does not have 7 to 15 digits"
	dutch := func(phone string) string {
		if national, ok := strings.CutPrefix(phone, "0"); ok {
			return "+31 " + national
		}
		switch phone {
		case "nothing":
			return ""
		case "in white space":
			return "\t+31600000042\n"
		}
		return phone
	}
	runIdentifiers(t, trengo.DestinationConfig{ChannelIdentifier: trengo.IdentifierPhone, NormalizePhone: dutch}, []identifierCase{
		{name: "a national form", fields: `"traits":{"phone":"06 0000 0042"}`, identifier: "+31600000042", term: "31600000042"},
		{name: "a form that it does not change", fields: `"traits":{"phone":"32 600000042"}`, identifier: "32600000042"},
		{name: "a number", fields: `"traits":{"phone":600000042}`, identifier: "600000042"},
		{name: "it returns a number in white space", fields: `"traits":{"phone":"in white space"}`, identifier: "+31600000042", term: "31600000042"},
		{name: "it returns nothing", fields: `"traits":{"phone":"nothing"}`, says: length},
		{name: "it returns nothing for the first source", fields: `"traits":{"phone":"nothing"},"properties":{"phone":"0600000042"}`, identifier: "+31600000042", term: "31600000042"},
		{name: "it returns text that is not a number", fields: `"traits":{"phone":"call me"}`, says: length},
	})
	runIdentifiers(t, trengo.DestinationConfig{NormalizePhone: func(string) string { panic("called for an email") }}, []identifierCase{
		{name: "it is not called for emails", fields: `"traits":{"email":"a@example.com","phone":"5"}`, identifier: "a@example.com"},
	})
}

type stringType string

// Events that do not come from ParseEvent may hold any type of text and number.
// Whoever sends events must not be able to keep the process busy with one.
func TestDestination_manyIdentifiers(t *testing.T) {
	t.Parallel()
	const most = 100
	var tried atomic.Int64
	d := fixtures.NewDeployment(t, fixtures.IdentifyByPhone, func(cfg *trengo.DestinationConfig) {
		cfg.NormalizePhone = func(phone string) string {
			tried.Add(1)
			return phone
		}
	})
	for at, want := range map[int]error{most: nil, most + 1: trengo.ErrMissingIdentifier} {
		tried.Store(0)
		phones := slices.Repeat([]any{"mobile"}, 3*most)
		phones[at-1] = fixtures.AnnPhone
		_, err := d.Process(&trengo.Event{Type: "identify", Traits: map[string]any{"phone": phones}})
		if !errors.Is(err, want) || tried.Load() != most {
			t.Errorf("a number behind %d that are not usable: %d were tried, error %v", at-1, tried.Load(), err)
		}
	}
}

func TestDestination_identifierTypes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		phone any
		want  string
	}{
		"int":           {31600000042, "31600000042"},
		"int32":         {int32(1600000042), "1600000042"},
		"uint64":        {uint64(31600000042), "31600000042"},
		"float64":       {31600000042.0, "31600000042"},
		"large float64": {123456789012345.0, "123456789012345"},
		"float32":       {float32(16777216), "16777216"},
		"a named type":  {stringType(" +31600000042 "), "+31600000042"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			destination := fixtures.New(t).NewWarmDestination(trengo.DestinationConfig{ChannelIdentifier: trengo.IdentifierPhone, BarePhones: trengo.BarePhonesInternational})
			ev := &trengo.Event{Type: "identify", Properties: map[string]any{"phone": tt.phone}}
			plan, err := destination.Plan(t.Context(), ev)
			if err != nil || len(plan.Writes) != 1 {
				t.Fatalf("%+v with %v", plan, err)
			}
			if diff := cmp.Diff([]string{fixtures.CreateLine(fixtures.PhoneChannel, tt.want, "")}, fixtures.PlannedLines(plan)); diff != "" {
				t.Errorf("write (-want +got):\n%s", diff)
			}
		})
	}
	for name, phone := range map[string]any{
		"bytes": []byte("+31600000042"), "nil pointer": (*string)(nil), "struct": struct{}{}, "function": func() {}, "NaN": math.NaN(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			destination := fixtures.New(t).NewWarmDestination(trengo.DestinationConfig{ChannelIdentifier: trengo.IdentifierPhone})
			ev := &trengo.Event{Type: "identify", Traits: map[string]any{"phone": phone}}
			if _, err := destination.Plan(t.Context(), ev); !errors.Is(err, trengo.ErrMissingIdentifier) {
				t.Errorf("error is %v, want ErrMissingIdentifier", err)
			}
		})
	}
}

func TestDestination_name(t *testing.T) {
	t.Parallel()
	const email = `"email":"a@example.com"`
	traits := func(fields string) string { return `"traits":{` + email + `,` + fields + `}` }
	both := func(fields, inContext string) string {
		return traits(fields) + `,"context":{"traits":{` + inContext + `}}`
	}
	for _, tt := range []struct{ name, fields, want string }{
		{"a name", traits(`"name":"Ann Lee"`), "Ann Lee"},
		{"a name in context.traits", `"context":{"traits":{` + email + `,"name":"Ann Lee"}}`, "Ann Lee"},
		{"a name in white space", traits(`"name":" Ann  Lee\n"`), "Ann  Lee"},
		{"a name with HTML characters", traits(`"name":"Ann <b> & 'Lee'"`), "Ann <b> & 'Lee'"},
		{"a name before its parts", traits(`"name":"Ann Lee","firstName":"X","lastName":"Y"`), "Ann Lee"},
		{"only a first name", traits(`"firstName":"Ann"`), "Ann"},
		{"only a last name", traits(`"lastName":"Lee"`), "Lee"},
		{"both parts", traits(`"firstName":" Ann ","lastName":" Lee "`), "Ann Lee"},
		{"both parts in lower case", traits(`"firstname":"Ann","lastname":"Lee"`), "Ann Lee"},
		{"both parts with underscores", traits(`"first_name":"Ann","last_name":"Lee"`), "Ann Lee"},
		{"all spellings of the first name", traits(`"first_name":"3","firstname":"2","firstName":"1"`), "1"},
		{"two spellings of the first name", traits(`"first_name":"3","firstname":"2"`), "2"},
		{"all spellings of the last name", traits(`"last_name":"3","lastname":"2","lastName":"1"`), "1"},
		{"two spellings of the last name", traits(`"last_name":"3","lastname":"2"`), "2"},
		{"a spelling of spaces is skipped", traits(`"firstName":" ","first_name":"Ann"`), "Ann"},
		{"traits before context.traits", both(`"name":"Ann"`, `"name":"Bob"`), "Ann"},
		{"parts from both places", both(`"firstName":"Ann"`, `"firstName":"Bob","lastName":"Lee"`), "Ann Lee"},
		{"any spelling in traits before context.traits", both(`"first_name":"Ann"`, `"firstName":"Bob"`), "Ann"},
		{"a name in context.traits before parts in traits", both(`"firstName":"Ann","lastName":"Lee"`, `"name":"A. Lee"`), "A. Lee"},
		{"a name of spaces is skipped", both(`"name":" ","firstName":"Ann"`, `"name":""`), "Ann"},
		{"a name that is null is skipped", traits(`"name":null,"lastName":"Lee"`), "Lee"},
		{"a name that is an object is skipped", both(`"name":{"first":"X"}`, `"name":"Ann Lee"`), "Ann Lee"},
		{"a name that is an array is skipped", traits(`"name":["X"],"firstName":"Ann"`), "Ann"},
		{"a name that is a bool is skipped", traits(`"name":true,"firstName":false,"lastName":"Lee"`), "Lee"},
		{"a name that is a number", traits(`"name":42`), "42"},
		{"parts that are numbers", traits(`"firstName":1e3,"lastName":9007199254740993`), "1000 9007199254740993"},
		{"nothing", traits(`"company":"Example"`), ""},
		{"only white space", traits(`"name":"","firstName":" ","lastName":"\t"`), ""},
		{"a name in properties", traits(`"a":1`) + `,"properties":{"name":"Desk lamp","firstName":"Desk"}`, ""},
		{"the name of a company", traits(`"company":{"name":"Example"}`), ""},
		{"a user ID", traits(`"a":1`) + `,"userId":"Ann Lee"`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := fixtures.New(t)
			if _, err := f.NewWarmDestination(trengo.DestinationConfig{AllowDuplicates: true}).Process(t.Context(), fixtures.ParseEvent(t, fixtures.IdentifyJSON(tt.fields))); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{fixtures.CreateLine(fixtures.EmailChannel, "a@example.com", tt.want)}, f.RequestLines()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}
