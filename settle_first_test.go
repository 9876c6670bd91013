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
	"github.com/trengo-go/trengo/trengotest"
)

// Many first events at once cost one listing.
func TestSettle_oneListingForAllFirstTickets(t *testing.T) {
	const events = 64
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.Behavior.Latency = deskLatency
		var wg sync.WaitGroup
		for range events {
			contact := d.AddContact(trengotest.Contact{Name: "Somebody"})
			wg.Go(func() {
				if _, err := d.process(aboutContact(trackFor("1", ""), contact.ID)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		count := map[string]int{}
		for _, request := range methodsAndPaths(d.Server) {
			count[request]++
		}
		if count[listing] != 1 || count[open] != events || len(d.Tickets()) != events {
			t.Errorf("requests %v, want one listing and %d tickets", count, events)
		}
	})
}

// newColdDesk has a contact with old tickets of the same subject, in a process
// that has made none.
func newColdDesk(t *testing.T, oldTickets int, changes ...func(*trengo.DestinationConfig)) (*desk, int64) {
	t.Helper()
	d := newDesk(t, changes...)
	contact := d.AddContact(trengotest.Contact{Name: "Ann", Email: annsMail, Phone: annsPhone})
	for range oldTickets {
		d.AddTicket(trengotest.Ticket{ContactID: contact.ID, ChannelID: deskMail, Subject: "Ordered"})
		d.AddTicket(trengotest.Ticket{ContactID: contact.ID, ChannelID: deskPhone})
	}
	return d, contact.ID
}

// Old tickets of the same subject are not taken for the lost one, even if this
// process has not seen them.
func TestSettle_oldTicketsInAColdProcess(t *testing.T) {
	for _, channel := range kindsOfChannel {
		for _, old := range []int{0, 1, 3} {
			t.Run(fmt.Sprintf("%s, %d old tickets, lost after", channel.name, old), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d, contactID := newColdDesk(t, old, channel.changes...)
					d.fail(open, trengotest.LostAfter())
					result := d.must(trackFor("1", channel.who))
					d.wantSent(inOrder(search, listing, open, listing))
					tickets := d.ticketsOf(contactID)
					if newest := tickets[len(tickets)-1]; result.TicketID != newest || len(tickets) != 2*old+1 {
						t.Errorf("%+v, want the newest of %v", result, tickets)
					}
				})
			})
			t.Run(fmt.Sprintf("%s, %d old tickets, lost before", channel.name, old), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d, contactID := newColdDesk(t, old, channel.changes...)
					d.fail(open, trengotest.LostBefore())
					d.mustFail(trackFor("1", channel.who), trengo.ErrOutcomeUnknown)
					d.wantTickets(contactID, 2*old)
					time.Sleep(believed)
					result := d.must(trackFor("1", channel.who))
					d.wantTickets(contactID, 2*old+1)
					if result.Duplicate {
						t.Errorf("%+v, though nothing was handled", result)
					}
				})
			})
		}
	}
}

// A listing serves only the first ticket that was made: where none was, the
// next one lists the tickets of its own contact.
func TestSettle_firstTicketIsNotMade(t *testing.T) {
	cases := map[string]struct {
		request string
		fault   trengotest.Fault
		err     error
		sent    string
	}{
		"refused":          {open, trengotest.Respond(403, "application/json", `{}`), trengo.ErrUnauthorized, inOrder(search, listing, open)},
		"lost":             {open, trengotest.LostBefore(), trengo.ErrOutcomeUnknown, inOrder(search, listing, open, listing)},
		"not even listed":  {listing, trengotest.Respond(403, "application/json", `{}`), trengo.ErrUnauthorized, inOrder(search, listing)},
		"listing was lost": {listing, trengotest.LostAfter(), nil, inOrder(search, listing)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, _ := newColdDesk(t, 1)
				other := d.AddContact(trengotest.Contact{Name: "Bob"})
				d.fail(c.request, c.fault)
				_, err := d.process(trackFor("1", annsMail))
				if err == nil || c.err != nil && !errors.Is(err, c.err) {
					t.Errorf("error %v, want %v", err, c.err)
				}
				d.wantSent(c.sent)
				d.must(aboutContact(trackFor("2", ""), other.ID))
				d.wantSent(inOrder(listing, open))
				d.must(aboutContact(trackFor("3", ""), other.ID))
				d.wantSent(open)
			})
		})
	}
}

// A ticket that was lost and found is one that the process has made.
func TestSettle_firstTicketIsLostAndFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := newColdDesk(t, 0)
		other := d.AddContact(trengotest.Contact{Name: "Bob"})
		d.fail(open, trengotest.LostAfter())
		d.must(trackFor("1", annsMail))
		d.ResetRequests()
		d.must(aboutContact(trackFor("2", ""), other.ID))
		d.wantSent(open)
	})
}

// The first tickets of others wait for the listing, not for the whole event:
// they go on when the first ticket is there, at the same time.
func TestSettle_firstTicketHoldsNobodyBackLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.Behavior.Latency = deskLatency
		began := time.Now()
		var all []<-chan answered
		for range 10 {
			contact := d.AddContact(trengotest.Contact{Name: "Somebody"})
			all = append(all, d.deliver(t.Context(), aboutContact(trackFor("1", ""), contact.ID)))
		}
		// The listing, the first ticket, all others.
		for i, one := range all {
			want := 2 * deskLatency
			if i > 0 {
				want = 3 * deskLatency
			}
			if got := <-one; got.err != nil || got.at.Sub(began) != want {
				t.Errorf("event %d took %s (%v), want %s", i, got.at.Sub(began), got.err, want)
			}
		}
	})
}

// A contact's tickets are looked through up to a bound.
func TestSettle_boundOfTheLook(t *testing.T) {
	for name, c := range map[string]struct {
		old, pages int
		settled    bool
	}{
		"as many tickets as are looked at": {999, 10, true},
		"one more":                         {1000, 11, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, contactID := newTicketDesk(t)
				for range c.old {
					d.AddTicket(trengotest.Ticket{ContactID: contactID, ChannelID: deskMail, Subject: "Help"})
				}
				d.fail(open, trengotest.LostAfter())
				result, err := d.process(trackFor("1", annsMail))
				switch {
				case c.settled && (err != nil || result.TicketID == 0):
					t.Errorf("%+v, %v; want it settled", result, err)
				case !c.settled && (!errors.Is(err, trengo.ErrOutcomeUnknown) || !strings.Contains(err.Error(), "too many tickets")):
					t.Errorf("error %v, want an unknown outcome and its reason", err)
				}
				d.wantSent(inOrder(search, open) + strings.Repeat(", "+listing, c.pages))
				d.wantTickets(contactID, c.old+1)
			})
		})
	}
}

// Nobody asked to settle anything yet, so that the contact has many tickets is
// no reason to refuse it one.
func TestSettle_firstTicketOfAContactWithMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, contactID := newColdDesk(t, 501)
		d.must(trackFor("1", annsMail))
		d.wantTickets(contactID, 1003)
	})
}

// The text of an error says which ticket is meant, and nothing of the person.
func TestSettle_errorTexts(t *testing.T) {
	lost := trengotest.LostBefore()
	cases := map[string]struct {
		changes []func(*trengo.DestinationConfig)
		fault   func(trengotest.Request) trengotest.Fault
		event   *trengo.Event
		says    []string
	}{
		"a lost ticket": {
			nil, func(r trengotest.Request) trengotest.Fault { return onPost(r, lost) },
			trackFor("1", annsMail),
			[]string{"contact 460000002", "channel 405980", `"Ordered"`, "outcome unknown"},
		},
		"a lost ticket on another channel": {
			nil, func(r trengotest.Request) trengotest.Fault { return onPost(r, lost) },
			onOtherChannel(trackFor("1", annsMail)),
			[]string{"contact 460000002", "channel 405981"},
		},
		"a lost ticket that cannot be looked for": {
			nil, func(r trengotest.Request) trengotest.Fault {
				if r.Path == "/contacts" {
					return trengotest.Fault{}
				}
				return lost
			},
			trackFor("1", annsMail),
			[]string{"contact 460000002", "channel 405980", `"Ordered"`, "outcome unknown", "GET /tickets"},
		},
		"a lost contact": {
			nil, func(r trengotest.Request) trengotest.Fault { return onPost(r, lost) },
			identifyFor("1", "bob@example.com", "Bob"),
			[]string{"contact on channel 405980", "outcome unknown"},
		},
		"a lost contact of a phone": {
			[]func(*trengo.DestinationConfig){byPhone, creating},
			func(r trengotest.Request) trengotest.Fault { return onPost(r, lost) },
			trackFor("1", "+31600000009"),
			[]string{"contact on channel 406001", "outcome unknown"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, _ := newTicketDesk(t, c.changes...)
				d.InjectFunc(c.fault)
				c.event.Properties = map[string]any{"id": "secret"}
				for _, when := range []string{"at first", "delivered again"} {
					text := d.mustFail(c.event, trengo.ErrOutcomeUnknown).Error()
					for _, said := range c.says {
						if !strings.Contains(text, said) {
							t.Errorf("%s: %q does not say %s", when, text, said)
						}
					}
					// What a look met is told only if it failed.
					if strings.Contains(text, "looking for it") && !strings.Contains(text, "GET /tickets") {
						t.Errorf("%s: %q blames the look", when, text)
					}
					for _, secret := range []string{"ann@", "bob", "example", "3160000", "secret"} {
						if strings.Contains(strings.ToLower(text), secret) {
							t.Errorf("%s: %q says %s", when, text, secret)
						}
					}
				}
			})
		})
	}
}

func onPost(r trengotest.Request, fault trengotest.Fault) trengotest.Fault {
	if r.Method == http.MethodPost {
		return fault
	}
	return trengotest.Fault{}
}

// A lost ticket that is found has an older id than tickets made since.
func TestSettle_foundTicketIsOlderThanOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, annsID := newTicketDesk(t)
		bob := d.AddContact(trengotest.Contact{Name: "Bob", Email: "bob@example.com"})
		d.Inject(trengotest.Fault{}, trengotest.LostAfter(), trengotest.LostBefore())
		d.mustFail(trackFor("1", annsMail), trengo.ErrOutcomeUnknown)
		d.must(trackFor("1", "bob@example.com"))
		d.must(trackFor("1", annsMail))
		d.wantTickets(annsID, 1)
		// Bob's first ticket is not taken for his second.
		d.fail(open, trengotest.LostBefore())
		d.mustFail(trackFor("2", "bob@example.com"), trengo.ErrOutcomeUnknown)
		time.Sleep(believed)
		d.must(trackFor("2", "bob@example.com"))
		d.wantTickets(bob.ID, 2)
	})
}

// Who looks later may find that somebody has written already.
func TestSettle_lostTicketHasAMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, contactID := newTicketDesk(t)
		d.Inject(trengotest.Fault{}, trengotest.LostAfter(), trengotest.LostBefore())
		d.mustFail(trackFor("1", annsMail), trengo.ErrOutcomeUnknown)
		ticketID := d.ticketsOf(contactID)[0]
		d.AddMessage(trengotest.Message{TicketID: ticketID, Type: "OUTBOUND", UserID: d.Users()[0].ID, Text: "Hello"})
		if result := d.must(trackFor("1", annsMail)); result.TicketID != ticketID {
			t.Errorf("%+v, want the ticket %d", result, ticketID)
		}
		d.wantTickets(contactID, 1)
	})
}

// Either the number of messages or the latest one tells that there is one:
// Trengo may leave out the other.
func TestSettle_messagesOfATicketWithoutSubject(t *testing.T) {
	for name, leaveOut := range map[string]*regexp.Regexp{
		"the list has no numbers":        regexp.MustCompile(`"messages_count":\d+,`),
		"the list has no latest message": regexp.MustCompile(`"latest_message":\{"(?:[^{}]|\{[^{}]*\})*\},`),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, contactID := newTicketDesk(t)
				cfg := trengo.DestinationConfig{EventTemplates: map[string]string{deskEvent: ""}}
				byPhone(&cfg)
				left := 0
				var err error
				d.destination, err = trengo.NewDestination(newClientOn(t, roundTripper(func(r *http.Request) (*http.Response, error) {
					resp, err := d.RoundTrip(r)
					if err != nil || r.URL.Path != "/api/v2/tickets" || r.Method != http.MethodGet {
						return resp, err
					}
					body, err := io.ReadAll(resp.Body)
					left += len(leaveOut.FindAll(body, -1))
					resp.Body = io.NopCloser(bytes.NewReader(leaveOut.ReplaceAll(body, nil)))
					return resp, err
				}), trengo.WithMaxRetries(0)), cfg)
				if err != nil {
					t.Fatal(err)
				}
				d.InjectFunc(func(r trengotest.Request) trengotest.Fault {
					if r.Method != http.MethodPost {
						return trengotest.Fault{}
					}
					inbound := d.AddTicket(trengotest.Ticket{ContactID: contactID, ChannelID: deskPhone})
					d.AddMessage(trengotest.Message{TicketID: inbound.ID, Text: "Hello"})
					return trengotest.LostBefore()
				})
				text := d.mustFail(trackFor("1", annsPhone), trengo.ErrOutcomeUnknown).Error()
				if left == 0 || strings.Contains(text, "GET /tickets") {
					t.Errorf("%d were left out, error %s", left, text)
				}
			})
		})
	}
}
