package trengotest

import (
	"strings"
	"time"
)

// ticketBase holds the fields of a ticket in a list and of a single one.
func (s *Server) ticketBase(t *ticket) object {
	return object{
		"id":             t.ID,
		"status":         t.Status,
		"subject":        nullText(t.Subject),
		"closed_at":      s.getTime(t.ClosedAt),
		"created_at":     s.getTime(t.CreatedAt),
		"updated_at":     s.getTime(t.UpdatedAt),
		"user_id":        nullID(t.UserID),
		"team_id":        nullID(t.TeamID),
		"assigned_at":    s.getTime(t.AssignedAt),
		"contact_id":     t.ContactID,
		"contact":        s.embeddedContact(t.ContactID, nil),
		"channel":        s.channelOfTicket(t),
		"channelMeta":    nil,
		"labels":         s.labelsOf(t),
		"custom_data":    fieldData(s.customFieldValues(fieldOfTicket, t.CustomFields)),
		"messages_count": len(t.messages),
		"ai_assigned_at": nil,
	}
}

// ticketListItem is a ticket in a list.
func (s *Server) ticketListItem(t *ticket) object {
	o := s.ticketBase(t)
	o["latest_message"] = nil
	if m := t.lastMessage(""); m != nil {
		if !s.Behavior.NullLatestMessage {
			o["latest_message"] = s.latestMessage(m)
		}
		o["latest_message_at"] = s.getTime(m.CreatedAt)
	}
	if m := t.lastMessage(typeInbound); m != nil {
		o["latest_received_message_at"] = s.getTime(m.CreatedAt)
	}
	return o
}

func (s *Server) latestMessage(m *Message) object {
	return object{
		"id":          m.ID,
		"type":        m.Type,
		"message":     m.Text,
		"created_at":  s.getTime(m.CreatedAt),
		"attachments": []any{},
	}
}

// ticketDetail is a single ticket in the response to a GET. As at Trengo, it lacks
// latest_message, does not count messages and has the assigned user twice.
func (s *Server) ticketDetail(t *ticket) object {
	o := s.ticketBase(t)
	if customer := s.contacts.get(t.ContactID); customer != nil {
		o["contact"] = s.embeddedContact(t.ContactID, object{"groups": s.contactGroups(customer)})
	}
	audits := []object{}
	for _, a := range t.audits {
		audits = append(audits, s.auditObject(a))
	}
	return o.with(object{
		"messages_count":        nil,
		"team":                  s.teamOf(t),
		"agent":                 s.userOrNull(t.UserID),
		"assignee":              s.userOrNull(t.UserID),
		"closed_by":             nullID(t.closedBy),
		"results":               []any{},
		"reminder":              nil,
		"watchers":              []any{},
		"starred":               starredBy(t),
		"attachments":           []any{},
		"messaging_attachments": []any{},
		"related_tickets":       []any{},
		"custom_field_values":   s.customFieldValues(fieldOfTicket, t.CustomFields),
		"audits":                audits,
	})
}

// auditObject contains the same time twice: in UTC in its text, and in the zone of GET
// responses in its date.
func (s *Server) auditObject(a audit) object {
	event := strings.ToLower(strings.ReplaceAll(a.kind, "_", " "))
	return object{
		"id":         a.id,
		"type":       "AUDIT",
		"audit_type": a.kind,
		"body_type":  "TEXT",
		"message":    event + " at " + a.at.UTC().Format(zonelessLayout),
		"created_at": s.getTime(a.at),
	}
}

func starredBy(t *ticket) []object {
	if !t.starred {
		return []object{}
	}
	return []object{{"ticket_id": t.ID}}
}

func (s *Server) channelOfTicket(t *ticket) any {
	if c := s.channels.get(t.ChannelID); c != nil {
		return s.embeddedChannel(c)
	}
	return nil
}

func (s *Server) teamOf(t *ticket) any {
	if team := s.resources["teams"].get(t.TeamID); team != nil {
		return *team
	}
	return nil
}

func (s *Server) labelsOf(t *ticket) []object {
	labels := []object{}
	for _, id := range t.LabelIDs {
		if label := s.resources["labels"].get(id); label != nil {
			labels = append(labels, *label)
		}
	}
	return labels
}

// rawTicket is the database row of a ticket, in the response to a POST. Its
// latest_message is a date.
func (s *Server) rawTicket(t *ticket) object {
	return s.ticketColumns(t).with(object{
		"channel": s.rawChannel(s.channels.get(t.ChannelID)),
		"agent":   s.rawUser(s.users.get(t.UserID)),
		"team":    s.teamOf(t),
	})
}

func (s *Server) ticketColumns(t *ticket) object {
	return object{
		"id":             t.ID,
		"agency_id":      agencyID,
		"contact_id":     t.ContactID,
		"status":         t.Status,
		"user_id":        nullID(t.UserID),
		"team_id":        nullID(t.TeamID),
		"assigned_at":    isoTime(t.AssignedAt),
		"assigned_by":    nullID(t.assignedBy),
		"channel_id":     t.ChannelID,
		"subject":        nullText(t.Subject),
		"closed_at":      isoTime(t.ClosedAt),
		"created_at":     isoTime(t.CreatedAt),
		"updated_at":     isoTime(t.UpdatedAt),
		"latest_message": s.postTime(t.lastActivity().Truncate(time.Second)),
	}
}
