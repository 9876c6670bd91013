package trengo

import (
	"context"
	"errors"

	"github.com/trengo-go/trengo/internal/keyqueue"
)

// A deduplicator runs operations: those of one person one at a time, and each
// message once.
type deduplicator struct {
	contacts  *ContactsService
	tickets   *TicketsService
	cfg       *DestinationConfig
	templates *eventTemplates
	rules     rules
	lookup    contactLookup
	memory    *memory
}

func newDeduplicator(client *Client, cfg *DestinationConfig, templates *eventTemplates) *deduplicator {
	memory := newMemory(cfg)
	return &deduplicator{
		contacts:  client.Contacts,
		tickets:   client.Tickets,
		cfg:       cfg,
		templates: templates,
		rules: rules{
			allowDuplicates:       cfg.AllowDuplicates,
			createMissingContacts: cfg.CreateMissingContacts,
			templates:             templates,
		},
		lookup: contactLookup{contacts: client.Contacts, allowDuplicates: cfg.AllowDuplicates, memory: memory},
		memory: memory,
	}
}

var errZeroDestination = safeText("the Destination was not made by NewDestination")

// parse interprets an event. A nil deduplicator, which a zero Destination has,
// returns an error.
func (d *deduplicator) parse(ev *Event) (*operation, error) {
	if d == nil {
		return nil, errZeroDestination
	}
	return parseOperation(ev, d.cfg, d.templates)
}

// prepare interprets an event. run reports what is wrong with it.
func (d *deduplicator) prepare(ev *Event) *queuedOperation {
	op, err := d.parse(ev)
	return &queuedOperation{dedup: d, op: op, err: err}
}

// prepareHeader interprets the header of an event. It returns nil if the event asks
// for something, for which all of it is needed.
func (d *deduplicator) prepareHeader(header *Event) *queuedOperation {
	eventType, skipReason, err := classify(header, d.cfg, d.templates)
	if err == nil && skipReason == "" {
		return nil
	}
	return &queuedOperation{dedup: d, op: &operation{event: header, eventType: eventType, skipReason: skipReason}, err: err}
}

// plan reports what run would do. It neither waits nor remembers.
func (d *deduplicator) plan(ctx context.Context, ev *Event) (Plan, error) {
	op, err := d.parse(ev)
	if err != nil {
		return Plan{}, withPrefix(err)
	}
	if op.skipReason != "" {
		return Plan{Result: Result{Action: ActionSkipped, Reason: op.skipReason}}, nil
	}
	if earlier, ok := d.memory.resultOf(op.message); ok {
		return Plan{Result: earlier}, nil
	}
	op.identifier.alias = d.memory.aliasOf(op)
	dry := dryRun{lookup: d.lookup, memory: d.memory}
	dry.lookup.memory = nil
	result, err := d.rules.apply(ctx, op, &dry)
	return Plan{Result: result, Writes: dry.writes}, withPrefix(err)
}

// newSession returns the backend that carries out op.
func (d *deduplicator) newSession(op *operation) *session {
	s := &session{
		contacts:        d.contacts,
		memory:          d.memory,
		lookup:          d.lookup,
		allowDuplicates: d.rules.allowDuplicates,
		maxWrites:       d.rules.maxWrites(op),
		key:             personContactKey(op),
	}
	s.reconciler = reconciler{contacts: d.contacts, tickets: d.tickets, lookup: d.lookup, memory: d.memory, calls: &s.calls}
	return s
}

// A queuedOperation is an operation with its reservations in the queues of its
// person. Its owner calls reserve, run and release.
type queuedOperation struct {
	dedup        *deduplicator
	op           *operation
	err          error                            // why the event is not an operation
	reservations keyqueue.Reservations[personKey] // empty: there is nothing to wait for
}

// queueKeys returns in whose queues the operation waits, if it has to.
func (q *queuedOperation) queueKeys() []personKey {
	if q.err != nil || q.op.skipReason != "" {
		return nil
	}
	return q.op.queueKeys()
}

// reserve appends the operation to the queues of its person. It does not wait.
func (q *queuedOperation) reserve() {
	if keys := q.queueKeys(); len(keys) > 0 {
		q.reservations = q.dedup.memory.people.ReserveAll(keys...)
	}
}

func (q *queuedOperation) release() { q.reservations.Release() }

// run waits until earlier operations of the person have ended and does the
// operation, unless it was done before.
func (q *queuedOperation) run(ctx context.Context) (Result, error) {
	switch {
	case q.err != nil:
		return Result{}, withPrefix(q.err)
	case q.op.skipReason != "":
		return Result{Action: ActionSkipped, Reason: q.op.skipReason}, nil
	}
	memory, key := q.dedup.memory, q.op.message
	if earlier, ok := memory.resultOf(key); ok {
		return earlier, nil
	}
	if err := waitForPerson(ctx, q.reservations.Wait); err != nil {
		return Result{}, err
	}
	if !q.reservations.Immediate() {
		// Another delivery of the message may have been processed meanwhile.
		if earlier, ok := memory.resultOf(key); ok {
			return earlier, nil
		}
	}
	memory.users.see(q.op.sighting)
	q.op.identifier.alias = memory.aliasOf(q.op)
	s := q.dedup.newSession(q.op)
	defer s.release()
	result, err := q.applyOrSearchAgain(ctx, s)
	if err == nil {
		memory.rememberResult(key, result)
	}
	return result, withPrefix(err)
}

// earlierFailure returns how the operation ended when it was said to fail
// permanently.
func (q *queuedOperation) earlierFailure() error { return q.dedup.memory.failureOf(q.op) }

// rememberFailure says that the operation would fail the same way again.
func (q *queuedOperation) rememberFailure(err error) { q.dedup.memory.rememberFailure(q.op, err) }

// applyOrSearchAgain does the operation. If that fails because the remembered contact was
// deleted or merged, it searches for the contact once more, and tries again if
// the search finds another one or none.
func (q *queuedOperation) applyOrSearchAgain(ctx context.Context, s *session) (Result, error) {
	result, err := q.dedup.rules.apply(ctx, q.op, s)
	if !s.foundStale(err) {
		return result, err
	}
	s.forgetStale()
	again, againErr := q.dedup.rules.apply(ctx, q.op, s)
	if errors.Is(againErr, errSameContact) {
		return result, err
	}
	return again, againErr
}
