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

// SignatureHeader is the header with the signature of a webhook delivery.
const SignatureHeader = "Trengo-Signature"

// SignWebhook returns the value of [SignatureHeader] for a delivery with the given
// raw body at the given time: the seconds since 1970, a semicolon, and the HMAC-SHA256
// of "seconds.body" in lower-case hex. The key is the webhook's signing secret.
func SignWebhook(secret string, at time.Time, body []byte) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(seconds + "."))
	mac.Write(body)
	return seconds + ";" + hex.EncodeToString(mac.Sum(nil))
}

// NewDelivery returns a webhook delivery: a POST to target with the event's fields as
// a form, signed at the given time. It can be sent with a client or passed to a
// handler. NewDelivery panics if target is not a URL, as
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

// createWebhook reads the name from the field name. The response has it in title.
func (s *Server) createWebhook(c *call) response {
	in := s.newInput(c)
	in.require("name", "type", "url")
	fields := object{"title": in.text("name"), "type": in.text("type"), "url": in.text("url")}
	if in.failed() {
		return in.unprocessable()
	}
	hook := s.addResource("webhooks", fields)
	(*hook)["signing_secret"] = signingSecret((*hook)["id"])
	return ok(*hook)
}

// signingSecret derives the secret from the ID, so that recorded responses are the
// same in every run.
func signingSecret(id any) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "signing secret of webhook %d", id))
	return hex.EncodeToString(sum[:16])
}

func (s *Server) updateWebhook(c *call) response {
	hook := s.resources["webhooks"].get(c.ids[0])
	if hook == nil {
		return s.notFound()
	}
	in := s.newInput(c)
	fields := object{}
	for from, to := range map[string]string{"name": "title", "type": "type", "url": "url"} {
		if value := in.text(from); value != "" {
			fields[to] = value
		}
	}
	if in.failed() {
		return in.unprocessable()
	}
	resources["webhooks"].set(*hook, fields)
	return s.empty()
}
