package trengo

import (
	"bytes"
	"encoding/json"
	"iter"
	"strconv"
	"strings"

	"github.com/trengo-go/trengo/internal/identity"
	"github.com/trengo-go/trengo/internal/rawjson"
)

// A rawEvent is an event whose parts are JSON as it was sent. Most events ask for
// nothing, which header shows without decoding the rest.
type rawEvent struct {
	data    []byte // as it was sent
	fields  [len(eventKeys)]rawjson.Found
	context [len(contextKeys)]rawjson.Found // set by check
	// inherits reports whether a field is that of an envelope around the event.
	inherits [len(eventKeys)]bool
	isListed bool // as an element of an array
}

// The fields of an event.
const (
	fieldType = iota
	fieldMessageID
	fieldUserID
	fieldAnonymousID
	fieldEvent
	fieldTraits
	fieldProperties
	fieldContext
	fieldIntegrations
)

var eventKeys = [...]string{
	fieldType:         "type",
	fieldMessageID:    "messageId",
	fieldUserID:       "userId",
	fieldAnonymousID:  "anonymousId",
	fieldEvent:        "event",
	fieldTraits:       "traits",
	fieldProperties:   "properties",
	fieldContext:      "context",
	fieldIntegrations: "integrations",
}

// The fields of an event's context.
const (
	contextTraits = iota
	contextExternalID
	contextExternalIDs // Segment's name for it
)

var contextKeys = [...]string{
	contextTraits:      "traits",
	contextExternalID:  "externalId",
	contextExternalIDs: "externalIds",
}

// readRawEvent reads an object that is valid JSON.
func readRawEvent(object []byte) rawEvent {
	raw := rawEvent{data: object}
	rawjson.Find(object, eventKeys[:], raw.fields[:])
	return raw
}

// hasType reports whether the object has a type, even a misspelled one or one of the
// wrong kind. Otherwise it may be an envelope.
func (r *rawEvent) hasType() bool {
	value := r.fields[fieldType].Value
	if value == nil {
		return r.fields[fieldType].Stray != ""
	}
	text, isText := rawjson.Text(value)
	return isText && strings.TrimSpace(text) != "" || !isText && string(value) != "null"
}

// hasMoreThanType reports whether the object has a field of an event besides its
// type.
func (r *rawEvent) hasMoreThanType() bool {
	for field := range r.fields {
		if field != fieldType && r.fields[field].Value != nil {
			return true
		}
	}
	return false
}

// inherit sets the fields that the event does not have.
func (r *rawEvent) inherit(fields *[len(eventKeys)][]byte) {
	for i, value := range fields {
		if value != nil && r.fields[i].IsMissing() {
			r.fields[i].Value, r.inherits[i] = value, true
		}
	}
}

// inheritsAny reports whether the event has fields that are not in its data.
func (r *rawEvent) inheritsAny() bool { return r.inherits != [len(eventKeys)]bool{} }

// join returns the event, which has a type, as one JSON object.
func (r *rawEvent) join() json.RawMessage {
	if !r.inheritsAny() {
		return r.data
	}
	joined := []byte("{")
	for field, inherited := range r.inherits {
		if inherited {
			joined = append(strconv.AppendQuote(joined, eventKeys[field]), ':')
			joined = append(append(joined, r.fields[field].Value...), ',')
		}
	}
	return append(joined, r.data[1:]...)
}

// check returns the error of [ParseEvent]. The other methods of a valid event do not
// fail.
func (r *rawEvent) check() error {
	if len(r.data) > maxEventSize {
		return errTooLong
	}
	if err := r.checkForeign(); err != nil {
		return err
	}
	if err := checkStray(r.fields[:], eventKeys[:]); err != nil {
		return err
	}
	rawjson.Find(r.fields[fieldContext].Value, contextKeys[:], r.context[:])
	if err := checkStray(r.context[:], contextKeys[:]); err != nil {
		return err
	}
	for _, err := range r.externalIDs() {
		if err != nil {
			return err
		}
	}
	if strings.TrimSpace(r.text(fieldType)) == "" {
		return whyNoEvent(r)
	}
	return nil
}

// checkForeign refuses envelopes that have a type of their own and would be skipped:
// those of Amazon SNS, whose key is Type, CloudEvents, and batches.
func (r *rawEvent) checkForeign() error {
	if r.fields[fieldType].IsStray() {
		if err := foreignEnvelope(r.data); err != errNoType { //nolint:errorlint // the very one
			return err
		}
		return nil
	}
	switch strings.ToLower(strings.TrimSpace(r.text(fieldType))) {
	case "":
		return nil
	case typeIdentify, typeTrack, "page", "screen", "group", "alias":
		if r.hasMoreThanType() {
			return nil
		}
	}
	var found [2]rawjson.Found
	rawjson.Find(r.data, []string{"specversion", "batch"}, found[:])
	switch {
	case found[0].Value != nil:
		return invalidEvent("it is a CloudEvent: send only its data")
	case isArray(found[1].Value):
		return invalidEvent("it is a batch with a type: leave out the type")
	default:
		return nil
	}
}

func checkStray(found []rawjson.Found, keys []string) error {
	for i := range found {
		if found[i].IsStray() {
			return strayKey(found[i].Stray, keys[i])
		}
	}
	return nil
}

// header returns the event without traits, properties and context, and with no more
// of its integrations than the switches.
func (r *rawEvent) header() *Event {
	ev := r.texts()
	for name, value := range rawjson.Members(r.fields[fieldIntegrations].Value) {
		if !isSwitch(name) {
			continue
		}
		if ev.Integrations == nil {
			ev.Integrations = make(map[string]any, 1)
		}
		ev.Integrations[name] = switchValue(value)
	}
	return ev
}

func isSwitch(name string) bool {
	return strings.EqualFold(name, integrationName) || strings.EqualFold(name, integrationAll)
}

// switchValue returns what a decoder makes of a value, but nothing of what is in it.
func switchValue(value []byte) any {
	switch {
	case string(value) == "true":
		return true
	case string(value) == "false":
		return false
	case isObject(value):
		return map[string]any{}
	default:
		return nil
	}
}

// event returns all of the event.
func (r *rawEvent) event() *Event {
	ev := r.texts()
	maps := r.decodeMaps()
	ev.Traits, ev.Properties, ev.Integrations = maps.Traits, maps.Properties, maps.Integrations
	ev.Context.Fields = maps.Context
	ev.Context.Traits, _ = maps.Context[contextKeys[contextTraits]].(map[string]any)
	for id, err := range r.externalIDs() {
		if err == nil { // as check has seen
			ev.Context.ExternalIDs = append(ev.Context.ExternalIDs, id)
		}
	}
	return ev
}

func (r *rawEvent) texts() *Event {
	return &Event{
		Type:        r.text(fieldType),
		MessageID:   rawText(r.fields[fieldMessageID].Value),
		UserID:      rawText(r.fields[fieldUserID].Value),
		AnonymousID: rawText(r.fields[fieldAnonymousID].Value),
		Event:       rawText(r.fields[fieldEvent].Value),
	}
}

// text returns a field that must not be a number.
func (r *rawEvent) text(field int) string {
	text, _ := rawjson.Text(r.fields[field].Value)
	return text
}

// rawText returns a string as it is, a number as its digits, and anything else as
// nothing.
func rawText(value []byte) string {
	if text, isText := rawjson.Text(value); isText {
		return text
	}
	if len(value) > 0 && (value[0] == '-' || value[0] >= '0' && value[0] <= '9') {
		return identity.Digits(string(value))
	}
	return ""
}

// eventMaps are the parts of an event that can have any keys.
type eventMaps struct {
	Traits       map[string]any `json:"t"`
	Properties   map[string]any `json:"p"`
	Context      map[string]any `json:"c"`
	Integrations map[string]any `json:"i"`
}

// maps returns these parts as they were sent, nil where the event does not have an
// object.
func (r *rawEvent) maps() (parts [4][]byte) {
	for i, value := range [...][]byte{
		r.fields[fieldTraits].Value, r.fields[fieldProperties].Value,
		r.fields[fieldContext].Value, r.fields[fieldIntegrations].Value,
	} {
		if isObject(value) {
			parts[i] = value
		}
	}
	return parts
}

func (r *rawEvent) decodeMaps() (decoded eventMaps) {
	const names = "tpci"
	parts := r.maps()
	size := len("{}")
	for _, part := range parts {
		size += len(`"x":,`) + len(part)
	}
	object := append(make([]byte, 0, size), '{')
	for i, part := range parts {
		if part != nil {
			object = append(append(object, '"', names[i], '"', ':'), part...)
			object = append(object, ',')
		}
	}
	object = append(bytes.TrimSuffix(object, []byte(",")), '}')
	decoder := json.NewDecoder(bytes.NewReader(object))
	decoder.UseNumber()
	if err := decoder.Decode(&decoded); err != nil {
		panic(err) // the object was put together from valid JSON
	}
	return decoded
}

// decodedSize returns about how many bytes event takes.
func (r *rawEvent) decodedSize() int64 {
	size := int64(len(r.data))
	for _, part := range r.maps() {
		size += rawjson.DecodedSize(part)
	}
	return size
}

// externalIDs yields the external IDs in the context, or why one of them makes the
// event invalid. They are an array, some of which may be anything else, or a single
// one.
func (r *rawEvent) externalIDs() iter.Seq2[ExternalID, error] {
	return func(yield func(ExternalID, error) bool) {
		for _, value := range [...][]byte{r.context[contextExternalID].Value, r.context[contextExternalIDs].Value} {
			for entry := range oneOrMore(value) {
				id, err := readExternalID(entry)
				if (err != nil || id.Type != "" || id.IdentifierType != "") && !yield(id, err) {
					return
				}
			}
		}
	}
}

// oneOrMore yields the elements of an array, or a value that is not one.
func oneOrMore(value []byte) iter.Seq[json.RawMessage] {
	if isArray(value) {
		return rawjson.Elements(value)
	}
	return func(yield func(json.RawMessage) bool) { yield(value) }
}

// The keys of an external ID. Only an object has them; anything else does not
// override.
var externalIDKeys = []string{"type", "id", "identifierType"}

// readExternalID refuses an external ID that would name a channel or contact if its
// keys were spelled right.
func readExternalID(entry []byte) (ExternalID, error) {
	var found [3]rawjson.Found
	rawjson.Find(entry, externalIDKeys, found[:])
	var id ExternalID
	id.Type, _ = rawjson.Text(found[0].Value)
	id.IdentifierType, _ = rawjson.Text(found[2].Value)
	id.ID = externalIDText(found[1].Value)
	for i := range found[:2] {
		if !found[i].IsStray() {
			continue
		}
		kind := id.Type
		if i == 0 {
			var misspelled [1]rawjson.Found
			rawjson.Find(entry, []string{found[0].Stray}, misspelled[:])
			kind, _ = rawjson.Text(misspelled[0].Value)
		}
		if kind == overrideChannel || kind == overrideContact {
			return ExternalID{}, strayKey(found[i].Stray, externalIDKeys[i])
		}
	}
	return id, nil
}

// externalIDText keeps an ID of the wrong type as some text, so that it is rejected
// later instead of ignored.
func externalIDText(value []byte) string {
	switch text := rawText(value); {
	case text != "" || len(value) == 0 || value[0] == '"' || string(value) == "null":
		return text
	default:
		return string(value[:1]) // of true, false, an object or an array
	}
}
