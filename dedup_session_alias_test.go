package trengo_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// newRewriting returns a deployment whose Trengo stores the phone number sent as
// another one, and never finds it again.
func newRewriting(t *testing.T, sent, stored string, changes ...func(*trengo.DestinationConfig)) *fixtures.Deployment {
	t.Helper()
	d := fixtures.NewDeployment(t, append(changes, fixtures.IdentifyByPhone)...)
	d.Behavior.PhoneMatch = trengotest.PhoneMatchNever
	d.Behavior.RewritePhone = func(phone string) string {
		if phone == sent {
			return stored
		}
		return phone
	}
	d.WarmUp()
	return d
}

// wantPhones fails the test unless these are the phone numbers of all contacts,
// but for the one of the warm-up.
func wantPhones(t *testing.T, d *fixtures.Deployment, want ...string) {
	t.Helper()
	var phones []string
	for _, contact := range d.Contacts() {
		if contact.Phone != "" {
			phones = append(phones, contact.Phone)
		}
	}
	if got := strings.Join(phones, " "); got != strings.Join(want, " ") {
		t.Errorf("contacts with the numbers %s, want %s", got, want)
	}
}

// Trengo stores a phone number in another form: the contact is the person's.
func TestDestination_rewrittenPhoneNumber(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ sent, stored string }{
		"Argentina, without the mobile digit": {"+5491112345678", "+541112345678"},
		"Argentina, with the mobile digit":    {"+541112345678", "+5491112345678"},
		"Mexico, without the mobile digit":    {"+5215512345678", "+52 55 1234 5678"},
		"Mexico, with the mobile digit":       {"+525512345678", "5215512345678"},
		"Netherlands, without the trunk 0":    {"+310612345678", "+31612345678"},
		"India, without the trunk 0":          {"+9109812345678", "+919812345678"},
		"only other formatting":               {"+31612345678", "31 6 12345678"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newRewriting(t, c.sent, c.stored, fixtures.CreateMissing)
				created := d.MustProcess(fixtures.Identify("1", c.sent, "Ann"))
				d.WantSent("search, create on phone channel")
				for _, step := range []struct {
					ev   *trengo.Event
					sent string
				}{
					{fixtures.Identify("2", c.sent, "Ann"), ""},
					{fixtures.Track("3", c.sent), "open"},
					{fixtures.Identify("4", c.sent, "Anna"), "rename"},
					{fixtures.Track("5", c.sent), "open"},
				} {
					if result := d.MustProcess(step.ev); result.ContactID != created.ContactID {
						t.Errorf("message %s: %+v, want contact %d", step.ev.MessageID, result, created.ContactID)
					}
					d.WantSent(step.sent)
				}
				wantPhones(t, d, c.stored)
			})
		})
	}
}

// Trengo makes another number of a phone number: its contact is not used, and not
// created once more.
func TestDestination_anotherPhoneNumber(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ sent, stored string }{
		"a digit less at the end":        {"+31612345678", "+3161234567"},
		"another country":                {"+31612345678", "+32612345678"},
		"a 0 that is a part of it":       {"+39061234567", "+3961234567"},
		"Brazil's digit is not a prefix": {"+5511987654321", "+551187654321"},
		"Chile's 9 is a part of it":      {"+56987654321", "+5687654321"},
		"Argentina's domestic 15":        {"+5491112345678", "+54111512345678"},
		"the national form":              {"+31612345678", "0612345678"},
		"words":                          {"+31612345678", "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newRewriting(t, c.sent, c.stored, fixtures.CreateMissing)
				otherChannel := d.AddChannel(trengotest.Channel{Type: "WA_BUSINESS"}).ID
				for i, step := range []struct {
					ev   *trengo.Event
					sent string
				}{
					{fixtures.Identify("1", c.sent, "Ann"), "search, create on phone channel"},
					{fixtures.Identify("1", c.sent, "Ann"), "search"},
					{fixtures.Identify("2", c.sent, "Anna"), "search"},
					{fixtures.Track("3", c.sent), "search"},
					{fixtures.OnChannel(fixtures.Identify("4", c.sent, "Ann"), otherChannel), "search"},
				} {
					err := d.MustFail(step.ev, trengo.ErrAmbiguousContact)
					d.WantSent(step.sent)
					if text := testkit.ErrorText(err); !strings.Contains(text, "returned one with another phone number: ambiguous contact: ") || trengo.Retryable(err) {
						t.Errorf("event %d: %q", i, text)
					}
					fixtures.CheckPrivate(t, err, step.ev, d.Contacts())
				}
				wantPhones(t, d, c.stored)
				if n := len(d.Tickets()); n != 1 {
					t.Errorf("%d tickets, want that of the warm-up", n)
				}
			})
		})
	}
}

// An agent corrects the number of the refused contact.
func TestDestination_anotherPhoneNumberIsCorrected(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const sent = "+31612345678"
		d := newRewriting(t, sent, "+3161234567")
		err := d.MustFail(fixtures.Identify("1", sent, "Ann"), trengo.ErrAmbiguousContact)
		var ambiguous *trengo.AmbiguousContactError
		if !errors.As(err, &ambiguous) || len(ambiguous.ContactIDs) != 1 {
			t.Fatalf("got %v", err)
		}
		d.AddContact(fixtures.PhoneContact(ambiguous.ContactIDs[0], "Ann", sent))
		d.ResetRequests()
		d.MustProcess(fixtures.Track("2", sent))
		d.WantSent("search, open")
	})
}

// A refused contact is remembered for PeopleTTL; an alias longer, because it is
// what finds the contact again then.
func TestDestination_rewrittenPhoneNumberAfterPeopleTTL(t *testing.T) {
	t.Parallel()
	const sent = "+5491112345678"
	for name, c := range map[string]struct {
		stored string
		sent   string // after the TTL
		phones int
		err    error
	}{
		"an alias":  {"+541112345678", "search, search", 1, nil},
		"a refusal": {"+541112345679", "search, create on phone channel", 2, trengo.ErrAmbiguousContact},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newRewriting(t, sent, c.stored)
				if _, err := d.Process(fixtures.Identify("", sent, "Ann")); !errors.Is(err, c.err) {
					t.Fatal(err)
				}
				time.Sleep(time.Hour - 1)
				d.ResetRequests()
				if _, err := d.Process(fixtures.Identify("", sent, "Ann")); !errors.Is(err, c.err) || strings.Contains(d.Sent(), "create") {
					t.Errorf("within the TTL: %v", err)
				}
				for range 3 {
					time.Sleep(time.Nanosecond)
					d.ResetRequests()
					if _, err := d.Process(fixtures.Identify("", sent, "Ann")); !errors.Is(err, c.err) {
						t.Errorf("after the TTL: %v", err)
					}
					d.WantSent(c.sent)
					if c.err != nil {
						break
					}
					time.Sleep(time.Hour)
				}
				if n := len(d.Contacts()); n != c.phones+1 {
					t.Errorf("%d contacts, want %d", n-1, c.phones)
				}
			})
		})
	}
}

// The alias serves all searches for the person, and both numbers mean one contact.
func TestDestination_aliasServesSearches(t *testing.T) {
	t.Parallel()
	const sent, stored = "+5491112345678", "+541112345678"
	synctest.Test(t, func(t *testing.T) {
		d := newRewriting(t, sent, stored, fixtures.CreateMissing)
		otherChannel := d.AddChannel(trengotest.Channel{Type: "WA_BUSINESS"}).ID
		first := d.MustProcess(fixtures.Identify("1", sent, "Ann")).ContactID
		d.ResetRequests()

		// On another channel.
		if result := d.MustProcess(fixtures.OnChannel(fixtures.Track("2", sent), otherChannel)); result.ContactID != first {
			t.Errorf("%+v, want contact %d", result, first)
		}
		d.WantSent("search, search, open")

		// By the number as it is stored.
		if result := d.MustProcess(fixtures.Identify("3", stored, "Anna")); result.ContactID != first {
			t.Errorf("%+v, want contact %d", result, first)
		}
		d.WantSent("search, rename")

		// After an agent has merged the contact into another one.
		if err := d.Client.Contacts.Delete(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		merged := d.AddContact(fixtures.PhoneContact(0, "Ann", stored)).ID
		d.ResetRequests()
		if result := d.MustProcess(fixtures.Track("4", sent)); result.ContactID != merged {
			t.Errorf("%+v, want contact %d", result, merged)
		}
		d.WantSent("open, search, search, open")

		// A contact with the number itself comes first.
		exact := d.AddContact(fixtures.PhoneContact(0, "Ann", sent)).ID
		time.Sleep(time.Hour)
		if result := d.MustProcess(fixtures.Track("5", sent)); result.ContactID != exact {
			t.Errorf("%+v, want contact %d", result, exact)
		}
		d.WantSent("search, open")
	})
}

// An agent gives the contact the number of somebody else, which the response to the
// next update shows.
func TestDestination_aliasOfAContactThatChanged(t *testing.T) {
	t.Parallel()
	const sent, stored = "+5491112345678", "+541112345678"
	synctest.Test(t, func(t *testing.T) {
		d := newRewriting(t, sent, stored)
		id := d.MustProcess(fixtures.Identify("1", sent, "Ann")).ContactID
		d.AddContact(fixtures.PhoneContact(id, "Bob", "+541187654321"))
		d.MustProcess(fixtures.Identify("2", sent, "Anna"))
		d.ResetRequests()
		d.MustFail(fixtures.Track("3", sent), trengo.ErrContactNotFound)
		d.WantSent("search, search")
	})
}

// The response to a create is lost, so it is not known how Trengo stored the number.
func TestDestination_rewrittenPhoneNumberWithoutResponse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ sent, stored string }{
		"without the mobile digit": {"+5491112345678", "+541112345678"},
		"with the mobile digit":    {"+525512345678", "+5215512345678"},
		"without the trunk 0":      {"+310612345678", "+31612345678"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newRewriting(t, c.sent, c.stored)
				d.FailNext("create on phone channel", trengotest.LostAfter())
				d.MustProcess(fixtures.Identify("1", c.sent, "Ann"))
				d.WantSent("search, create on phone channel, search, search")

				// While the search does not show the contact yet.
				late := newRewriting(t, c.sent, c.stored)
				late.Behavior.SearchDelay = 30 * time.Second
				late.FailNext("create on phone channel", trengotest.LostAfter())
				late.MustFail(fixtures.Identify("1", c.sent, "Ann"), trengo.ErrOutcomeUnknown)
				late.MustFail(fixtures.Identify("1", c.sent, "Ann"), trengo.ErrOutcomeUnknown)
				time.Sleep(2 * time.Minute)
				late.MustProcess(fixtures.Identify("1", c.sent, "Ann"))
				wantPhones(t, late, c.stored)
			})
		})
	}
}

// With duplicates allowed, an identify event creates a contact each time, as the
// user chose, but not one with another number.
func TestDestination_rewrittenPhoneNumberWithDuplicatesAllowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newRewriting(t, "+5491112345678", "+541112345678", fixtures.AllowDuplicates)
		d.MustProcess(fixtures.Identify("1", "+5491112345678", "Ann"))
		second := d.MustProcess(fixtures.Identify("2", "+5491112345678", "Ann"))
		d.ResetRequests()
		if result := d.MustProcess(fixtures.Track("3", "+5491112345678")); result.ContactID != second.ContactID {
			t.Errorf("%+v, want contact %d", result, second.ContactID)
		}
		d.WantSent("open")

		other := newRewriting(t, "+31612345678", "+3161234567", fixtures.AllowDuplicates)
		for range 3 {
			other.MustFail(fixtures.Identify("", "+31612345678", "Ann"), trengo.ErrAmbiguousContact)
		}
		wantPhones(t, other, "+3161234567")
	})
}
