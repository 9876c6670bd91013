package trengo

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/trengo-go/trengo/internal/transport"
)

// What a call to Trengo can end with. Compare with [errors.Is]; the details
// are in the [*Error] around them.
var (
	// ErrNotFound: the contact, ticket or channel does not exist, or the
	// token may not see it (404).
	ErrNotFound = errors.New("trengo: not found")

	// ErrUnauthorized: the token is unknown or was revoked (401), or lacks the
	// right to do this (403).
	ErrUnauthorized = errors.New("trengo: unauthorized")

	// ErrRateLimited: there is no room for the call in time. Either Trengo
	// said so (429), or the client could tell beforehand that the call would
	// miss its context's deadline or the bound of [WithMaxWait] and did not
	// send it. [Error.RetryAfter] says when to come back: a caller that tries
	// in a loop must wait that long.
	ErrRateLimited = errors.New("trengo: rate limited")

	// ErrUnprocessable: Trengo refuses the values (422). [Error.Fields] names
	// them.
	ErrUnprocessable = errors.New("trengo: unprocessable")

	// ErrOutcomeUnknown: the call changes something at Trengo, and it is not
	// known whether it did. Nothing was repeated that could act twice; look
	// before you repeat it.
	ErrOutcomeUnknown = errors.New("trengo: outcome unknown")
)

// What an event can end with, beside the errors of the calls it needs. They
// are permanent: the same event will fail again until somebody changes the
// event, the contact or the configuration.
var (
	// ErrInvalidEvent: the event cannot be read, has no type, or overrides
	// the channel or contact with something that is no id.
	ErrInvalidEvent = errors.New("trengo: invalid event")

	// ErrMissingIdentifier: the event has no usable e-mail or phone, whichever
	// [DestinationConfig.ChannelIdentifier] asks for.
	ErrMissingIdentifier = errors.New("trengo: missing identifier")

	// ErrContactNotFound: a track event is of a person whom Trengo does not
	// know, and [DestinationConfig.CreateMissingContacts] is off.
	ErrContactNotFound = errors.New("trengo: contact not found")

	// ErrAmbiguousContact: several contacts have the identifier of the event,
	// or creating one answered with somebody else's. The
	// [*AmbiguousContactError] has the ids.
	ErrAmbiguousContact = errors.New("trengo: ambiguous contact")
)

// maxErrorBody is how much of an answer an [Error] keeps.
const maxErrorBody = 1 << 10

// An Error is the error of every call that ended without an answer that can
// be used. It matches the sentinels of this package by [errors.Is].
//
// Message and Body are Trengo's words and can hold personal data. Error does
// not print them, nor the values of Fields, nor the text of Err.
type Error struct {
	Method string
	Path   string // below the base URL, without the query; Error prints of it what [Request.Path] says
	// StatusCode is that of the last answer; 0 if none came.
	StatusCode int
	// Message is Trengo's explanation, in the language of the token's user.
	Message string
	// Fields has Trengo's complaints by the name of the field.
	Fields map[string][]string
	// RetryAfter is how long to wait before the next try; 0 if nobody said. It
	// is never more than an hour, whatever Trengo asks for.
	RetryAfter time.Duration
	// Attempts is how many times the request was sent.
	Attempts int
	// Body is the beginning of the last answer, at most 1 KB.
	Body []byte
	// OutcomeUnknown says that the call may have had its effect.
	OutcomeUnknown bool
	// Err is the cause where it is not the status; nil otherwise.
	Err error
}

// Error says which call failed and why, without personal data: the names of
// invalid fields are printed, their values are not.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "trengo: %s %s: %s", printableMethod(e.Method), printablePath(e.Path), e.reason())
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
	if e.StatusCode == 0 {
		return describe(e.Err)
	}
	reason := strings.TrimSpace(strconv.Itoa(e.StatusCode) + " " + http.StatusText(e.StatusCode))
	if e.Err != nil {
		reason += ": " + describe(e.Err)
	}
	return reason
}

// fieldNames are those that look like the name of a field. What Trengo sends
// there otherwise may be anybody's.
func (e *Error) fieldNames() []string {
	names := slices.Sorted(maps.Keys(e.Fields))
	return slices.DeleteFunc(names, func(name string) bool {
		return name == "" || !isLower(name[0]) || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_.*") != ""
	})
}

func isLower(c byte) bool { return c >= 'a' && c <= 'z' }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether the error is the one that target, a sentinel of this
// package, stands for. An error can be several: a ticket whose answer was
// lost and whose caller then ran into the rate limit is both
// [ErrOutcomeUnknown] and [ErrRateLimited].
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

// An AmbiguousContactError is the [ErrAmbiguousContact] of an event, with the
// contacts that somebody has to merge or tell apart.
type AmbiguousContactError struct {
	// ContactIDs are the contacts with the identifier of the event, in
	// Trengo's order.
	ContactIDs []int64
	// Truncated says that the search was given up before its end, so that
	// there may be more.
	Truncated bool
}

// Error lists the ids.
func (e *AmbiguousContactError) Error() string {
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

// Retryable reports whether it is worth delivering the same event, or making
// the same call, again later: true for a rate limit, an unknown outcome, an
// outage of Trengo or the network, a context that ended, and a refused token,
// because an operator can mend that. False for what will fail again: an event
// that is wrong, an unknown or ambiguous contact, any other 4xx, and nil.
//
// It does not say that repeating is harmless. Give a repeated event to the
// same [Destination]; look before you repeat a call of a [Client] that ended
// with [ErrOutcomeUnknown].
func Retryable(err error) bool {
	if errors.Is(err, ErrOutcomeUnknown) || errors.Is(err, ErrRateLimited) || errors.Is(err, ErrUnauthorized) {
		return true
	}
	var failed *Error
	if !errors.As(err, &failed) {
		return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	}
	switch status := failed.StatusCode; {
	case status == 0:
		return !errors.As(err, new(*invalidRequestError))
	case status < 300:
		return true
	default:
		return status == http.StatusRequestTimeout || status >= 500 && status != http.StatusNotImplemented
	}
}

// describe prints what is known to hold no personal data of an error that
// somebody else made: texts of the standard library quote what they received.
func describe(err error) string {
	var (
		own       ownError
		source    *tokenSourceError
		invalid   *invalidRequestError
		mismatch  *json.UnmarshalTypeError
		lookup    *net.DNSError
		operation *net.OpError
		errno     syscall.Errno
		untrusted *tls.CertificateVerificationError
		timed     interface{ Timeout() bool }
	)
	switch {
	case err == nil:
		return "no answer"
	case errors.As(err, &source):
		return "no token: " + describe(source.err)
	case errors.As(err, &invalid):
		return "not sent, because it is invalid: " + describe(invalid.err)
	case errors.As(err, &own):
		return string(own)
	case errors.Is(err, ErrRateLimited):
		return "no room within the rate limit in time"
	case errors.Is(err, transport.ErrTooLate):
		return "not sent, because " + transport.ErrTooLate.Error()
	case errors.Is(err, context.Canceled):
		return "context canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "connection lost"
	case errors.Is(err, transport.ErrAnswerTooLong):
		return "the answer is too long"
	case errors.As(err, &mismatch):
		return "the answer does not fit " + mismatch.Type.String()
	case errors.As(err, &lookup):
		return "host not found"
	case errors.As(err, &errno) && errors.As(err, &operation):
		return operation.Op + ": " + errno.Error()
	case errors.As(err, &errno):
		return errno.Error()
	case errors.As(err, &untrusted):
		return "certificate not trusted"
	case errors.As(err, &timed) && timed.Timeout():
		return "timeout"
	default:
		return fmt.Sprintf("%T", err)
	}
}

// placedError says where in the work of an event a call failed.
type placedError struct {
	place string
	err   error
}

func (e *placedError) Error() string {
	return "trengo: " + e.place + ": " + strings.TrimPrefix(e.err.Error(), "trengo: ")
}

func (e *placedError) Unwrap() error { return e.err }

// ownError is a text of this package, made without anybody's data.
type ownError string

func (e ownError) Error() string { return string(e) }

// tokenSourceError is why there is no token for an attempt.
type tokenSourceError struct{ err error }

func (e *tokenSourceError) Error() string { return "no token: " + describe(e.err) }

func (e *tokenSourceError) Unwrap() error { return e.err }

// invalidRequestError is why a request makes no sense and was not sent.
type invalidRequestError struct{ err error }

func (e *invalidRequestError) Error() string { return "invalid request: " + describe(e.err) }

func (e *invalidRequestError) Unwrap() error { return e.err }

func printableMethod(method string) string {
	if !isMethod(method) {
		return "…"
	}
	return method
}

func isMethod(method string) bool { return strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" }

// printablePath leaves out of a path whatever is neither a word of a route
// nor an id. A word in small letters is taken for one of the route: ids at
// Trengo are numbers.
func printablePath(path string) string {
	return mapSegments(path, func(segment string) bool { return isRouteWord(segment) || isID(segment) }, "…")
}

// routeOf turns a path into the route that logs and observers are given.
func routeOf(path string) string { return mapSegments(path, isRouteWord, "{id}") }

func mapSegments(path string, keep func(string) bool, instead string) string {
	clean := true
	for segment := range strings.SplitSeq(path, "/") {
		clean = clean && keep(segment)
	}
	if clean {
		return path
	}
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if !keep(segment) {
			segments[i] = instead
		}
	}
	return strings.Join(segments, "/")
}

func isRouteWord(segment string) bool {
	return strings.Trim(segment, "abcdefghijklmnopqrstuvwxyz_-") == ""
}

func isID(segment string) bool {
	_, ok := parseID(segment)
	return ok
}

// parseID reads an id: a positive number in plain digits.
func parseID(s string) (int64, bool) {
	id, err := strconv.ParseInt(s, 10, 64)
	return id, err == nil && id > 0 && s[0] != '+'
}
