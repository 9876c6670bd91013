package trengo

import "encoding/json"

// An Action is what a [Destination] did with an event.
type Action string

// The actions.
const (
	ActionContactCreated   Action = "contact_created"
	ActionContactUpdated   Action = "contact_updated"
	ActionContactUnchanged Action = "contact_unchanged"
	ActionTicketCreated    Action = "ticket_created"
	ActionSkipped          Action = "skipped"
)

// The reasons for skipping an event.
const (
	skippedType        = "neither identify nor track"
	skippedIntegration = "integrations.Trengo is false"
	skippedByAll       = "integrations.All is false"
	skippedEvent       = "event not in the template map"
)

// A Result is what an event did.
type Result struct {
	Action    Action // empty if the event failed
	Reason    string // why the event was skipped
	ContactID int64  // zero if there is none
	TicketID  int64  // zero if there is none
	// Duplicate reports whether the message was processed before. The rest of
	// the Result is what was done then; nothing was sent now.
	Duplicate bool
}

// An Outcome is how one event of [Destination.ProcessAll], or of a request to the
// handler of [NewHandler], ended.
type Outcome struct {
	Index  int    // the position in the input, from 0
	Event  *Event // nil if the input had an error in its place
	Result Result
	Err    error // as of [Destination.Process], or an error of the input
}

// A Plan is what an event would do.
type Plan struct {
	// Result is what [Destination.Process] would report. What does not exist
	// yet has the ID 0.
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
