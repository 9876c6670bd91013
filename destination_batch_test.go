package trengo_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// processAll returns the outcomes by index.
func processAll(t *testing.T, d *fixtures.Deployment, events iter.Seq2[*trengo.Event, error]) map[int]trengo.Outcome {
	t.Helper()
	outcomes := map[int]trengo.Outcome{}
	for outcome := range d.Destination.ProcessAll(t.Context(), events) {
		if _, twice := outcomes[outcome.Index]; twice {
			t.Errorf("two outcomes of event %d", outcome.Index)
		}
		outcomes[outcome.Index] = outcome
	}
	return outcomes
}

// Every event and every error of the input has one outcome.
func TestProcessAll_outcomes(t *testing.T) {
	errInput := errors.New("the input failed")
	inputs := []struct {
		event  *trengo.Event
		err    error // of the input
		action trengo.Action
		want   error
	}{
		{fixtures.Identify("1", fixtures.AnnEmail, "Ann"), nil, trengo.ActionContactCreated, nil},
		{nil, errInput, "", errInput},
		{fixtures.Track("2", fixtures.AnnEmail), nil, trengo.ActionTicketCreated, nil},
		{&trengo.Event{Type: "page"}, nil, trengo.ActionSkipped, nil},
		{&trengo.Event{}, nil, "", trengo.ErrInvalidEvent},
		{nil, nil, "", trengo.ErrInvalidEvent},
		{fixtures.Track("3", "nobody@example.com"), nil, "", trengo.ErrContactNotFound},
		{fixtures.Track("4", "not an email"), errInput, "", errInput},
		{fixtures.Track("5", "not an email"), nil, "", trengo.ErrMissingIdentifier},
	}
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t)
		outcomes := processAll(t, d, func(yield func(*trengo.Event, error) bool) {
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

// An error of the input does not end the sequence.
func TestProcessAll_readEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t)
		outcomes := processAll(t, d, trengo.ReadEvents(strings.NewReader(
			`{"type":"identify","traits":{"email":"ann@example.com"}}`+"\nnot JSON\n"+`{"type":"page"}`,
		)))
		if len(outcomes) != 3 || outcomes[0].Err != nil || !errors.Is(outcomes[1].Err, trengo.ErrInvalidEvent) ||
			outcomes[1].Event != nil || outcomes[2].Result.Action != trengo.ActionSkipped {
			t.Errorf("outcomes %+v", outcomes)
		}
	})
}

func TestProcessAll_noEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if outcomes := processAll(t, fixtures.NewDeployment(t), fixtures.Events()); len(outcomes) != 0 {
			t.Errorf("outcomes %+v", outcomes)
		}
	})
}

// Events of one person are processed in the order of the input, whatever fails.
func TestProcessAll_order(t *testing.T) {
	const people, rounds = 7, 20
	for _, concurrency := range []int{1, 2, 16} {
		for _, failing := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d at once, some fail %t", concurrency, failing), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := fixtures.NewDeployment(t, fixtures.Concurrency(concurrency))
					d.SetRateLimit(fixtures.Unlimited)
					d.Behavior.Latency = fixtures.Latency
					var events []*trengo.Event
					var want []string
					for round := range rounds {
						for person := range people {
							if round == 0 {
								d.AddContact(trengotest.Contact{Email: fmt.Sprintf("ann%d@example.com", person)})
							}
							name := fmt.Sprintf("%d %02d", person, round)
							events = append(events, fixtures.Identify("", fmt.Sprintf("ann%d@example.com", person), name))
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
					for _, outcome := range processAll(t, d, fixtures.Events(events...)) {
						if outcome.Err != nil {
							failed++
						}
					}
					if failing != (failed > 0) {
						t.Errorf("%d events failed", failed)
					}
					var got []string
					for person := range people {
						for _, name := range d.NamesSent() {
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

// Exactly Concurrency events are in progress at once.
func TestProcessAll_concurrency(t *testing.T) {
	for name, c := range map[string]struct{ configured, want int }{
		"one":         {1, 1},
		"five":        {5, 5},
		"the default": {0, 16},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := fixtures.New(t)
				f.SetRateLimit(fixtures.Unlimited)
				f.Behavior.Latency = fixtures.Latency
				gauge := &testkit.Gauge{Next: f.Server, Reads: true}
				destination := fixtures.NewDestination(t, fixtures.NewClient(t, gauge), trengo.DestinationConfig{Concurrency: c.configured})
				var events []*trengo.Event
				for i := range 40 {
					events = append(events, fixtures.Identify("", fmt.Sprintf("ann%d@example.com", i), ""))
				}
				for outcome := range destination.ProcessAll(t.Context(), fixtures.Events(events...)) {
					if outcome.Err != nil {
						t.Error(outcome.Err)
					}
				}
				if most := gauge.Most(); most != c.want {
					t.Errorf("%d events at once, want %d", most, c.want)
				}
			})
		})
	}
}

// Outcomes are yielded as soon as they are known: a slow event does not delay
// others.
func TestProcessAll_orderOfOutcomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t)
		d.Behavior.Latency = fixtures.Latency
		var order []int
		events := fixtures.Events(fixtures.Identify("", fixtures.AnnEmail, ""), &trengo.Event{Type: "page"})
		for outcome := range d.Destination.ProcessAll(t.Context(), events) {
			order = append(order, outcome.Index)
		}
		if diff := cmp.Diff([]int{1, 0}, order); diff != "" {
			t.Errorf("order of the outcomes (-want +got):\n%s", diff)
		}
	})
}

// The input is read only as far ahead as events can be processed.
func TestProcessAll_readAhead(t *testing.T) {
	const concurrency = 4
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t, fixtures.Concurrency(concurrency))
		taken, ahead, outcomes := 0, 0, 0
		endless := func(yield func(*trengo.Event, error) bool) {
			for yield(&trengo.Event{Type: "page"}, nil) {
				taken++
			}
		}
		for range d.Destination.ProcessAll(t.Context(), endless) {
			synctest.Wait() // until no goroutine can continue
			ahead = max(ahead, taken-outcomes)
			if outcomes++; outcomes == 100 {
				break
			}
		}
		// The events of the workers, the one that waits for a worker, and its successor.
		if most := concurrency + 2; ahead > most || ahead < concurrency {
			t.Errorf("up to %d events were taken ahead, want %d to %d", ahead, concurrency, most)
		}
	})
}

// A destination serves several inputs at once.
func TestProcessAll_twoAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t, fixtures.CreateMissing, fixtures.Concurrency(3))
		d.Behavior.Latency = fixtures.Latency
		var events []*trengo.Event
		for i := range 30 {
			events = append(events, fixtures.Track(strconv.Itoa(i), fmt.Sprintf("ann%d@example.com", i%4)))
		}
		var duplicates atomic.Int64
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for outcome := range d.Destination.ProcessAll(t.Context(), fixtures.Events(events...)) {
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

// Outside of a bubble, goroutines can be counted.
func TestProcessAll_leavesNoGoroutine(t *testing.T) {
	client := fixtures.NewClient(t, testkit.Respond(http.StatusForbidden, "{}"))
	destination := fixtures.NewDestination(t, client, trengo.DestinationConfig{})
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
	// The goroutine that sent the last outcome may not have returned yet.
	for range 100_000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// A panicValue is a value to panic with that holds personal data.
type panicValue struct{ email string }

func nilMap() map[string]int { return nil }

func nilRequest() *http.Request { return nil }

// A panic while processing an event becomes its error. Other events continue.
func TestProcessAll_panic(t *testing.T) {
	cases := map[string]struct {
		panics func(email string)
		says   []string
	}{
		"an error":              {func(email string) { panic(fmt.Errorf("no room for %s", email)) }, []string{"*fmt.wrapError", "*errors.errorString"}},
		"a text":                {func(email string) { panic(email) }, []string{"string"}},
		"a value":               {func(email string) { panic(panicValue{email}) }, []string{"trengo_test.panicValue"}},
		"an index out of range": {func(email string) { _ = email[len(email)+len(email)-20:][100] }, []string{"out of range"}},
		"a nil map":             {func(email string) { nilMap()[email] = 1 }, []string{"nil map"}},
		"a nil pointer":         {func(string) { _ = nilRequest().Method }, []string{"nil pointer"}},
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
			*next = testkit.RoundTripperFunc(func(r *http.Request) (*http.Response, error) {
				if strings.Contains(r.URL.RawQuery, "31600000002") {
					panics("bob@example.com, +31600000002")
				}
				return srv.RoundTrip(r)
			})
		},
	}
	for place, breakIt := range places {
		for name, c := range cases {
			t.Run(place+" panics with "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := fixtures.NewDeployment(t)
					cfg := trengo.DestinationConfig{
						ChannelIdentifier: trengo.IdentifierPhone, CreateMissingContacts: true, Concurrency: 3,
						EventTemplates: map[string]string{fixtures.TrackEvent: ""},
					}
					var rt http.RoundTripper = d.Server
					breakIt(&cfg, &rt, c.panics)
					d.UseTransport(rt, cfg)
					var events []*trengo.Event
					for i := range 12 {
						events = append(events, fixtures.Track(strconv.Itoa(i), fmt.Sprintf("+3160000000%d", i%4)))
					}
					outcomes := processAll(t, d, fixtures.Events(events...))
					for i := range events {
						outcome, ok := outcomes[i]
						if i%4 != 2 {
							if !ok || outcome.Err != nil {
								t.Errorf("event %d: %+v", i, outcome)
							}
							continue
						}
						checkPanicError(t, outcome.Err, c.says)
						if outcome.Event != events[i] || outcome.Result != (trengo.Result{}) {
							t.Errorf("event %d: %+v", i, outcome)
						}
					}
					if n := len(d.Tickets()); n != 9 {
						t.Errorf("%d tickets, want those of the other events", n)
					}
				})
			})
		}
	}
}

// checkPanicError checks that err names what panicked and where, without
// personal data.
func checkPanicError(t *testing.T, err error, says []string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	text := err.Error()
	found := slices.ContainsFunc(says, func(part string) bool { return strings.Contains(text, part) })
	if !found || !strings.Contains(text, "panic") || !strings.Contains(text, "destination_batch_test") && !strings.Contains(text, "trengo_test.TestProcessAll_panic") {
		t.Errorf("error %q does not name what panicked and where", text)
	}
	for _, secret := range []string{"bob", "example", "316"} {
		if strings.Contains(text, secret) {
			t.Errorf("error %q contains %s", text, secret)
		}
	}
}

// A break ends the loop at once and cancels the events in progress.
func TestProcessAll_break(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t, fixtures.Concurrency(3))
		d.Behavior.Latency = time.Hour
		began, taken := time.Now(), 0
		events := func(yield func(*trengo.Event, error) bool) {
			for taken < 1000 {
				ev := fixtures.Identify("", fmt.Sprintf("ann%d@example.com", taken), "")
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
		for range d.Destination.ProcessAll(t.Context(), events) {
			n++
			synctest.Wait() // until all workers are busy
			break
		}
		if n != 1 || time.Since(began) != 0 {
			t.Errorf("%d outcomes, ended after %s", n, time.Since(began))
		}
		if taken > 6 {
			t.Errorf("%d events were read", taken)
		}
		time.Sleep(2 * time.Hour)
		if sent := len(d.Requests()); sent > 3 {
			t.Errorf("%d requests", sent)
		}
	})
}

// When the context ends, the events in progress end and have outcomes. No other
// event is read.
func TestProcessAll_contextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t, fixtures.Concurrency(3))
		d.Behavior.Latency = 20 * time.Second
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began, taken := time.Now(), 0
		events := func(yield func(*trengo.Event, error) bool) {
			for yield(fixtures.Identify("", fmt.Sprintf("ann%d@example.com", taken), ""), nil) {
				taken++
			}
		}
		outcomes := 0
		for outcome := range d.Destination.ProcessAll(ctx, events) {
			outcomes++
			if !errors.Is(outcome.Err, context.DeadlineExceeded) && !errors.Is(outcome.Err, trengo.ErrRateLimited) || !trengo.Retryable(outcome.Err) {
				t.Errorf("event %d ended with %v, want a retryable end of the context", outcome.Index, outcome.Err)
			}
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("ended after %s", took)
		}
		if outcomes < 3 || taken < 3 {
			t.Errorf("%d events were read, %d have an outcome", taken, outcomes)
		}
	})
}

// With a context that has ended, no event is processed.
func TestProcessAll_contextHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		endless := func(yield func(*trengo.Event, error) bool) {
			for yield(fixtures.Identify("", fixtures.AnnEmail, ""), nil) {
			}
		}
		for outcome := range d.Destination.ProcessAll(ctx, endless) {
			if !errors.Is(outcome.Err, context.Canceled) {
				t.Errorf("event %d: %+v", outcome.Index, outcome)
			}
		}
		d.WantSent("")
	})
}

// Once the context has ended, no other event is read.
func TestProcessAll_readsNothingAfterTheContext(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			d := fixtures.NewDeployment(t)
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
			for range d.Destination.ProcessAll(ctx, events) {
				outcomes++
			}
			if after != 0 || outcomes != 1 {
				t.Errorf("%d more events were read, %d outcomes", after, outcomes)
			}
		})
	}
}

// The loop ends only when the input has returned, as its goroutine would be left
// otherwise.
func TestProcessAll_waitsForTheInput(t *testing.T) {
	const slow = 10 * time.Second
	for name, end := range map[string]func(cancel func()) bool{
		"break":            func(func()) bool { return true },
		"the context ends": func(cancel func()) bool { cancel(); return false },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := fixtures.NewDeployment(t)
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
				for range d.Destination.ProcessAll(ctx, events) {
					if end(cancel) {
						break
					}
				}
				if took := time.Since(began); took != slow || !returned {
					t.Errorf("ended after %s, the input has returned: %t", took, returned)
				}
			})
		})
	}
}

// When the input ends, the events in progress are finished.
func TestProcessAll_inputEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t, fixtures.CreateMissing)
		d.Behavior.Latency = fixtures.Latency
		outcomes := processAll(t, d, fixtures.Events(fixtures.Track("1", fixtures.AnnEmail), fixtures.Track("2", fixtures.AnnEmail), fixtures.Track("3", fixtures.AnnEmail)))
		for i := range 3 {
			if outcomes[i].Err != nil || outcomes[i].Result.TicketID == 0 {
				t.Errorf("event %d: %+v", i, outcomes[i])
			}
		}
	})
}

// A loop that panics leaves no goroutine. The bubble would fail otherwise.
func TestProcessAll_loopPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t)
		d.Behavior.Latency = time.Hour
		defer func() {
			if value := recover(); value != any("the loop gave up") {
				t.Errorf("recovered %v, want what the loop panicked with", value)
			}
		}()
		for range d.Destination.ProcessAll(t.Context(), fixtures.Events(fixtures.Identify("", fixtures.AnnEmail, ""), &trengo.Event{Type: "page"})) {
			panic("the loop gave up")
		}
	})
}

// The body of the loop may use the Destination, even for the same event.
func TestProcessAll_loopCallsProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t, fixtures.Concurrency(2))
		d.AddContact(trengotest.Contact{Email: fixtures.AnnEmail})
		var events []*trengo.Event
		for i := range 10 {
			events = append(events, fixtures.Track(strconv.Itoa(i), fixtures.AnnEmail))
		}
		for outcome := range d.Destination.ProcessAll(t.Context(), fixtures.Events(events...)) {
			synctest.Wait() // until no goroutine can continue without this loop
			if result := d.MustProcess(outcome.Event); !result.Duplicate {
				t.Errorf("%+v, want a duplicate of the event just processed", result)
			}
			d.MustProcess(fixtures.Track("again "+outcome.Event.MessageID, fixtures.AnnEmail))
		}
		if n := len(d.Tickets()); n != 20 {
			t.Errorf("%d tickets", n)
		}
	})
}

// A transport that ends the goroutine of an event fails that event, and neither
// those of other people nor the workers.
func TestRunner_goexit(t *testing.T) {
	t.Parallel()
	f := fixtures.New(t)
	f.InjectFunc(func(r trengotest.Request) trengotest.Fault {
		if strings.Contains(r.Query.Get("term"), "ann@") {
			runtime.Goexit()
		}
		return trengotest.Fault{}
	})
	destination := f.NewDestination(trengo.DestinationConfig{Concurrency: 1})
	events := []*trengo.Event{
		fixtures.Identify("1", "ann@example.com", "Ann"), fixtures.Identify("2", "bob@example.com", "Bob"), fixtures.Identify("3", "ann@example.com", "Ann Lee"),
	}
	failed := map[int]bool{}
	for o := range destination.ProcessAll(t.Context(), fixtures.Events(events...)) {
		failed[o.Index] = o.Err != nil
	}
	if diff := cmp.Diff(map[int]bool{0: true, 1: false, 2: true}, failed); diff != "" {
		t.Errorf("failed events (-want +got):\n%s", diff)
	}
	handler := fixtures.NewHandler(t, destination, fixtures.AllowAll)
	_, resp := fixtures.Serve(t, handler, fixtures.EventRequest(t.Context(), fixtures.ArrayJSON(t, events...)))
	if diff := cmp.Diff([]int{500, 200, 500}, resp.Statuses()); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}
