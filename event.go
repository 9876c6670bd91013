package trengo

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
)

// maxEventSize is a little over the 4,000 KB that RudderStack takes.
const maxEventSize = 4 << 20

// An Event is what RudderStack sends, as far as a [Destination] reads it.
// [ParseEvent] makes one from JSON; Go code may make one by hand. A
// Destination does not change it.
type Event struct {
	Type        string // identify, track or another
	MessageID   string // the same whenever the event is delivered again
	UserID      string
	AnonymousID string
	Event       string // the name of a track call
	// Traits, Properties and Integrations hold what encoding/json makes of
	// JSON, with numbers as json.Number if the event was parsed. In events
	// made by hand any number type will do.
	Traits       map[string]any
	Properties   map[string]any
	Context      EventContext
	Integrations map[string]any
}

// An EventContext is the part of an event's context that matters here.
type EventContext struct {
	Traits      map[string]any
	ExternalIDs []ExternalID
}

// An ExternalID names something outside RudderStack: a channel if its type is
// trengoChannelId, a contact if it is trengoContactId.
type ExternalID struct {
	Type string
	ID   string
}

// ParseEvent reads one event from JSON. What has the wrong type is left out,
// a number is read as its digits where text is expected, and a single object
// as context.externalId counts as an array of one. Segment's context.externalIds
// is read like RudderStack's context.externalId, after it. The error is an
// [ErrInvalidEvent]: for what is no JSON object, is longer than 4 MB, or has
// no type. The event keeps no part of data.
func ParseEvent(data []byte) (*Event, error) {
	if len(data) > maxEventSize {
		return nil, invalidEvent("it is longer than 4 MB")
	}
	if trimmed := bytes.TrimLeft(data, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return nil, invalidEvent("it is no JSON object")
	}
	var w wireEvent
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&w); err != nil && !errors.As(err, new(*json.UnmarshalTypeError)) {
		return nil, invalidEvent("it is broken JSON")
	}
	if rest := data[decoder.InputOffset():]; len(bytes.TrimLeft(rest, " \t\r\n")) > 0 {
		return nil, invalidEvent("something follows the JSON object")
	}
	ev := w.event()
	if _, err := ev.kind(); err != nil {
		return nil, err
	}
	return ev, nil
}

func invalidEvent(why string) error { return fmt.Errorf("%w: %s", ErrInvalidEvent, why) }

// wireEvent is an event on the wire. Fields of another type than declared
// stay empty: encoding/json reads on after them.
type wireEvent struct {
	Type        string         `json:"type"`
	MessageID   any            `json:"messageId"`
	UserID      any            `json:"userId"`
	AnonymousID any            `json:"anonymousId"`
	Event       any            `json:"event"`
	Traits      map[string]any `json:"traits"`
	Properties  map[string]any `json:"properties"`
	Context     struct {
		Traits      map[string]any `json:"traits"`
		ExternalID  any            `json:"externalId"`
		ExternalIDs any            `json:"externalIds"` // Segment's name for it
	} `json:"context"`
	Integrations map[string]any `json:"integrations"`
}

func (w *wireEvent) event() *Event {
	return &Event{
		Type:        w.Type,
		MessageID:   wireText(w.MessageID),
		UserID:      wireText(w.UserID),
		AnonymousID: wireText(w.AnonymousID),
		Event:       wireText(w.Event),
		Traits:      w.Traits,
		Properties:  w.Properties,
		Context: EventContext{
			Traits:      w.Context.Traits,
			ExternalIDs: append(externalIDs(w.Context.ExternalID), externalIDs(w.Context.ExternalIDs)...),
		},
		Integrations: w.Integrations,
	}
}

// wireText is a string as it is, or a number as its digits; anything else is
// empty.
func wireText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return digitsOf(v.String())
	}
	return ""
}

// externalIDs reads an array of ids, of which some may be no ids at all, or a
// single id.
func externalIDs(v any) (ids []ExternalID) {
	entries, isArray := v.([]any)
	if !isArray {
		entries = []any{v}
	}
	for _, entry := range entries {
		// What is no object has no type, and is no override.
		fields, _ := entry.(map[string]any)
		if kind, _ := fields["type"].(string); kind != "" {
			ids = append(ids, ExternalID{Type: kind, ID: externalID(fields["id"])})
		}
	}
	return ids
}

// externalID keeps an id of a wrong type as some text, so that it is refused
// later rather than taken for no override.
func externalID(v any) string {
	switch v.(type) {
	case nil, string, json.Number:
		return wireText(v)
	}
	return fmt.Sprint(v)
}

// The event types that a Destination acts on.
const (
	typeIdentify = "identify"
	typeTrack    = "track"
)

// kind is the event's type in lower case, as RudderStack reads it.
func (ev *Event) kind() (string, error) {
	kind := strings.ToLower(strings.TrimSpace(ev.Type))
	if kind == "" {
		return "", invalidEvent("it has no type")
	}
	return kind, nil
}

// override reads an id from context.externalId: 0 if there is none. The first
// entry with a value counts.
func (ev *Event) override(name string) (int64, error) {
	for _, external := range ev.Context.ExternalIDs {
		value := strings.TrimSpace(external.ID)
		if external.Type != name || value == "" {
			continue
		}
		id, ok := parseID(value)
		if !ok {
			return 0, invalidEvent(name + " in context.externalId is no id")
		}
		return id, nil
	}
	return 0, nil
}

// ReadEvents reads JSON lines: one event a line, blank lines ignored. An
// event that cannot be read is yielded as an [ErrInvalidEvent] that names its
// line, and the reading goes on; an error of r ends it. The sequence can be
// used once.
func ReadEvents(r io.Reader) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		lines := bufio.NewReaderSize(r, 64<<10)
		for number := 1; ; number++ {
			line, err := readLine(lines)
			if number == 1 {
				line = bytes.TrimPrefix(line, []byte("\ufeff"))
			}
			atEnd := errors.Is(err, io.EOF)
			if err != nil && !atEnd {
				yield(nil, atLine(number, err))
				return
			}
			if len(bytes.TrimSpace(line)) > 0 {
				ev, invalid := ParseEvent(line)
				if invalid != nil {
					invalid = atLine(number, invalid)
				}
				if !yield(ev, invalid) {
					return
				}
			}
			if atEnd {
				return
			}
		}
	}
}

func atLine(number int, err error) error {
	return &placedError{place: "line " + strconv.Itoa(number), err: err}
}

// readLine reads to the end of a line, but keeps no more of it than is needed
// to see that it is too long for an event.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line) <= maxEventSize {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimRight(line, "\r\n"), err
		}
	}
}
