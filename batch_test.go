package trengo_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// streamOf is an input of these events.
func streamOf(events ...*trengo.Event) iter.Seq2[*trengo.Event, error] {
	return func(yield func(*trengo.Event, error) bool) {
		for _, ev := range events {
			if !yield(ev, nil) {
				return
			}
		}
	}
}

func atOnce(n int) func(*trengo.DestinationConfig) {
	return func(cfg *trengo.DestinationConfig) { cfg.Concurrency = n }
}

// processAll returns all outcomes by their place in the input.
func (d *desk) processAll(events iter.Seq2[*trengo.Event, error]) map[int]trengo.Outcome {
	d.t.Helper()
	outcomes := map[int]trengo.Outcome{}
	for outcome := range d.destination.ProcessAll(d.t.Context(), events) {
		if _, twice := outcomes[outcome.Index]; twice {
			d.t.Errorf("two outcomes of event %d", outcome.Index)
		}
		outcomes[outcome.Index] = outcome
	}
	return outcomes
}

func TestProcessAll_outcomes(t *testing.T) {
	broken := errors.New("the input is broken")
	inputs := []struct {
		event  *trengo.Event
		err    error // of the input
		action trengo.Action
		want   error
	}{
		{identifyFor("1", annsMail, "Ann"), nil, trengo.ActionContactCreated, nil},
		{nil, broken, "", broken},
		{trackFor("2", annsMail), nil, trengo.ActionTicketCreated, nil},
		{&trengo.Event{Type: "page"}, nil, trengo.ActionSkipped, nil},
		{&trengo.Event{}, nil, "", trengo.ErrInvalidEvent},
		{nil, nil, "", trengo.ErrInvalidEvent},
		{trackFor("3", "nobody@example.com"), nil, "", trengo.ErrContactNotFound},
		{trackFor("4", "no e-mail"), broken, "", broken},
		{trackFor("5", "no e-mail"), nil, "", trengo.ErrMissingIdentifier},
	}
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		outcomes := d.processAll(func(yield func(*trengo.Event, error) bool) {
			for _, in := range inputs {
				if !yield(in.event, in.err) {
					return
				}
			}
		})
		for i, in := range inputs {
			got, ok := outcomes[i]
			if !ok || got.Index != i || got.Event != in.event || got.Result.Action != in.action || !errors.Is(got.Err, in.want) {
				t.Errorf("event %d: %+v, want %q with %v", i, got, in.action, in.want)
			}
		}
		if len(outcomes) != len(inputs) {
			t.Errorf("%d outcomes of %d events", len(outcomes), len(inputs))
		}
		if result := outcomes[2].Result; result.TicketID == 0 || result.ContactID != outcomes[0].Result.ContactID {
			t.Errorf("%+v, want a ticket of the contact of the first event", result)
		}
	})
}

// An error of the input is reported and does not end it.
func TestProcessAll_readEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		outcomes := d.processAll(trengo.ReadEvents(strings.NewReader(
			`{"type":"identify","traits":{"email":"ann@example.com"}}` + "\nno JSON\n" + `{"type":"page"}`,
		)))
		if len(outcomes) != 3 || outcomes[0].Err != nil || !errors.Is(outcomes[1].Err, trengo.ErrInvalidEvent) ||
			outcomes[1].Event != nil || outcomes[2].Result.Action != trengo.ActionSkipped {
			t.Errorf("outcomes %+v", outcomes)
		}
	})
}

func TestProcessAll_noEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if outcomes := newDesk(t).processAll(streamOf()); len(outcomes) != 0 {
			t.Errorf("outcomes %+v", outcomes)
		}
	})
}

// Events of one person are handled in the order of the input, whatever fails.
func TestProcessAll_orderOfAPerson(t *testing.T) {
	const people, rounds = 7, 20
	for _, concurrency := range []int{1, 2, 16} {
		for _, failing := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d at once, some fail %t", concurrency, failing), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := newDesk(t, atOnce(concurrency))
					d.SetRateLimit(100_000)
					d.Behavior.Latency = deskLatency
					var events []*trengo.Event
					var want []string
					for round := range rounds {
						for person := range people {
							if round == 0 {
								d.AddContact(trengotest.Contact{Email: fmt.Sprintf("ann%d@example.com", person)})
							}
							name := fmt.Sprintf("%d %02d", person, round)
							events = append(events, identifyFor("", fmt.Sprintf("ann%d@example.com", person), name))
						}
					}
					for person := range people {
						for round := range rounds {
							want = append(want, fmt.Sprintf("%d %02d", person, round))
						}
					}
					d.InjectFunc(func(r trengotest.Request) trengotest.Fault {
						if failing && r.Method == http.MethodPut && r.Seq%5 == 0 {
							return trengotest.Respond(http.StatusForbidden, "application/json", `{}`)
						}
						return trengotest.Fault{}
					})
					failed := 0
					for _, outcome := range d.processAll(streamOf(events...)) {
						if outcome.Err != nil {
							failed++
						}
					}
					if failing != (failed > 0) {
						t.Errorf("%d events failed", failed)
					}
					var got []string
					for person := range people {
						for _, name := range d.names() {
							if strings.HasPrefix(name, fmt.Sprint(person, " ")) {
								got = append(got, name)
							}
						}
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("order of each person's events (-want +got):\n%s", diff)
					}
				})
			})
		}
	}
}

// As many events are under way as configured, no more and no fewer.
func TestProcessAll_concurrency(t *testing.T) {
	for name, c := range map[string]struct{ configured, want int }{
		"one":               {1, 1},
		"five":              {5, 5},
		"the usual sixteen": {0, 16},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := trengotest.New()
				srv.SetRateLimit(100_000)
				srv.AddChannel(trengotest.Channel{ID: deskMail, Type: "EMAIL"})
				srv.Behavior.Latency = deskLatency
				under := &turnstile{RoundTripper: srv, reads: true}
				destination, err := trengo.NewDestination(newClientOn(t, under), trengo.DestinationConfig{
					ChannelID: deskMail, Concurrency: c.configured,
				})
				if err != nil {
					t.Fatal(err)
				}
				var events []*trengo.Event
				for i := range 40 {
					events = append(events, identifyFor("", fmt.Sprintf("ann%d@example.com", i), ""))
				}
				for outcome := range destination.ProcessAll(t.Context(), streamOf(events...)) {
					if outcome.Err != nil {
						t.Error(outcome.Err)
					}
				}
				if under.most != c.want {
					t.Errorf("%d events at once, want %d", under.most, c.want)
				}
			})
		})
	}
}

// Outcomes come as they are there: a slow event does not hold back others.
func TestProcessAll_outcomesComeAsTheyAreThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.Behavior.Latency = deskLatency
		var order []int
		events := streamOf(identifyFor("", annsMail, ""), &trengo.Event{Type: "page"})
		for outcome := range d.destination.ProcessAll(t.Context(), events) {
			order = append(order, outcome.Index)
		}
		if diff := cmp.Diff([]int{1, 0}, order); diff != "" {
			t.Errorf("order of the outcomes (-want +got):\n%s", diff)
		}
	})
}

// The input is not read further ahead than there are hands for it.
func TestProcessAll_readsNoFurtherAheadThanNeeded(t *testing.T) {
	const concurrency = 4
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, atOnce(concurrency))
		taken, ahead, yielded := 0, 0, 0
		endless := func(yield func(*trengo.Event, error) bool) {
			for yield(&trengo.Event{Type: "page"}, nil) {
				taken++
			}
		}
		for range d.destination.ProcessAll(t.Context(), endless) {
			synctest.Wait() // until nobody can go on
			ahead = max(ahead, taken-yielded)
			if yielded++; yielded == 100 {
				break
			}
		}
		// The workers' events, and the one that waits for a worker.
		if most := concurrency + 2; ahead > most || ahead < concurrency {
			t.Errorf("up to %d events were taken ahead, want %d to %d", ahead, concurrency, most)
		}
	})
}

// The same process serves several inputs at once.
func TestProcessAll_twoAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, creating, atOnce(3))
		d.Behavior.Latency = deskLatency
		var events []*trengo.Event
		for i := range 30 {
			events = append(events, trackFor(strconv.Itoa(i), fmt.Sprintf("ann%d@example.com", i%4)))
		}
		var duplicates atomic.Int64
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for outcome := range d.destination.ProcessAll(t.Context(), streamOf(events...)) {
					if outcome.Err != nil {
						t.Error(outcome.Err)
					}
					if outcome.Result.Duplicate {
						duplicates.Add(1)
					}
				}
			})
		}
		wg.Wait()
		if len(d.Contacts()) != 4 || len(d.Tickets()) != len(events) || duplicates.Load() != int64(len(events)) {
			t.Errorf("%d contacts, %d tickets, %d duplicates", len(d.Contacts()), len(d.Tickets()), duplicates.Load())
		}
	})
}

// Outside of a bubble, where goroutines can be counted.
func TestProcessAll_noGoroutineIsLeft(t *testing.T) {
	destination, err := trengo.NewDestination(newClientOn(t, respond(http.StatusForbidden, "{}")), trengo.DestinationConfig{ChannelID: deskMail})
	if err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	endless := func(yield func(*trengo.Event, error) bool) {
		for yield(&trengo.Event{Type: "page"}, nil) {
		}
	}
	for range 20 {
		for range destination.ProcessAll(t.Context(), endless) {
			break
		}
		ctx, cancel := context.WithCancel(t.Context())
		for range destination.ProcessAll(ctx, endless) {
			cancel()
		}
		cancel()
	}
	// Who has sent the last outcome may still be on the way out.
	for range 100_000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}
