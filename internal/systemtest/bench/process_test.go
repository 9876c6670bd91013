package bench

import (
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
)

// instantTrengo responds at once. It has a contact for every person, with the
// person's number as a part of the ID.
func instantTrengo(r *http.Request) (*http.Response, error) {
	body := `{"id":970000001}`
	if r.Method != http.MethodPost {
		email := r.URL.Query().Get("term")
		person := strings.TrimSuffix(strings.TrimPrefix(email, "ann"), "@example.com")
		body = `{"data":[{"id":1` + person + `,"name":"Ann ` + person + `","email":"` + email + `"}],"links":{"next":null}}`
	}
	return testkit.Respond(http.StatusOK, body)(r)
}

func newInstantClient(tb testing.TB) *trengo.Client {
	tb.Helper()
	return fixtures.NewClient(tb, testkit.RoundTripperFunc(instantTrengo), trengo.WithRateLimit(fixtures.Unlimited))
}

// identify returns an event that changes nothing. It costs decoding, the lock of
// the person and the lookup in memory.
func identify(person, message int) *trengo.Event {
	ev := fixtures.Identify(strconv.Itoa(message), email(person), name(person))
	ev.UserID = "user " + strconv.Itoa(person)
	return ev
}

func email(person int) string { return "ann" + strconv.Itoa(person) + "@example.com" }
func name(person int) string  { return "Ann " + strconv.Itoa(person) }

// newSeasonedDestination returns a destination that has handled events of so
// many people.
func newSeasonedDestination(tb testing.TB, client *trengo.Client, people int, cfg trengo.DestinationConfig) *trengo.Destination {
	tb.Helper()
	destination := fixtures.NewDestination(tb, client, cfg)
	for i := range people {
		processUnchanged(tb, destination, identify(i, i))
	}
	return destination
}

func processUnchanged(tb testing.TB, destination *trengo.Destination, ev *trengo.Event) {
	tb.Helper()
	result, err := destination.Process(tb.Context(), ev)
	if err != nil || result.Action != trengo.ActionContactUnchanged || result.Duplicate {
		tb.Fatal(result, err)
	}
}

const (
	batchSize    = 1_000 // events that are measured together
	activePeople = 1_000
)

// BenchmarkTicket measures a ticket without its request: it subtracts the cost
// of the same calls without an event. The two take turns, so that other work on
// the machine slows down both. As that only adds to the cost, the bound applies to
// the cheapest quarter of the batches.
func BenchmarkTicket(b *testing.B) {
	client := newInstantClient(b)
	// Without a subject, which is not what is measured here.
	cfg := trengo.DestinationConfig{EventTemplates: map[string]string{fixtures.TrackEvent: ""}}
	destination := newSeasonedDestination(b, client, activePeople, cfg)
	params := trengo.TicketCreateParams{ContactID: 1, ChannelID: fixtures.EmailChannel}
	var costs []time.Duration // of an event, one for each batch
	message := activePeople
	for b.Loop() {
		events := make([]*trengo.Event, batchSize)
		for i := range events {
			message++
			events[i] = identify(i%activePeople, message)
			events[i].Type, events[i].Event = "track", fixtures.TrackEvent
		}
		var took time.Duration
		for chunk := range slices.Chunk(events, 100) {
			began := time.Now()
			for _, ev := range chunk {
				if _, err := destination.Process(b.Context(), ev); err != nil {
					b.Fatal(err)
				}
			}
			between := time.Now()
			for range chunk {
				if _, err := client.Tickets.Create(b.Context(), params); err != nil {
					b.Fatal(err)
				}
			}
			took += between.Sub(began) - time.Since(between)
		}
		costs = append(costs, took/batchSize)
	}
	slices.Sort(costs)
	cost := costs[len(costs)/4]
	b.ReportMetric(float64(cost), "ns/event")
	b.ReportMetric(float64(costs[len(costs)/2]), "median-ns/event")
	b.ReportMetric(0, "ns/op") // an op is a batch
	if bound := 3 * time.Microsecond; cost > bound {
		b.Errorf("an event costs %s, want at most %s", cost, bound)
	}
}

// The memory of a destination is bounded by the sizes in its config, not by the
// people it has seen.
func BenchmarkMemory(b *testing.B) {
	const size = 1_000
	for _, people := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("%d people seen", people), func(b *testing.B) {
			client, bytes := newInstantClient(b), 0.0
			for b.Loop() {
				destination := newSeasonedDestination(b, client, people, trengo.DestinationConfig{MaxPeople: size, MaxMessages: size})
				with := heap()
				runtime.KeepAlive(destination)
				bytes = float64(with) - float64(heap())
				runtime.KeepAlive(client) // its memory does not count
			}
			b.ReportMetric(bytes/size, "bytes/person")
			if perPerson := bytes / size; perPerson > 2_000 {
				b.Errorf("%.0f bytes per person in memory", perPerson)
			}
		})
	}
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
