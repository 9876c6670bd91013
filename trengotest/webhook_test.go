package trengotest_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

func TestServer_webhooks(t *testing.T) {
	t.Parallel()
	a := newAPI(t, trengotest.New())
	created := a.do("POST", "/webhooks", fields("name", "Inbound", "type", "INBOUND", "url", "https://hooks.example.com/in"))
	secret := created.at("signing_secret")
	if len(secret) != 32 {
		t.Errorf("got secret %q", secret)
	}
	a.do("POST", "/webhooks", fields("name", "Notes", "type", "NOTE", "url", "https://hooks.example.com/in"))
	a.run(t, []step{
		{
			name: "get", method: "GET", path: "/webhooks/7601",
			want: map[string]string{"title": "Inbound", "name": "missing", "type": "INBOUND", "signing_secret": secret, "url": "https://hooks.example.com/in"},
		},
		{
			name: "list", method: "GET", path: "/webhooks",
			want: map[string]string{"data.0.signing_secret": secret, "data.1.title": "Notes", "meta.total": "2"},
		},
		{name: "update", method: "PUT", path: "/webhooks/7601", body: fields("name", "Other", "signing_secret", "mine")},
		{name: "get after the update", method: "GET", path: "/webhooks/7601", want: map[string]string{"title": "Other", "type": "INBOUND", "signing_secret": secret}},
		{name: "create without fields", method: "POST", path: "/webhooks", status: 422, want: map[string]string{"errors.url.0": "The url field is required."}},
		{name: "not text", method: "PUT", path: "/webhooks/7601", body: fields("url", 5), status: 422},
		{name: "delete", method: "DELETE", path: "/webhooks/7601"},
		{name: "get after delete", method: "GET", path: "/webhooks/7601", status: 404},
		{name: "update after delete", method: "PUT", path: "/webhooks/7601", status: 404},
		{name: "delete again", method: "DELETE", path: "/webhooks/7601", status: 404},
	})
}

func TestNewDelivery(t *testing.T) {
	t.Parallel()
	const secret = "0123456789abcdef0123456789abcdef"
	var got *http.Request
	var body []byte
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	}))
	defer receiver.Close()
	delivery := trengotest.NewDelivery(receiver.URL+"/hook", secret, time.Unix(1_569_508_124, 0), url.Values{"message_id": {"4000000001"}, "message": {"Hi & bye"}})
	resp, err := receiver.Client().Do(delivery)
	if err != nil {
		t.Fatal(err)
	}
	discard(resp)

	if got.Method != http.MethodPost || got.URL.Path != "/hook" || got.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("got %s %s %v", got.Method, got.URL, got.Header)
	}
	if string(body) != "message=Hi+%26+bye&message_id=4000000001" {
		t.Errorf("got body %s", body)
	}
	seconds, sum, _ := strings.Cut(got.Header.Get(trengotest.SignatureHeader), ";")
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("1569508124." + string(body)))
	if seconds != "1569508124" || sum != hex.EncodeToString(mac.Sum(nil)) {
		t.Errorf("got signature %s;%s", seconds, sum)
	}
}

func TestNewDelivery_invalidTarget(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("NewDelivery did not panic")
		}
	}()
	trengotest.NewDelivery(":", "secret", time.Now(), nil)
}
