package trengotest

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// noID matches no object.
const noID = -1

func (s *Server) listTickets(c *call) response {
	found := s.tickets.all(s.ticketFilter(c.record.Query))
	slices.SortFunc(found, func(a, b *ticket) int {
		return cmp.Or(b.lastActivity().Compare(a.lastActivity()), cmp.Compare(b.ID, a.ID))
	})
	if c.record.Query.Get("sort") == "date" {
		slices.Reverse(found)
	}
	return listResponse(s, c, listing{size: defaultPageSize}, found, s.ticketListItem)
}

// ticketFilter returns a function that accepts the tickets that meet all conditions
// of the query.
func (s *Server) ticketFilter(query url.Values) func(*ticket) bool {
	var conditions []func(*ticket) bool
	where := func(given bool, condition func(*ticket) bool) {
		if given {
			conditions = append(conditions, condition)
		}
	}
	status := query.Get("status")
	where(status != "", func(t *ticket) bool { return t.Status == status })

	contactIDs := queryIDs(query, "contact_id")
	where(contactIDs != nil, func(t *ticket) bool { return slices.Contains(contactIDs, t.ContactID) })

	channelIDs := append(queryIDs(query, "channels"), queryIDs(query, "channel_id")...)
	where(channelIDs != nil, func(t *ticket) bool { return slices.Contains(channelIDs, t.ChannelID) })

	userIDs := queryIDs(query, "users")
	where(userIDs != nil, func(t *ticket) bool { return slices.Contains(userIDs, t.UserID) })

	labelIDs := queryIDs(query, "labels")
	where(labelIDs != nil, func(t *ticket) bool {
		return slices.ContainsFunc(labelIDs, func(id int64) bool { return slices.Contains(t.LabelIDs, id) })
	})

	last := query.Get("last_message_type")
	where(last != "", func(t *ticket) bool {
		m := t.lastMessage("")
		return m != nil && m.Type == last
	})

	since, isDate := s.parseTime(query.Get("updated_at_gt"))
	where(isDate && !s.Behavior.IgnoreUpdatedAfter, func(t *ticket) bool { return t.UpdatedAt.After(since) })

	m := s.newMatcher(query.Get("term"))
	where(m.term != "", func(t *ticket) bool {
		customer := s.contacts.get(t.ContactID)
		return m.matches(t.Subject) || customer != nil && m.matchesContact(customer)
	})

	return func(t *ticket) bool {
		return !slices.ContainsFunc(conditions, func(accepts func(*ticket) bool) bool { return !accepts(t) })
	}
}

// queryIDs reads a list of IDs in every notation that clients use: name[]=1,
// name[0]=1 and name=1. It returns nil if there is none. A value that is not an ID
// becomes noID.
func queryIDs(query url.Values, name string) []int64 {
	var ids []int64
	for key, values := range query {
		if key != name && !strings.HasPrefix(key, name+"[") {
			continue
		}
		for _, v := range values {
			if v == "" {
				continue
			}
			id, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				id = noID
			}
			ids = append(ids, id)
		}
	}
	return ids
}
