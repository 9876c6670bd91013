package trengotest

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// The states of a ticket.
const (
	statusOpen     = "OPEN"
	statusAssigned = "ASSIGNED"
	statusClosed   = "CLOSED"
	statusInvalid  = "INVALID" // spam
)

// A Ticket is a conversation with a contact on a channel.
type Ticket struct {
	// ID is its id. AddTicket replaces 0 by the next one.
	ID int64

	ContactID, ChannelID int64

	// UserID and TeamID are whom it is assigned to, 0 if nobody.
	UserID, TeamID int64

	// Subject is "" if it has none.
	Subject string

	// Status is "OPEN", "ASSIGNED", "CLOSED" or "INVALID", which is spam.
	// AddTicket replaces "" by "ASSIGNED" if UserID is set, else by "OPEN".
	Status string

	// LabelIDs are the labels it carries.
	LabelIDs []int64

	// CustomFields holds values by the title of their field. AddTicket makes the
	// fields that do not exist.
	CustomFields map[string]string

	// CreatedAt, UpdatedAt and ClosedAt are when it was made, changed and closed.
	// AddTicket replaces a zero CreatedAt by the current time, a zero UpdatedAt by
	// CreatedAt and a zero ClosedAt of a closed ticket by UpdatedAt.
	CreatedAt, UpdatedAt, ClosedAt time.Time

	// Messages is the number of its messages. AddTicket ignores it: see
	// AddMessage.
	Messages int
}

// ticket is a Ticket with what only the server needs to know.
type ticket struct {
	Ticket
	assignedAt time.Time
	assignedBy int64
	closedBy   int64
	starred    bool
	messages   []*Message // oldest first
	audits     []audit
}

// audit is one thing that happened to a ticket.
type audit struct {
	id int64
	is string
	at time.Time
}

func (t *ticket) public() Ticket {
	c := t.Ticket
	c.LabelIDs = slices.Clone(t.LabelIDs)
	c.CustomFields = maps.Clone(t.CustomFields)
	c.Messages = len(t.messages)
	return c
}

// lastActivity is what lists are sorted by.
func (t *ticket) lastActivity() time.Time {
	if m := t.lastMessage(""); m != nil {
		return m.CreatedAt
	}
	return t.CreatedAt
}

// lastMessage returns the last message of a type, of any type if it is "", or nil.
func (t *ticket) lastMessage(messageType string) *Message {
	for _, m := range slices.Backward(t.messages) {
		if messageType == "" || m.Type == messageType {
			return m
		}
	}
	return nil
}

func (s *Server) audit(t *ticket, is string, at time.Time) {
	t.audits = append(t.audits, audit{id: s.auditIDs.take(0), is: is, at: at})
}

// AddTicket adds a ticket, or replaces the one with its id, and returns it as it
// is kept. A contact, channel or user that does not exist is null in answers.
func (s *Server) AddTicket(t Ticket) Ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.ID = s.tickets.ids.take(t.ID)
	t.LabelIDs = slices.Clone(t.LabelIDs)
	t.CustomFields = maps.Clone(t.CustomFields)
	t.CreatedAt = stamp(t.CreatedAt)
	t.UpdatedAt = stamp(cmp.Or(t.UpdatedAt, t.CreatedAt))
	switch {
	case t.Status != "":
	case t.UserID != 0:
		t.Status = statusAssigned
	default:
		t.Status = statusOpen
	}
	if t.Status == statusClosed {
		t.ClosedAt = stamp(cmp.Or(t.ClosedAt, t.UpdatedAt))
	}
	for _, title := range slices.Sorted(maps.Keys(t.CustomFields)) {
		s.defineCustomField(fieldOfTicket, title)
	}
	added := &ticket{Ticket: t}
	if t.UserID != 0 || t.TeamID != 0 {
		added.assignedAt = t.CreatedAt
	}
	s.audit(added, "TICKET_CREATED", t.CreatedAt)
	s.tickets.put(t.ID, added)
	return added.public()
}

// Tickets returns the tickets by id.
func (s *Server) Tickets() []Ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Ticket
	for _, t := range s.tickets.all(nil) {
		all = append(all, t.public())
	}
	return all
}

func (s *Server) getTicket(c *call) answer {
	found := s.tickets.get(c.ids[0])
	if found == nil {
		return s.notFound()
	}
	return ok(s.ticketDetail(found))
}

// createTicket makes a ticket that is assigned to the user of the token. Nothing
// is sent to the customer.
func (s *Server) createTicket(c *call) answer {
	in := s.input(c)
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
		who = in.identity("contact_identifier", channel)
	}
	if in.failed() {
		return in.unprocessable()
	}
	about := s.contacts.get(contactID)
	if about == nil {
		about = s.findContact(who)
	}
	if about != nil && about.Private != channel.Private {
		return in.refusal("contact_id", in.words.privacy)
	}
	if about == nil {
		about = s.newContact(c, channel, who, "")
	}
	return ok(s.rawTicket(s.openTicket(c, channel.ID, about.ID, subject)))
}

func (s *Server) openTicket(c *call, channelID, contactID int64, subject string) *ticket {
	t := &ticket{
		Ticket: Ticket{
			ID:        s.tickets.ids.take(0),
			ContactID: contactID,
			ChannelID: channelID,
			UserID:    c.user.ID,
			Subject:   subject,
			Status:    statusAssigned,
			CreatedAt: c.now,
			UpdatedAt: c.now,
		},
		assignedAt: c.now,
		assignedBy: c.user.ID,
	}
	s.audit(t, "TICKET_CREATED", c.now)
	s.tickets.put(t.ID, t)
	return t
}

func (s *Server) deleteTicket(c *call) answer {
	if s.tickets.get(c.ids[0]) == nil {
		return s.notFound()
	}
	s.tickets.delete(c.ids[0])
	return s.empty()
}
