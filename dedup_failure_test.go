package trengo_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// twice delivers an array of the event and another one twice, and returns how the
// event ended each time.
func twice(t *testing.T, destination *trengo.Destination, event string) (outcomes []trengo.Outcome) {
	t.Helper()
	cfg := fixtures.AllowAll
	cfg.OnOutcome = func(o trengo.Outcome, _ int) {
		if o.Index == 0 {
			outcomes = append(outcomes, o)
		}
	}
	handler := fixtures.NewHandler(t, destination, cfg)
	for range 2 {
		fixtures.Serve(t, handler, fixtures.EventRequest(t.Context(), "["+event+","+fixtures.SkippedEvent+"]"))
	}
	return outcomes
}

// A remembered failure says the same as the failure.
func TestHandler_rememberedFailures(t *testing.T) {
	t.Parallel()
	ann := identifyJSON("m-1", fixtures.AnnEmail)
	for name, tt := range map[string]struct {
		event  string
		setUp  func(*fixtures.Deployment)
		status int
	}{
		"rejected": {ann, func(d *fixtures.Deployment) {
			d.UseTransport(testkit.Respond(422, `{"message":"no","errors":{"name":["is odd"]}}`), trengo.DestinationConfig{})
		}, 422},
		"not allowed": {ann, func(d *fixtures.Deployment) {
			d.UseTransport(testkit.Respond(405, `{}`), trengo.DestinationConfig{})
		}, 405},
		"ambiguous": {ann, func(d *fixtures.Deployment) {
			for range 3 {
				d.AddContact(trengotest.Contact{Email: fixtures.AnnEmail})
			}
		}, 0},
		"unknown contact": {strings.Replace(ann, `"identify"`, `"track","event":"Ordered"`, 1), nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := fixtures.NewDeployment(t)
			if tt.setUp != nil {
				tt.setUp(d)
			}
			got := twice(t, d.Destination, tt.event)
			first, again := got[0].Err, got[1].Err
			if first == nil || testkit.ErrorText(first) != testkit.ErrorText(again) || first == again { //nolint:errorlint // not the same one
				t.Errorf("it ended with %v, then with %v", first, again)
			}
			if diff := cmp.Diff(fixtures.MatchingSentinels(first), fixtures.MatchingSentinels(again)); diff != "" {
				t.Errorf("sentinels (-first +again):\n%s", diff)
			}
			if trengo.Retryable(first) != trengo.Retryable(again) {
				t.Errorf("%v: retryable differs", first)
			}
			var failed *trengo.Error
			if errors.As(again, &failed) != (tt.status != 0) || failed != nil && failed.StatusCode != tt.status {
				t.Errorf("%v is %+v", again, failed)
			}
			var before, after *trengo.AmbiguousContactError
			if errors.As(first, &before) != errors.As(again, &after) || before != nil && !cmp.Equal(before, after) {
				t.Errorf("ambiguous: %v, then %v", before, after)
			}
		})
	}
}

// Remembered failures are small, however much Trengo says.
func TestHandler_rememberedFailuresAreSmall(t *testing.T) {
	const events, keep = 100, 3 << 10
	fields := map[string][]string{}
	for i := range 200 {
		fields[fmt.Sprint("field", i)] = []string{strings.Repeat("x", 1<<10)}
	}
	body, err := json.Marshal(map[string]any{"message": strings.Repeat("no ", 100<<10), "errors": fields})
	if err != nil {
		t.Fatal(err)
	}
	d := fixtures.NewDeployment(t)
	d.UseTransport(testkit.Respond(http.StatusUnprocessableEntity, string(body), "X-Long", strings.Repeat("x", 64<<10)),
		trengo.DestinationConfig{}, trengo.WithRateLimit(1<<40))
	handler := fixtures.NewHandler(t, d.Destination, fixtures.AllowAll)
	post := func(n int) {
		for i := range n {
			event := identifyJSON(fmt.Sprint("m-", n, "-", i), fmt.Sprintf("ann%d-%d@example.com", n, i))
			fixtures.Serve(t, handler, fixtures.EventRequest(t.Context(), "["+event+","+fixtures.SkippedEvent+"]"))
		}
	}
	heap := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	post(2) // what is allocated once
	before := heap()
	post(events)
	if after := heap(); after > before+events*keep {
		t.Errorf("%d failures take %d KB", events, (after-before)>>10)
	}
	runtime.KeepAlive(handler)
}

// An Error keeps a bounded part of a response.
func TestError_isBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 100<<10)
	fields := map[string]any{}
	for i := range 200 {
		fields[fmt.Sprint("field", i)] = []string{long[:2000], "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"}
	}
	body, err := json.Marshal(map[string]any{"message": "x" + long, "errors": fields})
	if err != nil {
		t.Fatal(err)
	}
	_, err = fixtures.NewClient(t, testkit.Respond(422, string(body))).Contacts.Get(t.Context(), 5)
	var failed *trengo.Error
	if !errors.As(err, &failed) {
		t.Fatal(err)
	}
	if len(failed.Message) > 1<<10 || len(failed.Message) < 1000 || !strings.HasPrefix("x"+long, failed.Message) {
		t.Errorf("a message of %d bytes", len(failed.Message))
	}
	if len(failed.Body) != 1<<10 || cap(failed.Body) > 2<<10 {
		t.Errorf("a body of %d bytes with room for %d", len(failed.Body), cap(failed.Body))
	}
	if len(failed.Fields) != 50 {
		t.Errorf("%d fields", len(failed.Fields))
	}
	for name, complaints := range failed.Fields {
		if len(complaints) != 10 || len(complaints[0]) > 1<<10 || !strings.HasPrefix(long, complaints[0]) {
			t.Errorf("%s: %d complaints, %d bytes", name, len(complaints), len(complaints[0]))
		}
	}
}
