package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/examples/backfill/internal/checkpoint"
	"github.com/trengo-go/trengo/examples/backfill/internal/input"
)

// retryPauses are the pauses before the retries of an event. The first is over
// a minute: by then a Destination can tell whether a write whose response was
// lost took effect.
var retryPauses = []time.Duration{61 * time.Second, 5 * time.Minute, 15 * time.Minute}

// The reasons why a replay ends early.
var (
	errInterrupted     = errors.New("interrupted")
	errTokenRejected   = errors.New("the token is rejected")
	errOutage          = errors.New("no request to Trengo succeeds any more")
	errTooManyFailures = fmt.Errorf("more than %d events are waiting for a retry", maxWaiting)
)

// errInDoubt is the failure of an event that -hold keeps back.
var errInDoubt = errors.New("in flight when an earlier run ended: check whether its ticket exists before replaying it")

// A replay passes the events of an input through ProcessAll.
type replay struct {
	destination *trengo.Destination
	config      trengo.DestinationConfig
	files
	hold  bool // send events in doubt to the failed file
	limit int  // on the events of this run; zero means no limit
	stats *stats

	stop       context.CancelCauseFunc
	queue      *queue
	lastSync   time.Time
	unrecorded []input.Position // had their effect, and the checkpoint does not say so
}

// run replays until all events are finished or ctx ends, and then waits for the
// events in flight. The end of force cancels those. The error says why the run
// ended early, and what went wrong after that.
func (r *replay) run(ctx, force context.Context) error {
	ctx, r.stop = context.WithCancelCause(ctx)
	defer r.stop(nil)
	r.queue = newQueue(r.markStarted)
	go r.feed(ctx)
	var failed error // the first that does not belong to an event
	stop := func(err error) {
		failed = cmp.Or(failed, err)
		r.stop(err)
	}
	for outcome := range r.destination.ProcessAll(force, r.queue.events(ctx)) {
		it := r.queue.item(outcome.Index)
		if err := errors.Join(r.record(ctx, it, outcome), r.sync()); err != nil {
			stop(err)
		}
		r.stats.setWaiting(r.queue.waitingCount())
		r.queue.remove(outcome.Index)
	}
	for it := range r.queue.unprocessed() {
		if err := r.release(it, context.Canceled); err != nil {
			stop(err)
		}
	}
	cause := context.Cause(ctx)
	switch {
	case errors.Is(failed, cause):
		return failed
	case r.stats.snapshot().left() == 0 && errors.Is(cause, errInterrupted):
		return failed // the interrupt came too late to stop anything
	}
	return errors.Join(cause, failed)
}

// feed passes the unfinished events to the queue.
func (r *replay) feed(ctx context.Context) {
	defer close(r.queue.items)
	fed := 0
	for ev, err := range r.input.Events() {
		if err == nil {
			err = r.checkpoint.Verify(ev)
		}
		if err != nil {
			r.stopReading(err)
			return
		}
		if r.checkpoint.IsFinished(ev.Number) {
			continue
		}
		if r.limit > 0 && fed == r.limit {
			return
		}
		fed++
		select {
		case r.queue.items <- r.parse(ev):
		case <-ctx.Done():
			return
		}
	}
	if err := r.checkpoint.VerifyEnd(); err != nil {
		r.stopReading(err)
	}
}

func (r *replay) stopReading(err error) {
	r.stop(fmt.Errorf("the input cannot be read any further: %w", err))
}

func (r *replay) parse(ev input.Event) *item {
	it := &item{Event: ev, err: ev.Err, inDoubt: r.checkpoint.WasInDoubt(ev.Number)}
	if r.hold && it.inDoubt {
		it.err = errInDoubt
	}
	if it.err != nil {
		return it
	}
	it.event, it.err = trengo.ParseEvent(ev.Text)
	if it.err == nil && it.event.MessageID == "" {
		// Without a message ID, a retry would count as another event and could
		// open a second ticket.
		it.event.MessageID = fmt.Sprintf("event %d", ev.Number)
	}
	return it
}

// markStarted records the start of an event that is unsafe to repeat. If the
// process is killed, the next run knows that the event is in doubt.
func (r *replay) markStarted(it *item) error {
	var err error
	if it.event == nil || r.isRepeatable(it.event) {
		err = r.checkpoint.Err() // of an event whose effect was not recorded
	} else {
		err = r.checkpoint.Add(checkpoint.Started, it.Event)
	}
	if err != nil {
		r.stop(err)
	}
	return err
}

// isRepeatable reports whether handling an event twice has the same effect as
// handling it once.
func (r *replay) isRepeatable(ev *trengo.Event) bool {
	switch strings.ToLower(strings.TrimSpace(ev.Type)) {
	case "track":
		_, opensTicket := r.config.EventTemplates[ev.Event]
		return !opensTicket
	case "identify":
		return !r.config.AllowDuplicates
	default:
		return true
	}
}

// record writes the outcome of an event to the files before it is counted.
func (r *replay) record(ctx context.Context, it *item, outcome trengo.Outcome) error {
	switch err := outcome.Err; {
	case err == nil:
		if sentRequests(outcome.Result) {
			r.queue.addResponse()
		}
		if err := r.checkpoint.Add(checkpoint.Done, it.Event); err != nil {
			if outcome.Result.Action != trengo.ActionSkipped {
				r.unrecorded = append(r.unrecorded, it.Position)
			}
			return err
		}
		r.stats.addDone(outcome.Result)
		return nil
	case !trengo.Retryable(err):
		if errors.As(err, new(*trengo.Error)) {
			r.queue.addResponse()
		}
		return r.recordFailure(it, err)
	case ctx.Err() != nil:
		return r.release(it, err) // it stays for the next run
	default:
		r.queue.addFailure(it)
		return errors.Join(r.release(it, err), r.retry(it, err))
	}
}

func sentRequests(result trengo.Result) bool {
	return result.Action != trengo.ActionSkipped && !result.Duplicate
}

func (r *replay) recordFailure(it *item, reason error) error {
	if err := r.failures.Add(it.Event, reason); err != nil {
		return err
	}
	if err := r.checkpoint.Add(checkpoint.Failed, it.Event); err != nil {
		return err
	}
	r.stats.addFailed()
	return nil
}

// release takes back the record of markStarted, unless this attempt or an
// earlier one may have had an effect.
func (r *replay) release(it *item, reason error) error {
	if errors.Is(reason, trengo.ErrOutcomeUnknown) {
		it.inDoubt = true
	}
	if it.inDoubt || it.event == nil || r.isRepeatable(it.event) {
		return nil
	}
	return r.checkpoint.Add(checkpoint.Released, it.Event)
}

// retry schedules the next attempt of an event. After the last one the event
// goes to the failed file. But if nothing else succeeds either, the events are
// not to blame, and the replay ends.
func (r *replay) retry(it *item, reason error) error {
	var failed *trengo.Error
	errors.As(reason, &failed)
	switch {
	case failed != nil && failed.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("%w: %w", errTokenRejected, reason)
	case it.failures == 0:
		it.firstFailure = time.Now()
	case it.failures == len(retryPauses) && r.queue.isOutage(it):
		return fmt.Errorf("%w: %w", errOutage, reason)
	case it.failures == len(retryPauses):
		return r.recordFailure(it, reason)
	}
	pause := retryPauses[it.failures]
	if failed != nil {
		pause = max(pause, failed.RetryAfter)
	}
	it.failures++
	if !r.queue.retryAfter(it, pause) {
		return fmt.Errorf("%w: %w", errTooManyFailures, reason)
	}
	return nil
}

// syncInterval bounds what a crash of the machine can lose: at 120 requests a
// minute, a handful of events. Waiting for the disk after each event would cost
// more than replaying those.
const syncInterval = time.Second

func (r *replay) sync() error {
	if time.Since(r.lastSync) < syncInterval {
		return nil
	}
	r.lastSync = time.Now()
	return errors.Join(r.failures.Sync(), r.checkpoint.Sync())
}
