package trengotest

import (
	"fmt"
	"time"
)

// messageObject is a message in the response to a GET.
func (s *Server) messageObject(c *call, t *ticket, m *Message) object {
	return object{
		"id":            m.ID,
		"ticket_id":     m.TicketID,
		"type":          m.Type,
		"body_type":     m.BodyType,
		"message":       m.Text,
		"file_name":     nil,
		"file_caption":  nil,
		"location_data": nil,
		"created_at":    s.getTime(m.CreatedAt),
		"updated_at":    s.getTime(m.CreatedAt),
		"user_id":       nullID(m.UserID),
		"contact":       s.embeddedContact(t.ContactID, nil),
		"agent":         s.userOrNull(m.UserID),
		"attachments":   attachmentsOf(m),
		"mentions":      []any{},
		"contacts":      []any{},
		"meta":          nil,
		"parent":        nil,
		"reactionSums":  []any{},
		"diff_in_hours": int(c.now.Sub(m.CreatedAt) / time.Hour),
		"messageEvents": []any{},
		"is_auto_reply": nil,
		"email_message": s.emailMessage(t, m),
	}
}

func attachmentsOf(m *Message) []object {
	all := []object{}
	for _, id := range m.AttachmentIDs {
		all = append(all, object{"id": id, "client_name": fmt.Sprintf("attachment-%d.txt", id), "mime_type": "text/plain"})
	}
	return all
}

// emailMessage is set on email channels, except for notes.
func (s *Server) emailMessage(t *ticket, m *Message) any {
	channel := s.channels.get(t.ChannelID)
	if channel == nil || channel.Type != channelEmail || m.Type == typeNote {
		return nil
	}
	from, to := "support@example.com", ""
	if customer := s.contacts.get(t.ContactID); customer != nil {
		to = customer.Email
	}
	if m.Type == typeInbound {
		from, to = to, from
	}
	subject := m.Subject
	if subject == "" {
		subject = t.Subject
	}
	return object{
		"id":         m.ID,
		"plain":      nil,
		"html":       m.Text,
		"to":         to,
		"cc":         nil,
		"from":       from,
		"subject":    subject,
		"message_id": fmt.Sprintf("<%d@mail.example.com>", m.ID),
		"collapsed":  false,
	}
}

// rawMessage is the database row of a message, in the response to a POST. It includes
// the rows of the ticket, the contact and the user.
func (s *Server) rawMessage(t *ticket, m *Message) object {
	day := m.CreatedAt.Truncate(24 * time.Hour)
	return object{
		"id":                  m.ID,
		"ticket_id":           m.TicketID,
		"contact_id":          t.ContactID,
		"agency_id":           agencyID,
		"user_id":             nullID(m.UserID),
		"message":             m.Text,
		"type":                m.Type,
		"token":               fmt.Sprintf("message-token-%d", m.ID),
		"body_type":           m.BodyType,
		"file_name":           nil,
		"read":                false,
		"is_auto_reply":       nil,
		"created_at":          s.postTime(m.CreatedAt),
		"updated_at":          s.postTime(m.CreatedAt),
		"message_class":       "message",
		"email_message_class": "",
		"created_at_time":     m.CreatedAt.Unix(),
		"created_at_time_day": day.Unix(),
		"ticket":              s.rawTicket(t),
		"email_message":       s.emailMessage(t, m),
		"attachments":         attachmentsOf(m),
		"contact":             s.rawContact(t.ContactID),
		"agent":               s.rawUser(s.users.get(m.UserID)),
		"mentions":            []any{},
		"contacts":            []any{},
	}
}
