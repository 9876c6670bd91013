package trengotest

import (
	"strings"
)

// A matcher reports whether a text or a phone number contains a search term.
type matcher struct {
	term   string
	digits string // of a term that may be part of a phone number, otherwise ""
	fold   bool
}

func (s *Server) newMatcher(term string) matcher {
	m := matcher{term: strings.TrimSpace(term), fold: !s.Behavior.CaseSensitiveSearch}
	if strings.Trim(m.term, "+0123456789 -()./") == "" {
		m.digits = digitsOf(m.term)
	}
	if m.fold {
		m.term = strings.ToLower(m.term)
	}
	return m
}

func (m matcher) matchesContact(c *contact) bool {
	return m.matches(c.Name) || m.matches(c.Email) || m.matches(c.Phone) || m.matchesPhone(c.Phone)
}

func (m matcher) matches(text string) bool {
	if m.fold {
		text = strings.ToLower(text)
	}
	return strings.Contains(text, m.term)
}

// matchesPhone compares digits only, so that formatting does not matter.
func (m matcher) matchesPhone(phone string) bool {
	return m.digits != "" && strings.Contains(digitsOf(phone), m.digits)
}
