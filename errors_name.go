package trengo

import (
	"cmp"
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"syscall"

	"github.com/trengo-go/trengo/internal/transport"
)

// nameError says of what kind an error is, "" if that is not known. It does not use
// the text of an error of another package, because the standard library quotes
// what it received.
func nameError(err error) string {
	for _, name := range []func(error) string{nameOwn, nameContext, nameTLS, nameConnection, nameHTTP} {
		if text := name(err); text != "" {
			return text
		}
	}
	return nameType(err)
}

// nameOwn names errors of this module.
func nameOwn(err error) string {
	var (
		own      safeText
		named    *namedError
		source   *tokenSourceError
		invalid  *invalidRequestError
		mismatch *mismatchError
		proxy    *transport.ProxyError
		contract transport.ContractError
		part     *json.UnmarshalTypeError
	)
	switch {
	case errors.As(err, &source):
		return source.Error()
	case errors.As(err, &invalid):
		return invalid.Error()
	case errors.As(err, &named):
		return named.Error()
	case errors.As(err, &mismatch):
		return mismatch.Error()
	case errors.As(err, &own):
		return string(own)
	case errors.As(err, &proxy):
		return proxy.Error()
	case errors.As(err, &contract):
		return contract.Error()
	case errors.Is(err, transport.ErrTooLate):
		return "not sent, because " + transport.ErrTooLate.Error()
	case errors.Is(err, transport.ErrResponseTooLong):
		return transport.ErrResponseTooLong.Error()
	case errors.Is(err, transport.ErrStreamReset):
		return transport.ErrStreamReset.Error()
	case errors.As(err, &part):
		return "the response does not fit " + part.Type.String()
	}
	return ""
}

func nameContext(err error) string {
	switch {
	case errors.Is(err, context.Canceled):
		return "context canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	}
	return ""
}

func nameTLS(err error) string {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		host         x509.HostnameError
		invalid      x509.CertificateInvalidError
		header       tls.RecordHeaderError
		network      *net.OpError
	)
	switch {
	case errors.As(err, &authority):
		return "certificate not trusted: unknown authority"
	case errors.As(err, &host):
		return "certificate not trusted: it is for another host"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "certificate not trusted: it has expired or is not valid yet"
	case errors.As(err, &verification), errors.As(err, &invalid):
		return "certificate not trusted"
	case errors.As(err, &header), errors.Is(err, http.ErrSchemeMismatch):
		return "the server does not speak TLS"
	case errors.As(err, &network) && network.Op == "remote error":
		return "the server ended the TLS handshake"
	case errors.As(err, &network) && network.Op == "local error", strings.HasPrefix(innerText(err), "tls: "):
		return "TLS handshake failed"
	}
	return ""
}

func nameConnection(err error) string {
	var (
		lookup  *net.DNSError
		network *net.OpError
		address *net.AddrError
		errno   syscall.Errno
		timed   interface{ Timeout() bool }
	)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrClosedPipe):
		return "connection lost"
	case errors.As(err, &lookup) && lookup.IsTimeout:
		return "timeout of the host lookup"
	case errors.As(err, &lookup):
		return "host not found"
	case errors.As(err, &errno) && errors.As(err, &network):
		return network.Op + ": " + errno.Error()
	case errors.As(err, &errno):
		return errno.Error()
	case errors.As(err, &timed) && timed.Timeout():
		return "timeout"
	case errors.As(err, &address):
		return "invalid address"
	case errors.As(err, &network):
		return network.Op + ": failed"
	}
	return ""
}

// nameHTTP names what net/http has as text only, by its beginning.
func nameHTTP(err error) string {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum), errors.As(err, &corrupt):
		return "the response is not valid gzip"
	case errors.As(err, new(textproto.ProtocolError)):
		return malformedResponse
	}
	text := innerText(err)
	for _, kind := range []struct{ beginning, name string }{
		{"malformed ", malformedResponse},
		{"invalid byte in chunk length", malformedResponse},
		{"http chunk length too large", malformedResponse},
		{"chunked ", malformedResponse},
		{"header line too long", malformedResponse},
		{"net/http: server response headers exceeded", "the header of the response is too long"},
		{"http: server closed idle connection", "connection lost"},
		{"http: server gave HTTP response", "the server does not speak TLS"},
	} {
		if strings.HasPrefix(text, kind.beginning) {
			return kind.name
		}
	}
	for _, beginning := range []string{"http2: ", "stream error: ", "connection error: "} {
		if strings.HasPrefix(text, beginning) {
			return nameHTTP2(text)
		}
	}
	return ""
}

const malformedResponse = "malformed HTTP response"

// innerText is the text of an error without what net/http writes before it.
func innerText(err error) string {
	return strings.TrimPrefix(err.Error(), "net/http: HTTP/1.x transport connection broken: ")
}

// nameHTTP2 names an error by the first code in its text: what comes after it may be
// from the server.
func nameHTTP2(text string) string {
	code, first := "", len(text)
	for _, candidate := range []string{
		"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
		"FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
		"INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED", "GOAWAY",
	} {
		if at := strings.Index(text, candidate); at >= 0 && at < first {
			code, first = candidate, at
		}
	}
	if code == "" {
		return "HTTP/2 error"
	}
	return "HTTP/2 error " + code
}

// nameType returns the type of the first error in the chain that has one of its
// own.
func nameType(err error) string {
	for ; err != nil; err = errors.Unwrap(err) {
		name := fmt.Sprintf("%T", err)
		switch pkg, _, _ := strings.Cut(strings.TrimPrefix(name, "*"), "."); pkg {
		case "errors", "fmt", "url", "transport":
		default:
			return name
		}
	}
	return ""
}

// safeErrorText returns what may be printed of an error of another package.
func safeErrorText(err error) string {
	if err == nil {
		return "no response"
	}
	return cmp.Or(nameError(err), "unknown error")
}

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
