package trengo

import (
	"context"
	"errors"
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
	return waitForPerson(ctx, s.lock)
}

func waitForPerson(ctx context.Context, r *keyqueue.Reservation[personKey]) error {
	if err := r.Wait(ctx); err != nil {
		return &opError{op: "waiting for another event of the same person", err: err}
	}
	return nil
}

// foundStale reports whether an operation failed because its contact, which was
// remembered, was deleted or merged since.
func (s *session) foundStale(err error) bool { return s.fromMemory && isContactMissing(err) }

// isContactMissing reports whether Trengo rejected a write as it does when the
// contact does not exist: an update as not found, a ticket as unprocessable.
func isContactMissing(err error) bool {
	var failed *Error
	if errors.Is(err, ErrOutcomeUnknown) || !errors.As(err, &failed) {
		return false
	}
	return failed.StatusCode == http.StatusNotFound || failed.StatusCode == http.StatusUnprocessableEntity
}

// forgetStale prepares the session for finding the contact again.
func (s *session) forgetStale(op *operation) {
	s.staleID, s.fromMemory = s.lockedID, false
	s.memory.forgetContact(op)
	s.memory.rememberName(s.lockedID, unknownName)
	s.release()
}

// errSameContact ends a second search that finds the contact of the first.
var errSameContact = safeText("the contact is the one that was remembered")

func (s *session) findContact(ctx context.Context, op *operation) (*knownContact, error) {
	if op.namesContact() {
		// The operation waited for this contact before it began.
		return s.remembered(op.contactID), nil
	}
	if id, ok := s.memory.contactIDOf(op); ok {
		s.fromMemory = true
		err := s.lockContact(ctx, id)
		return s.remembered(id), err
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
		return nil, errSameContact
	}
	s.memory.removePendingContact(op)
	return s.adopt(ctx, op, contact)
}

// remembered returns a contact with its name, as far as that is remembered.
func (s *session) remembered(contactID int64) *knownContact {
	name, _ := s.memory.nameOf(contactID)
	return &knownContact{id: contactID, name: name}
}

// adopt remembers and locks a contact that was just read. An event that named
// the contact may have changed its name since.
func (s *session) adopt(ctx context.Context, op *operation, contact *Contact) (*knownContact, error) {
	known := newKnownContact(contact, op.identifier)
	// Before anything can end the event: a search may not show the contact yet.
	s.memory.rememberContact(op, known.id)
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
	contact, err := s.createOrReconcile(ctx, op)
	if err != nil {
		return nil, err
	}
	if op.identifier.contradicts(contact) {
		return nil, &AmbiguousContactError{ContactIDs: []int64{contact.ID}}
	}
	return s.adopt(ctx, op, contact)
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
	case op.identifier.contradicts(contact):
		// Somebody has changed the contact since it was read.
		s.memory.forgetContact(op)
	case op.identifier.matches(contact):
		s.memory.rememberContact(op, contactID)
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
