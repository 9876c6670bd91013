package trengo_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
)

const configSecret = "eyJhbGciOi.secret.token"

func TestDestinationConfig_UnmarshalJSON(t *testing.T) {
	t.Parallel()
	channel := func(id int64) trengo.DestinationConfig {
		return trengo.DestinationConfig{ChannelID: id, EventTemplates: map[string]string{}}
	}
	identifier := func(kind trengo.ChannelIdentifier) trengo.DestinationConfig {
		return trengo.DestinationConfig{ChannelIdentifier: kind, EventTemplates: map[string]string{}}
	}
	allow := func(duplicates bool) trengo.DestinationConfig {
		return trengo.DestinationConfig{AllowDuplicates: duplicates, EventTemplates: map[string]string{}}
	}
	templates := func(namesAndTemplates ...string) trengo.DestinationConfig {
		cfg := trengo.DestinationConfig{EventTemplates: map[string]string{}}
		for i := 0; i < len(namesAndTemplates); i += 2 {
			cfg.EventTemplates[namesAndTemplates[i]] = namesAndTemplates[i+1]
		}
		return cfg
	}
	tests := []struct {
		name, config string
		want         trengo.DestinationConfig
	}{
		{
			"all that RudderStack sends", `{
				"apiToken": "` + configSecret + `", "channelId": "405980", "channelIdentifier": "phone", "enableDedup": false,
				"eventTemplateMap": [{"from": "Product Purchased", "to": "{{event}} Triggered"}, {"from": "Checked Out", "to": ""}],
				"connectionMode": {"web": "cloud"}, "consentManagement": {"web": [{"provider": "oneTrust", "consents": []}]},
				"oneTrustCookieCategories": {"web": []}, "ketchConsentPurposes": {"web": [{"purpose": ""}]}
			}`,
			trengo.DestinationConfig{
				ChannelID: 405980, ChannelIdentifier: trengo.IdentifierPhone, AllowDuplicates: true,
				EventTemplates: map[string]string{"Product Purchased": "{{event}} Triggered", "Checked Out": ""},
			},
		},
		{"nothing", `{}`, templates()},
		{"unknown keys", `{"timeout": 5, "CreateMissingContacts": true, "eventTemplates": {"a": "b"}, "version": null}`, templates()},

		{"a channel as text", `{"channelId": "405980"}`, channel(405980)},
		{"a channel as a number", `{"channelId": 405980}`, channel(405980)},
		{"a channel in white space", `{"channelId": " 405980\n"}`, channel(405980)},
		{"a channel with a decimal point and zero", `{"channelId": 405980.0}`, channel(405980)},
		{"a channel of 64 bits", `{"channelId": 9007199254740993}`, channel(9007199254740993)},
		{"a channel that is null", `{"channelId": null}`, channel(0)},
		{"an empty channel", `{"channelId": ""}`, channel(0)},
		{"a channel of spaces", `{"channelId": "  "}`, channel(0)},

		{"email", `{"channelIdentifier": "email"}`, identifier(trengo.IdentifierEmail)},
		{"phone", `{"channelIdentifier": "phone"}`, identifier(trengo.IdentifierPhone)},
		{"email in a different case", `{"channelIdentifier": "Email"}`, identifier(trengo.IdentifierEmail)},
		{"phone in capitals and spaces", `{"channelIdentifier": " PHONE "}`, identifier(trengo.IdentifierPhone)},
		{"an identifier that is null", `{"channelIdentifier": null}`, identifier("")},
		{"an empty identifier", `{"channelIdentifier": ""}`, identifier("")},
		{"an unknown identifier", `{"channelIdentifier": "fax"}`, identifier("fax")},

		{"deduplication", `{"enableDedup": true}`, allow(false)},
		{"no deduplication", `{"enableDedup": false}`, allow(true)},
		{"deduplication as text", `{"enableDedup": "true"}`, allow(false)},
		{"no deduplication as text", `{"enableDedup": "false"}`, allow(true)},
		{"deduplication in a different case", `{"enableDedup": " True "}`, allow(false)},
		{"no deduplication in a different case", `{"enableDedup": "FALSE"}`, allow(true)},
		{"deduplication as 1", `{"enableDedup": 1}`, allow(false)},
		{"no deduplication as 0", `{"enableDedup": "0"}`, allow(true)},
		{"deduplication that is null", `{"enableDedup": null}`, allow(false)},
		{"empty deduplication", `{"enableDedup": ""}`, allow(false)},

		{"templates", `{"eventTemplateMap": [{"from": "A", "to": "a {{ x }}"}, {"from": "B", "to": "b"}]}`, templates("A", "a {{ x }}", "B", "b")},
		{"templates that are null", `{"eventTemplateMap": null}`, templates()},
		{"no templates", `{"eventTemplateMap": []}`, templates()},
		{"names keep their spaces and case", `{"eventTemplateMap": [{"from": " Ev ", "to": " a "}, {"from": "ev", "to": "b"}]}`, templates(" Ev ", " a ", "ev", "b")},
		{"the last of a name wins", `{"eventTemplateMap": [{"from": "A", "to": "1"}, {"from": "B", "to": "2"}, {"from": "A", "to": "3"}]}`, templates("A", "3", "B", "2")},
		{"the last of a name wins without a template", `{"eventTemplateMap": [{"from": "A", "to": "1"}, {"from": "A"}]}`, templates("A", "")},
		{"a template that is missing, null or not text", `{"eventTemplateMap": [{"from": "A"}, {"from": "B", "to": null}, {"from": "C", "to": 5}, {"from": "D", "to": ["x"]}]}`, templates("A", "", "B", "", "C", "", "D", "")},
		{"a name that is a number", `{"eventTemplateMap": [{"from": 404, "to": "x"}, {"from": 5.0, "to": "y"}]}`, templates("404", "x", "5", "y")},
		{"values that are not names", `{"eventTemplateMap": [{"from": "", "to": "x"}, {"from": " \t", "to": "x"}, {"from": null, "to": "x"}, {"to": "x"}, {"from": true, "to": "x"}, {"from": {}, "to": "x"}, {"from": ["A"], "to": "x"}]}`, templates()},
		{"entries that are not objects", `{"eventTemplateMap": [null, 5, "A", true, [{"from": "A"}], {}, {"from": "B", "to": "b"}]}`, templates("B", "b")},
		{"entries with more fields", `{"eventTemplateMap": [{"from": "A", "to": "a", "id": 7}]}`, templates("A", "a")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got trengo.DestinationConfig
			if err := json.Unmarshal([]byte(tt.config), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("config (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDestinationConfig_UnmarshalJSON_invalid(t *testing.T) {
	t.Parallel()
	const (
		unreadable  = "trengo: invalid config: "
		channel     = "channelId: not an ID"
		identifier  = "channelIdentifier: not a text"
		dedup       = "enableDedup: neither true nor false"
		templateMap = "eventTemplateMap: not a list"
	)
	tests := []struct{ name, fields, says string }{
		{"a channel with a letter", `"channelId": "89X02"`, unreadable + channel},
		{"a channel with a fraction", `"channelId": 1.5`, unreadable + channel},
		{"a channel of zero", `"channelId": 0`, unreadable + channel},
		{"a negative channel", `"channelId": "-5"`, unreadable + channel},
		{"a channel with a plus", `"channelId": "+405980"`, unreadable + channel},
		{"a channel that is a bool", `"channelId": true`, unreadable + channel},
		{"a channel that is an array", `"channelId": [405980]`, unreadable + channel},
		{"a channel that is an object", `"channelId": {}`, unreadable + channel},
		{"a channel beyond 64 bits", `"channelId": 99999999999999999999`, unreadable + channel},
		{"an identifier that is a number", `"channelIdentifier": 5`, unreadable + identifier},
		{"an identifier that is an array", `"channelIdentifier": ["email"]`, unreadable + identifier},
		{"deduplication that is a word", `"enableDedup": "yes"`, unreadable + dedup},
		{"deduplication that is a number", `"enableDedup": 2`, unreadable + dedup},
		{"deduplication that is an object", `"enableDedup": {}`, unreadable + dedup},
		{"templates that are an object", `"eventTemplateMap": {"A": "a"}`, unreadable + templateMap},
		{"templates that are text", `"eventTemplateMap": "A"`, unreadable + templateMap},
		{
			"all of them", `"eventTemplateMap": 5, "enableDedup": "yes", "channelIdentifier": true, "channelId": "89X02"`,
			unreadable + strings.Join([]string{channel, identifier, dedup, templateMap}, "\n"),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var cfg trengo.DestinationConfig
			err := json.Unmarshal([]byte(`{"apiToken": "`+configSecret+`", `+tt.fields+`}`), &cfg)
			if diff := cmp.Diff(tt.says, testkit.ErrorText(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
	for _, config := range []string{"[]", `"x"`, "5", "true"} {
		t.Run("a config that is "+config, func(t *testing.T) {
			t.Parallel()
			err := json.Unmarshal([]byte(config), new(trengo.DestinationConfig))
			if diff := cmp.Diff("trengo: the config is not a JSON object", testkit.ErrorText(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

// Options that RudderStack does not have keep the value that they were given in Go.
func TestDestinationConfig_UnmarshalJSON_keepsOtherOptions(t *testing.T) {
	t.Parallel()
	cfg := trengo.DestinationConfig{
		ChannelID: 1, ChannelIdentifier: trengo.IdentifierPhone, AllowDuplicates: true, EventTemplates: map[string]string{"Old": ""},
		CreateMissingContacts: true, NormalizePhone: strings.TrimSpace,
	}
	if err := json.Unmarshal([]byte(`{"channelId":2,"eventTemplateMap":[{"from":"New"}]}`), &cfg); err != nil {
		t.Fatal(err)
	}
	if !cfg.CreateMissingContacts || cfg.NormalizePhone == nil {
		t.Errorf("%+v, want the other options unchanged", cfg)
	}
	cfg.NormalizePhone = nil
	want := trengo.DestinationConfig{ChannelID: 2, CreateMissingContacts: true, EventTemplates: map[string]string{"New": ""}}
	if diff := cmp.Diff(want, cfg); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestNewDestination_mistakes(t *testing.T) {
	t.Parallel()
	const (
		noChannel    = "the channel ID is missing or not positive"
		noClient     = "the client is nil, or was not made by NewClient"
		noIdentifier = "the channel identifier is neither email nor phone"
		noTrust      = "TrustOverrides is neither none, channel, contact nor both"
		vainChannels = "AllowedChannels is set, but TrustOverrides does not trust channels"
		badChannels  = "AllowedChannels has an ID that is not positive"
		unclosed     = "the template of \"A \\\"1\\\"\": tag `{{ event` is not closed"
		block        = "the template of \"B\": tag `{{#if x}}` is not supported: only {{ path }} and {{ path || default }} are"
	)
	client := fixtures.NewClient(t, testkit.Respond(404, ""))
	invalid := map[string]string{"B": "a {{#if x}} b {{/if}}", "fine": "{{ event }}", `A "1"`: "{{ event", "space": " "}
	tests := []struct {
		name   string
		client *trengo.Client
		cfg    trengo.DestinationConfig
		says   []string
	}{
		{"no client", nil, trengo.DestinationConfig{ChannelID: 1}, []string{noClient}},
		{"no channel", client, trengo.DestinationConfig{}, []string{noChannel}},
		{"a negative channel", client, trengo.DestinationConfig{ChannelID: -1}, []string{noChannel}},
		{"an unknown identifier", client, trengo.DestinationConfig{ChannelID: 1, ChannelIdentifier: "fax"}, []string{noIdentifier}},
		{"an identifier in a different case", client, trengo.DestinationConfig{ChannelID: 1, ChannelIdentifier: "Email"}, []string{noIdentifier}},
		{"two invalid templates, sorted by event", client, trengo.DestinationConfig{ChannelID: 1, EventTemplates: invalid}, []string{unclosed, block}},
		{"no channel and invalid templates", client, trengo.DestinationConfig{EventTemplates: invalid}, []string{noChannel, unclosed, block}},
		{"no client, no channel and invalid templates", nil, trengo.DestinationConfig{EventTemplates: invalid}, []string{noClient, noChannel, unclosed, block}},
		{"an unknown trust", client, trengo.DestinationConfig{ChannelID: 1, TrustOverrides: "all"}, []string{noTrust}},
		{"allowed channels without trust", client, trengo.DestinationConfig{ChannelID: 1, TrustOverrides: trengo.TrustOverridesNone, AllowedChannels: []int64{5}}, []string{vainChannels}},
		{"allowed channels with trust in contacts", client, trengo.DestinationConfig{ChannelID: 1, TrustOverrides: trengo.TrustOverridesContact, AllowedChannels: []int64{5}}, []string{vainChannels}},
		{"an allowed channel that is not an ID", client, trengo.DestinationConfig{ChannelID: 1, AllowedChannels: []int64{5, 0}}, []string{badChannels}},
		{"empty keys", client, trengo.DestinationConfig{ChannelID: 1, EmailKeys: []string{"email", " "}, LastNameKeys: []string{""}}, []string{"EmailKeys has an empty key", "LastNameKeys has an empty key"}},
		{"all of them", nil, trengo.DestinationConfig{ChannelIdentifier: "fax", EventTemplates: invalid}, []string{noClient, noChannel, noIdentifier, unclosed, block}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			destination, err := trengo.NewDestination(tt.client, tt.cfg)
			if diff := cmp.Diff("trengo: invalid destination: "+strings.Join(tt.says, "\n"), testkit.ErrorText(err)); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if destination != nil {
				t.Error("a destination with an error")
			}
		})
	}
}

func TestNewDestination_sendsNothing(t *testing.T) {
	t.Parallel()
	f := fixtures.New(t)
	for _, cfg := range []trengo.DestinationConfig{
		{ChannelID: 1},
		{ChannelID: 1, EventTemplates: map[string]string{"Ev": "{{ event }}"}},
		// Tickets on a phone channel have no subject, so the template is not parsed.
		{ChannelID: 1, ChannelIdentifier: trengo.IdentifierPhone, EventTemplates: map[string]string{"Ev": "{{ event"}},
	} {
		if _, err := trengo.NewDestination(f.NewClient(), cfg); err != nil {
			t.Error(err)
		}
	}
	if lines := f.RequestLines(); lines != nil {
		t.Errorf("requests %q", lines)
	}
}

// A destination neither changes its configuration nor notices later changes.
func TestNewDestination_copiesItsConfig(t *testing.T) {
	t.Parallel()
	templates := map[string]string{"Ev": "before", "Removed": "before"}
	emails, channels := []string{"email"}, []int64{7}
	cfg := trengo.DestinationConfig{ChannelID: fixtures.EmailChannel, EventTemplates: templates, EmailKeys: emails, AllowedChannels: channels}
	given := cfg
	given.EventTemplates, given.EmailKeys, given.AllowedChannels = maps.Clone(templates), slices.Clone(emails), slices.Clone(channels)
	f := fixtures.New(t, fixtures.EmailContact(11, "Ann", "ann@example.com"))
	destination, err := trengo.NewDestination(f.NewClient(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(given, cfg); diff != "" {
		t.Errorf("the config was changed (-want +got):\n%s", diff)
	}
	cfg.ChannelID, cfg.ChannelIdentifier, cfg.AllowDuplicates = fixtures.OtherEmailChannel, trengo.IdentifierPhone, true
	templates["Ev"], templates["Added"] = "after", "after"
	delete(templates, "Removed")
	emails[0], channels[0] = "mail", fixtures.OtherEmailChannel
	onOther := fixtures.OnChannel(fixtures.Identify("m-1", "ann@example.com", "Ann"), fixtures.OtherEmailChannel)
	if _, err := destination.Plan(t.Context(), onOther); !errors.Is(err, trengo.ErrInvalidEvent) {
		t.Errorf("a channel that is not allowed: error is %v, want ErrInvalidEvent", err)
	}
	for event, want := range map[string][]string{
		"Ev":      {fixtures.TicketLine(11, fixtures.EmailChannel, "before")},
		"Removed": {fixtures.TicketLine(11, fixtures.EmailChannel, "before")},
		"Added":   nil,
	} {
		plan, err := destination.Plan(t.Context(), fixtures.ParseEvent(t, `{"type":"track","event":"`+event+`","traits":{"email":"ann@example.com"}}`))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, fixtures.PlannedLines(plan)); diff != "" {
			t.Errorf("writes of %s (-want +got):\n%s", event, diff)
		}
	}
}

// No error shows the API token, which RudderStack keeps in the same object.
func TestDestinationConfig_errorsShowNoToken(t *testing.T) {
	t.Parallel()
	for _, config := range []string{
		`{"apiToken": "` + configSecret + `", "channelId": "` + configSecret + `"}`,
		`{"apiToken": "` + configSecret + `", "channelIdentifier": "` + configSecret + `", "enableDedup": "` + configSecret + `"}`,
		`{"apiToken": "` + configSecret + `", "channelId": 5, "channelIdentifier": "` + configSecret + `"}`,
		`{"apiToken": "` + configSecret + `", "channelId": 5, "eventTemplateMap": [{"from": "Ev", "to": "{{ event"}]}`,
		`{"apiToken": "` + configSecret + `", "eventTemplateMap": "` + configSecret + `"}`,
		`{"apiToken": "` + configSecret + `"}`,
		`["` + configSecret + `"]`,
	} {
		var cfg trengo.DestinationConfig
		err := json.Unmarshal([]byte(config), &cfg)
		if err == nil {
			_, err = trengo.NewDestination(nil, cfg)
		}
		if err == nil || strings.Contains(err.Error(), configSecret) {
			t.Errorf("error is %v for %s", err, config)
		}
	}
}

// Names in a config that hardly any event has are worth a line in the log.
func TestNewDestination_warnings(t *testing.T) {
	t.Parallel()
	around := func(event string) string {
		return fmt.Sprintf("level=WARN msg=\"trengo event name with spaces around it\" event=%q\n", event)
	}
	same := func(event, other string) string {
		return fmt.Sprintf("level=WARN msg=\"trengo event names that look the same\" event=%q other=%q\n", event, other)
	}
	for name, tt := range map[string]struct {
		events []string
		want   string
	}{
		"names that differ":            {[]string{"Order Completed", "Order Cancelled", "order_completed", ""}, ""},
		"a space after a name":         {[]string{"Order Completed ", "Other"}, around("Order Completed ")},
		"a space before a name":        {[]string{"\u00a0Order Completed"}, around("\u00a0Order Completed")},
		"an invisible character":       {[]string{"Order Completed\u200b"}, around("Order Completed\u200b")},
		"another case":                 {[]string{"Order completed", "Order Completed"}, same("Order completed", "Order Completed")},
		"with and without a space":     {[]string{"Order Completed", "Order Completed\t"}, around("Order Completed\t") + same("Order Completed\t", "Order Completed")},
		"three of them":                {[]string{"A B", "a B", "a b"}, same("a B", "A B") + same("a b", "a B")},
		"a name that contains another": {[]string{"Order", "Order Completed"}, ""},
		"another case beyond ASCII":    {[]string{"\u00dcber uns", "\u00fcber uns"}, same("\u00fcber uns", "\u00dcber uns")},
		"no events":                    {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{
				ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
					if a.Key == slog.TimeKey {
						return slog.Attr{}
					}
					return a
				},
			}))
			cfg := trengo.DestinationConfig{ChannelID: 1, EventTemplates: map[string]string{}}
			for _, event := range tt.events {
				cfg.EventTemplates[event] = ""
			}
			client := fixtures.NewClient(t, testkit.Respond(404, ""), trengo.WithLogger(logger))
			destination, err := trengo.NewDestination(client, cfg)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, log.String()); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
			log.Reset()
			// The events themselves are nobody's business in a log.
			for _, event := range []string{"order completed", " ORDER COMPLETED", "Secret"} {
				if _, err := destination.Process(t.Context(), &trengo.Event{Type: "track", Event: event}); err != nil {
					t.Error(err)
				}
			}
			if log.Len() > 0 {
				t.Errorf("log of events: %s", &log)
			}
		})
	}
}
