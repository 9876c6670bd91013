package trengo

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/trengo-go/trengo/internal/transport"
	"github.com/trengo-go/trengo/internal/turn"
)

// A task is an event with its place in its person's line.
type task struct {
	destination *Destination
	job         *job
	err         error
	place       *turn.Place[person] // nil: there is nothing to wait for
}

func (d *Destination) newTask(ev *Event) *task {
	t := &task{destination: d}
	t.job, t.err = d.read(ev)
	return t
}

// person is whose line the event belongs into, if it needs one.
func (t *task) person() (who person, ok bool) {
	if t.err != nil || t.job.skip != "" {
		return person{}, false
	}
	return t.job.person(), true
}

// join takes the event's place in line without waiting for its turn.
func (t *task) join() {
	if who, ok := t.person(); ok {
		t.place = t.destination.memory.people.Join(who)
	}
}

func (t *task) leave() {
	if t.place != nil {
		t.place.Leave()
	}
}

func (t *task) run(ctx context.Context) (Result, error) {
	switch {
	case t.err != nil:
		return Result{}, t.err
	case t.job.skip != "":
		return Result{Action: ActionSkipped, Reason: t.job.skip}, nil
	}
	memory, message := t.destination.memory, t.job.message()
	if before, ok := memory.handledBefore(message); ok {
		return before, nil
	}
	if err := wait(ctx, t.place); err != nil {
		return Result{}, err
	}
	if !t.place.Free() {
		// Another delivery of the message may have gone before.
		if before, ok := memory.handledBefore(message); ok {
			return before, nil
		}
	}
	v := &visit{destination: t.destination, memory: memory}
	defer v.leave()
	result, err := v.decide(ctx, t.job)
	if err == nil {
		memory.handle(message, result)
	}
	return result, err
}

func wait(ctx context.Context, place *turn.Place[person]) error {
	if err := place.Wait(ctx); err != nil {
		return &placedError{place: "waiting for another event of the same person", err: err}
	}
	return nil
}

// A visit is the work of one event at Trengo. It holds the contact's place in
// line, so that no other event of the contact works meanwhile.
type visit struct {
	destination *Destination
	memory      *memory

	place      *turn.Place[person] // in the line of the contact
	held       int64               // the contact
	searchedAt time.Time
	remembered bool  // the contact was found in memory
	gone       int64 // a contact that was remembered and is not there any more
	begun      bool  // a request was made, so that others follow it
	ahead      int   // writes that are still to come
}

func (v *visit) leave() {
	if v.place != nil {
		v.place.Leave()
		v.place, v.held = nil, 0
	}
}

// looking is the context of a look that is in vain unless so many writes can
// follow it; writing is that of a write.
func (v *visit) looking(ctx context.Context, writes int) context.Context {
	v.ahead = max(v.ahead, writes)
	if v.begun {
		return transport.Following(ctx, v.ahead)
	}
	v.begun = true
	return transport.Opening(ctx, v.ahead)
}

func (v *visit) writing(ctx context.Context) context.Context {
	if !v.begun {
		v.begun = true
		return ctx
	}
	v.ahead = max(0, v.ahead-1)
	return transport.Following(ctx, v.ahead)
}

// errStillThere ends a second look that finds the contact of the first.
var errStillThere = ownError("the contact is the one that was remembered")

// decide does what the event asks for. A contact that was remembered may have
// been deleted or merged since: then it looks once more, and tries again if
// that turns up anything else.
func (v *visit) decide(ctx context.Context, j *job) (Result, error) {
	result, err := v.destination.decide(ctx, j, v)
	if !v.remembered || !isGone(err) {
		return result, err
	}
	v.gone, v.remembered = v.held, false
	v.memory.contacts.drop(ctx, keyOf(j))
	v.keepName(ctx, v.held, unknownName)
	v.leave()
	again, againErr := v.destination.decide(ctx, j, v)
	if errors.Is(againErr, errStillThere) {
		return result, err
	}
	return again, againErr
}

// isGone reports whether a write was refused as Trengo does when a contact is
// not there: an update as not found, a ticket as unprocessable.
func isGone(err error) bool {
	var failed *Error
	if errors.Is(err, ErrOutcomeUnknown) || !errors.As(err, &failed) {
		return false
	}
	return failed.StatusCode == http.StatusNotFound || failed.StatusCode == http.StatusUnprocessableEntity
}

func keyOf(j *job) contactKey { return contactKey{person: j.person(), channelID: j.channelID} }

func nameKey(contactID int64) contactKey { return contactKey{person: personOf(contactID)} }

func (v *visit) find(ctx context.Context, j *job) (*Contact, error) {
	if j.named() {
		// The place that this event waited for was the contact's.
		return v.withName(ctx, j.contactID), nil
	}
	if known, ok := v.memory.contacts.get(ctx, keyOf(j)); ok {
		v.remembered = true
		err := v.hold(ctx, known.id)
		return v.withName(ctx, known.id), err
	}
	v.searchedAt = time.Now()
	contact, err := v.destination.search(v.looking(ctx, v.destination.writes(j)), j)
	switch {
	case err != nil:
		return nil, err
	case contact == nil && v.undecided(j):
		return nil, unknownContact(j, ErrOutcomeUnknown)
	case contact == nil:
		return nil, nil
	case contact.ID == v.gone:
		return nil, errStillThere
	}
	v.memory.lostContacts.drop(j.person())
	return v.keep(ctx, j, contact)
}

// withName returns a contact with its name as far as that is remembered.
func (v *visit) withName(ctx context.Context, id int64) *Contact {
	known, _ := v.memory.contacts.get(ctx, nameKey(id))
	return &Contact{ID: id, Name: known.name}
}

// hold waits until no other event of the contact is under way.
func (v *visit) hold(ctx context.Context, contactID int64) error {
	v.leave()
	v.place, v.held = v.memory.people.Join(personOf(contactID)), contactID
	return wait(ctx, v.place)
}

// writes is how many writes an event can need of which the person is not known.
func (d *Destination) writes(j *job) int {
	if j.kind == typeTrack && d.cfg.CreateMissingContacts {
		return 2
	}
	return 1
}

// keep remembers a contact that was just read, and holds it. An event that
// named the contact may have changed the name between the reading and now.
func (v *visit) keep(ctx context.Context, j *job, contact *Contact) (*Contact, error) {
	// At once, whatever ends the event now: a search may not show it yet.
	v.memory.contacts.put(ctx, keyOf(j), knownContact{id: contact.ID})
	if err := v.hold(ctx, contact.ID); err != nil {
		return contact, err
	}
	known, ok := v.memory.contacts.get(ctx, nameKey(contact.ID))
	if ok && !known.readAt.Before(v.searchedAt) {
		return &Contact{ID: contact.ID, Name: known.name}, nil
	}
	v.keepName(ctx, contact.ID, contact.Name)
	return contact, nil
}

// unknownName is remembered of a contact whose name may have been changed: it
// is no name that an event could have, and newer than what was read before.
const unknownName = ""

func (v *visit) keepName(ctx context.Context, id int64, name string) {
	v.memory.contacts.put(ctx, nameKey(id), knownContact{id: id, name: name, readAt: time.Now()})
}

func (v *visit) rename(ctx context.Context, j *job, id int64) error {
	contact, err := v.destination.client.Contacts.Update(v.writing(ctx), id, ContactUpdateParams{Name: j.name})
	if err != nil {
		v.keepName(ctx, id, unknownName)
		return err
	}
	// What was asked for, not what was made of it: the next event of the person
	// will ask for the same.
	v.keepName(ctx, id, j.name)
	switch {
	case j.named():
	case j.who.contradicts(contact):
		// Somebody has changed the contact since it was read.
		v.memory.contacts.drop(ctx, keyOf(j))
	case j.who.isOf(contact):
		v.memory.contacts.put(ctx, keyOf(j), knownContact{id: id})
	}
	return nil
}

func (v *visit) create(ctx context.Context, j *job) (*Contact, error) {
	contact, err := v.createOnce(ctx, j)
	if err != nil {
		return nil, err
	}
	if j.who.contradicts(contact) {
		return nil, &AmbiguousContactError{ContactIDs: []int64{contact.ID}}
	}
	return v.keep(ctx, j, contact)
}
