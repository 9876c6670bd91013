package trengo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// A Destination turns RudderStack events into Trengo contacts and tickets. It
// is safe for concurrent use. Make one with [NewDestination].
type Destination struct {
	client   *Client
	cfg      Config
	subjects map[string]*subjectTemplate // by the names of the listed events
}

// NewDestination makes a Destination that writes with client. It sends
// nothing. The error names everything that is missing or contradictory in cfg
// at once, with the event and the tag of a broken template. Changing cfg
// afterwards has no effect.
func NewDestination(client *Client, cfg Config) (*Destination, error) {
	var noClient error
	if client == nil {
		noClient = errors.New("the client is nil")
	}
	subjects, mistakes := cfg.compile()
	if err := errors.Join(noClient, mistakes); err != nil {
		return nil, fmt.Errorf("trengo: invalid destination: %w", err)
	}
	return &Destination{client: client, cfg: cfg, subjects: subjects}, nil
}

// An Action is what became of an event.
type Action string

// The actions.
const (
	ContactCreated   Action = "contact_created"
	ContactUpdated   Action = "contact_updated"
	ContactUnchanged Action = "contact_unchanged"
	TicketCreated    Action = "ticket_created"
	Skipped          Action = "skipped"
)

// The reasons for skipping an event.
const (
	skippedType        = "neither identify nor track"
	skippedIntegration = "integrations.Trengo is false"
	skippedEvent       = "event not in the template map"
)

// A Result is what an event did.
type Result struct {
	Action    Action // empty if the event failed
	Reason    string // why it was skipped
	ContactID int64  // 0: none
	TicketID  int64  // 0: none
}

// A Plan is what an event would do.
type Plan struct {
	// Result is what [Destination.Process] would report. What does not exist
	// yet has the id 0.
	Result
	// Writes are the requests that Process would send, in order.
	Writes []Write
}

// A Write is a request that would change something at Trengo.
type Write struct {
	Method string
	Path   string // below the base URL
	Body   json.RawMessage
}

// Process does what an event asks for and reports what was done:
//
//   - identify creates the person's contact, or updates its name if it
//     differs;
//   - track opens a ticket if the event is listed in
//     [Config.EventTemplates];
//   - anything else, and an event whose integrations switch Trengo off, is
//     skipped without a request.
//
// The person is found by e-mail or phone, or named by trengoContactId in
// context.externalId; trengoChannelId there replaces [Config.ChannelID].
//
// The error is one of the sentinels for events, such as
// [ErrMissingIdentifier], or the [*Error] of the call that failed; see
// [Retryable] for whether another delivery is worth it. A Result beside an
// error has the ids that were known by then. Process does not change ev.
func (d *Destination) Process(ctx context.Context, ev *Event) (Result, error) {
	return d.run(ctx, ev, sender{d.client})
}

// Plan reports what [Destination.Process] would do at this moment. It sends
// the searches that are needed for that, and none of the writes.
func (d *Destination) Plan(ctx context.Context, ev *Event) (Plan, error) {
	var r recorder
	result, err := d.run(ctx, ev, &r)
	return Plan{Result: result, Writes: r.writes}, err
}

func (d *Destination) run(ctx context.Context, ev *Event, w writer) (Result, error) {
	j, err := d.read(ev)
	switch {
	case err != nil:
		return Result{}, err
	case j.skip != "":
		return Result{Action: Skipped, Reason: j.skip}, nil
	case j.kind == typeIdentify:
		return d.identify(ctx, j, w)
	default:
		return d.track(ctx, j, w)
	}
}

// A job is what an event asks for.
type job struct {
	kind      string
	skip      string // why nothing is to be done
	event     *Event
	channelID int64
	contactID int64      // 0: the person is to be found
	who       identifier // if contactID is 0
	name      string
}

// read interprets an event as far as that takes no request.
func (d *Destination) read(ev *Event) (job, error) {
	if ev == nil {
		return job{}, invalidEvent("it is nil")
	}
	j := job{event: ev, channelID: d.cfg.ChannelID}
	var err error
	if j.kind, err = ev.kind(); err != nil {
		return job{}, err
	}
	if j.skip = d.reasonToSkip(j.kind, ev); j.skip != "" {
		return j, nil
	}
	channelID, err := ev.override("trengoChannelId")
	if err != nil {
		return job{}, err
	}
	if channelID != 0 {
		j.channelID = channelID
	}
	if j.contactID, err = ev.override("trengoContactId"); err != nil {
		return job{}, err
	}
	if j.contactID == 0 {
		if j.who, err = d.cfg.identify(ev); err != nil {
			return job{}, err
		}
	}
	j.name = ev.name()
	return j, nil
}

func (d *Destination) reasonToSkip(kind string, ev *Event) string {
	if on, isBool := ev.Integrations["Trengo"].(bool); isBool && !on {
		return skippedIntegration
	}
	switch kind {
	case typeIdentify:
		return ""
	case typeTrack:
		if _, listed := d.subjects[ev.Event]; !listed {
			return skippedEvent
		}
		return ""
	default:
		return skippedType
	}
}

func (d *Destination) identify(ctx context.Context, j job, w writer) (Result, error) {
	if j.contactID != 0 {
		// Its name is not known, so any name counts as another one.
		return d.rename(ctx, j, &Contact{ID: j.contactID}, w)
	}
	if !d.cfg.AllowDuplicates {
		contact, err := d.find(ctx, j.who, j.channelID)
		if err != nil {
			return Result{}, err
		}
		if contact != nil {
			return d.rename(ctx, j, contact, w)
		}
	}
	contact, err := d.create(ctx, j, w)
	if err != nil {
		return Result{}, err
	}
	if j.name == "" || contact.Name == j.name {
		return Result{Action: ContactCreated, ContactID: contact.ID}, nil
	}
	// Trengo found a contact instead of creating one.
	if d.cfg.AllowDuplicates {
		return Result{Action: ContactUnchanged, ContactID: contact.ID}, nil
	}
	return d.rename(ctx, j, contact, w)
}

func (d *Destination) rename(ctx context.Context, j job, contact *Contact, w writer) (Result, error) {
	result := Result{Action: ContactUnchanged, ContactID: contact.ID}
	if j.name == "" || j.name == contact.Name {
		return result, nil
	}
	if err := w.updateContact(ctx, contact.ID, ContactUpdate{Name: j.name}); err != nil {
		result.Action = ""
		return result, err
	}
	result.Action = ContactUpdated
	return result, nil
}

func (d *Destination) create(ctx context.Context, j job, w writer) (*Contact, error) {
	contact, err := w.createContact(ctx, ContactCreate{
		ChannelID:  j.channelID,
		Identifier: j.who.address(),
		Name:       j.name,
	})
	if err != nil {
		return nil, err
	}
	if j.who.contradicts(contact) {
		return nil, &AmbiguousContactError{ContactIDs: []int64{contact.ID}}
	}
	return contact, nil
}

func (d *Destination) track(ctx context.Context, j job, w writer) (Result, error) {
	if j.contactID == 0 {
		contact, err := d.findOrCreate(ctx, j, w)
		if err != nil {
			return Result{}, err
		}
		j.contactID = contact.ID
	}
	result := Result{ContactID: j.contactID}
	ticketID, err := w.createTicket(ctx, TicketCreate{
		ContactID: j.contactID,
		ChannelID: j.channelID,
		Subject:   d.subjects[j.event.Event].render(j.event.Event, j.event.Properties),
	})
	if err != nil {
		return result, err
	}
	result.Action, result.TicketID = TicketCreated, ticketID
	return result, nil
}

func (d *Destination) findOrCreate(ctx context.Context, j job, w writer) (*Contact, error) {
	contact, err := d.find(ctx, j.who, j.channelID)
	switch {
	case err != nil || contact != nil:
		return contact, err
	case d.cfg.CreateMissingContacts:
		return d.create(ctx, j, w)
	default:
		return nil, ErrContactNotFound
	}
}

// A writer carries out the writes of an event, or only records them.
type writer interface {
	createContact(ctx context.Context, in ContactCreate) (*Contact, error)
	updateContact(ctx context.Context, id int64, in ContactUpdate) error
	createTicket(ctx context.Context, in TicketCreate) (id int64, err error)
}

// sender is the writer of Process.
type sender struct{ client *Client }

func (s sender) createContact(ctx context.Context, in ContactCreate) (*Contact, error) {
	return s.client.Contacts.Create(ctx, in)
}

func (s sender) updateContact(ctx context.Context, id int64, in ContactUpdate) error {
	_, err := s.client.Contacts.Update(ctx, id, in)
	return err
}

func (s sender) createTicket(ctx context.Context, in TicketCreate) (int64, error) {
	ticket, err := s.client.Tickets.Create(ctx, in)
	if err != nil {
		return 0, err
	}
	return ticket.ID, nil
}

// recorder is the writer of Plan.
type recorder struct{ writes []Write }

func (r *recorder) record(method, path string, in any) error {
	body, err := encode(in)
	r.writes = append(r.writes, Write{Method: method, Path: path, Body: body})
	return err
}

func (r *recorder) createContact(_ context.Context, in ContactCreate) (*Contact, error) {
	return &Contact{Name: in.Name}, r.record(http.MethodPost, contactsOfChannelPath(in.ChannelID), in)
}

func (r *recorder) updateContact(_ context.Context, id int64, in ContactUpdate) error {
	return r.record(http.MethodPut, contactPath(id), in)
}

func (r *recorder) createTicket(_ context.Context, in TicketCreate) (int64, error) {
	return 0, r.record(http.MethodPost, ticketsPath, in)
}
