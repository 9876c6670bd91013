package trengo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trengo-go/trengo/internal/transport"
)

// The errors of calls to Trengo. Match them with [errors.Is]; the details are
// in the [*Error] that wraps them.
var (
	// ErrNotFound is returned when the contact, ticket or channel does not
	// exist, or the token may not see it (404).
	ErrNotFound = errors.New("not found")

	// ErrUnauthorized is returned when the token is unknown or was revoked
	// (401), or lacks the right to make the call (403).
	ErrUnauthorized = errors.New("unauthorized")

	// ErrRateLimited is returned when the rate limit leaves no room for the
	// call in time. Either Trengo said so (429), or the client could tell
	// beforehand that the call would miss its context's deadline or the bound
	// of [WithMaxWait], and did not send it. A waiting call fails the same way
	// as soon as its turn is predicted to come too late, for example because
	// another process uses the token or Trengo has become slow. A caller that
	// tries again in a loop must first wait for [Error.RetryAfter].
	ErrRateLimited = errors.New("rate limited")

	// ErrUnprocessable is returned when Trengo rejects the values (422).
	// [Error.Fields] names them.
	ErrUnprocessable = errors.New("unprocessable")

	// ErrOutcomeUnknown is returned when a call that changes something may or
	// may not have taken effect. The client did not repeat anything that could
	// act twice; find out before you repeat the call.
	ErrOutcomeUnknown = errors.New("outcome unknown")
)

// The errors of events, in addition to those of the calls that an event needs.
// They are permanent: the event fails again until somebody changes the event,
// the contact or the configuration.
var (
	// ErrInvalidEvent is returned when an event cannot be read, does not have
	// a type, or names a channel or contact with something that is not an ID.
	ErrInvalidEvent = errors.New("invalid event")

	// ErrMissingIdentifier is returned when an event does not have a usable
	// email or phone number, whichever [DestinationConfig.ChannelIdentifier]
	// asks for.
	ErrMissingIdentifier = errors.New("missing identifier")

	// ErrContactNotFound is returned when Trengo does not know the person of a
	// track event and [DestinationConfig.CreateMissingContacts] is off, or when
	// the event has only a user ID, and that does not lead to a contact.
	ErrContactNotFound = errors.New("contact not found")

	// ErrAmbiguousContact is returned when several contacts have the
	// identifier of the event, when a search has too many hits to read them all,
	// or when creating a contact returned one with another identifier. The
	// [*AmbiguousContactError] lists them.
	ErrAmbiguousContact = errors.New("ambiguous contact")
)

// ErrTooManyPending is returned when so many contacts and tickets may or may not
// have been created that another one could not be remembered if its response were
// lost; see [DestinationConfig.MaxMessages]. It was not created. The error passes
// when events that ended with [ErrOutcomeUnknown] are delivered again, or with
// [Destination.Resolve].
var ErrTooManyPending = errors.New("too many creates with an unknown outcome")

// errNoMemory is returned when the memory for events had no room in time.
var errNoMemory = errors.New("other events take all of MaxDecodedBytes")

// An Error is the error of every call that ended without a usable response. It
// matches the sentinels of this package with [errors.Is].
//
// Header, Message, Fields and Body are Trengo's and may contain personal data.
// Error prints none of them, except the names of invalid fields.
type Error struct {
	Method string
	// Path is below the base URL, without the query. Error prints only the
	// parts that [Request.Path] describes.
	Path string
	// StatusCode is the status of the last response; zero if none arrived.
	StatusCode int
	// Header is the header of the last response, for example for a request ID;
	// nil if none arrived.
	Header http.Header
	// Message is Trengo's explanation, in the language of the token's user, at
	// most 1 KB of it.
	Message string
	// Fields holds Trengo's complaints by the name of the field: at most 50
	// fields, each with at most 10 complaints of at most 1 KB.
	Fields map[string][]string
	// RetryAfter is how long to wait before trying again, at most an hour;
	// zero if that is not known.
	RetryAfter time.Duration
	// Attempts is how many times the request was sent.
	Attempts int
	// Body is the beginning of the last response, at most 1 KB.
	Body []byte
	// OutcomeUnknown reports whether the call may have taken effect.
	OutcomeUnknown bool
	// Err is the cause, if it is not the status; nil otherwise.
	Err error

	turnedAway bool // by something in front of Trengo
}

// Error says which call failed and why, without personal data: it prints the
// names of invalid fields, not their values.
func (e *Error) Error() string { return errorPrefix + e.unprefixed() }

func (e *Error) unprefixed() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s", printableMethod(e.Method), printablePath(e.Path), e.reason())
	if e.OutcomeUnknown {
		b.WriteString("; outcome unknown")
	}
	if names := e.fieldNames(); len(names) > 0 {
		fmt.Fprintf(&b, "; invalid fields: %s", strings.Join(names, ", "))
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, "; retry after %s", e.RetryAfter.Round(time.Millisecond))
	}
	if e.Attempts > 1 {
		fmt.Fprintf(&b, "; %d attempts", e.Attempts)
	}
	return b.String()
}

func (e *Error) reason() string {
	cause := ""
	switch {
	case errors.Is(e.Err, ErrRateLimited) && !errors.As(e.Err, new(*tokenSourceError)):
		cause = "the rate limit leaves no room in time"
	case e.Err != nil || e.StatusCode == 0:
		cause = safeErrorText(e.Err)
	}
	if e.StatusCode == 0 {
		return cause
	}
	status := strings.TrimSpace(strconv.Itoa(e.StatusCode) + " " + http.StatusText(e.StatusCode))
	if cause == "" {
		return status
	}
	return status + ": " + cause
}

// fieldNames returns the keys of Fields that look like the name of a field.
// Any other key may be somebody's data.
func (e *Error) fieldNames() []string {
	names := slices.Sorted(maps.Keys(e.Fields))
	return slices.DeleteFunc(names, func(name string) bool {
		const inNames = "abcdefghijklmnopqrstuvwxyz0123456789_.*"
		return name == "" || name[0] < 'a' || name[0] > 'z' || strings.Trim(name, inNames) != ""
	})
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether e matches target, one of this package's sentinels. An
// error may match more than one: a ticket whose response was lost and whose
// retry then met the rate limit is both [ErrOutcomeUnknown] and
// [ErrRateLimited].
func (e *Error) Is(target error) bool {
	switch target {
	case ErrNotFound:
		return e.StatusCode == http.StatusNotFound
	case ErrUnauthorized:
		return e.StatusCode == http.StatusUnauthorized || e.StatusCode == http.StatusForbidden
	case ErrRateLimited:
		return e.StatusCode == http.StatusTooManyRequests
	case ErrUnprocessable:
		return e.StatusCode == http.StatusUnprocessableEntity
	case ErrOutcomeUnknown:
		return e.OutcomeUnknown
	}
	return false
}

// An AmbiguousContactError is an [ErrAmbiguousContact] with the contacts that
// somebody has to merge or tell apart.
type AmbiguousContactError struct {
	// ContactIDs are the contacts with the identifier of the event, in
	// Trengo's order.
	ContactIDs []int64
	// Truncated reports whether the search was abandoned before its end, so
	// that there may be more contacts.
	Truncated bool
}

// Error lists the IDs.
func (e *AmbiguousContactError) Error() string { return errorPrefix + e.unprefixed() }

func (e *AmbiguousContactError) unprefixed() string {
	ids := make([]string, len(e.ContactIDs))
	for i, id := range e.ContactIDs {
		ids[i] = strconv.FormatInt(id, 10)
	}
	text := ErrAmbiguousContact.Error()
	if len(ids) > 0 {
		text += ": " + strings.Join(ids, ", ")
	}
	if e.Truncated {
		text += "; the search has too many pages to read them all"
	}
	return text
}

// Is makes the error match [ErrAmbiguousContact].
func (e *AmbiguousContactError) Is(target error) bool { return target == ErrAmbiguousContact }

// Retryable reports whether delivering the same event, or making the same
// call, again later may succeed. It is true for a rate limit, an unknown
// outcome or too many of them, an outage of Trengo or the network, a context that
// ended, and a rejected token, which an operator can replace. It is also true for
// a redirect, for a 407, 421, 425 or 501, and for any other 4xx whose body is not
// JSON: that is a maintenance page or a firewall, not Trengo. It is false for what
// fails again: an invalid event, an unknown or ambiguous contact, any other 4xx, and
// nil.
//
// It does not say that repeating is harmless. Give a repeated event to the
// same [Destination]. Before you repeat a call of a [Client] that ended with
// [ErrOutcomeUnknown], find out whether it took effect.
func Retryable(err error) bool {
	for _, passing := range [...]error{ErrOutcomeUnknown, ErrRateLimited, ErrUnauthorized, ErrTooManyPending, errNoMemory} {
		if errors.Is(err, passing) {
			return true
		}
	}
	var failed *Error
	if !errors.As(err, &failed) {
		return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	}
	switch status := failed.StatusCode; {
	case status == 0:
		return !errors.As(err, new(*invalidRequestError))
	case failed.turnedAway, transport.IsTurnedAway(status), status == http.StatusRequestTimeout:
		return true
	default:
		return status < 400 || status >= 500
	}
}
