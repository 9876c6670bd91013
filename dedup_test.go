package trengo_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// Events of one person are processed in the order of the calls.
func TestOrder_ofOnePerson(t *testing.T) {
	byEmail := func(i int) *trengo.Event { return fixtures.Identify("", fixtures.AnnEmail, fmt.Sprint("Ann ", i)) }
	byID := func(i int) *trengo.Event {
		return fixtures.ForContact(fixtures.Identify("", "", fmt.Sprint("Ann ", i)), fixtures.FirstContact)
	}
	for name, event := range map[string]func(int) *trengo.Event{"by email": byEmail, "by ID": byID} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := fixtures.NewDeployment(t)
				d.Behavior.Latency = fixtures.Latency
				d.AddContact(trengotest.Contact{Email: fixtures.AnnEmail})
				var all []<-chan fixtures.Delivered
				var want []string
				for i := range 20 {
					all = append(all, d.Deliver(t.Context(), event(i)))
					want = append(want, fmt.Sprint("Ann ", i))
				}
				for _, one := range all {
					if got := <-one; got.Err != nil {
						t.Error(got.Err)
					}
				}
				if diff := cmp.Diff(want, d.NamesSent()); diff != "" {
					t.Errorf("order of the renames (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// Events of different people do not wait for each other.
func TestOrder_ofDifferentPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t, fixtures.CreateMissing)
		d.WarmUp()
		d.Behavior.Latency = fixtures.Latency
		began := time.Now()
		var all []<-chan fixtures.Delivered
		const requests = 3 // search, create, open
		for i := range 15 {
			all = append(all, d.Deliver(t.Context(), fixtures.Track("1", fmt.Sprintf("ann%d@example.com", i))))
		}
		for _, one := range all {
			if got := <-one; got.Err != nil || got.At.Sub(began) != requests*fixtures.Latency {
				t.Errorf("ended after %s with %v", got.At.Sub(began), got.Err)
			}
		}
	})
}

// Only one event at a time writes to a contact, whether events find it by email
// or name its ID, in whatever order they arrive, and whatever is cached.
func TestOrder_oneWriterPerContact(t *testing.T) {
	const goroutines = 64
	for name, byEmail := range map[string]func(i int) bool{
		"by email first":       func(i int) bool { return i < goroutines/2 },
		"by ID first":          func(i int) bool { return i >= goroutines/2 },
		"alternating":          func(i int) bool { return i%2 == 0 },
		"by email but for one": func(i int) bool { return i != goroutines/2 },
	} {
		for _, cached := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, email cached %t", name, cached), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := fixtures.NewDeployment(t)
					d.WarmUp()
					contact := d.AddContact(trengotest.Contact{Name: "Ann", Email: fixtures.AnnEmail})
					gauge := &testkit.Gauge{Next: d.Server}
					d.UseTransport(gauge, trengo.DestinationConfig{})
					if cached {
						d.MustProcess(fixtures.Identify("", fixtures.AnnEmail, ""))
					}
					d.Behavior.Latency = fixtures.Latency
					var wg sync.WaitGroup
					for i := range goroutines {
						ev := fixtures.Identify("", fixtures.AnnEmail, fmt.Sprint("Ann ", i))
						if i%4 == 0 {
							ev = fixtures.Track("", fixtures.AnnEmail)
						}
						if !byEmail(i) {
							ev = fixtures.ForContact(ev, contact.ID)
						}
						wg.Go(func() {
							if _, err := d.Destination.Process(t.Context(), ev); err != nil {
								t.Error(err)
							}
						})
					}
					wg.Wait()
					if most := gauge.Most(); most != 1 {
						t.Errorf("%d writes to the contact at once", most)
					}
				})
			})
		}
	}
}

// Waiting ends with the context, whatever the event waits for.
func TestOrder_contextEndsWhileWaiting(t *testing.T) {
	const timeout = fixtures.Latency / 4
	byEmail := func(message string) *trengo.Event { return fixtures.Track(message, "ann@example.com") }
	byID := func(message string) *trengo.Event { return fixtures.ForContact(fixtures.Track(message, ""), 460000002) }
	cases := map[string]struct {
		cold         bool
		first, later *trengo.Event
		sent         string // by both, while the later one waits
	}{
		"for an event with the same email":          {false, byEmail("1"), byEmail("2"), "open"},
		"for the same message":                      {false, byEmail("1"), byEmail("1"), "open"},
		"for an event with the same contact ID":     {false, byID("1"), byID("2"), "open"},
		"by email, for an event with a contact ID":  {false, byID("1"), byEmail("2"), "open"},
		"by contact ID, for an event with an email": {false, byEmail("1"), byID("2"), "open"},
		"with nothing to send":                      {false, byID("1"), fixtures.ForContact(fixtures.Identify("2", "", ""), 460000002), "open"},
		"for the process's first ticket":            {true, byEmail("1"), fixtures.ForContact(fixtures.Track("2", ""), fixtures.FirstContact), "list"},
	}
	for name, c := range cases {
		for reason, end := range map[string]error{"canceled": context.Canceled, "deadline exceeded": context.DeadlineExceeded} {
			t.Run(name+", "+reason, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := fixtures.NewDeployment(t)
					d.AddContact(trengotest.Contact{Name: "Somebody"})
					d.AddContact(trengotest.Contact{Name: "Ann", Email: fixtures.AnnEmail})
					d.MustProcess(fixtures.Identify("0", fixtures.AnnEmail, "Ann"))
					if !c.cold {
						d.MustProcess(fixtures.ForContact(fixtures.Track("warm up", ""), fixtures.FirstContact))
					}
					d.ResetRequests()
					d.Behavior.Latency = fixtures.Latency

					first := d.Deliver(t.Context(), c.first)
					ctx, cancel := context.WithCancel(t.Context())
					if errors.Is(end, context.DeadlineExceeded) {
						ctx, cancel = context.WithTimeout(t.Context(), timeout)
					}
					defer cancel()
					began := time.Now()
					later := d.Deliver(ctx, c.later)
					time.Sleep(timeout)
					synctest.Wait() // a deadline at this very moment passes
					cancel()
					got := <-later
					if !errors.Is(got.Err, end) || !trengo.Retryable(got.Err) {
						t.Errorf("error %v (retryable: %t), want a retryable %v", got.Err, trengo.Retryable(got.Err), end)
					}
					if errors.Is(got.Err, trengo.ErrOutcomeUnknown) {
						t.Errorf("error %v for an event that was never started", got.Err)
					}
					if took := got.At.Sub(began); took != timeout {
						t.Errorf("waited %s, want %s", took, timeout)
					}
					if sent := d.Sent(); sent != c.sent {
						t.Errorf("sent %q, want %q, from the first event only", sent, c.sent)
					}
					if got := <-first; got.Err != nil {
						t.Errorf("the first event: %v", got.Err)
					}
					// The event that stopped waiting blocks no other.
					d.MustProcess(c.later)
				})
			})
		}
	}
}

// With a context that has ended nothing is sent, even without waiting.
func TestOrder_contextHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t, fixtures.CreateMissing)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := d.Destination.Process(ctx, fixtures.Track("1", fixtures.AnnEmail))
		if !errors.Is(err, context.Canceled) || !trengo.Retryable(err) {
			t.Errorf("error %v, want a retryable context.Canceled", err)
		}
		d.WantSent("")
		if result := d.MustProcess(fixtures.Track("1", fixtures.AnnEmail)); result.Duplicate {
			t.Error("the event counts as processed")
		}
	})
}

// An event that panics releases its reservations.
func TestOrder_panicReleases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t)
		d.WarmUp()
		contact := d.AddContact(trengotest.Contact{Name: "Ann", Email: fixtures.AnnEmail})
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
			_, _ = d.Process(fixtures.Track("1", fixtures.AnnEmail))
		}()
		d.InjectFunc(nil)
		time.Sleep(2 * time.Minute) // until then, the outcome of the ticket is unknown
		d.MustProcess(fixtures.Track("2", fixtures.AnnEmail))
		d.MustProcess(fixtures.ForContact(fixtures.Track("3", ""), contact.ID))
	})
}

// Once its search has started, the remaining requests of an event go before
// calls that came later.
func TestProcess_startedEventGoesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t, fixtures.CreateMissing)
		d.Behavior.Latency = 100 * time.Millisecond
		d.WarmUp()
		for i := range 60 {
			d.AddContact(trengotest.Contact{Email: fmt.Sprintf("%dann@example.com", i)})
		}
		time.Sleep(2 * time.Minute)
		var wg sync.WaitGroup
		for range 62 {
			wg.Go(func() { _ = d.Client.Do(t.Context(), trengo.Request{Path: "/users"}, nil) })
		}
		synctest.Wait()
		d.ResetRequests()
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			if _, err := d.Destination.Process(ctx, fixtures.Track("1", fixtures.AnnEmail)); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		for range 20 {
			wg.Go(func() { _ = d.Client.Do(t.Context(), trengo.Request{Path: "/users"}, nil) })
		}
		wg.Wait()
		started, between := false, 0
		for _, r := range d.Requests() {
			switch {
			case r.Path == "/contacts":
				started = true
			case testkit.IsTicketCreation(r):
				if between > 1 {
					t.Errorf("%d other requests were sent between the search and the ticket", between)
				}
				return
			case started && r.Method == http.MethodGet:
				between++
			}
		}
		t.Error("no ticket")
	})
}

// Under overload, an event that needs several requests starts only if all of
// them fit. Otherwise a search whose create is refused would be repeated at the
// next delivery, and searches would use up the limit.
func TestProcess_startsOnlyWhatItCanFinish(t *testing.T) {
	t.Parallel()
	const events, perSecond, deadline = 1200, 10, 8 * time.Second
	const limit = 120 // requests per minute, the server's default
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t, fixtures.CreateMissing)
		d.Behavior.Latency = 200 * time.Millisecond
		d.WarmUp()
		d.ResetRequests()
		var wg sync.WaitGroup
		var mu sync.Mutex
		done := 0
		for i := range events {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Second / perSecond)
				ctx, cancel := context.WithTimeout(t.Context(), deadline)
				defer cancel()
				who := fmt.Sprintf("%d@example.com", i)
				ev := fixtures.Identify("", who, "")
				if i%2 == 0 {
					ev = fixtures.Track("", who) // search, contact, ticket
				}
				_, err := d.Destination.Process(ctx, ev)
				switch {
				case err == nil:
					mu.Lock()
					defer mu.Unlock()
					done++
				case !errors.Is(err, trengo.ErrRateLimited):
					t.Errorf("event %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		searches, contacts, tickets := 0, 0, 0
		for _, r := range d.Requests() {
			switch {
			case r.Method == http.MethodGet:
				searches++
			case testkit.IsTicketCreation(r):
				tickets++
			default:
				contacts++
			}
		}
		minutes := time.Duration(events / perSecond * int(time.Second)).Minutes()
		t.Logf("%d of %d events in %.0f minutes, with %d searches, %d contacts and %d tickets", done, events, minutes, searches, contacts, tickets)
		if wasted := searches - contacts; wasted > searches/20 {
			t.Errorf("%d of %d searches led to nothing", wasted, searches)
		}
		if used := float64(searches+contacts+tickets) / (minutes * limit); used < 0.95 {
			t.Errorf("%.0f %% of the limit was used", 100*used)
		}
	})
}

// A second delivery of a message returns the result of the first, from memory.
func TestMessages_deliveredTwice(t *testing.T) {
	cases := map[string]struct {
		first, second *trengo.Event
	}{
		"a track": {fixtures.Track("1", fixtures.AnnEmail), fixtures.Track("1", fixtures.AnnEmail)},
		"a track with the email spelled differently": {
			fixtures.Track("1", fixtures.AnnEmail), fixtures.Track("1", " ANN@example.com"),
		},
		"an identify that created":         {fixtures.Identify("1", fixtures.BobEmail, "Bob"), fixtures.Identify("1", fixtures.BobEmail, "Bob")},
		"an identify that renamed":         {fixtures.Identify("1", fixtures.AnnEmail, "Anna"), fixtures.Identify("1", fixtures.AnnEmail, "Anna")},
		"an identify that changed nothing": {fixtures.Identify("1", fixtures.AnnEmail, "Ann"), fixtures.Identify("1", fixtures.AnnEmail, "Ann")},
		"an event that names its contact": {
			fixtures.ForContact(fixtures.Track("1", ""), 460000002), fixtures.ForContact(fixtures.Track("1", ""), 460000002),
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := fixtures.NewDeployment(t)
				d.WarmUp()
				d.AddContact(trengotest.Contact{Name: "Ann", Email: fixtures.AnnEmail})
				want := d.MustProcess(c.first)
				if want.Duplicate {
					t.Error("the first delivery is marked as a duplicate")
				}
				d.ResetRequests()
				want.Duplicate = true
				if diff := cmp.Diff(want, d.MustProcess(c.second)); diff != "" {
					t.Errorf("result of the second delivery (-want +got):\n%s", diff)
				}
				d.WantSent("")
			})
		})
	}
}

// Events with the same message ID are duplicates only if nothing else differs: a
// sender may split one message into several events.
func TestMessages_notDuplicates(t *testing.T) {
	base := func() *trengo.Event { return fixtures.Track("1", fixtures.AnnEmail) }
	change := func(f func(*trengo.Event)) *trengo.Event {
		ev := base()
		f(ev)
		return ev
	}
	for name, second := range map[string]*trengo.Event{
		"another message": change(func(ev *trengo.Event) { ev.MessageID = "2" }),
		"another type":    change(func(ev *trengo.Event) { ev.Type = "identify" }),
		"another event":   change(func(ev *trengo.Event) { ev.Event = fixtures.OtherTrackEvent }),
		"another channel": fixtures.OnChannel(base(), fixtures.OtherEmailChannel),
		"another person":  change(func(ev *trengo.Event) { ev.Traits["email"] = fixtures.BobEmail }),
		"a contact ID":    fixtures.ForContact(base(), 460000002),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := fixtures.NewDeployment(t, fixtures.CreateMissing)
				d.WarmUp()
				d.MustProcess(base())
				if result := d.MustProcess(second); result.Duplicate {
					t.Errorf("%+v, want the first processing of this event", result)
				}
				if result := d.MustProcess(second); !result.Duplicate {
					t.Errorf("%+v, want a duplicate of the event just processed", result)
				}
				if result := d.MustProcess(base()); !result.Duplicate {
					t.Errorf("%+v, want a duplicate of the first event", result)
				}
			})
		})
	}
}

func TestMessages_notRemembered(t *testing.T) {
	cases := map[string]struct {
		changes []func(*trengo.DestinationConfig)
		event   *trengo.Event
		before  func(*testing.T, *fixtures.Deployment, *trengo.Event) // the first delivery, and what follows it
		action  trengo.Action
	}{
		"an event without a message ID": {nil, fixtures.Track("", fixtures.AnnEmail), func(_ *testing.T, d *fixtures.Deployment, ev *trengo.Event) {
			d.MustProcess(ev)
		}, trengo.ActionTicketCreated},
		"an event that failed": {nil, fixtures.Track("1", fixtures.AnnEmail), func(_ *testing.T, d *fixtures.Deployment, ev *trengo.Event) {
			d.RefuseNext("open", 422)
			d.MustFail(ev, trengo.ErrUnprocessable)
		}, trengo.ActionTicketCreated},
		"an event whose contact was not found": {nil, fixtures.Track("1", fixtures.BobEmail), func(_ *testing.T, d *fixtures.Deployment, ev *trengo.Event) {
			d.MustFail(ev, trengo.ErrContactNotFound)
			d.AddContact(trengotest.Contact{Email: fixtures.BobEmail})
		}, trengo.ActionTicketCreated},
		"a skipped event": {
			nil,
			&trengo.Event{Type: "page", MessageID: "1", Traits: map[string]any{"email": fixtures.AnnEmail}},
			func(_ *testing.T, d *fixtures.Deployment, ev *trengo.Event) { d.MustProcess(ev) }, trengo.ActionSkipped,
		},
		"a message older than its TTL": {
			[]func(*trengo.DestinationConfig){func(cfg *trengo.DestinationConfig) { cfg.MessageTTL = 2 * time.Hour }},
			fixtures.Track("1", fixtures.AnnEmail), func(t *testing.T, d *fixtures.Deployment, ev *trengo.Event) {
				d.MustProcess(ev)
				time.Sleep(2*time.Hour - 1)
				if !d.MustProcess(ev).Duplicate {
					t.Error("forgotten before its TTL")
				}
				time.Sleep(time.Nanosecond)
			}, trengo.ActionTicketCreated,
		},
		"a message displaced by newer ones": {
			[]func(*trengo.DestinationConfig){func(cfg *trengo.DestinationConfig) { cfg.MaxMessages = 2 }},
			fixtures.Track("1", fixtures.AnnEmail), func(t *testing.T, d *fixtures.Deployment, ev *trengo.Event) {
				d.MustProcess(ev)
				d.MustProcess(fixtures.Track("2", fixtures.AnnEmail))
				if !d.MustProcess(ev).Duplicate {
					t.Error("forgotten before it was displaced")
				}
				d.MustProcess(fixtures.Track("3", fixtures.AnnEmail))
				d.MustProcess(fixtures.Track("4", fixtures.AnnEmail))
			}, trengo.ActionTicketCreated,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := fixtures.NewDeployment(t, c.changes...)
				d.WarmUp()
				d.AddContact(trengotest.Contact{Name: "Ann", Email: fixtures.AnnEmail})
				c.before(t, d, c.event)
				tickets := len(d.Tickets())
				result := d.MustProcess(c.event)
				if result.Duplicate || result.Action != c.action {
					t.Errorf("%+v, want it processed again: %s", result, c.action)
				}
				if created := len(d.Tickets()) - tickets; (created == 1) != (c.action == trengo.ActionTicketCreated) {
					t.Errorf("%d new tickets", created)
				}
			})
		})
	}
}

// A second delivery that arrives while the first is in progress.
func TestMessages_deliveredTwiceAtOnce(t *testing.T) {
	const latency = 2 * time.Second
	cases := map[string]struct {
		before    func(*fixtures.Deployment)
		timeout   time.Duration // of the first delivery
		first     error
		duplicate bool // the second delivery is
		sent      string
	}{
		"shares the result if the first succeeds": {
			func(*fixtures.Deployment) {}, time.Minute, nil, true, "search, open",
		},
		"is processed if the first fails": {
			func(d *fixtures.Deployment) { d.RefuseNext("open", 403) }, time.Minute, trengo.ErrUnauthorized, false, "search, open, open",
		},
		"is processed if the first is canceled": {
			func(*fixtures.Deployment) {}, time.Second, context.DeadlineExceeded, false, "search, search, open",
		},
		"finds the ticket if the first is canceled after it": {
			func(*fixtures.Deployment) {}, 5 * latency / 4, trengo.ErrOutcomeUnknown, false, "search, open, list",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := fixtures.NewDeployment(t)
				d.WarmUp()
				d.Behavior.Latency = latency
				d.AddContact(trengotest.Contact{Name: "Ann", Email: fixtures.AnnEmail})
				c.before(d)
				tickets := len(d.Tickets())

				ctx, cancel := context.WithTimeout(t.Context(), c.timeout)
				defer cancel()
				first := d.Deliver(ctx, fixtures.Track("1", fixtures.AnnEmail))
				second := d.Deliver(t.Context(), fixtures.Track("1", fixtures.AnnEmail))
				if got := <-first; !errors.Is(got.Err, c.first) {
					t.Errorf("the first delivery ended with %v, want %v", got.Err, c.first)
				}
				got := <-second
				if got.Err != nil || got.Result.Duplicate != c.duplicate || got.Result.TicketID == 0 {
					t.Errorf("the second delivery ended with %+v, %v", got.Result, got.Err)
				}
				if created := len(d.Tickets()) - tickets; created != 1 {
					t.Errorf("%d tickets, want one", created)
				}
				d.WantSent(c.sent)
			})
		})
	}
}

// A second delivery waits only for events with its own email. It neither waits
// for an event that names the contact, nor makes that event wait.
func TestMessages_duplicateBlocksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const latency = 2 * time.Second
		d := fixtures.NewDeployment(t)
		d.WarmUp()
		contact := d.AddContact(trengotest.Contact{Name: "Ann", Email: fixtures.AnnEmail})
		d.MustProcess(fixtures.Identify("0", fixtures.AnnEmail, "Ann"))
		d.Behavior.Latency = latency
		began := time.Now()
		first := d.Deliver(t.Context(), fixtures.Track("1", fixtures.AnnEmail))
		second := d.Deliver(t.Context(), fixtures.Track("1", fixtures.AnnEmail))
		named := d.Deliver(t.Context(), fixtures.ForContact(fixtures.Track("2", ""), contact.ID))
		for _, one := range []struct {
			name string
			done <-chan fixtures.Delivered
			want time.Duration
		}{
			{"the first delivery", first, latency},
			{"the second delivery", second, latency},
			{"the event that names the contact", named, 2 * latency},
		} {
			got := <-one.done
			if took := got.At.Sub(began); got.Err != nil || took != one.want {
				t.Errorf("%s took %s (%v), want %s", one.name, took, got.Err, one.want)
			}
		}
	})
}

// A duplicate returns at once, even while the person's next event is in progress
// and even with a context that has ended.
func TestMessages_duplicateDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := fixtures.NewDeployment(t)
		d.WarmUp()
		d.AddContact(trengotest.Contact{Name: "Ann", Email: fixtures.AnnEmail})
		d.MustProcess(fixtures.Track("1", fixtures.AnnEmail))
		d.Behavior.Latency = fixtures.Latency
		next := d.Deliver(t.Context(), fixtures.Track("2", fixtures.AnnEmail))
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		got := <-d.Deliver(ctx, fixtures.Track("1", fixtures.AnnEmail))
		if got.Err != nil || !got.Result.Duplicate || !got.At.Equal(began) {
			t.Errorf("%+v, %v after %s", got.Result, got.Err, got.At.Sub(began))
		}
		if got := <-next; got.Err != nil || got.Result.Duplicate {
			t.Errorf("the next event: %+v, %v", got.Result, got.Err)
		}
	})
}
