package trengo

import (
	"cmp"
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

// A tokenSourceError says why an attempt did not get a token.
type tokenSourceError struct{ err error }

func (e *tokenSourceError) Error() string {
	return "no token: " + cmp.Or(nameError(e.err), "the source failed")
}

func (e *tokenSourceError) Unwrap() error { return e.err }

// An invalidRequestError says why a request was not sent: it makes no sense.
type invalidRequestError struct{ err error }

func (e *invalidRequestError) Error() string { return "invalid request: " + safeErrorText(e.err) }

func (e *invalidRequestError) Unwrap() error { return e.err }

// safeErrorText returns what may be printed of an error of another package.
func safeErrorText(err error) string {
	if err == nil {
		return "no response"
	}
	return cmp.Or(nameError(err), "unknown error")
}
