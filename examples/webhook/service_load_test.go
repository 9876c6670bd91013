package main

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	senders = 64 // RudderStack's workers for one destination
	people  = 1000
)

// TestSenders is a short run of BenchmarkSenders. It uses the whole machine, so
// it does not run in parallel.
func TestSenders(t *testing.T) {
	const events = 2_000
	l := newLoad(t)
	l.send(t, events)
	if got := len(l.fx.trengo.Tickets()); got != events/4 {
		t.Errorf("%d tickets, want %d", got, events/4)
	}
	if got := len(l.fx.trengo.Contacts()); got != people {
		t.Errorf("%d contacts, want %d", got, people)
	}
}

// BenchmarkSenders measures the throughput of 64 senders over sockets, with a
// Trengo that responds at once and does not limit the rate. One operation is
// one event; any response but 200 fails. Senders, service and Trengo share the
// machine.
//
//	go test -run '^$' -bench Senders -benchtime 30s ./examples/webhook
func BenchmarkSenders(b *testing.B) {
	l := newLoad(b)
	b.ResetTimer()
	start := time.Now()
	durations := l.send(b, b.N)
	elapsed := time.Since(start)
	b.StopTimer()
	slices.Sort(durations)
	b.ReportMetric(float64(b.N)/elapsed.Seconds(), "events/s")
	for _, percent := range []int{50, 99} {
		at := durations[(len(durations)-1)*percent/100]
		b.ReportMetric(float64(at.Microseconds())/1000, fmt.Sprintf("p%d-ms", percent))
	}
	b.ReportMetric(0, "ns/op") // meaningless with 64 at once
}

// A load is a service that knows all people of the events.
type load struct {
	fx     *fixture
	sender *http.Client
}

func newLoad(tb testing.TB) *load {
	tb.Helper()
	l := &load{fx: newFixture(tb, nil), sender: newSender(tb)}
	for i := range people {
		if status, response, err := l.fx.post(l.sender, identify(i, "")); status != http.StatusOK {
			tb.Fatalf("%d %s %v", status, response, err)
		}
	}
	return l
}

// send sends n events and returns how long each took.
func (l *load) send(tb testing.TB, n int) []time.Duration {
	tb.Helper()
	durations := make([]time.Duration, n)
	var next, failures atomic.Int64
	var sending sync.WaitGroup
	for range senders {
		sending.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if i%10_000 == 9_999 {
					// Requests and logs would use up the memory.
					l.fx.trengo.ResetRequests()
					l.fx.logs.reset()
				}
				start := time.Now()
				status, response, err := l.fx.post(l.sender, event(i))
				durations[i] = time.Since(start)
				if status != http.StatusOK && failures.Add(1) <= 10 {
					tb.Errorf("event %d: %d %s %v", i, status, response, err)
				}
			}
		})
	}
	sending.Wait()
	if n := failures.Load(); n > 0 {
		tb.Errorf("%d events failed", n)
	}
	return durations
}

func identify(person int, messageID string) string {
	return fmt.Sprintf(`{"type":"identify","messageId":"%s","userId":"%d","traits":{"email":"person%d@example.com","name":"Person %d"}}`, messageID, person, person, person)
}

// event returns event number i: an identify that changes nothing, an order that
// opens a ticket, an event without a template, or the order again.
func event(i int) string {
	person := i / 4 % people
	switch i % 4 {
	case 0:
		return identify(person, fmt.Sprint("identify-", i))
	case 2:
		return fmt.Sprintf(`{"type":"track","messageId":"other-%d","event":"Product Viewed","properties":{"email":"person%d@example.com"}}`, i, person)
	default:
		return fmt.Sprintf(`{"type":"track","messageId":"order-%d","event":"Order Completed","properties":{"email":"person%d@example.com","order_id":%d}}`, i/4, person, i/4)
	}
}
