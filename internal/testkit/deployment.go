package testkit

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// Ann and Bob are the people of most events.
const (
	AnnEmail = "ann@example.com"
	AnnPhone = "+31600000001"
	BobEmail = "bob@example.com"
)

// Latency is how long a Trengo of these tests usually takes to respond, in the
// virtual time of a bubble.
const Latency = time.Second

// OtherTrackEvent is the second event for which a [Deployment] opens tickets.
// Their subject is its name.
const OtherTrackEvent = "Called"

// A Deployment is a [Fixture] with one client and one destination for it, as
// one process has them. Its client never retries, so that one fault is one
// failure.
type Deployment struct {
	*Fixture

	Client      *trengo.Client
	Destination *trengo.Destination
}

// NewDeployment returns a deployment whose destination has the configuration
// that changes make of the default one.
func NewDeployment(tb testing.TB, changes ...func(*trengo.DestinationConfig)) *Deployment {
	tb.Helper()
	cfg := trengo.DestinationConfig{
		EventTemplates: map[string]string{TrackEvent: Subject, OtherTrackEvent: OtherTrackEvent},
	}
	for _, change := range changes {
		change(&cfg)
	}
	f := New(tb)
	client := f.NewClient(trengo.WithMaxRetries(0))
	return &Deployment{Fixture: f, Client: client, Destination: NewDestination(tb, client, cfg)}
}

// IdentifyByPhone makes a destination identify contacts by phone number, on
// [PhoneChannel].
func IdentifyByPhone(cfg *trengo.DestinationConfig) { cfg.ChannelIdentifier = trengo.IdentifierPhone }

// CreateMissing makes track events create their contacts.
func CreateMissing(cfg *trengo.DestinationConfig) { cfg.CreateMissingContacts = true }

// AllowDuplicates makes identify events create contacts without a search.
func AllowDuplicates(cfg *trengo.DestinationConfig) { cfg.AllowDuplicates = true }

// Concurrency makes a destination process that many events at once.
func Concurrency(n int) func(*trengo.DestinationConfig) {
	return func(cfg *trengo.DestinationConfig) { cfg.Concurrency = n }
}

// UseTransport replaces the destination by one that sends its requests through
// rt. See the function [NewDestination] for what is filled in.
func (d *Deployment) UseTransport(rt http.RoundTripper, cfg trengo.DestinationConfig, opts ...trengo.Option) {
	d.tb.Helper()
	d.Destination = NewDestination(d.tb, NewClient(d.tb, rt, opts...), cfg)
}

// WarmUp opens a ticket for another contact. The first ticket of a process
// needs a list of tickets; those after it do not.
func (d *Deployment) WarmUp() {
	d.tb.Helper()
	contact := d.AddContact(trengotest.Contact{Name: "First"})
	d.MustProcess(ForContact(Track("warm up", ""), contact.ID))
	d.ResetRequests()
}

// Process processes an event.
func (d *Deployment) Process(ev *trengo.Event) (trengo.Result, error) {
	return d.Destination.Process(d.tb.Context(), ev)
}

// MustProcess processes an event, and fails the test if that fails.
func (d *Deployment) MustProcess(ev *trengo.Event) trengo.Result {
	d.tb.Helper()
	result, err := d.Process(ev)
	if err != nil {
		d.tb.Fatalf("%s %s failed: %v", ev.Type, ev.MessageID, err)
	}
	return result
}

// MustFail processes an event, fails the test unless that ends with the error
// want, and returns the error.
func (d *Deployment) MustFail(ev *trengo.Event, want error) error {
	d.tb.Helper()
	result, err := d.Process(ev)
	if !errors.Is(err, want) {
		d.tb.Fatalf("%s %s ended with %+v and %v, want %v", ev.Type, ev.MessageID, result, err, want)
	}
	return err
}

// A Delivered is the outcome of [Deployment.Deliver], and its time.
type Delivered struct {
	Result trengo.Result
	Err    error
	At     time.Time
}

// Deliver processes an event in another goroutine of a bubble of
// testing/synctest. It returns as soon as that goroutine waits, so the event is
// queued.
func (d *Deployment) Deliver(ctx context.Context, ev *trengo.Event) <-chan Delivered {
	done := make(chan Delivered, 1)
	go func() {
		result, err := d.Destination.Process(ctx, ev)
		done <- Delivered{result, err, time.Now()}
	}()
	synctest.Wait()
	return done
}

// FailNext injects a fault into the next request that [Deployment.Sent] would
// write as request.
func (d *Deployment) FailNext(request string, fault trengotest.Fault) {
	done := false
	d.InjectFunc(func(r trengotest.Request) trengotest.Fault {
		if done || requestWord(r) != request {
			return trengotest.Fault{}
		}
		done = true
		return fault
	})
}

// RefuseNext makes the next such request fail with that status.
func (d *Deployment) RefuseNext(request string, status int) {
	d.FailNext(request, trengotest.Respond(status, "application/json", `{"message":"No."}`))
}

// Sent returns the requests since the last call of Sent or ResetRequests in
// short words, such as "search, create, open":
//
//	search                    GET /contacts
//	create                    POST /channels/{id}/contacts, on [EmailChannel]
//	create on phone channel   POST /channels/{id}/contacts, on [PhoneChannel]
//	rename                    PUT /contacts/{id}
//	open                      POST /tickets
//	list                      GET /tickets
//
// Any other request is its method and path.
func (d *Deployment) Sent() string {
	var words []string
	for _, r := range d.Requests() {
		words = append(words, requestWord(r))
	}
	d.ResetRequests()
	return strings.Join(words, ", ")
}

func requestWord(r trengotest.Request) string {
	switch line := r.Method + " " + r.Path; {
	case line == "GET /contacts":
		return "search"
	case line == "POST /channels/"+strconv.Itoa(EmailChannel)+"/contacts":
		return "create"
	case line == "POST /channels/"+strconv.Itoa(PhoneChannel)+"/contacts":
		return "create on phone channel"
	case strings.HasPrefix(line, "PUT /contacts/"):
		return "rename"
	case line == "POST /tickets":
		return "open"
	case line == "GET /tickets":
		return "list"
	default:
		return line
	}
}

// WantSent fails the test unless [Deployment.Sent] returns want.
func (d *Deployment) WantSent(want string) {
	d.tb.Helper()
	if sent := d.Sent(); sent != want {
		d.tb.Errorf("sent %q\nwant %q", sent, want)
	}
}

// NamesSent returns the names that the requests since the last ResetRequests
// gave to contacts, in order.
func (d *Deployment) NamesSent() (names []string) {
	for _, r := range d.Requests() {
		if _, name, ok := strings.Cut(string(r.Body), `"name":"`); ok {
			names = append(names, strings.TrimRight(name, `"}`))
		}
	}
	return names
}

// TicketsOf returns the IDs of a contact's tickets.
func (d *Deployment) TicketsOf(contactID int64) (ids []int64) {
	for _, ticket := range d.Tickets() {
		if ticket.ContactID == contactID {
			ids = append(ids, ticket.ID)
		}
	}
	return ids
}

// WantTickets fails the test unless the contact has that many tickets.
func (d *Deployment) WantTickets(contactID int64, want int) {
	d.tb.Helper()
	if got := d.TicketsOf(contactID); len(got) != want {
		d.tb.Errorf("tickets %v, want %d", got, want)
	}
}

// DeleteContacts deletes the contacts with that email through the API, so the
// destination does not notice.
func (d *Deployment) DeleteContacts(email string) {
	d.tb.Helper()
	for _, contact := range d.Contacts() {
		if contact.Email != email {
			continue
		}
		if err := d.Client.Contacts.Delete(d.tb.Context(), contact.ID); err != nil {
			d.tb.Fatal(err)
		}
	}
}
