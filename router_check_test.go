package trengo_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/trengo-go/trengo"
)

func (s *simulation) check() {
	s.checkLimit()
	if n := s.router.left(); n > 0 {
		s.t.Errorf("%d events are still not delivered after %s", n, simPatience)
		return
	}
	s.checkStatuses()
	s.checkContacts()
	s.checkTickets()
	if sent := float64(len(s.srv.Requests())); s.most > 0 && sent > s.most*float64(s.load.ideal) {
		s.t.Errorf("%.0f requests, where %d would do", sent, s.load.ideal)
	}
	if took, ideal := s.took(), s.shortest(); s.longest > 0 && took.Seconds() > s.longest*ideal.Seconds() {
		s.t.Errorf("drained in %s, where %s would do", took, ideal)
	}
}

// checkStatuses looks for events that RudderStack would show as lost, and for
// bad ones that it would deliver for ever.
func (s *simulation) checkStatuses() {
	if s.arrays {
		// An array with a bad event is aborted as a whole once the rest is done.
		return
	}
	for _, ev := range s.load.events {
		switch {
		case ev.bad && ev.status != http.StatusBadRequest:
			s.t.Errorf("%s, which is bad, ended with %d", ev.message, ev.status)
		case !ev.bad && ev.status != http.StatusOK:
			s.t.Errorf("%s was aborted with %d after %d attempts", ev.message, ev.status, ev.attempts)
		}
	}
}

// keys returns whose the contacts are.
func (s *simulation) keys() map[int64]string {
	keys := map[int64]string{}
	for _, contact := range s.srv.Contacts() {
		keys[contact.ID] = strings.ToLower(contact.Email)
		if s.kind == trengo.IdentifierPhone {
			keys[contact.ID] = strings.TrimPrefix(contact.Phone, "+")
		}
	}
	return keys
}

func (s *simulation) checkContacts() {
	keys, names := s.keys(), map[string]string{}
	for _, contact := range s.srv.Contacts() {
		if _, twice := names[keys[contact.ID]]; twice {
			s.t.Errorf("contact %d is there already", contact.ID)
		}
		names[keys[contact.ID]] = contact.Name
	}
	for i := range s.load.people {
		person := &s.load.people[i]
		name, ok := names[person.key]
		delete(names, person.key)
		if want := person.known || person.met; ok != want {
			s.t.Errorf("person %d has a contact: %t, want %t", i, ok, want)
		}
		if len(person.names) > 0 && !slices.Contains(person.lastNames(), name) {
			s.t.Errorf("person %d ends as %q, want the last name of one of the users: %v", i, name, person.names)
		}
	}
	if len(names) > 0 {
		s.t.Errorf("%d contacts are nobody's", len(names))
	}
}

// checkTickets allows a ticket too many for each event that was under way at a
// kill.
func (s *simulation) checkTickets() {
	keys := s.keys()
	ofPerson, ofMessage := map[string]int{}, map[string]int{}
	for _, ticket := range s.srv.Tickets() {
		ofPerson[keys[ticket.ContactID]]++
		ofMessage[strings.TrimPrefix(ticket.Subject, loadSubjectBegins)]++
	}
	most := map[string]int{}
	for i := range s.load.people {
		most[s.load.people[i].key] = s.load.people[i].tracks
	}
	owners := map[int64]string{}
	for _, ev := range s.load.events {
		if !ev.opensTicket() {
			continue
		}
		atMost := 1
		if s.service.wasKilled(ev.body) {
			atMost = 2
			most[s.load.people[ev.person].key]++
		}
		// Tickets by phone have no subject that would tell them apart.
		if n := ofMessage[ev.message]; s.kind == trengo.IdentifierEmail && (n < 1 || n > atMost) {
			s.t.Errorf("%s has %d tickets, want 1 to %d", ev.message, n, atMost)
		}
		if n := len(s.tickets[ev.message]); n < 1 || n > atMost {
			s.t.Errorf("%s was answered with %d tickets, want 1 to %d", ev.message, n, atMost)
		}
		for id := range s.tickets[ev.message] {
			if other, taken := owners[id]; taken && other != ev.message {
				s.t.Errorf("%s and %s were answered with the same ticket", ev.message, other)
			}
			owners[id] = ev.message
		}
	}
	for i := range s.load.people {
		person := &s.load.people[i]
		if n := ofPerson[person.key]; n < person.tracks || n > most[person.key] {
			s.t.Errorf("person %d has %d tickets, want %d to %d", i, n, person.tracks, most[person.key])
		}
	}
}

// checkLimit counts for itself: what Trengo counts depends on when its window
// opens.
func (s *simulation) checkLimit() {
	refused := tooMany(s.srv)
	if refused > routerWorkers {
		s.t.Errorf("%d 429s by Trengo: more than were on their way at the first", refused)
	}
	if s.restarts {
		return
	}
	if refused > 0 {
		s.t.Errorf("%d 429s by Trengo", refused)
	}
	counted := s.counted()
	for i, at := range counted[min(serverLimit, len(counted)):] {
		if within := at.Sub(counted[i]); within < serverWindow {
			s.t.Errorf("%d requests within %s", serverLimit+1, within)
			return
		}
	}
}

// counted is when the requests came that Trengo counts.
func (s *simulation) counted() (counted []time.Time) {
	for _, r := range s.srv.Requests() {
		if r.Fault != "NoConnection" && r.Fault != "LostBefore" && r.Status != http.StatusTooManyRequests {
			counted = append(counted, r.Time)
		}
	}
	return counted
}

func (s *simulation) took() time.Duration { return s.router.drained.Sub(s.began) }

// shortest is when the last event could be done: the fewest requests, at the
// pace of the limit.
func (s *simulation) shortest() time.Duration {
	last := s.load.events[len(s.load.events)-1].at
	return max(last, time.Duration(s.load.ideal)*serverWindow/serverLimit)
}

func (s *simulation) print() {
	requests, searches := s.srv.Requests(), 0
	for _, r := range requests {
		if r.Method == http.MethodGet && r.Path == "/contacts" {
			searches++
		}
	}
	attempts := 0
	for _, n := range s.router.statuses {
		attempts += n
	}
	people, tracks := 0, 0
	for i := range s.load.people {
		tracks += s.load.people[i].tracks
		if s.load.people[i].met {
			people++
		}
	}
	events := float64(len(s.load.events))
	took := s.took()
	used := float64(len(s.counted())) / (took.Minutes() * serverLimit)
	line := fmt.Sprintf("%s: %d deliveries, %d attempts, of which %d 429s, %d 503s and %d 504s; %d 429s by Trengo; "+
		"drained in %s (at best %s), with %.0f %% of the limit; %.2f requests per event (at best %.2f), %.2f searches per person",
		s.name, len(s.router.ended), attempts, s.router.statuses[429], s.router.statuses[503], s.router.statuses[504], tooMany(s.srv),
		took.Round(time.Second), s.shortest().Round(time.Second), 100*used,
		float64(len(requests))/events, float64(s.load.ideal)/events, float64(searches)/float64(people))
	if s.service.killed > 0 {
		line += fmt.Sprintf("; tickets doubled: %d; %d events were under way at the kills", len(s.srv.Tickets())-tracks, s.service.killed)
	}
	s.t.Log(line)
}
