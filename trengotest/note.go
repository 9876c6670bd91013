package trengotest

import (
	"slices"
	"time"
)

// note is a remark of a colleague about a contact.
type note struct {
	id        int64
	userID    int64
	body      string
	createdAt time.Time
}

// createNote takes the text as note and answers with it as body.
func (s *Server) createNote(c *call) answer {
	about := s.contacts.get(c.ids[0])
	if about == nil {
		return s.notFound()
	}
	in := s.input(c)
	in.require("note")
	n := note{userID: c.user.ID, body: in.text("note"), createdAt: c.now}
	if in.failed() {
		return in.unprocessable()
	}
	n.id = s.noteIDs.take(0)
	about.notes = append(about.notes, n)
	return ok(s.noteObject(about, n))
}

func (s *Server) deleteNote(c *call) answer {
	about := s.contacts.get(c.ids[0])
	if about == nil {
		return s.notFound()
	}
	i := slices.IndexFunc(about.notes, func(n note) bool { return n.id == c.ids[1] })
	if i < 0 {
		return s.notFound()
	}
	about.notes = slices.Delete(about.notes, i, i+1)
	return s.empty()
}

func (s *Server) noteObject(about *contact, n note) object {
	return object{
		"id":         n.id,
		"contact":    s.contactBase(about),
		"user":       s.userOrNull(n.userID),
		"body":       n.body,
		"created_at": s.getTime(n.createdAt),
	}
}
