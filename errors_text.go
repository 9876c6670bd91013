package trengo

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
)

// errorPrefix begins the text of every error that leaves this package, once:
// an error that wraps another one prints it unprefixed.
const errorPrefix = "trengo: "

// A prefixedError is an error whose text begins with errorPrefix.
type prefixedError interface {
	error
	unprefixed() string
}

func unprefixedText(err error) string {
	if own, ok := err.(prefixedError); ok { //nolint:errorlint // the outermost error decides whether the text has a prefix
		return own.unprefixed()
	}
	return err.Error()
}

// withPrefix adds the prefix to an error that does not have it.
func withPrefix(err error) error {
	if err == nil {
		return nil
	}
	if own, ok := err.(prefixedError); ok { //nolint:errorlint // see unprefixedText
		return own
	}
	return &opError{err: err}
}

// An opError says what was being done when err happened, as net.OpError does.
// Without an op it only adds the prefix.
type opError struct {
	op  string
	err error
}

func (e *opError) Error() string { return errorPrefix + e.unprefixed() }

func (e *opError) unprefixed() string {
	if e.op == "" {
		return unprefixedText(e.err)
	}
	return e.op + ": " + unprefixedText(e.err)
}

func (e *opError) Unwrap() error { return e.err }

// A chainError is several errors in one line, which all match.
type chainError struct {
	separator string
	errs      []error
}

func (e *chainError) Error() string { return errorPrefix + e.unprefixed() }

func (e *chainError) unprefixed() string {
	texts := make([]string, len(e.errs))
	for i, err := range e.errs {
		texts[i] = unprefixedText(err)
	}
	return strings.Join(texts, e.separator)
}

func (e *chainError) Unwrap() []error { return e.errs }

// A safeText is an error text of this package. It contains no personal data, so
// safeErrorText prints it.
type safeText string

func (e safeText) Error() string { return string(e) }

// A namedError is an error of another package with a text of this package in place
// of its own.
type namedError struct {
	text safeText
	err  error
}

func (e *namedError) Error() string { return string(e.text) }

func (e *namedError) Unwrap() error { return e.err }

// A mismatchError says that a response is not of the type that the caller wants.
// Another response would not be, either.
type mismatchError struct {
	wanted reflect.Type
	err    error
}

func (e *mismatchError) Error() string {
	wanted := e.wanted
	var part *json.UnmarshalTypeError
	if errors.As(e.err, &part) {
		wanted = part.Type
	}
	return "the response does not fit " + wanted.String()
}

func (e *mismatchError) Unwrap() error { return e.err }
