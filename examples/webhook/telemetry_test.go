package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

// A duration is logged with its unit.
func TestLogger_durations(t *testing.T) {
	t.Parallel()
	var b buffer
	newLogger(&b, slog.LevelInfo).Info("x", slog.Duration("elapsed", 1500*time.Microsecond), slog.Duration("wait", time.Minute))
	if got := b.String(); !strings.HasSuffix(got, `"msg":"x","elapsed_ms":1.5,"wait_ms":60000}`+"\n") {
		t.Error(got)
	}
	fx := newFixture(t, func(s *settings) { s.logLevel = slog.LevelDebug })
	if _, _, err := fx.post(newSender(t), annIdentify); err != nil {
		t.Fatal(err)
	}
	for _, message := range []string{"request", "trengo attempt"} {
		if !regexp.MustCompile(`"msg":"` + message + `",.*"elapsed_ms":[0-9.]+[,}]`).MatchString(fx.logs.String()) {
			t.Errorf("no duration with a unit in %q:\n%s", message, fx.logs.String())
		}
	}
}

// Events, headers and responses of Trengo are full of personal data of Zoe
// Quill. None of it is in the logs and responses of the service.
func TestTelemetry_privacy(t *testing.T) {
	t.Parallel()
	fx, sender := newFixture(t, func(s *settings) { s.logLevel = -8 }), newSender(t)
	const zoe = `"Zoe Quill <zoe.quill@example.com> +31600000001"`
	const traits = `"traits":{"email":"zoe.quill@example.com","name":"Zoe Quill","phone":"+31600000001",` + zoe + `:` + zoe + `}`
	fx.trengo.Inject(
		trengotest.Fault{}, trengotest.Fault{},
		trengotest.Respond(http.StatusUnprocessableEntity, "application/json", `{"message":`+zoe+`,"errors":{`+zoe+`:[`+zoe+`]}}`),
		trengotest.RespondHTML(http.StatusBadGateway),
	)
	bodies := []string{
		`{"type":"identify",` + traits + `,"messageId":"zoe.quill@example.com"}`,
		`{"type":"identify",` + traits + `,"messageId":"31600000001","context":{"externalId":[{"type":"trengoContactId","id":5}]}}`,
		`{"type":"identify",` + strings.Replace(traits, "Zoe Quill", "Zoe Q. Quill", 1) + `}`,
		`{"type":"identify",` + traits + `,"context":{"externalId":[{"type":"trengoChannelId","id":"zoe"}]}}`,
		`{"type":"track","event":` + zoe + `,` + traits + `}`,
		`{"type":"track","event":"Order Completed","properties":{"email":"ben.quill@example.com","order_id":` + zoe + `}}`,
		`{"type":"track","event":"Order Completed","properties":{"email":"zoe.quill@example.com","order_id":` + zoe + `}}`,
		`{"type":` + zoe + `}`, `{"type":"identify","traits":{"email":` + zoe + `}}`, zoe, `[` + zoe + `]`, `{` + zoe,
		annIdentify,
	}
	var responses strings.Builder
	for _, body := range bodies {
		_, response, err := fx.post(sender, body)
		if err != nil {
			t.Fatal(err)
		}
		responses.WriteString(response)
	}
	for _, header := range []string{"Authorization", "Content-Type", "Content-Encoding", "User-Agent", "X-Signature"} {
		_, response, err := fx.post(sender, bodies[0], header, "zoe.quill@example.com")
		if err != nil {
			t.Fatal(err)
		}
		responses.WriteString(response)
	}
	if err := fx.stop(); err != nil {
		t.Fatal(err)
	}
	logs := fx.logs.String()
	for _, want := range []string{
		`"msg":"event"`, `"msg":"request"`, `"level":"DEBUG"`, `"level":"WARN"`, `"contact_id":460000001`, `"ticket_id"`,
		`"message_id":"6513270e-269e-4d37-b2a7-4de452e6b438"`, "/contacts/{id}", "422",
	} {
		if !strings.Contains(logs, want) {
			t.Errorf("no %s in the logs", want)
		}
	}
	for line := range strings.SplitSeq(strings.TrimSpace(logs), "\n") {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
	for _, text := range []string{logs, responses.String()} {
		for _, marker := range []string{"zoe", "quill", "600000001", "ann@", "Ann Lee", fx.secret, trengotest.Token} {
			if strings.Contains(strings.ToLower(text), strings.ToLower(marker)) {
				t.Errorf("%q is in\n%s", marker, text)
			}
		}
	}
}
