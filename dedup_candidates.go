package trengo

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"time"
)

const (
	// maxScanned limits how many tickets of a contact are scanned, in pages of
	// maxTicketsPerPage.
	maxScanned = 1000
	// maxJudged limits how many tickets of a scan cost a request of their own,
	// for their messages, and maxMessages how many messages of one are read.
	maxJudged   = 10
	maxMessages = 300

	// filterMargin covers that it is not known in which zone Trengo reads a
	// date, and in which one it wrote that of a ticket.
	filterMargin = 24 * time.Hour
	// clockFold is by how much Trengo's local time goes back in autumn.
	clockFold = time.Hour
	// openingTime is how long after a ticket the message with which it was
	// opened is stored.
	openingTime = 5 * time.Second
)

// A ticketScan reads a contact's tickets, newest activity first.
type ticketScan struct {
	tickets   *TicketsService
	contactID int64
	// above leaves out what cannot be newer than that ticket.
	above highWater
}

// run calls f with the tickets. It reports whether it read all that can be new.
func (s *ticketScan) run(ctx context.Context, f func(*Ticket)) (complete bool, err error) {
	options := TicketListOptions{ContactID: s.contactID, PerPage: maxTicketsPerPage}
	if !s.above.createdAt.IsZero() {
		options.UpdatedAfter = s.above.createdAt.Add(-filterMargin)
	}
	scanned := 0
	var end scanEnd
	for ticket, err := range s.tickets.List(ctx, options) {
		if err != nil {
			return false, err
		}
		if scanned == maxScanned {
			return false, nil
		}
		if ticket.ContactID == s.contactID {
			f(ticket)
		}
		end.observe(ticket, s.above.ticketID)
		if scanned++; scanned%maxTicketsPerPage == 0 && end.reached {
			return true, nil
		}
	}
	return true, nil
}

// A scanEnd recognizes where in a list no newer ticket can follow. IDs rise, so a
// ticket above the high-water mark was created, and so had its last activity,
// after all tickets below it were created. The list is by activity. It compares
// Trengo's dates with each other only, because their zone is not known.
type scanEnd struct {
	newestOld time.Time // when the newest ticket below the mark was created
	reached   bool
}

func (e *scanEnd) observe(t *Ticket, highWaterID int64) {
	if created := t.CreatedAt.timeOrZero(); t.ID <= highWaterID && created.After(e.newestOld) {
		e.newestOld = created
	}
	// Whichever date the list is sorted by: without this one, it is not known.
	last := t.UpdatedAt.timeOrZero()
	if last.IsZero() {
		return
	}
	for _, date := range [...]Timestamp{t.CreatedAt, t.LatestMessageAt} {
		if at := date.timeOrZero(); at.After(last) {
			last = at
		}
	}
	if last.Before(e.newestOld.Add(-clockFold)) {
		e.reached = true
	}
}

// newestTicketOf returns the mark above which the contact's next ticket will be.
func newestTicketOf(ctx context.Context, tickets *TicketsService, contactID int64) (highWater, error) {
	var mark highWater
	scan := ticketScan{tickets: tickets, contactID: contactID, above: highWater{ticketID: math.MaxInt64}}
	// Of a contact with too many tickets, the newest is among the first.
	_, err := scan.run(ctx, mark.raise)
	return mark, err
}

// candidates are the tickets that can be a pending one.
type candidates struct {
	complete bool  // the list was read to its end
	newestID int64 // zero if there is none
	several  bool
	// doubtfulID is a ticket that may be the pending one, but may as well have
	// been opened by the customer.
	doubtfulID int64
	highestID  int64 // of all tickets that were looked at more closely
}

// findCandidates looks at the contact's new tickets.
func findCandidates(ctx context.Context, tickets *TicketsService, pending *pendingTicket, userID int64) (candidates, error) {
	var possible []*Ticket
	scan := ticketScan{tickets: tickets, contactID: pending.ContactID, above: pending.above}
	complete, err := scan.run(ctx, func(t *Ticket) {
		// A list repeats a ticket if others were moved before it meanwhile.
		known := slices.ContainsFunc(possible, func(other *Ticket) bool { return other.ID == t.ID })
		if _, ok := pending.couldBe(t); ok && !known {
			possible = append(possible, t)
		}
	})
	if err != nil {
		return candidates{}, err
	}
	found := candidates{complete: complete}
	judge := ticketJudge{tickets: tickets, pending: pending, userID: userID}
	for _, ticket := range possible {
		found.highestID = max(found.highestID, ticket.ID)
		verdict, err := judge.of(ctx, ticket)
		if err != nil {
			return candidates{}, err
		}
		switch verdict {
		case isCandidate:
			found.several = found.newestID != 0 // this is another one
			found.newestID = max(found.newestID, ticket.ID)
		case isDoubtful:
			found.doubtfulID = ticket.ID
		case isUnrelated:
		}
	}
	return found, nil
}

// A verdict says whether a ticket can be a pending one.
type verdict int

const (
	isUnrelated verdict = iota
	isDoubtful
	isCandidate
)

// A ticketJudge tells by the messages of a ticket whether it is one that was
// created without any, as a destination creates them, or one that a message
// opened.
type ticketJudge struct {
	tickets *TicketsService
	pending *pendingTicket
	userID  int64 // to whom Trengo assigns new tickets; zero if not known
	judged  int   // tickets whose messages were read
}

func (j *ticketJudge) of(ctx context.Context, t *Ticket) (verdict, error) {
	first, err := j.firstMessage(ctx, t)
	switch {
	case errors.Is(err, errTooManyMessages):
		return isDoubtful, nil
	case err != nil:
		return isUnrelated, err
	case first == nil:
		return isCandidate, nil
	}
	named, _ := j.pending.couldBe(t)
	opened := first.CreatedAt.isNear(t.CreatedAt, openingTime)
	switch {
	case strings.EqualFold(first.Type, messageNote): // which opens no ticket
		return isCandidate, nil
	case strings.EqualFold(first.Type, messageOutbound) && (named || !opened):
		return isCandidate, nil
	case opened && !j.assignedWhenCreated(t):
		return isUnrelated, nil
	default:
		return isDoubtful, nil
	}
}

// assignedWhenCreated reports whether t was assigned like a ticket of this
// destination. One that a message opened is so only by a rule of the workspace.
func (j *ticketJudge) assignedWhenCreated(t *Ticket) bool {
	return (j.userID == 0 || t.UserID == j.userID) && t.AssignedAt.isNear(t.CreatedAt, openingTime)
}

const (
	messageInbound  = "INBOUND"
	messageOutbound = "OUTBOUND"
	messageNote     = "NOTE"
)

var errTooManyMessages = safeText("the ticket has too many messages to read")

// firstMessage returns the oldest message of a ticket, or nil if it has none. It
// sends requests only if the list does not tell.
func (j *ticketJudge) firstMessage(ctx context.Context, t *Ticket) (*LatestMessage, error) {
	latest := t.LatestMessage
	switch {
	case t.MessagesCount == 0 && latest == nil && t.LatestMessageAt == "" && t.LatestReceivedMessageAt == "":
		return nil, nil
	case t.MessagesCount == 1 && latest != nil && latest.ID != 0 && latest.Type != "" && latest.CreatedAt != "":
		return latest, nil
	}
	if j.judged++; j.judged > maxJudged {
		return nil, errTooManyMessages
	}
	read := 0
	var first *LatestMessage
	for message, err := range j.tickets.messages(ctx, t.ID) {
		if err != nil {
			return nil, err
		}
		if read++; read > maxMessages {
			return nil, errTooManyMessages
		}
		switch strings.ToUpper(message.Type) {
		case messageInbound, messageOutbound, messageNote:
			if first == nil || message.ID < first.ID {
				first = message
			}
		}
	}
	return first, nil
}
