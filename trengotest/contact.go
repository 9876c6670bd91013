package trengotest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A Contact is a customer as one kind of channel knows them: by an e-mail address
// or by a phone number.
type Contact struct {
	// ID is its id. AddContact replaces 0 by the next one.
	ID int64

	// Name is the full name, "" if it was never set.
	Name string

	// Email and Phone are kept as AddContact gets them, so that phones of any age
	// and format can be seeded: "+31600000001", "31600000001", "+31 600000001".
	Email, Phone string

	// ChannelIDs are the channels it was made on.
	ChannelIDs []int64

	// Private is set on the contact of a private channel.
	Private bool

	// CustomFields holds values by the title of their field. AddContact makes the
	// fields that do not exist.
	CustomFields map[string]string

	// CreatedAt is when it was made; the newest come first in lists. AddContact
	// replaces the zero time by the current one.
	CreatedAt time.Time
}

// contact is a Contact with what only the server needs to know.
type contact struct {
	Contact
	groupIDs  []int64
	notes     []note
	visibleAt time.Time // searches find it from then on
}

func (c Contact) clone() Contact {
	c.ChannelIDs = slices.Clone(c.ChannelIDs)
	c.CustomFields = maps.Clone(c.CustomFields)
	return c
}

// AddContact adds a contact, or replaces the one with its id, and returns it as it
// is kept.
func (s *Server) AddContact(c Contact) Contact {
	s.mu.Lock()
	defer s.mu.Unlock()
	c = c.clone()
	c.ID = s.contacts.ids.take(c.ID)
	c.CreatedAt = stamp(c.CreatedAt)
	for _, title := range slices.Sorted(maps.Keys(c.CustomFields)) {
		s.defineCustomField(fieldOfContact, title)
	}
	s.contacts.put(c.ID, &contact{Contact: c})
	return c.clone()
}

// Contacts returns the contacts by id.
func (s *Server) Contacts() []Contact {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Contact
	for _, c := range s.contacts.all(nil) {
		all = append(all, c.clone())
	}
	return all
}

func (s *Server) getContact(c *call) answer {
	found := s.contacts.get(c.ids[0])
	if found == nil {
		return s.notFound()
	}
	return ok(s.contactDetail(found))
}

// createContact finds the contact by its identifier before it makes one. The
// answer does not say which it did.
func (s *Server) createContact(c *call) answer {
	channel := s.channels.get(c.ids[0])
	if channel == nil {
		return s.notFound()
	}
	in := s.input(c)
	in.require("identifier")
	who := in.identity("identifier", channel)
	name := in.text("name")
	if in.failed() {
		return in.unprocessable()
	}
	found := s.findContact(who)
	if found == nil {
		made := s.newContact(c, channel, who, name)
		return reply(orDefault(s.Behavior.ContactCreatedStatus, http.StatusOK), s.contactBase(made))
	}
	if s.Behavior.OverwriteName && name != "" {
		found.Name = name
	}
	if !slices.Contains(found.ChannelIDs, channel.ID) {
		found.ChannelIDs = append(found.ChannelIDs, channel.ID)
	}
	return reply(orDefault(s.Behavior.ContactFoundStatus, http.StatusOK), s.contactBase(found))
}

func (s *Server) newContact(c *call, channel *Channel, who identity, name string) *contact {
	made := &contact{
		Contact: Contact{
			ID:         s.contacts.ids.take(0),
			Name:       name,
			Email:      who.email,
			Phone:      who.phone,
			ChannelIDs: []int64{channel.ID},
			Private:    channel.Private,
			CreatedAt:  c.now,
		},
		visibleAt: c.now.Add(s.Behavior.SearchDelay),
	}
	s.contacts.put(made.ID, made)
	return made
}

func (s *Server) updateContact(c *call) answer {
	found := s.contacts.get(c.ids[0])
	if found == nil {
		return s.notFound()
	}
	in := s.input(c)
	name := in.text("name")
	groupIDs := in.ids("contact_group_ids")
	for _, id := range groupIDs {
		if s.resources["contact_groups"].get(id) == nil {
			in.reject("contact_group_ids", in.words.unknown)
		}
	}
	if in.failed() {
		return in.unprocessable()
	}
	if in.has("name") {
		found.Name = name
	}
	if in.has("contact_group_ids") {
		found.groupIDs = groupIDs
	}
	return ok(s.contactDetail(found))
}

func (s *Server) deleteContact(c *call) answer {
	if s.contacts.get(c.ids[0]) == nil {
		return s.notFound()
	}
	s.contacts.delete(c.ids[0])
	return s.empty()
}

// identity is what a contact is found by: one of the two.
type identity struct{ email, phone string }

// identity reads an identifier as the channel takes it.
func (in *input) identity(field string, channel *Channel) identity {
	text := in.text(field)
	isEmail := strings.Contains(text, "@")
	isPhone := !isEmail && digitsOf(text) != ""
	switch channel.Type {
	case channelEmail:
		if !isEmail {
			in.reject(field, in.words.notEmail)
		}
	case channelSMS, channelVoIP, channelWhatsApp:
		if !isPhone {
			in.reject(field, in.words.notPhone)
		}
	default:
		if !isEmail && !isPhone {
			in.reject(field, in.words.unknown)
		}
	}
	if isEmail {
		return identity{email: text}
	}
	return identity{phone: storedPhone(text)}
}

// findContact returns the oldest contact of that identity, or nil. An e-mail
// address is always found, a phone as Behavior has it.
func (s *Server) findContact(who identity) *contact {
	same := func(c *contact) bool { return strings.EqualFold(c.Email, who.email) }
	if who.phone != "" {
		same = func(c *contact) bool { return s.samePhone(c.Phone, who.phone) }
	}
	for _, c := range s.contacts.rows {
		if same(c.value) {
			return c.value
		}
	}
	return nil
}

func (s *Server) samePhone(stored, sent string) bool {
	switch s.Behavior.PhoneMatch {
	case PhoneMatchDigits:
		return digitsOf(stored) == digitsOf(sent)
	case PhoneMatchNever:
		return false
	default:
		return stored == sent
	}
}
