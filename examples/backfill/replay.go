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
)

// pauses are those before an event that failed retryably is tried again. What
// became of a write whose answer was lost is known a minute later.
var pauses = []time.Duration{61 * time.Second, 5 * time.Minute, 15 * time.Minute}

// Why a replay ends before its end.
var (
	errInterrupted = errors.New("interrupted")
	errRefused     = errors.New("the token is refused")
	errOutage      = errors.New("nothing comes through to Trengo any more")
	errTooMany     = fmt.Errorf("more than %d events at a time fail for reasons that should pass", maxWaiting)
)

// errInDoubt is the failure of an event that is held back.
var errInDoubt = errors.New("it was under way when an earlier run ended: look whether its ticket is there before you feed it in again")

// A replay takes the events of an input through ProcessAll.
type replay struct {
	destination *trengo.Destination
	config      trengo.DestinationConfig
	files
	hold  bool // back what an earlier run left in doubt
	limit int  // of events in this run; 0: none
	tally *tally

	stop       context.CancelCauseFunc
	queue      *queue
	answeredAt time.Time
	syncedAt   time.Time
}

// run replays until all events are finished or ctx ends, and finishes what is
// under way then. What is still under way when force ends is cancelled. The
// error says why it ended before its end, and what went wrong after that.
func (r *replay) run(ctx, force context.Context) error {
	ctx, r.stop = context.WithCancelCause(ctx)
	defer r.stop(nil)
	r.queue = newQueue(r.begin)
	go r.feed(ctx)
	var failed error // the first that is not an event's
	stop := func(err error) {
		failed = cmp.Or(failed, err)
		r.stop(err)
	}
	for outcome := range r.destination.ProcessAll(force, r.queue.events(ctx)) {
		it := r.queue.of(outcome.Index)
		if err := errors.Join(r.settle(ctx, it, outcome), r.sync()); err != nil {
			stop(err)
		}
		r.tally.wait(r.queue.waitingFor())
		r.queue.leave(outcome.Index)
	}
	for it := range r.queue.left() {
		if err := r.free(it, context.Canceled); err != nil {
			stop(err)
		}
	}
	cause := context.Cause(ctx)
	switch {
	case errors.Is(failed, cause):
		return failed
	case r.tally.snapshot().left() == 0 && errors.Is(cause, errInterrupted):
		return failed // it came to its end all the same
	}
	return errors.Join(cause, failed)
}

// feed gives the events that are not finished to the queue.
func (r *replay) feed(ctx context.Context) {
	defer close(r.queue.items)
	fed := 0
	for l, err := range r.input.lines() {
		if err != nil {
			r.stop(fmt.Errorf("the input cannot be read: %w", err))
			return
		}
		if r.checkpoint.isFinished(l.number) {
			continue
		}
		if r.limit > 0 && fed == r.limit {
			return
		}
		fed++
		select {
		case r.queue.items <- r.read(l):
		case <-ctx.Done():
			return
		}
	}
}

func (r *replay) read(l line) *item {
	text, _ := unwrapped(l.text)
	it := &item{line: l, inDoubt: r.checkpoint.wasInDoubt(l.number)}
	it.text = text
	if r.hold && it.inDoubt {
		it.err = errInDoubt
		return it
	}
	it.event, it.err = trengo.ParseEvent(text)
	if it.err == nil && it.event.MessageID == "" {
		// Without one, a second try would be another event, and could open a
		// second ticket.
		it.event.MessageID = fmt.Sprintf("line %d", l.number)
	}
	return it
}

// begin notes an event that should not be handled by this run and the next.
func (r *replay) begin(it *item) error {
	if it.event == nil || r.isRepeatable(it.event) {
		return nil
	}
	err := r.checkpoint.add(recordBegun, it.line)
	if err != nil {
		r.stop(err)
	}
	return err
}

// isRepeatable reports whether handling an event twice does what handling it
// once does.
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

// settle notes what became of an event before it is counted.
func (r *replay) settle(ctx context.Context, it *item, outcome trengo.Outcome) error {
	switch err := outcome.Err; {
	case err == nil:
		if sentRequests(outcome.Result) {
			r.answered()
		}
		if err := r.checkpoint.add(recordDone, it.line); err != nil {
			return err
		}
		r.tally.finish(outcome.Result)
		return nil
	case !trengo.Retryable(err):
		if errors.As(err, new(*trengo.Error)) {
			r.answered()
		}
		return r.fail(it, err)
	case ctx.Err() != nil:
		return r.free(it, err) // it is left for the next run
	default:
		r.queue.noAnswer()
		return errors.Join(r.free(it, err), r.tryAgain(it, err))
	}
}

func sentRequests(result trengo.Result) bool {
	return result.Action != trengo.ActionSkipped && !result.Duplicate
}

func (r *replay) answered() {
	r.answeredAt = time.Now()
	r.queue.answered()
}

func (r *replay) fail(it *item, reason error) error {
	if err := r.failures.add(it.line, reason); err != nil {
		return err
	}
	if err := r.checkpoint.add(recordFailed, it.line); err != nil {
		return err
	}
	r.tally.fail()
	return nil
}

// free takes back that an event was begun, if neither this try nor any before
// can have done anything.
func (r *replay) free(it *item, reason error) error {
	if errors.Is(reason, trengo.ErrOutcomeUnknown) {
		it.inDoubt = true
	}
	if it.inDoubt || it.event == nil || r.isRepeatable(it.event) {
		return nil
	}
	return r.checkpoint.add(recordFreed, it.line)
}

// tryAgain has an event tried again later. One that fails time after time goes
// into the failed file, unless nothing else comes through either: then the
// events are not to blame, and the replay ends.
func (r *replay) tryAgain(it *item, reason error) error {
	var failed *trengo.Error
	errors.As(reason, &failed)
	switch {
	case failed != nil && failed.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("%w: %w", errRefused, reason)
	case it.tries == 0:
		it.failedAt = time.Now()
	case it.tries == len(pauses) && r.queue.isOutage() && it.failedAt.After(r.answeredAt):
		return fmt.Errorf("%w: %w", errOutage, reason)
	case it.tries == len(pauses):
		return r.fail(it, reason)
	}
	pause := pauses[it.tries]
	if failed != nil {
		pause = max(pause, failed.RetryAfter)
	}
	it.tries++
	if !r.queue.again(it, pause) {
		return fmt.Errorf("%w: %w", errTooMany, reason)
	}
	return nil
}

// syncEvery bounds what a crash of the machine can take: at 120 requests a
// minute a handful of events. To wait for the disk at each of them would cost
// more than they are worth.
const syncEvery = time.Second

func (r *replay) sync() error {
	if time.Since(r.syncedAt) < syncEvery {
		return nil
	}
	r.syncedAt = time.Now()
	return errors.Join(r.failures.sync(), r.checkpoint.sync())
}
