package faults

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// A lostTicketScene is what else happens to a contact whose ticket may be lost.
type lostTicketScene struct {
	name string
	// before is called before the process starts, and prepare when it runs.
	before, prepare func(*lostTicketRun)
	// opening is called when the request that creates the ticket arrives.
	opening func(*lostTicketRun)
	// between is called after each delivery that failed.
	between func(*lostTicketRun)
	slow    bool
	// mayTakeOther reports that the event may be taken for done because of a
	// ticket that another one created.
	mayTakeOther bool
	// mayNeedHelp reports that the outcome may stay unknown until somebody
	// looks.
	mayNeedHelp bool
}

var lostTicketScenes = []lostTicketScene{
	{name: "nothing else"},
	{name: "1,500 old tickets", slow: true, before: func(r *lostTicketRun) {
		for i := range 1500 {
			r.addTicket(trengotest.Ticket{Status: "CLOSED", CreatedAt: time.Now().Add(-time.Duration(1500-i) * time.Hour)})
		}
	}},
	{name: "1,500 new tickets", slow: true, mayNeedHelp: true, mayTakeOther: true, prepare: func(r *lostTicketRun) {
		for range 1500 {
			r.addTicket(trengotest.Ticket{})
		}
	}},
	{name: "the customer opens a ticket before", opening: (*lostTicketRun).addCustomersTicket},
	{name: "the customer opens a ticket after", between: (*lostTicketRun).addCustomersTicket},
	{name: "the customer opens a ticket, and agents reply", opening: func(r *lostTicketRun) {
		r.addCustomersTicket()
		r.srv.AddMessage(trengotest.Message{
			TicketID: r.srv.Tickets()[len(r.srv.Tickets())-1].ID, Type: "OUTBOUND", UserID: r.srv.Users()[0].ID, Text: "Hello",
		})
	}},
	{name: "agents write a note", between: func(r *lostTicketRun) {
		r.addMessageToAll(trengotest.Message{Type: "NOTE", UserID: r.srv.Users()[0].ID, Text: "For Kim"})
	}},
	{name: "agents reply", between: func(r *lostTicketRun) {
		r.addMessageToAll(trengotest.Message{Type: "OUTBOUND", UserID: r.srv.Users()[0].ID, Text: "Hello"})
	}},
	{name: "agents close", between: func(r *lostTicketRun) {
		for id := range r.created() {
			if err := r.agent.Tickets.Close(r.t.Context(), id, trengo.TicketCloseParams{}); err != nil {
				r.t.Fatal(err)
			}
		}
	}},
	{name: "the customer replies on it", mayNeedHelp: true, between: func(r *lostTicketRun) {
		r.addMessageToAll(trengotest.Message{Text: "Hello"})
	}},
	{name: "another process opens such a ticket before", mayTakeOther: true, opening: func(r *lostTicketRun) {
		r.addTicket(trengotest.Ticket{UserID: r.srv.Users()[0].ID})
	}},
	{name: "another process opens two", mayTakeOther: true, opening: func(r *lostTicketRun) {
		r.addTicket(trengotest.Ticket{})
		r.addTicket(trengotest.Ticket{})
	}},
	{name: "another process opens one after", mayTakeOther: true, between: func(r *lostTicketRun) {
		if r.deliveries == 1 {
			r.addTicket(trengotest.Ticket{})
		}
	}},
	{name: "no room for another unknown outcome", prepare: (*lostTicketRun).fillMemory},
	{name: "subjects are stored otherwise", prepare: func(r *lostTicketRun) {
		r.srv.Behavior.StoreSubject = func(s string) string { return " " + strings.ReplaceAll(s, " ", "&nbsp;") }
	}},
	{name: "subjects are not stored", prepare: func(r *lostTicketRun) {
		r.srv.Behavior.StoreSubject = func(string) string { return "" }
	}},
}

var lostTicketShapes = map[string]trengotest.Behavior{
	"as recorded":              {},
	"without latest messages":  {NullLatestMessage: true, AuditLines: true},
	"without a filter by date": {IgnoreUpdatedAfter: true, Zone: time.FixedZone("", 14*3600)},
}

// A lostTicketCase is one cell of the matrix.
type lostTicketCase struct {
	lostTicketScene
	matrixFault
	request     int // which request of the first delivery fails, from 1
	outage      bool
	warm, phone bool
	other       bool // an event of the same contact between the deliveries
}

func (c lostTicketCase) String() string {
	return fmt.Sprintf("%s; %s at request %d, outage %t, warm %t, phone %t, other event %t",
		c.lostTicketScene.name, c.matrixFault.name, c.request, c.outage, c.warm, c.phone, c.other)
}

// Whatever happens around a lost ticket, none is created twice, and every event is
// done within minutes or says that somebody has to look. Without -soak, each scene
// meets each fault at each request, with one or two combinations of the options.
func TestLostTicketMatrix(t *testing.T) {
	t.Parallel()
	for shape, behavior := range lostTicketShapes {
		t.Run(shape, func(t *testing.T) {
			t.Parallel()
			cells, helped := 0, 0
			isReversed := behavior.NullLatestMessage || behavior.IgnoreUpdatedAfter
			for s, scene := range lostTicketScenes {
				for f, fault := range matrixFaults {
					for request := 1; request <= 3; request++ {
						if scene.slow && request != 2 && !testkit.Soak() {
							continue
						}
						combinations := 2
						if scene.slow || isReversed {
							combinations = 1
						}
						for _, bits := range lostTicketOptions(s+f+request, combinations) {
							c := lostTicketCase{
								lostTicketScene: scene, matrixFault: fault, request: request,
								outage: bits&1 != 0, warm: bits&2 != 0, phone: bits&4 != 0, other: bits&8 != 0,
							}
							cells++
							synctest.Test(t, func(t *testing.T) {
								if c.run(t, behavior) {
									helped++
								}
							})
						}
					}
				}
			}
			t.Logf("%d cells, in %d of which somebody had to look", cells, helped)
		})
	}
}

// lostTicketOptions returns the bits of the options of the nth cells: without -soak,
// so many of the combinations in turn.
func lostTicketOptions(n, combinations int) []int {
	all := combinedOptions()
	if testkit.Soak() {
		return all
	}
	return []int{all[n%len(all)], all[(n+2)%len(all)]}[:combinations]
}

// A lostTicketRun is a cell while it runs.
type lostTicketRun struct {
	lostTicketCase
	t           *testing.T
	srv         *fixtures.Fixture
	agent       *trengo.Client
	destination *trengo.Destination
	contactID   int64
	others      map[int64]bool // tickets that the destination did not create for the contact
	deliveries  int
}

// lostTicketDeliveries is how often an event is delivered, every 40 seconds.
const lostTicketDeliveries = 8

// run reports whether somebody had to look.
func (c lostTicketCase) run(t *testing.T, behavior trengotest.Behavior) (helped bool) {
	r := &lostTicketRun{lostTicketCase: c, t: t, srv: fixtures.New(t), others: map[int64]bool{}}
	r.srv.Behavior = behavior
	r.srv.Behavior.SearchDelay = c.searchDelay
	r.srv.SetRateLimit(fixtures.Unlimited)
	contact := r.srv.AddContact(trengotest.Contact{Name: "Ann", Email: fixtures.AnnEmail, Phone: fixtures.AnnPhone})
	r.contactID = contact.ID
	r.agent = r.srv.NewClient()
	cfg := trengo.DestinationConfig{EventTemplates: map[string]string{fixtures.TrackEvent: "{{ event }} by you"}, MaxMessages: 3}
	if c.phone {
		cfg.ChannelIdentifier = trengo.IdentifierPhone
	}
	r.destination = r.srv.NewDestination(cfg, trengo.WithTimeout(attemptTimeout), trengo.WithRateLimit(fixtures.Unlimited), trengo.WithMaxRetries(0))
	if c.before != nil {
		c.before(r)
	}
	if c.warm {
		r.warmUp()
	}
	if c.prepare != nil {
		c.prepare(r)
	}

	messages := []string{"1"}
	if c.other {
		messages = append(messages, "2")
	}
	results, left := r.deliverAll(messages)
	created := len(r.created())
	if c.mayNeedHelp && len(left) > 0 {
		r.destination.Resolve(r.contactID)
		// Whoever looks sees whether the first event has its ticket.
		if created > 0 && left[0] == "1" {
			left = left[1:]
			results["1"] = 0
		}
		var more map[string]int64
		more, left = r.deliverAll(left)
		maps.Copy(results, more)
		helped = true
	}
	r.check(messages, results, left)
	return helped
}

func (r *lostTicketRun) errorf(format string, args ...any) {
	r.t.Helper()
	r.t.Errorf("%s: %s", r.lostTicketCase, fmt.Sprintf(format, args...))
}

func (r *lostTicketRun) warmUp() {
	somebody := r.srv.AddContact(trengotest.Contact{Name: "Somebody"})
	if err := r.process(fixtures.ForContact(fixtures.Track("warm up", ""), somebody.ID), nil); err != nil {
		r.t.Fatal(err)
	}
	r.keepOthers()
}

func (r *lostTicketRun) keepOthers() {
	for _, ticket := range r.srv.Tickets() {
		r.others[ticket.ID] = true
	}
}

// fillMemory makes the outcome of three tickets of other contacts unknown, and
// settles one of them after the event was refused.
func (r *lostTicketRun) fillMemory() {
	var contacts []int64
	for range 3 {
		contacts = append(contacts, r.srv.AddContact(trengotest.Contact{Name: "Somebody"}).ID)
	}
	for _, id := range contacts {
		opened := false
		r.srv.InjectFunc(func(request trengotest.Request) trengotest.Fault {
			switch {
			case request.Method == http.MethodPost:
				opened = true
				return trengotest.LostAfter()
			case opened:
				return trengotest.LostBefore()
			default:
				return trengotest.Fault{}
			}
		})
		_ = r.process(fixtures.ForContact(fixtures.Track("lost", ""), id), nil)
	}
	r.srv.InjectFunc(nil)
	r.keepOthers()
	r.between = func(r *lostTicketRun) {
		if r.deliveries == 2 {
			_ = r.process(fixtures.ForContact(fixtures.Track("lost", ""), contacts[0]), nil)
			r.destination.Resolve(contacts[1])
			r.destination.Resolve(contacts[2])
		}
	}
}

// deliverAll delivers events until they are done, and returns their tickets and
// the events that are not.
func (r *lostTicketRun) deliverAll(messages []string) (results map[string]int64, left []string) {
	results = map[string]int64{}
	for range lostTicketDeliveries {
		left = nil
		for _, message := range messages {
			if _, done := results[message]; done {
				continue
			}
			var id int64
			if err := r.process(r.event(message), &id); err != nil {
				if !trengo.Retryable(err) {
					r.errorf("event %s failed permanently: %v", message, err)
				}
				left = append(left, message)
				continue
			}
			results[message] = id
		}
		if len(left) == 0 {
			return results, nil
		}
		if r.between != nil {
			r.srv.InjectFunc(nil)
			time.Sleep(20 * time.Second)
			r.between(r)
		}
		time.Sleep(20 * time.Second)
	}
	return results, left
}

func (r *lostTicketRun) event(messageID string) *trengo.Event {
	ev := fixtures.Track(messageID, "")
	ev.Traits = map[string]any{"email": fixtures.AnnEmail, "phone": fixtures.AnnPhone}
	return ev
}

// process delivers an event; the first one of the contact meets the fault.
func (r *lostTicketRun) process(ev *trengo.Event, ticketID *int64) error {
	if ticketID != nil {
		if r.deliveries++; r.deliveries == 1 {
			requests := 0
			r.srv.InjectFunc(func(request trengotest.Request) trengotest.Fault {
				if request.Method == http.MethodPost && r.opening != nil {
					r.opening(r)
				}
				if requests++; requests == r.request || r.outage && requests > r.request {
					return r.fault
				}
				return trengotest.Fault{}
			})
			defer r.srv.InjectFunc(nil)
		}
	}
	result, err := r.destination.Process(r.t.Context(), ev)
	if err == nil && ticketID != nil {
		*ticketID = result.TicketID
	}
	if err != nil && !errors.Is(err, trengo.ErrOutcomeUnknown) && strings.Contains(err.Error(), "may be it") {
		r.errorf("an undecided ticket is not an unknown outcome: %v", err)
	}
	return err
}

// addTicket opens a ticket like that of the event.
func (r *lostTicketRun) addTicket(ticket trengotest.Ticket) trengotest.Ticket {
	ticket.ContactID, ticket.ChannelID, ticket.Subject = r.contactID, fixtures.EmailChannel, fixtures.TrackEvent+" by you"
	if r.phone {
		ticket.ChannelID, ticket.Subject = fixtures.PhoneChannel, ""
	}
	ticket = r.srv.AddTicket(ticket)
	r.others[ticket.ID] = true
	return ticket
}

func (r *lostTicketRun) addCustomersTicket() {
	ticket := r.addTicket(trengotest.Ticket{})
	r.srv.AddMessage(trengotest.Message{TicketID: ticket.ID, Text: "Hello"})
}

// addMessageToAll adds a message to all tickets of the contact, except to one that
// has just appeared: no agent is that fast.
func (r *lostTicketRun) addMessageToAll(m trengotest.Message) {
	for _, ticket := range r.srv.Tickets() {
		if ticket.ContactID == r.contactID && (m.UserID == 0 || time.Since(ticket.CreatedAt) > 10*time.Second) {
			m.TicketID = ticket.ID
			r.srv.AddMessage(m)
		}
	}
}

// created returns the tickets of the contact that the destination created.
func (r *lostTicketRun) created() map[int64]bool {
	created := map[int64]bool{}
	for _, ticket := range r.srv.Tickets() {
		if ticket.ContactID == r.contactID && !r.others[ticket.ID] {
			created[ticket.ID] = true
		}
	}
	return created
}

func (r *lostTicketRun) check(messages []string, results map[string]int64, left []string) {
	r.t.Helper()
	time.Sleep(10 * time.Minute) // until late requests have taken effect
	created := r.created()
	if len(left) > 0 {
		r.errorf("events %v are stuck", left)
	}
	if len(created) > len(messages) {
		r.errorf("%d tickets for %d events", len(created), len(messages))
	}
	if len(created) < len(messages) && !r.mayTakeOther {
		r.errorf("%d tickets for %d events", len(created), len(messages))
	}
	taken := map[int64]string{}
	for message, id := range results {
		if id == 0 {
			continue // somebody looked
		}
		if other := taken[id]; other != "" {
			r.errorf("events %s and %s have one ticket", other, message)
		}
		taken[id] = message
		if !created[id] && !r.mayTakeOther {
			r.errorf("event %s has another one's ticket", message)
		}
	}
}
