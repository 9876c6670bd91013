package trengo_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// createPhone is the creation of a contact by phone in the words of sent.
const createPhone = "POST /channels/406001/contacts"

// A contact whose creation was lost is found in the same call.
func TestSettle_lostContactIsFoundInTheSameCall(t *testing.T) {
	for _, channel := range []struct {
		name    string
		changes []func(*trengo.DestinationConfig)
		who     string
		create  string
	}{
		{"by e-mail", []func(*trengo.DestinationConfig){creating}, annsMail, create},
		{"by phone", []func(*trengo.DestinationConfig){creating, byPhone}, annsPhone, createPhone},
	} {
		for name, fault := range lostAnswers {
			t.Run("identify "+channel.name+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := newDesk(t, channel.changes...)
					d.Inject(trengotest.Fault{}, fault)
					result := d.must(identifyFor("1", channel.who, "Ann"))
					d.wantSent(inOrder(search, channel.create, search))
					contacts := d.Contacts()
					if len(contacts) != 1 || result.ContactID != contacts[0].ID || result.Action != trengo.ActionContactCreated {
						t.Errorf("%+v with the contacts %+v", result, contacts)
					}
					d.must(identifyFor("2", channel.who, "Ann"))
					d.wantSent("")
				})
			})
			t.Run("track "+channel.name+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := newDesk(t, channel.changes...)
					d.warmUp()
					d.Inject(trengotest.Fault{}, fault)
					result := d.must(trackFor("1", channel.who))
					d.wantSent(inOrder(search, channel.create, search, open))
					if len(d.Contacts()) != 2 || result.ContactID != d.Contacts()[1].ID {
						t.Errorf("%+v with the contacts %+v", result, d.Contacts())
					}
					d.wantTickets(result.ContactID, 1)
				})
			})
		}
	}
}

// A contact that turns up under another name was there before, and is renamed.
func TestSettle_lostContactHasAnotherName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.InjectFunc(func(r trengotest.Request) trengotest.Fault {
			if r.Method != http.MethodPost {
				return trengotest.Fault{}
			}
			d.AddContact(trengotest.Contact{Name: "Annie", Email: annsMail})
			return trengotest.LostAfter()
		})
		if result := d.must(identifyFor("1", annsMail, "Ann")); result.Action != trengo.ActionContactUpdated {
			t.Errorf("%+v, want the contact that was there renamed", result)
		}
		d.wantSent(inOrder(search, create, search, rename))
	})
}

// That nothing is to be seen of a contact is not believed at once.
func TestSettle_contactThatWasNeverMade(t *testing.T) {
	for name, c := range neverMade {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, byPhone)
				d.Behavior.Latency = c.latency
				d.Inject(trengotest.Fault{}, c.fault)
				d.mustFail(identifyFor("1", annsPhone, "Ann"), trengo.ErrOutcomeUnknown)
				d.wantSent(inOrder(search, createPhone, search))
				time.Sleep(c.waits)
				if !c.made {
					// A look that finds nothing does not begin the minute anew.
					d.mustFail(identifyFor("1", annsPhone, "Ann"), trengo.ErrOutcomeUnknown)
					d.wantSent(search)
					time.Sleep(believed - c.waits)
				}
				d.must(identifyFor("1", annsPhone, "Ann"))
				d.wantSent(inOrder(search, createPhone))
			})
		})
	}
}

// An attempt that is lost again begins the minute anew.
func TestSettle_contactIsLostAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, byPhone)
		for range 2 {
			d.Inject(trengotest.Fault{}, trengotest.LostBefore())
			d.mustFail(identifyFor("1", annsPhone, "Ann"), trengo.ErrOutcomeUnknown)
			d.wantSent(inOrder(search, createPhone, search))
			time.Sleep(believed - 1)
			d.mustFail(identifyFor("1", annsPhone, "Ann"), trengo.ErrOutcomeUnknown)
			d.wantSent(search)
			time.Sleep(time.Nanosecond)
		}
		d.must(identifyFor("1", annsPhone, "Ann"))
		d.wantSent(inOrder(search, createPhone))
	})
}

// As long as a contact may still turn up, no event of the person creates it;
// when it does, all of them use it.
func TestSettle_otherEventsOfThePerson(t *testing.T) {
	for name, other := range map[string]*trengo.Event{
		"an identify": identifyFor("2", annsPhone, "Ann"),
		"a track":     trackFor("2", annsPhone),
		"an identify on another channel": onOtherChannel(
			identifyFor("1", annsPhone, "Ann"),
		),
		"an identify with the phone in another spelling": identifyFor("2", "0031 6 0000 0001", "Ann"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, byPhone, creating)
				d.warmUp()
				d.Inject(trengotest.Fault{}, trengotest.Late(deskTimeout+45*time.Second))
				d.mustFail(identifyFor("1", annsPhone, "Ann"), trengo.ErrOutcomeUnknown)
				d.ResetRequests()
				d.mustFail(other, trengo.ErrOutcomeUnknown)
				d.wantSent(search)
				// Somebody else is created as ever.
				d.must(identifyFor("3", "+31600000002", "Bob"))
				d.wantSent(inOrder(search, createPhone))

				time.Sleep(46 * time.Second)
				late := d.Contacts()[2]
				if result := d.must(other); result.ContactID != late.ID {
					t.Errorf("%+v, want the contact %+v", result, late)
				}
				if result := d.must(identifyFor("1", annsPhone, "Ann")); result.ContactID != late.ID {
					t.Errorf("delivered again: %+v, want the contact %+v", result, late)
				}
				if n := len(d.Contacts()); n != 3 {
					t.Errorf("%d contacts, want three", n)
				}
			})
		})
	}
}

// A refusal is no unknown outcome: nothing is looked for.
func TestSettle_refusedContact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, byPhone)
		d.Inject(trengotest.Fault{}, trengotest.Respond(http.StatusUnprocessableEntity, "application/json", `{}`))
		d.mustFail(identifyFor("1", annsPhone, "Ann"), trengo.ErrUnprocessable)
		d.wantSent(inOrder(search, createPhone))
		d.must(identifyFor("1", annsPhone, "Ann"))
		d.wantSent(inOrder(search, createPhone))
	})
}

// A look that fails leaves the outcome unknown, with the error of the create.
func TestSettle_lookForAContactFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, byPhone)
		d.Inject(trengotest.Fault{}, trengotest.LostAfter(), trengotest.Respond(http.StatusForbidden, "application/json", `{}`))
		err := d.mustFail(identifyFor("1", annsPhone, "Ann"), trengo.ErrOutcomeUnknown)
		if failed := new(trengo.Error); !errors.As(err, &failed) || failed.Method != http.MethodPost {
			t.Errorf("error %v, want that of the create", err)
		}
		d.wantSent(inOrder(search, createPhone, search))
		d.must(identifyFor("1", annsPhone, "Ann"))
		d.wantSent(search)
	})
}

// Who allows duplicates has chosen to create again.
func TestSettle_duplicatesAreAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, byPhone, allowingDuplicates)
		d.Behavior.PhoneMatch = trengotest.PhoneMatchNever
		d.fail(createPhone, trengotest.LostAfter())
		d.mustFail(identifyFor("1", annsPhone, "Ann"), trengo.ErrOutcomeUnknown)
		d.wantSent(createPhone)
		if result := d.must(identifyFor("1", annsPhone, "Ann")); result.Action != trengo.ActionContactCreated || result.Duplicate {
			t.Errorf("%+v, want another contact", result)
		}
		d.wantSent(createPhone)
		if n := len(d.Contacts()); n != 2 {
			t.Errorf("%d contacts, want two", n)
		}
	})
}

// Tickets are settled all the same.
func TestSettle_duplicatesAreAllowedOfContactsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, contactID := newTicketDesk(t, allowingDuplicates)
		d.fail(open, trengotest.LostAfter())
		d.must(trackFor("1", annsMail))
		d.wantSent(inOrder(search, open, listing))
		d.wantTickets(contactID, 1)
	})
}

// A ticket is opened for a contact of the very e-mail only, also when the
// answer to its creation is another one's.
func TestSettle_contactOfSomebodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, creating)
		d.Inject(trengotest.Fault{}, trengotest.Respond(http.StatusOK, "application/json", `{"id":7,"name":"Joann","email":"joann@example.com"}`))
		err := d.mustFail(trackFor("1", annsMail), trengo.ErrAmbiguousContact)
		if ambiguous := new(trengo.AmbiguousContactError); !errors.As(err, &ambiguous) || len(ambiguous.ContactIDs) != 1 {
			t.Errorf("error %v, want one that names the contact", err)
		}
		d.wantSent(inOrder(search, create))
		d.must(trackFor("1", annsMail))
		d.wantSent(inOrder(search, create, listing, open))
	})
}

// An event that names the contact may find another's lost ticket just while
// that one is delivered again and waits for the contact.
func TestSettle_foundWhileItsEventWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, contactID := newTicketDesk(t)
		d.fail(open, trengotest.Late(deskTimeout+45*time.Second))
		d.mustFail(trackFor("1", annsMail), trengo.ErrOutcomeUnknown)
		time.Sleep(46 * time.Second)
		lost := d.ticketsOf(contactID)
		d.Behavior.Latency = deskLatency
		finder := d.deliver(t.Context(), aboutContact(trackFor("2", ""), contactID))
		again := d.deliver(t.Context(), trackFor("1", annsMail))
		if got := <-finder; got.err != nil {
			t.Error(got.err)
		}
		if got := <-again; got.err != nil || len(lost) != 1 || got.result.TicketID != lost[0] {
			t.Errorf("delivered again: %+v, %v; want the ticket of %v", got.result, got.err, lost)
		}
		d.wantTickets(contactID, 2)
	})
}
