package trengotest

import (
	"slices"
	"time"
)

// withTicket calls act with the ticket in the path, or responds with 404.
func (s *Server) withTicket(c *call, act func(*ticket) response) response {
	t := s.tickets.get(c.ids[0])
	if t == nil {
		return s.notFound()
	}
	return act(t)
}

// actionResponse is the response to an action that succeeded. If the action changed
// nothing, the ticket keeps its UpdatedAt.
func (s *Server) actionResponse(c *call, t *ticket, changed bool) response {
	if !changed && s.Behavior.RepeatNotFound {
		return s.notFound()
	}
	if changed {
		t.UpdatedAt = c.now
	}
	return ok(s.rawTicket(t))
}

func (s *Server) assignTicket(c *call) response {
	return s.withTicket(c, func(t *ticket) response {
		in := s.newInput(c)
		in.require("type")
		userID, teamID := s.readAssignee(in)
		note := in.text("note")
		if in.failed() {
			return in.unprocessable()
		}
		changed := s.assign(c, t, userID, teamID)
		if note != "" && (changed || !s.Behavior.RepeatNotFound) {
			s.appendMessage(t, Message{UserID: c.user.ID, Type: typeNote, BodyType: bodyText, Text: note, CreatedAt: c.now})
		}
		return s.actionResponse(c, t, changed)
	})
}

// readAssignee reads the user or the team to which a ticket is assigned.
func (s *Server) readAssignee(in *input) (userID, teamID int64) {
	switch in.text("type") {
	case "user":
		in.require("user_id")
		userID = in.id("user_id")
		if s.users.get(userID) == nil {
			in.reject("user_id", in.words.unknown)
		}
	case "team":
		in.require("team_id")
		teamID = in.id("team_id")
		if s.resources["teams"].get(teamID) == nil {
			in.reject("team_id", in.words.unknown)
		}
	default:
		in.reject("type", in.words.unknown)
	}
	return userID, teamID
}

// assign assigns t to a user and keeps its team, or to a team and removes its user. It
// reports whether that changed t.
func (s *Server) assign(c *call, t *ticket, userID, teamID int64) (changed bool) {
	status := statusOpen
	if userID != 0 {
		status, teamID = statusAssigned, t.TeamID
	}
	if t.Status == status && t.UserID == userID && t.TeamID == teamID {
		return false
	}
	t.Status, t.UserID, t.TeamID = status, userID, teamID
	t.ClosedAt, t.closedBy = time.Time{}, 0
	t.AssignedAt, t.assignedBy = c.now, c.user.ID
	s.addAudit(t, "TICKET_ASSIGNED", c.now)
	return true
}

func (s *Server) closeTicket(c *call) response {
	return s.withTicket(c, func(t *ticket) response {
		in := s.newInput(c)
		result := in.id("ticket_result_id")
		if result != 0 && s.resources["ticket_results"].get(result) == nil {
			in.reject("ticket_result_id", in.words.unknown)
		}
		if in.failed() {
			return in.unprocessable()
		}
		if t.Status == statusClosed {
			return s.actionResponse(c, t, false)
		}
		t.Status, t.ClosedAt, t.closedBy = statusClosed, c.now, c.user.ID
		s.addAudit(t, "TICKET_CLOSED", c.now)
		return s.actionResponse(c, t, true)
	})
}

func (s *Server) reopenTicket(c *call) response {
	return s.withTicket(c, func(t *ticket) response {
		if t.Status != statusClosed {
			return s.actionResponse(c, t, false)
		}
		t.reopen()
		s.addAudit(t, "TICKET_REOPENED", c.now)
		return s.actionResponse(c, t, true)
	})
}

// mergeTickets moves the messages of another ticket to the one in the path and
// deletes the other one.
func (s *Server) mergeTickets(c *call) response {
	return s.withTicket(c, func(t *ticket) response {
		in := s.newInput(c)
		in.require("source_ticket_id")
		source := s.tickets.get(in.id("source_ticket_id"))
		if source == nil {
			in.reject("source_ticket_id", in.words.unknown)
		}
		if in.failed() {
			return in.unprocessable()
		}
		if source == t {
			return in.violation("source_ticket_id", in.words.sameTicket)
		}
		for _, m := range source.messages {
			m.TicketID = t.ID
		}
		t.messages = append(t.messages, source.messages...)
		t.sortMessages()
		s.tickets.delete(source.ID)
		s.addAudit(t, "TICKET_MERGED", c.now)
		return s.actionResponse(c, t, true)
	})
}

func (s *Server) markSpam(c *call) response {
	return s.withTicket(c, func(t *ticket) response {
		changed := t.Status != statusInvalid
		t.Status = statusInvalid
		return s.actionResponse(c, t, changed)
	})
}

func (s *Server) unmarkSpam(c *call) response {
	return s.withTicket(c, func(t *ticket) response {
		if t.Status == statusInvalid {
			t.reopen()
			t.UpdatedAt = c.now
		}
		return s.empty()
	})
}

func (s *Server) star(c *call) response {
	return s.withTicket(c, func(t *ticket) response {
		t.starred = true
		return ok(s.rawTicket(t))
	})
}

func (s *Server) unstar(c *call) response {
	return s.withTicket(c, func(t *ticket) response {
		t.starred = false
		return s.empty()
	})
}

func (s *Server) attachLabel(c *call) response {
	return s.withTicket(c, func(t *ticket) response {
		in := s.newInput(c)
		in.require("label_id")
		id := in.id("label_id")
		label := s.resources["labels"].get(id)
		if label == nil {
			in.reject("label_id", in.words.unknown)
		}
		if in.failed() {
			return in.unprocessable()
		}
		if !slices.Contains(t.LabelIDs, id) {
			t.LabelIDs = append(t.LabelIDs, id)
			t.UpdatedAt = c.now
			s.addAudit(t, "TICKET_LABELED", c.now)
		} else if s.Behavior.RepeatNotFound {
			return s.notFound()
		}
		return ok(*label)
	})
}

func (s *Server) detachLabel(c *call) response {
	return s.withTicket(c, func(t *ticket) response {
		i := slices.Index(t.LabelIDs, c.ids[1])
		if i < 0 && s.Behavior.RepeatNotFound {
			return s.notFound()
		}
		if i >= 0 {
			t.LabelIDs = slices.Delete(t.LabelIDs, i, i+1)
			t.UpdatedAt = c.now
		}
		return s.empty()
	})
}
