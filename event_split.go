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
		eachEvent(data, func(e envelopedEvent, err error) bool {
			if err != nil {
				return yield(e.data, withPrefix(err))
			}
			return yield(e.join(), nil)
		})
	}
}

// maxEnvelopes bounds how often the innermost event is read.
const maxEnvelopes = 4

// eachEvent calls f with the events in data until it returns false.
func eachEvent(data []byte, f func(envelopedEvent, error) bool) {
	whole := envelopedEvent{data: trimJSON(data)}
	switch {
	case !json.Valid(whole.data):
		f(whole, whyInvalidJSON(whole.data))
	case isArray(whole.data):
		splitArray(whole, maxEnvelopes, f)
	default:
		splitValue(whole, maxEnvelopes, f)
	}
}

// splitArray calls f with the events in an array. It reports whether to go on.
func splitArray(array envelopedEvent, envelopes int, f func(envelopedEvent, error) bool) bool {
	element, isEmpty := array, true
	for element.data = range rawjson.Elements(array.data) {
		isEmpty = false
		if !splitValue(element, envelopes, f) {
			return false
		}
	}
	return !isEmpty || f(array, errNotAnObject)
}

// splitValue calls f with an event, or with the events in an envelope. It reports
// whether to go on.
func splitValue(e envelopedEvent, envelopes int, f func(envelopedEvent, error) bool) bool {
	if !isObject(e.data) {
		return f(e, errNotAnObject)
	}
	env := readEnvelope(e.data)
	if env.isEvent() {
		return f(e, nil)
	}
	inner, err := env.contents(e.data)
	switch {
	case err != nil:
		return f(e, err)
	case envelopes == 0:
		return f(e, invalidEvent("it is in too many envelopes"))
	}
	e.data = inner
	if env.context.Value != nil {
		e.context = env.context.Value
	}
	if env.integrations.Value != nil {
		e.integrations = env.integrations.Value
	}
	if isArray(inner) {
		return splitArray(e, envelopes-1, f)
	}
	return splitValue(e, envelopes-1, f)
}

// An envelopedEvent is an event as it was sent, with what the envelopes around it
// have for events that lack it.
type envelopedEvent struct {
	data                  []byte
	context, integrations []byte // nil if no envelope has it
}

// join returns the event, which has a type, as one JSON object.
func (e *envelopedEvent) join() json.RawMessage {
	if e.context == nil && e.integrations == nil {
		return e.data
	}
	own := readEnvelope(e.data)
	joined := []byte("{")
	if e.context != nil && own.context.IsMissing() {
		joined = append(append(append(joined, `"context":`...), e.context...), ',')
	}
	if e.integrations != nil && own.integrations.IsMissing() {
		joined = append(append(append(joined, `"integrations":`...), e.integrations...), ',')
	}
	if len(joined) == 1 {
		return e.data
	}
	return append(joined, e.data[1:]...)
}

// An envelope is an object that may be an event, or have events in it.
type envelope struct{ kind, batch, payload, context, integrations rawjson.Found }

var envelopeKeys = []string{"type", "batch", "payload", "context", "integrations"}

func readEnvelope(object []byte) envelope {
	var found [5]rawjson.Found
	rawjson.Find(object, envelopeKeys, found[:])
	return envelope{found[0], found[1], found[2], found[3], found[4]}
}

// isEvent reports whether the object has a type, even a misspelled one or one of the
// wrong kind.
func (e *envelope) isEvent() bool {
	if e.kind.Value == nil {
		return e.kind.Stray != ""
	}
	text, isText := rawjson.Text(e.kind.Value)
	return isText && strings.TrimSpace(text) != "" || !isText && string(e.kind.Value) != "null"
}

// contents returns the array of events or the event in the object, which does not
// have a type.
func (e *envelope) contents(object []byte) ([]byte, error) {
	for i, found := range [...]*rawjson.Found{&e.batch, &e.payload, &e.context, &e.integrations} {
		if found.IsStray() {
			return nil, strayKey(found.Stray, envelopeKeys[i+1])
		}
	}
	switch {
	case e.batch.Value != nil:
		if !isArray(e.batch.Value) {
			return nil, invalidEvent("its batch is not an array")
		}
		for range rawjson.Elements(e.batch.Value) {
			return e.batch.Value, nil
		}
		return nil, invalidEvent("its batch is empty")
	case e.payload.Value != nil:
		if !isObject(e.payload.Value) {
			return nil, invalidEvent("its payload is not an object")
		}
		return e.payload.Value, nil
	default:
		return nil, foreignEnvelope(object)
	}
}

// whyNoEvent is the error of [ParseEvent] for an object without a type.
func whyNoEvent(object []byte) error {
	env := readEnvelope(object)
	if env.isEvent() {
		return errNoType // it has one of another kind than text
	}
	switch inner, err := env.contents(object); {
	case err != nil:
		return err
	case isArray(inner):
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
