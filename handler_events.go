package trengo

import (
	"bytes"
	"net/http"
	"strconv"

	"github.com/trengo-go/trengo/internal/inbound"
)

// maxReceived limits the events of one request. RudderStack sends up to 100.
const maxReceived = 1000

// receivedEvents returns the events of a body, which may be an array of them or an
// envelope. isArray says that they get a status each.
func receivedEvents(body []byte) (events []receivedEvent, isArray bool, rejected *inbound.Rejection) {
	body = trimJSON(body)
	if inner, ok := bytes.CutPrefix(body, []byte("[")); ok && string(trimJSON(inner)) == "]" {
		return nil, true, &inbound.Rejection{Status: http.StatusBadRequest, Reason: emptyArray}
	}
	tooMany := false
	eachEvent(body, func(raw *rawEvent, err error) bool {
		// Checked here, not at the end: a body of 4 MB can contain millions of
		// elements, which take far more memory than the body.
		if tooMany = len(events) == maxReceived; tooMany {
			return false
		}
		if err == nil {
			err = raw.check()
		}
		events = append(events, receivedEvent{*raw, err})
		isArray = isArray || raw.isListed
		return true
	})
	if tooMany {
		return nil, true, &inbound.Rejection{
			Status: http.StatusRequestEntityTooLarge,
			Reason: "the array has over " + strconv.Itoa(maxReceived) + " events",
		}
	}
	return events, isArray, nil
}

// emptyArray is for operators: RudderStack's HTTP Webhook destination sends empty
// arrays for whole batches if its mapping is empty, and takes a 200 for success.
const emptyArray = "the array is empty: in RudderStack's HTTP Webhook destination, map the whole event, $ to $"
