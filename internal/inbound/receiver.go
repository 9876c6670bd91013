// Package inbound receives HTTP requests from senders that are not trusted
// until they prove who they are: secrets, signatures, and limits on what is
// read of them.
package inbound

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // senders sign with it
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// signatureHeader is where Segment and similar senders put the signature.
const signatureHeader = "X-Signature"

// Config configures a [Receiver]. It is taken as valid.
type Config struct {
	Secrets              []string // that SecretHeader may contain
	SecretHeader         string
	SigningSecret        string // of the signature; empty: signatures do not count
	AllowUnauthenticated bool
	MaxBodyBytes         int64 // before and after the body is decompressed
}

// A Receiver reads the bodies of requests. It is safe for concurrent use.
type Receiver struct {
	cfg     Config
	secrets [][sha256.Size]byte
}

// NewReceiver returns a Receiver.
func NewReceiver(cfg Config) *Receiver {
	r := &Receiver{cfg: cfg}
	for _, secret := range cfg.Secrets {
		r.secrets = append(r.secrets, sha256.Sum256([]byte(secret)))
	}
	return r
}

// A Rejection says why a request was not received.
type Rejection struct {
	Status int
	Reason string // without anything from the request
}

// Receive returns the body of a request that may be served. It reads for no
// longer than the context lasts, and nothing at all without a secret or a
// signature to check. It sets response headers that belong to a rejection.
func (r *Receiver) Receive(ctx context.Context, w http.ResponseWriter, req *http.Request) ([]byte, *Rejection) {
	// Rejected requests need the deadline, too: the server reads their bodies
	// to the end.
	deadline, _ := ctx.Deadline()
	setReadDeadline(w, deadline)
	if req.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return nil, &Rejection{http.StatusMethodNotAllowed, "the method is not POST"}
	}
	trusted := r.cfg.AllowUnauthenticated || r.hasSecret(req.Header)
	if !trusted && (r.cfg.SigningSecret == "" || req.Header.Get(signatureHeader) == "") {
		return nil, unauthorized()
	}
	compressed, rejected := checkEncoding(w, req)
	if rejected != nil {
		return nil, rejected
	}
	body, rejected := r.readBody(w, req, compressed)
	if rejected != nil {
		return nil, rejected
	}
	// A read deadline that passes ends the context of the request while it is
	// being served.
	setReadDeadline(w, time.Time{})
	if !trusted && !r.isSigned(req.Header, body) {
		return nil, unauthorized()
	}
	return body, nil
}

// setReadDeadline does nothing if it cannot reach the connection, as in tests or
// behind middleware that hides it.
func setReadDeadline(w http.ResponseWriter, t time.Time) {
	_ = http.NewResponseController(w).SetReadDeadline(t)
}

func unauthorized() *Rejection {
	return &Rejection{http.StatusUnauthorized, "the secret or the signature is missing or wrong"}
}

// hasSecret compares all secrets, so that the time it takes reveals nothing
// about any of them.
func (r *Receiver) hasSecret(header http.Header) bool {
	given := sha256.Sum256([]byte(header.Get(r.cfg.SecretHeader)))
	equal := 0
	for _, secret := range r.secrets {
		equal |= subtle.ConstantTimeCompare(secret[:], given[:])
	}
	return equal == 1
}

func (r *Receiver) isSigned(header http.Header, body []byte) bool {
	given, err := hex.DecodeString(header.Get(signatureHeader))
	mac := hmac.New(sha1.New, []byte(r.cfg.SigningSecret))
	mac.Write(body)
	return err == nil && hmac.Equal(given, mac.Sum(nil))
}

// checkEncoding reports whether a body is compressed, if it can be read at all.
func checkEncoding(w http.ResponseWriter, req *http.Request) (compressed bool, rejected *Rejection) {
	// Parameters do not matter, nor whether they are well-formed.
	media, _, _ := strings.Cut(req.Header.Get("Content-Type"), ";")
	media = strings.ToLower(strings.TrimSpace(media))
	if media != "application/json" && !strings.HasSuffix(media, "+json") {
		return false, &Rejection{http.StatusUnsupportedMediaType, "the Content-Type is not application/json"}
	}
	switch strings.ToLower(req.Header.Get("Content-Encoding")) {
	case "", "identity":
		return false, nil
	case "gzip", "x-gzip":
		return true, nil
	default:
		w.Header().Set("Accept-Encoding", "gzip")
		return false, &Rejection{http.StatusUnsupportedMediaType, "the Content-Encoding is not gzip"}
	}
}

func (r *Receiver) readBody(w http.ResponseWriter, req *http.Request, compressed bool) ([]byte, *Rejection) {
	body, err := readAll(http.MaxBytesReader(w, req.Body, r.cfg.MaxBodyBytes), compressed, req.ContentLength, r.cfg.MaxBodyBytes)
	switch {
	case err == nil:
		return body, nil
	case errors.As(err, new(*http.MaxBytesError)):
		return nil, &Rejection{
			http.StatusRequestEntityTooLarge,
			"the body is longer than " + strconv.FormatInt(r.cfg.MaxBodyBytes, 10) + " bytes",
		}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &Rejection{http.StatusRequestTimeout, "the body did not arrive in time"}
	default:
		return nil, &Rejection{http.StatusBadRequest, "the body was cut off, or is not encoded as its header says"}
	}
}

// readAll reads a body of size bytes, or of an unknown size if it is negative.
func readAll(body io.Reader, compressed bool, size, limit int64) ([]byte, error) {
	if !compressed {
		return readSized(body, min(size, limit))
	}
	plain, err := gzip.NewReader(body)
	if err != nil {
		return nil, err
	}
	return readSized(http.MaxBytesReader(nil, io.NopCloser(plain), limit), -1)
}

// believed is how much of its announced size a body gets before any of it is there.
const believed = 64 << 10

// readSized is [io.ReadAll] for a body whose size is announced, or negative. What
// io.ReadAll discards while it grows is several times a long body.
func readSized(r io.Reader, size int64) ([]byte, error) {
	var body bytes.Buffer
	if size >= 0 {
		body.Grow(int(min(size, believed)) + bytes.MinRead)
		if _, err := io.CopyN(&body, r, min(size, believed)); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		body.Grow(int(size) - body.Len() + bytes.MinRead)
	}
	if _, err := body.ReadFrom(r); err != nil {
		return nil, err
	}
	return body.Bytes(), nil
}
