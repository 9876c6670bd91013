package soak

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// agentToken is the token of the agents, whose requests do not count for the
// process.
const agentToken = "agents"

const agentPace = 30 * time.Second // on average, between two things that agents do

// agents work at Trengo while events come in. They touch only tickets that the
// process has reported.
type agents struct {
	*soak

	began time.Time

	// mu is not held during a request: a bubble's time stands still while
	// somebody waits for a mutex.
	mu      sync.Mutex
	tickets []reportedTicket
	inbound map[int64]bool // tickets that customers opened by themselves

	counts map[string]int
	// removed are the keys of contacts that agents deleted, by their IDs.
	removed map[int64]string
	gone    map[int64]bool // tickets that agents deleted or merged into another
}

type reportedTicket struct{ id, contact int64 }

// learn tells the agents of a ticket.
func (a *agents) learn(id, contact int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tickets = append(a.tickets, reportedTicket{id, contact})
}

// work does something every now and then until stop is closed.
func (a *agents) work(stop <-chan struct{}) {
	r := rand.New(rand.NewPCG(a.seed, 2))
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(r.Int64N(int64(2 * agentPace)))):
			a.act(r)
		}
	}
}

func (a *agents) act(r *rand.Rand) {
	contacts := a.srv.Contacts()
	if len(contacts) == 0 {
		return
	}
	contact := contacts[r.IntN(len(contacts))]
	key := a.keyOf(contact)
	switch action := r.IntN(10); {
	case action < 3:
		a.do("rename a contact", http.MethodPut, fmt.Sprint("/contacts/", contact.ID), fmt.Sprintf(`{"name":"Agent's %s"}`, key))
	case action == 3:
		a.removed[contact.ID] = key
		a.do("delete a contact", http.MethodDelete, fmt.Sprint("/contacts/", contact.ID), "")
	case action < 6:
		a.writeIn(contact)
	default:
		a.handleTicket(r, action)
	}
}

// writeIn is a customer who opens a ticket.
func (a *agents) writeIn(contact trengotest.Contact) {
	channel := int64(fixtures.EmailChannel)
	if contact.Email == "" {
		channel = fixtures.PhoneChannel
	}
	a.addInbound(contact.ID, channel, "Where is my order?")
}

// writeInAbout is a customer who writes about the same as the process, a moment
// after the process has sent the body of a ticket whose response may be lost.
func (a *agents) writeInAbout(r *rand.Rand, body []byte) {
	var sent struct {
		ContactID int64  `json:"contact_id"`
		ChannelID int64  `json:"channel_id"`
		Subject   string `json:"subject"`
	}
	if err := json.Unmarshal(body, &sent); err != nil {
		a.t.Errorf("ticket that is not JSON: %v", err)
		return
	}
	time.AfterFunc(time.Duration(r.Int64N(int64(20*time.Second))), func() {
		a.addInbound(sent.ContactID, sent.ChannelID, sent.Subject)
	})
}

func (a *agents) addInbound(contact, channel int64, subject string) {
	ticket := a.srv.AddTicket(trengotest.Ticket{ContactID: contact, ChannelID: channel, Subject: subject})
	a.srv.AddMessage(trengotest.Message{TicketID: ticket.ID, Type: "INBOUND", Text: "Where is it?"})
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inbound[ticket.ID] = true
}

func (a *agents) handleTicket(r *rand.Rand, action int) {
	tickets := a.reported()
	if len(tickets) == 0 {
		return
	}
	ticket := tickets[r.IntN(len(tickets))]
	path := fmt.Sprint("/tickets/", ticket.id)
	switch action {
	case 6, 7:
		a.srv.AddMessage(trengotest.Message{TicketID: ticket.id, Type: "INBOUND", Text: "Thank you"})
		a.do("close a ticket", http.MethodPost, path+"/close", "")
	case 8:
		a.gone[ticket.id] = true
		a.do("delete a ticket", http.MethodDelete, path, "")
	default:
		into := slices.IndexFunc(tickets, func(t reportedTicket) bool { return t.contact == ticket.contact && t.id != ticket.id })
		if into >= 0 {
			body := fmt.Sprintf(`{"source_ticket_id":%d}`, ticket.id)
			a.gone[ticket.id] = true
			a.do("merge two tickets", http.MethodPost, fmt.Sprintf("/tickets/%d/merge", tickets[into].id), body)
		}
	}
}

// reported returns the tickets that were reported and still exist.
func (a *agents) reported() []reportedTicket {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tickets = slices.DeleteFunc(a.tickets, func(t reportedTicket) bool { return a.gone[t.id] })
	return slices.Clone(a.tickets)
}

// do sends a request that must succeed.
func (a *agents) do(what, method, path, body string) {
	a.counts[what]++
	req, err := http.NewRequestWithContext(context.Background(), method, "https://app.trengo.com/api/v2"+path, strings.NewReader(body))
	if err != nil {
		a.t.Error(err)
		return
	}
	req.Header.Set("Authorization", "Bearer "+agentToken)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/json")
	resp, err := a.srv.RoundTrip(req)
	if err != nil {
		a.t.Errorf("agents cannot %s: %v", what, err)
		return
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode >= http.StatusMultipleChoices {
		a.t.Errorf("agents cannot %s: %d %s", what, resp.StatusCode, text)
	}
}
