package trengo

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/trengo-go/trengo/internal/inbound"
)

// A handlerResponse is the response to one event, or to a whole request.
type handlerResponse struct {
	Status    int               `json:"status"`
	Action    Action            `json:"action,omitempty"`
	Reason    string            `json:"reason,omitempty"` // why the event was skipped
	Duplicate bool              `json:"duplicate,omitempty"`
	Error     string            `json:"error,omitempty"`
	Events    []handlerResponse `json:"events,omitzero"`

	retryAfter time.Duration
}

func rejectionResponse(r *inbound.Rejection) *handlerResponse {
	return &handlerResponse{Status: r.Status, Error: r.Reason}
}

func outcomeResponse(o *Outcome, status int) handlerResponse {
	resp := handlerResponse{Status: status, Action: o.Result.Action, Reason: o.Result.Reason, Duplicate: o.Result.Duplicate}
	if o.Err != nil {
		resp.Error = o.Err.Error()
	}
	var failed *Error
	if errors.As(o.Err, &failed) {
		resp.retryAfter = failed.RetryAfter
	}
	return resp
}

// urgency orders the statuses of an array's events; the array gets the last of
// them. An event with 429 is delivered again for as long as it takes; the sender
// gives up on the others after hours.
var urgency = []int{
	http.StatusOK,
	http.StatusBadRequest,
	http.StatusInternalServerError,
	http.StatusServiceUnavailable,
	http.StatusTooManyRequests,
}

// arrayResponse is the response to an array whose events have these.
func arrayResponse(events []handlerResponse) *handlerResponse {
	whole := &handlerResponse{Events: events}
	most := 0
	for i := range events {
		most = max(most, slices.Index(urgency, events[i].Status))
		whole.retryAfter = max(whole.retryAfter, events[i].retryAfter)
	}
	whole.Status = urgency[most]
	return whole
}

// write sends the response.
func (r *handlerResponse) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	if r.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(r.retryAfter.Seconds()))))
	}
	line, err := json.Marshal(r)
	if err != nil {
		panic(err) // JSON has everything that a response can contain
	}
	w.WriteHeader(r.Status)
	// A sender that has gone does not read the response.
	_, _ = w.Write(append(line, '\n'))
}

// eventStatus is the status of an event that ended with err.
func eventStatus(err error, retryContactNotFound bool) int {
	switch {
	case err == nil:
		return http.StatusOK
	case errors.Is(err, ErrOutcomeUnknown):
		return http.StatusServiceUnavailable
	case errors.Is(err, ErrRateLimited), endedBeforeSending(err):
		return http.StatusTooManyRequests
	case Retryable(err), retryContactNotFound && errors.Is(err, ErrContactNotFound):
		return http.StatusServiceUnavailable
	case errors.As(err, new(*panicError)):
		return http.StatusInternalServerError
	default:
		return http.StatusBadRequest
	}
}

// endedBeforeSending reports whether the time ran out before anything was sent:
// the event waited for others of its person, or for its turn at a Trengo that
// had become busier than predicted.
func endedBeforeSending(err error) bool {
	var failed *Error
	if errors.As(err, &failed) && (failed.Attempts > 0 || errors.As(err, new(*tokenSourceError))) {
		return false
	}
	return errors.Is(err, context.DeadlineExceeded)
}
