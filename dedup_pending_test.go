package trengo_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// remember makes a destination remember that many writes with an unknown outcome.
func remember(n int) func(*trengo.DestinationConfig) {
	return func(cfg *trengo.DestinationConfig) { cfg.MaxMessages = n }
}

// mustBeFull fails the test unless processing ev is refused because too many
// outcomes are unknown, without a request that creates something.
func mustBeFull(t *testing.T, d *fixtures.Deployment, ev *trengo.Event) {
	t.Helper()
	d.ResetRequests()
	err := d.MustFail(ev, trengo.ErrTooManyPending)
	if !trengo.Retryable(err) {
		t.Errorf("error %v is not retryable", err)
	}
	if sent := d.Sent(); strings.Contains(sent, "open") || strings.Contains(sent, "create") {
		t.Errorf("sent %q", sent)
	}
}

// When too many tickets have an unknown outcome, no other is created until one of
// them is settled: it could not be remembered.
func TestPending_tooManyTickets(t *testing.T) {
	const size = 3
	release := map[string]func(d *fixtures.Deployment, contactID int64){
		"until an event is delivered again": func(d *fixtures.Deployment, contactID int64) {
			d.MustProcess(fixtures.ForContact(fixtures.Track("lost", ""), contactID))
		},
		"until another event of the contact": func(d *fixtures.Deployment, contactID int64) {
			d.MustProcess(fixtures.ForContact(fixtures.Track("other", ""), contactID))
		},
		"until somebody releases one": func(d *fixtures.Deployment, contactID int64) {
			if !d.Destination.Resolve(contactID) {
				panic("nothing to release")
			}
		},
	}
	for name, settle := range release {
		for fault, lost := range map[string]trengotest.Fault{"created": trengotest.LostAfter(), "not created": trengotest.LostBefore()} {
			t.Run(name+", "+fault, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := fixtures.NewDeployment(t, remember(size))
					d.WarmUp()
					var contacts []int64
					for i := range size + 1 {
						contacts = append(contacts, d.AddContact(trengotest.Contact{Name: fmt.Sprint("Ann ", i)}).ID)
					}
					d.InjectFunc(func(r trengotest.Request) trengotest.Fault {
						if r.Method == http.MethodPost {
							return lost
						}
						return trengotest.LostBefore()
					})
					for _, contact := range contacts[:size] {
						d.MustFail(fixtures.ForContact(fixtures.Track("lost", ""), contact), trengo.ErrOutcomeUnknown)
					}
					d.InjectFunc(nil)
					last := fixtures.ForContact(fixtures.Track("refused", ""), contacts[size])
					mustBeFull(t, d, last)
					// It does not pass by itself.
					time.Sleep(1000 * time.Hour)
					mustBeFull(t, d, last)
					d.WantTickets(contacts[size], 0)

					settle(d, contacts[0])
					d.MustProcess(last)
					d.WantTickets(contacts[size], 1)
					for _, contact := range contacts[1:size] {
						d.MustProcess(fixtures.ForContact(fixtures.Track("lost", ""), contact))
						d.WantTickets(contact, 1)
					}
				})
			})
		}
	}
}

// Contacts that are created by phone number are refused as well, but for a minute
// at most: the next search settles what became of the others.
func TestPending_tooManyContacts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t, fixtures.IdentifyByPhone, remember(2))
		d.InjectFunc(loseWrites)
		for _, phone := range []string{"+31600000001", "+31600000002"} {
			d.MustFail(fixtures.Identify("1", phone, "Ann"), trengo.ErrOutcomeUnknown)
		}
		d.InjectFunc(nil)
		mustBeFull(t, d, fixtures.Identify("1", "+31600000003", "Ann"))
		time.Sleep(reconcileAfter - 1)
		mustBeFull(t, d, fixtures.Identify("1", "+31600000003", "Ann"))
		time.Sleep(1 * time.Nanosecond)
		for _, phone := range []string{"+31600000003", "+31600000002", "+31600000001"} {
			d.MustProcess(fixtures.Identify("1", phone, "Ann"))
		}
		if n := len(d.Contacts()); n != 3 {
			t.Errorf("%d contacts, want 3", n)
		}
	})
}

// Trengo keeps emails unique, so such a contact may be created twice.
func TestPending_tooManyContactsByEmail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t, remember(1))
		d.Behavior.SearchDelay = time.Hour
		d.InjectFunc(loseWrites)
		d.MustFail(fixtures.Identify("1", fixtures.AnnEmail, "Ann"), trengo.ErrOutcomeUnknown)
		d.InjectFunc(nil)
		d.FailNext("create", trengotest.LostAfter())
		d.MustFail(fixtures.Identify("1", fixtures.BobEmail, "Bob"), trengo.ErrOutcomeUnknown)
		d.MustProcess(fixtures.Identify("1", fixtures.BobEmail, "Bob"))
		if n := len(d.Contacts()); n != 1 {
			t.Errorf("%d contacts, want 1", n)
		}
	})
}

// What is in flight does not count: many events at once need no larger memory.
func TestPending_manyInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t, remember(1))
		d.WarmUp()
		d.Behavior.Latency = fixtures.Latency
		var wg sync.WaitGroup
		for range 20 {
			contact := d.AddContact(trengotest.Contact{Name: "Ann"}).ID
			wg.Go(func() {
				if _, err := d.Process(fixtures.ForContact(fixtures.Track("1", ""), contact)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

// To RudderStack, a refused event is one to deliver again.
func TestPending_responseToARefusedEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := fixtures.NewWebhook(t, fixtures.AllowAll, remember(1))
		w.WarmUp()
		ann := w.AddContact(trengotest.Contact{Name: "Ann", Email: fixtures.AnnEmail})
		bob := w.AddContact(trengotest.Contact{Name: "Bob", Email: fixtures.BobEmail})
		loseTicket(w.Deployment, fixtures.ForContact(fixtures.Track("1", ""), ann.ID))
		refused := fixtures.EventJSON(t, fixtures.Track("2", fixtures.BobEmail))
		if got := w.Post(refused); got.Status != 503 || !strings.Contains(got.Error, "too many creates with an unknown outcome") {
			t.Errorf("response %+v", got)
		}
		w.WantTickets(bob.ID, 0)
		w.Destination.Resolve(ann.ID)
		if got := w.Post(refused); got.Status != 200 {
			t.Errorf("response %+v", got)
		}
	})
}
