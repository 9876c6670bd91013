package trengo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

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
// was lost, or an observer or a transport panicked. One that could not be
// remembered is made only by email: Trengo keeps those unique.
func (r *reconciler) attemptContact(ctx context.Context, op *operation) (*Contact, error) {
	full := r.memory.pendingContacts.full()
	if full && op.identifier.kind == IdentifierPhone {
		return nil, contactUnknown(op, ErrTooManyPending)
	}
	unknown := true
	defer func() {
		switch {
		case !unknown:
			r.memory.removePendingContact(op)
		case !full:
			r.memory.addPendingContact(op)
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
	for _, pending := range r.memory.pendingTicketsOf(in.ContactID, op.message) {
		id, err := r.reconcileTicket(ctx, &pending)
		if err != nil {
			return 0, ticketUnknown(&pending, &chainError{separator: ": ", errs: []error{ErrOutcomeUnknown, err}})
		}
		if id != 0 && pending.message != noMessage && pending.message == op.message {
			return id, nil
		}
	}
	if mark := r.memory.highWaterMark(); mark.ticketID > 0 {
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
	mark := r.memory.highWaterMark()
	if mark.ticketID == 0 {
		var listed bool
		if mark, listed = r.memory.listedTickets.Get(in.ContactID); !listed {
			var err error
			if mark, err = newestTicketOf(r.calls.readContext(ctx, 1), r.tickets, in.ContactID); err != nil {
				return 0, err
			}
			// If the ticket is refused, those that follow need not list again.
			r.memory.listedTickets.Put(in.ContactID, mark)
		}
	}
	return r.createTicketAbove(ctx, op, in, mark)
}

// createTicketAbove creates a ticket that is newer than mark.
func (r *reconciler) createTicketAbove(ctx context.Context, op *operation, in TicketCreateParams, mark highWater) (int64, error) {
	pending := pendingTicket{TicketCreateParams: in, message: op.message, event: op.event.Event, above: mark}
	if r.memory.pendingTickets.full() {
		return 0, ticketUnknown(&pending, ErrTooManyPending)
	}
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
			// Both may be a small part of a long text, which they would keep in memory.
			pending.Subject, pending.event = strings.Clone(pending.Subject), strings.Clone(pending.event)
			r.memory.pendingTickets.put(pending.ContactID, *pending)
		}
	}()
	ticket, err := r.tickets.Create(r.calls.writeContext(ctx), pending.TicketCreateParams)
	unknown = errors.Is(err, ErrOutcomeUnknown)
	if err != nil {
		return 0, err
	}
	r.memory.observeTicket(ticket)
	return ticket.ID, nil
}

// Why a look did not tell what became of a ticket.
var (
	errStillPending   = safeText("it may still appear, or several could be it")
	errTooManyTickets = safeText("the contact has too many tickets to scan: see Destination.Resolve")
)

func doubtfulTicketError(id int64) error {
	return safeText(fmt.Sprintf("ticket %d may be it, or one that the customer opened: see Destination.Resolve", id))
}

// reconcileTicket looks for a pending ticket. It returns the ticket's ID, 0 if
// it was never created, and an error as long as that is not known.
//
// One candidate is the ticket. Of several the newest is taken for it, as soon as
// the attempt can no longer add another one: at most one of them is the ticket,
// and which one does not matter as long as none is created any more and none of
// them is taken for another event's.
func (r *reconciler) reconcileTicket(ctx context.Context, pending *pendingTicket) (int64, error) {
	settling := pending.isSettling(time.Now())
	if pending.unsettled != nil {
		if settling || pending.likely == 0 {
			return 0, pending.unsettled
		}
		return r.settleTicket(pending, pending.likely), nil
	}
	found, err := findCandidates(r.calls.readContext(ctx, 1), r.tickets, pending, r.memory.highWaterMark().userID)
	if err != nil {
		return 0, err
	}
	switch {
	case !found.complete:
		// Tickets do not become fewer.
		return 0, r.giveUp(pending, found.newestID, errTooManyTickets)
	case found.newestID != 0 && (!found.several || !settling):
		r.memory.observeTicket(&Ticket{ID: found.highestID})
		return r.settleTicket(pending, found.newestID), nil
	case settling:
		return 0, errStillPending
	case found.doubtfulID != 0:
		return 0, r.giveUp(pending, 0, doubtfulTicketError(found.doubtfulID))
	}
	r.memory.pendingTickets.remove(pending.ContactID)
	return 0, nil
}

// giveUp notes that no further look can settle what became of a pending ticket.
func (r *reconciler) giveUp(pending *pendingTicket, likely int64, why error) error {
	pending.unsettled, pending.likely = why, likely
	r.memory.pendingTickets.update(pending.ContactID, *pending)
	return why
}

// settleTicket notes which ticket a pending one is.
func (r *reconciler) settleTicket(pending *pendingTicket, id int64) int64 {
	r.memory.observeTicket(&Ticket{ID: id})
	r.memory.rememberResult(pending.message, Result{Action: ActionTicketCreated, ContactID: pending.ContactID, TicketID: id})
	r.memory.pendingTickets.remove(pending.ContactID)
	return id
}

func ticketUnknown(pending *pendingTicket, err error) error {
	op := fmt.Sprintf("ticket of contact %d on channel %d for the event %q", pending.ContactID, pending.ChannelID, pending.event)
	return &opError{op: op, err: err}
}
