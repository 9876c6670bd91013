package bench

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"testing"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// A shopStream describes the events of a shop, in which few people are very
// active.
type shopStream struct {
	name           string
	known          int // percent of the people who exist at Trengo beforehand
	listed         int // percent of the track events that have a template
	renames        int // percent of the identify events
	events, people int
}

var shopStreams = []shopStream{
	{name: "everyone is new", listed: 100, events: 10_000, people: 1_000},
	{name: "some are known", known: 40, listed: 60, renames: 5, events: 10_000, people: 1_000},
}

// requestCounts is the number of requests of each kind.
type requestCounts struct{ lookups, creates, updates, tickets, lists int }

func (c requestCounts) total() int { return c.lookups + c.creates + c.updates + c.tickets + c.lists }

// generate returns the events of the stream, the contacts that exist
// beforehand, and the fewest requests: a lookup for each person, a create for
// each new one, the real changes of names, the tickets, and one list.
func (s shopStream) generate(seed uint64) (events []*trengo.Event, before []trengotest.Contact, want requestCounts) {
	type person struct {
		name         string
		exists       bool
		lookedUp     bool
		nameAtTrengo string
	}
	r := rand.New(rand.NewPCG(seed, 0))
	people := make([]person, s.people)
	for i := range people {
		people[i].name = fmt.Sprint("Ann ", i)
		if r.IntN(100) < s.known {
			people[i].exists = true
			if r.IntN(2) == 0 {
				people[i].nameAtTrengo = people[i].name
			}
			before = append(before, trengotest.Contact{Name: people[i].nameAtTrengo, Email: fmt.Sprintf("ann%d@example.com", i)})
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
		// As with RudderStack's SDK, track events have the traits in their context.
		traits := map[string]any{"email": fmt.Sprintf("ann%d@example.com", i), "name": p.name}
		ev := &trengo.Event{Type: "identify", MessageID: strconv.Itoa(message), Traits: traits}
		if !identify {
			ev = &trengo.Event{
				Type: "track", MessageID: strconv.Itoa(message), Event: fixtures.TrackEvent,
				Context: trengo.EventContext{Traits: traits},
			}
		}
		events = append(events, ev)
		if !identify && r.IntN(100) >= s.listed {
			ev.Event = "Viewed"
			continue
		}
		if !p.lookedUp {
			p.lookedUp = true
			want.lookups++
			if !p.exists {
				want.creates++
				p.nameAtTrengo = p.name
			}
		}
		switch {
		case !identify:
			want.tickets++
		case p.nameAtTrengo != p.name:
			want.updates++
			p.nameAtTrengo = p.name
		}
	}
	want.lists = 1
	return events, before, want
}

// A stream must take exactly the fewest requests.
func BenchmarkRequests(b *testing.B) {
	for _, stream := range shopStreams {
		b.Run(stream.name, func(b *testing.B) {
			var got, want requestCounts
			events := 0
			for seed := uint64(1); b.Loop(); seed++ {
				batch, before, fewest := stream.generate(seed)
				srv := fixtures.New(b, before...)
				srv.SetRateLimit(0)
				destination := srv.NewDestination(
					trengo.DestinationConfig{CreateMissingContacts: true}, trengo.WithRateLimit(fixtures.Unlimited))
				processAll(b, destination, batch)
				counted := countRequests(srv.Requests())
				if counted != fewest {
					b.Fatalf("seed %d: requests %+v, want %+v", seed, counted, fewest)
				}
				got, want, events = counted, fewest, len(batch)
			}
			b.ReportMetric(float64(got.total())/float64(events), "requests/event")
			b.ReportMetric(float64(want.total())/float64(events), "fewest/event")
			b.ReportMetric(float64(got.lookups), "lookups")
			b.ReportMetric(float64(got.creates), "creates")
			b.ReportMetric(float64(got.updates), "updates")
			b.ReportMetric(float64(got.tickets), "tickets")
		})
	}
}

func processAll(b *testing.B, destination *trengo.Destination, events []*trengo.Event) {
	b.Helper()
	for outcome := range destination.ProcessAll(b.Context(), fixtures.Events(events...)) {
		if outcome.Err != nil {
			b.Fatal(outcome.Err)
		}
	}
}

func countRequests(requests []trengotest.Request) (c requestCounts) {
	for _, r := range requests {
		switch r.Method + " " + r.Path {
		case "GET /contacts":
			c.lookups++
		case "GET /tickets":
			c.lists++
		case "POST /tickets":
			c.tickets++
		default:
			if r.Method == http.MethodPut {
				c.updates++
			} else {
				c.creates++
			}
		}
	}
	return c
}
