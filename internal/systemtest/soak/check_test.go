package soak

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// keyOf returns which person a contact is.
func (s *soak) keyOf(contact trengotest.Contact) string {
	if s.kind == trengo.IdentifierPhone {
		return strings.NewReplacer("+", "", " ", "").Replace(contact.Phone)
	}
	return strings.ToLower(contact.Email)
}

func (s *soak) check() {
	people := maps.Clone(s.agents.removed)
	names := map[string]string{}
	for _, contact := range s.srv.Contacts() {
		key := s.keyOf(contact)
		if _, exists := names[key]; exists {
			s.t.Errorf("contact %d is a duplicate", contact.ID)
		}
		people[contact.ID], names[key] = key, contact.Name
		if !slices.Contains(s.people, key) {
			s.t.Errorf("contact %d does not belong to a person", contact.ID)
		}
		if contact.Name != "" && !strings.Contains(contact.Name+" ", " "+key+" ") && !strings.HasPrefix(contact.Name, key) {
			s.t.Errorf("contact %d has the name of another person", contact.ID)
		}
	}
	tickets := s.checkTickets(people)
	var longest time.Duration
	deliveries, repeated := 0, 0
	for _, ev := range s.events {
		longest = max(longest, ev.took)
		deliveries += ev.attempts
		if ev.processed > 1 {
			// An update may be sent again after a cancellation. A ticket may not.
			repeated++
		}
		if people[ev.contact] != s.people[ev.person] {
			s.t.Errorf("event %d went to the contact of another person", ev.number)
		}
	}
	if longest > soakMaxDuration {
		s.t.Errorf("an event was done %s after it happened, want at most %s", longest, soakMaxDuration)
	}
	s.checkLimit()
	s.t.Logf("%d events of %d people, %d tickets; %v; agents: %v; %d tickets of customers; %d requests; the slowest event took %s; %d deliveries, %d of which repeated a success that was not reported",
		len(s.events), len(names), tickets, s.deliveries, s.agents.counts, len(s.agents.inbound), len(s.srv.Requests()), longest.Round(time.Second), deliveries, repeated)
}

// checkTickets fails unless each track event opened one ticket of its person, and
// returns their number.
func (s *soak) checkTickets(people map[int64]string) int {
	owners := map[int64]*event{}
	for _, ev := range s.events {
		switch {
		case !ev.track:
		case ev.ticket == 0:
			s.t.Errorf("event %d is without a ticket", ev.number)
		case owners[ev.ticket] != nil:
			s.t.Errorf("events %d and %d have the same ticket", ev.number, owners[ev.ticket].number)
		default:
			owners[ev.ticket] = ev
		}
	}
	remaining := maps.Clone(owners)
	for _, ticket := range s.srv.Tickets() {
		ev := owners[ticket.ID]
		delete(remaining, ticket.ID)
		switch {
		case ev == nil && !s.agents.inbound[ticket.ID]:
			s.t.Errorf("ticket %d does not belong to an event", ticket.ID)
		case ev == nil:
		case s.agents.inbound[ticket.ID]:
			s.t.Errorf("event %d was credited with the ticket of a customer", ev.number)
		case people[ticket.ContactID] != s.people[ev.person]:
			s.t.Errorf("the ticket of event %d belongs to another person", ev.number)
		case s.kind == trengo.IdentifierEmail && ticket.Subject != fmt.Sprint(fixtures.TrackEvent, " ", ev.number):
			s.t.Errorf("the ticket of event %d has the subject of another event", ev.number)
		}
	}
	for id, ev := range remaining {
		if !s.agents.gone[id] {
			s.t.Errorf("ticket %d of event %d does not exist", id, ev.number)
		}
	}
	return len(owners)
}

// checkLimit fails if Trengo itself refused a request because of the rate limit.
func (s *soak) checkLimit() {
	refused := 0
	for _, r := range s.srv.Requests() {
		if r.Status == http.StatusTooManyRequests && r.Fault == "" {
			refused++
		}
	}
	if refused > 0 {
		s.t.Errorf("Trengo refused %d requests because of its rate limit", refused)
	}
}
