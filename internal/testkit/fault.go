package testkit

import (
	"context"
	"errors"
	"io"
	"slices"
	"syscall"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// LostResponses are the ways in which the response to a request that took
// effect can be lost.
var LostResponses = map[string]trengotest.Fault{
	"connection lost":   trengotest.LostAfter(),
	"response cut off":  trengotest.Truncated(),
	"response too late": trengotest.Slow(trengo.DefaultTimeout + time.Second),
}

// HTMLPage is the body of a response that is a web page.
const HTMLPage = "<!DOCTYPE html><html></html>"

// sentinels are the errors that an error can be compared with, or must never
// match.
var sentinels = map[string]error{
	"not found":          trengo.ErrNotFound,
	"unauthorized":       trengo.ErrUnauthorized,
	"rate limited":       trengo.ErrRateLimited,
	"unprocessable":      trengo.ErrUnprocessable,
	"outcome unknown":    trengo.ErrOutcomeUnknown,
	"invalid event":      trengo.ErrInvalidEvent,
	"missing identifier": trengo.ErrMissingIdentifier,
	"contact not found":  trengo.ErrContactNotFound,
	"ambiguous contact":  trengo.ErrAmbiguousContact,
	"canceled":           context.Canceled,
	"deadline exceeded":  context.DeadlineExceeded,
	"EOF":                io.EOF,
	"unexpected EOF":     io.ErrUnexpectedEOF,
	"refused":            syscall.ECONNREFUSED,
	"reset":              syscall.ECONNRESET,
}

// MatchingSentinels returns the names of the sentinel errors that err matches,
// sorted: those of package trengo ("not found"), and "canceled", "deadline
// exceeded", "EOF", "unexpected EOF", "refused" and "reset".
func MatchingSentinels(err error) []string {
	var names []string
	for name, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
