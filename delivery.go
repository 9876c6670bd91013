package trengo

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"
)

// deliver handles the events of one request and returns when all have ended.
// Those of a person are handled in their order; different people's at the same
// time.
func (h *handler) deliver(ctx context.Context, events []json.RawMessage) []Outcome {
	entries := make([]entry, len(events))
	lines := make(map[person][]*entry)
	var people []person // in the order of their first events
	for i, event := range events {
		e := &entries[i]
		*e = h.destination.entry(i, event)
		who, ok := e.person()
		if !ok {
			e.Outcome = e.handle(ctx)
			continue
		}
		if lines[who] == nil {
			people = append(people, who)
		}
		lines[who] = append(lines[who], e)
	}
	var running sync.WaitGroup
	busy := make(chan struct{}, h.destination.cfg.Concurrency)
	for _, who := range people {
		busy <- struct{}{}
		running.Go(func() {
			defer func() { <-busy }()
			h.inOrder(ctx, lines[who], len(events) > 1)
		})
	}
	running.Wait()
	outcomes := make([]Outcome, len(entries))
	for i := range entries {
		outcomes[i] = entries[i].Outcome
	}
	return outcomes
}

// entry reads an event that has no place in line yet: one that has would hold
// up others while it waits for a worker.
func (d *Destination) entry(index int, event []byte) (e entry) {
	e.Index = index
	if e.Event, e.Err = ParseEvent(event); e.Err == nil {
		e.Err = recovered(func() { e.task = d.newTask(e.Event) })
	}
	return e
}

// person is whose line the event belongs into, if it needs one.
func (e *entry) person() (who person, ok bool) {
	if e.task == nil {
		return person{}, false
	}
	return e.task.person()
}

// inOrder handles the events of one person. One that will be delivered again
// must not be overtaken by those after it, which will come again with it. But
// one whose contact is not known has changed nothing, and may wait for what
// comes after it.
func (h *handler) inOrder(ctx context.Context, line []*entry, inArray bool) {
	for i, e := range line {
		if err := h.failedBefore(ctx, e); inArray && err != nil {
			e.Err = err
			continue
		}
		e.task.join()
		e.Outcome = e.handle(ctx)
		switch {
		case h.isFailure(e.Err):
			if inArray && e.Event.MessageID != "" {
				h.failures.put(e.message(), e.Err)
			}
		case h.status(e.Err) >= http.StatusTooManyRequests:
			for _, after := range line[i+1:] {
				after.Err = &placedError{place: "held back behind another event of the same person", err: e.Err}
			}
			return
		}
	}
}

func (h *handler) isFailure(err error) bool {
	return h.status(err) == http.StatusBadRequest || errors.Is(err, ErrContactNotFound)
}

// failedBefore returns how the event ended when the array came before. A contact
// that was not known then may be by now.
func (h *handler) failedBefore(ctx context.Context, e *entry) error {
	err, _ := h.failures.get(e.message())
	if errors.Is(err, ErrContactNotFound) {
		if _, known := h.destination.memory.contacts.get(ctx, keyOf(e.task.job)); known {
			return nil
		}
	}
	return err
}

// message is what makes two deliveries of the event the same, in memory.
func (e *entry) message() fingerprint {
	return e.task.destination.memory.fingerprint(e.task.job.message())
}

const (
	maxFailures = 10_000
	// failureTTL is longer than RudderStack waits between two deliveries, and
	// shorter than it goes on for.
	failureTTL = time.Hour
)
