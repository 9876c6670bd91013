package trengo_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
)

// RudderStack's API, events and command line surround a config with other things.
func TestDestinationConfig_UnmarshalJSON_wrapped(t *testing.T) {
	t.Parallel()
	const config = `{"apiToken":"` + configSecret + `","channelId":"405980","channelIdentifier":"phone","enableDedup":false,"eventTemplateMap":[{"from":"Ev","to":"x"}]}`
	const snake = `{"api_token":"` + configSecret + `","channel_id":"405980","channel_identifier":"phone","enable_dedup":false,"event_template_map":[{"from":"Ev","to":"x"}]}`
	want := trengo.DestinationConfig{
		ChannelID: 405980, ChannelIdentifier: trengo.IdentifierPhone, AllowDuplicates: true, EventTemplates: map[string]string{"Ev": "x"},
	}
	for name, data := range map[string]string{
		"as it is":            config,
		"Config":              `{"Config":` + config + `}`,
		"config":              `{"config":` + config + `}`,
		"a destination":       `{"destination":{"config":` + config + `}}`,
		"a destination event": `{"message":{"type":"track"},"destination":{"ID":"1","Config":` + config + `},"metadata":{"jobId":1}}`,
		"a whole destination": `{"ID":"1","Name":"Trengo","DestinationDefinition":{"Name":"TRENGO","Config":{"channelId":7,"cdkV2Enabled":true}},"Config":` + config + `,"Enabled":true,"Transformations":[]}`,
		"the token beside it": `{"apiToken":"` + configSecret + `","config":` + config + `}`,
		"two of them":         `{"Config":{},"config":` + config + `}`,
		"one that is null":    `{"Config":null,"destination":{"config":` + config + `}}`,
		"a resource file":     `{"version":"rudder/v1","kind":"event-stream-destination","metadata":{"name":"x"},"spec":{"id":"x","type":"trengo","config":` + snake + `}}`,

		"with underscores":              snake,
		"with underscores in Config":    `{"Config":` + snake + `}`,
		"in capitals":                   `{"CHANNEL_ID":405980,"CHANNEL_IDENTIFIER":"phone","ENABLE_DEDUP":"false","EVENT_TEMPLATE_MAP":[{"from":"Ev","to":"x"}]}`,
		"in another case":               `{"ChannelID":405980,"channelidentifier":"phone","EnableDedup":false,"eventTemplatemap":[{"from":"Ev","to":"x"}]}`,
		"with hyphens":                  `{"channel-id":405980,"channel-identifier":"phone","enable-dedup":false,"event-template-map":[{"from":"Ev","to":"x"}]}`,
		"aliases that contradict":       `{"channel_id":7,"channelid":7,` + config[1:len(config)-1] + `,"ChannelID":8,"channel_identifier":"email","enable_dedup":true,"event_template_map":[]}`,
		"null beside an alias":          `{"channelId":null,` + snake[1:],
		"a wrapper beside the keys":     config[:len(config)-1] + `,"config":{"channelId":7},"destination":{"channelId":8}}`,
		"the last of a key counts":      `{"channelId":7,` + config[1:],
		"escapes in keys and a wrapper": `{"\u0063onfig":{"channel\u0049d":405980,` + config[1:] + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got trengo.DestinationConfig
			if err := json.Unmarshal([]byte(data), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("config (-want +got):\n%s", diff)
			}
		})
	}
	for name, data := range map[string]string{
		"a wrapper of something else":  `{"settings":` + config + `}`,
		"too many wrappers":            `{"config":{"config":{"config":{"config":` + config + `}}}}`,
		"wrappers that hold no object": `{"config":[` + config + `],"destination":"x","Config":5}`,
		"null":                         `null`,
	} {
		t.Run("not found: "+name, func(t *testing.T) {
			t.Parallel()
			got := trengo.DestinationConfig{ChannelID: 1}
			if err := json.Unmarshal([]byte(data), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(trengo.DestinationConfig{EventTemplates: map[string]string{}}, got); diff != "" {
				t.Errorf("config (-want +got):\n%s", diff)
			}
		})
	}
}

// RudderStack replaces some values before its own destination sees them.
func TestDestinationConfig_UnmarshalJSON_dynamic(t *testing.T) {
	t.Parallel()
	const (
		dynamic = "a dynamic value, {{ path || default }}, which only RudderStack can resolve"
		env     = "an environment variable, env.NAME, which only RudderStack can resolve"
	)
	for config, want := range map[string]string{
		`{"channelId":"{{ event.properties.channel || 405980 }}"}`:        "channelId: " + dynamic,
		`{"channelId":" {{traits.channel||\"405980\"}} "}`:                "channelId: " + dynamic,
		`{"channelId":"{{ channel }}"}`:                                   "channelId: " + dynamic,
		`{"channel_id":"{{ a || 1 }}"}`:                                   "channelId: " + dynamic,
		`{"Config":{"channelId":"{{ a || 1 }}"}}`:                         "channelId: " + dynamic,
		`{"channelId":"env.TRENGO_CHANNEL"}`:                              "channelId: " + env,
		`{"channelId":1,"channelIdentifier":"{{ a || email }}"}`:          "channelIdentifier: " + dynamic,
		`{"channelId":1,"channelIdentifier":"env.KIND"}`:                  "channelIdentifier: " + env,
		`{"channelId":1,"enableDedup":"{{ a || true }}"}`:                 "enableDedup: " + dynamic,
		`{"channelId":1,"enableDedup":"env.DEDUP"}`:                       "enableDedup: " + env,
		`{"channelId":"{{ a || 1 }}","channelIdentifier":"{{ a || b }}"}`: "channelId: " + dynamic + "\nchannelIdentifier: " + dynamic,
		`{"channelId":"the {{ channel }}"}`:                               "channelId: not an ID",
	} {
		err := json.Unmarshal([]byte(config), new(trengo.DestinationConfig))
		if diff := cmp.Diff("trengo: invalid config: "+want, testkit.ErrorText(err)); diff != "" {
			t.Errorf("error for %s (-want +got):\n%s", config, diff)
		}
	}
}

func TestDestinationConfig_UnmarshalJSON_notCalledByJSON(t *testing.T) {
	t.Parallel()
	for _, data := range []string{"", "{", `{"channelId":1}x`, "x"} {
		if err := new(trengo.DestinationConfig).UnmarshalJSON([]byte(data)); testkit.ErrorText(err) != "trengo: the config is not a JSON object" {
			t.Errorf("%q: error %v", data, err)
		}
	}
}
