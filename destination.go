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
// It remembers in memory which contact belongs to whom and which messages it
// has processed; see "Duplicates" in the package documentation. Two
// Destinations do not know of each other, so all events of one kind of channel
// should go through one.
type Destination struct {
	cfg   DestinationConfig
	dedup *deduplicator
}

// NewDestination returns a Destination that writes with client. It does not
// send anything. The error names everything that is missing or contradictory in
// cfg, with the event and the tag of each broken template. Changing cfg
// afterwards does not affect the Destination.
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
// [DestinationConfig.ChannelID].
//
// Events of one person are processed one at a time, in the order of the calls;
// events of different people in parallel. (An event with an identifier and one
// that names the same contact never run together, but their order is not
// guaranteed.) For an event that was processed before, by its message ID,
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

// Plan reports what [Destination.Process] would do at this moment. It sends the
// search that this takes, and none of the writes. It neither waits for other
// events nor remembers anything. From memory it uses only which messages were
// processed.
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
