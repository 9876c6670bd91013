package testkit

import (
	"iter"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/trengo-go/trengo"
)

// The event that [Track] builds, and the subject that [NewDestination] gives to
// its tickets. "id" is a property of the event.
const (
	TrackEvent = "Ordered"
	Subject    = TrackEvent + " {{ id }}"
)

// ParseEvent returns the event in the JSON text, and fails the test if there is
// none.
func ParseEvent(tb testing.TB, text string) *trengo.Event {
	tb.Helper()
	ev, err := trengo.ParseEvent([]byte(text))
	if err != nil {
		tb.Fatalf("%v: %s", err, text)
	}
	return ev
}

// Identify returns an identify event with that message ID. The identifier is
// both its email and its phone number, so that it fits every channel. Without a
// name, the event has none.
func Identify(messageID, identifier, name string) *trengo.Event {
	ev := &trengo.Event{
		Type: "identify", MessageID: messageID,
		Traits: map[string]any{"email": identifier, "phone": identifier},
	}
	if name != "" {
		ev.Traits["name"] = name
	}
	return ev
}

// Track returns a [TrackEvent] with that message ID and without properties. The
// identifier is both its email and its phone number.
func Track(messageID, identifier string) *trengo.Event {
	return &trengo.Event{
		Type: "track", MessageID: messageID, Event: TrackEvent,
		Traits:     map[string]any{"email": identifier, "phone": identifier},
		Properties: map[string]any{},
	}
}

// ForContact makes an event name its contact, and returns it.
func ForContact(ev *trengo.Event, contactID int64) *trengo.Event {
	return withExternalID(ev, "trengoContactId", contactID)
}

// OnChannel makes an event name its channel, and returns it.
func OnChannel(ev *trengo.Event, channelID int64) *trengo.Event {
	return withExternalID(ev, "trengoChannelId", channelID)
}

func withExternalID(ev *trengo.Event, kind string, id int64) *trengo.Event {
	ev.Context.ExternalIDs = append(ev.Context.ExternalIDs,
		trengo.ExternalID{Type: kind, ID: strconv.FormatInt(id, 10)})
	return ev
}

// Spell writes an email in lower case, or the digits of a phone number after a
// country code of two, in one of the ways in which people write them.
func Spell(r *rand.Rand, kind trengo.ChannelIdentifier, key string) string {
	if kind != trengo.IdentifierPhone {
		return [...]string{key, strings.ToUpper(key), " " + key + " ", strings.ToUpper(key[:1]) + key[1:]}[r.IntN(4)]
	}
	country, rest := key[:2], key[2:]
	return [...]string{
		"+" + key,
		"00" + key,
		key,
		"+" + country + " (0)" + rest[:1] + " " + rest[1:],
		" +" + country + "-" + rest[:3] + "." + rest[3:],
		"00 " + country + " (" + rest[:2] + ") " + rest[2:],
	}[r.IntN(6)]
}

// Events returns the input of [trengo.Destination.ProcessAll] that has these
// events.
func Events(events ...*trengo.Event) iter.Seq2[*trengo.Event, error] {
	return func(yield func(*trengo.Event, error) bool) {
		for _, ev := range events {
			if !yield(ev, nil) {
				return
			}
		}
	}
}
