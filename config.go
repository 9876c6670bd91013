package trengo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A DestinationConfig says what a [Destination] does. It decodes from the JSON of
// RudderStack's own Trengo destination as it is; keys that are not named here,
// the token among them, are ignored.
type DestinationConfig struct {
	// ChannelID is the channel on which contacts and tickets are created.
	// Required. RudderStack: channelId, a number or its digits.
	ChannelID int64

	// ChannelIdentifier is what tells contacts on such channels apart: an
	// e-mail (the default) or a phone. Only tickets on e-mail channels get a
	// subject. RudderStack: channelIdentifier.
	ChannelIdentifier ChannelIdentifier

	// AllowDuplicates lets every identify create a contact, without a look at
	// those that exist. Trengo itself still keeps e-mails unique; phones it
	// duplicates. RudderStack: enableDedup, the other way round; a missing
	// key means no duplicates.
	AllowDuplicates bool

	// EventTemplates lists the track events that open a ticket, by their
	// exact name, with the template of the subject; an empty template makes
	// no subject. The package documentation describes templates.
	// RudderStack: eventTemplateMap, a list of from and to, in which the last
	// entry of a name wins.
	EventTemplates map[string]string

	// CreateMissingContacts lets a track event of an unknown person create
	// the contact. Otherwise it is an [ErrContactNotFound]. RudderStack has
	// no such setting.
	CreateMissingContacts bool

	// NormalizePhone replaces the built-in rule, which takes formatting off
	// and refuses national numbers: it is given the phone as the event has
	// it and returns it in international form, such as +31600000001, or
	// nothing if the phone is not usable. Called concurrently.
	NormalizePhone func(string) string

	// MaxPeople bounds how many people's contacts are remembered, and
	// PeopleTTL for how long after they were last read. 0 stands for 100,000
	// people and one hour. What is remembered saves requests.
	MaxPeople int
	PeopleTTL time.Duration

	// MaxMessages bounds how many handled messages are remembered, and
	// MessageTTL for how long. 0 stands for 100,000 messages and 24 hours. A
	// message that is delivered again after it was forgotten is handled
	// again. MaxMessages also bounds how many writes with an unknown outcome
	// are remembered, for at least 24 hours.
	MaxMessages int
	MessageTTL  time.Duration

	// Concurrency is how many events [Destination.ProcessAll] handles at once.
	// 0 stands for 16.
	Concurrency int
}

// The sizes that hold where a DestinationConfig has 0.
const (
	defaultMaxPeople   = 100_000
	defaultPeopleTTL   = time.Hour
	defaultMaxMessages = 100_000
	defaultMessageTTL  = 24 * time.Hour
	defaultConcurrency = 16
)

// UnmarshalJSON reads the config of a RudderStack destination. The error
// names every value that cannot be read; what is missing or contradictory is
// left to [NewDestination].
func (cfg *DestinationConfig) UnmarshalJSON(data []byte) error {
	var wire struct {
		ChannelID         json.RawMessage `json:"channelId"`
		ChannelIdentifier json.RawMessage `json:"channelIdentifier"`
		EnableDedup       json.RawMessage `json:"enableDedup"`
		EventTemplateMap  json.RawMessage `json:"eventTemplateMap"`
	}
	if err := json.Unmarshal(data, &wire); err != nil {
		return errors.New("trengo: the config is no JSON object")
	}
	var mistakes []error
	report := func(key string, err error) {
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %w", key, err))
		}
	}
	var err error
	cfg.ChannelID, err = readChannelID(wire.ChannelID)
	report("channelId", err)
	cfg.ChannelIdentifier, err = readChannelIdentifier(wire.ChannelIdentifier)
	report("channelIdentifier", err)
	cfg.AllowDuplicates, err = readAllowDuplicates(wire.EnableDedup)
	report("enableDedup", err)
	cfg.EventTemplates, err = readEventTemplates(wire.EventTemplateMap)
	report("eventTemplateMap", err)
	if len(mistakes) > 0 {
		return fmt.Errorf("trengo: unreadable config: %w", errors.Join(mistakes...))
	}
	return nil
}

func isNull(data json.RawMessage) bool { return len(data) == 0 || string(data) == "null" }

func readChannelID(data json.RawMessage) (int64, error) {
	var value text
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
	id, ok := parseID(digits)
	if !ok {
		return 0, errors.New("no id")
	}
	return id, nil
}

func readChannelIdentifier(data json.RawMessage) (ChannelIdentifier, error) {
	var value string
	if err := json.Unmarshal(orJSONNull(data), &value); err != nil {
		return "", errors.New("no text")
	}
	return ChannelIdentifier(strings.ToLower(strings.TrimSpace(value))), nil
}

func orJSONNull(data json.RawMessage) json.RawMessage {
	if len(data) == 0 {
		return json.RawMessage("null")
	}
	return data
}

func readAllowDuplicates(data json.RawMessage) (bool, error) {
	switch strings.ToLower(strings.Trim(string(data), `" `)) {
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
		return nil, errors.New("no list")
	}
	templates := make(map[string]string, len(rows))
	for _, row := range rows {
		var entry struct {
			From text            `json:"from"`
			To   json.RawMessage `json:"to"`
		}
		if err := json.Unmarshal(row, &entry); err != nil || strings.TrimSpace(string(entry.From)) == "" {
			continue
		}
		var template string
		// Anything but text is no template; the event is listed all the same.
		_ = json.Unmarshal(orJSONNull(entry.To), &template)
		templates[string(entry.From)] = template
	}
	return templates, nil
}

// setDefault replaces 0, and reports a negative size.
func setDefault[T int | int64 | time.Duration](size *T, value T, name string) error {
	if *size == 0 {
		*size = value
	}
	if *size < 0 {
		return fmt.Errorf("%s is negative", name)
	}
	return nil
}

// compile checks the config and compiles the subjects of the listed events.
// An event without a subject has a nil template.
func (cfg *DestinationConfig) compile() (map[string]*subjectTemplate, error) {
	mistakes := []error{
		setDefault(&cfg.MaxPeople, defaultMaxPeople, "MaxPeople"),
		setDefault(&cfg.PeopleTTL, defaultPeopleTTL, "PeopleTTL"),
		setDefault(&cfg.MaxMessages, defaultMaxMessages, "MaxMessages"),
		setDefault(&cfg.MessageTTL, defaultMessageTTL, "MessageTTL"),
		setDefault(&cfg.Concurrency, defaultConcurrency, "Concurrency"),
	}
	if cfg.ChannelID <= 0 {
		mistakes = append(mistakes, errors.New("the channel id is missing or not positive"))
	}
	if cfg.ChannelIdentifier == "" {
		cfg.ChannelIdentifier = IdentifierEmail
	}
	byPhone := cfg.ChannelIdentifier == IdentifierPhone
	if !byPhone && cfg.ChannelIdentifier != IdentifierEmail {
		mistakes = append(mistakes, errors.New("the channel identifier is neither email nor phone"))
	}
	subjects := make(map[string]*subjectTemplate, len(cfg.EventTemplates))
	for _, name := range slices.Sorted(maps.Keys(cfg.EventTemplates)) {
		subjects[name] = nil
		if byPhone || strings.TrimSpace(cfg.EventTemplates[name]) == "" {
			continue
		}
		subject, err := compileSubject(cfg.EventTemplates[name])
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("the template of %s: %w", strconv.Quote(name), err))
		}
		subjects[name] = subject
	}
	return subjects, errors.Join(mistakes...)
}

// text is a string, or a number read as its digits; anything else is empty.
type text string

func (t *text) UnmarshalJSON(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var v any
	err := decoder.Decode(&v)
	*t = text(wireText(v))
	return err
}
