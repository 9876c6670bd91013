package trengo

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
)

// A fingerprint represents texts in a fraction of their size, and without what
// they say of a person. With 128 bits, two of them do not share one in practice.
type fingerprint [16]byte

// fingerprintOf returns the fingerprint of texts of one kind.
func fingerprintOf(kind string, texts ...string) fingerprint {
	var room [256]byte
	data := append(room[:0], kind...)
	for _, text := range texts {
		data = binary.AppendUvarint(data, uint64(len(text)))
		data = append(data, text...)
	}
	sum := sha256.Sum256(data)
	return fingerprint(sum[:])
}

// A personKey says whom an event is about: a person with an identifier, or the
// contact that the sender named.
type personKey struct {
	identifier fingerprint
	contactID  int64
}

func contactPersonKey(contactID int64) personKey { return personKey{contactID: contactID} }

func newPersonKey(op *operation) personKey {
	if op.namesContact() {
		return contactPersonKey(op.contactID)
	}
	return personKey{identifier: fingerprintOf(string(op.identifier.kind), op.identifier.key)}
}

// A messageKey is the same for all deliveries of one event. The message ID
// alone is not enough: a transformation may have split one event into several.
type messageKey fingerprint

// noMessage is the key of an event without a message ID.
var noMessage messageKey

func newMessageKey(op *operation) messageKey {
	if op.event.MessageID == "" {
		return noMessage
	}
	return messageKey(fingerprintOf("message", op.event.MessageID, op.eventType, op.event.Event,
		strconv.FormatInt(op.channelID, 10), string(op.person.identifier[:]), strconv.FormatInt(op.person.contactID, 10)))
}
