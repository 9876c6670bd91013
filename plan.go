package trengo

import (
	"context"
	"encoding/json"
	"net/http"
)

// A Plan is what an event would do.
type Plan struct {
	// Result is what [Destination.Process] would report. What does not exist
	// yet has the id 0.
	Result
	// Writes are the requests that Process would send, in order.
	Writes []Write
}

// A Write is a request that would change something at Trengo.
type Write struct {
	Method string
	Path   string // below the base URL
	Body   json.RawMessage
}

// Plan reports what [Destination.Process] would do at this moment. It sends
// the search that is needed for that, and none of the writes. It waits for
// nobody and remembers nothing; of what the Destination remembers it uses
// only which messages were handled.
func (d *Destination) Plan(ctx context.Context, ev *Event) (Plan, error) {
	j, err := d.read(ev)
	if err != nil {
		return Plan{}, err
	}
	if j.skip != "" {
		return Plan{Result: Result{Action: ActionSkipped, Reason: j.skip}}, nil
	}
	if before, ok := d.memory.handledBefore(j.message()); ok {
		return Plan{Result: before}, nil
	}
	dry := dryRun{destination: d}
	result, err := d.decide(ctx, j, &dry)
	return Plan{Result: result, Writes: dry.writes}, err
}

// A dryRun is the world of Plan.
type dryRun struct {
	destination *Destination
	writes      []Write
}

func (w *dryRun) find(ctx context.Context, j *job) (*Contact, error) {
	if j.named() {
		return &Contact{ID: j.contactID}, nil
	}
	return w.destination.search(ctx, j)
}

func (w *dryRun) create(_ context.Context, j *job) (*Contact, error) {
	return &Contact{Name: j.name}, w.record(http.MethodPost, contactsOfChannelPath(j.channelID), j.newContact())
}

func (w *dryRun) rename(_ context.Context, j *job, id int64) error {
	return w.record(http.MethodPut, contactPath(id), ContactUpdateParams{Name: j.name})
}

func (w *dryRun) openTicket(_ context.Context, _ *job, in TicketCreateParams) (int64, error) {
	return 0, w.record(http.MethodPost, ticketsPath, in)
}

func (w *dryRun) record(method, path string, in any) error {
	body, err := encode(in)
	w.writes = append(w.writes, Write{Method: method, Path: path, Body: body})
	return err
}
