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

// instantTrengo responds at once. It has a contact for every email, with the
// number in it as a part of the ID.
func instantTrengo(r *http.Request) (*http.Response, error) {
	body := `{"id":970000001}`
	if r.Method != http.MethodPost {
		email := r.URL.Query().Get("term")
		id := strings.TrimSuffix(strings.TrimPrefix(email, "ann"), "@example.com")
		body = `{"data":[{"id":1` + id + `,"name":"Ann","email":"` + email + `"}],"links":{"next":null}}`
	}
	return testkit.Respond(http.StatusOK, body)(r)
}

func newInstantClient(b *testing.B) *trengo.Client {
	b.Helper()
	return fixtures.NewClient(b, testkit.RoundTripperFunc(instantTrengo), trengo.WithRateLimit(fixtures.Unlimited))
}

// identify returns an event that changes nothing. It costs decoding, the lock of
// the person and the lookup in memory.
func identify(person, message int) *trengo.Event {
	return fixtures.Identify(strconv.Itoa(message), fmt.Sprintf("ann%d@example.com", person), "Ann")
}

// newSeasonedDestination returns a destination that has handled events of so
// many people.
func newSeasonedDestination(b *testing.B, client *trengo.Client, people int, cfg trengo.DestinationConfig) *trengo.Destination {
	b.Helper()
	destination := fixtures.NewDestination(b, client, cfg)
	events := func(yield func(*trengo.Event, error) bool) {
		for i := range people {
			if !yield(identify(i, i), nil) {
				return
			}
		}
	}
	for outcome := range destination.ProcessAll(b.Context(), events) {
		if outcome.Err != nil {
			b.Fatal(outcome.Err)
		}
	}
	return destination
}

// peopleSeen are numbers of people that were handled before. The cost of an
// event must not grow with them.
var peopleSeen = []int{1_000, 100_000, 1_000_000}

const (
	batchSize    = 1_000 // events that are measured together
	activePeople = 1_000 // the last of those seen; the events are theirs
)

// A costMeter collects what batches cost. Other work on the machine only adds to
// that, so the bound applies to the cheapest quarter.
type costMeter struct {
	bound   time.Duration // for an event
	batches []time.Duration
}

func (m *costMeter) add(took time.Duration) { m.batches = append(m.batches, took/batchSize) }

func (m *costMeter) report(b *testing.B) {
	b.Helper()
	slices.Sort(m.batches)
	cost := m.batches[len(m.batches)/4]
	b.ReportMetric(float64(cost), "ns/event")
	b.ReportMetric(float64(m.batches[len(m.batches)/2]), "median-ns/event")
	b.ReportMetric(0, "ns/op") // an op is a batch
	if cost > m.bound {
		b.Errorf("an event costs %s, want at most %s", cost, m.bound)
	}
}

// newBatch returns events of active people with new messages.
func newBatch(people int, messages *int) []*trengo.Event {
	events := make([]*trengo.Event, batchSize)
	for i := range events {
		*messages++
		events[i] = identify(people-activePeople+i%activePeople, people+*messages)
	}
	return events
}

func BenchmarkProcess(b *testing.B) {
	for _, people := range peopleSeen {
		b.Run(fmt.Sprintf("%d people seen", people), func(b *testing.B) {
			destination := newSeasonedDestination(b, newInstantClient(b), people, trengo.DestinationConfig{})
			meter, messages := costMeter{bound: 3 * time.Microsecond}, 0
			for b.Loop() {
				events := newBatch(people, &messages)
				began := time.Now()
				for _, ev := range events {
					result, err := destination.Process(b.Context(), ev)
					if err != nil || result.Action != trengo.ActionContactUnchanged || result.Duplicate {
						b.Fatal(result, err)
					}
				}
				meter.add(time.Since(began))
			}
			meter.report(b)
		})
	}
	b.Run("a ticket, without its request", benchmarkTicket)
}

// benchmarkTicket subtracts the cost of the same calls without an event. The two
// take turns, so that other work on the machine slows down both.
func benchmarkTicket(b *testing.B) {
	client := newInstantClient(b)
	// Without a subject, which is not what is measured here.
	cfg := trengo.DestinationConfig{EventTemplates: map[string]string{fixtures.TrackEvent: ""}}
	destination := newSeasonedDestination(b, client, activePeople, cfg)
	meter, messages := costMeter{bound: 3 * time.Microsecond}, 0
	params := trengo.TicketCreateParams{ContactID: 1, ChannelID: fixtures.EmailChannel}
	for b.Loop() {
		events := newBatch(activePeople, &messages)
		for _, ev := range events {
			ev.Type, ev.Event = "track", fixtures.TrackEvent
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
		meter.add(took)
	}
	meter.report(b)
}

func BenchmarkProcessAll(b *testing.B) {
	for _, people := range peopleSeen {
		b.Run(fmt.Sprintf("%d people seen", people), func(b *testing.B) {
			destination := newSeasonedDestination(b, newInstantClient(b), people, trengo.DestinationConfig{})
			meter, messages := costMeter{bound: 5 * time.Microsecond}, 0
			for b.Loop() {
				events := newBatch(people, &messages)
				began := time.Now()
				processAll(b, destination, events)
				meter.add(time.Since(began))
			}
			meter.report(b)
		})
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
