package trengo_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// A panicker is a value to panic with that holds personal data.
type panicker struct{ email string }

func nilMap() map[string]int { return nil }

func nilRequest() *http.Request { return nil }

// A panic in one event is that event's error; all others go on.
func TestProcessAll_panic(t *testing.T) {
	cases := map[string]struct {
		panics func(email string)
		says   []string
	}{
		"with an error":          {func(email string) { panic(fmt.Errorf("no room for %s", email)) }, []string{"*fmt.wrapError", "*errors.errorString"}},
		"with a text":            {func(email string) { panic(email) }, []string{"string"}},
		"with a value":           {func(email string) { panic(panicker{email}) }, []string{"trengo_test.panicker"}},
		"by a mistake":           {func(email string) { _ = email[len(email)+len(email)-20:][100] }, []string{"out of range"}},
		"by a nil map":           {func(email string) { nilMap()[email] = 1 }, []string{"nil map"}},
		"by another kind of nil": {func(string) { _ = nilRequest().Method }, []string{"nil pointer"}},
	}
	places := map[string]func(*trengo.DestinationConfig, *http.RoundTripper, func(string)){
		"NormalizePhone": func(cfg *trengo.DestinationConfig, _ *http.RoundTripper, panics func(string)) {
			cfg.NormalizePhone = func(phone string) string {
				if phone == "+31600000002" {
					panics("bob@example.com, " + phone)
				}
				return phone
			}
		},
		"the transport": func(_ *trengo.DestinationConfig, next *http.RoundTripper, panics func(string)) {
			srv := *next
			*next = roundTripper(func(r *http.Request) (*http.Response, error) {
				if strings.Contains(r.URL.RawQuery, "31600000002") {
					panics("bob@example.com, +31600000002")
				}
				return srv.RoundTrip(r)
			})
		},
	}
	for place, arrange := range places {
		for name, c := range cases {
			t.Run(place+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := newDesk(t)
					cfg := trengo.DestinationConfig{Concurrency: 3}
					byPhone(&cfg)
					creating(&cfg)
					cfg.EventTemplates = map[string]string{deskEvent: ""}
					var rt http.RoundTripper = d.Server
					arrange(&cfg, &rt, c.panics)
					var err error
					if d.destination, err = trengo.NewDestination(newClientOn(t, rt), cfg); err != nil {
						t.Fatal(err)
					}
					var events []*trengo.Event
					for i := range 12 {
						events = append(events, trackFor(strconv.Itoa(i), fmt.Sprintf("+3160000000%d", i%4)))
					}
					outcomes := d.processAll(streamOf(events...))
					for i := range events {
						outcome, ok := outcomes[i]
						if i%4 != 2 {
							if !ok || outcome.Err != nil {
								t.Errorf("event %d: %+v", i, outcome)
							}
							continue
						}
						mustTellOfPanic(t, outcome.Err, c.says)
						if outcome.Event != events[i] || outcome.Result != (trengo.Result{}) {
							t.Errorf("event %d: %+v", i, outcome)
						}
					}
					if n := len(d.Tickets()); n != 9 {
						t.Errorf("%d tickets, want those of the others", n)
					}
				})
			})
		}
	}
}

func mustTellOfPanic(t *testing.T, err error, says []string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	text := err.Error()
	found := false
	for _, said := range says {
		found = found || strings.Contains(text, said)
	}
	if !found || !strings.Contains(text, "panic") || !strings.Contains(text, "batch_end_test") && !strings.Contains(text, "trengo_test.TestProcessAll_panic") {
		t.Errorf("error %q says neither what panicked nor where", text)
	}
	for _, secret := range []string{"bob", "example", "316"} {
		if strings.Contains(text, secret) {
			t.Errorf("error %q says %s", text, secret)
		}
	}
}

// A loop that is left ends at once, with what is under way.
func TestProcessAll_break(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, atOnce(3))
		d.Behavior.Latency = time.Hour
		began, taken := time.Now(), 0
		events := func(yield func(*trengo.Event, error) bool) {
			for taken < 1000 {
				ev := identifyFor("", fmt.Sprintf("ann%d@example.com", taken), "")
				if taken == 2 {
					ev = &trengo.Event{Type: "page"}
				}
				taken++
				if !yield(ev, nil) {
					return
				}
			}
		}
		n := 0
		for range d.destination.ProcessAll(t.Context(), events) {
			n++
			synctest.Wait() // until all workers are busy
			break
		}
		if n != 1 || time.Since(began) != 0 {
			t.Errorf("%d outcomes, ended after %s", n, time.Since(began))
		}
		if taken > 6 {
			t.Errorf("%d events were taken", taken)
		}
		time.Sleep(2 * time.Hour)
		if sent := len(d.Requests()); sent > 3 {
			t.Errorf("%d requests", sent)
		}
	})
}

// When the context ends, what is under way ends with it and is told; no more
// is taken.
func TestProcessAll_contextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, atOnce(3))
		d.Behavior.Latency = 20 * time.Second
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began, taken := time.Now(), 0
		events := func(yield func(*trengo.Event, error) bool) {
			for yield(identifyFor("", fmt.Sprintf("ann%d@example.com", taken), ""), nil) {
				taken++
			}
		}
		outcomes := 0
		for outcome := range d.destination.ProcessAll(ctx, events) {
			outcomes++
			if !errors.Is(outcome.Err, context.DeadlineExceeded) && !errors.Is(outcome.Err, trengo.ErrRateLimited) || !trengo.Retryable(outcome.Err) {
				t.Errorf("event %d ended with %v, want a retryable end of the context", outcome.Index, outcome.Err)
			}
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("ended after %s", took)
		}
		if outcomes < 3 || taken < 3 {
			t.Errorf("%d events were taken, of which %d have an outcome", taken, outcomes)
		}
	})
}

// An event that is taken after the context has ended is none that is done.
func TestProcessAll_contextHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		endless := func(yield func(*trengo.Event, error) bool) {
			for yield(identifyFor("", annsMail, ""), nil) {
			}
		}
		for outcome := range d.destination.ProcessAll(ctx, endless) {
			if !errors.Is(outcome.Err, context.Canceled) {
				t.Errorf("event %d: %+v", outcome.Index, outcome)
			}
		}
		d.wantSent("")
	})
}

func TestProcessAll_nothingIsTakenOnceTheContextHasEnded(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			d := newDesk(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			after := 0
			events := func(yield func(*trengo.Event, error) bool) {
				yield(&trengo.Event{Type: "page"}, nil)
				synctest.Wait()
				cancel()
				for yield(&trengo.Event{Type: "page"}, nil) {
					after++
				}
			}
			outcomes := 0
			for range d.destination.ProcessAll(ctx, events) {
				outcomes++
			}
			if after != 0 || outcomes != 1 {
				t.Errorf("%d more events were taken, %d outcomes", after, outcomes)
			}
		})
	}
}

// A source that is slow to return is waited for: its goroutine would be left.
func TestProcessAll_endsWhenTheSourceReturns(t *testing.T) {
	const slow = 10 * time.Second
	for name, leave := range map[string]func(cancel func()) bool{
		"the loop is left": func(func()) bool { return true },
		"the context ends": func(cancel func()) bool { cancel(); return false },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				returned := false
				events := func(yield func(*trengo.Event, error) bool) {
					defer func() { returned = true }()
					if !yield(&trengo.Event{Type: "page"}, nil) {
						return
					}
					time.Sleep(slow)
				}
				began := time.Now()
				for range d.destination.ProcessAll(ctx, events) {
					if leave(cancel) {
						break
					}
				}
				if took := time.Since(began); took != slow || !returned {
					t.Errorf("ended after %s, the source has returned: %t", took, returned)
				}
			})
		})
	}
}

// To finish what is under way, the source ends: nothing is cut off.
func TestProcessAll_sourceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, creating)
		d.Behavior.Latency = deskLatency
		outcomes := d.processAll(streamOf(trackFor("1", annsMail), trackFor("2", annsMail), trackFor("3", annsMail)))
		for i := range 3 {
			if outcomes[i].Err != nil || outcomes[i].Result.TicketID == 0 {
				t.Errorf("event %d: %+v", i, outcomes[i])
			}
		}
	})
}

// A loop that panics leaves nothing behind either: the bubble would tell.
func TestProcessAll_loopPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.Behavior.Latency = time.Hour
		defer func() {
			if value := recover(); value != any("the loop gave up") {
				t.Errorf("recovered %v, want what the loop panicked with", value)
			}
		}()
		for range d.destination.ProcessAll(t.Context(), streamOf(identifyFor("", annsMail, ""), &trengo.Event{Type: "page"})) {
			panic("the loop gave up")
		}
	})
}

// The loop may do what it likes with the Destination: deliver the same event
// again, for one.
func TestProcessAll_loopCallsProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, atOnce(2))
		d.AddContact(trengotest.Contact{Email: annsMail})
		var events []*trengo.Event
		for i := range 10 {
			events = append(events, trackFor(strconv.Itoa(i), annsMail))
		}
		for outcome := range d.destination.ProcessAll(t.Context(), streamOf(events...)) {
			synctest.Wait() // until nobody can go on without this loop
			if result := d.must(outcome.Event); !result.Duplicate {
				t.Errorf("%+v, though it was just handled", result)
			}
			d.must(trackFor("again "+outcome.Event.MessageID, annsMail))
		}
		if n := len(d.Tickets()); n != 20 {
			t.Errorf("%d tickets", n)
		}
	})
}
