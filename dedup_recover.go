package trengo

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// reconcileAfter is how long to wait before a missing result is taken as proof that
// a write failed: until then Trengo may still be working on it, or its search
// may not show it yet.
const reconcileAfter = time.Minute

// A reconciler creates the contacts and tickets of one operation. If an attempt
// may have taken effect, it looks for the result instead of repeating it.
type reconciler struct {
	contacts *ContactsService
	tickets  *TicketsService
	lookup   contactLookup
	memory   *memory
	calls    *callSequence
}

// createContactOnce creates the person's contact, or returns the one that an
// attempt of this call created.
func (r *reconciler) createContactOnce(ctx context.Context, op *operation) (*Contact, error) {
	contact, err := r.attemptContact(ctx, op)
	if !errors.Is(err, ErrOutcomeUnknown) {
		return contact, err
	}
	op.identifier.alias = r.memory.aliasOf(op)
	found, lookupErr := r.lookup.find(r.calls.readContext(ctx, 0), op)
	if lookupErr != nil || found == nil {
		return nil, contactUnknown(op, err)
	}
	r.memory.removePendingContact(op)
	return found, nil
}

// attemptContact remembers an attempt whose outcome is unknown: its response
// was lost, or an observer or a transport panicked.
func (r *reconciler) attemptContact(ctx context.Context, op *operation) (*Contact, error) {
	unknown := true
	defer func() {
		if unknown {
			r.memory.addPendingContact(op)
		} else {
			r.memory.removePendingContact(op)
		}
	}()
	contact, err := r.contacts.Create(r.calls.writeContext(ctx), op.contactParams())
	unknown = errors.Is(err, ErrOutcomeUnknown)
	return contact, err
}

// contactMayAppear reports whether an earlier attempt may yet create the
// person's contact, although the search at that time did not find it.
func (r *reconciler) contactMayAppear(op *operation, searchedAt time.Time) bool {
	ended, pending := r.memory.pendingContact(op.person)
	return pending && searchedAt.Sub(ended) < reconcileAfter
}

func contactUnknown(op *operation, err error) error {
	return &opError{op: fmt.Sprintf("contact on channel %d", op.channelID), err: err}
}

// createTicketOnce creates a ticket, unless an earlier attempt may have done so.
func (r *reconciler) createTicketOnce(ctx context.Context, op *operation, in TicketCreateParams) (int64, error) {
	if pending, ok := r.memory.pendingTicket(in.ContactID); ok {
		id, err := r.reconcileTicket(ctx, &pending)
		if err != nil {
			return 0, ticketUnknown(&pending, &chainError{separator: ": ", errs: []error{ErrOutcomeUnknown, err}})
		}
		if id != 0 && pending.message != noMessage && pending.message == op.message {
			return id, nil
		}
	}
	if mark := r.memory.highWaterMark(); mark > 0 {
		return r.createTicketAbove(ctx, op, in, mark)
	}
	return r.createFirstTicket(ctx, op, in)
}

// createFirstTicket creates a ticket in a process that has not created any.
// Should the response be lost, the IDs of the contact's existing tickets tell
// them from the new one. Other tickets wait, because they will not need to list
// anything. They wait for one attempt only: if that fails, each lists for
// itself.
func (r *reconciler) createFirstTicket(ctx context.Context, op *operation, in TicketCreateParams) (int64, error) {
	reservation := r.memory.firstTicket.Reserve(struct{}{})
	defer reservation.Release()
	if err := reservation.Wait(ctx); err != nil {
		return 0, &opError{op: "waiting for the first ticket", err: err}
	}
	if !reservation.Immediate() {
		reservation.Release()
	}
	if mark := r.memory.highWaterMark(); mark > 0 {
		return r.createTicketAbove(ctx, op, in, mark)
	}
	highestID, listed := r.memory.listedTickets.Get(in.ContactID)
	if !listed {
		err := r.scanTickets(ctx, in.ContactID, func(t *Ticket) { highestID = max(highestID, t.ID) })
		// A contact with too many tickets cannot be reconciled anyway.
		if err != nil && !errors.Is(err, errTooManyTickets) {
			return 0, err
		}
		// If the ticket is refused, those that follow need not list again.
		r.memory.listedTickets.Put(in.ContactID, highestID)
	}
	return r.createTicketAbove(ctx, op, in, highestID)
}

// createTicketAbove creates a ticket whose ID is above that of all existing
// tickets of the contact.
func (r *reconciler) createTicketAbove(ctx context.Context, op *operation, in TicketCreateParams, highestID int64) (int64, error) {
	pending := pendingTicket{TicketCreateParams: in, message: op.message, event: op.event.Event, minID: highestID + 1}
	ticketID, err := r.attemptTicket(ctx, &pending)
	if !errors.Is(err, ErrOutcomeUnknown) {
		return ticketID, err
	}
	id, lookupErr := r.reconcileTicket(ctx, &pending)
	switch {
	case id != 0:
		return id, nil
	case lookupErr == nil || errors.Is(lookupErr, errStillPending):
		return 0, ticketUnknown(&pending, err)
	default:
		return 0, ticketUnknown(&pending, &chainError{separator: "; looking for it: ", errs: []error{err, lookupErr}})
	}
}

// attemptTicket remembers an attempt whose outcome is unknown, as
// attemptContact does.
func (r *reconciler) attemptTicket(ctx context.Context, pending *pendingTicket) (int64, error) {
	unknown := true
	defer func() {
		if unknown {
			pending.ended = time.Now()
			r.memory.addPendingTicket(*pending)
		}
	}()
	ticket, err := r.tickets.Create(r.calls.writeContext(ctx), pending.TicketCreateParams)
	unknown = errors.Is(err, ErrOutcomeUnknown)
	if err != nil {
		return 0, err
	}
	r.memory.observeTicketID(ticket.ID)
	return ticket.ID, nil
}

// errStillPending is why a scan did not tell what became of a ticket.
var errStillPending = safeText("it may still appear, or several could be it")

// reconcileTicket looks for a pending ticket. It returns the ticket's ID, 0 if
// it was never created, and an error as long as that is not known.
func (r *reconciler) reconcileTicket(ctx context.Context, pending *pendingTicket) (int64, error) {
	started := time.Now()
	var found []int64
	err := r.scanTickets(ctx, pending.ContactID, func(t *Ticket) {
		if pending.matches(t) {
			found = append(found, t.ID)
		}
	})
	switch {
	case err != nil:
		return 0, err
	case len(found) > 1, len(found) == 0 && started.Sub(pending.ended) < reconcileAfter:
		return 0, errStillPending
	case len(found) == 0:
		r.memory.removePendingTicket(pending.ContactID)
		return 0, nil
	}
	id := found[0]
	r.memory.observeTicketID(id)
	r.memory.rememberResult(pending.message, Result{Action: ActionTicketCreated, ContactID: pending.ContactID, TicketID: id})
	r.memory.removePendingTicket(pending.ContactID)
	return id, nil
}

func ticketUnknown(pending *pendingTicket, err error) error {
	op := fmt.Sprintf("ticket of contact %d on channel %d for the event %q", pending.ContactID, pending.ChannelID, pending.event)
	return &opError{op: op, err: err}
}

// maxScanned limits how many tickets of a contact are scanned, and scanPageSize
// is how many of them a request returns.
const (
	maxScanned   = 1000
	scanPageSize = 100
)

var errTooManyTickets = safeText("the contact has too many tickets to scan")

// scanTickets calls f with all tickets of a contact.
func (r *reconciler) scanTickets(ctx context.Context, contactID int64, f func(*Ticket)) error {
	scanned := 0
	options := TicketListOptions{ContactID: contactID, PerPage: scanPageSize}
	for ticket, err := range r.tickets.List(r.calls.readContext(ctx, 1), options) {
		if err != nil {
			return err
		}
		if scanned++; scanned > maxScanned {
			return errTooManyTickets
		}
		if ticket.ContactID == contactID {
			f(ticket)
		}
	}
	return nil
}
