package router

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
)

// Trengo's rate limit.
const (
	serverLimit  = 120
	serverWindow = time.Minute
)

func (s *simulation) check() {
	s.checkLimit()
	if n := s.router.remaining(); n > 0 {
		s.t.Errorf("%d events are not delivered after %s", n, simulationTimeout)
		return
	}
	s.checkStatuses()
	s.checkContacts()
	s.checkTickets()
	if sent := float64(len(s.srv.Requests())); s.maxRequests > 0 && sent > s.maxRequests*float64(s.load.ideal) {
		s.t.Errorf("%.0f requests, more than %.2f times the fewest, %d", sent, s.maxRequests, s.load.ideal)
	}
	if took, ideal := s.took(), s.shortest(); s.maxDuration > 0 && took.Seconds() > s.maxDuration*ideal.Seconds() {
		s.t.Errorf("drained in %s, more than %.1f times the shortest time, %s", took, s.maxDuration, ideal)
	}
}

// checkStatuses fails for events that RudderStack would show as lost, and for
// invalid ones that it would deliver for ever.
func (s *simulation) checkStatuses() {
	if s.batches {
		// An invalid event aborts its array once the other events are done.
		return
	}
	for _, ev := range s.load.events {
		switch {
		case ev.invalid && ev.status != http.StatusBadRequest:
			s.t.Errorf("%s, which is invalid, ended with %d", ev.message, ev.status)
		case !ev.invalid && ev.status != http.StatusOK:
			s.t.Errorf("%s was aborted with %d after %d attempts", ev.message, ev.status, ev.attempts)
		}
	}
}

// keys returns the people's keys by the IDs of their contacts.
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
		if _, exists := names[keys[contact.ID]]; exists {
			s.t.Errorf("contact %d is a duplicate", contact.ID)
		}
		names[keys[contact.ID]] = contact.Name
	}
	for i := range s.load.people {
		p := &s.load.people[i]
		name, ok := names[p.key]
		delete(names, p.key)
		if want := p.known || p.affected; ok != want {
			s.t.Errorf("person %d has a contact: %t, want %t", i, ok, want)
		}
		if len(p.names) > 0 && !slices.Contains(p.lastNames(), name) {
			s.t.Errorf("person %d is called %q, want the last name of one of the user IDs: %v", i, name, p.names)
		}
	}
	if len(names) > 0 {
		s.t.Errorf("%d contacts do not belong to a person", len(names))
	}
}

// checkTickets allows one more ticket for each event that was in flight at a
// kill.
func (s *simulation) checkTickets() {
	keys := s.keys()
	ofPerson, ofMessage := map[string]int{}, map[string]int{}
	for _, ticket := range s.srv.Tickets() {
		ofPerson[keys[ticket.ContactID]]++
		ofMessage[strings.TrimPrefix(ticket.Subject, loadSubjectPrefix)]++
	}
	maxOfPerson := map[string]int{}
	for i := range s.load.people {
		maxOfPerson[s.load.people[i].key] = s.load.people[i].tracks
	}
	owners := map[int64]string{}
	for _, ev := range s.load.events {
		if !ev.opensTicket() {
			continue
		}
		most := 1
		if s.service.wasKilled(ev.body) {
			most = 2
			maxOfPerson[s.load.people[ev.person].key]++
		}
		// Tickets on the phone channel have no subject that identifies the event.
		if n := ofMessage[ev.message]; s.kind == trengo.IdentifierEmail && (n < 1 || n > most) {
			s.t.Errorf("%s has %d tickets, want 1 to %d", ev.message, n, most)
		}
		if n := len(s.tickets[ev.message]); n < 1 || n > most {
			s.t.Errorf("%d tickets were reported for %s, want 1 to %d", n, ev.message, most)
		}
		for id := range s.tickets[ev.message] {
			if other, exists := owners[id]; exists && other != ev.message {
				s.t.Errorf("the same ticket was reported for %s and %s", ev.message, other)
			}
			owners[id] = ev.message
		}
	}
	for i := range s.load.people {
		p := &s.load.people[i]
		if n := ofPerson[p.key]; n < p.tracks || n > maxOfPerson[p.key] {
			s.t.Errorf("person %d has %d tickets, want %d to %d", i, n, p.tracks, maxOfPerson[p.key])
		}
	}
}

func (s *simulation) refused() int {
	return testkit.CountStatus(s.srv.Server, http.StatusTooManyRequests)
}

// checkLimit counts the requests of every interval, wherever Trengo's window
// begins.
func (s *simulation) checkLimit() {
	refused := s.refused()
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

// counted returns the times of the requests that Trengo counts.
func (s *simulation) counted() (counted []time.Time) {
	for _, r := range s.srv.Requests() {
		if r.Fault != "NoConnection" && r.Fault != "LostBefore" && r.Status != http.StatusTooManyRequests {
			counted = append(counted, r.Time)
		}
	}
	return counted
}

// took returns how long it took until the last event was done.
func (s *simulation) took() time.Duration { return s.router.drained.Sub(s.began) }

// shortest returns the shortest time until the last event can be done: the
// fewest requests, as fast as the limit allows.
func (s *simulation) shortest() time.Duration {
	last := s.load.events[len(s.load.events)-1].at
	return max(last, time.Duration(s.load.ideal)*serverWindow/serverLimit)
}

func (s *simulation) log() {
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
		if s.load.people[i].affected {
			people++
		}
	}
	events := float64(len(s.load.events))
	took := s.took()
	used := float64(len(s.counted())) / (took.Minutes() * serverLimit)
	line := fmt.Sprintf("%d deliveries, %d attempts, of which %d 429s, %d 503s and %d 504s; %d 429s by Trengo; "+
		"drained in %s (shortest: %s), with %.0f %% of the limit; %.2f requests per event (fewest: %.2f), %.2f searches per person",
		len(s.router.ended), attempts, s.router.statuses[429], s.router.statuses[503], s.router.statuses[504], s.refused(),
		took.Round(time.Second), s.shortest().Round(time.Second), 100*used,
		float64(len(requests))/events, float64(s.load.ideal)/events, float64(searches)/float64(people))
	if s.service.killed > 0 {
		line += fmt.Sprintf("; %d tickets too many; %d events were in flight at the kills", len(s.srv.Tickets())-tracks, s.service.killed)
	}
	s.t.Log(line)
}
