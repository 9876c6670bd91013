package transport

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

var errNoHost = &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "app.trengo.com", IsNotFound: true}}

// How often a call is tried whose connection always fails.
func TestConnectionsThatFail(t *testing.T) {
	tests := []struct {
		name     string
		err      error
		attempts int
	}{
		{"connection refused", errDial, 5},
		{"host not found", errNoHost, 2},
		{"host of the proxy not found", &net.OpError{Op: "proxyconnect", Net: "tcp", Err: errNoHost}, 2},
		{"host lookup that timed out", &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "i/o timeout", IsTimeout: true, IsTemporary: true}}, 5},
		{"host lookup that failed", &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "server misbehaving", IsTemporary: true}}, 5},
		{"certificate of an unknown authority", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, 1},
		{"certificate of an unknown authority, found by the caller", x509.UnknownAuthorityError{}, 1},
		{"certificate of another host", fmt.Errorf("tls: %w", x509.HostnameError{Host: "example.com"}), 1},
		{"certificate that has expired", x509.CertificateInvalidError{Reason: x509.Expired}, 1},
		{"certificate of the proxy", &net.OpError{Op: "proxyconnect", Net: "tcp", Err: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}}, 1},
		{"certificate of the client that is missing", &net.OpError{Op: "remote error", Err: errors.New("tls: certificate required")}, 1},
		{"certificate of the client that is not trusted", &net.OpError{Op: "remote error", Err: errors.New("tls: unknown certificate authority")}, 1},
		{"handshake that the server ended", &net.OpError{Op: "remote error", Err: errors.New("tls: internal error")}, 5},
		{"SOCKS proxy whose rules forbid it", &net.OpError{Op: "socks connect", Err: errors.New("unknown error connection not allowed by ruleset")}, 1},
		{"SOCKS proxy that wants other credentials", &net.OpError{Op: "socks connect", Err: errors.New("username/password authentication failed")}, 1},
		{"SOCKS proxy that wants credentials", &net.OpError{Op: "socks connect", Err: errors.New("no acceptable authentication methods")}, 1},
		{"SOCKS proxy that does not reach the host", &net.OpError{Op: "socks connect", Err: errors.New("unknown error host unreachable")}, 5},
		{"server without TLS", tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, 5},
		{"error of a dialer of the caller's", errors.New("no route"), 5},
	}
	for _, tt := range tests {
		for _, repeatable := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, repeatable %t", tt.name, repeatable), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					dials := 0
					transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { dials++; return nil, tt.err }}
					e := newEngine(transport)
					_, err := e.Do(t.Context(), plainCall(http.MethodPost, repeatable))
					f := failureOf(t, err)
					if f == nil || f.OutcomeUnknown || f.Attempts != tt.attempts || dials != tt.attempts || f.Class != ClassNoConnection {
						t.Errorf("%d dials and %+v, want %d", dials, f, tt.attempts)
					}
					if free := e.limiter.slots.free(); free != 120 {
						t.Errorf("%d slots are free", free)
					}
				})
			})
		}
	}
}

// Doubts add up, whatever is between them.
func TestConnectionsThatFail_mixed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &stub{responses: []canned{{err: errNoHost, dial: true}, {err: errDial, dial: true}, {status: 503}, {err: errNoHost, dial: true}, {status: 200}}}
		_, err := newEngine(server).Do(t.Context(), newCall(http.MethodGet, true))
		if f := failureOf(t, err); f == nil || server.count() != 4 {
			t.Errorf("%d attempts and %+v, want 4", server.count(), f)
		}
	})
}

func TestConnectionsThatFail_overcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &stub{responses: []canned{{err: errNoHost, dial: true}, {status: 200}}}
		_, err := newEngine(server).Do(t.Context(), newCall(http.MethodPost, false))
		if f := failureOf(t, err); f != nil || server.count() != 2 {
			t.Errorf("%d attempts and %+v, want a response to the second", server.count(), f)
		}
	})
}

// A handshake with net/http's own TLS.
func TestUntrustedCertificateIsTriedOnce(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	in := newCall(http.MethodGet, true)
	in.URL = server.URL
	_, err := newEngine(&http.Transport{}).Do(t.Context(), in)
	if f := failureOf(t, err); f == nil || f.Attempts != 1 {
		t.Errorf("%+v, want one attempt", f)
	}
}

// Proxies refuse to connect for good, or are out of order for a moment.
func TestProxyThatDoesNotConnect(t *testing.T) {
	tests := []struct {
		status   string
		own      bool // the default transport, which sees the status
		attempts int
	}{
		{"403 Forbidden", false, 1},
		{"407 Proxy Authentication Required", false, 1},
		{"407 proxy authentication required", false, 1},
		{"502 Bad Gateway", false, 5},
		{"503 Service Unavailable", false, 5},
		{"429 Too Many Requests", false, 5},
		{"403 Forbidden", true, 1},
		{"403 Zugriff verweigert", true, 1},
		{"407 Who are you?", true, 1},
		{"405 Method Not Allowed", true, 1},
		{"408 Request Timeout", true, 5},
		{"429 Slow down", true, 5},
		{"502 Out of order", true, 5},
		{"504", true, 5},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s, the default transport %t", tt.status, tt.own), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := New(Options{Limit: 120, MaxRetries: 4, Timeout: 30 * time.Second, Authorization: bearer})
				transport := ownTransport(t, e)
				if !tt.own {
					transport = &http.Transport{}
					e = newEngine(transport)
				}
				transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example.com:3128"})
				asked := 0
				transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
					here, there := net.Pipe()
					go func() {
						defer there.Close()
						if r, err := http.ReadRequest(bufio.NewReader(there)); err != nil || r.Method != http.MethodConnect {
							return
						}
						asked++
						_, _ = io.WriteString(there, "HTTP/1.1 "+tt.status+"\r\nContent-Length: 0\r\n\r\n")
					}()
					return here, nil
				}
				_, err := e.Do(t.Context(), newCall(http.MethodPost, false))
				f := failureOf(t, err)
				if f == nil || f.OutcomeUnknown || f.Attempts != tt.attempts || asked != tt.attempts {
					t.Errorf("the proxy was asked %d times, and %+v; want %d", asked, f, tt.attempts)
				}
				var refusal *ProxyError
				if !errors.As(f.Cause, &refusal) || strconv.Itoa(refusal.StatusCode) != tt.status[:3] {
					t.Errorf("the cause is %v, want the status %s", f.Cause, tt.status)
				}
			})
		})
	}
}

// Errors of Accept that say what to expect.
func TestUnusableResponses(t *testing.T) {
	errAccept := errors.New("not usable")
	tests := []struct {
		name     string
		err      error
		attempts int
	}{
		{"as likely as not to be better next time", errAccept, 5},
		{"doubtful", Doubtful(errAccept), 2},
		{"doubtful, wrapped", fmt.Errorf("list: %w", Doubtful(errAccept)), 2},
		{"permanent", Permanent(errAccept), 1},
	}
	for _, tt := range tests {
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodPost} {
			t.Run(method+" "+tt.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					server := &stub{responses: []canned{{status: 200}}}
					in := newCall(method, method != http.MethodPost)
					in.Accept = func(*Response) error { return tt.err }
					want := tt.attempts
					if !in.Repeatable {
						want = 1
					}
					_, err := newEngine(server).Do(t.Context(), in)
					f := failureOf(t, err)
					if f == nil || f.Attempts != want || server.count() != want || f.OutcomeUnknown != (method != http.MethodGet) || !errors.Is(f.Cause, errAccept) {
						t.Errorf("%d attempts and %+v, want %d", server.count(), f, want)
					}
				})
			})
		}
	}
}

// A server that wants a certificate of the client wants it the next time, too.
func TestMissingClientCertificateIsTriedOnce(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS13}
	server.StartTLS()
	defer server.Close()
	in := newCall(http.MethodGet, true)
	in.URL = server.URL
	_, err := newEngine(server.Client().Transport).Do(t.Context(), in)
	if f := failureOf(t, err); f == nil || f.Attempts != 1 {
		t.Errorf("%+v, want one attempt", f)
	}
}

// A SOCKS proxy that speaks the protocol, with a reply of its own.
func TestSOCKSProxyThatDoesNotConnect(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		replies  []string // to the greeting and to the request
		attempts int
	}{
		{"forbidden", []string{"\x05\x00", "\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00"}, 1},
		{"no credentials", []string{"\x05\xff"}, 1},
		{"host unreachable", []string{"\x05\x00", "\x05\x04\x00\x01\x00\x00\x00\x00\x00\x00"}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					buf := make([]byte, 512)
					for _, reply := range tt.replies {
						_, _ = conn.Read(buf)
						_, _ = io.WriteString(conn, reply)
					}
					_ = conn.Close()
				}
			}()
			proxy := &url.URL{Scheme: "socks5", Host: listener.Addr().String()}
			e := newEngine(&http.Transport{Proxy: http.ProxyURL(proxy)}, func(o *Options) { o.MaxRetries = 1 })
			_, err = e.Do(t.Context(), newCall(http.MethodGet, true))
			if f := failureOf(t, err); f == nil || f.Attempts != tt.attempts || f.Class != ClassNoConnection {
				t.Errorf("%+v, want %d attempts", f, tt.attempts)
			}
		})
	}
}
