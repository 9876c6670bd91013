package trengo_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// identifyJSON returns an identify event for a new contact.
func identifyJSON(messageID, email string) string {
	return fmt.Sprintf(`{"type":"identify","messageId":%q,"traits":{"email":%q,"name":"Ann Lee"}}`, messageID, email)
}

// Envelopes of events are taken apart.
func TestHandler_envelopes(t *testing.T) {
	t.Parallel()
	created := fixtures.HandlerResponse{Status: 200, Action: "contact_created"}
	skipped := fixtures.HandlerResponse{Status: 200, Action: "skipped", Reason: "neither identify nor track"}
	off := fixtures.HandlerResponse{Status: 200, Action: "skipped", Reason: "integrations.Trengo is false"}
	refusedAs := func(err string) fixtures.HandlerResponse { return refused(400, "trengo: invalid event: "+err) }
	ann, bob := identifyJSON("m-1", fixtures.AnnEmail), identifyJSON("m-2", fixtures.BobEmail)
	list := func(status int, events ...fixtures.HandlerResponse) fixtures.HandlerResponse {
		return fixtures.HandlerResponse{Status: status, Events: events}
	}
	for _, tt := range []struct {
		name, body string
		want       fixtures.HandlerResponse
	}{
		{"a batch of Segment", `{"batch":[` + ann + `,` + bob + `],"sentAt":"2026-03-02T09:16:02.980Z"}`, list(200, created, created)},
		{"a batch of one", `{"batch":[` + ann + `]}`, list(200, created)},
		{"a batch that is switched off", `{"batch":[` + ann + `],"integrations":{"Trengo":false}}`, list(200, off)},
		{"a batch whose traits are in its context", `{"batch":[{"type":"identify"}],"context":{"traits":{"email":"ann@example.com"}}}`, list(200, created)},
		{"a batch with something else in it", `{"batch":[5,` + ann + `]}`, list(400, refusedAs("it is not a JSON object"), created)},
		{"an array with a batch", `[` + fixtures.SkippedEvent + `,{"batch":[` + ann + `]}]`, list(200, skipped, created)},
		{"a line of RudderStack's archive", `{"userId":"u","payload":` + ann + `,"createdAt":"x","messageId":"m-1"}`, created},
		{"a line of RudderStack's gateway dump", `{"userId":"u","payload":{"batch":[` + ann + `],"writeKey":"k"}}`, list(200, created)},
		{"an empty batch", `{"batch":[]}`, refusedAs("its batch is empty")},
		{"a batch that is not an array", `{"batch":` + ann + `}`, refusedAs("its batch is not an array")},
		{"a misspelled batch", `{"Batch":[` + ann + `]}`, refusedAs(`it has the key "Batch" instead of "batch"`)},
		{"Pub/Sub", `{"message":{"data":"e30=","messageId":"1"},"subscription":"s"}`, refusedAs("it is a Pub/Sub push request: turn on payload unwrapping in the subscription")},
		{"EventBridge", `{"detail-type":"x","detail":` + ann + `}`, refusedAs("it is an envelope of EventBridge: send only its detail")},
		{"a message", `{"message":` + ann + `}`, refusedAs("it is an envelope: send only the event in its message")},
		{"SNS", `{"Type":"Notification","Message":"{\"type\":\"track\"}"}`, refusedAs("it is an envelope: send only the event in its Message")},
		{"CloudEvents", `{"specversion":"1.0","type":"com.example","data":` + ann + `}`, refusedAs("it is a CloudEvent: send only its data")},
		{"a CloudEvent of an event's type", `{"specversion":"1.0","id":"1","type":"track","data":` + ann + `}`, refusedAs("it is a CloudEvent: send only its data")},
		{"a CloudEvent with a person", `{"specversion":"1.0","id":"1","type":"identify","data":` + ann + `}`, refusedAs("it is a CloudEvent: send only its data")},
		{"a CloudEvent of a page", `{"specversion":"1.0","id":"1","type":"page","data":` + ann + `}`, refusedAs("it is a CloudEvent: send only its data")},
		{"an event with the version of a specification", `{"specversion":"1.0",` + ann[1:], created},
		{"a batch with a type", `{"type":"batch","batch":[` + ann + `]}`, refusedAs("it is a batch with a type: leave out the type")},
		{"a type that nobody knows", `{"type":"com.example","data":` + ann + `}`, skipped},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := fixtures.NewWebhook(t, fixtures.AllowAll)
			if diff := cmp.Diff(tt.want, w.Post(tt.body)); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
			if want := strings.Count(fmt.Sprint(tt.want), "contact_created"); len(w.Contacts()) != want {
				t.Errorf("%d contacts, want %d", len(w.Contacts()), want)
			}
		})
	}
}

func TestHandler_batchSize(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{1000: 200, 1001: 413} {
		events := strings.TrimSuffix(strings.Repeat(fixtures.SkippedEvent+",", n), ",")
		for _, body := range []string{`{"batch":[` + events + `]}`, `[{"batch":[` + events + `]}]`, `{"payload":{"batch":[` + events + `]}}`} {
			if got := fixtures.NewWebhook(t, fixtures.AllowAll).Post(body); got.Status != want {
				t.Errorf("%d events: %+v, want status %d", n, got, want)
			}
		}
	}
}

// What a batch repeats in each of its events is bounded.
func TestHandler_inheritedTooMuch(t *testing.T) {
	t.Parallel()
	dense := func(n int) string {
		return `{"traits":{"email":"ann@example.com","x":[` + strings.Repeat(`{"":0},`, n/7) + `0]}}`
	}
	event := `{"type":"identify"}`
	events := strings.Repeat(event+",", 300) + event
	for name, tt := range map[string]struct{ body, says string }{
		"a long context":                 {`{"batch":[` + event + `],"context":` + dense(70_000) + `}`, "its context is too long to be inherited by its events"},
		"a context of many events":       {`{"batch":[` + events + `],"context":` + dense(60_000) + `}`, "with what it inherits, its batch takes too much memory"},
		"a long context of events alone": {`[{"type":"identify","context":` + dense(1_000_000) + `}]`, ""},
	} {
		w := fixtures.NewWebhook(t, fixtures.AllowAll)
		got := w.Post(tt.body)
		if len(got.Events) > 0 {
			got = got.Events[len(got.Events)-1]
		}
		if tt.says == "" && got.Status != 200 || tt.says != "" && !strings.HasSuffix(got.Error, tt.says) {
			t.Errorf("%s: %+v, want %q", name, got, tt.says)
		}
	}
}

// largeEvent is about 1 MB, and 60 MB when it is decoded.
func largeEvent(event string) string {
	return strings.Replace(event, `"traits":{`, `"traits":{"":[`+strings.Repeat(`{"":0},`, 150_000)+`0],`, 1)
}

// serveAll serves bodies that arrive in this order, and returns the responses and how
// long each took.
func serveAll(t *testing.T, handler http.Handler, bodies ...string) ([]fixtures.HandlerResponse, []time.Duration) {
	t.Helper()
	responses, took := make([]fixtures.HandlerResponse, len(bodies)), make([]time.Duration, len(bodies))
	var served sync.WaitGroup
	for i, body := range bodies {
		served.Go(func() {
			start := time.Now()
			_, responses[i] = fixtures.Serve(t, handler, fixtures.EventRequest(t.Context(), body))
			took[i] = time.Since(start)
		})
		synctest.Wait()
	}
	served.Wait()
	return responses, took
}

var littleMemory = trengo.HandlerConfig{AllowUnauthenticated: true, MaxDecodedBytes: 80 << 20}

// Events wait for memory. Those that ask for nothing do not need it, and little ones
// overtake.
func TestHandler_waitsForMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t)
		d.InjectFunc(func(trengotest.Request) trengotest.Fault { return trengotest.Slow(time.Second) })
		page := strings.Replace(identifyJSON("m-3", "cid@example.com"), "identify", "page", 1)
		off := strings.Replace(identifyJSON("m-4", "dan@example.com"), `{`, `{"integrations":{"Trengo":false},`, 1)
		responses, took := serveAll(t, fixtures.NewHandler(t, d.Destination, littleMemory),
			largeEvent(identifyJSON("m-1", fixtures.AnnEmail)), largeEvent(identifyJSON("m-2", fixtures.BobEmail)),
			largeEvent(page), largeEvent(off), identifyJSON("m-5", "eve@example.com"))
		var actions []string
		for _, response := range responses {
			actions = append(actions, response.Action)
		}
		if diff := cmp.Diff([]string{"contact_created", "contact_created", "skipped", "skipped", "contact_created"}, actions); diff != "" {
			t.Errorf("actions (-want +got):\n%s", diff)
		}
		const one = 2 * time.Second // a search and a create
		if diff := cmp.Diff([]time.Duration{one, 2 * one, 0, 0, one}, took); diff != "" {
			t.Errorf("time (-want +got):\n%s", diff)
		}
	})
}

func TestHandler_noMemoryInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const slow = "+31600000009"
		delayed := make(chan trengo.Outcome, 1)
		cfg := littleMemory
		cfg.OnOutcome = func(o trengo.Outcome, status int) {
			if status == 503 {
				delayed <- o
			}
		}
		d := fixtures.NewDeployment(t, fixtures.IdentifyByPhone, func(cfg *trengo.DestinationConfig) {
			cfg.NormalizePhone = func(phone string) string {
				if phone == slow {
					time.Sleep(time.Minute)
				}
				return phone
			}
		})
		identify := func(messageID, phone string) string {
			return largeEvent(`{"type":"identify","messageId":"` + messageID + `","traits":{"phone":"` + phone + `"}}`)
		}
		responses, took := serveAll(t, fixtures.NewHandler(t, d.Destination, cfg),
			identify("m-1", slow), "["+fixtures.SkippedEvent+","+identify("m-2", fixtures.AnnPhone)+"]")
		skipped := fixtures.HandlerResponse{Status: 200, Action: "skipped", Reason: "neither identify nor track"}
		want := fixtures.HandlerResponse{Status: 503, Events: []fixtures.HandlerResponse{
			skipped, refused(503, "trengo: other events take all of MaxDecodedBytes"),
		}}
		if diff := cmp.Diff(want, responses[1]); diff != "" || took[1] != 8*time.Second {
			t.Errorf("after %v (-want +got):\n%s", took[1], diff)
		}
		if o := <-delayed; !trengo.Retryable(o.Err) || o.Index != 1 || o.Event.MessageID != "m-2" || o.Event.Traits != nil {
			t.Errorf("outcome %+v", o)
		}
		again := fixtures.EventRequest(t.Context(), identify("m-2", fixtures.AnnPhone))
		if _, got := fixtures.Serve(t, fixtures.NewHandler(t, d.Destination, cfg), again); got.Action != "contact_created" {
			t.Errorf("delivered again: %+v", got)
		}
	})
}

// A request that needs more than all of the memory is served alone.
func TestHandler_needsMoreThanAllMemory(t *testing.T) {
	t.Parallel()
	cfg := fixtures.AllowAll
	cfg.MaxDecodedBytes = 1
	w := fixtures.NewWebhook(t, cfg)
	if got := w.Post(identifyJSON("m-1", fixtures.AnnEmail)); got.Action != "contact_created" {
		t.Errorf("%+v", got)
	}
}

// An event that is skipped costs little more memory than its body.
func TestHandler_skippedIsNotDecoded(t *testing.T) {
	d := fixtures.NewDeployment(t)
	handler := fixtures.NewHandler(t, d.Destination, fixtures.AllowAll)
	for name, event := range map[string]string{
		"a page call":       `{"type":"page","traits":{"":0}}`,
		"an unlisted event": `{"type":"track","event":"x","traits":{"":0}}`,
		"switched off":      `{"type":"identify","integrations":{"Trengo":false},"traits":{"":0}}`,
		"many integrations": `{"type":"page","integrations":{"traits":{"":0}}}`,
	} {
		body := largeEvent(event)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, got := fixtures.Serve(t, handler, fixtures.EventRequest(t.Context(), body))
		runtime.ReadMemStats(&after)
		if allocated := after.TotalAlloc - before.TotalAlloc; got.Action != "skipped" || allocated > uint64(3*len(body)) {
			t.Errorf("%s: %+v, %d KB allocated for %d KB", name, got, allocated>>10, len(body)>>10)
		}
	}
}
