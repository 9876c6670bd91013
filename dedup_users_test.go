package trengo_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

func resolveUserIDs(cfg *trengo.DestinationConfig) { cfg.ResolveUserIDs = true }

// withUser makes an event that of a user, and returns it.
func withUser(ev *trengo.Event, userID string) *trengo.Event {
	ev.UserID = userID
	return ev
}

// identifyUser and trackUser return events of a user; without an email the event
// has nothing but the user ID.
func identifyUser(messageID, userID, email string) *trengo.Event {
	return withUser(fixtures.Identify(messageID, email, ""), userID)
}

func trackUser(messageID, userID, email string) *trengo.Event {
	return withUser(fixtures.Track(messageID, email), userID)
}

// emailOf returns the email of the contact of a result.
func emailOf(d *fixtures.Deployment, result trengo.Result) string {
	for _, contact := range d.Contacts() {
		if contact.ID == result.ContactID {
			return contact.Email
		}
	}
	return ""
}

func TestResolveUserIDs(t *testing.T) {
	const ttl, ann, bob = time.Hour, fixtures.AnnEmail, fixtures.BobEmail
	small := func(cfg *trengo.DestinationConfig) { cfg.MaxPeople = 2 }
	act := func(ev *trengo.Event) func(*fixtures.Deployment) {
		return func(d *fixtures.Deployment) { d.MustProcess(ev) }
	}
	fail := func(ev *trengo.Event, want error) func(*fixtures.Deployment) {
		return func(d *fixtures.Deployment) { d.MustFail(ev, want) }
	}
	after := func(span time.Duration) func(*fixtures.Deployment) {
		return func(*fixtures.Deployment) { time.Sleep(span) }
	}
	inProperties := func(ev *trengo.Event, email string) *trengo.Event {
		ev.Properties = map[string]any{"email": email}
		return ev
	}
	inContext := func(ev *trengo.Event, email string) *trengo.Event {
		ev.Context.Traits = map[string]any{"email": email}
		return ev
	}
	withAnonymousID := func(ev *trengo.Event, id string) *trengo.Event {
		ev.AnonymousID = id
		return ev
	}
	withEmail := func(ev *trengo.Event, value any) *trengo.Event {
		ev.Traits["email"] = value
		return ev
	}
	type steps []func(*fixtures.Deployment)
	for name, tt := range map[string]struct {
		changes []func(*trengo.DestinationConfig)
		before  steps
		event   *trengo.Event // default: a track event of u1 without an email
		want    string        // the email of the contact that gets the ticket
		err     error
		reason  string
	}{
		"the user of an identify gets the ticket": {before: steps{act(identifyUser("1", "u1", ann))}, want: ann},
		"spaces around a user ID do not count":    {before: steps{act(identifyUser("1", " u1\n", ann))}, want: ann},
		"another user is not known": {
			before: steps{act(identifyUser("1", "u2", ann))}, err: trengo.ErrContactNotFound,
			reason: "trengo: contact not found: the event does not have an email, and its user ID is not known",
		},
		"a user ID in another case is another user": {before: steps{act(identifyUser("1", "U1", ann))}, err: trengo.ErrContactNotFound},
		"two users do not mix": {
			before: steps{act(identifyUser("1", "u1", ann)), act(identifyUser("2", "u2", bob))}, want: ann,
		},
		"nobody is known at the start":  {err: trengo.ErrContactNotFound},
		"a contact is not created":      {changes: []func(*trengo.DestinationConfig){fixtures.CreateMissing}, err: trengo.ErrContactNotFound},
		"a contact that existed before": {before: steps{addContact("Ann", ann), act(identifyUser("1", "u1", ann))}, want: ann},
		"a track event with traits says who the user is": {
			before: steps{addContact("Ann", ann), act(trackUser("1", "u1", ann))}, want: ann,
		},
		"a track event with context.traits says who the user is": {
			before: steps{addContact("Ann", ann), act(inContext(trackUser("1", "u1", ""), ann))}, want: ann,
		},
		"an email in the properties may be that of a friend": {
			before: steps{addContact("Bob", bob), act(inProperties(trackUser("1", "u1", ""), bob))}, err: trengo.ErrContactNotFound,
		},
		"an identify after the email in the properties": {
			before: steps{addContact("Ann", ann), act(inProperties(trackUser("1", "u1", ""), ann)), act(identifyUser("2", "u1", ann))}, want: ann,
		},
		"the email in the properties is that of the identify": {
			before: steps{act(identifyUser("1", "u1", ann)), act(inProperties(trackUser("2", "u1", ""), ann))}, want: ann,
		},
		"the email in the properties is another than that of the identify": {
			before: steps{addContact("Bob", bob), act(identifyUser("1", "u1", ann)), act(inProperties(trackUser("2", "u1", ""), bob))},
			err:    trengo.ErrContactNotFound,
		},
		"traits come before the email of somebody else in the properties": {
			before: steps{act(identifyUser("1", "u1", ann)), act(inProperties(trackUser("2", "u1", ann), bob))}, want: ann,
		},

		"two people on one account": {
			before: steps{act(identifyUser("1", "u1", ann)), act(identifyUser("2", "u1", bob))}, err: trengo.ErrContactNotFound,
			reason: "trengo: contact not found: the event does not have an email, and its user ID is known with several identifiers",
		},
		"the first of two people comes back": {
			before: steps{act(identifyUser("1", "u1", ann)), act(identifyUser("2", "u1", bob)), act(identifyUser("3", "u1", ann))}, err: trengo.ErrContactNotFound,
		},
		"two spellings are one person": {
			before: steps{act(identifyUser("1", "u1", ann)), act(identifyUser("2", "u1", " Ann@Example.com"))}, want: ann,
		},
		"another person's track event": {
			before: steps{addContact("Bob", bob), act(identifyUser("1", "u1", ann)), act(trackUser("2", "u1", bob))}, err: trengo.ErrContactNotFound,
		},
		"another person who is ambiguous counts": {
			before: steps{
				addContact("Bob", bob), addContact("Bob", bob), act(identifyUser("1", "u1", ann)), fail(identifyUser("2", "u1", bob), trengo.ErrAmbiguousContact),
			}, err: trengo.ErrContactNotFound,
		},
		"an email of another person beside a named contact counts": {
			before: steps{act(identifyUser("1", "u1", ann)), func(d *fixtures.Deployment) {
				d.MustProcess(fixtures.ForContact(identifyUser("2", "u1", bob), d.Contacts()[0].ID))
			}}, err: trengo.ErrContactNotFound,
		},
		"a named contact says nothing of a user": {
			before: steps{addContact("Bob", bob), func(d *fixtures.Deployment) {
				d.MustProcess(fixtures.ForContact(trackUser("1", "u1", ""), d.Contacts()[0].ID))
			}}, err: trengo.ErrContactNotFound,
		},
		"a new email is used once the old one is forgotten": {
			before: steps{
				act(identifyUser("1", "u1", ann)), after(ttl / 2), act(identifyUser("2", "u1", bob)), after(ttl / 2),
			}, want: bob,
		},
		"a new email is not used before the old one is forgotten": {
			before: steps{
				act(identifyUser("1", "u1", ann)), after(ttl / 2), act(identifyUser("2", "u1", bob)), after(ttl/2 - 1),
			}, err: trengo.ErrContactNotFound,
		},
		"two people who take turns are never told apart": {
			before: steps{
				act(identifyUser("1", "u1", ann)), after(ttl / 2), act(identifyUser("2", "u1", bob)), after(ttl / 2),
				act(identifyUser("3", "u1", ann)), after(ttl/2 - 1),
			}, err: trengo.ErrContactNotFound,
		},
		"a redelivered identify says nothing new": {
			before: steps{
				act(identifyUser("1", "u1", ann)), after(ttl / 2), act(identifyUser("2", "u1", bob)), after(ttl/2 - 1),
				act(identifyUser("1", "u1", ann)), after(1),
			}, want: bob,
		},

		"a user is known for the TTL": {before: steps{act(identifyUser("1", "u1", ann)), after(ttl - 1)}, want: ann},
		"a user is not known after the TTL": {
			before: steps{act(identifyUser("1", "u1", ann)), after(ttl)}, err: trengo.ErrContactNotFound,
		},
		"a contact that was not read within the TTL does not count": {
			before: steps{act(identifyUser("1", "u1", ann)), after(ttl / 2), act(identifyUser("2", "u1", ann)), after(ttl / 2)}, err: trengo.ErrContactNotFound,
			reason: "trengo: contact not found: the event does not have an email, and the contact of its user ID is not known",
		},
		"no more than MaxPeople are known": {
			changes: []func(*trengo.DestinationConfig){small},
			before:  steps{act(identifyUser("1", "u1", ann)), act(identifyUser("2", "u2", bob)), act(identifyUser("3", "u3", "cem@example.com"))},
			err:     trengo.ErrContactNotFound,
		},
		"the contact of another channel does not count": {
			before: steps{act(fixtures.OnChannel(identifyUser("1", "u1", ann), fixtures.OtherEmailChannel))}, err: trengo.ErrContactNotFound,
		},
		"another person on another channel does not matter": {
			before: steps{act(identifyUser("1", "u1", ann)), act(fixtures.OnChannel(identifyUser("2", "u1", bob), fixtures.OtherEmailChannel))}, want: ann,
		},

		"an anonymous ID is not a user": {
			before: steps{act(withAnonymousID(identifyUser("1", "", ann), "u1"))}, err: trengo.ErrContactNotFound,
		},
		"the ID of a device is not a user": {
			before: steps{act(withAnonymousID(identifyUser("1", "u1", ann), "u1"))}, err: trengo.ErrContactNotFound,
		},
		"a track event with the ID of its device": {
			before: steps{act(identifyUser("1", "u1", ann))}, event: withAnonymousID(trackUser("x", "u1", ""), " u1"), err: trengo.ErrMissingIdentifier,
		},
		"an event without a user ID": {
			before: steps{act(identifyUser("1", "", ann))}, event: trackUser("x", "", ""), err: trengo.ErrMissingIdentifier,
			reason: "trengo: missing identifier: the event does not have an email",
		},
		"an email is not a user ID": {
			before: steps{act(identifyUser("1", "u1", ann))}, event: trackUser("x", ann, ""), err: trengo.ErrContactNotFound,
		},

		"an email that cannot be used may be that of somebody else": {
			before: steps{act(identifyUser("1", "u1", ann))}, event: withEmail(trackUser("x", "u1", ""), "bob@example.com, cem@example.com"), err: trengo.ErrMissingIdentifier,
		},
		"an email that cannot be used in the properties": {
			before: steps{act(identifyUser("1", "u1", ann))}, event: inProperties(trackUser("x", "u1", ""), "bob at example.com"), err: trengo.ErrMissingIdentifier,
		},
		"an email that is a word for nothing": {
			before: steps{act(identifyUser("1", "u1", ann))}, event: withEmail(trackUser("x", "u1", ""), "undefined"), want: ann,
		},
		"an email that is null": {
			before: steps{act(identifyUser("1", "u1", ann))}, event: withEmail(trackUser("x", "u1", ""), nil), want: ann,
		},
		"emails that are an empty list": {
			before: steps{act(identifyUser("1", "u1", ann))}, event: withEmail(trackUser("x", "u1", ""), []any{"", nil}), want: ann,
		},
		"an event with its own email is not resolved": {
			before: steps{addContact("Bob", bob), act(identifyUser("1", "u1", ann))}, event: trackUser("x", "u1", bob), want: bob,
		},
		"an event that names its contact is not resolved": {
			before: steps{addContact("Bob", bob), act(identifyUser("1", "u1", ann))},
			event:  fixtures.ForContact(trackUser("x", "u1", ""), fixtures.FirstContact), want: bob,
		},

		"a contact that was deleted": {
			before: steps{act(identifyUser("1", "u1", ann)), func(d *fixtures.Deployment) { d.DeleteContacts(ann) }}, err: trengo.ErrContactNotFound,
			reason: "trengo: contact not found: the event does not have an email, and the contact of its user ID is gone",
		},
		"a contact that another event found again": {
			before: steps{act(identifyUser("1", "u1", ann)), func(d *fixtures.Deployment) {
				d.DeleteContacts(ann)
				d.AddContact(trengotest.Contact{Name: "New", Email: ann})
				d.MustProcess(trackUser("2", "u9", ann))
			}}, want: ann,
		},
		"a ticket that is refused for another reason": {
			before: steps{act(identifyUser("1", "u1", ann)), func(d *fixtures.Deployment) { d.RefuseNext("open", http.StatusUnprocessableEntity) }},
			err:    trengo.ErrUnprocessable,
		},
		"with duplicates allowed": {
			changes: []func(*trengo.DestinationConfig){fixtures.AllowDuplicates},
			before:  steps{act(identifyUser("1", "u1", ann))}, want: ann,
		},
		"a skipped event says nothing": {
			before: steps{act(identifyUser("1", "u1", ann)), func(d *fixtures.Deployment) {
				ev := trackUser("2", "u1", bob)
				ev.Event = "Not listed"
				d.MustProcess(ev)
			}}, want: ann,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := fixtures.NewDeployment(t, append(tt.changes, resolveUserIDs)...)
				for _, step := range tt.before {
					step(d)
				}
				before := len(d.Contacts())
				ev := tt.event
				if ev == nil {
					ev = trackUser("x", "u1", "")
				}
				result, err := d.Process(ev)
				if !errors.Is(err, tt.err) {
					t.Fatalf("%+v with %v, want %v", result, err, tt.err)
				}
				if tt.reason != "" && err.Error() != tt.reason {
					t.Errorf("error %q\n want %q", err, tt.reason)
				}
				if got := emailOf(d, result); err == nil && (got != tt.want || result.Action != trengo.ActionTicketCreated) {
					t.Errorf("%s for %q, want a ticket for %q", result.Action, got, tt.want)
				}
				if err != nil && len(d.Tickets()) > 0 && d.Tickets()[len(d.Tickets())-1].Subject == "" {
					t.Error("a ticket of an event that failed")
				}
				if len(d.Contacts()) != before {
					t.Errorf("%d contacts instead of %d", len(d.Contacts()), before)
				}
			})
		})
	}
}

func addContact(name, email string) func(*fixtures.Deployment) {
	return func(d *fixtures.Deployment) { d.AddContact(trengotest.Contact{Name: name, Email: email}) }
}

// Without the option a user ID means nothing, whatever came before.
func TestResolveUserIDs_offByDefault(t *testing.T) {
	t.Parallel()
	d := fixtures.NewDeployment(t)
	d.MustProcess(identifyUser("1", "u1", fixtures.AnnEmail))
	d.MustFail(trackUser("2", "u1", ""), trengo.ErrMissingIdentifier)
	d.MustFail(identifyUser("3", "u1", ""), trengo.ErrMissingIdentifier)
}

// A user ID that senders write for nobody is not one, before and after an event
// with an email.
func TestResolveUserIDs_nobody(t *testing.T) {
	t.Parallel()
	for _, id := range []string{
		"guest", " Guest ", "ANONYMOUS", "anon", "0", "-1", "null", "NULL", "undefined", "nil", "none", "N/A", "-", "unknown", "test",
		"00000000-0000-0000-0000-000000000000", "{{userId}}", "9007199254740994",
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			d := fixtures.NewDeployment(t, resolveUserIDs)
			d.MustProcess(identifyUser("1", id, fixtures.AnnEmail))
			err := d.MustFail(trackUser("2", id, ""), trengo.ErrMissingIdentifier)
			if errors.Is(err, trengo.ErrContactNotFound) {
				t.Error("the event would be delivered again")
			}
		})
	}
}

func TestResolveUserIDs_numbers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		identify, track string
		known           bool
	}{
		"a number is its digits":           {`1001`, `"1001"`, true},
		"a number with a zero fraction":    {`1001.0`, `1001`, true},
		"a number with an exponent":        {`1e3`, `"1000"`, true},
		"another number":                   {`1001`, `10010`, false},
		"a number that was rounded":        {`9007199254740994`, `9007199254740994`, false},
		"a long number that was not":       {`"1152921504606846977"`, `"1152921504606846977"`, true},
		"zero":                             {`0`, `0`, false},
		"zeros are not a number":           {`"007"`, `7`, false},
		"a bool":                           {`true`, `true`, false},
		"null":                             {`null`, `null`, false},
		"an object":                        {`{"id":"u1"}`, `{"id":"u1"}`, false},
		"a number beyond what is exact":    {`1e30`, `1e30`, false},
		"a number that nobody has written": {`""`, `""`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := fixtures.NewDeployment(t, resolveUserIDs)
			d.MustProcess(fixtures.ParseEvent(t, `{"type":"identify","userId":`+tt.identify+`,"traits":{"email":"ann@example.com"}}`))
			_, err := d.Process(fixtures.ParseEvent(t, `{"type":"track","event":"Ordered","userId":`+tt.track+`}`))
			if known := err == nil; known != tt.known {
				t.Errorf("known: %t with %v, want %t", known, err, tt.known)
			}
		})
	}
}

func TestResolveUserIDs_phoneNumbers(t *testing.T) {
	t.Parallel()
	d := fixtures.NewDeployment(t, fixtures.IdentifyByPhone, resolveUserIDs)
	contact := d.MustProcess(identifyUser("1", "u1", fixtures.AnnPhone)).ContactID
	if result := d.MustProcess(trackUser("2", "u1", "")); result.ContactID != contact {
		t.Errorf("%+v, want contact %d", result, contact)
	}
	d.MustFail(trackUser("3", "u1", "0612345678"), trengo.ErrMissingIdentifier)
	d.MustProcess(trackUser("4", "u1", "0"))
	d.MustFail(trackUser("5", "u2", ""), trengo.ErrContactNotFound)
}

// Each option that creates duplicates keeps the newest contact of a phone number.
func TestResolveUserIDs_duplicatesAllowed(t *testing.T) {
	t.Parallel()
	d := fixtures.NewDeployment(t, fixtures.IdentifyByPhone, fixtures.AllowDuplicates, resolveUserIDs)
	d.MustProcess(identifyUser("1", "u1", fixtures.AnnPhone))
	newest := d.MustProcess(identifyUser("2", "u1", fixtures.AnnPhone)).ContactID
	if result := d.MustProcess(trackUser("3", "u1", "")); result.ContactID != newest {
		t.Errorf("%+v, want contact %d", result, newest)
	}
	contacts := len(d.Contacts())
	named := identifyUser("4", "u1", "")
	named.Traits["name"] = "Ann Lee"
	if result := d.MustProcess(named); result.ContactID != newest || result.Action != trengo.ActionContactUpdated || len(d.Contacts()) != contacts {
		t.Errorf("%+v, %d contacts", result, len(d.Contacts()))
	}
}

// An identify without an identifier updates the contact of its user.
func TestResolveUserIDs_identify(t *testing.T) {
	t.Parallel()
	d := fixtures.NewDeployment(t, resolveUserIDs)
	unknown := d.MustFail(identifyUser("0", "u1", ""), trengo.ErrMissingIdentifier)
	if want := "trengo: missing identifier: the event does not have an email, and its user ID is not known"; unknown.Error() != want {
		t.Errorf("error %q", unknown)
	}
	d.MustProcess(identifyUser("1", "u1", fixtures.AnnEmail))
	d.WantSent("search, create")
	named := func(messageID, key, value string) *trengo.Event {
		ev := identifyUser(messageID, "u1", "")
		ev.Traits[key] = value
		return ev
	}
	for i, step := range []struct {
		ev   *trengo.Event
		sent string
	}{
		{named("2", "firstName", "Ann"), "rename"},
		{named("3", "lastName", "Lee"), ""},
		{named("4", "name", "Ann Lee"), "rename"},
		{named("5", "name", "Ann Lee"), ""},
		{named("4", "name", "Ann Lee"), ""},
		{named("6", "company", "Example"), ""},
	} {
		d.MustProcess(step.ev)
		if sent := d.Sent(); sent != step.sent {
			t.Errorf("step %d sent %q, want %q", i+1, sent, step.sent)
		}
	}
}

// A rename by user ID notices that the contact has become somebody else's.
func TestResolveUserIDs_contactOfAnother(t *testing.T) {
	t.Parallel()
	d := fixtures.NewDeployment(t, resolveUserIDs)
	contact := d.MustProcess(identifyUser("1", "u1", fixtures.AnnEmail)).ContactID
	d.FailNext("rename", trengotest.Respond(http.StatusOK, "application/json",
		fmt.Sprintf(`{"id":%d,"name":"Ann","email":"bob@example.com"}`, contact)))
	named := identifyUser("2", "u1", "")
	named.Traits["name"] = "Ann"
	d.MustProcess(named)
	d.MustFail(trackUser("3", "u1", ""), trengo.ErrContactNotFound)
}

// An event of a user waits for those before it, also if they are not done.
func TestResolveUserIDs_waitsForTheIdentify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t, resolveUserIDs)
		d.Behavior.Latency = fixtures.Latency
		identify := d.Deliver(t.Context(), identifyUser("1", "u1", fixtures.AnnEmail))
		first := d.Deliver(t.Context(), trackUser("2", "u1", ""))
		second := d.Deliver(t.Context(), trackUser("3", "u1", ""))
		other := d.Deliver(t.Context(), identifyUser("4", "u1", fixtures.BobEmail))
		late := d.Deliver(t.Context(), trackUser("5", "u1", ""))
		contact := (<-identify).Result.ContactID
		for _, done := range []<-chan fixtures.Delivered{first, second} {
			if got := <-done; got.Err != nil || got.Result.ContactID != contact {
				t.Errorf("%+v with %v, want contact %d", got.Result, got.Err, contact)
			}
		}
		if got := <-other; got.Err != nil {
			t.Error(got.Err)
		}
		if got := <-late; !errors.Is(got.Err, trengo.ErrContactNotFound) {
			t.Errorf("%+v with %v after a second email", got.Result, got.Err)
		}
	})
}

// ProcessAll resolves user IDs in the order of the input.
func TestResolveUserIDs_processAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t, resolveUserIDs, fixtures.Concurrency(8))
		d.Behavior.Latency = fixtures.Latency
		d.SetRateLimit(100_000)
		var events []*trengo.Event
		for user := range 20 {
			id, email := "u"+strconv.Itoa(user), fmt.Sprintf("a%d@example.com", user)
			events = append(events, identifyUser("i"+id, id, email), trackUser("t"+id, id, ""))
		}
		for outcome := range d.Destination.ProcessAll(t.Context(), fixtures.Events(events...)) {
			want := fmt.Sprintf("a%d@example.com", outcome.Index/2)
			if got := emailOf(d, outcome.Result); outcome.Err != nil || got != want {
				t.Errorf("event %d is about %q with %v, want %q", outcome.Index, got, outcome.Err, want)
			}
		}
	})
}

// People who share user IDs, and user IDs that share people, never wait for each
// other for ever.
func TestResolveUserIDs_noDeadlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t, resolveUserIDs)
		d.Behavior.Latency = 10 * time.Millisecond
		d.SetRateLimit(1_000_000)
		d.MustProcess(identifyUser("0", "u0", "a0@example.com"))
		named := d.Contacts()[0].ID
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		var wg sync.WaitGroup
		for i := range 600 {
			user, email := fmt.Sprintf("u%d", i%3), fmt.Sprintf("a%d@example.com", i*i%4)
			ev := identifyUser(strconv.Itoa(i), user, email)
			switch i % 6 {
			case 1:
				ev = trackUser(strconv.Itoa(i), user, "")
			case 2:
				ev = fixtures.ForContact(ev, named)
			case 3:
				ev = trackUser(strconv.Itoa(i), user, email)
			case 4:
				ev.Traits["name"] = ev.MessageID
			}
			wg.Go(func() {
				if _, err := d.Destination.Process(ctx, ev); err != nil && !errors.Is(err, trengo.ErrContactNotFound) {
					t.Errorf("event %d: %v", i, err)
				}
			})
		}
		wg.Wait()
	})
}

// A message of a resolved event is known by its user ID, whatever has become of
// the user.
func TestResolveUserIDs_messages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t, resolveUserIDs)
		d.MustProcess(identifyUser("1", "u1", fixtures.AnnEmail))
		first := d.MustProcess(trackUser("2", "u1", ""))
		d.ResetRequests()
		again := func(what string) {
			t.Helper()
			if result := d.MustProcess(trackUser("2", "u1", "")); !result.Duplicate || result.TicketID != first.TicketID {
				t.Errorf("%s: %+v", what, result)
			}
			d.WantSent("")
		}
		again("redelivered")
		d.MustProcess(identifyUser("3", "u1", fixtures.BobEmail))
		d.ResetRequests()
		again("after another person")
		time.Sleep(2 * time.Hour)
		again("after the user was forgotten")
		d.MustProcess(identifyUser("4", "u2", fixtures.AnnEmail))
		d.ResetRequests()
		if result := d.MustProcess(trackUser("2", "u2", "")); result.Duplicate {
			t.Error("the message of another user is a duplicate")
		}
	})
}

// A ticket of a resolved event whose response was lost is found, not repeated.
func TestResolveUserIDs_lostTicket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t, resolveUserIDs)
		d.WarmUp()
		contact := d.MustProcess(identifyUser("1", "u1", fixtures.AnnEmail)).ContactID
		d.FailNext("open", trengotest.LostAfter())
		d.MustProcess(trackUser("2", "u1", ""))
		d.FailNext("open", trengotest.LostBefore())
		d.MustFail(trackUser("3", "u1", ""), trengo.ErrOutcomeUnknown)
		time.Sleep(time.Minute)
		d.MustProcess(trackUser("3", "u1", ""))
		d.WantTickets(contact, 2)
	})
}

// As long as the contact of the user may appear, the event is worth another
// delivery.
func TestResolveUserIDs_contactIsPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t, resolveUserIDs)
		d.FailNext("create", trengotest.LostBefore())
		d.MustFail(identifyUser("1", "u1", fixtures.AnnEmail), trengo.ErrOutcomeUnknown)
		d.MustFail(trackUser("2", "u1", ""), trengo.ErrOutcomeUnknown)
		time.Sleep(time.Minute)
		d.MustFail(trackUser("2", "u1", ""), trengo.ErrContactNotFound)
		d.MustProcess(identifyUser("1", "u1", fixtures.AnnEmail))
		d.MustProcess(trackUser("2", "u1", ""))
	})
}

// Plan knows what Process would do, and changes nothing of it.
func TestResolveUserIDs_plan(t *testing.T) {
	t.Parallel()
	d := fixtures.NewDeployment(t, resolveUserIDs)
	plan := func(ev *trengo.Event) (trengo.Plan, error) { return d.Destination.Plan(t.Context(), ev) }
	if _, err := plan(identifyUser("1", "u1", fixtures.AnnEmail)); err != nil {
		t.Fatal(err)
	}
	if _, err := plan(trackUser("2", "u1", "")); !errors.Is(err, trengo.ErrContactNotFound) {
		t.Errorf("a plan remembers the user: %v", err)
	}
	contact := d.MustProcess(identifyUser("1", "u1", fixtures.AnnEmail)).ContactID
	if _, err := plan(identifyUser("3", "u1", fixtures.BobEmail)); err != nil {
		t.Fatal(err)
	}
	d.ResetRequests()
	planned, err := plan(trackUser("2", "u1", ""))
	if err != nil || planned.ContactID != contact || planned.Action != trengo.ActionTicketCreated || len(planned.Writes) != 1 {
		t.Errorf("%+v with %v", planned, err)
	}
	d.WantSent("")
	renamed := identifyUser("4", "u1", "")
	renamed.Traits["firstName"] = "Ann"
	if planned, err := plan(renamed); err != nil || planned.Action != trengo.ActionContactUpdated {
		t.Errorf("%+v with %v", planned, err)
	}
	d.MustProcess(trackUser("2", "u1", ""))
	if planned, err := plan(trackUser("2", "u1", "")); err != nil || !planned.Duplicate {
		t.Errorf("%+v with %v", planned, err)
	}
}

// The errors of unknown users contain nothing of the event.
func TestResolveUserIDs_errorsAreWithoutData(t *testing.T) {
	t.Parallel()
	d := fixtures.NewDeployment(t, resolveUserIDs)
	for _, ev := range []*trengo.Event{trackUser("1", "secret-user", ""), identifyUser("2", "secret-user", "")} {
		if _, err := d.Process(ev); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("error %v", err)
		}
	}
}

// Between two deliveries of an event, its user can be forgotten. Its ticket may exist
// all the same.
func TestResolveUserIDs_lostTicket_forgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t, resolveUserIDs)
		d.WarmUp()
		d.MustProcess(identifyUser("m-1", "u1", fixtures.AnnEmail))
		time.Sleep(59 * time.Minute)
		d.Inject(trengotest.LostAfter(), trengotest.RespondHTML(http.StatusServiceUnavailable)) // also to the look for it
		d.MustFail(trackUser("m-2", "u1", ""), trengo.ErrOutcomeUnknown)
		time.Sleep(2 * time.Minute)
		d.MustFail(trackUser("m-2", "u1", ""), trengo.ErrOutcomeUnknown)
		other := d.MustProcess(fixtures.Track("m-3", fixtures.AnnEmail))
		if result := d.MustProcess(trackUser("m-2", "u1", "")); !result.Duplicate || result.TicketID == other.TicketID {
			t.Errorf("%+v after %+v", result, other)
		}
		d.WantTickets(other.ContactID, 2)
	})
}
