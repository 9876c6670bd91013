package trengo

import (
	"context"
	"errors"
	"iter"
)

// A Destination turns RudderStack events into Trengo contacts and tickets. It
// is safe for concurrent use. Create one with [NewDestination]; every event of a
// zero Destination fails.
//
// # Duplicates
//
// A Destination remembers in memory which contact belongs to whom and which
// messages it has processed, within the sizes of its [DestinationConfig]. As long
// as its process lives, that prevents four kinds of duplicates:
//
//   - Two events of a new person at the same time. Events of one person, by
//     user ID (with [DestinationConfig.ResolveUserIDs]), by identifier and by
//     contact, are processed one at a time, in the order of the calls. An event
//     with an identifier and one that names the same contact never run together,
//     but their order is not guaranteed; neither is that of two that have only
//     the contact of their user IDs in common.
//   - A redelivered message. Its result is returned from memory; the key is
//     messageId, type, event name, channel and person. Failures and skips are not
//     remembered. An event without a messageId is processed every time.
//   - A write whose response was lost. A contact is searched for again. A ticket
//     is looked up among the contact's tickets: one with the same channel and
//     subject, newer than all that existed before, that no message of the
//     customer opened. If there is none yet, the event ends with
//     [ErrOutcomeUnknown], and nothing of the kind is created for that person. If
//     a lookup made at least a minute after the attempt still finds none, the
//     ticket is created; if it finds several, the newest is taken for it.
//     Redeliver such events. If a lookup cannot tell, no ticket is created for
//     that contact until [Destination.Resolve].
//   - A phone number that Trengo stores in another form. If the two differ only by
//     a 0 or by the mobile digit of Argentina (9) or Mexico (1) directly behind the
//     country code, the contact is the person's, also in later searches. Any other
//     number may be somebody else's: the event ends with an
//     [*AmbiguousContactError] that holds the contact, and for
//     [DestinationConfig.PeopleTTL] no other is created for that person.
//
// To tell a contact's old tickets from a new one, a process lists the tickets of
// one contact before it creates its first: one request per process.
//
// Trengo itself keeps emails unique: creating a contact with a known email
// returns the existing one. It may duplicate phone numbers, and always
// duplicates tickets.
//
// # Limits
//
// A search makes at most four requests, which return 100 contacts each, or 25 if
// Trengo does not allow more. A short email can occur in more contacts than that,
// by chance or because somebody wants it to. Then an identify event by email
// creates the contact, which finds an existing one; any other event ends with an
// [*AmbiguousContactError] that is Truncated, unless the contact is known from an
// earlier event. The person is searched for again after ten minutes.
//
// Several processes, or several Destinations, do not know of each other, and a
// new process does not know of the one before. Two of them that process the same
// message, or the first events of one phone number, at the same time create both.
// Send the events of a person to one process, and all events of one kind of
// channel through one Destination, or accept that. A restart also forgets which
// writes have an unknown outcome: a redelivery of such an event does it again. A
// ticket is looked up under the contact for which it was meant: merging that
// contact or that ticket into another meanwhile hides it. With
// [DestinationConfig.AllowDuplicates], contacts are created without a lookup, so
// a redelivery after a lost response creates another.
type Destination struct {
	cfg   DestinationConfig
	dedup *deduplicator
}

// NewDestination returns a Destination that writes with client. It does not
// send anything. The error names everything that is missing or contradictory in
// cfg, with the event and the tag of each broken template. Listed events whose name
// looks like a mistake are a warning in the log of the client, see [WithLogger].
// Changing cfg afterwards does not affect the Destination.
func NewDestination(client *Client, cfg DestinationConfig) (*Destination, error) {
	var clientErr error
	if client.requesterOrNil() == nil {
		clientErr = errors.New("the client is nil, or was not made by NewClient")
	}
	cfg.setDefaults()
	d := &Destination{cfg: cfg}
	withSubjects := cfg.ChannelIdentifier != IdentifierPhone
	templates, templatesErr := compileEventTemplates(cfg.EventTemplates, withSubjects)
	if err := errors.Join(clientErr, cfg.validate(), templatesErr); err != nil {
		return nil, &opError{op: "invalid destination", err: err}
	}
	if logger := client.requester.logger; logger != nil {
		templates.warn(logger)
	}
	d.dedup = newDeduplicator(client, &d.cfg, templates)
	return d, nil
}

// Process does what an event asks for and reports what it did:
//
//   - identify creates the person's contact, or updates its name if it
//     differs;
//   - track opens a ticket if the event is listed in
//     [DestinationConfig.EventTemplates];
//   - anything else, and an event whose integrations switch Trengo off, is
//     skipped without a request.
//
// The person is found by email or phone number, or named by trengoContactId in
// context.externalId; trengoChannelId there replaces
// [DestinationConfig.ChannelID]. By option, a user ID leads to the person as
// whom it was seen; see [DestinationConfig.ResolveUserIDs]. A part of a name,
// such as the first name alone, is given only to a contact that is known to have
// no name.
//
// Events of one person are processed one at a time, in the order of the calls;
// events of different people in parallel. For an event that was processed before, by its message ID,
// Process returns the remembered result. An event whose effect is not known
// ends with [ErrOutcomeUnknown]; call Process with it again, preferably after a
// minute: it then first checks whether the earlier attempt took effect. This
// needs a MessageID: without one, a second call is another event.
//
// The error is one of the sentinels for events, such as
// [ErrMissingIdentifier], or the [*Error] of the call that failed. [Retryable]
// reports whether another delivery may succeed. A Result with an error has the
// IDs that were known by then. Process does not change ev.
func (d *Destination) Process(ctx context.Context, ev *Event) (Result, error) {
	queued := d.dedup.prepare(ev)
	queued.reserve()
	defer queued.release()
	return queued.run(ctx)
}

// Resolve releases a contact whose ticket may or may not have been created, and
// reports whether it had such a ticket. A destination settles most of them itself,
// when an event of the contact is delivered again; it does not dare to if the
// customer wrote in the ticket, or if the contact has too many new tickets to look
// at. Then every ticket of the contact ends with [ErrOutcomeUnknown].
//
// Before you call it, see in Trengo whether the ticket exists: the event that asked
// for it creates a ticket if it is delivered again. A contact whose ticket is known,
// or being created at this moment, is not affected.
func (d *Destination) Resolve(contactID int64) bool {
	return d.dedup != nil && d.dedup.memory.pendingTickets.remove(contactID)
}

// Plan reports what [Destination.Process] would do at this moment. It sends the
// search that this takes, and none of the writes. It neither waits for other
// events nor remembers anything. From memory it uses only which messages were
// processed, how Trengo rewrites a person's phone number and, for an event that has
// nothing but a user ID, whose contact that is: what Process has not seen yet, Plan
// does not know. Nor does it say that a write would be refused, such as a ticket
// while the outcome of another one is not known.
func (d *Destination) Plan(ctx context.Context, ev *Event) (Plan, error) {
	return d.dedup.plan(ctx, ev)
}

// ProcessAll does what [Destination.Process] does with every event of a
// sequence, [DestinationConfig.Concurrency] of them at once, and yields the
// outcomes as they complete; Outcome.Index says which event each belongs to.
// Events of one person are processed in the order of the input; one that fails
// does not hold back those after it. An error of the input becomes an outcome,
// as does a panic while an event is processed, and the rest goes on.
//
// Another goroutine takes events from the sequence as fast as they are
// processed, so memory does not grow with the input. When ctx ends or the
// caller leaves the loop, no more events are taken, those in progress are
// canceled, and the loop ends as soon as the sequence returns. Events that were
// not started have no outcome. To finish what is in progress, end the sequence
// instead.
func (d *Destination) ProcessAll(ctx context.Context, events iter.Seq2[*Event, error]) iter.Seq[Outcome] {
	return func(yield func(Outcome) bool) {
		newRunner(d.dedup, d.cfg.Concurrency, nil).runSequence(ctx, events, yield)
	}
}
