package trengotest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// SignatureHeader is the header that carries the signature of a webhook.
const SignatureHeader = "Trengo-Signature"

// SignWebhook returns the value of the header [SignatureHeader] for a delivery
// with that raw body at that time: the seconds since 1970, a semicolon, and the
// lower-case hex HMAC-SHA256 of seconds, dot and body, keyed with the signing
// secret of the webhook.
func SignWebhook(secret string, at time.Time, body []byte) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(seconds + "."))
	mac.Write(body)
	return seconds + ";" + hex.EncodeToString(mac.Sum(nil))
}

// NewDelivery returns a delivery of a webhook: a POST to target of the fields of
// the event as a form, signed at the given time. It can be sent to a server as
// well as given to a handler. NewDelivery panics if target is no URL, as
// [net/http/httptest.NewRequest] does.
func NewDelivery(target, secret string, at time.Time, event url.Values) *http.Request {
	body := event.Encode()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		panic("trengotest: NewDelivery: " + err.Error())
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set(SignatureHeader, SignWebhook(secret, at, []byte(body)))
	return r
}

// createWebhook takes the name as name and answers with it as title.
func (s *Server) createWebhook(c *call) answer {
	in := s.input(c)
	in.require("name", "type", "url")
	fields := object{"title": in.text("name"), "type": in.text("type"), "url": in.text("url")}
	if in.failed() {
		return in.unprocessable()
	}
	hook := s.addResource("webhooks", fields)
	(*hook)["signing_secret"] = signingSecret((*hook)["id"])
	return ok(*hook)
}

// signingSecret follows from the id, so that what tests record is the same in every
// run.
func signingSecret(id any) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "signing secret of webhook %d", id))
	return hex.EncodeToString(sum[:16])
}

func (s *Server) updateWebhook(c *call) answer {
	hook := s.resources["webhooks"].get(c.ids[0])
	if hook == nil {
		return s.notFound()
	}
	in := s.input(c)
	fields := object{}
	for from, to := range map[string]string{"name": "title", "type": "type", "url": "url"} {
		if value := in.text(from); value != "" {
			fields[to] = value
		}
	}
	if in.failed() {
		return in.unprocessable()
	}
	hook.change(resources["webhooks"], fields)
	return s.empty()
}
