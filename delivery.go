package trengo

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
)

// deliver handles the events of one request and returns when all have ended.
// Those of a person are handled in their order; different people's at the same
// time.
func (h *handler) deliver(ctx context.Context, events []json.RawMessage) []Outcome {
	entries := make([]entry, len(events))
	var lines [][]*entry
	lineOf := make(map[person]int, len(events))
	for i, event := range events {
		e := &entries[i]
		e.Index = i
		if e.Event, e.Err = ParseEvent(event); e.Err != nil {
			continue
		}
		if e.Err = recovered(func() { e.task = h.destination.newTask(e.Event) }); e.Err != nil {
			continue
		}
		who, known := e.task.person()
		line, met := lineOf[who]
		if !known || !met {
			line = len(lines)
			lines = append(lines, nil)
		}
		if known {
			lineOf[who] = line
		}
		lines[line] = append(lines[line], e)
	}
	h.run(ctx, lines)
	outcomes := make([]Outcome, len(entries))
	for i := range entries {
		outcomes[i] = entries[i].Outcome
	}
	return outcomes
}

func (h *handler) run(ctx context.Context, lines [][]*entry) {
	var running sync.WaitGroup
	busy := make(chan struct{}, h.destination.cfg.Concurrency)
	for _, line := range lines {
		busy <- struct{}{}
		running.Go(func() {
			defer func() { <-busy }()
			h.runLine(ctx, line)
		})
	}
	running.Wait()
}

// runLine handles the events of one person. One that will be delivered again
// must not be overtaken by those after it, which will come again with it.
func (h *handler) runLine(ctx context.Context, line []*entry) {
	for i, e := range line {
		e.task.join()
		e.Outcome = e.handle(ctx)
		if h.status(e.Err) < http.StatusTooManyRequests {
			continue
		}
		for _, after := range line[i+1:] {
			after.Err = &placedError{place: "held back behind another event of the same person", err: e.Err}
		}
		return
	}
}
