package trengo_test

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// The channels and the one event of the tests of what is done once.
const (
	deskMail      = 405980
	deskOtherMail = 405981
	deskPhone     = 406001
	deskEvent     = "Ordered"
	deskSubject   = "Ordered {{ id }}"
)

// A desk is a Trengo with a destination for it, in a bubble of its own time.
type desk struct {
	*trengotest.Server
	t           *testing.T
	client      *trengo.Client
	destination *trengo.Destination
}

// newDesk makes a desk whose client repeats nothing, so that one fault is one
// failure.
func newDesk(t *testing.T, changes ...func(*trengo.DestinationConfig)) *desk {
	t.Helper()
	srv := trengotest.New()
	srv.AddChannel(trengotest.Channel{ID: deskMail, Type: "EMAIL"})
	srv.AddChannel(trengotest.Channel{ID: deskOtherMail, Type: "EMAIL"})
	srv.AddChannel(trengotest.Channel{ID: deskPhone, Type: "WA_BUSINESS"})
	cfg := trengo.DestinationConfig{
		ChannelID:      deskMail,
		EventTemplates: map[string]string{deskEvent: deskSubject, "Called": "Called"},
	}
	for _, change := range changes {
		change(&cfg)
	}
	d := &desk{Server: srv, t: t, client: newClient(t, srv, trengo.WithMaxRetries(0))}
	var err error
	if d.destination, err = trengo.NewDestination(d.client, cfg); err != nil {
		t.Fatal(err)
	}
	return d
}

func byPhone(cfg *trengo.DestinationConfig) {
	cfg.ChannelID, cfg.ChannelIdentifier = deskPhone, trengo.IdentifierPhone
}

func creating(cfg *trengo.DestinationConfig) { cfg.CreateMissingContacts = true }

func allowingDuplicates(cfg *trengo.DestinationConfig) { cfg.AllowDuplicates = true }

// identifyFor and trackFor make events of a person with that e-mail or phone.
func identifyFor(message, who, name string) *trengo.Event {
	ev := &trengo.Event{Type: "identify", MessageID: message, Traits: map[string]any{"email": who, "phone": who}}
	if name != "" {
		ev.Traits["name"] = name
	}
	return ev
}

func trackFor(message, who string) *trengo.Event {
	return &trengo.Event{
		Type: "track", MessageID: message, Event: deskEvent,
		Traits: map[string]any{"email": who, "phone": who}, Properties: map[string]any{},
	}
}

// about makes an event name its contact, or its channel.
func about(ev *trengo.Event, kind string, id int64) *trengo.Event {
	ev.Context.ExternalIDs = append(ev.Context.ExternalIDs, trengo.ExternalID{Type: kind, ID: strconv.FormatInt(id, 10)})
	return ev
}

func aboutContact(ev *trengo.Event, id int64) *trengo.Event {
	return about(ev, "trengoContactId", id)
}

func onOtherChannel(ev *trengo.Event) *trengo.Event {
	return about(ev, "trengoChannelId", deskOtherMail)
}

func (d *desk) process(ev *trengo.Event) (trengo.Result, error) {
	return d.destination.Process(d.t.Context(), ev)
}

// must processes an event that has to succeed.
func (d *desk) must(ev *trengo.Event) trengo.Result {
	d.t.Helper()
	result, err := d.process(ev)
	if err != nil {
		d.t.Fatalf("%s %s failed: %v", ev.Type, ev.MessageID, err)
	}
	return result
}

// mustFail processes an event that has to end with an error.
func (d *desk) mustFail(ev *trengo.Event, want error) error {
	d.t.Helper()
	result, err := d.process(ev)
	if !errors.Is(err, want) {
		d.t.Fatalf("%s %s ended with %+v and %v, want %v", ev.Type, ev.MessageID, result, err, want)
	}
	return err
}

// fail makes the next request of a method to a path go wrong.
func (d *desk) fail(request string, fault trengotest.Fault) {
	done := false
	d.InjectFunc(func(r trengotest.Request) trengotest.Fault {
		if done || r.Method+" "+r.Path != request {
			return trengotest.Fault{}
		}
		done = true
		return fault
	})
}

// sent is what was asked for since the last call of sent or forget, with the
// ids of contacts left out.
func (d *desk) sent() string {
	var all []string
	for _, line := range methodsAndPaths(d.Server) {
		if line, _, found := strings.Cut(line, " /contacts/"); found {
			all = append(all, line+" /contacts/…")
			continue
		}
		all = append(all, strings.Replace(line, "/channels/"+strconv.Itoa(deskMail), "/channels/…", 1))
	}
	d.ResetRequests()
	return strings.Join(all, ", ")
}

// warmUp makes the process's first ticket, so that the others need no listing.
func (d *desk) warmUp() {
	d.t.Helper()
	contact := d.AddContact(trengotest.Contact{Name: "First"})
	d.must(aboutContact(trackFor("warm up", ""), contact.ID))
	d.ResetRequests()
}

// The requests in the words of sent.
const (
	search  = "GET /contacts"
	create  = "POST /channels/…/contacts"
	rename  = "PUT /contacts/…"
	open    = "POST /tickets"
	listing = "GET /tickets"
)

func inOrder(requests ...string) string { return strings.Join(requests, ", ") }

// A cacheStep is something that happens, and the requests that it may cost.
type cacheStep struct {
	do   func(*desk)
	cost string
}

func costing(cost string, do func(*desk)) cacheStep { return cacheStep{do, cost} }

// processing is a step of an event that has to succeed.
func processing(cost string, ev *trengo.Event) cacheStep {
	return cacheStep{func(d *desk) { d.must(ev) }, cost}
}

func waiting(span time.Duration) cacheStep {
	return cacheStep{func(*desk) { time.Sleep(span) }, ""}
}

func TestContactCache(t *testing.T) {
	const ttl = 10 * time.Minute
	short := func(cfg *trengo.DestinationConfig) { cfg.PeopleTTL = ttl }
	small := func(cfg *trengo.DestinationConfig) { cfg.MaxPeople = 2 }
	cases := map[string]struct {
		changes []func(*trengo.DestinationConfig)
		steps   []cacheStep
	}{
		"an identify that changes nothing sends nothing": {nil, []cacheStep{
			processing(inOrder(search, create), identifyFor("1", "ann@example.com", "Ann")),
			processing("", identifyFor("2", "ann@example.com", "Ann")),
			processing("", identifyFor("3", " Ann@Example.COM", "Ann")),
		}},
		"an identify without a name sends nothing": {nil, []cacheStep{
			processing(inOrder(search, create), identifyFor("1", "ann@example.com", "Ann")),
			processing("", identifyFor("2", "ann@example.com", "")),
		}},
		"a track of a known person is one request": {nil, []cacheStep{
			processing(inOrder(search, create), identifyFor("1", "ann@example.com", "Ann")),
			processing(open, trackFor("2", "ann@example.com")),
			processing(open, trackFor("3", "ann@example.com")),
		}},
		"what a track found is known to an identify": {nil, []cacheStep{
			costing("", func(d *desk) { d.AddContact(trengotest.Contact{Name: "Ann", Email: "ann@example.com"}) }),
			processing(inOrder(search, open), trackFor("1", "ann@example.com")),
			processing("", identifyFor("2", "ann@example.com", "Ann")),
			processing(rename, identifyFor("3", "ann@example.com", "Anna")),
		}},
		"what a track created is known to an identify": {[]func(*trengo.DestinationConfig){creating}, []cacheStep{
			costing(inOrder(search, create, open), func(d *desk) {
				ev := trackFor("1", "ann@example.com")
				ev.Traits["name"] = "Ann"
				d.must(ev)
			}),
			processing("", identifyFor("2", "ann@example.com", "Ann")),
			processing(open, trackFor("3", "ann@example.com")),
		}},
		"a rename refreshes the name": {nil, []cacheStep{
			processing(inOrder(search, create), identifyFor("1", "ann@example.com", "Ann")),
			processing(rename, identifyFor("2", "ann@example.com", "Anna")),
			processing("", identifyFor("3", "ann@example.com", "Anna")),
			processing(rename, identifyFor("4", "ann@example.com", "Ann")),
		}},
		"a rename makes the contact last": {[]func(*trengo.DestinationConfig){short}, []cacheStep{
			processing(inOrder(search, create), identifyFor("1", "ann@example.com", "Ann")),
			waiting(ttl - 1),
			processing(rename, identifyFor("2", "ann@example.com", "Anna")),
			waiting(ttl - 1),
			processing("", identifyFor("3", "ann@example.com", "Anna")),
		}},
		"a rename by name of the contact does not make its e-mail last": {[]func(*trengo.DestinationConfig){short}, []cacheStep{
			processing(inOrder(search, create), identifyFor("1", "ann@example.com", "Ann")),
			waiting(ttl - 1),
			costing(rename, func(d *desk) { d.must(aboutContact(identifyFor("2", "", "Anna"), d.Contacts()[1].ID)) }),
			waiting(time.Nanosecond),
			processing(search, identifyFor("3", "ann@example.com", "Anna")),
		}},
		"a contact is remembered up to its time to live": {[]func(*trengo.DestinationConfig){short}, []cacheStep{
			processing(inOrder(search, create), identifyFor("1", "ann@example.com", "Ann")),
			waiting(ttl - 1),
			processing("", identifyFor("2", "ann@example.com", "Ann")),
			waiting(time.Nanosecond),
			processing(search, identifyFor("3", "ann@example.com", "Ann")),
			processing("", identifyFor("4", "ann@example.com", "Ann")),
		}},
		"a look does not make a contact last": {[]func(*trengo.DestinationConfig){short}, []cacheStep{
			processing(inOrder(search, create), identifyFor("1", "ann@example.com", "Ann")),
			waiting(ttl / 2),
			processing(open, trackFor("2", "ann@example.com")),
			waiting(ttl / 2),
			processing(inOrder(search, open), trackFor("3", "ann@example.com")),
		}},
		"no more people are remembered than allowed": {[]func(*trengo.DestinationConfig){small}, []cacheStep{
			processing(inOrder(search, create), identifyFor("1", "ann@example.com", "Ann")),
			processing(inOrder(search, create), identifyFor("2", "bob@example.com", "Bob")),
			processing("", identifyFor("3", "ann@example.com", "Ann")),
			processing(inOrder(search, create), identifyFor("4", "cem@example.com", "Cem")),
			processing("", identifyFor("5", "ann@example.com", "Ann")),
			processing(search, identifyFor("6", "bob@example.com", "Bob")),
		}},
		"that nobody was found is not remembered": {nil, []cacheStep{
			costing(search, func(d *desk) { d.mustFail(trackFor("1", "ann@example.com"), trengo.ErrContactNotFound) }),
			costing("", func(d *desk) { d.AddContact(trengotest.Contact{Email: "ann@example.com"}) }),
			processing(inOrder(search, open), trackFor("1", "ann@example.com")),
		}},
		"a channel has people of its own": {nil, []cacheStep{
			processing(inOrder(search, create), identifyFor("1", "ann@example.com", "Ann")),
			processing(search, onOtherChannel(identifyFor("2", "ann@example.com", "Ann"))),
			processing("", onOtherChannel(identifyFor("3", "ann@example.com", "Ann"))),
		}},
		"a contact's name is the same by e-mail and by id": {nil, []cacheStep{
			processing(inOrder(search, create), identifyFor("1", "ann@example.com", "Ann")),
			costing("", func(d *desk) { d.must(aboutContact(identifyFor("2", "", "Ann"), d.Contacts()[1].ID)) }),
			costing(rename, func(d *desk) { d.must(aboutContact(identifyFor("3", "", "Anna"), d.Contacts()[1].ID)) }),
			processing("", identifyFor("4", "ann@example.com", "Anna")),
			processing(rename, identifyFor("5", "ann@example.com", "Ann")),
			costing("", func(d *desk) { d.must(aboutContact(identifyFor("6", "", "Ann"), d.Contacts()[1].ID)) }),
		}},
		"a name is the same on every channel": {nil, []cacheStep{
			processing(inOrder(search, create), identifyFor("1", "ann@example.com", "Ann")),
			processing(inOrder(search, rename), onOtherChannel(identifyFor("2", "ann@example.com", "Anna"))),
			processing(rename, identifyFor("3", "ann@example.com", "Ann")),
		}},
		"a rename whose outcome is unknown forgets the name": {nil, []cacheStep{
			processing(inOrder(search, create), identifyFor("1", "ann@example.com", "Ann")),
			costing(rename, func(d *desk) {
				d.Inject(trengotest.LostAfter())
				d.mustFail(identifyFor("2", "ann@example.com", "Anna"), trengo.ErrOutcomeUnknown)
			}),
			// The name is Anna by now, whatever was remembered.
			processing(rename, identifyFor("3", "ann@example.com", "Ann")),
		}},
		"a contact that turns out to have another e-mail is not remembered": {nil, []cacheStep{
			processing(inOrder(search, create), identifyFor("1", "ann@example.com", "Ann")),
			costing("", func(d *desk) {
				contact := d.Contacts()[1]
				contact.Email = "bob@example.com"
				d.AddContact(contact)
			}),
			processing(rename, identifyFor("2", "ann@example.com", "Anna")),
			processing(inOrder(search, create), identifyFor("3", "ann@example.com", "Anna")),
		}},
		"who allows duplicates creates every time": {[]func(*trengo.DestinationConfig){allowingDuplicates, byPhone}, []cacheStep{
			processing(inOrder("POST /channels/406001/contacts"), identifyFor("1", "+31600000001", "Ann")),
			processing(inOrder("POST /channels/406001/contacts"), identifyFor("2", "+31600000001", "Ann")),
			processing(open, trackFor("3", "+31600000001")),
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, c.changes...)
				d.warmUp()
				var got, want []string
				for _, step := range c.steps {
					step.do(d)
					got, want = append(got, d.sent()), append(want, step.cost)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("requests of the steps (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// The name under which an event found a contact must not outlive a rename that
// was lost while the event waited for the contact.
func TestContactCache_lostRenameBetweenSearchAndTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.Behavior.Latency = 2 * time.Second
		contact := d.AddContact(trengotest.Contact{Name: "Ann", Email: "ann@example.com"})
		d.InjectFunc(func(r trengotest.Request) trengotest.Fault {
			if r.Method == http.MethodPut && strings.Contains(string(r.Body), "Anna") {
				return trengotest.LostAfter()
			}
			return trengotest.Fault{}
		})
		done := make(chan error)
		go func() {
			_, err := d.process(identifyFor("by e-mail", "ann@example.com", "Ann"))
			done <- err
		}()
		time.Sleep(time.Second) // the search is under way
		d.mustFail(aboutContact(identifyFor("by id", "", "Anna"), contact.ID), trengo.ErrOutcomeUnknown)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		names := []string{d.Contacts()[0].Name}
		if !slices.Equal(names, []string{"Ann"}) {
			t.Errorf("the contact is called %q after the last event", names)
		}
	})
}
