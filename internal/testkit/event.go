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

// WebEvent is a track call as a web source of RudderStack sends it, about 1.1 KB.
// It names its contact, [FirstContact].
const WebEvent = `{"type":"track","channel":"web","messageId":"10a3d6b2-aa05-411a-b271-5945795e8229",` +
	`"anonymousId":"b1f4c6de-2b7c-4b0e-9a53-0d2b6a5c7e10","userId":"1001","event":"Order Completed",` +
	`"context":{"app":{"name":"RudderLabs JavaScript SDK","namespace":"com.rudderlabs.javascript","version":"3.21.0"},` +
	`"traits":{"email":"ann@example.com","name":"Ann Example"},"library":{"name":"RudderLabs JavaScript SDK","version":"3.21.0"},` +
	`"locale":"en-GB","page":{"path":"/cart","referrer":"$direct","title":"Cart","url":"https://shop.example.com/cart"},` +
	`"screen":{"density":2,"width":1440,"height":900},"timezone":"GMT+0100",` +
	`"userAgent":"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/135.0","sessionId":1772442000123,` +
	`"externalId":[{"type":"trengoContactId","id":"460000001"}]},` +
	`"properties":{"order_id":"50314b8e9bcf000000000000","currency":"EUR","total":27.5,"products":[{"name":"Desk lamp","price":27.5}]},` +
	`"integrations":{"All":true},"originalTimestamp":"2026-03-02T09:16:02.412Z","sentAt":"2026-03-02T09:16:02.980Z",` +
	`"receivedAt":"2026-03-02T09:16:02.980Z","timestamp":"2026-03-02T09:16:02.412Z","request_ip":"192.0.2.10",` +
	`"rudderId":"4f426dcb-b394-4b36-bb2d-420f0f88080b"}`
