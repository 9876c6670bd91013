package trengo

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"strconv"
	"strings"
)

// maxEventSize is a little over the 4,000 KB that RudderStack accepts.
const maxEventSize = 4 << 20

// An Event is what RudderStack sends, as far as a [Destination] reads it.
// [ParseEvent] makes one from JSON; Go code may build one. A Destination does
// not change it.
type Event struct {
	Type        string // identify, track or another
	MessageID   string // the same whenever the event is delivered again
	UserID      string
	AnonymousID string
	Event       string // the name of a track call
	// Traits, Properties and Integrations hold what encoding/json makes of
	// JSON; numbers of a parsed event are a json.Number. Events built in Go may
	// use any type of number.
	Traits       map[string]any
	Properties   map[string]any
	Context      EventContext
	Integrations map[string]any
}

// The event types that a Destination acts on.
const (
	typeIdentify = "identify"
	typeTrack    = "track"
)

// typeRecord is the type of RudderStack's reverse ETL in mirror mode.
const typeRecord = "record"

// normalizedType returns the event's type in lower case, as RudderStack reads
// it.
func (ev *Event) normalizedType() (string, error) {
	kind := strings.ToLower(strings.TrimSpace(ev.Type))
	if kind == "" {
		return "", errNoType
	}
	return kind, nil
}

// overrideID returns the ID of this type in context.externalId; zero if there
// is none. The first entry with a value counts.
func (ev *Event) overrideID(idType string) (int64, error) {
	for _, external := range ev.Context.ExternalIDs {
		value := strings.TrimSpace(external.ID)
		if external.Type != idType || value == "" {
			continue
		}
		id, ok := parseID(value)
		if !ok {
			return 0, invalidEvent(idType + " in context.externalId is not an ID")
		}
		return id, nil
	}
	return 0, nil
}

func (ev *Event) isTrack() bool {
	kind, err := ev.normalizedType()
	return err == nil && kind == typeTrack
}

// The keys of an event's integrations that are read.
const (
	integrationName = "Trengo"
	integrationAll  = "All"
)

// An EventContext is an event's context.
type EventContext struct {
	Traits      map[string]any
	ExternalIDs []ExternalID
	// Fields are all of the context as it was sent, traits and externalId among
	// them. Only templates read them, such as {{ context.page.url }}. An event
	// that is built in Go may leave out what Traits and ExternalIDs say.
	Fields map[string]any
}

// object returns the context as one object.
func (c *EventContext) object() map[string]any {
	object := map[string]any{}
	maps.Copy(object, c.Fields)
	if c.Traits != nil {
		object["traits"] = c.Traits
	}
	return object
}

// An ExternalID names something outside RudderStack: a channel if its type is
// trengoChannelId, a contact if it is trengoContactId, and a person if its type or
// identifier type is email or phone. Any other is ignored.
type ExternalID struct {
	Type string
	ID   string
	// IdentifierType is what RudderStack's reverse ETL says of ID.
	IdentifierType string
}

// identifies reports whether ID is of that kind: email or phone.
func (e *ExternalID) identifies(kind string) bool { return e.IdentifierType == kind || e.Type == kind }

// The types of external IDs that a Destination reads.
const (
	overrideChannel = "trengoChannelId"
	overrideContact = "trengoContactId"
)

// ParseEvent reads one event from JSON. It leaves out what has the wrong type.
// It reads a number as its digits where text is expected, and a single object
// as context.externalId as an array of one. It reads Segment's
// context.externalIds like RudderStack's context.externalId, after it. The
// error is an [ErrInvalidEvent]: data is not a JSON object, is longer than
// 4 MB, or does not have a type. Of an object around events it says what that is;
// [SplitEvents] takes arrays and envelopes apart. The event keeps no part of data.
func ParseEvent(data []byte) (*Event, error) {
	ev, err := parseEvent(data)
	return ev, withPrefix(err)
}

func parseEvent(data []byte) (*Event, error) {
	if len(data) > maxEventSize {
		return nil, errTooLong
	}
	data = trimJSON(data)
	if !isObject(data) || !json.Valid(data) {
		return nil, whyInvalidJSON(data)
	}
	raw := readRawEvent(data)
	if err := raw.check(); err != nil {
		return nil, err
	}
	return raw.event(), nil
}

func invalidEvent(why string) error { return fmt.Errorf("%w: %s", ErrInvalidEvent, why) }

// strayKey is the error of a key that would count if it were spelled right.
// Ignoring it could lose the deduplication of an event, or its person, without a
// word.
func strayKey(stray, key string) error {
	return invalidEvent(fmt.Sprintf("it has the key %q instead of %q", stray, key))
}

var (
	errNoType      = invalidEvent("it does not have a type")
	errNotAnObject = invalidEvent("it is not a JSON object")
	errTooLong     = invalidEvent("it is longer than 4 MB")
)

// whyInvalidJSON is the error of data that is not a JSON object.
func whyInvalidJSON(data []byte) error {
	var object json.RawMessage
	switch {
	case !isObject(data):
		return errNotAnObject
	case json.NewDecoder(bytes.NewReader(data)).Decode(&object) == nil:
		return invalidEvent("something follows the JSON object")
	default:
		return invalidEvent("it is not valid JSON")
	}
}

// trimJSON returns data without a byte order mark and white space around it.
func trimJSON(data []byte) []byte {
	return bytes.Trim(bytes.TrimPrefix(data, []byte("\ufeff")), " \t\r\n")
}

func isObject(data []byte) bool { return len(data) > 0 && data[0] == '{' }

func isArray(data []byte) bool { return len(data) > 0 && data[0] == '[' }

// ReadEvents reads JSON lines: on each an event, or an array or envelope of events,
// which it takes apart as [SplitEvents] does; blank lines are ignored. An event that
// cannot be read is yielded as an [ErrInvalidEvent] that names its line, and the
// reading goes on. A line may have 4 MB. An error of r ends it. The sequence can be
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
			if len(bytes.TrimSpace(line)) > 0 && !eventsOfLine(line, number, yield) || atEnd {
				return
			}
		}
	}
}

// eventsOfLine yields the events of a line. It reports whether to go on.
func eventsOfLine(line []byte, number int, yield func(*Event, error) bool) (more bool) {
	if len(line) > maxEventSize {
		return yield(nil, atLine(number, errTooLong))
	}
	more = true
	eachEvent(line, func(raw *rawEvent, err error) bool {
		if err == nil {
			err = raw.check()
		}
		if err != nil {
			more = yield(nil, atLine(number, err))
		} else {
			more = yield(raw.event(), nil)
		}
		return more
	})
	return more
}

func atLine(number int, err error) error {
	return &opError{op: "line " + strconv.Itoa(number), err: err}
}

// readLine reads to the end of a line, but keeps no more of it than it takes to
// see that the line is too long for an event.
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
