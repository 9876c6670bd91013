package trengotest

import (
	"cmp"
	"slices"
	"time"
)

// The types of messages.
const (
	typeInbound  = "INBOUND"
	typeOutbound = "OUTBOUND"
	typeNote     = "NOTE"
)

// The body types of messages.
const (
	bodyText     = "TEXT"
	bodyTemplate = "COMPONENTS"
)

// whatsAppWindow is how long WhatsApp accepts free text after the customer's last
// message.
const whatsAppWindow = 24 * time.Hour

// A Message is one message on a ticket.
type Message struct {
	// ID identifies the message. If it is zero, AddMessage assigns the next ID.
	ID int64

	// TicketID is the ticket that the message belongs to.
	TicketID int64

	// UserID is the user who wrote it. Zero means the customer.
	UserID int64

	// Type is "INBOUND", "OUTBOUND" or "NOTE" (internal, not sent to the customer).
	// AddMessage replaces "" by "INBOUND".
	Type string

	// BodyType is the kind of Text: "TEXT", "COMPONENTS" for a template, …
	// AddMessage replaces "" by "TEXT".
	BodyType string

	// Text is the content of the message, HTML in an email.
	Text string

	// Subject is the subject that was given for an email. "" means none.
	Subject string

	// AttachmentIDs are the attachments it was sent with. Any ID is accepted,
	// because the Server does not store files.
	AttachmentIDs []int64

	// CreatedAt is when it was written. AddMessage replaces the zero time by the
	// current time.
	CreatedAt time.Time
}

func (m Message) clone() Message {
	m.AttachmentIDs = slices.Clone(m.AttachmentIDs)
	return m
}

// AddMessage adds a message to the ticket m.TicketID and returns it as stored. It
// sets the ticket's UpdatedAt to the message's CreatedAt if that is later. AddMessage
// panics if the ticket does not exist.
func (s *Server) AddMessage(m Message) Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tickets.get(m.TicketID)
	if t == nil {
		panic("trengotest: AddMessage to a ticket that does not exist")
	}
	m = m.clone()
	m.Type = cmp.Or(m.Type, typeInbound)
	m.BodyType = cmp.Or(m.BodyType, bodyText)
	m.CreatedAt = storedTime(m.CreatedAt)
	return s.appendMessage(t, m).clone()
}

// appendMessage assigns an ID and keeps the messages of t in chronological order.
func (s *Server) appendMessage(t *ticket, m Message) *Message {
	m.ID = s.messageIDs.take(m.ID)
	m.TicketID = t.ID
	t.messages = append(t.messages, &m)
	t.sortMessages()
	if m.CreatedAt.After(t.UpdatedAt) {
		t.UpdatedAt = m.CreatedAt
	}
	return &m
}

// Messages returns the messages of a ticket, oldest first. It returns nil if the
// ticket does not exist.
func (s *Server) Messages(ticketID int64) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tickets.get(ticketID)
	if t == nil {
		return nil
	}
	var all []Message
	for _, m := range t.messages {
		all = append(all, m.clone())
	}
	return all
}

func (s *Server) listMessages(c *call) response {
	t := s.tickets.get(c.ids[0])
	if t == nil {
		return s.notFound()
	}
	entries := s.messageEntries(c, t)
	return listResponse(s, c, listing{size: defaultPageSize, totals: true}, entries, func(e *messageEntry) object {
		return e.render()
	})
}

// A messageEntry is an item of the list of a ticket's messages.
type messageEntry struct {
	at     time.Time
	render func() object
}

// messageEntries returns the messages of t, and its history if that is listed with
// them, newest first.
func (s *Server) messageEntries(c *call, t *ticket) []*messageEntry {
	var all []*messageEntry
	for _, m := range t.messages {
		all = append(all, &messageEntry{m.CreatedAt, func() object { return s.messageObject(c, t, m) }})
	}
	if s.Behavior.AuditLines {
		for _, a := range t.audits {
			all = append(all, &messageEntry{a.at, func() object { return s.auditObject(a) }})
		}
	}
	slices.Reverse(all)
	slices.SortStableFunc(all, func(a, b *messageEntry) int { return b.at.Compare(a.at) })
	return all
}

// findMessage returns the ticket in the path and the index of its message in the
// path, or a negative index if either does not exist.
func (s *Server) findMessage(c *call) (*ticket, int) {
	t := s.tickets.get(c.ids[0])
	if t == nil {
		return nil, -1
	}
	return t, slices.IndexFunc(t.messages, func(m *Message) bool { return m.ID == c.ids[1] })
}

func (s *Server) getMessage(c *call) response {
	t, i := s.findMessage(c)
	if i < 0 {
		return s.notFound()
	}
	return ok(s.messageObject(c, t, t.messages[i]))
}

func (s *Server) deleteMessage(c *call) response {
	t, i := s.findMessage(c)
	if i < 0 {
		return s.notFound()
	}
	t.messages = slices.Delete(t.messages, i, i+1)
	return s.empty()
}

func (s *Server) createMessage(c *call) response {
	t := s.tickets.get(c.ids[0])
	if t == nil {
		return s.notFound()
	}
	in := s.newInput(c)
	m := Message{
		UserID:        c.user.ID,
		Type:          typeOutbound,
		BodyType:      bodyText,
		Text:          in.text("message"),
		Subject:       in.text("subject"),
		AttachmentIDs: in.ids("attachment_ids"),
		CreatedAt:     c.now,
	}
	if in.flag("internal_note") {
		m.Type = typeNote
	}
	if in.text("type") == "TEMPLATE" {
		in.require("template_name", "language")
		m.BodyType, m.Text = bodyTemplate, in.text("template_name")
	} else {
		in.require("message")
	}
	if in.failed() {
		return in.unprocessable()
	}
	if s.tooLateForText(t, m) {
		return in.violation("message", in.words.closed24h)
	}
	return ok(object{"message": s.rawMessage(t, s.appendMessage(t, m))})
}

// tooLateForText reports whether WhatsApp would not send m.
func (s *Server) tooLateForText(t *ticket, m Message) bool {
	channel := s.channels.get(t.ChannelID)
	if channel == nil || channel.Type != channelWhatsApp || m.Type == typeNote || m.BodyType == bodyTemplate {
		return false
	}
	last := t.lastMessage(typeInbound)
	return last == nil || m.CreatedAt.Sub(last.CreatedAt) > whatsAppWindow
}
