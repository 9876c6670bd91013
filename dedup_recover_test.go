package trengo_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// reconcileAfter is how long after a write ended a lookup that finds nothing is
// taken as proof that the write failed.
const reconcileAfter = time.Minute

// channelKinds are the two kinds of channels: a lost ticket with a subject is
// found by it, one without must at least not have a message.
var channelKinds = []struct {
	name    string
	changes []func(*trengo.DestinationConfig)
	who     string
}{
	{"with a subject", nil, fixtures.AnnEmail},
	{"without a subject", []func(*trengo.DestinationConfig){fixtures.IdentifyByPhone}, fixtures.AnnPhone},
}

// newWarmDeployment returns a deployment that has opened a ticket for somebody
// else, and the ID of its second contact, Ann.
func newWarmDeployment(t *testing.T, changes ...func(*trengo.DestinationConfig)) (*fixtures.Deployment, int64) {
	t.Helper()
	d := fixtures.NewDeployment(t, changes...)
	d.WarmUp()
	contact := d.AddContact(trengotest.Contact{Name: "Ann", Email: fixtures.AnnEmail, Phone: fixtures.AnnPhone})
	return d, contact.ID
}

// A ticket whose response is lost is found in the same call.
func TestReconcile_lostTicket(t *testing.T) {
	for _, channel := range channelKinds {
		for name, fault := range fixtures.LostResponses {
			t.Run(channel.name+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d, contactID := newWarmDeployment(t, channel.changes...)
					d.FailNext("open", fault)
					result := d.MustProcess(fixtures.Track("1", channel.who))
					d.WantSent("search, open, list")
					tickets := d.TicketsOf(contactID)
					if len(tickets) != 1 || result.TicketID != tickets[0] {
						t.Fatalf("%+v, want the only one of %v", result, tickets)
					}
					want := trengo.Result{Action: trengo.ActionTicketCreated, ContactID: contactID, TicketID: tickets[0]}
					if result != want {
						t.Errorf("%+v, want %+v", result, want)
					}
					want.Duplicate = true
					if again := d.MustProcess(fixtures.Track("1", channel.who)); again != want {
						t.Errorf("delivered again: %+v, want %+v", again, want)
					}
					d.WantSent("")
					// The outcome is known now.
					d.MustProcess(fixtures.Track("2", channel.who))
					d.WantSent("open")
				})
			})
		}
	}
}

// Other tickets that appear at the same time are not taken for the lost one.
func TestReconcile_otherTickets(t *testing.T) {
	cases := map[string]struct {
		changes []func(*trengo.DestinationConfig)
		who     string
		appears func(d *fixtures.Deployment, contactID int64)
	}{
		"another subject": {nil, fixtures.AnnEmail, func(d *fixtures.Deployment, contactID int64) {
			d.AddTicket(trengotest.Ticket{ContactID: contactID, ChannelID: fixtures.EmailChannel, Subject: "Help"})
		}},
		"another channel": {nil, fixtures.AnnEmail, func(d *fixtures.Deployment, contactID int64) {
			d.AddTicket(trengotest.Ticket{ContactID: contactID, ChannelID: fixtures.OtherEmailChannel, Subject: fixtures.TrackEvent})
		}},
		"another contact": {nil, fixtures.AnnEmail, func(d *fixtures.Deployment, _ int64) {
			d.AddTicket(trengotest.Ticket{ContactID: fixtures.FirstContact, ChannelID: fixtures.EmailChannel, Subject: fixtures.TrackEvent})
		}},
		"an older ticket": {nil, fixtures.AnnEmail, func(d *fixtures.Deployment, contactID int64) {
			d.AddTicket(trengotest.Ticket{ID: 7, ContactID: contactID, ChannelID: fixtures.EmailChannel, Subject: fixtures.TrackEvent})
		}},
		"a message of the contact": {[]func(*trengo.DestinationConfig){fixtures.IdentifyByPhone}, fixtures.AnnPhone, func(d *fixtures.Deployment, contactID int64) {
			ticket := d.AddTicket(trengotest.Ticket{ContactID: contactID, ChannelID: fixtures.PhoneChannel})
			d.AddMessage(trengotest.Message{TicketID: ticket.ID, Text: "Hello"})
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, contactID := newWarmDeployment(t, c.changes...)
				d.InjectFunc(func(r trengotest.Request) trengotest.Fault {
					if r.Method != http.MethodPost {
						return trengotest.Fault{}
					}
					c.appears(d, contactID)
					return trengotest.LostBefore()
				})
				d.MustFail(fixtures.Track("1", c.who), trengo.ErrOutcomeUnknown)
				d.WantSent("search, open, list")
				d.InjectFunc(nil)
				before := len(d.Tickets())
				time.Sleep(reconcileAfter)
				result := d.MustProcess(fixtures.Track("1", c.who))
				d.WantSent("list, open")
				if created := len(d.Tickets()) - before; created != 1 || result.Duplicate {
					t.Errorf("%d new tickets, %+v", created, result)
				}
			})
		})
	}
}

// The list may ignore the filter by contact.
func TestReconcile_listIgnoresItsFilter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, contactID := newWarmDeployment(t)
		d.AddTicket(trengotest.Ticket{ContactID: fixtures.FirstContact, ChannelID: fixtures.EmailChannel, Subject: fixtures.TrackEvent})
		ignorant := testkit.RoundTripperFunc(func(r *http.Request) (*http.Response, error) {
			query := r.URL.Query()
			query.Del("contact_id")
			r.URL.RawQuery = query.Encode()
			return d.RoundTrip(r)
		})
		d.UseTransport(ignorant, trengo.DestinationConfig{}, trengo.WithMaxRetries(0))
		d.InjectFunc(func(r trengotest.Request) trengotest.Fault {
			if r.Method != http.MethodPost {
				return trengotest.Fault{}
			}
			d.AddTicket(trengotest.Ticket{ContactID: fixtures.FirstContact, ChannelID: fixtures.EmailChannel, Subject: fixtures.TrackEvent})
			return trengotest.LostBefore()
		})
		d.MustFail(fixtures.Track("1", fixtures.AnnEmail), trengo.ErrOutcomeUnknown)
		d.InjectFunc(nil)
		time.Sleep(reconcileAfter)
		d.MustProcess(fixtures.Track("1", fixtures.AnnEmail))
		d.WantTickets(contactID, 1)
	})
}

// failedWrites are writes that have no effect, and deliveries before and after
// that is certain.
var failedWrites = map[string]struct {
	fault   trengotest.Fault
	latency time.Duration
	waits   time.Duration // between the end of the first delivery and the next
	settled bool          // the next delivery repeats the write
}{
	"a minute later":                       {trengotest.LostBefore(), 0, reconcileAfter, true},
	"less than a minute later":             {trengotest.LostBefore(), 0, reconcileAfter - 1, false},
	"a lookup that begins before":          {trengotest.LostBefore(), time.Second, reconcileAfter - 3*time.Second/2, false},
	"less than a minute after the timeout": {trengotest.Late(time.Hour), 0, reconcileAfter - 1, false},
	"a minute after the timeout":           {trengotest.Late(time.Hour), 0, reconcileAfter, true},
}

// A lookup that finds no ticket settles the outcome only after a minute.
func TestReconcile_ticketThatWasNotCreated(t *testing.T) {
	for name, c := range failedWrites {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, contactID := newWarmDeployment(t)
				d.FailNext("open", c.fault)
				d.Behavior.Latency = c.latency
				d.MustFail(fixtures.Track("1", fixtures.AnnEmail), trengo.ErrOutcomeUnknown)
				d.ResetRequests()
				time.Sleep(c.waits)
				if !c.settled {
					// A lookup that finds nothing does not restart the minute.
					d.MustFail(fixtures.Track("1", fixtures.AnnEmail), trengo.ErrOutcomeUnknown)
					d.WantSent("list")
					d.WantTickets(contactID, 0)
					time.Sleep(reconcileAfter - c.waits)
				}
				result := d.MustProcess(fixtures.Track("1", fixtures.AnnEmail))
				if result.Duplicate || result.TicketID == 0 {
					t.Errorf("%+v, want a new ticket", result)
				}
				d.WantSent("list, open")
				d.WantTickets(contactID, 1)
			})
		})
	}
}

// The same holds for a contact.
func TestReconcile_contactThatWasNotCreated(t *testing.T) {
	for name, c := range failedWrites {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := fixtures.NewDeployment(t, fixtures.IdentifyByPhone)
				d.Behavior.Latency = c.latency
				d.Inject(trengotest.Fault{}, c.fault)
				d.MustFail(fixtures.Identify("1", fixtures.AnnPhone, "Ann"), trengo.ErrOutcomeUnknown)
				d.WantSent("search, create on phone channel, search")
				time.Sleep(c.waits)
				if !c.settled {
					// A lookup that finds nothing does not restart the minute.
					d.MustFail(fixtures.Identify("1", fixtures.AnnPhone, "Ann"), trengo.ErrOutcomeUnknown)
					d.WantSent("search")
					time.Sleep(reconcileAfter - c.waits)
				}
				d.MustProcess(fixtures.Identify("1", fixtures.AnnPhone, "Ann"))
				d.WantSent("search, create on phone channel")
			})
		})
	}
}

// While the outcome of a ticket is unknown, no event of the contact opens one.
// When the ticket is found, the event that it belongs to is done.
func TestReconcile_otherEventsOfTheContact(t *testing.T) {
	for name, other := range map[string]*trengo.Event{
		"by email":             fixtures.Track("2", fixtures.AnnEmail),
		"by contact ID":        fixtures.ForContact(fixtures.Track("2", ""), fixtures.FirstContact+1),
		"without a message ID": fixtures.Track("", fixtures.AnnEmail),
		"with another subject": {Type: "track", MessageID: "1", Event: fixtures.OtherTrackEvent, Traits: map[string]any{"email": fixtures.AnnEmail}},
		"for another channel":  fixtures.OnChannel(fixtures.Track("1", fixtures.AnnEmail), fixtures.OtherEmailChannel),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, contactID := newWarmDeployment(t)
				d.MustProcess(fixtures.Identify("0", fixtures.AnnEmail, "Ann"))
				d.MustProcess(fixtures.OnChannel(fixtures.Identify("0", fixtures.AnnEmail, "Ann"), fixtures.OtherEmailChannel))
				d.FailNext("open", trengotest.Late(trengo.DefaultTimeout+45*time.Second))
				d.MustFail(fixtures.Track("1", fixtures.AnnEmail), trengo.ErrOutcomeUnknown)
				d.ResetRequests()
				d.MustFail(other, trengo.ErrOutcomeUnknown)
				d.WantSent("list")
				// An identify event needs no ticket.
				d.MustProcess(fixtures.Identify("3", fixtures.AnnEmail, "Anna"))
				d.WantSent("rename")

				time.Sleep(46 * time.Second)
				lost := d.TicketsOf(contactID)
				result := d.MustProcess(other)
				if len(lost) != 1 || result.TicketID == lost[0] {
					t.Errorf("%+v, want a ticket of its own", result)
				}
				d.WantSent("list, open")
				result = d.MustProcess(fixtures.Track("1", fixtures.AnnEmail))
				if want := (trengo.Result{
					Action: trengo.ActionTicketCreated, ContactID: contactID, TicketID: lost[0], Duplicate: true,
				}); result != want {
					t.Errorf("the event that it belongs to: %+v, want %+v", result, want)
				}
				d.WantSent("")
				d.WantTickets(contactID, 2)
			})
		})
	}
}

// A ticket that was found for one event is not found for the next.
func TestReconcile_ticketIsFoundOnce(t *testing.T) {
	for _, channel := range channelKinds {
		for name, first := range fixtures.LostResponses {
			t.Run(channel.name+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d, contactID := newWarmDeployment(t, channel.changes...)
					d.FailNext("open", first)
					one := d.MustProcess(fixtures.Track("1", channel.who))
					d.FailNext("open", trengotest.LostBefore())
					d.MustFail(fixtures.Track("2", channel.who), trengo.ErrOutcomeUnknown)
					time.Sleep(reconcileAfter)
					two := d.MustProcess(fixtures.Track("2", channel.who))
					if one.TicketID == two.TicketID || two.Duplicate {
						t.Errorf("result of the second event is %+v, that of the first %+v", two, one)
					}
					d.WantTickets(contactID, 2)
				})
			})
		}
	}
}

// An event without a message ID opens a ticket at each delivery, but not while the
// outcome of the last one is unknown.
func TestReconcile_eventWithoutMessageID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, contactID := newWarmDeployment(t)
		d.FailNext("open", trengotest.Late(trengo.DefaultTimeout+45*time.Second))
		d.MustFail(fixtures.Track("", fixtures.AnnEmail), trengo.ErrOutcomeUnknown)
		d.MustFail(fixtures.Track("", fixtures.AnnEmail), trengo.ErrOutcomeUnknown)
		time.Sleep(reconcileAfter)
		d.MustProcess(fixtures.Track("", fixtures.AnnEmail))
		d.WantTickets(contactID, 2)
	})
}

// If the lookup fails, the error names the write and the lookup.
func TestReconcile_lookupFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, contactID := newWarmDeployment(t)
		d.Inject(trengotest.Fault{}, trengotest.LostAfter(), trengotest.RespondHTML(http.StatusBadGateway))
		err := d.MustFail(fixtures.Track("1", fixtures.AnnEmail), trengo.ErrOutcomeUnknown)
		if !trengo.Retryable(err) {
			t.Errorf("error %v is not retryable", err)
		}
		for _, call := range []string{"POST /tickets", "GET /tickets: 502"} {
			if !strings.Contains(err.Error(), call) {
				t.Errorf("error %v, want it to name %s", err, call)
			}
		}
		d.WantSent("search, open, list")
		if result := d.MustProcess(fixtures.Track("1", fixtures.AnnEmail)); result.TicketID != d.TicketsOf(contactID)[0] {
			t.Errorf("%+v, want the ticket that was created", result)
		}
		d.WantSent("list")
		d.WantTickets(contactID, 1)
	})
}

// While an event whose ticket was lost is delivered again and waits for the
// contact, another event of the contact may find the ticket.
func TestReconcile_foundWhileItsEventWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, contactID := newWarmDeployment(t)
		d.FailNext("open", trengotest.Late(trengo.DefaultTimeout+45*time.Second))
		d.MustFail(fixtures.Track("1", fixtures.AnnEmail), trengo.ErrOutcomeUnknown)
		time.Sleep(46 * time.Second)
		lost := d.TicketsOf(contactID)
		d.Behavior.Latency = fixtures.Latency
		finder := d.Deliver(t.Context(), fixtures.ForContact(fixtures.Track("2", ""), contactID))
		again := d.Deliver(t.Context(), fixtures.Track("1", fixtures.AnnEmail))
		if got := <-finder; got.Err != nil {
			t.Error(got.Err)
		}
		if got := <-again; got.Err != nil || len(lost) != 1 || got.Result.TicketID != lost[0] {
			t.Errorf("delivered again: %+v, %v; want the ticket of %v", got.Result, got.Err, lost)
		}
		d.WantTickets(contactID, 2)
	})
}

// AllowDuplicates is about contacts: a lost ticket is still looked for.
func TestReconcile_ticketWithDuplicatesAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, contactID := newWarmDeployment(t, fixtures.AllowDuplicates)
		d.FailNext("open", trengotest.LostAfter())
		d.MustProcess(fixtures.Track("1", fixtures.AnnEmail))
		d.WantSent("search, open, list")
		d.WantTickets(contactID, 1)
	})
}

// Many first tickets at once need one list of tickets.
func TestReconcile_oneListForManyFirstTickets(t *testing.T) {
	const events = 64
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t)
		d.Behavior.Latency = fixtures.Latency
		var wg sync.WaitGroup
		for range events {
			contact := d.AddContact(trengotest.Contact{Name: "Somebody"})
			wg.Go(func() {
				if _, err := d.Process(fixtures.ForContact(fixtures.Track("1", ""), contact.ID)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		count := map[string]int{}
		for _, request := range testkit.MethodsAndPaths(d.Server) {
			count[request]++
		}
		if count["GET /tickets"] != 1 || count["POST /tickets"] != events || len(d.Tickets()) != events {
			t.Errorf("requests %v, want one list and %d tickets", count, events)
		}
	})
}

// newColdDeployment returns a deployment that has not opened any ticket, and the
// ID of its contact, who has old tickets with the same subject.
func newColdDeployment(t *testing.T, oldTickets int, changes ...func(*trengo.DestinationConfig)) (*fixtures.Deployment, int64) {
	t.Helper()
	d := fixtures.NewDeployment(t, changes...)
	contact := d.AddContact(trengotest.Contact{Name: "Ann", Email: fixtures.AnnEmail, Phone: fixtures.AnnPhone})
	for range oldTickets {
		d.AddTicket(trengotest.Ticket{ContactID: contact.ID, ChannelID: fixtures.EmailChannel, Subject: fixtures.TrackEvent})
		d.AddTicket(trengotest.Ticket{ContactID: contact.ID, ChannelID: fixtures.PhoneChannel})
	}
	return d, contact.ID
}

// Old tickets with the same subject are not taken for the lost one, even if this
// process has not seen them before.
func TestReconcile_oldTicketsOfAColdProcess(t *testing.T) {
	for _, channel := range channelKinds {
		for _, old := range []int{0, 1, 3} {
			t.Run(fmt.Sprintf("%s, %d old tickets, response lost", channel.name, old), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d, contactID := newColdDeployment(t, old, channel.changes...)
					d.FailNext("open", trengotest.LostAfter())
					result := d.MustProcess(fixtures.Track("1", channel.who))
					d.WantSent("search, list, open, list")
					tickets := d.TicketsOf(contactID)
					if newest := tickets[len(tickets)-1]; result.TicketID != newest || len(tickets) != 2*old+1 {
						t.Errorf("%+v, want the newest of %v", result, tickets)
					}
				})
			})
			t.Run(fmt.Sprintf("%s, %d old tickets, request lost", channel.name, old), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d, contactID := newColdDeployment(t, old, channel.changes...)
					d.FailNext("open", trengotest.LostBefore())
					d.MustFail(fixtures.Track("1", channel.who), trengo.ErrOutcomeUnknown)
					d.WantTickets(contactID, 2*old)
					time.Sleep(reconcileAfter)
					result := d.MustProcess(fixtures.Track("1", channel.who))
					d.WantTickets(contactID, 2*old+1)
					if result.Duplicate {
						t.Errorf("%+v, want a new ticket", result)
					}
				})
			})
		}
	}
}

// The list of tickets serves only the first ticket that is created. If that one
// is not created, the next ticket needs a list of its own.
func TestReconcile_firstTicketIsNotCreated(t *testing.T) {
	cases := map[string]struct {
		request string
		fault   trengotest.Fault
		err     error
		sent    string
	}{
		"ticket refused":        {"open", trengotest.Respond(403, "application/json", `{}`), trengo.ErrUnauthorized, "search, list, open"},
		"ticket request lost":   {"open", trengotest.LostBefore(), trengo.ErrOutcomeUnknown, "search, list, open, list"},
		"list refused":          {"list", trengotest.Respond(403, "application/json", `{}`), trengo.ErrUnauthorized, "search, list"},
		"response to list lost": {"list", trengotest.LostAfter(), nil, "search, list"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, _ := newColdDeployment(t, 1)
				other := d.AddContact(trengotest.Contact{Name: "Bob"})
				d.FailNext(c.request, c.fault)
				_, err := d.Process(fixtures.Track("1", fixtures.AnnEmail))
				if err == nil || c.err != nil && !errors.Is(err, c.err) {
					t.Errorf("error %v, want %v", err, c.err)
				}
				d.WantSent(c.sent)
				d.MustProcess(fixtures.ForContact(fixtures.Track("2", ""), other.ID))
				d.WantSent("list, open")
				d.MustProcess(fixtures.ForContact(fixtures.Track("3", ""), other.ID))
				d.WantSent("open")
			})
		})
	}
}

// A first ticket that was lost and found counts as created.
func TestReconcile_firstTicketIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := newColdDeployment(t, 0)
		other := d.AddContact(trengotest.Contact{Name: "Bob"})
		d.FailNext("open", trengotest.LostAfter())
		d.MustProcess(fixtures.Track("1", fixtures.AnnEmail))
		d.ResetRequests()
		d.MustProcess(fixtures.ForContact(fixtures.Track("2", ""), other.ID))
		d.WantSent("open")
	})
}

// Events that wait for the first ticket of the process continue as soon as it is
// created, all at the same time.
func TestReconcile_waitingForTheFirstTicket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t)
		d.Behavior.Latency = fixtures.Latency
		began := time.Now()
		var all []<-chan fixtures.Delivered
		for range 10 {
			contact := d.AddContact(trengotest.Contact{Name: "Somebody"})
			all = append(all, d.Deliver(t.Context(), fixtures.ForContact(fixtures.Track("1", ""), contact.ID)))
		}
		// The list, the first ticket, then all others.
		for i, one := range all {
			want := 2 * fixtures.Latency
			if i > 0 {
				want = 3 * fixtures.Latency
			}
			if got := <-one; got.Err != nil || got.At.Sub(began) != want {
				t.Errorf("event %d took %s (%v), want %s", i, got.At.Sub(began), got.Err, want)
			}
		}
	})
}

// A lookup reads a limited number of a contact's tickets.
func TestReconcile_contactWithManyTickets(t *testing.T) {
	for name, c := range map[string]struct {
		old, pages int
		settled    bool
	}{
		"as many as are read": {999, 10, true},
		"one more":            {1000, 11, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, contactID := newWarmDeployment(t)
				for range c.old {
					d.AddTicket(trengotest.Ticket{ContactID: contactID, ChannelID: fixtures.EmailChannel, Subject: "Help"})
				}
				d.FailNext("open", trengotest.LostAfter())
				result, err := d.Process(fixtures.Track("1", fixtures.AnnEmail))
				switch {
				case c.settled && (err != nil || result.TicketID == 0):
					t.Errorf("%+v, %v; want the ticket", result, err)
				case !c.settled && (!errors.Is(err, trengo.ErrOutcomeUnknown) || !strings.Contains(err.Error(), "too many tickets")):
					t.Errorf("error %v, want an unknown outcome and the reason", err)
				}
				d.WantSent("search, open" + strings.Repeat(", list", c.pages))
				d.WantTickets(contactID, c.old+1)
			})
		})
	}
}

// Without an unknown outcome, many tickets do not keep a contact from a new one.
func TestReconcile_firstTicketOfAContactWithManyTickets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, contactID := newColdDeployment(t, 501)
		d.MustProcess(fixtures.Track("1", fixtures.AnnEmail))
		d.WantTickets(contactID, 1003)
	})
}

// The text of an error names the ticket or contact, without personal data.
func TestReconcile_errorTexts(t *testing.T) {
	cases := map[string]struct {
		changes []func(*trengo.DestinationConfig)
		fault   func(trengotest.Request) trengotest.Fault
		event   *trengo.Event
		says    []string
	}{
		"a lost ticket": {
			nil, loseWrites,
			fixtures.Track("1", fixtures.AnnEmail),
			[]string{"contact 460000002", "channel 405980", `"Ordered"`, "outcome unknown"},
		},
		"a lost ticket on another channel": {
			nil, loseWrites,
			fixtures.OnChannel(fixtures.Track("1", fixtures.AnnEmail), fixtures.OtherEmailChannel),
			[]string{"contact 460000002", "channel 405981"},
		},
		"a lost ticket, and the lookup fails": {
			nil, func(r trengotest.Request) trengotest.Fault {
				if r.Path == "/contacts" {
					return trengotest.Fault{}
				}
				return trengotest.LostBefore()
			},
			fixtures.Track("1", fixtures.AnnEmail),
			[]string{"contact 460000002", "channel 405980", `"Ordered"`, "outcome unknown", "GET /tickets"},
		},
		"a lost contact": {
			nil, loseWrites,
			fixtures.Identify("1", fixtures.BobEmail, "Bob"),
			[]string{"contact on channel 405980", "outcome unknown"},
		},
		"a lost contact with a phone number": {
			[]func(*trengo.DestinationConfig){fixtures.IdentifyByPhone, fixtures.CreateMissing},
			loseWrites,
			fixtures.Track("1", "+31600000009"),
			[]string{"contact on channel 406001", "outcome unknown"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, _ := newWarmDeployment(t, c.changes...)
				d.InjectFunc(c.fault)
				c.event.Properties = map[string]any{"id": "secret"}
				for _, when := range []string{"first delivery", "second delivery"} {
					text := d.MustFail(c.event, trengo.ErrOutcomeUnknown).Error()
					for _, part := range c.says {
						if !strings.Contains(text, part) {
							t.Errorf("%s: %q does not contain %s", when, text, part)
						}
					}
					// The lookup is mentioned only if it failed.
					if strings.Contains(text, "looking for it") && !strings.Contains(text, "GET /tickets") {
						t.Errorf("%s: %q mentions the lookup", when, text)
					}
					for _, secret := range []string{"ann@", "bob", "example", "3160000", "secret"} {
						if strings.Contains(strings.ToLower(text), secret) {
							t.Errorf("%s: %q contains %s", when, text, secret)
						}
					}
				}
			})
		})
	}
}

func loseWrites(r trengotest.Request) trengotest.Fault {
	if r.Method == http.MethodPost {
		return trengotest.LostBefore()
	}
	return trengotest.Fault{}
}

// A lost ticket may have a lower ID than tickets created after it.
func TestReconcile_lostTicketIsOlderThanOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, ann := newWarmDeployment(t)
		bob := d.AddContact(trengotest.Contact{Name: "Bob", Email: fixtures.BobEmail})
		d.Inject(trengotest.Fault{}, trengotest.LostAfter(), trengotest.LostBefore())
		d.MustFail(fixtures.Track("1", fixtures.AnnEmail), trengo.ErrOutcomeUnknown)
		d.MustProcess(fixtures.Track("1", fixtures.BobEmail))
		d.MustProcess(fixtures.Track("1", fixtures.AnnEmail))
		d.WantTickets(ann, 1)
		// The first ticket of the other contact is not taken for its second.
		d.FailNext("open", trengotest.LostBefore())
		d.MustFail(fixtures.Track("2", fixtures.BobEmail), trengo.ErrOutcomeUnknown)
		time.Sleep(reconcileAfter)
		d.MustProcess(fixtures.Track("2", fixtures.BobEmail))
		d.WantTickets(bob.ID, 2)
	})
}

// By the time of the lookup, the ticket may have a message.
func TestReconcile_lostTicketHasAMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, contactID := newWarmDeployment(t)
		d.Inject(trengotest.Fault{}, trengotest.LostAfter(), trengotest.LostBefore())
		d.MustFail(fixtures.Track("1", fixtures.AnnEmail), trengo.ErrOutcomeUnknown)
		ticketID := d.TicketsOf(contactID)[0]
		d.AddMessage(trengotest.Message{TicketID: ticketID, Type: "OUTBOUND", UserID: d.Users()[0].ID, Text: "Hello"})
		if result := d.MustProcess(fixtures.Track("1", fixtures.AnnEmail)); result.TicketID != ticketID {
			t.Errorf("%+v, want the ticket %d", result, ticketID)
		}
		d.WantTickets(contactID, 1)
	})
}

// Whether a ticket has a message shows in the number of its messages or in the
// latest one. Trengo may leave out either.
func TestReconcile_messageOfATicketWithoutSubject(t *testing.T) {
	for name, remove := range map[string]*regexp.Regexp{
		"without the number":         regexp.MustCompile(`"messages_count":\d+,`),
		"without either":             regexp.MustCompile(`"messages_count":\d+,|"latest_message":\{(?:[^{}]|\{[^{}]*\})*\},`),
		"without the latest message": regexp.MustCompile(`"latest_message":\{"(?:[^{}]|\{[^{}]*\})*\},`),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, contactID := newWarmDeployment(t)
				cfg := trengo.DestinationConfig{EventTemplates: map[string]string{fixtures.TrackEvent: ""}}
				fixtures.IdentifyByPhone(&cfg)
				removed := 0
				d.UseTransport(testkit.RoundTripperFunc(func(r *http.Request) (*http.Response, error) {
					resp, err := d.RoundTrip(r)
					if err != nil || r.URL.Path != "/api/v2/tickets" || r.Method != http.MethodGet {
						return resp, err
					}
					body, err := io.ReadAll(resp.Body)
					removed += len(remove.FindAll(body, -1))
					resp.Body = io.NopCloser(bytes.NewReader(remove.ReplaceAll(body, nil)))
					return resp, err
				}), cfg, trengo.WithMaxRetries(0))
				d.InjectFunc(func(r trengotest.Request) trengotest.Fault {
					if r.Method != http.MethodPost {
						return trengotest.Fault{}
					}
					inbound := d.AddTicket(trengotest.Ticket{ContactID: contactID, ChannelID: fixtures.PhoneChannel})
					d.AddMessage(trengotest.Message{TicketID: inbound.ID, Text: "Hello"})
					return trengotest.LostBefore()
				})
				text := d.MustFail(fixtures.Track("1", fixtures.AnnPhone), trengo.ErrOutcomeUnknown).Error()
				if removed == 0 || strings.Contains(text, "GET /tickets") {
					t.Errorf("%d fields removed, error %s", removed, text)
				}
			})
		})
	}
}

// An agent may delete the contact before the event is delivered again. The event is
// then about a new contact, and its ticket is that of the old one.
func TestDestination_lostTicket_contactReplaced(t *testing.T) {
	for name, tt := range map[string]struct {
		fault trengotest.Fault
		want  string
	}{
		"the ticket exists":         {trengotest.LostAfter(), "list"},
		"the ticket does not exist": {trengotest.LostBefore(), "list, open"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := fixtures.NewDeployment(t)
				d.WarmUp()
				d.MustProcess(fixtures.Identify("m-1", fixtures.AnnEmail, "Ann"))
				d.Inject(tt.fault, trengotest.RespondHTML(503)) // also to the look for it
				d.MustFail(fixtures.Track("m-2", fixtures.AnnEmail), trengo.ErrOutcomeUnknown)
				d.DeleteContacts(fixtures.AnnEmail)
				d.MustProcess(fixtures.Identify("m-3", fixtures.AnnEmail, "Anna"))
				time.Sleep(2 * time.Minute)
				d.ResetRequests()
				result := d.MustProcess(fixtures.Track("m-2", fixtures.AnnEmail))
				d.WantSent(tt.want)
				if tickets := d.Tickets(); len(tickets) != 2 || tickets[1].ID != result.TicketID {
					t.Errorf("%+v, tickets %+v", result, tickets)
				}
			})
		})
	}
}
