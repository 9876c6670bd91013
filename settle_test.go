package trengo_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

const (
	deskTimeout = 30 * time.Second // of an attempt
	believed    = time.Minute      // after which nothing is believed to be nothing
)

// lostAnswers are the ways in which an answer is lost after the effect.
var lostAnswers = map[string]trengotest.Fault{
	"connection lost": trengotest.LostAfter(),
	"answer cut off":  trengotest.Truncated(),
	"answer too late": trengotest.Slow(deskTimeout + time.Second),
}

// kindsOfChannel are those on which a ticket has a subject to go by, and those
// on which it must at least be without a message.
var kindsOfChannel = []struct {
	name    string
	changes []func(*trengo.DestinationConfig)
	who     string
}{
	{"with a subject", nil, annsMail},
	{"without a subject", []func(*trengo.DestinationConfig){byPhone}, annsPhone},
}

// newTicketDesk has a contact, Ann, whom the destination knows, in a process
// that has made a ticket for somebody else.
func newTicketDesk(t *testing.T, changes ...func(*trengo.DestinationConfig)) (*desk, int64) {
	t.Helper()
	d := newDesk(t, changes...)
	d.warmUp()
	contact := d.AddContact(trengotest.Contact{Name: "Ann", Email: "ann@example.com", Phone: "+31600000001"})
	return d, contact.ID
}

const (
	annsMail  = "ann@example.com"
	annsPhone = "+31600000001"
)

// ticketsOf are the ids of a contact's tickets.
func (d *desk) ticketsOf(contactID int64) (ids []int64) {
	for _, ticket := range d.Tickets() {
		if ticket.ContactID == contactID {
			ids = append(ids, ticket.ID)
		}
	}
	return ids
}

func (d *desk) wantTickets(contactID int64, want int) {
	d.t.Helper()
	if got := d.ticketsOf(contactID); len(got) != want {
		d.t.Errorf("tickets %v, want %d", got, want)
	}
}

func (d *desk) wantSent(want string) {
	d.t.Helper()
	if sent := d.sent(); sent != want {
		d.t.Errorf("sent %s\nwant %s", sent, want)
	}
}

func TestSettle_lostTicketIsFoundInTheSameCall(t *testing.T) {
	for _, channel := range kindsOfChannel {
		for name, fault := range lostAnswers {
			t.Run(channel.name+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d, contactID := newTicketDesk(t, channel.changes...)
					d.fail(open, fault)
					result := d.must(trackFor("1", channel.who))
					d.wantSent(inOrder(search, open, listing))
					tickets := d.ticketsOf(contactID)
					if len(tickets) != 1 || result.TicketID != tickets[0] {
						t.Fatalf("%+v, want the only one of %v", result, tickets)
					}
					want := trengo.Result{Action: trengo.ActionTicketCreated, ContactID: contactID, TicketID: tickets[0]}
					if result != want {
						t.Errorf("%+v, want %+v", result, want)
					}
					want.Duplicate = true
					if again := d.must(trackFor("1", channel.who)); again != want {
						t.Errorf("delivered again: %+v, want %+v", again, want)
					}
					d.wantSent("")
					// Nothing is unknown any more.
					d.must(trackFor("2", channel.who))
					d.wantSent(open)
				})
			})
		}
	}
}

// Tickets of others that turn up at the same time are not taken for the lost
// one.
func TestSettle_ticketsThatAreNotTheLostOne(t *testing.T) {
	subject := "Ordered"
	cases := map[string]struct {
		changes []func(*trengo.DestinationConfig)
		who     string
		turnsUp func(d *desk, contactID int64)
	}{
		"another subject": {nil, annsMail, func(d *desk, contactID int64) {
			d.AddTicket(trengotest.Ticket{ContactID: contactID, ChannelID: deskMail, Subject: "Help"})
		}},
		"another channel": {nil, annsMail, func(d *desk, contactID int64) {
			d.AddTicket(trengotest.Ticket{ContactID: contactID, ChannelID: deskOtherMail, Subject: subject})
		}},
		"another contact": {nil, annsMail, func(d *desk, _ int64) {
			d.AddTicket(trengotest.Ticket{ContactID: 460000001, ChannelID: deskMail, Subject: subject})
		}},
		"an older ticket": {nil, annsMail, func(d *desk, contactID int64) {
			d.AddTicket(trengotest.Ticket{ID: 7, ContactID: contactID, ChannelID: deskMail, Subject: subject})
		}},
		"a message of the contact": {[]func(*trengo.DestinationConfig){byPhone}, annsPhone, func(d *desk, contactID int64) {
			ticket := d.AddTicket(trengotest.Ticket{ContactID: contactID, ChannelID: deskPhone})
			d.AddMessage(trengotest.Message{TicketID: ticket.ID, Text: "Hello"})
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, contactID := newTicketDesk(t, c.changes...)
				d.InjectFunc(func(r trengotest.Request) trengotest.Fault {
					if r.Method != http.MethodPost {
						return trengotest.Fault{}
					}
					c.turnsUp(d, contactID)
					return trengotest.LostBefore()
				})
				d.mustFail(trackFor("1", c.who), trengo.ErrOutcomeUnknown)
				d.wantSent(inOrder(search, open, listing))
				d.InjectFunc(nil)
				before := len(d.Tickets())
				time.Sleep(believed)
				result := d.must(trackFor("1", c.who))
				d.wantSent(inOrder(listing, open))
				if made := len(d.Tickets()) - before; made != 1 || result.Duplicate {
					t.Errorf("%d new tickets, %+v", made, result)
				}
			})
		})
	}
}

// The answer may come with tickets of everybody.
func TestSettle_listIgnoresTheContact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, contactID := newTicketDesk(t)
		d.AddTicket(trengotest.Ticket{ContactID: 460000001, ChannelID: deskMail, Subject: "Ordered"})
		deaf := roundTripper(func(r *http.Request) (*http.Response, error) {
			query := r.URL.Query()
			query.Del("contact_id")
			r.URL.RawQuery = query.Encode()
			return d.RoundTrip(r)
		})
		cfg := trengo.DestinationConfig{ChannelID: deskMail, EventTemplates: map[string]string{deskEvent: deskSubject}}
		var err error
		if d.destination, err = trengo.NewDestination(newClientOn(t, deaf, trengo.WithMaxRetries(0)), cfg); err != nil {
			t.Fatal(err)
		}
		d.InjectFunc(func(r trengotest.Request) trengotest.Fault {
			if r.Method != http.MethodPost {
				return trengotest.Fault{}
			}
			d.AddTicket(trengotest.Ticket{ContactID: 460000001, ChannelID: deskMail, Subject: "Ordered"})
			return trengotest.LostBefore()
		})
		d.mustFail(trackFor("1", annsMail), trengo.ErrOutcomeUnknown)
		d.InjectFunc(nil)
		time.Sleep(believed)
		d.must(trackFor("1", annsMail))
		d.wantTickets(contactID, 1)
	})
}

func TestSettle_severalTicketsCouldBeTheLostOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, contactID := newTicketDesk(t)
		d.InjectFunc(func(r trengotest.Request) trengotest.Fault {
			if r.Method != http.MethodPost {
				return trengotest.Fault{}
			}
			d.AddTicket(trengotest.Ticket{ContactID: contactID, ChannelID: deskMail, Subject: "Ordered"})
			return trengotest.LostAfter()
		})
		d.mustFail(trackFor("1", annsMail), trengo.ErrOutcomeUnknown)
		d.InjectFunc(nil)
		d.ResetRequests()
		time.Sleep(2 * believed)
		for _, message := range []string{"1", "2"} {
			d.mustFail(trackFor(message, annsMail), trengo.ErrOutcomeUnknown)
			d.wantSent(listing)
		}
		d.wantTickets(contactID, 2)
	})
}

// neverMade are the ways in which nothing comes of an attempt, and when that is
// believed.
var neverMade = map[string]struct {
	fault   trengotest.Fault
	latency time.Duration
	waits   time.Duration // since the first delivery ended
	made    bool
}{
	"a minute later":                    {trengotest.LostBefore(), 0, believed, true},
	"not quite a minute later":          {trengotest.LostBefore(), 0, believed - 1, false},
	"the look began before the minute":  {trengotest.LostBefore(), time.Second, believed - 3*time.Second/2, false},
	"the minute begins with the end":    {trengotest.Late(time.Hour), 0, believed - 1, false},
	"the minute ends after the timeout": {trengotest.Late(time.Hour), 0, believed, true},
}

// That nothing is to be seen of a ticket is not believed at once.
func TestSettle_ticketThatWasNeverMade(t *testing.T) {
	for name, c := range neverMade {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, contactID := newTicketDesk(t)
				d.fail(open, c.fault)
				d.Behavior.Latency = c.latency
				d.mustFail(trackFor("1", annsMail), trengo.ErrOutcomeUnknown)
				d.ResetRequests()
				time.Sleep(c.waits)
				if !c.made {
					// A look that finds nothing does not begin the minute anew.
					d.mustFail(trackFor("1", annsMail), trengo.ErrOutcomeUnknown)
					d.wantSent(listing)
					d.wantTickets(contactID, 0)
					time.Sleep(believed - c.waits)
				}
				result := d.must(trackFor("1", annsMail))
				if result.Duplicate || result.TicketID == 0 {
					t.Errorf("%+v, want a new ticket", result)
				}
				d.wantSent(inOrder(listing, open))
				d.wantTickets(contactID, 1)
			})
		})
	}
}

// As long as a ticket may still turn up, no event of the contact makes one;
// when it does, the event that it belongs to is done.
func TestSettle_otherEventsOfTheContact(t *testing.T) {
	for name, other := range map[string]*trengo.Event{
		"by e-mail":                   trackFor("2", annsMail),
		"by id":                       aboutContact(trackFor("2", ""), 460000002),
		"without a message":           trackFor("", annsMail),
		"with another subject":        {Type: "track", MessageID: "1", Event: "Called", Traits: map[string]any{"email": annsMail}},
		"for a ticket somewhere else": onOtherChannel(trackFor("1", annsMail)),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, contactID := newTicketDesk(t)
				d.must(identifyFor("0", annsMail, "Ann"))
				d.must(onOtherChannel(identifyFor("0", annsMail, "Ann")))
				d.fail(open, trengotest.Late(deskTimeout+45*time.Second))
				d.mustFail(trackFor("1", annsMail), trengo.ErrOutcomeUnknown)
				d.ResetRequests()
				d.mustFail(other, trengo.ErrOutcomeUnknown)
				d.wantSent(listing)
				// An identify makes no ticket.
				d.must(identifyFor("3", annsMail, "Anna"))
				d.wantSent(rename)

				time.Sleep(46 * time.Second)
				lost := d.ticketsOf(contactID)
				result := d.must(other)
				if len(lost) != 1 || result.TicketID == lost[0] {
					t.Errorf("%+v, though the ticket belongs to another event", result)
				}
				d.wantSent(inOrder(listing, open))
				result = d.must(trackFor("1", annsMail))
				if want := (trengo.Result{
					Action: trengo.ActionTicketCreated, ContactID: contactID, TicketID: lost[0], Duplicate: true,
				}); result != want {
					t.Errorf("the event that it belongs to: %+v, want %+v", result, want)
				}
				d.wantSent("")
				d.wantTickets(contactID, 2)
			})
		})
	}
}

// A ticket that was credited to one event is no candidate for the next.
func TestSettle_ticketIsNotCreditedTwice(t *testing.T) {
	for _, channel := range kindsOfChannel {
		for name, first := range lostAnswers {
			t.Run(channel.name+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d, contactID := newTicketDesk(t, channel.changes...)
					d.fail(open, first)
					one := d.must(trackFor("1", channel.who))
					d.fail(open, trengotest.LostBefore())
					d.mustFail(trackFor("2", channel.who), trengo.ErrOutcomeUnknown)
					time.Sleep(believed)
					two := d.must(trackFor("2", channel.who))
					if one.TicketID == two.TicketID || two.Duplicate {
						t.Errorf("the second event is given %+v, the first had %+v", two, one)
					}
					d.wantTickets(contactID, 2)
				})
			})
		}
	}
}

// An event without a message is done anew each time, but never beside a
// ticket of its own that may still turn up.
func TestSettle_eventWithoutAMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, contactID := newTicketDesk(t)
		d.fail(open, trengotest.Late(deskTimeout+45*time.Second))
		d.mustFail(trackFor("", annsMail), trengo.ErrOutcomeUnknown)
		d.mustFail(trackFor("", annsMail), trengo.ErrOutcomeUnknown)
		time.Sleep(believed)
		d.must(trackFor("", annsMail))
		d.wantTickets(contactID, 2)
	})
}

// The error tells of the attempt and of the look.
func TestSettle_lookFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, contactID := newTicketDesk(t)
		d.Inject(trengotest.Fault{}, trengotest.LostAfter(), trengotest.RespondHTML(http.StatusBadGateway))
		err := d.mustFail(trackFor("1", annsMail), trengo.ErrOutcomeUnknown)
		if !trengo.Retryable(err) {
			t.Errorf("error %v is not retryable", err)
		}
		for _, call := range []string{"POST /tickets", "GET /tickets: 502"} {
			if !strings.Contains(err.Error(), call) {
				t.Errorf("error %v, want it to tell of %s", err, call)
			}
		}
		d.wantSent(inOrder(search, open, listing))
		if result := d.must(trackFor("1", annsMail)); result.TicketID != d.ticketsOf(contactID)[0] {
			t.Errorf("%+v, want the ticket that is there", result)
		}
		d.wantSent(listing)
		d.wantTickets(contactID, 1)
	})
}
