package trengo_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

func TestMessages_secondDeliveryIsAnsweredFromMemory(t *testing.T) {
	cases := map[string]struct {
		first, second *trengo.Event
	}{
		"of a track": {trackFor("1", "ann@example.com"), trackFor("1", "ann@example.com")},
		"of a track with the e-mail in another spelling": {
			trackFor("1", "ann@example.com"), trackFor("1", " ANN@example.com"),
		},
		"of an identify that created":     {identifyFor("1", "bob@example.com", "Bob"), identifyFor("1", "bob@example.com", "Bob")},
		"of an identify that renamed":     {identifyFor("1", "ann@example.com", "Anna"), identifyFor("1", "ann@example.com", "Anna")},
		"of an identify that did nothing": {identifyFor("1", "ann@example.com", "Ann"), identifyFor("1", "ann@example.com", "Ann")},
		"of an event that names its contact": {
			aboutContact(trackFor("1", ""), 460000002), aboutContact(trackFor("1", ""), 460000002),
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t)
				d.warmUp()
				d.AddContact(trengotest.Contact{Name: "Ann", Email: "ann@example.com"})
				want := d.must(c.first)
				if want.Duplicate {
					t.Error("the first delivery is called a duplicate")
				}
				d.ResetRequests()
				want.Duplicate = true
				if diff := cmp.Diff(want, d.must(c.second)); diff != "" {
					t.Errorf("result of the second delivery (-want +got):\n%s", diff)
				}
				if sent := d.sent(); sent != "" {
					t.Errorf("sent %s", sent)
				}
			})
		})
	}
}

// A message may have been split into several events: they are not duplicates
// of each other.
func TestMessages_whatMakesADuplicate(t *testing.T) {
	base := func() *trengo.Event { return trackFor("1", "ann@example.com") }
	change := func(f func(*trengo.Event)) *trengo.Event {
		ev := base()
		f(ev)
		return ev
	}
	for name, second := range map[string]*trengo.Event{
		"another message":     change(func(ev *trengo.Event) { ev.MessageID = "2" }),
		"another type":        change(func(ev *trengo.Event) { ev.Type = "identify" }),
		"another event":       change(func(ev *trengo.Event) { ev.Event = "Called" }),
		"another channel":     onOtherChannel(base()),
		"another person":      change(func(ev *trengo.Event) { ev.Traits["email"] = "bob@example.com" }),
		"the contact by name": aboutContact(base(), 460000002),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, creating)
				d.warmUp()
				d.must(base())
				if result := d.must(second); result.Duplicate {
					t.Errorf("%+v, which nobody handled before", result)
				}
				if result := d.must(second); !result.Duplicate {
					t.Errorf("%+v, though it was just handled", result)
				}
				if result := d.must(base()); !result.Duplicate {
					t.Errorf("%+v, though it was handled before", result)
				}
			})
		})
	}
}

func TestMessages_whatIsNotRemembered(t *testing.T) {
	cases := map[string]struct {
		changes []func(*trengo.DestinationConfig)
		event   *trengo.Event
		before  func(*desk, *trengo.Event) // the first delivery and what follows
		action  trengo.Action
	}{
		"an event without a message": {nil, trackFor("", "ann@example.com"), func(d *desk, ev *trengo.Event) {
			d.must(ev)
		}, trengo.ActionTicketCreated},
		"an event that failed": {nil, trackFor("1", "ann@example.com"), func(d *desk, ev *trengo.Event) {
			refuse(422, open)(d)
			d.mustFail(ev, trengo.ErrUnprocessable)
		}, trengo.ActionTicketCreated},
		"an event of nobody": {nil, trackFor("1", "bob@example.com"), func(d *desk, ev *trengo.Event) {
			d.mustFail(ev, trengo.ErrContactNotFound)
			d.AddContact(trengotest.Contact{Email: "bob@example.com"})
		}, trengo.ActionTicketCreated},
		"an event that was skipped": {
			nil,
			&trengo.Event{Type: "page", MessageID: "1", Traits: map[string]any{"email": "ann@example.com"}},
			func(d *desk, ev *trengo.Event) { d.must(ev) }, trengo.ActionSkipped,
		},
		"a message of long ago": {
			[]func(*trengo.DestinationConfig){func(cfg *trengo.DestinationConfig) { cfg.MessageTTL = 2 * time.Hour }},
			trackFor("1", "ann@example.com"), func(d *desk, ev *trengo.Event) {
				d.must(ev)
				time.Sleep(2*time.Hour - 1)
				if !d.must(ev).Duplicate {
					d.t.Error("forgotten before its time")
				}
				time.Sleep(time.Nanosecond)
			}, trengo.ActionTicketCreated,
		},
		"a message of many messages ago": {
			[]func(*trengo.DestinationConfig){func(cfg *trengo.DestinationConfig) { cfg.MaxMessages = 2 }},
			trackFor("1", "ann@example.com"), func(d *desk, ev *trengo.Event) {
				d.must(ev)
				d.must(trackFor("2", "ann@example.com"))
				if !d.must(ev).Duplicate {
					d.t.Error("forgotten before there were more")
				}
				d.must(trackFor("3", "ann@example.com"))
				d.must(trackFor("4", "ann@example.com"))
			}, trengo.ActionTicketCreated,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, c.changes...)
				d.warmUp()
				d.AddContact(trengotest.Contact{Name: "Ann", Email: "ann@example.com"})
				c.before(d, c.event)
				tickets := len(d.Tickets())
				result := d.must(c.event)
				if result.Duplicate || result.Action != c.action {
					t.Errorf("%+v, want it done anew: %s", result, c.action)
				}
				if made := len(d.Tickets()) - tickets; (made == 1) != (c.action == trengo.ActionTicketCreated) {
					t.Errorf("%d new tickets", made)
				}
			})
		})
	}
}

// An answered is what a delivery in another goroutine came to.
type answered struct {
	result trengo.Result
	err    error
	at     time.Time
}

// deliver processes an event in another goroutine, and returns when its place
// is taken.
func (d *desk) deliver(ctx context.Context, ev *trengo.Event) <-chan answered {
	done := make(chan answered, 1)
	go func() {
		result, err := d.destination.Process(ctx, ev)
		done <- answered{result, err, time.Now()}
	}()
	synctest.Wait()
	return done
}

func TestMessages_secondDeliveryInFlight(t *testing.T) {
	const latency = 2 * time.Second
	cases := map[string]struct {
		before  func(*desk)
		timeout time.Duration // of the first delivery
		first   error
		second  trengo.Result
		tickets int
		sent    string
	}{
		"shares a success": {
			func(*desk) {}, time.Minute, nil, trengo.Result{Duplicate: true}, 1, inOrder(search, open),
		},
		"runs itself when the first fails": {
			refuse(403, open), time.Minute, trengo.ErrUnauthorized, trengo.Result{}, 1, inOrder(search, open, open),
		},
		"runs itself when the first is cancelled": {
			func(*desk) {}, time.Second, context.DeadlineExceeded, trengo.Result{}, 1, inOrder(search, search, open),
		},
		"finds what the first, cancelled, has done": {
			func(*desk) {}, 5 * latency / 4, trengo.ErrOutcomeUnknown, trengo.Result{}, 1, inOrder(search, open, listing),
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t)
				d.warmUp()
				d.Behavior.Latency = latency
				d.AddContact(trengotest.Contact{Name: "Ann", Email: "ann@example.com"})
				c.before(d)
				tickets := len(d.Tickets())

				ctx, cancel := context.WithTimeout(t.Context(), c.timeout)
				defer cancel()
				first := d.deliver(ctx, trackFor("1", "ann@example.com"))
				second := d.deliver(t.Context(), trackFor("1", "ann@example.com"))
				if got := <-first; !errors.Is(got.err, c.first) {
					t.Errorf("the first delivery ended with %v, want %v", got.err, c.first)
				}
				got := <-second
				if got.err != nil || got.result.Duplicate != c.second.Duplicate || got.result.TicketID == 0 {
					t.Errorf("the second delivery ended with %+v, %v", got.result, got.err)
				}
				if made := len(d.Tickets()) - tickets; made != c.tickets {
					t.Errorf("%d tickets, want %d", made, c.tickets)
				}
				if sent := d.sent(); sent != c.sent {
					t.Errorf("sent %s\nwant %s", sent, c.sent)
				}
			})
		})
	}
}

// A second delivery stands in line for its own e-mail only: who names the
// contact does not wait for it, nor it for them.
func TestMessages_waitingHoldsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const latency = 2 * time.Second
		d := newDesk(t)
		d.warmUp()
		contact := d.AddContact(trengotest.Contact{Name: "Ann", Email: "ann@example.com"})
		d.must(identifyFor("0", "ann@example.com", "Ann"))
		d.Behavior.Latency = latency
		began := time.Now()
		first := d.deliver(t.Context(), trackFor("1", "ann@example.com"))
		second := d.deliver(t.Context(), trackFor("1", "ann@example.com"))
		named := d.deliver(t.Context(), aboutContact(trackFor("2", ""), contact.ID))
		for _, one := range []struct {
			name string
			done <-chan answered
			want time.Duration
		}{
			{"the first delivery", first, latency},
			{"the second delivery", second, latency},
			{"the event that names the contact", named, 2 * latency},
		} {
			got := <-one.done
			if took := got.at.Sub(began); got.err != nil || took != one.want {
				t.Errorf("%s took %s (%v), want %s", one.name, took, got.err, one.want)
			}
		}
	})
}

// What was handled is told at once, also while the person's next event is
// under way and to a caller who has no time left.
func TestMessages_duplicateDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.warmUp()
		d.AddContact(trengotest.Contact{Name: "Ann", Email: "ann@example.com"})
		d.must(trackFor("1", "ann@example.com"))
		d.Behavior.Latency = deskLatency
		next := d.deliver(t.Context(), trackFor("2", "ann@example.com"))
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		got := <-d.deliver(ctx, trackFor("1", "ann@example.com"))
		if got.err != nil || !got.result.Duplicate || !got.at.Equal(began) {
			t.Errorf("%+v, %v after %s", got.result, got.err, got.at.Sub(began))
		}
		if got := <-next; got.err != nil || got.result.Duplicate {
			t.Errorf("the next event: %+v, %v", got.result, got.err)
		}
	})
}
