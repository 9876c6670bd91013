package trengo_test

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
)

// A typedError has a type that says something.
type typedError struct{ error }

// What the error of a call says of errors that say nothing by their type.
func TestError_textOfTheCause(t *testing.T) {
	t.Parallel()
	foreign := errors.New("zoe quill")
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	broken := func(text string) error {
		return fmt.Errorf("net/http: HTTP/1.x transport connection broken: %w", errors.New(text))
	}
	tests := []struct {
		name  string
		cause error
		want  string
	}{
		{"text", foreign, "connection lost"},
		{"wrapped text", fmt.Errorf("zoe: %w", foreign), "connection lost"},
		{"joined texts", errors.Join(foreign, foreign), "connection lost"},
		{"an error of another package", typedError{foreign}, "trengo_test.typedError"},
		{"an error of another package, wrapped", fmt.Errorf("zoe: %w", typedError{foreign}), "trengo_test.typedError"},
		{"a dial without a system error", dial(foreign), "dial: failed"},
		{"an address", dial(&net.AddrError{Err: "missing port", Addr: "zoe"}), "invalid address"},
		{"a closed connection", dial(net.ErrClosed), "connection lost"},
		{"a closed pipe", io.ErrClosedPipe, "connection lost"},
		{"a kept connection", errors.New("http: server closed idle connection"), "connection lost"},
		{"a host", dial(&net.DNSError{Name: "zoe", IsNotFound: true}), "host not found"},
		{"a slow name server", dial(&net.DNSError{Name: "zoe", IsTimeout: true}), "timeout of the host lookup"},
		{"a server without TLS", tls.RecordHeaderError{Msg: "zoe"}, "the server does not speak TLS"},
		{"a server without TLS, found by a client", http.ErrSchemeMismatch, "the server does not speak TLS"},
		{"a TLS alert of the server", &net.OpError{Op: "remote error", Err: foreign}, "the server ended the TLS handshake"},
		{"a TLS alert of the client", &net.OpError{Op: "local error", Err: foreign}, "TLS handshake failed"},
		{"a TLS error without a type", errors.New("tls: server selected unsupported protocol version 301"), "TLS handshake failed"},
		{"an unknown authority", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, "certificate not trusted: unknown authority"},
		{"another host", &tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: &x509.Certificate{DNSNames: []string{"zoe"}}, Host: "quill"}}, "certificate not trusted: it is for another host"},
		{"an old certificate", &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired, Detail: "zoe"}}, "certificate not trusted: it has expired or is not valid yet"},
		{"another certificate", x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign, Detail: "zoe"}, "certificate not trusted"},
		{"a proxy's status", errors.New("Proxy Authentication Required"), "the proxy did not connect (407)"},
		{"a stream", errors.New("stream error: stream ID 3; INTERNAL_ERROR; received from peer"), "HTTP/2 error INTERNAL_ERROR"},
		{"a stream with an unknown code", errors.New("stream error: stream ID 3; unknown error code 0x77; zoe"), "HTTP/2 error"},
		{"a connection", errors.New("connection error: PROTOCOL_ERROR"), "HTTP/2 error PROTOCOL_ERROR"},
		{"GOAWAY with data of the server", errors.New(`http2: server sent GOAWAY and closed the connection; LastStreamID=1, ErrCode=ENHANCE_YOUR_CALM, debug="zoe PROTOCOL_ERROR"`), "HTTP/2 error GOAWAY"},
		{"a request that is not sent again", errors.New("http2: Transport: cannot retry err [stream error: stream ID 1; PROTOCOL_ERROR; received from peer] after Request.Body was written; define Request.GetBody to avoid this error"), "HTTP/2 error PROTOCOL_ERROR"},
		{"a lost HTTP/2 connection", errors.New("http2: client connection lost"), "HTTP/2 error"},
		{"not HTTP", broken(`malformed HTTP response "zoe"`), "malformed HTTP response"},
		{"a status that is not a number", broken(`malformed HTTP status code "zoe"`), "malformed HTTP response"},
		{"a header", textproto.ProtocolError("malformed MIME header line: zoe"), "malformed HTTP response"},
		{"a chunk", errors.New("invalid byte in chunk length"), "malformed HTTP response"},
		{"a header that is too long", errors.New("net/http: server response headers exceeded 10485760 bytes; aborted"), "the header of the response is too long"},
		{"not gzip", gzip.ErrHeader, "the response is not valid gzip"},
		{"damaged gzip", gzip.ErrChecksum, "the response is not valid gzip"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			failing := testkit.RoundTripperFunc(func(*http.Request) (*http.Response, error) { return nil, tt.cause })
			err := fixtures.NewClient(t, failing, trengo.WithMaxRetries(0)).Do(t.Context(), trengo.Request{Path: "/labels"}, nil)
			if diff := cmp.Diff("trengo: GET /labels: "+tt.want, fmt.Sprint(err)); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
			if !errors.Is(err, tt.cause) && !strings.Contains(tt.want, "proxy") {
				t.Error("the error does not wrap its cause")
			}
		})
	}
}

// Of an error without a kind, the text says how far the attempt came.
func TestError_textByTheEndOfTheAttempt(t *testing.T) {
	t.Parallel()
	foreign := errors.New("zoe quill")
	body := func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(failingReader{foreign})}, nil
	}
	dialer := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, foreign }}
	for _, tt := range []struct {
		name      string
		transport http.RoundTripper
		want      string
	}{
		{"before the connection", dialer, "trengo: GET /labels: no connection"},
		{"within the body", testkit.RoundTripperFunc(body), "trengo: GET /labels: 200 OK: the response cannot be read"},
		{"a transport that returns nothing", testkit.RoundTripperFunc(func(*http.Request) (*http.Response, error) { return nil, nil }), "trengo: GET /labels: the transport (testkit.RoundTripperFunc) returned neither a response nor an error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := fixtures.NewClient(t, tt.transport, trengo.WithMaxRetries(0)).Do(t.Context(), trengo.Request{Path: "/labels"}, nil)
			if diff := cmp.Diff(tt.want, fmt.Sprint(err)); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
		})
	}
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }
