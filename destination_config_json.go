package trengo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/trengo-go/trengo/internal/identity"
	"github.com/trengo-go/trengo/internal/rawjson"
)

// A wireConfig is the config of a RudderStack destination as it is sent: the
// values that are not null, by configKeys.
type wireConfig map[string]json.RawMessage

// The keys that are read.
const (
	keyChannelID         = "channelId"
	keyChannelIdentifier = "channelIdentifier"
	keyEnableDedup       = "enableDedup"
	keyEventTemplateMap  = "eventTemplateMap"
)

var configKeys = [...]string{keyChannelID, keyChannelIdentifier, keyEnableDedup, keyEventTemplateMap}

// configWrappers are the keys under which RudderStack's events, API and command
// line have the config, or an object with it.
var configWrappers = [...]string{"config", "destination", "spec"}

// maxConfigDepth is how many objects may surround a config.
const maxConfigDepth = 3

// findWireConfig returns the config in an object: the object itself if it has
// one of the keys, or else the first one in it. It is empty if there is none.
func findWireConfig(object json.RawMessage, depth int) wireConfig {
	wire := readWireConfig(object)
	if len(wire) > 0 || depth == 0 {
		return wire
	}
	for _, wrapper := range configWrappers {
		for key, value := range rawjson.Members(object) {
			if !identity.SameKey(key, wrapper) {
				continue
			}
			if inner := findWireConfig(value, depth-1); len(inner) > 0 {
				return inner
			}
		}
	}
	return wire
}

// readWireConfig reads the keys of an object. Other spellings, such as the
// channel_id of RudderStack's command line, count if the exact one is missing.
func readWireConfig(object json.RawMessage) wireConfig {
	exact, aliases := wireConfig{}, wireConfig{}
	for key, value := range rawjson.Members(object) {
		for _, want := range configKeys {
			switch {
			case isNull(value):
			case key == want:
				exact[want] = value
			case identity.SameKey(key, want):
				aliases[want] = value
			}
		}
	}
	maps.Copy(aliases, exact)
	return aliases
}

// UnmarshalJSON reads the config of a RudderStack destination. RudderStack's API,
// events and command line have it in a larger object, as config or
// destination.config, and some spell its keys like channel_id: both are accepted,
// and the exact spelling counts before others. Options that RudderStack does not
// have keep their values. The error names every value that cannot be read.
// [NewDestination] reports what is missing or contradictory.
func (cfg *DestinationConfig) UnmarshalJSON(data []byte) error { return readRudderConfig(data, cfg) }

// readRudderConfig sets what RudderStack's config says.
func readRudderConfig(data []byte, cfg *DestinationConfig) error {
	if !json.Valid(data) || !isNull(data) && !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		return withPrefix(safeText("the config is not a JSON object"))
	}
	wire := findWireConfig(data, maxConfigDepth)
	var mistakes []error
	report := func(key string, err error) {
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %w", key, err))
		}
	}
	var err error
	cfg.ChannelID, err = readChannelID(wire[keyChannelID])
	report(keyChannelID, err)
	cfg.ChannelIdentifier, err = readChannelIdentifier(wire[keyChannelIdentifier])
	report(keyChannelIdentifier, err)
	cfg.AllowDuplicates, err = readAllowDuplicates(wire[keyEnableDedup])
	report(keyEnableDedup, err)
	cfg.EventTemplates, err = readEventTemplates(wire[keyEventTemplateMap])
	report(keyEventTemplateMap, err)
	if len(mistakes) > 0 {
		return &opError{op: "invalid config", err: errors.Join(mistakes...)}
	}
	return nil
}

// checkStatic refuses a value that only RudderStack can resolve: per event, or
// from its server's environment.
func checkStatic(value string) error {
	value = strings.TrimSpace(value)
	switch {
	case strings.HasPrefix(value, "{{"):
		return errors.New("a dynamic value, {{ path || default }}, which only RudderStack can resolve")
	case strings.HasPrefix(value, "env."):
		return errors.New("an environment variable, env.NAME, which only RudderStack can resolve")
	}
	return nil
}

func readChannelID(data json.RawMessage) (int64, error) {
	var value looseText
	if isNull(data) {
		return 0, nil
	}
	if err := json.Unmarshal(data, &value); err != nil {
		return 0, err
	}
	digits := strings.TrimSpace(string(value))
	if digits == "" && data[0] == '"' {
		return 0, nil
	}
	if err := checkStatic(digits); err != nil {
		return 0, err
	}
	id, ok := parseID(digits)
	if !ok {
		return 0, errors.New("not an ID")
	}
	return id, nil
}

func readChannelIdentifier(data json.RawMessage) (ChannelIdentifier, error) {
	var value string
	if err := json.Unmarshal(orJSONNull(data), &value); err != nil {
		return "", errors.New("not a text")
	}
	if err := checkStatic(value); err != nil {
		return "", err
	}
	return ChannelIdentifier(strings.ToLower(strings.TrimSpace(value))), nil
}

func readAllowDuplicates(data json.RawMessage) (bool, error) {
	value := strings.Trim(string(data), `" `)
	if err := checkStatic(value); err != nil {
		return false, err
	}
	switch strings.ToLower(value) {
	case "", "null", "true", "1":
		return false, nil
	case "false", "0":
		return true, nil
	}
	return false, errors.New("neither true nor false")
}

func readEventTemplates(data json.RawMessage) (map[string]string, error) {
	var rows []json.RawMessage
	if err := json.Unmarshal(orJSONNull(data), &rows); err != nil {
		return nil, errors.New("not a list")
	}
	templates := make(map[string]string, len(rows))
	for _, row := range rows {
		var entry struct {
			From looseText       `json:"from"`
			To   json.RawMessage `json:"to"`
		}
		if err := json.Unmarshal(row, &entry); err != nil || strings.TrimSpace(string(entry.From)) == "" {
			continue
		}
		var template string
		// Anything but text is not a template; the event is listed all the same.
		_ = json.Unmarshal(orJSONNull(entry.To), &template)
		templates[string(entry.From)] = template
	}
	return templates, nil
}

func isNull(data json.RawMessage) bool { return len(data) == 0 || string(data) == "null" }

func orJSONNull(data json.RawMessage) json.RawMessage {
	if len(data) == 0 {
		return json.RawMessage("null")
	}
	return data
}

// looseText is a string, or a number read as its digits; anything else is
// empty.
type looseText string

func (t *looseText) UnmarshalJSON(data []byte) error {
	*t = looseText(rawText(data))
	return nil
}
