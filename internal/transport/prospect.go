package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// A prospect says what to expect of another attempt after one that failed.
type prospect int

const (
	prospectGood     prospect = iota // it may well succeed
	prospectDoubtful                 // it is worth one try
	prospectNone                     // it fails in the same way
)

// A prospectError is an error that knows its prospect.
type prospectError struct {
	error
	prospect prospect
}

func (e *prospectError) Unwrap() error { return e.error }

// Doubtful marks an error of [Call.Accept]: the call is repeated once at most.
func Doubtful(err error) error { return &prospectError{err, prospectDoubtful} }

// Permanent marks an error of [Call.Accept]: the call is not repeated.
func Permanent(err error) error { return &prospectError{err, prospectNone} }

// prospectOf judges an attempt by its error.
func prospectOf(err error) prospect {
	if err == nil {
		return prospectGood
	}
	var known *prospectError
	var lookup *net.DNSError
	var proxy *ProxyError
	switch {
	case errors.As(err, &known):
		return known.prospect
	case errors.As(err, &proxy) && proxy.isRefusal(), isCertificateError(err), isRefusedAsText(err):
		return prospectNone
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return prospectDoubtful
	}
	return prospectGood
}

func isCertificateError(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		host         x509.HostnameError
		invalid      x509.CertificateInvalidError
	)
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid)
}

// isRefusedAsText reports whether the server rejected the certificate of the client,
// or a SOCKS proxy the connection. Net/http has these errors as text only.
func isRefusedAsText(err error) bool {
	var failed *net.OpError
	if !errors.As(err, &failed) || failed.Err == nil {
		return false
	}
	text := failed.Err.Error()
	switch failed.Op {
	case "remote error":
		return strings.Contains(text, "certificate")
	case "socks connect":
		return strings.HasSuffix(text, "not allowed by ruleset") || strings.Contains(text, "authentication")
	}
	return false
}

// A ProxyError means that the proxy did not connect the client to the server.
type ProxyError struct{ StatusCode int }

func (e *ProxyError) Error() string {
	return fmt.Sprintf("the proxy did not connect (%d)", e.StatusCode)
}

// isRefusal reports whether the proxy would say the same again.
func (e *ProxyError) isRefusal() bool {
	switch e.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return e.StatusCode >= 400 && e.StatusCode < 500
}

// checkProxy is the OnProxyConnectResponse of the default transport.
func checkProxy(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return &ProxyError{resp.StatusCode}
	}
	return nil
}

// asProxyError returns a [ProxyError] in place of what other transports of net/http
// say: only the text of the proxy's status.
func asProxyError(err error) error {
	text := err.Error()
	for status := 400; status < 600; status++ {
		if name := http.StatusText(status); name != "" && strings.EqualFold(text, name) {
			return &ProxyError{status}
		}
	}
	return err
}
