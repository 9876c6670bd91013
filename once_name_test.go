package trengo_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// What was read last is the name: a search after a rename by somebody else, as
// well as a rename after the search.
func TestContactCache_newestNameCounts(t *testing.T) {
	rename := func(d *desk, id int64, name string) {
		if _, err := d.client.Contacts.Update(d.t.Context(), id, trengo.ContactUpdateParams{Name: name}); err != nil {
			d.t.Fatal(err)
		}
	}
	t.Run("a search reads a name that is newer than what is remembered", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t)
			contact := d.AddContact(trengotest.Contact{Name: "Annie", Email: annsMail})
			d.must(aboutContact(identifyFor("1", "", "Ann"), contact.ID))
			time.Sleep(time.Second)
			rename(d, contact.ID, "Zoe") // behind the destination's back
			result := d.must(identifyFor("2", annsMail, "Ann"))
			if result.Action != trengo.ActionContactUpdated || d.Contacts()[0].Name != "Ann" {
				t.Errorf("%+v, the contact is called %q", result, d.Contacts()[0].Name)
			}
		})
	})
	t.Run("a rename is newer than the search before it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t)
			contact := d.AddContact(trengotest.Contact{Name: "Annie", Email: annsMail})
			d.Behavior.Latency = deskLatency
			byMail := d.deliver(t.Context(), identifyFor("1", annsMail, "Ann"))
			time.Sleep(deskLatency / 4)
			byID := d.deliver(t.Context(), aboutContact(identifyFor("2", "", "Ann"), contact.ID))
			if got := <-byID; got.err != nil || got.result.Action != trengo.ActionContactUpdated {
				t.Errorf("by id: %+v, %v", got.result, got.err)
			}
			if got := <-byMail; got.err != nil || got.result.Action != trengo.ActionContactUnchanged {
				t.Errorf("by e-mail: %+v, %v; want nothing left to do", got.result, got.err)
			}
		})
	})
	t.Run("a create finds a name that is newer than what is remembered", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t, allowingDuplicates)
			contact := d.AddContact(trengotest.Contact{Name: "Annie", Email: annsMail})
			d.must(aboutContact(identifyFor("1", "", "Ann"), contact.ID))
			time.Sleep(time.Second)
			rename(d, contact.ID, "Zoe")
			if result := d.must(identifyFor("2", annsMail, "Ann")); result.Action != trengo.ActionContactUnchanged {
				t.Errorf("%+v, want a contact of another name that was left alone", result)
			}
		})
	})
}

// An event that waits for a contact does not read its name before its turn.
func TestContactCache_nameIsReadInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.must(identifyFor("0", annsMail, "Ann"))
		contactID := d.Contacts()[0].ID
		d.Behavior.Latency = deskLatency
		byID := d.deliver(t.Context(), aboutContact(identifyFor("1", "", "Anna"), contactID))
		byMail := d.deliver(t.Context(), identifyFor("2", annsMail, "Ann"))
		for _, one := range []<-chan answered{byID, byMail} {
			if got := <-one; got.err != nil || got.result.Action != trengo.ActionContactUpdated {
				t.Errorf("%+v, %v; want a rename", got.result, got.err)
			}
		}
		if name := d.Contacts()[0].Name; name != "Ann" {
			t.Errorf("the contact is called %q, want the name of the last event", name)
		}
	})
}

// Settling a contact is over when any event finds it: should it be deleted
// afterwards, it is created again without a wait.
func TestSettle_contactIsFoundAndDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.Inject(trengotest.Fault{}, trengotest.LostAfter(), trengotest.Respond(http.StatusForbidden, "application/json", `{}`))
		d.mustFail(identifyFor("1", annsMail, "Ann"), trengo.ErrOutcomeUnknown)
		d.must(identifyFor("2", annsMail, "Ann"))
		removeAnn(d)
		d.ResetRequests()
		if result := d.must(identifyFor("3", annsMail, "Anna")); result.Action != trengo.ActionContactCreated {
			t.Errorf("%+v, want the contact created again", result)
		}
		d.wantSent(inOrder(rename, search, create))
	})
}
