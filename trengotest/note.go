package trengotest

import (
	"slices"
	"time"
)

// A note is a remark of a user about a contact.
type note struct {
	id        int64
	userID    int64
	body      string
	createdAt time.Time
}

// createNote reads the text from the field note. The response has it in body.
func (s *Server) createNote(c *call) response {
	customer := s.contacts.get(c.ids[0])
	if customer == nil {
		return s.notFound()
	}
	in := s.newInput(c)
	in.require("note")
	n := note{userID: c.user.ID, body: in.text("note"), createdAt: c.now}
	if in.failed() {
		return in.unprocessable()
	}
	n.id = s.noteIDs.take(0)
	customer.notes = append(customer.notes, n)
	return ok(s.noteObject(customer, n))
}

func (s *Server) deleteNote(c *call) response {
	customer := s.contacts.get(c.ids[0])
	if customer == nil {
		return s.notFound()
	}
	i := slices.IndexFunc(customer.notes, func(n note) bool { return n.id == c.ids[1] })
	if i < 0 {
		return s.notFound()
	}
	customer.notes = slices.Delete(customer.notes, i, i+1)
	return s.empty()
}

func (s *Server) noteObject(customer *contact, n note) object {
	return object{
		"id":         n.id,
		"contact":    s.contactBase(customer),
		"user":       s.userOrNull(n.userID),
		"body":       n.body,
		"created_at": s.getTime(n.createdAt),
	}
}
