package trengo

import (
	"encoding/json"
	"iter"
	"strings"

	"github.com/trengo-go/trengo/internal/rawjson"
)

// SplitEvents yields the events in data as they were sent, to be kept, or to be
// read by [ParseEvent]: data itself if it is an event, the elements of an array, or
// the events of an envelope. An envelope is an object without a type that has
// either an array batch, as the batches of Segment and RudderStack have it, or an
// object payload, as the lines of RudderStack's archive have it. Arrays and
// envelopes may contain envelopes, four deep. An event inherits context and
// integrations of its envelope if it does not have that key.
//
// What is not an event is yielded with an [ErrInvalidEvent], which names an
// envelope of another kind, and the rest goes on. So are, as a whole, data that is
// not valid JSON, an empty array and an empty batch: nothing is left out.
// SplitEvents looks at no more than that: ParseEvent may still reject an event. It
// limits neither the size nor the number of events.
//
// An event that inherits nothing is a part of data, not a copy. The sequence can be
// used again.
func SplitEvents(data []byte) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		eachEvent(data, func(raw *rawEvent, err error) bool {
			if err != nil {
				return yield(raw.data, withPrefix(err))
			}
			return yield(raw.join(), nil)
		})
	}
}

// eachEvent calls f with the events in data until it returns false.
func eachEvent(data []byte, f func(*rawEvent, error) bool) {
	data = trimJSON(data)
	switch {
	case !json.Valid(data):
		f(&rawEvent{data: data}, whyInvalidJSON(data))
	case isArray(data):
		splitArray(data, surroundings{}, f)
	default:
		splitValue(data, surroundings{}, f)
	}
}

// splitArray calls f with the events in an array. It reports whether to go on.
func splitArray(array []byte, around surroundings, f func(*rawEvent, error) bool) bool {
	if isEmptyArray(array) {
		return f(&rawEvent{data: array}, errNotAnObject)
	}
	around.isListed = true
	for element := range rawjson.Elements(array) {
		if !splitValue(element, around, f) {
			return false
		}
	}
	return true
}

// splitValue calls f with an event, or with the events in an envelope. It reports
// whether to go on.
func splitValue(value []byte, around surroundings, f func(*rawEvent, error) bool) bool {
	if !isObject(value) {
		return f(&rawEvent{data: value, isListed: around.isListed}, errNotAnObject)
	}
	raw := readRawEvent(value)
	raw.isListed = around.isListed
	if raw.hasType() {
		raw.inherit(&around.inherited)
		return f(&raw, nil)
	}
	contents, err := envelopeContents(&raw)
	if err != nil {
		return f(&raw, raw.check()) // the error of ParseEvent
	}
	if around, err = around.within(&raw); err != nil {
		return f(&raw, err)
	}
	if isArray(contents) {
		return splitArray(contents, around, f)
	}
	return splitValue(contents, around, f)
}

// surroundings are what is around an event.
type surroundings struct {
	envelopes int
	isListed  bool // in an array
	// inherited are fields of the nearest envelope that has them.
	inherited [len(eventKeys)][]byte
}

const (
	// maxEnvelopes bounds how often the innermost event is read.
	maxEnvelopes = 4
	// maxInherited bounds what each of many events repeats.
	maxInherited = 64 << 10
)

// inheritable are the fields that events have from an envelope.
var inheritable = [...]int{fieldContext, fieldIntegrations}

// within returns the surroundings of what is in an envelope.
func (s surroundings) within(env *rawEvent) (surroundings, error) {
	if s.envelopes++; s.envelopes > maxEnvelopes {
		return s, invalidEvent("it is in too many envelopes")
	}
	for _, field := range inheritable {
		switch value := env.fields[field].Value; {
		case env.fields[field].IsStray():
			return s, strayKey(env.fields[field].Stray, eventKeys[field])
		case len(value) > maxInherited:
			return s, invalidEvent("its " + eventKeys[field] + " is too long to be inherited by its events")
		case value != nil:
			s.inherited[field] = value
		}
	}
	return s, nil
}

var envelopeKeys = []string{"batch", "payload"}

// envelopeContents returns the array of events, or the event, in an object without a
// type.
func envelopeContents(env *rawEvent) ([]byte, error) {
	var found [2]rawjson.Found
	rawjson.Find(env.data, envelopeKeys, found[:])
	if err := checkStray(found[:], envelopeKeys); err != nil {
		return nil, err
	}
	switch batch, payload := found[0].Value, found[1].Value; {
	case batch != nil && !isArray(batch):
		return nil, invalidEvent("its batch is not an array")
	case batch != nil && isEmptyArray(batch):
		return nil, invalidEvent("its batch is empty")
	case batch != nil:
		return batch, nil
	case payload == nil:
		return nil, foreignEnvelope(env.data)
	case !isObject(payload):
		return nil, invalidEvent("its payload is not an object")
	default:
		return payload, nil
	}
}

func isEmptyArray(array []byte) bool {
	for range rawjson.Elements(array) {
		return false
	}
	return true
}

// whyNoEvent is the error of [ParseEvent] for an object without a type.
func whyNoEvent(raw *rawEvent) error {
	if raw.hasType() {
		return errNoType // it is of another kind than text
	}
	switch contents, err := envelopeContents(raw); {
	case err != nil:
		return err
	case isArray(contents):
		return invalidEvent("it is a batch of events: SplitEvents takes it apart")
	default:
		return invalidEvent("it is an envelope: SplitEvents takes the event out of its payload")
	}
}

// foreignEnvelopes are keys of objects around events that are not taken apart.
// Their senders can send the event alone.
var foreignEnvelopes = []string{
	"message", "detail", "data", "event", "body", "value", "input", "events", "records",
	"event_payload", "Message", "Records",
}

// foreignEnvelope is the error of an object without a type, batch and payload. It
// names the key under which there seems to be an event.
func foreignEnvelope(object []byte) error {
	found := make([]rawjson.Found, len(foreignEnvelopes))
	rawjson.Find(object, foreignEnvelopes, found)
	for i, key := range foreignEnvelopes {
		value := found[i].Value
		text, _ := rawjson.Text(value)
		switch {
		case key == "message" && isPubSub(value):
			return invalidEvent("it is a Pub/Sub push request: turn on payload unwrapping in the subscription")
		case key == "detail" && isObject(value):
			return invalidEvent("it is an envelope of EventBridge: send only its detail")
		case isObject(value), isArray(value), strings.HasPrefix(strings.TrimSpace(text), "{"):
			return invalidEvent("it is an envelope: send only the event in its " + key)
		}
	}
	return errNoType
}

// isPubSub reports whether the message of an envelope has its data as text, as
// Google's Pub/Sub encodes it.
func isPubSub(message []byte) bool {
	var data [1]rawjson.Found
	rawjson.Find(message, []string{"data"}, data[:])
	_, isText := rawjson.Text(data[0].Value)
	return isText
}
