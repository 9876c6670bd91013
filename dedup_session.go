package trengo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/trengo-go/trengo/internal/keyqueue"
)

// A session is the backend that sends: the work of one operation at Trengo. It
// locks the contact as soon as that is known, so that no other operation of the
// contact runs meanwhile.
type session struct {
	contacts        *ContactsService
	memory          *memory
	lookup          contactLookup
	allowDuplicates bool
	maxWrites       int // that can follow a search
	calls           callSequence
	reconciler      reconciler
	key             contactKey // under which the contact is remembered

	lock       *keyqueue.Reservation[personKey] // of the contact; nil: not locked
	lockedID   int64
	searchedAt time.Time
	fromMemory bool  // the contact was remembered
	staleID    int64 // of a remembered contact that no longer exists
}

// release unlocks the contact.
func (s *session) release() {
	if s.lock != nil {
		s.lock.Release()
		s.lock, s.lockedID = nil, 0
	}
}

// lockContact waits until no other operation of the contact runs.
func (s *session) lockContact(ctx context.Context, contactID int64) error {
	s.release()
	s.lock, s.lockedID = s.memory.people.Reserve(contactPersonKey(contactID)), contactID
	return waitForPerson(ctx, s.lock.Wait)
}

func waitForPerson(ctx context.Context, wait func(context.Context) error) error {
	if err := wait(ctx); err != nil {
		return &opError{op: "waiting for another event of the same person", err: err}
	}
	return nil
}

// foundStale reports whether an operation failed because its contact, which was
// remembered, was deleted or merged since.
func (s *session) foundStale(err error) bool {
	if !s.fromMemory || !isContactMissing(err) {
		return false
	}
	_, confirmed := s.memory.confirmed.Get(s.lockedID)
	return !confirmed
}

// isContactMissing reports whether Trengo rejected a write as it does when the
// contact does not exist: an update as not found, a ticket as unprocessable. If
// Trengo names the fields that it rejects, the contact is among them.
func isContactMissing(err error) bool {
	var failed *Error
	if errors.Is(err, ErrOutcomeUnknown) || !errors.As(err, &failed) || failed.turnedAway {
		return false
	}
	switch failed.StatusCode {
	case http.StatusNotFound:
		return true
	case http.StatusUnprocessableEntity:
		_, named := failed.Fields["contact_id"]
		return named || len(failed.Fields) == 0
	}
	return false
}

// forgetStale prepares the session for finding the contact again.
func (s *session) forgetStale() {
	s.staleID, s.fromMemory = s.lockedID, false
	s.memory.forgetContact(s.key)
	s.memory.rememberName(s.lockedID, unknownName)
	s.release()
}

// errSameContact ends a second search that finds the contact of the first.
var errSameContact = safeText("the contact is the one that was remembered")

func (s *session) findContact(ctx context.Context, op *operation) (*knownContact, error) {
	if op.namesContact() {
		// The operation waited for this contact before it began.
		return s.memory.rememberedContact(op.contactID), nil
	}
	if op.hasOnlyUserID() {
		return s.findContactOfUser(ctx, op)
	}
	if _, id, why := s.memory.contactOf(op); why == "" {
		s.fromMemory = true
		err := s.lockContact(ctx, id)
		return s.memory.rememberedContact(id), err
	}
	s.searchedAt = time.Now()
	contact, err := s.lookup.find(s.calls.readContext(ctx, s.maxWrites), op)
	switch {
	case err != nil:
		return nil, err
	case contact == nil && s.reconciler.contactMayAppear(op, s.searchedAt):
		return nil, contactUnknown(op, ErrOutcomeUnknown)
	case contact == nil:
		return nil, nil
	case contact.ID == s.staleID:
		s.memory.confirmed.Put(contact.ID, struct{}{})
		return nil, errSameContact
	}
	s.memory.removePendingContact(op)
	return s.adopt(ctx, op, contact)
}

// findContactOfUser returns the contact that the memory has for a user ID. Events
// with other user IDs may change the memory until the contact is locked.
func (s *session) findContactOfUser(ctx context.Context, op *operation) (*knownContact, error) {
	for {
		key, id, why := s.memory.contactOf(op)
		switch {
		case why != "" && s.staleID != 0 && key == s.key:
			return s.readStale(ctx, op)
		case why != "":
			if ended, pending := s.memory.pendingContact(key.person); pending && time.Since(ended) < reconcileAfter {
				return nil, contactUnknown(op, ErrOutcomeUnknown)
			}
			if pending, ok := s.memory.pendingTicketOf(op.message); ok {
				// The next ticket of that contact shows what became of it.
				return nil, ticketUnknown(&pending, ErrOutcomeUnknown)
			}
			return nil, op.userNotFound(why)
		case id == s.staleID:
			return nil, errSameContact
		case id == s.lockedID:
			s.key = key
			return s.memory.rememberedContact(id), nil
		}
		s.fromMemory = true
		if err := s.lockContact(ctx, id); err != nil {
			return s.memory.rememberedContact(id), err
		}
	}
}

// readStale reads the contact of a user ID that seems to be gone: it cannot be
// searched for.
func (s *session) readStale(ctx context.Context, op *operation) (*knownContact, error) {
	contact, err := s.contacts.Get(s.calls.readContext(ctx, s.maxWrites), s.staleID)
	switch {
	case errors.Is(err, ErrNotFound), err == nil && (op.identifier.textOf(contact) == "" || s.isOfAnother(op, contact)):
		return nil, op.userNotFound("the contact of its user ID is gone")
	case err != nil:
		return nil, err
	}
	s.memory.rememberContact(s.key, contact.ID)
	return nil, errSameContact
}

// isOfAnother reports whether a contact visibly belongs to another person. Of the
// person of a user ID only the key is known.
func (s *session) isOfAnother(op *operation, c *Contact) bool {
	text := op.identifier.textOf(c)
	if text == "" || op.identifier.is(text) {
		return false
	}
	found := newContactIdentifier(op.identifier.kind, text)
	return found.personKey() != s.key.person && found.key != s.memory.alias(s.key.person)
}

// adopt remembers and locks a contact that was just read. An event that named
// the contact may have changed its name since.
func (s *session) adopt(ctx context.Context, op *operation, contact *Contact) (*knownContact, error) {
	known := newKnownContact(contact, op.identifier)
	// Before anything can end the event: a search may not show the contact yet.
	s.memory.rememberContact(s.key, known.id)
	s.memory.rememberAlias(op)
	if err := s.lockContact(ctx, known.id); err != nil {
		return known, err
	}
	if name, readAt := s.memory.nameOf(known.id); !readAt.Before(s.searchedAt) {
		known.name = name
		return known, nil
	}
	s.memory.rememberName(known.id, known.name)
	return known, nil
}

func (s *session) createContact(ctx context.Context, op *operation) (*knownContact, error) {
	if id, ok := s.memory.rewrittenContact(op); ok {
		return nil, contactRefused(op, id)
	}
	contact, err := s.createOrReconcile(ctx, op)
	if err != nil {
		return nil, err
	}
	if op.identifier.contradicts(contact) {
		alias, ok := op.identifier.aliasIn(contact)
		if !ok {
			s.memory.rememberRewritten(op, contact.ID)
			return nil, contactRefused(op, contact.ID)
		}
		op.identifier.alias = alias
	}
	return s.adopt(ctx, op, contact)
}

// contactRefused is the error of a contact that creating the person's returned,
// although it has another email or phone number.
func contactRefused(op *operation, contactID int64) error {
	return &opError{
		op:  fmt.Sprintf("creating a contact on channel %d returned one with another %s", op.channelID, op.identifier.noun()),
		err: &AmbiguousContactError{ContactIDs: []int64{contactID}},
	}
}

func (s *session) createOrReconcile(ctx context.Context, op *operation) (*Contact, error) {
	if s.allowDuplicates {
		// The user chose to create again rather than to look.
		s.searchedAt = time.Now()
		return s.contacts.Create(s.calls.writeContext(ctx), op.contactParams())
	}
	return s.reconciler.createContactOnce(ctx, op)
}

func (s *session) renameContact(ctx context.Context, op *operation, contactID int64) error {
	contact, err := s.contacts.Update(s.calls.writeContext(ctx), contactID, ContactUpdateParams{Name: op.name})
	if err != nil {
		s.memory.rememberName(contactID, unknownName)
		return err
	}
	// The name that was sent, not what Trengo made of it: the person's next
	// event will ask for the same.
	s.memory.rememberName(contactID, newContactName(op.name, contact, op.identifier))
	switch {
	case op.namesContact():
	case s.isOfAnother(op, contact):
		// Somebody has changed the contact since it was read.
		s.memory.forgetContact(s.key)
	case op.identifier.textOf(contact) != "":
		s.memory.rememberContact(s.key, contactID)
	}
	return nil
}

func (s *session) createTicket(ctx context.Context, op *operation, in TicketCreateParams) (int64, error) {
	if s.lock != nil && !s.lock.Immediate() {
		// Another operation of the contact may have found this one's ticket.
		if earlier, ok := s.memory.resultOf(op.message); ok {
			return earlier.TicketID, nil
		}
	}
	return s.reconciler.createTicketOnce(ctx, op, in)
}
