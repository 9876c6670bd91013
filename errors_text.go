package trengo

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/trengo-go/trengo/internal/transport"
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

// A tokenSourceError says why an attempt did not get a token.
type tokenSourceError struct{ err error }

func (e *tokenSourceError) Error() string { return "no token: " + safeErrorText(e.err) }

func (e *tokenSourceError) Unwrap() error { return e.err }

// An invalidRequestError says why a request was not sent: it makes no sense.
type invalidRequestError struct{ err error }

func (e *invalidRequestError) Error() string { return "invalid request: " + safeErrorText(e.err) }

func (e *invalidRequestError) Unwrap() error { return e.err }

// safeErrorText returns what may be printed of an error of another package. It does
// not use the text of the error, because the standard library quotes what it
// received.
func safeErrorText(err error) string {
	var (
		own       safeText
		source    *tokenSourceError
		invalid   *invalidRequestError
		mismatch  *json.UnmarshalTypeError
		lookup    *net.DNSError
		network   *net.OpError
		errno     syscall.Errno
		untrusted *tls.CertificateVerificationError
		timed     interface{ Timeout() bool }
	)
	switch {
	case err == nil:
		return "no response"
	case errors.As(err, &source):
		return source.Error()
	case errors.As(err, &invalid):
		return invalid.Error()
	case errors.As(err, &own):
		return string(own)
	case errors.Is(err, transport.ErrTooLate):
		return "not sent, because " + transport.ErrTooLate.Error()
	case errors.Is(err, context.Canceled):
		return "context canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "connection lost"
	case errors.Is(err, transport.ErrResponseTooLong):
		return "the response is too long"
	case errors.As(err, &mismatch):
		return "the response does not fit " + mismatch.Type.String()
	case errors.As(err, &lookup):
		return "host not found"
	case errors.As(err, &errno) && errors.As(err, &network):
		return network.Op + ": " + errno.Error()
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
