package trengotest

import (
	"slices"
	"time"
)

// onTicket calls act with the ticket that the path names.
func (s *Server) onTicket(c *call, act func(*ticket) answer) answer {
	t := s.tickets.get(c.ids[0])
	if t == nil {
		return s.notFound()
	}
	return act(t)
}

// changed is the answer to an action that succeeded. One that had nothing to do
// leaves the date of the ticket alone.
func (s *Server) changed(c *call, t *ticket, change bool) answer {
	if !change && s.Behavior.RepeatNotFound {
		return s.notFound()
	}
	if change {
		t.UpdatedAt = c.now
	}
	return ok(s.rawTicket(t))
}

func (s *Server) assignTicket(c *call) answer {
	return s.onTicket(c, func(t *ticket) answer {
		in := s.input(c)
		in.require("type")
		userID, teamID := in.assignee(s)
		note := in.text("note")
		if in.failed() {
			return in.unprocessable()
		}
		change := s.assign(c, t, userID, teamID)
		if note != "" && (change || !s.Behavior.RepeatNotFound) {
			s.attach(t, Message{UserID: c.user.ID, Type: typeNote, BodyType: bodyText, Text: note, CreatedAt: c.now})
		}
		return s.changed(c, t, change)
	})
}

// assignee reads whom a ticket goes to: a user or a team.
func (in *input) assignee(s *Server) (userID, teamID int64) {
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

// assign gives t to a user, who keeps its team, or to a team, where it has no user
// and is open to all.
func (s *Server) assign(c *call, t *ticket, userID, teamID int64) bool {
	status := statusOpen
	if userID != 0 {
		status, teamID = statusAssigned, t.TeamID
	}
	if t.Status == status && t.UserID == userID && t.TeamID == teamID {
		return false
	}
	t.Status, t.UserID, t.TeamID = status, userID, teamID
	t.ClosedAt, t.closedBy = time.Time{}, 0
	t.assignedAt, t.assignedBy = c.now, c.user.ID
	s.audit(t, "TICKET_ASSIGNED", c.now)
	return true
}

func (s *Server) closeTicket(c *call) answer {
	return s.onTicket(c, func(t *ticket) answer {
		in := s.input(c)
		result := in.id("ticket_result_id")
		if result != 0 && s.resources["ticket_results"].get(result) == nil {
			in.reject("ticket_result_id", in.words.unknown)
		}
		if in.failed() {
			return in.unprocessable()
		}
		if t.Status == statusClosed {
			return s.changed(c, t, false)
		}
		t.Status, t.ClosedAt, t.closedBy = statusClosed, c.now, c.user.ID
		s.audit(t, "TICKET_CLOSED", c.now)
		return s.changed(c, t, true)
	})
}

func (s *Server) reopenTicket(c *call) answer {
	return s.onTicket(c, func(t *ticket) answer {
		if t.Status != statusClosed {
			return s.changed(c, t, false)
		}
		t.reopen()
		s.audit(t, "TICKET_REOPENED", c.now)
		return s.changed(c, t, true)
	})
}

// reopen gives t the state it has when it is neither closed nor spam.
func (t *ticket) reopen() {
	t.Status = statusOpen
	if t.UserID != 0 {
		t.Status = statusAssigned
	}
	t.ClosedAt, t.closedBy = time.Time{}, 0
}

// mergeTickets moves the messages of another ticket to the one in the path, and
// the other is gone.
func (s *Server) mergeTickets(c *call) answer {
	return s.onTicket(c, func(t *ticket) answer {
		in := s.input(c)
		in.require("source_ticket_id")
		source := s.tickets.get(in.id("source_ticket_id"))
		if source == nil {
			in.reject("source_ticket_id", in.words.unknown)
		}
		if in.failed() {
			return in.unprocessable()
		}
		if source == t {
			return in.refusal("source_ticket_id", in.words.sameTicket)
		}
		for _, m := range source.messages {
			m.TicketID = t.ID
		}
		t.messages = append(t.messages, source.messages...)
		t.sortMessages()
		s.tickets.delete(source.ID)
		s.audit(t, "TICKET_MERGED", c.now)
		return s.changed(c, t, true)
	})
}

func (s *Server) markSpam(c *call) answer {
	return s.onTicket(c, func(t *ticket) answer {
		change := t.Status != statusInvalid
		t.Status = statusInvalid
		return s.changed(c, t, change)
	})
}

func (s *Server) unmarkSpam(c *call) answer {
	return s.onTicket(c, func(t *ticket) answer {
		if t.Status == statusInvalid {
			t.reopen()
			t.UpdatedAt = c.now
		}
		return s.empty()
	})
}

func (s *Server) star(c *call) answer {
	return s.onTicket(c, func(t *ticket) answer {
		t.starred = true
		return ok(s.rawTicket(t))
	})
}

func (s *Server) unstar(c *call) answer {
	return s.onTicket(c, func(t *ticket) answer {
		t.starred = false
		return s.empty()
	})
}

func (s *Server) attachLabel(c *call) answer {
	return s.onTicket(c, func(t *ticket) answer {
		in := s.input(c)
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
			s.audit(t, "TICKET_LABELED", c.now)
		} else if s.Behavior.RepeatNotFound {
			return s.notFound()
		}
		return ok(*label)
	})
}

func (s *Server) detachLabel(c *call) answer {
	return s.onTicket(c, func(t *ticket) answer {
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
