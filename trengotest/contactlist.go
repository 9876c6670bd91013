package trengotest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

func (s *Server) listContacts(c *call) answer {
	query := c.record.Query
	m := s.matcher(query.Get("term"))
	channelID, _ := strconv.ParseInt(query.Get("channel_id"), 10, 64)
	found := s.contacts.all(func(one *contact) bool {
		if m.term != "" && (one.visibleAt.After(c.now) || !m.matchesContact(one)) {
			return false
		}
		return channelID == 0 || !s.Behavior.ContactChannelFilter || slices.Contains(one.ChannelIDs, channelID)
	})
	slices.SortFunc(found, func(a, b *contact) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
	})
	return list(s, c, listing{size: defaultPageSize}, found, s.contactListItem)
}

// A matcher tells whether a text or a phone contains the term of a search.
type matcher struct {
	term   string
	digits string // of a term that may be part of a phone, else ""
	fold   bool
}

func (s *Server) matcher(term string) matcher {
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

// matchesPhone compares digits with digits, so that format does not matter.
func (m matcher) matchesPhone(phone string) bool {
	return m.digits != "" && strings.Contains(digitsOf(phone), m.digits)
}
