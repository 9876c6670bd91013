package trengo

import "github.com/trengo-go/trengo/internal/identity"

// A knownContact is a contact as far as an operation knows it.
type knownContact struct {
	id   int64
	name contactName
}

// newKnownContact returns what an operation of a person with that identifier
// knows of a contact that was just read.
func newKnownContact(c *Contact, person identifier) *knownContact {
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

func newContactName(name string, c *Contact, person identifier) contactName {
	missing := identity.Name(name) == "" || person.is(name) ||
		identifier{kind: IdentifierEmail, key: identity.EmailKey(c.Email)}.is(name) ||
		identifier{kind: IdentifierPhone, key: identity.PhoneKey(c.Phone)}.is(name)
	return contactName{text: nameFingerprint(name), missing: missing}
}

func (n contactName) is(name string) bool { return n.text == nameFingerprint(name) }

func nameFingerprint(name string) fingerprint { return fingerprintOf("name", name) }
