package trengo

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // it is what Segment signs with
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// signatureHeader is where Segment and its like put the signature.
const signatureHeader = "X-Signature"

// maxDelivered bounds the events of one request. RudderStack sends up to 100.
const maxDelivered = 1000

// receive reads the body of a request that may be served, for no longer than
// the context lasts. Without a secret or the promise of a signature nothing of
// it is read.
func (h *handler) receive(ctx context.Context, w http.ResponseWriter, r *http.Request) ([]byte, *answer) {
	// Also of a request that is refused: the server reads its body to the end.
	deadline, _ := ctx.Deadline()
	setReadDeadline(w, deadline)
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return nil, refuse(http.StatusMethodNotAllowed, "events are taken by POST")
	}
	trusted := h.cfg.AllowUnauthenticated || h.hasSecret(r.Header)
	if !trusted && (h.cfg.SigningSecret == "" || r.Header.Get(signatureHeader) == "") {
		return nil, unauthorized()
	}
	decompress, refused := encoding(w, r)
	if refused != nil {
		return nil, refused
	}
	body, refused := h.readBody(w, r, decompress)
	if refused != nil {
		return nil, refused
	}
	// A deadline that passed would end the context of the request while that is
	// worked on.
	setReadDeadline(w, time.Time{})
	if !trusted && !h.isSigned(r.Header, body) {
		return nil, unauthorized()
	}
	return body, nil
}

// setReadDeadline does nothing where no connection can be reached, as in tests
// or behind middleware that hides it.
func setReadDeadline(w http.ResponseWriter, t time.Time) {
	_ = http.NewResponseController(w).SetReadDeadline(t)
}

func unauthorized() *answer {
	return refuse(http.StatusUnauthorized, "the secret or the signature is missing or wrong")
}

// hasSecret compares all secrets, so that the time it takes tells nothing
// about any of them.
func (h *handler) hasSecret(header http.Header) bool {
	given := sha256.Sum256([]byte(header.Get(h.cfg.SecretHeader)))
	equal := 0
	for _, secret := range h.secrets {
		equal |= subtle.ConstantTimeCompare(secret[:], given[:])
	}
	return equal == 1
}

func (h *handler) isSigned(header http.Header, body []byte) bool {
	given, err := hex.DecodeString(header.Get(signatureHeader))
	mac := hmac.New(sha1.New, []byte(h.cfg.SigningSecret))
	mac.Write(body)
	return err == nil && hmac.Equal(given, mac.Sum(nil))
}

// encoding says how a body is to be decompressed, if it can be read at all.
func encoding(w http.ResponseWriter, r *http.Request) (decompress bool, refused *answer) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" && !strings.HasSuffix(media, "+json") {
		return false, refuse(http.StatusUnsupportedMediaType, "the Content-Type is not application/json")
	}
	switch strings.ToLower(r.Header.Get("Content-Encoding")) {
	case "", "identity":
		return false, nil
	case "gzip", "x-gzip":
		return true, nil
	default:
		w.Header().Set("Accept-Encoding", "gzip")
		return false, refuse(http.StatusUnsupportedMediaType, "the Content-Encoding is not gzip")
	}
}

func (h *handler) readBody(w http.ResponseWriter, r *http.Request, decompress bool) ([]byte, *answer) {
	body, err := readAll(http.MaxBytesReader(w, r.Body, h.cfg.MaxBodyBytes), decompress, h.cfg.MaxBodyBytes)
	switch {
	case err == nil:
		return body, nil
	case errors.As(err, new(*http.MaxBytesError)):
		return nil, refuse(http.StatusRequestEntityTooLarge, "the body is longer than "+strconv.FormatInt(h.cfg.MaxBodyBytes, 10)+" bytes")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, refuse(http.StatusRequestTimeout, "the body did not come in time")
	default:
		return nil, refuse(http.StatusBadRequest, "the body was cut off, or is not encoded as its header says")
	}
}

func readAll(body io.ReadCloser, decompress bool, most int64) ([]byte, error) {
	if !decompress {
		return io.ReadAll(body)
	}
	unzipped, err := gzip.NewReader(body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(http.MaxBytesReader(nil, unzipped, most))
}

// split takes a body apart into the events of an array. Anything else is one
// event, if it is one at all.
func split(body []byte) (events []json.RawMessage, isArray bool, refused *answer) {
	alone := []json.RawMessage{body}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if first, err := decoder.Token(); err != nil || first != json.Delim('[') {
		return alone, false, nil
	}
	for decoder.More() {
		// Not after all have been read: what a body of 4 MB can hold millions of
		// takes up far more than that.
		if len(events) == maxDelivered {
			return nil, true, refuse(http.StatusRequestEntityTooLarge, "the array has over "+strconv.Itoa(maxDelivered)+" events")
		}
		var event json.RawMessage
		if err := decoder.Decode(&event); err != nil {
			return alone, false, nil
		}
		events = append(events, event)
	}
	last, err := decoder.Token()
	rest := bytes.TrimLeft(body[decoder.InputOffset():], " \t\r\n")
	if err != nil || last != json.Delim(']') || len(rest) > 0 {
		return alone, false, nil
	}
	return events, true, nil
}

// isHeaderName is stricter than HTTP, and wide enough for every header in use.
func isHeaderName(s string) bool {
	const usual = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	return s != "" && strings.Trim(s, usual) == ""
}

// isHeaderValue reports whether a header can have the value: net/http takes
// outer blanks off.
func isHeaderValue(s string) bool {
	return s != "" && strings.TrimSpace(s) == s && !strings.ContainsFunc(s, unicode.IsControl)
}
