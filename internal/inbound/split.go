package inbound

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
)

// maxElements limits the elements of one array. RudderStack sends up to 100.
const maxElements = 1000

// Split returns the elements of a body that is a JSON array. Anything else is
// one element, whether or not it is valid JSON.
func Split(body []byte) (elements []json.RawMessage, isArray bool, rejected *Rejection) {
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	whole := []json.RawMessage{body}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if first, err := decoder.Token(); err != nil || first != json.Delim('[') {
		return whole, false, nil
	}
	for decoder.More() {
		// Checked here, not at the end: a body of 4 MB can contain millions of
		// elements, which take far more memory than the body.
		if len(elements) == maxElements {
			return nil, true, &Rejection{
				http.StatusRequestEntityTooLarge,
				"the array has over " + strconv.Itoa(maxElements) + " events",
			}
		}
		var element json.RawMessage
		if err := decoder.Decode(&element); err != nil {
			return whole, false, nil
		}
		elements = append(elements, element)
	}
	last, err := decoder.Token()
	rest := bytes.TrimLeft(body[decoder.InputOffset():], " \t\r\n")
	if err != nil || last != json.Delim(']') || len(rest) > 0 {
		return whole, false, nil
	}
	if len(elements) == 0 {
		return nil, true, &Rejection{http.StatusBadRequest, emptyArray}
	}
	return elements, true, nil
}

// emptyArray is for operators: RudderStack's HTTP Webhook destination sends empty
// arrays for whole batches if its mapping is empty, and takes a 200 for success.
const emptyArray = "the array is empty: in RudderStack's HTTP Webhook destination, map the whole event, $ to $"
