package trengo_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// benchLimit is a rate limit that nobody reaches.
const benchLimit = 100_000_000

// A shopStream is the events of a shop, in which few people are very active.
type shopStream struct {
	name           string
	known, listed  int // percent of the people at Trengo already; of the track events with a template
	renames        int // percent of the identify events
	events, people int
}

var shopStreams = []shopStream{
	{name: "everyone is new", listed: 100, events: 10_000, people: 1_000},
	{name: "some are known", known: 40, listed: 60, renames: 5, events: 10_000, people: 1_000},
}

// spent is how many requests of each kind were sent.
type spent struct{ lookups, creates, updates, tickets, listings int }

func (s spent) total() int { return s.lookups + s.creates + s.updates + s.tickets + s.listings }

// generate returns the events of the stream, the contacts there are before,
// and the fewest requests: a search for each person, a create for each new
// one, the real changes of names, the tickets, and one listing.
func (s shopStream) generate(seed uint64) (events []*trengo.Event, before []trengotest.Contact, want spent) {
	type person struct {
		name   string
		exists bool
		seen   bool
		now    string // the name at Trengo
	}
	r := rand.New(rand.NewPCG(seed, 0))
	people := make([]person, s.people)
	for i := range people {
		people[i].name = fmt.Sprint("Ann ", i)
		if r.IntN(100) < s.known {
			people[i].exists = true
			if r.IntN(2) == 0 {
				people[i].now = people[i].name
			}
			before = append(before, trengotest.Contact{Name: people[i].now, Email: fmt.Sprintf("ann%d@example.com", i)})
		}
	}
	active := rand.NewZipf(r, 1.1, 1, uint64(s.people-1))
	for message := range s.events {
		i := int(active.Uint64())
		p := &people[i]
		identify := r.IntN(100) < 20
		if identify && r.IntN(100) < s.renames {
			p.name += "a"
		}
		// As RudderStack's SDK does: track events carry the traits.
		traits := map[string]any{"email": fmt.Sprintf("ann%d@example.com", i), "name": p.name}
		ev := &trengo.Event{Type: "identify", MessageID: strconv.Itoa(message), Traits: traits}
		if !identify {
			ev = &trengo.Event{Type: "track", MessageID: strconv.Itoa(message), Event: deskEvent, Context: trengo.EventContext{Traits: traits}}
		}
		events = append(events, ev)
		if !identify && r.IntN(100) >= s.listed {
			ev.Event = "Viewed"
			continue
		}
		if !p.seen {
			p.seen = true
			want.lookups++
			if !p.exists {
				want.creates++
				p.now = p.name
			}
		}
		switch {
		case !identify:
			want.tickets++
		case p.now != p.name:
			want.updates++
			p.now = p.name
		}
	}
	want.listings = 1
	return events, before, want
}

// Handling a stream must not take one request more than the fewest, nor less.
func BenchmarkRequests(b *testing.B) {
	for _, stream := range shopStreams {
		b.Run(stream.name, func(b *testing.B) {
			var got, want spent
			events := 0
			for seed := uint64(1); b.Loop(); seed++ {
				batch, before, computed := stream.generate(seed)
				srv := trengotest.New()
				srv.SetRateLimit(0)
				srv.AddChannel(trengotest.Channel{ID: deskMail, Type: "EMAIL"})
				for _, contact := range before {
					srv.AddContact(contact)
				}
				processStream(b, benchDestination(b, benchClient(b, srv)), batch)
				counted := count(srv.Requests())
				if counted != computed {
					b.Fatalf("seed %d: requests %+v, computed %+v", seed, counted, computed)
				}
				got, want, events = counted, computed, len(batch)
			}
			b.ReportMetric(float64(got.total())/float64(events), "requests/event")
			b.ReportMetric(float64(want.total())/float64(events), "computed/event")
			b.ReportMetric(float64(got.lookups), "lookups")
			b.ReportMetric(float64(got.creates), "creates")
			b.ReportMetric(float64(got.updates), "updates")
			b.ReportMetric(float64(got.tickets), "tickets")
		})
	}
}

// benchClient is a client whom no rate limit holds up.
func benchClient(b *testing.B, rt http.RoundTripper) *trengo.Client {
	b.Helper()
	return newClientOn(b, rt, trengo.WithRateLimit(benchLimit))
}

func benchDestination(b *testing.B, client *trengo.Client, changes ...func(*trengo.DestinationConfig)) *trengo.Destination {
	b.Helper()
	cfg := trengo.DestinationConfig{
		ChannelID: deskMail, CreateMissingContacts: true,
		EventTemplates: map[string]string{deskEvent: deskSubject},
	}
	for _, change := range changes {
		change(&cfg)
	}
	destination, err := trengo.NewDestination(client, cfg)
	if err != nil {
		b.Fatal(err)
	}
	return destination
}

func processStream(b *testing.B, destination *trengo.Destination, events []*trengo.Event) {
	b.Helper()
	for outcome := range destination.ProcessAll(b.Context(), streamOf(events...)) {
		if outcome.Err != nil {
			b.Fatal(outcome.Err)
		}
	}
}

func count(requests []trengotest.Request) (s spent) {
	for _, r := range requests {
		switch r.Method + " " + r.Path {
		case "GET /contacts":
			s.lookups++
		case "GET /tickets":
			s.listings++
		case "POST /tickets":
			s.tickets++
		default:
			if r.Method == http.MethodPut {
				s.updates++
			} else {
				s.creates++
			}
		}
	}
	return s
}

// everybody is a Trengo that knows everybody, by the number in their e-mail,
// and takes hardly any time.
func everybody() roundTripper {
	answer := func(r *http.Request, body string) (*http.Response, error) {
		return &http.Response{
			StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
		}, nil
	}
	return func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodPost {
			return answer(r, `{"id":970000001}`)
		}
		mail := r.URL.Query().Get("term")
		id := strings.TrimSuffix(strings.TrimPrefix(mail, "ann"), "@example.com")
		return answer(r, `{"data":[{"id":1`+id+`,"name":"Ann","email":"`+mail+`"}],"links":{"next":null}}`)
	}
}

// numbered is an identify that changes nothing: what it costs beside the
// reading of the event is the places in line and the memory.
func numbered(person, message int) *trengo.Event {
	return identifyFor(strconv.Itoa(message), fmt.Sprintf("ann%d@example.com", person), "Ann")
}

// seen returns a destination that has seen so many people.
func seen(b *testing.B, client *trengo.Client, people int, changes ...func(*trengo.DestinationConfig)) *trengo.Destination {
	b.Helper()
	destination := benchDestination(b, client, changes...)
	stream := func(yield func(*trengo.Event, error) bool) {
		for i := range people {
			if !yield(numbered(i, i), nil) {
				return
			}
		}
	}
	for outcome := range destination.ProcessAll(b.Context(), stream) {
		if outcome.Err != nil {
			b.Fatal(outcome.Err)
		}
	}
	return destination
}

// The cost of an event must not grow with the people already seen.
var peopleSeen = []int{1_000, 100_000, 1_000_000}

// benchBatch events are measured together; the last benchHot people are used.
const (
	benchBatch = 1_000
	benchHot   = 1_000
)

// A costMeter collects what batches cost. Whatever else the machine does only
// adds to that, so the bound is for the cheaper ones.
type costMeter struct {
	bound   time.Duration
	batches []time.Duration
}

func (m *costMeter) add(took time.Duration) { m.batches = append(m.batches, took/benchBatch) }

func (m *costMeter) report(b *testing.B) {
	b.Helper()
	slices.Sort(m.batches)
	cost := m.batches[len(m.batches)/4]
	b.ReportMetric(float64(cost), "ns/event")
	b.ReportMetric(float64(m.batches[len(m.batches)/2]), "median-ns/event")
	b.ReportMetric(0, "ns/op") // an op is a batch
	if cost > m.bound {
		b.Errorf("an event costs %s, more than %s", cost, m.bound)
	}
}

// freshBatch are events of known people with messages that are new.
func freshBatch(people int, message *int) []*trengo.Event {
	events := make([]*trengo.Event, benchBatch)
	for i := range events {
		*message++
		events[i] = numbered(people-benchHot+i%benchHot, people+*message)
	}
	return events
}

// reading is how long it takes to read the events, which is to be left out.
func reading(b *testing.B, destination *trengo.Destination, events []*trengo.Event) time.Duration {
	b.Helper()
	began := time.Now()
	for _, ev := range events {
		if err := trengo.ReadOnly(destination, ev); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}

func BenchmarkProcess(b *testing.B) {
	for _, people := range peopleSeen {
		b.Run(fmt.Sprintf("%d people seen", people), func(b *testing.B) {
			destination, meter, message := seen(b, benchClient(b, everybody()), people), costMeter{bound: 3 * time.Microsecond}, 0
			for b.Loop() {
				events := freshBatch(people, &message)
				began := time.Now()
				for _, ev := range events {
					result, err := destination.Process(b.Context(), ev)
					if err != nil || result.Action != trengo.ActionContactUnchanged || result.Duplicate {
						b.Fatal(result, err)
					}
				}
				meter.add(time.Since(began) - reading(b, destination, events))
			}
			meter.report(b)
		})
	}
	b.Run("a ticket, beside the request for it", benchmarkTickets)
}

// benchmarkTickets takes turns with bare requests, so that what slows one down
// slows down both.
func benchmarkTickets(b *testing.B) {
	client := benchClient(b, everybody())
	// Without a subject, whose cost is not that of doing things once.
	plain := func(cfg *trengo.DestinationConfig) { cfg.EventTemplates = map[string]string{deskEvent: ""} }
	destination, meter, message := seen(b, client, benchHot, plain), costMeter{bound: 3 * time.Microsecond}, 0
	in := trengo.TicketCreateParams{ContactID: 1, ChannelID: deskMail}
	for b.Loop() {
		events := freshBatch(benchHot, &message)
		for _, ev := range events {
			ev.Type, ev.Event = "track", deskEvent
		}
		took := -reading(b, destination, events)
		for some := range slices.Chunk(events, 100) {
			began := time.Now()
			for _, ev := range some {
				if _, err := destination.Process(b.Context(), ev); err != nil {
					b.Fatal(err)
				}
			}
			between := time.Now()
			for range some {
				if _, err := client.Tickets.Create(b.Context(), in); err != nil {
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
			destination, meter, message := seen(b, benchClient(b, everybody()), people), costMeter{bound: 5 * time.Microsecond}, 0
			for b.Loop() {
				events := freshBatch(people, &message)
				began := time.Now()
				processStream(b, destination, events)
				meter.add(time.Since(began) - reading(b, destination, events))
			}
			meter.report(b)
		})
	}
}

// What is remembered is bounded by the sizes in the Config, not by the people.
func BenchmarkMemory(b *testing.B) {
	const size = 1_000
	small := func(cfg *trengo.DestinationConfig) { cfg.MaxPeople, cfg.MaxMessages = size, size }
	for _, people := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("%d people seen", people), func(b *testing.B) {
			client, bytes := benchClient(b, everybody()), 0.0
			for b.Loop() {
				destination := seen(b, client, people, small)
				with := heap()
				runtime.KeepAlive(destination)
				bytes = float64(with) - float64(heap())
				runtime.KeepAlive(client) // whose memory is not meant
			}
			b.ReportMetric(bytes/size, "bytes/person")
			if perPerson := bytes / size; perPerson > 2_000 {
				b.Errorf("%.0f bytes for each of the people who are remembered", perPerson)
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
