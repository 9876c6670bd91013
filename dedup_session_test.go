package trengo_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// A cacheStep is an action and the requests that it must send.
type cacheStep struct {
	sent string // in the words of [fixtures.Deployment.Sent]
	act  func(*fixtures.Deployment)
}

// process is the step of an event that must succeed.
func process(sent string, ev *trengo.Event) cacheStep {
	return cacheStep{sent, func(d *fixtures.Deployment) { d.MustProcess(ev) }}
}

func wait(span time.Duration) cacheStep {
	return cacheStep{"", func(*fixtures.Deployment) { time.Sleep(span) }}
}

func TestContactCache(t *testing.T) {
	const ttl = 10 * time.Minute
	const ann = fixtures.FirstContact + 1 // created after the contact of WarmUp
	short := func(cfg *trengo.DestinationConfig) { cfg.PeopleTTL = ttl }
	small := func(cfg *trengo.DestinationConfig) { cfg.MaxPeople = 2 }
	cases := map[string]struct {
		changes []func(*trengo.DestinationConfig)
		steps   []cacheStep
	}{
		"an identify that changes nothing sends nothing": {nil, []cacheStep{
			process("search, create", fixtures.Identify("1", fixtures.AnnEmail, "Ann")),
			process("", fixtures.Identify("2", fixtures.AnnEmail, "Ann")),
			process("", fixtures.Identify("3", " Ann@Example.COM", "Ann")),
		}},
		"an identify without a name sends nothing": {nil, []cacheStep{
			process("search, create", fixtures.Identify("1", fixtures.AnnEmail, "Ann")),
			process("", fixtures.Identify("2", fixtures.AnnEmail, "")),
		}},
		"a track of a cached contact is one request": {nil, []cacheStep{
			process("search, create", fixtures.Identify("1", fixtures.AnnEmail, "Ann")),
			process("open", fixtures.Track("2", fixtures.AnnEmail)),
			process("open", fixtures.Track("3", fixtures.AnnEmail)),
		}},
		"an identify uses what a track found": {nil, []cacheStep{
			{"", func(d *fixtures.Deployment) { d.AddContact(trengotest.Contact{Name: "Ann", Email: fixtures.AnnEmail}) }},
			process("search, open", fixtures.Track("1", fixtures.AnnEmail)),
			process("", fixtures.Identify("2", fixtures.AnnEmail, "Ann")),
			process("rename", fixtures.Identify("3", fixtures.AnnEmail, "Anna")),
		}},
		"an identify uses what a track created": {[]func(*trengo.DestinationConfig){fixtures.CreateMissing}, []cacheStep{
			{"search, create, open", func(d *fixtures.Deployment) {
				ev := fixtures.Track("1", fixtures.AnnEmail)
				ev.Traits["name"] = "Ann"
				d.MustProcess(ev)
			}},
			process("", fixtures.Identify("2", fixtures.AnnEmail, "Ann")),
			process("open", fixtures.Track("3", fixtures.AnnEmail)),
		}},
		"a rename updates the cached name": {nil, []cacheStep{
			process("search, create", fixtures.Identify("1", fixtures.AnnEmail, "Ann")),
			process("rename", fixtures.Identify("2", fixtures.AnnEmail, "Anna")),
			process("", fixtures.Identify("3", fixtures.AnnEmail, "Anna")),
			process("rename", fixtures.Identify("4", fixtures.AnnEmail, "Ann")),
		}},
		"a rename restarts the TTL": {[]func(*trengo.DestinationConfig){short}, []cacheStep{
			process("search, create", fixtures.Identify("1", fixtures.AnnEmail, "Ann")),
			wait(ttl - 1),
			process("rename", fixtures.Identify("2", fixtures.AnnEmail, "Anna")),
			wait(ttl - 1),
			process("", fixtures.Identify("3", fixtures.AnnEmail, "Anna")),
		}},
		"a rename by contact ID does not restart the TTL of the email": {[]func(*trengo.DestinationConfig){short}, []cacheStep{
			process("search, create", fixtures.Identify("1", fixtures.AnnEmail, "Ann")),
			wait(ttl - 1),
			process("rename", fixtures.ForContact(fixtures.Identify("2", "", "Anna"), ann)),
			wait(time.Nanosecond),
			process("search", fixtures.Identify("3", fixtures.AnnEmail, "Anna")),
		}},
		"a contact is cached for the TTL": {[]func(*trengo.DestinationConfig){short}, []cacheStep{
			process("search, create", fixtures.Identify("1", fixtures.AnnEmail, "Ann")),
			wait(ttl - 1),
			process("", fixtures.Identify("2", fixtures.AnnEmail, "Ann")),
			wait(time.Nanosecond),
			process("search", fixtures.Identify("3", fixtures.AnnEmail, "Ann")),
			process("", fixtures.Identify("4", fixtures.AnnEmail, "Ann")),
		}},
		"a use does not restart the TTL": {[]func(*trengo.DestinationConfig){short}, []cacheStep{
			process("search, create", fixtures.Identify("1", fixtures.AnnEmail, "Ann")),
			wait(ttl / 2),
			process("open", fixtures.Track("2", fixtures.AnnEmail)),
			wait(ttl / 2),
			process("search, open", fixtures.Track("3", fixtures.AnnEmail)),
		}},
		"no more than MaxPeople are cached": {[]func(*trengo.DestinationConfig){small}, []cacheStep{
			process("search, create", fixtures.Identify("1", fixtures.AnnEmail, "Ann")),
			process("search, create", fixtures.Identify("2", fixtures.BobEmail, "Bob")),
			process("", fixtures.Identify("3", fixtures.AnnEmail, "Ann")),
			process("search, create", fixtures.Identify("4", "cem@example.com", "Cem")),
			process("", fixtures.Identify("5", fixtures.AnnEmail, "Ann")),
			process("search", fixtures.Identify("6", fixtures.BobEmail, "Bob")),
		}},
		"a search that finds nothing is not cached": {nil, []cacheStep{
			{"search", func(d *fixtures.Deployment) {
				d.MustFail(fixtures.Track("1", fixtures.AnnEmail), trengo.ErrContactNotFound)
			}},
			{"", func(d *fixtures.Deployment) { d.AddContact(trengotest.Contact{Email: fixtures.AnnEmail}) }},
			process("search, open", fixtures.Track("1", fixtures.AnnEmail)),
		}},
		"each channel has its own contacts": {nil, []cacheStep{
			process("search, create", fixtures.Identify("1", fixtures.AnnEmail, "Ann")),
			process("search", fixtures.OnChannel(fixtures.Identify("2", fixtures.AnnEmail, "Ann"), fixtures.OtherEmailChannel)),
			process("", fixtures.OnChannel(fixtures.Identify("3", fixtures.AnnEmail, "Ann"), fixtures.OtherEmailChannel)),
		}},
		"a contact has one name, by email and by ID": {nil, []cacheStep{
			process("search, create", fixtures.Identify("1", fixtures.AnnEmail, "Ann")),
			process("", fixtures.ForContact(fixtures.Identify("2", "", "Ann"), ann)),
			process("rename", fixtures.ForContact(fixtures.Identify("3", "", "Anna"), ann)),
			process("", fixtures.Identify("4", fixtures.AnnEmail, "Anna")),
			process("rename", fixtures.Identify("5", fixtures.AnnEmail, "Ann")),
			process("", fixtures.ForContact(fixtures.Identify("6", "", "Ann"), ann)),
		}},
		"a contact has one name on all channels": {nil, []cacheStep{
			process("search, create", fixtures.Identify("1", fixtures.AnnEmail, "Ann")),
			process("search, rename", fixtures.OnChannel(fixtures.Identify("2", fixtures.AnnEmail, "Anna"), fixtures.OtherEmailChannel)),
			process("rename", fixtures.Identify("3", fixtures.AnnEmail, "Ann")),
		}},
		"a rename with an unknown outcome removes the name": {nil, []cacheStep{
			process("search, create", fixtures.Identify("1", fixtures.AnnEmail, "Ann")),
			{"rename", func(d *fixtures.Deployment) {
				d.Inject(trengotest.LostAfter())
				d.MustFail(fixtures.Identify("2", fixtures.AnnEmail, "Anna"), trengo.ErrOutcomeUnknown)
			}},
			// The name is Anna now, whatever was cached.
			process("rename", fixtures.Identify("3", fixtures.AnnEmail, "Ann")),
		}},
		"a contact that turns out to have another email is removed": {nil, []cacheStep{
			process("search, create", fixtures.Identify("1", fixtures.AnnEmail, "Ann")),
			{"", func(d *fixtures.Deployment) {
				contact := d.Contacts()[1]
				contact.Email = fixtures.BobEmail
				d.AddContact(contact)
			}},
			process("rename", fixtures.Identify("2", fixtures.AnnEmail, "Anna")),
			process("search, create", fixtures.Identify("3", fixtures.AnnEmail, "Anna")),
		}},
		"with duplicates allowed, every identify creates": {[]func(*trengo.DestinationConfig){fixtures.AllowDuplicates, fixtures.IdentifyByPhone}, []cacheStep{
			process("create on phone channel", fixtures.Identify("1", fixtures.AnnPhone, "Ann")),
			process("create on phone channel", fixtures.Identify("2", fixtures.AnnPhone, "Ann")),
			process("open", fixtures.Track("3", fixtures.AnnPhone)),
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := fixtures.NewDeployment(t, c.changes...)
				d.WarmUp()
				var got, want []string
				for _, step := range c.steps {
					step.act(d)
					got, want = append(got, d.Sent()), append(want, step.sent)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("requests of the steps (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// The name that an event's search read is outdated if, while the event waits for
// the contact, the response to a rename is lost.
func TestContactCache_renameLostWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t)
		d.Behavior.Latency = 2 * time.Second
		contact := d.AddContact(trengotest.Contact{Name: "Ann", Email: fixtures.AnnEmail})
		d.InjectFunc(func(r trengotest.Request) trengotest.Fault {
			if r.Method == http.MethodPut && strings.Contains(string(r.Body), "Anna") {
				return trengotest.LostAfter()
			}
			return trengotest.Fault{}
		})
		done := make(chan error)
		go func() {
			_, err := d.Process(fixtures.Identify("by email", fixtures.AnnEmail, "Ann"))
			done <- err
		}()
		time.Sleep(time.Second) // the search is in flight
		d.MustFail(fixtures.ForContact(fixtures.Identify("by ID", "", "Anna"), contact.ID), trengo.ErrOutcomeUnknown)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if name := d.Contacts()[0].Name; name != "Ann" {
			t.Errorf("the name is %q after the last event", name)
		}
	})
}

// The name that was read or written last is the cached one.
func TestContactCache_latestName(t *testing.T) {
	// The destination does not notice this rename.
	rename := func(t *testing.T, d *fixtures.Deployment, id int64, name string) {
		t.Helper()
		if _, err := d.Client.Contacts.Update(t.Context(), id, trengo.ContactUpdateParams{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("a search after a rename by somebody else", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := fixtures.NewDeployment(t)
			contact := d.AddContact(trengotest.Contact{Name: "Annie", Email: fixtures.AnnEmail})
			d.MustProcess(fixtures.ForContact(fixtures.Identify("1", "", "Ann"), contact.ID))
			time.Sleep(time.Second)
			rename(t, d, contact.ID, "Zoe")
			result := d.MustProcess(fixtures.Identify("2", fixtures.AnnEmail, "Ann"))
			if result.Action != trengo.ActionContactUpdated || d.Contacts()[0].Name != "Ann" {
				t.Errorf("%+v, and the name is %q", result, d.Contacts()[0].Name)
			}
		})
	})
	t.Run("a rename after a search", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := fixtures.NewDeployment(t)
			contact := d.AddContact(trengotest.Contact{Name: "Annie", Email: fixtures.AnnEmail})
			d.Behavior.Latency = fixtures.Latency
			byEmail := d.Deliver(t.Context(), fixtures.Identify("1", fixtures.AnnEmail, "Ann"))
			time.Sleep(fixtures.Latency / 4)
			byID := d.Deliver(t.Context(), fixtures.ForContact(fixtures.Identify("2", "", "Ann"), contact.ID))
			if got := <-byID; got.Err != nil || got.Result.Action != trengo.ActionContactUpdated {
				t.Errorf("by ID: %+v, %v", got.Result, got.Err)
			}
			if got := <-byEmail; got.Err != nil || got.Result.Action != trengo.ActionContactUnchanged {
				t.Errorf("by email: %+v, %v; want nothing left to do", got.Result, got.Err)
			}
		})
	})
	t.Run("a create after a rename by somebody else", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			d := fixtures.NewDeployment(t, fixtures.AllowDuplicates)
			contact := d.AddContact(trengotest.Contact{Name: "Annie", Email: fixtures.AnnEmail})
			d.MustProcess(fixtures.ForContact(fixtures.Identify("1", "", "Ann"), contact.ID))
			time.Sleep(time.Second)
			rename(t, d, contact.ID, "Zoe")
			if result := d.MustProcess(fixtures.Identify("2", fixtures.AnnEmail, "Ann")); result.Action != trengo.ActionContactUnchanged {
				t.Errorf("%+v, want the contact with its other name unchanged", result)
			}
		})
	})
}

// An event reads the cached name only after it has waited for the contact.
func TestContactCache_nameIsReadAfterWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t)
		d.MustProcess(fixtures.Identify("0", fixtures.AnnEmail, "Ann"))
		contactID := d.Contacts()[0].ID
		d.Behavior.Latency = fixtures.Latency
		byID := d.Deliver(t.Context(), fixtures.ForContact(fixtures.Identify("1", "", "Anna"), contactID))
		byEmail := d.Deliver(t.Context(), fixtures.Identify("2", fixtures.AnnEmail, "Ann"))
		for _, one := range []<-chan fixtures.Delivered{byID, byEmail} {
			if got := <-one; got.Err != nil || got.Result.Action != trengo.ActionContactUpdated {
				t.Errorf("%+v, %v; want a rename", got.Result, got.Err)
			}
		}
		if name := d.Contacts()[0].Name; name != "Ann" {
			t.Errorf("the name is %q, want that of the last event", name)
		}
	})
}

func deleteAnn(d *fixtures.Deployment) { d.DeleteContacts(fixtures.AnnEmail) }

func replaceAnn(d *fixtures.Deployment) {
	deleteAnn(d)
	d.AddContact(trengotest.Contact{ID: 7, Name: "Ann", Email: fixtures.AnnEmail})
}

func refuse(request string, status int) func(*fixtures.Deployment) {
	return func(d *fixtures.Deployment) { d.RefuseNext(request, status) }
}

// By the next event, a cached contact may have been deleted.
func TestContactCache_staleContact(t *testing.T) {
	renamed := fixtures.Identify("next", fixtures.AnnEmail, "Anna")
	tracked := fixtures.Track("next", fixtures.AnnEmail)
	cases := map[string]struct {
		changes []func(*trengo.DestinationConfig)
		before  func(*fixtures.Deployment)
		event   *trengo.Event
		sent    string
		action  trengo.Action
		err     error
	}{
		"deleted: an identify creates it again": {
			nil, deleteAnn, renamed,
			"rename, search, create", trengo.ActionContactCreated, nil,
		},
		"deleted: a track with CreateMissingContacts creates it again": {
			[]func(*trengo.DestinationConfig){fixtures.CreateMissing},
			deleteAnn, tracked,
			"open, search, create, open", trengo.ActionTicketCreated, nil,
		},
		"deleted: a track without CreateMissingContacts fails": {
			nil, deleteAnn, tracked,
			"open, search", "", trengo.ErrContactNotFound,
		},
		"replaced: an identify renames the new contact": {
			nil, replaceAnn, renamed,
			"rename, search, rename", trengo.ActionContactUpdated, nil,
		},
		"replaced: a track opens its ticket for the new contact": {
			nil, replaceAnn, tracked,
			"open, search, open", trengo.ActionTicketCreated, nil,
		},
		"still there: a rename refused with 404 is not repeated": {
			nil, refuse("rename", 404), renamed,
			"rename, search", "", trengo.ErrNotFound,
		},
		"still there: a refused ticket is not repeated": {
			nil, refuse("open", 422), tracked,
			"open, search", "", trengo.ErrUnprocessable,
		},
		"still there: a rename refused with 422 is not repeated": {
			nil, refuse("rename", 422), renamed,
			"rename, search", "", trengo.ErrUnprocessable,
		},
		"any other refusal needs no search": {
			nil, refuse("open", 403), tracked,
			"open", "", trengo.ErrUnauthorized,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := fixtures.NewDeployment(t, c.changes...)
				d.WarmUp()
				d.MustProcess(fixtures.Identify("first", fixtures.AnnEmail, "Ann"))
				c.before(d)
				d.ResetRequests()
				result, err := d.Process(c.event)
				d.WantSent(c.sent)
				if !errors.Is(err, c.err) || result.Action != c.action {
					t.Errorf("%q with %v, want %q with %v", result.Action, err, c.action, c.err)
				}
			})
		})
	}
}

// Nor is a contact missing because something in front of Trengo says so.
func TestContactCache_refusalOfAnother(t *testing.T) {
	page := trengotest.RespondHTML
	fields := func(name string) trengotest.Fault {
		return trengotest.Respond(422, "application/json", `{"message":"No.","errors":{"`+name+`":["No."]}}`)
	}
	renamed, tracked := fixtures.Identify("next", fixtures.AnnEmail, "Anna"), fixtures.Track("next", fixtures.AnnEmail)
	for name, c := range map[string]struct {
		event *trengo.Event
		fault trengotest.Fault
		sent  string
	}{
		"a maintenance page instead of a rename":       {renamed, page(404), "rename"},
		"a maintenance page instead of a ticket":       {tracked, page(404), "open"},
		"a firewall's page instead of a ticket":        {tracked, page(422), "open"},
		"a ticket whose subject is refused":            {tracked, fields("subject"), "open"},
		"a ticket whose contact is refused":            {tracked, fields("contact_id"), "open, search"},
		"a ticket that is refused without any reasons": {tracked, trengotest.Respond(422, "application/json", `{"message":"No."}`), "open, search"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := fixtures.NewDeployment(t)
				d.WarmUp()
				d.MustProcess(fixtures.Identify("first", fixtures.AnnEmail, "Ann"))
				d.ResetRequests()
				d.Inject(c.fault)
				if _, err := d.Process(c.event); err == nil {
					t.Error("no error")
				}
				d.WantSent(c.sent)
			})
		})
	}
}

// A process whose tickets are all refused has no ID of a ticket, and sends one
// request for each of them.
func TestContactCache_refusedTickets(t *testing.T) {
	for name, c := range map[string]struct {
		body  string
		extra int // requests, whatever the number of tickets
	}{
		"a field is refused":  {`{"message":"No.","errors":{"channel_id":["No."]}}`, 1},
		"no field is refused": {`{"message":"No."}`, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const tickets = 20
				d := fixtures.NewDeployment(t)
				d.MustProcess(fixtures.Identify("first", fixtures.AnnEmail, "Ann"))
				d.ResetRequests()
				d.InjectFunc(func(r trengotest.Request) trengotest.Fault {
					if testkit.IsTicketCreation(r) {
						return trengotest.Respond(422, "application/json", c.body)
					}
					return trengotest.Fault{}
				})
				for n := range tickets {
					d.MustFail(fixtures.Track(strconv.Itoa(n), fixtures.AnnEmail), trengo.ErrUnprocessable)
				}
				if sent := len(d.Requests()); sent != tickets+c.extra {
					t.Errorf("%d requests for %d tickets, want %d more", sent, tickets, c.extra)
				}
			})
		})
	}
}

// A contact that was still there a minute ago may be gone by now.
func TestContactCache_goneAfterARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t)
		d.WarmUp()
		d.MustProcess(fixtures.Identify("first", fixtures.AnnEmail, "Ann"))
		d.RefuseNext("open", 422)
		d.MustFail(fixtures.Track("refused", fixtures.AnnEmail), trengo.ErrUnprocessable)
		d.MustProcess(fixtures.Track("accepted", fixtures.AnnEmail))
		time.Sleep(time.Minute)
		replaceAnn(d)
		d.ResetRequests()
		d.MustProcess(fixtures.Track("next", fixtures.AnnEmail))
		d.WantSent("open, search, open")
	})
}

// The cache then holds what the second search found.
func TestContactCache_afterASecondSearch(t *testing.T) {
	cases := map[string]struct {
		before      func(*fixtures.Deployment)
		next, after string
	}{
		"the new contact is cached": {replaceAnn, "open, search, open", "open"},
		"a contact that was still there is not cached": {
			refuse("open", 422), "open, search", "search, open",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := fixtures.NewDeployment(t)
				d.WarmUp()
				d.MustProcess(fixtures.Identify("first", fixtures.AnnEmail, "Ann"))
				c.before(d)
				d.ResetRequests()
				_, _ = d.Process(fixtures.Track("next", fixtures.AnnEmail))
				d.WantSent(c.next)
				d.MustProcess(fixtures.Track("after", fixtures.AnnEmail))
				d.WantSent(c.after)
			})
		})
	}
}

// Only a cached contact can be stale. Others are not searched again.
func TestContactCache_noSecondSearch(t *testing.T) {
	cases := map[string]struct {
		event *trengo.Event
		sent  string
	}{
		"a contact that was just found":      {fixtures.Track("1", fixtures.AnnEmail), "search, open"},
		"a contact that the event has named": {fixtures.ForContact(fixtures.Track("1", ""), 460000002), "open"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := fixtures.NewDeployment(t, fixtures.CreateMissing)
				d.WarmUp()
				d.AddContact(trengotest.Contact{Email: fixtures.AnnEmail})
				d.RefuseNext("open", http.StatusUnprocessableEntity)
				d.MustFail(c.event, trengo.ErrUnprocessable)
				d.WantSent(c.sent)
			})
		})
	}
}

// If the second attempt fails, too, its error is returned.
func TestContactCache_secondAttemptFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t)
		d.WarmUp()
		d.MustProcess(fixtures.Identify("first", fixtures.AnnEmail, "Ann"))
		replaceAnn(d)
		d.ResetRequests()
		d.Inject(trengotest.Fault{}, trengotest.Fault{}, trengotest.Respond(403, "application/json", `{}`))
		result, err := d.Process(fixtures.Track("next", fixtures.AnnEmail))
		if !errors.Is(err, trengo.ErrUnauthorized) || errors.Is(err, trengo.ErrUnprocessable) {
			t.Errorf("error %v, want that of the second ticket", err)
		}
		if result.ContactID != 7 {
			t.Errorf("contact %d, want that of the second attempt", result.ContactID)
		}
		d.WantSent("open, search, open")
	})
}
