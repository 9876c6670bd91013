package trengo

import "context"

// rules decide what an operation does. They know nothing of caches, locks or
// requests: a backend carries out what they decide.
type rules struct {
	allowDuplicates       bool
	createMissingContacts bool
	templates             *eventTemplates
}

// A backend is where the contact of an operation is found and its writes go: a
// session, which sends them, or a dryRun, which only records them.
type backend interface {
	// findContact returns the contact of the person, or nil. It may not know
	// the name of a contact that the sender named, and may return a contact
	// with an error.
	findContact(ctx context.Context, op *operation) (*knownContact, error)
	// createContact returns a contact that may have existed before. Like
	// findContact, it may return a contact with an error.
	createContact(ctx context.Context, op *operation) (*knownContact, error)
	renameContact(ctx context.Context, op *operation, contactID int64) error
	createTicket(ctx context.Context, op *operation, in TicketCreateParams) (ticketID int64, err error)
}

func (r *rules) apply(ctx context.Context, op *operation, b backend) (Result, error) {
	if op.eventType == typeIdentify {
		return r.handleIdentify(ctx, op, b)
	}
	return r.handleTrack(ctx, op, b)
}

func (r *rules) handleIdentify(ctx context.Context, op *operation, b backend) (Result, error) {
	if op.mustExist() || !r.allowDuplicates {
		contact, err := b.findContact(ctx, op)
		if err != nil {
			return contactResult(contact), err
		}
		if contact != nil {
			return r.updateName(ctx, op, contact, b)
		}
	}
	contact, err := b.createContact(ctx, op)
	if err != nil {
		return contactResult(contact), err
	}
	if op.name == "" || contact.name.is(op.name) {
		return Result{Action: ActionContactCreated, ContactID: contact.id}, nil
	}
	// Trengo returned an existing contact instead of creating one.
	if r.allowDuplicates {
		return Result{Action: ActionContactUnchanged, ContactID: contact.id}, nil
	}
	return r.updateName(ctx, op, contact, b)
}

func (r *rules) updateName(ctx context.Context, op *operation, contact *knownContact, b backend) (Result, error) {
	if !contact.name.isReplacedBy(op) {
		return Result{Action: ActionContactUnchanged, ContactID: contact.id}, nil
	}
	if err := b.renameContact(ctx, op, contact.id); err != nil {
		return Result{ContactID: contact.id}, err
	}
	return Result{Action: ActionContactUpdated, ContactID: contact.id}, nil
}

func (r *rules) handleTrack(ctx context.Context, op *operation, b backend) (Result, error) {
	contact, err := r.ticketContact(ctx, op, b)
	if err != nil {
		return contactResult(contact), err
	}
	ticketID, err := b.createTicket(ctx, op, TicketCreateParams{
		ContactID: contact.id,
		ChannelID: op.channelID,
		Subject:   r.templates.subject(op.event),
	})
	if err != nil {
		return Result{ContactID: contact.id}, err
	}
	return Result{Action: ActionTicketCreated, ContactID: contact.id, TicketID: ticketID}, nil
}

// ticketContact returns the contact for which a track event opens a ticket.
func (r *rules) ticketContact(ctx context.Context, op *operation, b backend) (*knownContact, error) {
	contact, err := b.findContact(ctx, op)
	switch {
	case err != nil || contact != nil:
		return contact, err
	case r.createMissingContacts:
		return b.createContact(ctx, op)
	default:
		return nil, ErrContactNotFound
	}
}

// maxWrites is how many writes an operation can need whose contact is still to
// be found.
func (r *rules) maxWrites(op *operation) int {
	if op.eventType == typeTrack && r.createMissingContacts {
		return 2
	}
	return 1
}

// contactResult is the result of an event that failed when at most its contact
// was known.
func contactResult(contact *knownContact) Result {
	if contact == nil {
		return Result{}
	}
	return Result{ContactID: contact.id}
}
