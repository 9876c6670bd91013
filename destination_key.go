package trengo

import (
	"crypto/sha256"
	"encoding/binary"
)

// A fingerprint represents texts in a fraction of their size, and without what
// they say of a person. With 128 bits, two of them do not share one in practice.
type fingerprint [16]byte

// fingerprintOf returns the fingerprint of texts and numbers of one kind.
func fingerprintOf(kind string, texts []string, numbers ...int64) fingerprint {
	var room [256]byte
	data := append(room[:0], kind...)
	for _, text := range texts {
		data = binary.AppendUvarint(data, uint64(len(text)))
		data = append(data, text...)
	}
	for _, number := range numbers {
		data = binary.AppendVarint(data, number)
	}
	sum := sha256.Sum256(data)
	return fingerprint(sum[:])
}

// A personKey says whom an event is about: a person with an identifier, the contact
// that the sender named, or a user ID on a channel.
type personKey struct {
	id        fingerprint // of the identifier or user ID
	contactID int64
}

func contactPersonKey(contactID int64) personKey { return personKey{contactID: contactID} }

func userPersonKey(userID string, channelID int64) personKey {
	return personKey{id: fingerprintOf("user", []string{userID}, channelID)}
}

func (k personKey) isZero() bool { return k == personKey{} }

// A sighting is a user ID and the person with whose identifier an event has it.
type sighting struct {
	user   personKey // zero if user IDs do not count, or this one does not
	person personKey // zero if the event does not have an identifier
	// declared reports whether the identifier is the user's own. One that is only
	// in the properties may be that of somebody else whom the event concerns.
	declared bool
}

// A messageKey is the same for all deliveries of one event. The message ID
// alone is not enough: a transformation may have split one event into several.
type messageKey fingerprint

// noMessage is the key of an event without a message ID.
var noMessage messageKey
