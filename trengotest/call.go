package trengotest

import (
	"strings"
	"time"
)

// A call is one request while the Server processes it.
type call struct {
	record *Request
	known  bool // the path is below /api/v2
	fault  Fault
	now    time.Time
	user   *User   // as whom the token acts
	ids    []int64 // the IDs in the path, in order
}

func (c *call) token() string {
	token, found := strings.CutPrefix(c.record.Header.Get("Authorization"), "Bearer ")
	if !found {
		return ""
	}
	return token
}

func (c *call) acceptsJSON() bool {
	accept := c.record.Header.Get("Accept")
	return strings.Contains(accept, "/json") || strings.Contains(accept, "+json")
}

// resourceName returns the first segment of the path, which names one of resources.
func (c *call) resourceName() string {
	name, _, _ := strings.Cut(strings.TrimPrefix(c.record.Path, "/"), "/")
	return name
}
