package trengo

import (
	"errors"
	"strings"

	"github.com/trengo-go/trengo/internal/identity"
)

// A pastError is the error of an operation as it is remembered: its text and what
// it matches, without the response of Trengo.
type pastError struct {
	text   string // unprefixed
	causes []error
}

const (
	// maxFailureText limits the characters of a remembered text: it contains the
	// names of invalid fields, which are Trengo's.
	maxFailureText = 500
	// maxFailureContacts limits the contacts of a remembered AmbiguousContactError.
	maxFailureContacts = 10
)

func newPastError(err error) *pastError {
	past := &pastError{text: strings.Clone(identity.CleanLine(unprefixedText(err), maxFailureText))}
	for _, sentinel := range [...]error{ErrInvalidEvent, ErrMissingIdentifier, ErrContactNotFound} {
		if errors.Is(err, sentinel) {
			past.causes = append(past.causes, sentinel)
		}
	}
	var ambiguous *AmbiguousContactError
	if errors.As(err, &ambiguous) {
		ids := ambiguous.ContactIDs[:min(maxFailureContacts, len(ambiguous.ContactIDs))]
		past.causes = append(past.causes, &AmbiguousContactError{
			ContactIDs: append([]int64(nil), ids...),
			Truncated:  ambiguous.Truncated || len(ids) < len(ambiguous.ContactIDs),
		})
	}
	var failed *Error
	if errors.As(err, &failed) && failed.StatusCode != 0 {
		past.causes = append(past.causes, &Error{
			Method: failed.Method, Path: failed.Path, StatusCode: failed.StatusCode, Attempts: failed.Attempts,
		})
	}
	return past
}

func (e *pastError) Error() string { return errorPrefix + e.unprefixed() }

func (e *pastError) unprefixed() string { return e.text }

func (e *pastError) Unwrap() []error { return e.causes }
