package trengo_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

const deskLatency = time.Second

// names are the names that contacts were given, in order.
func (d *desk) names() (names []string) {
	for _, r := range d.Requests() {
		if _, name, ok := strings.Cut(string(r.Body), `"name":"`); ok {
			names = append(names, strings.TrimRight(name, `"}`))
		}
	}
	return names
}

func TestOrder_callsOfOnePersonAreServedInOrder(t *testing.T) {
	byMail := func(i int) *trengo.Event { return identifyFor("", "ann@example.com", fmt.Sprint("Ann ", i)) }
	byID := func(i int) *trengo.Event { return aboutContact(identifyFor("", "", fmt.Sprint("Ann ", i)), 460000001) }
	for name, event := range map[string]func(int) *trengo.Event{"by e-mail": byMail, "by id": byID} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t)
				d.Behavior.Latency = deskLatency
				d.AddContact(trengotest.Contact{Email: "ann@example.com"})
				var all []<-chan answered
				var want []string
				for i := range 20 {
					all = append(all, d.deliver(t.Context(), event(i)))
					want = append(want, fmt.Sprint("Ann ", i))
				}
				for _, one := range all {
					if got := <-one; got.err != nil {
						t.Error(got.err)
					}
				}
				if diff := cmp.Diff(want, d.names()); diff != "" {
					t.Errorf("renamed in another order (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestOrder_differentPeopleDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, creating)
		d.warmUp()
		d.Behavior.Latency = deskLatency
		began := time.Now()
		var all []<-chan answered
		const requests = 3 // search, create and open
		for i := range 15 {
			all = append(all, d.deliver(t.Context(), trackFor("1", fmt.Sprintf("ann%d@example.com", i))))
		}
		for _, one := range all {
			if got := <-one; got.err != nil || got.at.Sub(began) != requests*deskLatency {
				t.Errorf("ended after %s with %v", got.at.Sub(began), got.err)
			}
		}
	})
}

// A turnstile counts how many writes are under way at the same time, or how
// many requests of any kind.
type turnstile struct {
	http.RoundTripper
	reads        bool // count, too
	mu           sync.Mutex
	inside, most int
}

func (s *turnstile) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet && !s.reads {
		return s.RoundTripper.RoundTrip(r)
	}
	s.count(1)
	defer s.count(-1)
	return s.RoundTripper.RoundTrip(r)
}

func (s *turnstile) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inside += n
	s.most = max(s.most, s.inside)
}

// Events that find the contact by e-mail and events that name it wait for each
// other, whoever comes first and whatever is remembered.
func TestOrder_contactIsWrittenToByOneEventAtATime(t *testing.T) {
	const goroutines = 64
	for name, byMail := range map[string]func(i int) bool{
		"by e-mail first":      func(i int) bool { return i < goroutines/2 },
		"by id first":          func(i int) bool { return i >= goroutines/2 },
		"by both in turn":      func(i int) bool { return i%2 == 0 },
		"by e-mail and one id": func(i int) bool { return i != goroutines/2 },
	} {
		for _, known := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, e-mail remembered %t", name, known), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := newDesk(t)
					d.warmUp()
					contact := d.AddContact(trengotest.Contact{Name: "Ann", Email: "ann@example.com"})
					stile := &turnstile{RoundTripper: d.Server}
					cfg := trengo.DestinationConfig{ChannelID: deskMail, EventTemplates: map[string]string{deskEvent: deskSubject}}
					var err error
					if d.destination, err = trengo.NewDestination(newClientOn(t, stile), cfg); err != nil {
						t.Fatal(err)
					}
					if known {
						d.must(identifyFor("", "ann@example.com", ""))
					}
					d.Behavior.Latency = deskLatency
					var wg sync.WaitGroup
					for i := range goroutines {
						ev := identifyFor("", "ann@example.com", fmt.Sprint("Ann ", i))
						if i%4 == 0 {
							ev = trackFor("", "ann@example.com")
						}
						if !byMail(i) {
							ev = aboutContact(ev, contact.ID)
						}
						wg.Go(func() {
							if _, err := d.destination.Process(t.Context(), ev); err != nil {
								t.Error(err)
							}
						})
					}
					wg.Wait()
					if stile.most != 1 {
						t.Errorf("%d writes to the contact at once", stile.most)
					}
				})
			})
		}
	}
}

// Waiting ends with the context, in each of the lines there are.
func TestOrder_waitingEndsWithTheContext(t *testing.T) {
	const patience = deskLatency / 4
	ann := func(message string) *trengo.Event { return trackFor(message, "ann@example.com") }
	named := func(message string) *trengo.Event { return aboutContact(trackFor(message, ""), 460000002) }
	cases := map[string]struct {
		cold         bool
		first, later *trengo.Event
		sent         string // of both, as long as the later one waits
	}{
		"for an event with the same e-mail":   {false, ann("1"), ann("2"), open},
		"for the same message":                {false, ann("1"), ann("1"), open},
		"for an event of the same contact":    {false, named("1"), named("2"), open},
		"for an event that named the contact": {false, named("1"), ann("2"), open},
		"for an event by e-mail":              {false, ann("1"), named("2"), open},
		"with nothing to send":                {false, named("1"), aboutContact(identifyFor("2", "", ""), 460000002), open},
		"for the first ticket of the process": {true, ann("1"), aboutContact(trackFor("2", ""), 460000001), listing},
	}
	for name, c := range cases {
		for reason, end := range map[string]error{"cancelled": context.Canceled, "too late": context.DeadlineExceeded} {
			t.Run(name+", "+reason, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := newDesk(t)
					d.AddContact(trengotest.Contact{Name: "Somebody"})
					d.AddContact(trengotest.Contact{Name: "Ann", Email: "ann@example.com"})
					d.must(identifyFor("0", "ann@example.com", "Ann"))
					if !c.cold {
						d.must(aboutContact(trackFor("warm up", ""), 460000001))
					}
					d.ResetRequests()
					d.Behavior.Latency = deskLatency

					first := d.deliver(t.Context(), c.first)
					ctx, cancel := context.WithCancel(t.Context())
					if errors.Is(end, context.DeadlineExceeded) {
						ctx, cancel = context.WithTimeout(t.Context(), patience)
					}
					defer cancel()
					began := time.Now()
					later := d.deliver(ctx, c.later)
					time.Sleep(patience)
					synctest.Wait() // for a deadline that is at this very moment
					cancel()
					got := <-later
					if !errors.Is(got.err, end) || !trengo.Retryable(got.err) {
						t.Errorf("error %v (retryable: %t), want a retryable %v", got.err, trengo.Retryable(got.err), end)
					}
					if errors.Is(got.err, trengo.ErrOutcomeUnknown) {
						t.Errorf("error %v for what was never begun", got.err)
					}
					if took := got.at.Sub(began); took != patience {
						t.Errorf("gave up after %s, want %s", took, patience)
					}
					if sent := d.sent(); sent != c.sent {
						t.Errorf("sent %s, want %s of the first event only", sent, c.sent)
					}
					if got := <-first; got.err != nil {
						t.Errorf("the event that was waited for: %v", got.err)
					}
					// Who gave up is in nobody's way.
					d.must(c.later)
				})
			})
		}
	}
}

// A context that has ended sends nothing, even if there is nobody to wait for.
func TestOrder_endedContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, creating)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := d.destination.Process(ctx, trackFor("1", "ann@example.com"))
		if !errors.Is(err, context.Canceled) || !trengo.Retryable(err) {
			t.Errorf("error %v, want a retryable context.Canceled", err)
		}
		if sent := d.sent(); sent != "" {
			t.Errorf("sent %s", sent)
		}
		if result := d.must(trackFor("1", "ann@example.com")); result.Duplicate {
			t.Error("the event counts as handled")
		}
	})
}

// An event that panics leaves its places.
func TestOrder_panicLeavesTheLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.warmUp()
		contact := d.AddContact(trengotest.Contact{Name: "Ann", Email: "ann@example.com"})
		d.InjectFunc(func(r trengotest.Request) trengotest.Fault {
			if r.Method == http.MethodPost {
				panic("the transport is broken")
			}
			return trengotest.Fault{}
		})
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			_, _ = d.process(trackFor("1", "ann@example.com"))
		}()
		d.InjectFunc(nil)
		time.Sleep(2 * time.Minute) // until then the panic may hide a ticket
		d.must(trackFor("2", "ann@example.com"))
		d.must(aboutContact(trackFor("3", ""), contact.ID))
	})
}
