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

// What the text of a message is.
const (
	bodyText     = "TEXT"
	bodyTemplate = "COMPONENTS"
)

// whatsAppWindow is how long after a message of the customer WhatsApp takes free
// text.
const whatsAppWindow = 24 * time.Hour

// A Message is one message on a ticket.
type Message struct {
	// ID is its id. AddMessage replaces 0 by the next one.
	ID int64

	TicketID int64

	// UserID is the user who wrote it, 0 if the customer did.
	UserID int64

	// Type is "INBOUND", "OUTBOUND" or, for an internal remark, "NOTE".
	// AddMessage replaces "" by "INBOUND".
	Type string

	// BodyType is the kind of text: "TEXT", "COMPONENTS" for a template, …
	// AddMessage replaces "" by "TEXT".
	BodyType string

	// Text is the message itself, HTML in an e-mail.
	Text string

	// Subject is the subject of an e-mail, if it was sent along.
	Subject string

	// AttachmentIDs are the attachments it was sent with. No file stands behind
	// them: any id will do.
	AttachmentIDs []int64

	// CreatedAt is when it was written. AddMessage replaces the zero time by the
	// current one.
	CreatedAt time.Time
}

func (m Message) clone() Message {
	m.AttachmentIDs = slices.Clone(m.AttachmentIDs)
	return m
}

// AddMessage adds a message to the ticket m.TicketID and returns it as it is kept.
// The ticket counts as changed at that time. AddMessage panics if there is no such
// ticket.
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
	m.CreatedAt = stamp(m.CreatedAt)
	return s.attach(t, m).clone()
}

// attach keeps the messages of t in the order of their time.
func (s *Server) attach(t *ticket, m Message) *Message {
	m.ID = s.messageIDs.take(m.ID)
	m.TicketID = t.ID
	t.messages = append(t.messages, &m)
	t.sortMessages()
	if m.CreatedAt.After(t.UpdatedAt) {
		t.UpdatedAt = m.CreatedAt
	}
	return &m
}

func (t *ticket) sortMessages() {
	slices.SortFunc(t.messages, func(a, b *Message) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
}

// Messages returns the messages of a ticket, oldest first.
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

func (s *Server) listMessages(c *call) answer {
	t := s.tickets.get(c.ids[0])
	if t == nil {
		return s.notFound()
	}
	newestFirst := slices.Clone(t.messages)
	slices.Reverse(newestFirst)
	return list(s, c, listing{size: defaultPageSize, totals: true}, newestFirst, func(m *Message) object {
		return s.messageObject(c, t, m)
	})
}

// message finds the message that the path names.
func (s *Server) message(c *call) (*ticket, int) {
	t := s.tickets.get(c.ids[0])
	if t == nil {
		return nil, -1
	}
	return t, slices.IndexFunc(t.messages, func(m *Message) bool { return m.ID == c.ids[1] })
}

func (s *Server) getMessage(c *call) answer {
	t, i := s.message(c)
	if i < 0 {
		return s.notFound()
	}
	return ok(s.messageObject(c, t, t.messages[i]))
}

func (s *Server) deleteMessage(c *call) answer {
	t, i := s.message(c)
	if i < 0 {
		return s.notFound()
	}
	t.messages = slices.Delete(t.messages, i, i+1)
	return s.empty()
}

func (s *Server) createMessage(c *call) answer {
	t := s.tickets.get(c.ids[0])
	if t == nil {
		return s.notFound()
	}
	in := s.input(c)
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
		return in.refusal("message", in.words.closed24h)
	}
	return ok(object{"message": s.rawMessage(t, s.attach(t, m))})
}

func (s *Server) tooLateForText(t *ticket, m Message) bool {
	channel := s.channels.get(t.ChannelID)
	if channel == nil || channel.Type != channelWhatsApp || m.Type == typeNote || m.BodyType == bodyTemplate {
		return false
	}
	last := t.lastMessage(typeInbound)
	return last == nil || m.CreatedAt.Sub(last.CreatedAt) > whatsAppWindow
}
