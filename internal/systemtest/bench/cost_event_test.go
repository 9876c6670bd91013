package bench

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
)

// eventFiles are events as RudderStack's JavaScript SDK sends them, but indented.
//
//go:embed testdata/*.json
var eventFiles embed.FS

// An eventCost is the way from the bytes of an event to its plan. The event
// names its contact or is skipped, so that a plan sends no request.
type eventCost struct {
	file   string
	size   int // of the event, if it is to be larger than in the file
	config trengo.DestinationConfig
	want   trengo.Action
}

var (
	emailTicket   = eventCost{file: "track", config: shopConfig(trengo.IdentifierEmail), want: trengo.ActionTicketCreated}
	phoneTicket   = eventCost{file: "track", config: shopConfig(trengo.IdentifierPhone), want: trengo.ActionTicketCreated}
	namedIdentify = eventCost{file: "identify", config: shopConfig(trengo.IdentifierEmail), want: trengo.ActionContactUpdated}
	skippedPage   = eventCost{file: "page", config: shopConfig(trengo.IdentifierEmail), want: trengo.ActionSkipped}
	skippedTrack  = eventCost{file: "track", want: trengo.ActionSkipped} // its event is not listed
)

func shopConfig(kind trengo.ChannelIdentifier) trengo.DestinationConfig {
	return trengo.DestinationConfig{
		ChannelIdentifier: kind,
		EventTemplates:    map[string]string{"Order Completed": "Order {{ order_id }} completed: {{ currency }} {{ total }}"},
	}
}

// enlarged is the same event with more products, 10 KB of them.
func (c eventCost) enlarged() eventCost {
	c.size = 10_000
	return c
}

func (c eventCost) data(tb testing.TB) []byte {
	tb.Helper()
	indented, err := eventFiles.ReadFile("testdata/" + c.file + ".json")
	if err != nil {
		tb.Fatal(err)
	}
	var data bytes.Buffer
	if err := json.Compact(&data, indented); err != nil {
		tb.Fatal(err)
	}
	var more strings.Builder
	for i := 0; data.Len()+more.Len() < c.size; i++ {
		fmt.Fprintf(&more, `"product_%d":{"product_id":"507f1f77bcf86cd799439%03d","name":"Desk lamp","price":27.5,"quantity":1},`, i, i)
	}
	const properties = `"properties":{`
	return bytes.Replace(data.Bytes(), []byte(properties), []byte(properties+more.String()), 1)
}

// plan is the way that is measured.
func plan(ctx context.Context, destination *trengo.Destination, data []byte) (trengo.Plan, error) {
	ev, err := trengo.ParseEvent(data)
	if err != nil {
		return trengo.Plan{}, err
	}
	return destination.Plan(ctx, ev)
}

func TestEventCost_size(t *testing.T) {
	for _, c := range []eventCost{emailTicket, phoneTicket, namedIdentify, skippedPage, skippedTrack} {
		c.batch(t)() // fails unless the event is planned as it should be
		if size := len(c.data(t)); size < 1250 || size > 1350 {
			t.Errorf("%s has %d bytes, want 1.3 KB", c.file, size)
		}
	}
	for _, c := range []eventCost{skippedPage.enlarged(), skippedTrack.enlarged()} {
		c.batch(t)()
		if size := len(c.data(t)); size < 10_000 || size > 10_200 {
			t.Errorf("%s has %d bytes, want 10 KB", c.file, size)
		}
	}
}

// eventsInBatch take a few milliseconds.
const eventsInBatch = 100

func (c eventCost) batch(tb testing.TB) batch {
	tb.Helper()
	data := c.data(tb)
	destination := fixtures.NewDestination(tb, fixtures.NewClient(tb, testkit.Respond(http.StatusNotFound, "")), c.config)
	return cpu(eventsInBatch, func() {
		if plan, err := plan(tb.Context(), destination, data); err != nil || plan.Action != c.want {
			tb.Fatal(plan, err)
		}
	})
}

// unmarshalBatch is how a program without this module would begin.
func (c eventCost) unmarshalBatch(tb testing.TB) batch {
	tb.Helper()
	data := c.data(tb)
	return cpu(eventsInBatch, func() {
		var event map[string]any
		if err := json.Unmarshal(data, &event); err != nil {
			tb.Fatal(err)
		}
	})
}

func (c eventCost) againstUnmarshal(m *meter) float64 {
	return m.ratio(c.batch(m), c.unmarshalBatch(m))
}

// skippedArray measures a request with many events, for each of them.
func skippedArray(m *meter) float64 {
	const length = 100
	element := skippedPage.data(m)
	array := "[" + strings.Repeat(string(element)+",", length-1) + string(element) + "]"
	client := fixtures.NewClient(m, testkit.Respond(http.StatusNotFound, ""))
	handler := fixtures.NewHandler(m, fixtures.NewDestination(m, client, skippedPage.config), fixtures.AllowAll)
	requests := cpu(1, func() {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, fixtures.EventRequest(m.Context(), array))
		if skipped := strings.Count(recorder.Body.String(), `"action":"skipped"`); skipped != length {
			m.Fatal(recorder.Code, skipped)
		}
	})
	return m.ratio(requests, skippedPage.unmarshalBatch(m)) / length
}
