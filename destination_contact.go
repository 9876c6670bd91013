package trengo

import "github.com/trengo-go/trengo/internal/identity"

// A knownContact is a contact as far as an operation knows it.
type knownContact struct {
	id   int64
	name contactName
}

// newKnownContact returns what an operation of a person with that identifier
// knows of a contact that was just read.
func newKnownContact(c *Contact, person personIdentifier) *knownContact {
	return &knownContact{id: c.ID, name: newContactName(c.Name, c, person)}
}

// A contactName is the name of a contact in a form that can be compared and
// remembered. The zero value is a name that may have changed since it was read.
type contactName struct {
	text fingerprint
	// missing reports whether nobody gave the contact a name: there is none, or
	// only its email or phone number.
	missing bool
}

func newContactName(name string, c *Contact, person personIdentifier) contactName {
	missing := identity.Name(name) == "" || person.is(name) ||
		newContactIdentifier(IdentifierEmail, c.Email).is(name) || newContactIdentifier(IdentifierPhone, c.Phone).is(name)
	return contactName{text: nameFingerprint(name), missing: missing}
}

func (n contactName) is(name string) bool { return n.text == nameFingerprint(name) }

// isReplacedBy reports whether the contact gets the name of the operation. A part
// of a name does not replace what may be the whole.
func (n contactName) isReplacedBy(op *operation) bool {
	return op.name != "" && !n.is(op.name) && (op.wholeName || n.missing)
}

func nameFingerprint(name string) fingerprint { return fingerprintOf("name", []string{name}) }
