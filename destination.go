package trengo

import (
	"context"
	"errors"
	"fmt"
)

// A Destination turns RudderStack events into Trengo contacts and tickets. It
// is safe for concurrent use. Make one with [NewDestination].
//
// It remembers in memory which contact is whose and which messages it has
// handled; see "Duplicates" in the package documentation. Two Destinations
// know nothing of each other, so all events of one kind of channel should go
// through one.
type Destination struct {
	client   *Client
	cfg      DestinationConfig
	subjects map[string]*subjectTemplate // by the names of the listed events
	memory   *memory
}

// NewDestination makes a Destination that writes with client. It sends
// nothing. The error names everything that is missing or contradictory in cfg
// at once, with the event and the tag of a broken template. Changing cfg
// afterwards has no effect.
func NewDestination(client *Client, cfg DestinationConfig) (*Destination, error) {
	var noClient error
	if client == nil {
		noClient = errors.New("the client is nil")
	}
	subjects, mistakes := cfg.compile()
	if err := errors.Join(noClient, mistakes); err != nil {
		return nil, fmt.Errorf("trengo: invalid destination: %w", err)
	}
	return &Destination{client: client, cfg: cfg, subjects: subjects, memory: newMemory(&cfg)}, nil
}

// An Action is what became of an event.
type Action string

// The actions.
const (
	ActionContactCreated   Action = "contact_created"
	ActionContactUpdated   Action = "contact_updated"
	ActionContactUnchanged Action = "contact_unchanged"
	ActionTicketCreated    Action = "ticket_created"
	ActionSkipped          Action = "skipped"
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
	// Duplicate says that the message was handled before: the rest of the
	// Result is what was done then, and nothing was sent now.
	Duplicate bool
}

// Process does what an event asks for and reports what was done:
//
//   - identify creates the person's contact, or updates its name if it
//     differs;
//   - track opens a ticket if the event is listed in
//     [DestinationConfig.EventTemplates];
//   - anything else, and an event whose integrations switch Trengo off, is
//     skipped without a request.
//
// The person is found by e-mail or phone, or named by trengoContactId in
// context.externalId; trengoChannelId there replaces [DestinationConfig.ChannelID].
//
// Events of one person are handled one at a time, in the order of the calls;
// those of different people at the same time. (An event by identifier and one
// that names the same contact never run together, but in no promised order.)
// An event that was handled before, by its messageId, is answered from memory.
// An event whose effect is not known ends with [ErrOutcomeUnknown]; call
// Process with it again, at best a minute later: it looks for the effect
// first. This needs a MessageID: without one, a second call is another event.
//
// The error is one of the sentinels for events, such as
// [ErrMissingIdentifier], or the [*Error] of the call that failed; see
// [Retryable] for whether another delivery is worth it. A Result beside an
// error has the ids that were known by then. Process does not change ev.
func (d *Destination) Process(ctx context.Context, ev *Event) (Result, error) {
	t := d.newTask(ev)
	t.join()
	defer t.leave()
	return t.run(ctx)
}

func (d *Destination) decide(ctx context.Context, j *job, w world) (Result, error) {
	if j.kind == typeIdentify {
		return d.identify(ctx, j, w)
	}
	return d.track(ctx, j, w)
}

// A world is where an event's contact is found and its writes go: the real
// one, or one in which nothing changes.
type world interface {
	// find returns the contact of the person, or nil. Of a contact that the
	// sender named, it may not know the name.
	find(ctx context.Context, j *job) (*Contact, error)
	// create returns a contact that may have been there already. Like find, it
	// may return it beside an error.
	create(ctx context.Context, j *job) (*Contact, error)
	rename(ctx context.Context, j *job, id int64) error
	openTicket(ctx context.Context, j *job, in TicketCreateParams) (id int64, err error)
}

func (d *Destination) identify(ctx context.Context, j *job, w world) (Result, error) {
	if j.named() || !d.cfg.AllowDuplicates {
		contact, err := w.find(ctx, j)
		if err != nil {
			return resultOf(contact), err
		}
		if contact != nil {
			return d.rename(ctx, j, contact, w)
		}
	}
	contact, err := w.create(ctx, j)
	if err != nil {
		return resultOf(contact), err
	}
	if j.name == "" || contact.Name == j.name {
		return Result{Action: ActionContactCreated, ContactID: contact.ID}, nil
	}
	// Trengo found a contact instead of creating one.
	if d.cfg.AllowDuplicates {
		return Result{Action: ActionContactUnchanged, ContactID: contact.ID}, nil
	}
	return d.rename(ctx, j, contact, w)
}

func (d *Destination) rename(ctx context.Context, j *job, contact *Contact, w world) (Result, error) {
	if j.name == "" || j.name == contact.Name {
		return Result{Action: ActionContactUnchanged, ContactID: contact.ID}, nil
	}
	if err := w.rename(ctx, j, contact.ID); err != nil {
		return Result{ContactID: contact.ID}, err
	}
	return Result{Action: ActionContactUpdated, ContactID: contact.ID}, nil
}

func (d *Destination) track(ctx context.Context, j *job, w world) (Result, error) {
	contact, err := d.findOrCreate(ctx, j, w)
	if err != nil {
		return resultOf(contact), err
	}
	ticketID, err := w.openTicket(ctx, j, TicketCreateParams{
		ContactID: contact.ID,
		ChannelID: j.channelID,
		Subject:   d.subjects[j.event.Event].render(j.event.Event, j.event.Properties),
	})
	if err != nil {
		return Result{ContactID: contact.ID}, err
	}
	return Result{Action: ActionTicketCreated, ContactID: contact.ID, TicketID: ticketID}, nil
}

func (d *Destination) findOrCreate(ctx context.Context, j *job, w world) (*Contact, error) {
	contact, err := w.find(ctx, j)
	switch {
	case err != nil || contact != nil:
		return contact, err
	case d.cfg.CreateMissingContacts:
		return w.create(ctx, j)
	default:
		return nil, ErrContactNotFound
	}
}

// resultOf is the result of an event that failed when its contact was known at
// the most.
func resultOf(contact *Contact) Result {
	if contact == nil {
		return Result{}
	}
	return Result{ContactID: contact.ID}
}
