package trengo_test

import (
	"errors"
	"fmt"
	"html"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// addTickets gives a contact n old tickets, one every so often, the newest as long
// ago. Each was closed, and every third has a message of a day later.
func addTickets(d *fixtures.Deployment, contactID int64, n int, every time.Duration) {
	now := time.Now()
	for i := n; i > 0; i-- {
		created := now.Add(-time.Duration(i) * every)
		ticket := d.AddTicket(trengotest.Ticket{
			ContactID: contactID, ChannelID: fixtures.EmailChannel, Subject: fixtures.TrackEvent, Status: "CLOSED", CreatedAt: created,
		})
		if later := created.Add(24 * time.Hour); i%3 == 0 && later.Before(now) {
			d.AddMessage(trengotest.Message{TicketID: ticket.ID, Text: "Thanks", CreatedAt: later})
		}
	}
}

// loseTicket makes a destination create a ticket of which it does not learn: the
// response is lost, and so is that of the look. It returns the ticket's ID.
func loseTicket(d *fixtures.Deployment, ev *trengo.Event) int64 {
	before := d.Tickets()
	d.InjectFunc(func(r trengotest.Request) trengotest.Fault {
		if r.Path == "/tickets" {
			return trengotest.LostAfter()
		}
		return trengotest.Fault{}
	})
	d.MustFail(ev, trengo.ErrOutcomeUnknown)
	d.InjectFunc(nil)
	d.ResetRequests()
	after := d.Tickets()
	if len(after) != len(before)+1 {
		panic("no ticket was lost")
	}
	return after[len(after)-1].ID
}

// A look does not read a contact's old tickets, however many there are and whether
// or not Trengo filters them.
func TestReconcile_contactWithManyOldTickets(t *testing.T) {
	const old = 1500
	for name, c := range map[string]struct {
		every  time.Duration
		ignore bool // the filter by date
		cold   bool
		zone   *time.Location
	}{
		"one a day":                               {every: 24 * time.Hour},
		"one a day, without the filter":           {every: 24 * time.Hour, ignore: true},
		"one a minute":                            {every: time.Minute},
		"one a minute, without the filter":        {every: time.Minute, ignore: true},
		"one a day, in a new process":             {every: 24 * time.Hour, cold: true},
		"one a minute, in a new process":          {every: time.Minute, cold: true},
		"one a minute, dates far west of Trengo":  {every: time.Minute, zone: time.FixedZone("", -12*3600)},
		"one a minute, dates far east of Trengo":  {every: time.Minute, zone: time.FixedZone("", 14*3600)},
		"one a day, dates far east, without both": {every: 24 * time.Hour, zone: time.FixedZone("", 14*3600), ignore: true, cold: true},
	} {
		for fault, lost := range map[string]bool{"response lost": false, "request lost": true} {
			t.Run(name+", "+fault, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d, contactID := newColdDeployment(t, 0)
					d.Behavior.IgnoreUpdatedAfter, d.Behavior.Zone = c.ignore, c.zone
					addTickets(d, contactID, old, c.every)
					first := "search, list, open, list"
					if !c.cold {
						d.WarmUp()
						first = "search, open, list"
					}
					if !lost {
						d.FailNext("open", trengotest.LostAfter())
						result := d.MustProcess(fixtures.Track("1", fixtures.AnnEmail))
						d.WantSent(first)
						if newest := d.TicketsOf(contactID)[old]; result.TicketID != newest {
							t.Errorf("%+v, want the ticket %d", result, newest)
						}
						return
					}
					d.FailNext("open", trengotest.LostBefore())
					d.MustFail(fixtures.Track("1", fixtures.AnnEmail), trengo.ErrOutcomeUnknown)
					d.WantSent(first)
					time.Sleep(reconcileAfter)
					d.MustProcess(fixtures.Track("1", fixtures.AnnEmail))
					d.WantSent("list, open")
					d.WantTickets(contactID, old+1)
				})
			})
		}
	}
}

// An idle process looks for a ticket from its last one on, so a wrong clock of its
// machine does not matter.
func TestReconcile_filterGoesByTrengosClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, contactID := newWarmDeployment(t)
		last := time.Now()
		time.Sleep(100 * 24 * time.Hour)
		d.FailNext("open", trengotest.LostAfter())
		d.MustProcess(fixtures.Track("1", fixtures.AnnEmail))
		d.WantTickets(contactID, 1)
		requests := d.Requests()
		got := requests[len(requests)-1].Query.Get("updated_at_gt")
		if want := last.Add(-24 * time.Hour).UTC().Format(time.DateTime); got != want {
			t.Errorf("the look filters by %q, want %q", got, want)
		}
	})
}

// busyContact gives a contact more new tickets than a look reads.
func busyContact(d *fixtures.Deployment, contactID int64) {
	for range 1500 {
		d.AddTicket(trengotest.Ticket{ContactID: contactID, ChannelID: fixtures.EmailChannel, Subject: "Help"})
	}
}

// A look that cannot end is not made again. Nothing is created until somebody
// releases the contact, not even days later.
func TestReconcile_lookThatCannotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, contactID := newWarmDeployment(t, func(cfg *trengo.DestinationConfig) { cfg.MessageTTL = time.Minute })
		busyContact(d, contactID)
		d.FailNext("open", trengotest.LostBefore())
		d.MustFail(fixtures.Track("1", fixtures.AnnEmail), trengo.ErrOutcomeUnknown)
		d.WantSent("search, open" + strings.Repeat(", list", 11))
		for _, pause := range []time.Duration{0, reconcileAfter, time.Hour, 100 * time.Hour} {
			time.Sleep(pause)
			for _, message := range []string{"1", "2", ""} {
				err := d.MustFail(fixtures.ForContact(fixtures.Track(message, ""), contactID), trengo.ErrOutcomeUnknown)
				if !trengo.Retryable(err) || !strings.Contains(err.Error(), "too many tickets to scan: see Destination.Resolve") {
					t.Errorf("error %v", err)
				}
			}
			d.WantSent("")
		}
		d.MustProcess(fixtures.ForContact(fixtures.Identify("3", "", "Anna"), contactID))
		d.MustProcess(fixtures.ForContact(fixtures.Track("4", ""), fixtures.FirstContact))
		d.WantTickets(contactID, 1500)

		if !d.Destination.Resolve(contactID) || d.Destination.Resolve(contactID) || d.Destination.Resolve(fixtures.FirstContact) {
			t.Error("Resolve does not report whether there was an undecided ticket")
		}
		d.MustProcess(fixtures.ForContact(fixtures.Track("1", ""), contactID))
		d.MustProcess(fixtures.ForContact(fixtures.Track("2", ""), contactID))
		d.WantTickets(contactID, 1502)
	})
}

// If such a look has come across the ticket, that is found without another one.
func TestReconcile_lookThatCannotEndFindsTheTicket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, contactID := newWarmDeployment(t)
		busyContact(d, contactID)
		d.FailNext("open", trengotest.LostAfter())
		d.MustFail(fixtures.Track("1", fixtures.AnnEmail), trengo.ErrOutcomeUnknown)
		d.ResetRequests()
		d.MustFail(fixtures.Track("1", fixtures.AnnEmail), trengo.ErrOutcomeUnknown)
		time.Sleep(reconcileAfter)
		result := d.MustProcess(fixtures.Track("1", fixtures.AnnEmail))
		d.WantSent("")
		if tickets := d.TicketsOf(contactID); len(tickets) != 1501 || result.TicketID != tickets[1500] {
			t.Errorf("%+v, want the newest of %d tickets", result, len(tickets))
		}
	})
}

// A zero Destination has nothing to release.
func TestDestination_Resolve_zero(t *testing.T) {
	var d trengo.Destination
	if d.Resolve(1) {
		t.Error("a zero Destination has an undecided ticket")
	}
}

// If several tickets can be the lost one, the newest is taken for it after a
// minute. None of them is taken for another event's, and no other is created.
func TestReconcile_severalCandidates(t *testing.T) {
	for _, channel := range channelKinds {
		for name, fault := range map[string]trengotest.Fault{
			"created":     trengotest.LostAfter(),
			"not created": trengotest.LostBefore(),
			"late":        trengotest.Late(trengo.DefaultTimeout + 45*time.Second),
		} {
			t.Run(channel.name+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d, contactID := newWarmDeployment(t, channel.changes...)
					channelID := int64(fixtures.EmailChannel)
					if channel.changes != nil {
						channelID = fixtures.PhoneChannel
					}
					d.FailNext("open", fault)
					for range 2 {
						ticket := trengotest.Ticket{ContactID: contactID, ChannelID: channelID}
						if channel.changes == nil {
							ticket.Subject = fixtures.TrackEvent
						}
						d.AddTicket(ticket)
					}
					d.MustFail(fixtures.Track("1", channel.who), trengo.ErrOutcomeUnknown)
					d.MustFail(fixtures.Track("2", channel.who), trengo.ErrOutcomeUnknown)
					time.Sleep(reconcileAfter)
					tickets := d.TicketsOf(contactID)
					result := d.MustProcess(fixtures.Track("1", channel.who))
					if newest := tickets[len(tickets)-1]; result.TicketID != newest {
						t.Errorf("%+v, want the newest of %v", result, tickets)
					}
					d.WantTickets(contactID, len(tickets))

					// The next lost ticket is not one of them.
					d.FailNext("open", trengotest.LostBefore())
					d.MustFail(fixtures.Track("2", channel.who), trengo.ErrOutcomeUnknown)
					time.Sleep(reconcileAfter)
					if next := d.MustProcess(fixtures.Track("2", channel.who)); slices.Contains(tickets, next.TicketID) {
						t.Errorf("%+v, want a new ticket", next)
					}
					d.WantTickets(contactID, len(tickets)+1)
				})
			})
		}
	}
}

// Another event of the contact ends the wait as well.
func TestReconcile_severalCandidatesAndAnotherEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, contactID := newWarmDeployment(t)
		d.AddTicket(trengotest.Ticket{ContactID: contactID, ChannelID: fixtures.EmailChannel, Subject: fixtures.TrackEvent})
		d.FailNext("open", trengotest.LostAfter())
		d.MustFail(fixtures.Track("1", fixtures.AnnEmail), trengo.ErrOutcomeUnknown)
		time.Sleep(reconcileAfter)
		two := d.MustProcess(fixtures.Track("2", fixtures.AnnEmail))
		one := d.MustProcess(fixtures.Track("1", fixtures.AnnEmail))
		if two.TicketID == one.TicketID || !one.Duplicate {
			t.Errorf("%+v and %+v", one, two)
		}
		d.WantTickets(contactID, 3)
	})
}

// listShapes are how Trengo may list tickets and their messages.
var listShapes = map[string]trengotest.Behavior{
	"as recorded":                       {},
	"without latest messages":           {NullLatestMessage: true},
	"with the history among messages":   {AuditLines: true},
	"without either, not filtered":      {NullLatestMessage: true, AuditLines: true, IgnoreUpdatedAfter: true},
	"with totals, in another time zone": {Totals: true, Zone: time.FixedZone("", -5*3600)},
}

// A ticket that the customer opened is never taken for the lost one, and does not
// keep it from being created.
func TestReconcile_customersOwnTicket(t *testing.T) {
	type customer struct {
		*fixtures.Deployment
		t      *testing.T
		ticket trengotest.Ticket
	}
	later := func(d customer, after time.Duration, m trengotest.Message) {
		m.TicketID, m.CreatedAt = d.ticket.ID, d.ticket.CreatedAt.Add(after)
		d.AddMessage(m)
	}
	for name, goesOn := range map[string]func(d customer){
		"nobody has read it": func(customer) {},
		"it took a moment to store": func(d customer) {
			d.ticket.CreatedAt = d.ticket.CreatedAt.Add(-2 * time.Second)
			d.AddTicket(d.ticket)
			later(d, 2*time.Second, trengotest.Message{Text: "Hello"})
		},
		"they wrote again": func(d customer) { later(d, time.Minute, trengotest.Message{Text: "Hello?"}) },
		"an agent replied": func(d customer) {
			later(d, 10*time.Second, trengotest.Message{Type: "OUTBOUND", UserID: d.Users()[0].ID, Text: "Hello"})
		},
		"an automatic reply": func(d customer) { later(d, 0, trengotest.Message{Type: "OUTBOUND", Text: "We are closed"}) },
		"many messages": func(d customer) {
			for i := range 250 {
				later(d, time.Duration(i)*time.Second, trengotest.Message{Text: "Hello?"})
			}
		},
		"an agent took it": func(d customer) {
			time.Sleep(10 * time.Second)
			err := d.Client.Tickets.Assign(d.t.Context(), d.ticket.ID, trengo.TicketAssignParams{UserID: d.Users()[0].ID})
			if err != nil {
				d.t.Error(err)
			}
		},
		"a rule gave it to another user": func(d customer) {
			d.ticket.UserID = d.AddUser(trengotest.User{FirstName: "Kim"}).ID
			d.AddTicket(d.ticket)
			later(d, 0, trengotest.Message{Text: "Hello"})
		},
	} {
		for shape, behavior := range listShapes {
			for _, channel := range channelKinds {
				t.Run(name+", "+channel.name+", "+shape, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						d, contactID := newWarmDeployment(t, channel.changes...)
						d.Behavior = behavior
						ticket := trengotest.Ticket{ContactID: contactID, ChannelID: fixtures.EmailChannel, Subject: fixtures.TrackEvent}
						if channel.changes != nil {
							ticket.ChannelID, ticket.Subject = fixtures.PhoneChannel, ""
						}
						d.FailNext("open", trengotest.LostBefore())
						own := d.AddTicket(ticket)
						d.AddMessage(trengotest.Message{TicketID: own.ID, Text: "Hello"})
						d.MustFail(fixtures.Track("1", channel.who), trengo.ErrOutcomeUnknown)
						goesOn(customer{d, t, own})
						time.Sleep(reconcileAfter)
						result := d.MustProcess(fixtures.Track("1", channel.who))
						if result.TicketID == own.ID || result.Duplicate {
							t.Errorf("%+v, want a new ticket", result)
						}
						d.WantTickets(contactID, 2)
					})
				})
			}
		}
	}
}

// A customer's own ticket does not keep a lost one from being found.
func TestReconcile_customersOwnTicketAndTheLostOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, contactID := newWarmDeployment(t)
		own := d.AddTicket(trengotest.Ticket{ContactID: contactID, ChannelID: fixtures.EmailChannel, Subject: fixtures.TrackEvent})
		d.AddMessage(trengotest.Message{TicketID: own.ID, Text: "Hello"})
		d.FailNext("open", trengotest.LostAfter())
		result := d.MustProcess(fixtures.Track("1", fixtures.AnnEmail))
		if tickets := d.TicketsOf(contactID); len(tickets) != 2 || result.TicketID != tickets[1] {
			t.Errorf("%+v, want the second of %v", result, tickets)
		}
	})
}

// If the customer wrote in the lost ticket before anybody else, it cannot be told
// from one that they opened: nothing is created any more until somebody looks.
func TestReconcile_customerRepliesOnTheLostTicket(t *testing.T) {
	at := func(after time.Duration) func(*testing.T, *fixtures.Deployment, int64) {
		return func(_ *testing.T, d *fixtures.Deployment, id int64) {
			time.Sleep(after)
			d.AddMessage(trengotest.Message{TicketID: id, Text: "Hello"})
		}
	}
	for name, replies := range map[string]func(*testing.T, *fixtures.Deployment, int64){
		"at once":           at(0),
		"after a second":    at(time.Second),
		"after ten seconds": at(10 * time.Second),
		"after an hour":     at(time.Hour),
		"twice": func(t *testing.T, d *fixtures.Deployment, id int64) {
			at(time.Minute)(t, d, id)
			at(time.Minute)(t, d, id)
		},
		"and an agent replies": func(t *testing.T, d *fixtures.Deployment, id int64) {
			at(time.Minute)(t, d, id)
			d.AddMessage(trengotest.Message{TicketID: id, Type: "OUTBOUND", UserID: d.Users()[0].ID, Text: "Hello"})
		},
		"more often than is read": func(t *testing.T, d *fixtures.Deployment, id int64) {
			for range 400 {
				at(time.Second)(t, d, id)
			}
		},
		"after an agent passed it on": func(t *testing.T, d *fixtures.Deployment, id int64) {
			kim := d.AddUser(trengotest.User{FirstName: "Kim"})
			time.Sleep(time.Minute)
			if err := d.Client.Tickets.Assign(t.Context(), id, trengo.TicketAssignParams{UserID: kim.ID}); err != nil {
				t.Error(err)
			}
			at(time.Minute)(t, d, id)
		},
		"and an agent closes it": func(t *testing.T, d *fixtures.Deployment, id int64) {
			at(time.Minute)(t, d, id)
			if err := d.Client.Tickets.Close(t.Context(), id, trengo.TicketCloseParams{}); err != nil {
				t.Error(err)
			}
		},
		"in an older ticket that an agent merged into it": func(_ *testing.T, d *fixtures.Deployment, id int64) {
			d.AddMessage(trengotest.Message{TicketID: id, Text: "Hello", CreatedAt: time.Now().Add(-time.Hour)})
		},
	} {
		for shape, behavior := range listShapes {
			for _, channel := range channelKinds {
				t.Run(name+", "+channel.name+", "+shape, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						d, contactID := newWarmDeployment(t, channel.changes...)
						d.Behavior = behavior
						lost := loseTicket(d, fixtures.Track("1", channel.who))
						replies(t, d, lost)
						time.Sleep(reconcileAfter)
						err := d.MustFail(fixtures.Track("1", channel.who), trengo.ErrOutcomeUnknown)
						if !strings.Contains(err.Error(), "may be it, or one that the customer opened: see Destination.Resolve") {
							t.Errorf("error %v", err)
						}
						// No further look can tell.
						d.ResetRequests()
						time.Sleep(1000 * time.Hour)
						d.MustFail(fixtures.ForContact(fixtures.Track("1", ""), contactID), trengo.ErrOutcomeUnknown)
						d.MustFail(fixtures.ForContact(fixtures.Track("2", ""), contactID), trengo.ErrOutcomeUnknown)
						d.WantSent("")
						d.WantTickets(contactID, 1)
						d.Destination.Resolve(contactID)
						d.MustProcess(fixtures.ForContact(fixtures.Track("2", ""), contactID))
						d.WantTickets(contactID, 2)
					})
				})
			}
		}
	}
}

// Until the minute is over, such a ticket is looked at again.
func TestReconcile_customerRepliesWhileTheOutcomeSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, contactID := newWarmDeployment(t)
		lost := loseTicket(d, fixtures.Track("1", fixtures.AnnEmail))
		d.AddMessage(trengotest.Message{TicketID: lost, Text: "Hello"})
		for range 3 {
			d.MustFail(fixtures.Track("1", fixtures.AnnEmail), trengo.ErrOutcomeUnknown)
			d.WantSent("list")
		}
		d.WantTickets(contactID, 1)
	})
}

// What agents do with the lost ticket does not hide it.
func TestReconcile_agentsWorkOnTheLostTicket(t *testing.T) {
	for name, work := range map[string]func(t *testing.T, d *fixtures.Deployment, id int64) error{
		"note": func(_ *testing.T, d *fixtures.Deployment, id int64) error {
			d.AddMessage(trengotest.Message{TicketID: id, Type: "NOTE", UserID: d.Users()[0].ID, Text: "For Kim"})
			return nil
		},
		"reply": func(_ *testing.T, d *fixtures.Deployment, id int64) error {
			d.AddMessage(trengotest.Message{TicketID: id, Type: "OUTBOUND", UserID: d.Users()[0].ID, Text: "Hello"})
			return nil
		},
		"reply, and the customer responds": func(_ *testing.T, d *fixtures.Deployment, id int64) error {
			d.AddMessage(trengotest.Message{TicketID: id, Type: "OUTBOUND", UserID: d.Users()[0].ID, Text: "Hello"})
			time.Sleep(time.Minute)
			d.AddMessage(trengotest.Message{TicketID: id, Text: "Hello"})
			return nil
		},
		"close": func(t *testing.T, d *fixtures.Deployment, id int64) error {
			return d.Client.Tickets.Close(t.Context(), id, trengo.TicketCloseParams{})
		},
		"assign with a note": func(t *testing.T, d *fixtures.Deployment, id int64) error {
			kim := d.AddUser(trengotest.User{FirstName: "Kim"})
			return d.Client.Tickets.Assign(t.Context(), id, trengo.TicketAssignParams{UserID: kim.ID, Note: "Yours"})
		},
		"label": func(t *testing.T, d *fixtures.Deployment, id int64) error {
			path := fmt.Sprintf("/tickets/%d/labels", id)
			label := trengo.Request{Method: http.MethodPost, Path: "/labels", Body: map[string]string{"name": "VIP"}}
			return errors.Join(
				d.Client.Do(t.Context(), label, nil),
				d.Client.Do(t.Context(), trengo.Request{Method: http.MethodPost, Path: path, Body: map[string]int{"label_id": 1700001}}, nil))
		},
	} {
		for shape, behavior := range listShapes {
			for _, channel := range channelKinds {
				t.Run(name+", "+channel.name+", "+shape, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						d, contactID := newWarmDeployment(t, channel.changes...)
						d.Behavior = behavior
						lost := loseTicket(d, fixtures.Track("1", channel.who))
						time.Sleep(time.Minute)
						if err := work(t, d, lost); err != nil {
							t.Fatal(err)
						}
						time.Sleep(reconcileAfter)
						if result := d.MustProcess(fixtures.Track("1", channel.who)); result.TicketID != lost {
							t.Errorf("%+v, want the ticket %d", result, lost)
						}
						d.WantTickets(contactID, 1)
					})
				})
			}
		}
	}
}

// A subject is recognized as Trengo may have stored it.
func TestReconcile_storedSubject(t *testing.T) {
	long := `Your "Order"  of 12 & 13 at Müller's <shop>: ` + strings.Repeat("very ", 30) + "long"
	cut := func(n int) func(string) string {
		return func(s string) string { return string([]rune(s)[:min(n, len([]rune(s)))]) }
	}
	for name, store := range map[string]func(string) string{
		"as it is":            func(s string) string { return s },
		"trimmed":             strings.TrimSpace,
		"single blanks":       func(s string) string { return strings.Join(strings.Fields(s), " ") },
		"no-break blanks":     func(s string) string { return strings.ReplaceAll(s, " ", "\u00a0") },
		"blanks around it":    func(s string) string { return " " + s + " " },
		"entities":            html.EscapeString,
		"PHP's entities":      func(s string) string { return strings.ReplaceAll(html.EscapeString(s), "&#39;", "&#039;") },
		"entities twice":      func(s string) string { return html.EscapeString(html.EscapeString(s)) },
		"umlauts as entities": func(s string) string { return strings.ReplaceAll(html.EscapeString(s), "ü", "&uuml;") },
		"cut at 191":          cut(191),
		"cut at 100":          cut(100),
		"cut at 64":           cut(64),
		"cut with an ellipsis": func(s string) string {
			if len(s) < 100 {
				return s
			}
			return cut(100)(s) + "..."
		},
		"entities, then cut": func(s string) string { return cut(60)(html.EscapeString(s)) },
		"cut in an entity":   func(s string) string { return cut(63)(html.EscapeString(s)) },
		"dropped":            func(string) string { return "" },
	} {
		for _, subject := range []string{long, `"1"  & <2>`} {
			recognizes(t, name, subject, store)
		}
	}
	recognizes(t, "cut in a character", strings.Repeat("a", 60)+"ü is cut", func(s string) string { return s[:61] })
}

// recognizes loses a ticket with that subject and requires that it is found.
func recognizes(t *testing.T, name, subject string, store func(string) string) {
	t.Helper()
	t.Run(fmt.Sprintf("%s, %d bytes", name, len(subject)), func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d, contactID := newWarmDeployment(t, func(cfg *trengo.DestinationConfig) {
				cfg.EventTemplates = map[string]string{fixtures.TrackEvent: "{{ id }}"}
			})
			d.Behavior.StoreSubject = store
			ev := fixtures.Track("1", fixtures.AnnEmail)
			ev.Properties["id"] = subject
			d.FailNext("open", trengotest.LostAfter())
			result := d.MustProcess(ev)
			if tickets := d.TicketsOf(contactID); len(tickets) != 1 || result.TicketID != tickets[0] {
				t.Errorf("%+v, want the only one of %v", result, tickets)
			}
		})
	})
}

// Subjects that only resemble each other are those of different tickets.
func TestReconcile_anotherSubject(t *testing.T) {
	const sent = "Ordered 12 of the items that you have seen in the shop window"
	for _, other := range []string{
		"Ordered", "Ordered 1", "Ordered 12", "Ordered 13 of the items that you have seen in the shop window",
		sent + ", again", "ordered 12 of the items that you have seen in the shop window", "...", "…", "&", "Re: " + sent,
		"O" + strings.Repeat(" ", 60), "O" + strings.Repeat("&nbsp;", 20), "O" + strings.Repeat(".", 60),
	} {
		t.Run(strings.TrimSpace(other[:min(20, len(other))]), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, contactID := newWarmDeployment(t, func(cfg *trengo.DestinationConfig) {
					cfg.EventTemplates = map[string]string{fixtures.TrackEvent: sent}
				})
				d.FailNext("open", trengotest.LostBefore())
				d.AddTicket(trengotest.Ticket{ContactID: contactID, ChannelID: fixtures.EmailChannel, Subject: other})
				d.MustFail(fixtures.Track("1", fixtures.AnnEmail), trengo.ErrOutcomeUnknown)
				time.Sleep(reconcileAfter)
				d.MustProcess(fixtures.Track("1", fixtures.AnnEmail))
				d.WantTickets(contactID, 2)
			})
		})
	}
}

// In the hour that autumn repeats, an older ticket may seem to be newer than the
// lost one.
func TestReconcile_clockGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, contactID := newColdDeployment(t, 0)
		changes := time.Date(2000, 10, 29, 1, 0, 0, 0, time.UTC) // 3:00 becomes 2:00 in Amsterdam
		time.Sleep(time.Until(changes.Add(10 * time.Minute)))
		// 99 tickets of 2:50, of before the change, that have been written in at 2:09,
		// fill the page but for the mark's.
		for range 99 {
			old := d.AddTicket(trengotest.Ticket{
				ContactID: contactID, ChannelID: fixtures.EmailChannel, Subject: "Help", CreatedAt: changes.Add(-10 * time.Minute), UpdatedAt: changes.Add(9 * time.Minute),
			})
			d.AddMessage(trengotest.Message{TicketID: old.ID, Text: "Hello", CreatedAt: changes.Add(9 * time.Minute)})
		}
		d.WarmUp()
		lost := loseTicket(d, fixtures.Track("1", fixtures.AnnEmail))
		// They are written in again, and stand before the lost one.
		time.Sleep(time.Second)
		for i, ticket := range d.TicketsOf(contactID)[:99] {
			if i > 0 {
				d.AddMessage(trengotest.Message{TicketID: ticket, Text: "Hello?"})
			}
		}
		for range 2 {
			busy := d.AddTicket(trengotest.Ticket{ID: fixtures.FirstTicket - int64(len(d.Tickets())), ContactID: contactID, ChannelID: fixtures.EmailChannel, Subject: "Help"})
			d.AddMessage(trengotest.Message{TicketID: busy.ID, Text: "Hello?"})
		}
		time.Sleep(reconcileAfter)
		if result := d.MustProcess(fixtures.Track("1", fixtures.AnnEmail)); result.TicketID != lost {
			t.Errorf("%+v, want the ticket %d", result, lost)
		}
	})
}

// A ticket of which it could not be told whose it is does not stand in the way of
// the next one, once the outcome is known.
func TestReconcile_doubtfulTicketBesideACandidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, contactID := newWarmDeployment(t)
		d.AddTicket(trengotest.Ticket{ContactID: contactID, ChannelID: fixtures.EmailChannel, Subject: fixtures.TrackEvent})
		replied := loseTicket(d, fixtures.Track("1", fixtures.AnnEmail))
		time.Sleep(time.Minute)
		d.AddMessage(trengotest.Message{TicketID: replied, Text: "Hello"})
		d.MustProcess(fixtures.Track("1", fixtures.AnnEmail))
		d.FailNext("open", trengotest.LostBefore())
		d.MustFail(fixtures.Track("2", fixtures.AnnEmail), trengo.ErrOutcomeUnknown)
		time.Sleep(reconcileAfter)
		d.MustProcess(fixtures.Track("2", fixtures.AnnEmail))
		d.WantTickets(contactID, 3)
	})
}

// A contact that somebody releases while a look is made stays released.
func TestDestination_Resolve_duringALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, contactID := newWarmDeployment(t)
		lost := loseTicket(d, fixtures.Track("1", fixtures.AnnEmail))
		time.Sleep(time.Minute)
		d.AddMessage(trengotest.Message{TicketID: lost, Text: "Hello"})
		d.Behavior.Latency = fixtures.Latency
		look := d.Deliver(t.Context(), fixtures.Track("1", fixtures.AnnEmail))
		if !d.Destination.Resolve(contactID) {
			t.Error("there was nothing to release")
		}
		if got := <-look; !errors.Is(got.Err, trengo.ErrOutcomeUnknown) {
			t.Errorf("the look ended with %v", got.Err)
		}
		d.MustProcess(fixtures.Track("2", fixtures.AnnEmail))
		d.WantTickets(contactID, 2)
	})
}

// A look reads the messages of a limited number of tickets.
func TestReconcile_manyTicketsOfTheCustomer(t *testing.T) {
	for own, settled := range map[int]bool{10: true, 11: false} {
		t.Run(strconv.Itoa(own), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, contactID := newWarmDeployment(t)
				for range own {
					ticket := d.AddTicket(trengotest.Ticket{ContactID: contactID, ChannelID: fixtures.EmailChannel, Subject: fixtures.TrackEvent})
					d.AddMessage(trengotest.Message{TicketID: ticket.ID, Text: "Hello"})
					d.AddMessage(trengotest.Message{TicketID: ticket.ID, Text: "Hello?"})
				}
				d.FailNext("open", trengotest.LostBefore())
				d.MustFail(fixtures.Track("1", fixtures.AnnEmail), trengo.ErrOutcomeUnknown)
				if requests := len(d.Requests()); requests != 3+10 {
					t.Errorf("%d requests", requests)
				}
				time.Sleep(reconcileAfter)
				if _, err := d.Process(fixtures.Track("1", fixtures.AnnEmail)); (err == nil) != settled {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

// A list of messages that cannot be read leaves the outcome unknown, until it can.
func TestReconcile_messagesCannotBeRead(t *testing.T) {
	for _, status := range []int{403, 404, 500} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, contactID := newWarmDeployment(t)
				lost := loseTicket(d, fixtures.Track("1", fixtures.AnnEmail))
				for range 2 {
					d.AddMessage(trengotest.Message{TicketID: lost, Type: "NOTE", UserID: d.Users()[0].ID, Text: "For Kim"})
				}
				time.Sleep(reconcileAfter)
				d.RefuseNext(fmt.Sprintf("GET /tickets/%d/messages", lost), status)
				if err := d.MustFail(fixtures.Track("1", fixtures.AnnEmail), trengo.ErrOutcomeUnknown); !trengo.Retryable(err) {
					t.Errorf("error %v is not retryable", err)
				}
				if result := d.MustProcess(fixtures.Track("1", fixtures.AnnEmail)); result.TicketID != lost {
					t.Errorf("%+v, want the ticket %d", result, lost)
				}
				d.WantTickets(contactID, 1)
			})
		})
	}
}

// Tickets that move in the list while it is read are not counted twice.
func TestReconcile_listMovesWhileItIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, contactID := newWarmDeployment(t)
		lost := loseTicket(d, fixtures.Track("1", fixtures.AnnEmail))
		time.Sleep(time.Second)
		for range 99 { // the lost one is the last of the first page
			d.AddTicket(trengotest.Ticket{ContactID: contactID, ChannelID: fixtures.EmailChannel, Subject: "Help"})
		}
		d.AddTicket(trengotest.Ticket{
			ID: fixtures.FirstTicket - 1, ContactID: contactID, ChannelID: fixtures.EmailChannel, Subject: "Help", CreatedAt: time.Now().Add(-time.Minute),
		})
		pages := 0
		d.InjectFunc(func(trengotest.Request) trengotest.Fault {
			if pages++; pages == 2 {
				d.AddTicket(trengotest.Ticket{ContactID: contactID, ChannelID: fixtures.EmailChannel, Subject: "Help"})
			}
			return trengotest.Fault{}
		})
		if result := d.MustProcess(fixtures.Track("1", fixtures.AnnEmail)); result.TicketID != lost {
			t.Errorf("%+v, want the ticket %d", result, lost)
		}
		d.WantSent("list, list")
	})
}
