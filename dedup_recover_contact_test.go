package trengo_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// A contact whose response is lost is found in the same call.
func TestReconcile_lostContact(t *testing.T) {
	for _, channel := range []struct {
		name    string
		changes []func(*trengo.DestinationConfig)
		who     string
		create  string
	}{
		{"by email", []func(*trengo.DestinationConfig){fixtures.CreateMissing}, fixtures.AnnEmail, "create"},
		{"by phone number", []func(*trengo.DestinationConfig){fixtures.CreateMissing, fixtures.IdentifyByPhone}, fixtures.AnnPhone, "create on phone channel"},
	} {
		for name, fault := range fixtures.LostResponses {
			t.Run("identify "+channel.name+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := fixtures.NewDeployment(t, channel.changes...)
					d.Inject(trengotest.Fault{}, fault)
					result := d.MustProcess(fixtures.Identify("1", channel.who, "Ann"))
					d.WantSent("search, " + channel.create + ", search")
					contacts := d.Contacts()
					if len(contacts) != 1 || result.ContactID != contacts[0].ID || result.Action != trengo.ActionContactCreated {
						t.Errorf("%+v with the contacts %+v", result, contacts)
					}
					d.MustProcess(fixtures.Identify("2", channel.who, "Ann"))
					d.WantSent("")
				})
			})
			t.Run("track "+channel.name+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := fixtures.NewDeployment(t, channel.changes...)
					d.WarmUp()
					d.Inject(trengotest.Fault{}, fault)
					result := d.MustProcess(fixtures.Track("1", channel.who))
					d.WantSent("search, " + channel.create + ", search, open")
					if len(d.Contacts()) != 2 || result.ContactID != d.Contacts()[1].ID {
						t.Errorf("%+v with the contacts %+v", result, d.Contacts())
					}
					d.WantTickets(result.ContactID, 1)
				})
			})
		}
	}
}

// If the contact that is found has another name, it existed before. It is renamed.
func TestReconcile_lostContactHasAnotherName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t)
		d.InjectFunc(func(r trengotest.Request) trengotest.Fault {
			if r.Method != http.MethodPost {
				return trengotest.Fault{}
			}
			d.AddContact(trengotest.Contact{Name: "Annie", Email: fixtures.AnnEmail})
			return trengotest.LostAfter()
		})
		if result := d.MustProcess(fixtures.Identify("1", fixtures.AnnEmail, "Ann")); result.Action != trengo.ActionContactUpdated {
			t.Errorf("%+v, want the existing contact renamed", result)
		}
		d.WantSent("search, create, search, rename")
	})
}

// A write that is lost again restarts the minute.
func TestReconcile_contactIsLostAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t, fixtures.IdentifyByPhone)
		for range 2 {
			d.Inject(trengotest.Fault{}, trengotest.LostBefore())
			d.MustFail(fixtures.Identify("1", fixtures.AnnPhone, "Ann"), trengo.ErrOutcomeUnknown)
			d.WantSent("search, create on phone channel, search")
			time.Sleep(time.Minute - 1)
			d.MustFail(fixtures.Identify("1", fixtures.AnnPhone, "Ann"), trengo.ErrOutcomeUnknown)
			d.WantSent("search")
			time.Sleep(time.Nanosecond)
		}
		d.MustProcess(fixtures.Identify("1", fixtures.AnnPhone, "Ann"))
		d.WantSent("search, create on phone channel")
	})
}

// While the outcome of a contact is unknown, no event of the person creates it.
// When it is found, all of them use it.
func TestReconcile_otherEventsOfThePerson(t *testing.T) {
	for name, other := range map[string]*trengo.Event{
		"an identify":                    fixtures.Identify("2", fixtures.AnnPhone, "Ann"),
		"a track":                        fixtures.Track("2", fixtures.AnnPhone),
		"an identify on another channel": fixtures.OnChannel(fixtures.Identify("1", fixtures.AnnPhone, "Ann"), fixtures.OtherEmailChannel),
		"an identify with the number spelled differently": fixtures.Identify("2", "0031 6 0000 0001", "Ann"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := fixtures.NewDeployment(t, fixtures.IdentifyByPhone, fixtures.CreateMissing)
				d.WarmUp()
				d.Inject(trengotest.Fault{}, trengotest.Late(trengo.DefaultTimeout+45*time.Second))
				d.MustFail(fixtures.Identify("1", fixtures.AnnPhone, "Ann"), trengo.ErrOutcomeUnknown)
				d.ResetRequests()
				d.MustFail(other, trengo.ErrOutcomeUnknown)
				d.WantSent("search")
				// Another person is created as usual.
				d.MustProcess(fixtures.Identify("3", "+31600000002", "Bob"))
				d.WantSent("search, create on phone channel")

				time.Sleep(46 * time.Second)
				late := d.Contacts()[2]
				if result := d.MustProcess(other); result.ContactID != late.ID {
					t.Errorf("%+v, want the contact %+v", result, late)
				}
				if result := d.MustProcess(fixtures.Identify("1", fixtures.AnnPhone, "Ann")); result.ContactID != late.ID {
					t.Errorf("delivered again: %+v, want the contact %+v", result, late)
				}
				if n := len(d.Contacts()); n != 3 {
					t.Errorf("%d contacts, want three", n)
				}
			})
		})
	}
}

// The outcome of a refused write is known: nothing is looked up.
func TestReconcile_refusedContact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t, fixtures.IdentifyByPhone)
		d.Inject(trengotest.Fault{}, trengotest.Respond(http.StatusUnprocessableEntity, "application/json", `{}`))
		d.MustFail(fixtures.Identify("1", fixtures.AnnPhone, "Ann"), trengo.ErrUnprocessable)
		d.WantSent("search, create on phone channel")
		d.MustProcess(fixtures.Identify("1", fixtures.AnnPhone, "Ann"))
		d.WantSent("search, create on phone channel")
	})
}

// If the lookup fails, the outcome stays unknown, and the error is that of the
// create.
func TestReconcile_lookupOfAContactFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t, fixtures.IdentifyByPhone)
		d.Inject(trengotest.Fault{}, trengotest.LostAfter(), trengotest.Respond(http.StatusForbidden, "application/json", `{}`))
		err := d.MustFail(fixtures.Identify("1", fixtures.AnnPhone, "Ann"), trengo.ErrOutcomeUnknown)
		if failed := new(trengo.Error); !errors.As(err, &failed) || failed.Method != http.MethodPost {
			t.Errorf("error %v, want that of the create", err)
		}
		d.WantSent("search, create on phone channel, search")
		d.MustProcess(fixtures.Identify("1", fixtures.AnnPhone, "Ann"))
		d.WantSent("search")
	})
}

// With duplicates allowed, the contact is created again without a lookup.
func TestReconcile_contactWithDuplicatesAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t, fixtures.IdentifyByPhone, fixtures.AllowDuplicates)
		d.Behavior.PhoneMatch = trengotest.PhoneMatchNever
		d.FailNext("create on phone channel", trengotest.LostAfter())
		d.MustFail(fixtures.Identify("1", fixtures.AnnPhone, "Ann"), trengo.ErrOutcomeUnknown)
		d.WantSent("create on phone channel")
		if result := d.MustProcess(fixtures.Identify("1", fixtures.AnnPhone, "Ann")); result.Action != trengo.ActionContactCreated || result.Duplicate {
			t.Errorf("%+v, want another contact", result)
		}
		d.WantSent("create on phone channel")
		if n := len(d.Contacts()); n != 2 {
			t.Errorf("%d contacts, want two", n)
		}
	})
}

// If the response to a create is another person's contact, no ticket is opened.
func TestReconcile_contactOfSomebodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t, fixtures.CreateMissing)
		d.Inject(trengotest.Fault{}, trengotest.Respond(http.StatusOK, "application/json", `{"id":7,"name":"Joann","email":"joann@example.com"}`))
		err := d.MustFail(fixtures.Track("1", fixtures.AnnEmail), trengo.ErrAmbiguousContact)
		if ambiguous := new(trengo.AmbiguousContactError); !errors.As(err, &ambiguous) || len(ambiguous.ContactIDs) != 1 {
			t.Errorf("error %v, want one that names the contact", err)
		}
		d.WantSent("search, create")
		d.MustProcess(fixtures.Track("1", fixtures.AnnEmail))
		d.WantSent("search, create, list, open")
	})
}

// Any event that finds the contact settles the outcome. If the contact is deleted
// afterwards, it is created again without a wait.
func TestReconcile_contactIsFoundAndDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t)
		d.Inject(trengotest.Fault{}, trengotest.LostAfter(), trengotest.Respond(http.StatusForbidden, "application/json", `{}`))
		d.MustFail(fixtures.Identify("1", fixtures.AnnEmail, "Ann"), trengo.ErrOutcomeUnknown)
		d.MustProcess(fixtures.Identify("2", fixtures.AnnEmail, "Ann"))
		d.DeleteContacts(fixtures.AnnEmail)
		d.ResetRequests()
		if result := d.MustProcess(fixtures.Identify("3", fixtures.AnnEmail, "Anna")); result.Action != trengo.ActionContactCreated {
			t.Errorf("%+v, want the contact created again", result)
		}
		d.WantSent("rename, search, create")
	})
}
