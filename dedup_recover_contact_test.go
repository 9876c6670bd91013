package trengo_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
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
		{"by email", []func(*trengo.DestinationConfig){testkit.CreateMissing}, testkit.AnnEmail, "create"},
		{"by phone number", []func(*trengo.DestinationConfig){testkit.CreateMissing, testkit.IdentifyByPhone}, testkit.AnnPhone, "create on phone channel"},
	} {
		for name, fault := range testkit.LostResponses {
			t.Run("identify "+channel.name+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := testkit.NewDeployment(t, channel.changes...)
					d.Inject(trengotest.Fault{}, fault)
					result := d.MustProcess(testkit.Identify("1", channel.who, "Ann"))
					d.WantSent("search, " + channel.create + ", search")
					contacts := d.Contacts()
					if len(contacts) != 1 || result.ContactID != contacts[0].ID || result.Action != trengo.ActionContactCreated {
						t.Errorf("%+v with the contacts %+v", result, contacts)
					}
					d.MustProcess(testkit.Identify("2", channel.who, "Ann"))
					d.WantSent("")
				})
			})
			t.Run("track "+channel.name+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := testkit.NewDeployment(t, channel.changes...)
					d.WarmUp()
					d.Inject(trengotest.Fault{}, fault)
					result := d.MustProcess(testkit.Track("1", channel.who))
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
		d := testkit.NewDeployment(t)
		d.InjectFunc(func(r trengotest.Request) trengotest.Fault {
			if r.Method != http.MethodPost {
				return trengotest.Fault{}
			}
			d.AddContact(trengotest.Contact{Name: "Annie", Email: testkit.AnnEmail})
			return trengotest.LostAfter()
		})
		if result := d.MustProcess(testkit.Identify("1", testkit.AnnEmail, "Ann")); result.Action != trengo.ActionContactUpdated {
			t.Errorf("%+v, want the existing contact renamed", result)
		}
		d.WantSent("search, create, search, rename")
	})
}

// A write that is lost again restarts the minute.
func TestReconcile_contactIsLostAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := testkit.NewDeployment(t, testkit.IdentifyByPhone)
		for range 2 {
			d.Inject(trengotest.Fault{}, trengotest.LostBefore())
			d.MustFail(testkit.Identify("1", testkit.AnnPhone, "Ann"), trengo.ErrOutcomeUnknown)
			d.WantSent("search, create on phone channel, search")
			time.Sleep(time.Minute - 1)
			d.MustFail(testkit.Identify("1", testkit.AnnPhone, "Ann"), trengo.ErrOutcomeUnknown)
			d.WantSent("search")
			time.Sleep(time.Nanosecond)
		}
		d.MustProcess(testkit.Identify("1", testkit.AnnPhone, "Ann"))
		d.WantSent("search, create on phone channel")
	})
}

// While the outcome of a contact is unknown, no event of the person creates it.
// When it is found, all of them use it.
func TestReconcile_otherEventsOfThePerson(t *testing.T) {
	for name, other := range map[string]*trengo.Event{
		"an identify":                    testkit.Identify("2", testkit.AnnPhone, "Ann"),
		"a track":                        testkit.Track("2", testkit.AnnPhone),
		"an identify on another channel": testkit.OnChannel(testkit.Identify("1", testkit.AnnPhone, "Ann"), testkit.OtherEmailChannel),
		"an identify with the number spelled differently": testkit.Identify("2", "0031 6 0000 0001", "Ann"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := testkit.NewDeployment(t, testkit.IdentifyByPhone, testkit.CreateMissing)
				d.WarmUp()
				d.Inject(trengotest.Fault{}, trengotest.Late(trengo.DefaultTimeout+45*time.Second))
				d.MustFail(testkit.Identify("1", testkit.AnnPhone, "Ann"), trengo.ErrOutcomeUnknown)
				d.ResetRequests()
				d.MustFail(other, trengo.ErrOutcomeUnknown)
				d.WantSent("search")
				// Another person is created as usual.
				d.MustProcess(testkit.Identify("3", "+31600000002", "Bob"))
				d.WantSent("search, create on phone channel")

				time.Sleep(46 * time.Second)
				late := d.Contacts()[2]
				if result := d.MustProcess(other); result.ContactID != late.ID {
					t.Errorf("%+v, want the contact %+v", result, late)
				}
				if result := d.MustProcess(testkit.Identify("1", testkit.AnnPhone, "Ann")); result.ContactID != late.ID {
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
		d := testkit.NewDeployment(t, testkit.IdentifyByPhone)
		d.Inject(trengotest.Fault{}, trengotest.Respond(http.StatusUnprocessableEntity, "application/json", `{}`))
		d.MustFail(testkit.Identify("1", testkit.AnnPhone, "Ann"), trengo.ErrUnprocessable)
		d.WantSent("search, create on phone channel")
		d.MustProcess(testkit.Identify("1", testkit.AnnPhone, "Ann"))
		d.WantSent("search, create on phone channel")
	})
}

// If the lookup fails, the outcome stays unknown, and the error is that of the
// create.
func TestReconcile_lookupOfAContactFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := testkit.NewDeployment(t, testkit.IdentifyByPhone)
		d.Inject(trengotest.Fault{}, trengotest.LostAfter(), trengotest.Respond(http.StatusForbidden, "application/json", `{}`))
		err := d.MustFail(testkit.Identify("1", testkit.AnnPhone, "Ann"), trengo.ErrOutcomeUnknown)
		if failed := new(trengo.Error); !errors.As(err, &failed) || failed.Method != http.MethodPost {
			t.Errorf("error %v, want that of the create", err)
		}
		d.WantSent("search, create on phone channel, search")
		d.MustProcess(testkit.Identify("1", testkit.AnnPhone, "Ann"))
		d.WantSent("search")
	})
}

// With duplicates allowed, the contact is created again without a lookup.
func TestReconcile_contactWithDuplicatesAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := testkit.NewDeployment(t, testkit.IdentifyByPhone, testkit.AllowDuplicates)
		d.Behavior.PhoneMatch = trengotest.PhoneMatchNever
		d.FailNext("create on phone channel", trengotest.LostAfter())
		d.MustFail(testkit.Identify("1", testkit.AnnPhone, "Ann"), trengo.ErrOutcomeUnknown)
		d.WantSent("create on phone channel")
		if result := d.MustProcess(testkit.Identify("1", testkit.AnnPhone, "Ann")); result.Action != trengo.ActionContactCreated || result.Duplicate {
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
		d := testkit.NewDeployment(t, testkit.CreateMissing)
		d.Inject(trengotest.Fault{}, trengotest.Respond(http.StatusOK, "application/json", `{"id":7,"name":"Joann","email":"joann@example.com"}`))
		err := d.MustFail(testkit.Track("1", testkit.AnnEmail), trengo.ErrAmbiguousContact)
		if ambiguous := new(trengo.AmbiguousContactError); !errors.As(err, &ambiguous) || len(ambiguous.ContactIDs) != 1 {
			t.Errorf("error %v, want one that names the contact", err)
		}
		d.WantSent("search, create")
		d.MustProcess(testkit.Track("1", testkit.AnnEmail))
		d.WantSent("search, create, list, open")
	})
}

// Any event that finds the contact settles the outcome. If the contact is deleted
// afterwards, it is created again without a wait.
func TestReconcile_contactIsFoundAndDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := testkit.NewDeployment(t)
		d.Inject(trengotest.Fault{}, trengotest.LostAfter(), trengotest.Respond(http.StatusForbidden, "application/json", `{}`))
		d.MustFail(testkit.Identify("1", testkit.AnnEmail, "Ann"), trengo.ErrOutcomeUnknown)
		d.MustProcess(testkit.Identify("2", testkit.AnnEmail, "Ann"))
		d.DeleteContacts(testkit.AnnEmail)
		d.ResetRequests()
		if result := d.MustProcess(testkit.Identify("3", testkit.AnnEmail, "Anna")); result.Action != trengo.ActionContactCreated {
			t.Errorf("%+v, want the contact created again", result)
		}
		d.WantSent("rename, search, create")
	})
}
