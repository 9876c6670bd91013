package trengotest

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// The statuses of a ticket.
const (
	statusOpen     = "OPEN"
	statusAssigned = "ASSIGNED"
	statusClosed   = "CLOSED"
	statusInvalid  = "INVALID" // spam
)

// A Ticket is a conversation with a contact on a channel.
type Ticket struct {
	// ID identifies the ticket. If it is zero, AddTicket assigns the next ID.
	ID int64

	// ContactID and ChannelID are the contact and the channel of the conversation.
	ContactID, ChannelID int64

	// UserID and TeamID are the user and the team to which it is assigned. Zero
	// means none.
	UserID, TeamID int64

	// Subject is the subject. "" means none.
	Subject string

	// Status is "OPEN", "ASSIGNED", "CLOSED" or "INVALID" (spam). AddTicket
	// replaces "" by "ASSIGNED" if UserID is set, otherwise by "OPEN".
	Status string

	// LabelIDs are its labels.
	LabelIDs []int64

	// CustomFields maps the titles of fields to values. AddTicket creates the
	// fields that do not exist.
	CustomFields map[string]string

	// CreatedAt, UpdatedAt and ClosedAt are when it was created, last changed and
	// closed. AddTicket replaces a zero CreatedAt by the current time, a zero
	// UpdatedAt by CreatedAt and a zero ClosedAt of a closed ticket by UpdatedAt.
	CreatedAt, UpdatedAt, ClosedAt time.Time

	// AssignedAt is when it was last assigned to a user or a team. AddTicket
	// replaces the zero time of an assigned ticket by CreatedAt.
	AssignedAt time.Time

	// MessageCount is the number of its messages. AddTicket ignores it; use
	// AddMessage.
	MessageCount int
}

// A ticket is a Ticket with the fields that only the Server needs.
type ticket struct {
	Ticket
	assignedBy int64
	closedBy   int64
	starred    bool
	messages   []*Message // oldest first
	audits     []audit
}

// public returns a copy of t without the internal fields.
func (t *ticket) public() Ticket {
	c := t.Ticket
	c.LabelIDs = slices.Clone(t.LabelIDs)
	c.CustomFields = maps.Clone(t.CustomFields)
	c.MessageCount = len(t.messages)
	return c
}

// lastActivity determines the order of lists.
func (t *ticket) lastActivity() time.Time {
	if m := t.lastMessage(""); m != nil {
		return m.CreatedAt
	}
	return t.CreatedAt
}

// lastMessage returns the last message of a type, or nil. "" means any type.
func (t *ticket) lastMessage(messageType string) *Message {
	for _, m := range slices.Backward(t.messages) {
		if messageType == "" || m.Type == messageType {
			return m
		}
	}
	return nil
}

func (t *ticket) sortMessages() {
	slices.SortFunc(t.messages, func(a, b *Message) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
}

// reopen sets the status that t has when it is neither closed nor spam.
func (t *ticket) reopen() {
	t.Status = statusOpen
	if t.UserID != 0 {
		t.Status = statusAssigned
	}
	t.ClosedAt, t.closedBy = time.Time{}, 0
}

// An audit is an entry in the history of a ticket.
type audit struct {
	id   int64
	kind string
	at   time.Time
}

func (s *Server) addAudit(t *ticket, kind string, at time.Time) {
	t.audits = append(t.audits, audit{id: s.auditIDs.take(0), kind: kind, at: at})
}

// AddTicket adds a ticket, or replaces the one with the same ID, and returns it as
// stored. A contact, channel or user that does not exist is null in responses.
func (s *Server) AddTicket(t Ticket) Ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.ID = s.tickets.ids.take(t.ID)
	t.LabelIDs = slices.Clone(t.LabelIDs)
	t.CustomFields = maps.Clone(t.CustomFields)
	t.CreatedAt = storedTime(t.CreatedAt)
	t.UpdatedAt = storedTime(cmp.Or(t.UpdatedAt, t.CreatedAt))
	switch {
	case t.Status != "":
	case t.UserID != 0:
		t.Status = statusAssigned
	default:
		t.Status = statusOpen
	}
	if t.Status == statusClosed {
		t.ClosedAt = storedTime(cmp.Or(t.ClosedAt, t.UpdatedAt))
	}
	for _, title := range slices.Sorted(maps.Keys(t.CustomFields)) {
		s.defineCustomField(fieldOfTicket, title)
	}
	if t.UserID != 0 || t.TeamID != 0 {
		t.AssignedAt = storedTime(cmp.Or(t.AssignedAt, t.CreatedAt))
	}
	added := &ticket{Ticket: t}
	s.addAudit(added, "TICKET_CREATED", t.CreatedAt)
	s.tickets.put(t.ID, added)
	return added.public()
}

// Tickets returns the tickets in ascending order of their IDs.
func (s *Server) Tickets() []Ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Ticket
	for _, t := range s.tickets.all(nil) {
		all = append(all, t.public())
	}
	return all
}

func (s *Server) getTicket(c *call) response {
	found := s.tickets.get(c.ids[0])
	if found == nil {
		return s.notFound()
	}
	return ok(s.ticketDetail(found))
}

// createTicket creates a ticket that is assigned to the token's user. Nothing is sent
// to the customer.
func (s *Server) createTicket(c *call) response {
	in := s.newInput(c)
	in.require("channel_id")
	if in.get("contact_identifier") == nil {
		in.require("contact_id")
	}
	channel := s.channels.get(in.id("channel_id"))
	if channel == nil {
		in.reject("channel_id", in.words.unknown)
	}
	contactID := in.id("contact_id")
	subject := in.text("subject")
	if in.get("contact_id") != nil && s.contacts.get(contactID) == nil {
		in.reject("contact_id", in.words.unknown)
	}
	var who identity
	if contactID == 0 && channel != nil && in.get("contact_identifier") != nil {
		who = readIdentity(in, "contact_identifier", channel)
	}
	if in.failed() {
		return in.unprocessable()
	}
	customer := s.contacts.get(contactID)
	if customer == nil {
		customer = s.findContact(who)
	}
	if customer != nil && customer.Private != channel.Private {
		return in.violation("contact_id", in.words.privacy)
	}
	if customer == nil {
		customer = s.newContact(c, channel, who, "")
	}
	return ok(s.rawTicket(s.openTicket(c, channel.ID, customer.ID, subject)))
}

func (s *Server) openTicket(c *call, channelID, contactID int64, subject string) *ticket {
	t := &ticket{
		Ticket: Ticket{
			ID:         s.tickets.ids.take(0),
			ContactID:  contactID,
			ChannelID:  channelID,
			UserID:     c.user.ID,
			Subject:    s.storedSubject(subject),
			Status:     statusAssigned,
			CreatedAt:  c.now,
			UpdatedAt:  c.now,
			AssignedAt: c.now,
		},
		assignedBy: c.user.ID,
	}
	s.addAudit(t, "TICKET_CREATED", c.now)
	s.tickets.put(t.ID, t)
	return t
}

func (s *Server) storedSubject(subject string) string {
	if s.Behavior.StoreSubject == nil {
		return subject
	}
	return s.Behavior.StoreSubject(subject)
}

func (s *Server) deleteTicket(c *call) response {
	if s.tickets.get(c.ids[0]) == nil {
		return s.notFound()
	}
	s.tickets.delete(c.ids[0])
	return s.empty()
}
