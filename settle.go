package trengo

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// settleAfter is how long after an attempt ended that nothing is to be seen
// of its effect is believed: until then the server may still be at work, or
// its search behind.
const settleAfter = time.Minute

// createOnce creates the person's contact. An attempt whose outcome is unknown
// it settles by looking. Who allows duplicates has chosen to create again.
func (v *visit) createOnce(ctx context.Context, j *job) (*Contact, error) {
	if v.destination.cfg.AllowDuplicates {
		v.searchedAt = time.Now()
		return v.destination.client.Contacts.Create(v.writing(ctx), j.newContact())
	}
	contact, err := v.attemptContact(ctx, j)
	if !errors.Is(err, ErrOutcomeUnknown) {
		return contact, err
	}
	found, lookErr := v.destination.search(v.looking(ctx, 0), j)
	if lookErr != nil || found == nil {
		return nil, unknownContact(j, err)
	}
	v.memory.lostContacts.drop(j.person())
	return found, nil
}

// attemptContact remembers an attempt whose outcome is unknown: because its
// answer was lost, or because an observer or a transport panicked.
func (v *visit) attemptContact(ctx context.Context, j *job) (*Contact, error) {
	unknown := true
	defer func() {
		if unknown {
			v.memory.lostContacts.put(j.person(), time.Now())
		} else {
			v.memory.lostContacts.drop(j.person())
		}
	}()
	contact, err := v.destination.client.Contacts.Create(v.writing(ctx), j.newContact())
	unknown = errors.Is(err, ErrOutcomeUnknown)
	return contact, err
}

// undecided reports whether the person's contact may yet appear, although a
// search did not find it.
func (v *visit) undecided(j *job) bool {
	ended, lost := v.memory.lostContacts.get(j.person())
	return lost && v.searchedAt.Sub(ended) < settleAfter
}

func unknownContact(j *job, err error) error {
	return &placedError{place: fmt.Sprintf("contact on channel %d", j.channelID), err: err}
}

// A lostTicket is a ticket of which it is not known whether it was created.
type lostTicket struct {
	TicketCreateParams
	message messageKey
	event   string
	// above is the highest id that the contact's older tickets can have.
	above int64
	ended time.Time
}

// openTicket creates a ticket, unless an earlier attempt may have done so.
func (v *visit) openTicket(ctx context.Context, j *job, in TicketCreateParams) (int64, error) {
	if v.place != nil && !v.place.Free() {
		// Another event of the contact may have found this one's ticket.
		if before, ok := v.memory.handledBefore(j.message()); ok {
			return before.TicketID, nil
		}
	}
	if lost, ok := v.memory.lostTickets.get(in.ContactID); ok {
		id, err := v.settle(ctx, lost)
		if err != nil {
			return 0, lost.unknown(fmt.Errorf("%w: %w", ErrOutcomeUnknown, err))
		}
		if id != 0 && lost.message == j.message() && lost.message.messageID != "" {
			return id, nil
		}
	}
	if newest := v.memory.newest(); newest > 0 {
		return v.createTicket(ctx, j, in, newest)
	}
	return v.createFirstTicket(ctx, j, in)
}

// createFirstTicket creates a ticket in a process that has made none yet. The
// ids of the contact's tickets tell the old ones from the new one, should its
// answer be lost; the other tickets wait, because they will need no listing.
// They wait for one only: if that fails, each lists for itself.
func (v *visit) createFirstTicket(ctx context.Context, j *job, in TicketCreateParams) (int64, error) {
	place := v.memory.firstTicket.Join(struct{}{})
	defer place.Leave()
	if err := place.Wait(ctx); err != nil {
		return 0, &placedError{place: "waiting for the first ticket", err: err}
	}
	if !place.Free() {
		place.Leave()
	}
	if newest := v.memory.newest(); newest > 0 {
		return v.createTicket(ctx, j, in, newest)
	}
	var highest int64
	err := v.eachTicket(ctx, in.ContactID, func(t *Ticket) { highest = max(highest, t.ID) })
	// Of a contact with too many tickets settle believes nothing anyway.
	if err != nil && !errors.Is(err, errTooManyTickets) {
		return 0, err
	}
	return v.createTicket(ctx, j, in, highest)
}

func (v *visit) createTicket(ctx context.Context, j *job, in TicketCreateParams, above int64) (int64, error) {
	lost := lostTicket{TicketCreateParams: in, message: j.message(), event: j.event.Event, above: above}
	ticketID, err := v.attemptTicket(ctx, &lost)
	if !errors.Is(err, ErrOutcomeUnknown) {
		return ticketID, err
	}
	id, lookErr := v.settle(ctx, lost)
	switch {
	case id != 0:
		return id, nil
	case lookErr == nil || errors.Is(lookErr, errUndecided):
		return 0, lost.unknown(err)
	default:
		return 0, lost.unknown(fmt.Errorf("%w; looking for it: %w", err, lookErr))
	}
}

// attemptTicket remembers an attempt whose outcome is unknown, as
// attemptContact does.
func (v *visit) attemptTicket(ctx context.Context, lost *lostTicket) (int64, error) {
	unknown := true
	defer func() {
		if unknown {
			lost.ended = time.Now()
			v.memory.lostTickets.put(lost.ContactID, *lost)
		}
	}()
	ticket, err := v.destination.client.Tickets.Create(v.writing(ctx), lost.TicketCreateParams)
	unknown = errors.Is(err, ErrOutcomeUnknown)
	if err != nil {
		return 0, err
	}
	v.memory.seeTicket(ticket.ID)
	return ticket.ID, nil
}

// errUndecided is why a look did not settle what became of a ticket.
var errUndecided = ownError("it may still appear, or several could be it")

// settle looks for a lost ticket: its id if there is one, 0 if it was never
// created, and an error as long as that is not known.
func (v *visit) settle(ctx context.Context, lost lostTicket) (int64, error) {
	began := time.Now()
	var found []int64
	err := v.eachTicket(ctx, lost.ContactID, func(t *Ticket) {
		if lost.is(t) {
			found = append(found, t.ID)
		}
	})
	switch {
	case err != nil:
		return 0, err
	case len(found) > 1, len(found) == 0 && began.Sub(lost.ended) < settleAfter:
		return 0, errUndecided
	case len(found) == 0:
		v.memory.lostTickets.drop(lost.ContactID)
		return 0, nil
	}
	id := found[0]
	v.memory.seeTicket(id)
	v.memory.handle(lost.message, Result{Action: ActionTicketCreated, ContactID: lost.ContactID, TicketID: id})
	v.memory.lostTickets.drop(lost.ContactID)
	return id, nil
}

// is reports whether t can be the lost ticket. Without a subject to go by it
// must at least be without a message: a ticket that the contact opened has
// one.
func (l lostTicket) is(t *Ticket) bool {
	if t.ID <= l.above || t.onChannel() != l.ChannelID || t.Subject != l.Subject {
		return false
	}
	return l.Subject != "" || t.MessagesCount == 0 && t.LatestMessage == nil
}

func (l lostTicket) unknown(err error) error {
	place := fmt.Sprintf("ticket of contact %d on channel %d for the event %q", l.ContactID, l.ChannelID, l.event)
	return &placedError{place: place, err: err}
}

// maxLookedAt bounds how many tickets of a contact are looked at, and
// lookPage is how many a request brings.
const (
	maxLookedAt = 1000
	lookPage    = 100
)

var errTooManyTickets = ownError("the contact has too many tickets to look through")

// eachTicket calls f with all tickets of a contact.
func (v *visit) eachTicket(ctx context.Context, contactID int64, f func(*Ticket)) error {
	looked := 0
	options := TicketListOptions{ContactID: contactID, PerPage: lookPage}
	for ticket, err := range v.destination.client.Tickets.List(v.looking(ctx, 1), options) {
		if err != nil {
			return err
		}
		if looked++; looked > maxLookedAt {
			return errTooManyTickets
		}
		if ticket.ContactID == contactID {
			f(ticket)
		}
	}
	return nil
}
