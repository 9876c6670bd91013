package trengotest

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Contact is a customer, identified by an email address or a phone number.
type Contact struct {
	// ID identifies the contact. If it is zero, AddContact assigns the next ID.
	ID int64

	// Name is the full name. "" means that it was never set.
	Name string

	// Email and Phone are stored as AddContact receives them, so that phone numbers
	// of any format can be seeded: "+31600000001", "31600000001", "+31 600000001".
	Email, Phone string

	// ChannelIDs are the channels on which it was created.
	ChannelIDs []int64

	// Private means that the contact belongs to a private channel.
	Private bool

	// CustomFields maps the titles of fields to values. AddContact creates the
	// fields that do not exist.
	CustomFields map[string]string

	// CreatedAt determines the order of lists, newest first. AddContact replaces
	// the zero time by the current time.
	CreatedAt time.Time
}

func (c Contact) clone() Contact {
	c.ChannelIDs = slices.Clone(c.ChannelIDs)
	c.CustomFields = maps.Clone(c.CustomFields)
	return c
}

// A contact is a Contact with the fields that only the Server needs.
type contact struct {
	Contact
	groupIDs  []int64
	notes     []note
	visibleAt time.Time // searches do not find it earlier
}

// identifier returns the email, or the phone number formatted for display.
func (c *contact) identifier() string {
	if c.Email != "" {
		return c.Email
	}
	return formatPhone(c.Phone)
}

func (c *contact) displayName() string {
	if c.Name == "" {
		return c.identifier()
	}
	return c.Name + " (" + c.identifier() + ")"
}

// AddContact adds a contact, or replaces the one with the same ID, and returns it
// as stored.
func (s *Server) AddContact(c Contact) Contact {
	s.mu.Lock()
	defer s.mu.Unlock()
	c = c.clone()
	c.ID = s.contacts.ids.take(c.ID)
	c.CreatedAt = storedTime(c.CreatedAt)
	for _, title := range slices.Sorted(maps.Keys(c.CustomFields)) {
		s.defineCustomField(fieldOfContact, title)
	}
	s.contacts.put(c.ID, &contact{Contact: c})
	return c.clone()
}

// Contacts returns the contacts in ascending order of their IDs.
func (s *Server) Contacts() []Contact {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Contact
	for _, c := range s.contacts.all(nil) {
		all = append(all, c.clone())
	}
	return all
}

func (s *Server) listContacts(c *call) response {
	query := c.record.Query
	m := s.newMatcher(query.Get("term"))
	channelID, _ := strconv.ParseInt(query.Get("channel_id"), 10, 64)
	found := s.contacts.all(func(one *contact) bool {
		if m.term != "" && (one.visibleAt.After(c.now) || !m.matchesContact(one)) {
			return false
		}
		return channelID == 0 || !s.Behavior.ContactChannelFilter || slices.Contains(one.ChannelIDs, channelID)
	})
	slices.SortFunc(found, func(a, b *contact) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
	})
	return listResponse(s, c, listing{size: defaultPageSize}, found, s.contactListItem)
}

func (s *Server) getContact(c *call) response {
	found := s.contacts.get(c.ids[0])
	if found == nil {
		return s.notFound()
	}
	return ok(s.contactDetail(found))
}

// createContact returns the contact with the identifier, or creates one. The body of
// the response does not say which.
func (s *Server) createContact(c *call) response {
	channel := s.channels.get(c.ids[0])
	if channel == nil {
		return s.notFound()
	}
	in := s.newInput(c)
	in.require("identifier")
	who := readIdentity(in, "identifier", channel)
	name := in.text("name")
	if in.failed() {
		return in.unprocessable()
	}
	found := s.findContact(who)
	if found == nil {
		created := s.newContact(c, channel, who, name)
		return jsonResponse(cmp.Or(s.Behavior.ContactCreatedStatus, http.StatusOK), s.contactBase(created))
	}
	if s.Behavior.OverwriteName && name != "" {
		found.Name = name
	}
	if !slices.Contains(found.ChannelIDs, channel.ID) {
		found.ChannelIDs = append(found.ChannelIDs, channel.ID)
	}
	return jsonResponse(cmp.Or(s.Behavior.ContactFoundStatus, http.StatusOK), s.contactBase(found))
}

func (s *Server) newContact(c *call, channel *Channel, who identity, name string) *contact {
	if s.Behavior.RewritePhone != nil && who.phone != "" {
		who.phone = s.Behavior.RewritePhone(who.phone)
	}
	created := &contact{
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
	s.contacts.put(created.ID, created)
	return created
}

func (s *Server) updateContact(c *call) response {
	found := s.contacts.get(c.ids[0])
	if found == nil {
		return s.notFound()
	}
	in := s.newInput(c)
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

func (s *Server) deleteContact(c *call) response {
	if s.contacts.get(c.ids[0]) == nil {
		return s.notFound()
	}
	s.contacts.delete(c.ids[0])
	return s.empty()
}

// An identity is what identifies a contact: either an email or a phone number.
type identity struct{ email, phone string }

// readIdentity reads an identifier of the kind that the channel requires.
func readIdentity(in *input, field string, channel *Channel) identity {
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

// findContact returns the contact with that identity and the lowest ID, or nil. It
// compares emails without case, and phone numbers as Behavior.PhoneMatch says.
func (s *Server) findContact(who identity) *contact {
	same := func(c *contact) bool { return strings.EqualFold(c.Email, who.email) }
	if who.phone != "" {
		same = func(c *contact) bool { return s.samePhone(c.Phone, who.phone) }
	}
	for _, r := range s.contacts.rows {
		if same(r.value) {
			return r.value
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
	case PhoneMatchString:
	}
	return stored == sent
}
