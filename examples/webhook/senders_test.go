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

// TestSenders is a short run of BenchmarkSenders.
func TestSenders(t *testing.T) {
	const events = 2_000
	l := newLoad(t)
	l.send(t, events)
	if got := len(l.running.trengo.Tickets()); got != events/4 {
		t.Errorf("%d tickets, want %d", got, events/4)
	}
	if got := len(l.running.trengo.Contacts()); got != people {
		t.Errorf("%d contacts, want %d", got, people)
	}
}

// What 64 senders get through the service over real sockets, with a Trengo
// that answers at once and has no limit. One operation is one event; any
// answer but 200 fails. Sender, service and Trengo share the machine.
//
//	go test -run '^$' -bench Senders -benchtime 30s ./examples/webhook
func BenchmarkSenders(b *testing.B) {
	l := newLoad(b)
	b.ResetTimer()
	began := time.Now()
	took := l.send(b, b.N)
	elapsed := time.Since(began)
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/elapsed.Seconds(), "events/s")
	for _, percent := range []int{50, 99} {
		at := took[(len(took)-1)*percent/100]
		b.ReportMetric(float64(at.Microseconds())/1000, fmt.Sprintf("p%d-ms", percent))
	}
	b.ReportMetric(0, "ns/op") // of 64 at once it says nothing
}

// A load is a service with people whom it knows.
type load struct {
	running *running
	sender  *http.Client
}

func newLoad(tb testing.TB) *load {
	tb.Helper()
	l := &load{running: start(tb, nil), sender: newSender(tb)}
	for i := range people {
		if status, answer, err := l.running.post(l.sender, identify(i, "")); status != http.StatusOK {
			tb.Fatalf("%d %s %v", status, answer, err)
		}
	}
	return l
}

func identify(who int, messageID string) string {
	return fmt.Sprintf(`{"type":"identify","messageId":"%s","userId":"%d","traits":{"email":"person%d@example.com","name":"Person %d"}}`, messageID, who, who, who)
}

// event is the i-th event: an identify that changes nothing, an order that
// opens a ticket, an event that is not listed, or the order once more.
func event(i int) string {
	who := i / 4 % people
	switch i % 4 {
	case 0:
		return identify(who, fmt.Sprint("identify-", i))
	case 2:
		return fmt.Sprintf(`{"type":"track","messageId":"other-%d","event":"Product Viewed","properties":{"email":"person%d@example.com"}}`, i, who)
	default:
		return fmt.Sprintf(`{"type":"track","messageId":"order-%d","event":"Order Completed","properties":{"email":"person%d@example.com","order_id":%d}}`, i/4, who, i/4)
	}
}

// send sends n events and returns how long each took.
func (l *load) send(tb testing.TB, n int) []time.Duration {
	tb.Helper()
	took := make([]time.Duration, n)
	var next, failures atomic.Int64
	var running sync.WaitGroup
	for range senders {
		running.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if i%10_000 == 9_999 {
					// They would keep everything.
					l.running.trengo.ResetRequests()
					l.running.logs.reset()
				}
				began := time.Now()
				status, answer, err := l.running.post(l.sender, event(i))
				took[i] = time.Since(began)
				if status != http.StatusOK && failures.Add(1) <= 10 {
					tb.Errorf("event %d: %d %s %v", i, status, answer, err)
				}
			}
		})
	}
	running.Wait()
	if n := failures.Load(); n > 0 {
		tb.Errorf("%d events failed", n)
	}
	return took
}
