package trengo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

const memoryTestChannel = 405980

func newMemoryTest(t *testing.T, cfg DestinationConfig) (*trengotest.Server, *Destination) {
	t.Helper()
	srv := trengotest.New()
	srv.AddChannel(trengotest.Channel{ID: memoryTestChannel, Type: "EMAIL"})
	client, err := NewClient(trengotest.Token, WithHTTPClient(srv.HTTPClient()), WithMaxRetries(0))
	if err != nil {
		t.Fatal(err)
	}
	cfg.ChannelID = memoryTestChannel
	cfg.EventTemplates = map[string]string{"Ordered": "Ordered"}
	destination, err := NewDestination(client, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return srv, destination
}

func memoryTestEvent(kind, message, email string) *Event {
	return &Event{Type: kind, MessageID: message, Event: "Ordered", Traits: map[string]any{"email": email, "name": message}}
}

func requireNoReservations(t *testing.T, d *Destination) {
	t.Helper()
	if n := d.dedup.memory.people.Len(); n != 0 {
		t.Errorf("%d people are still reserved", n)
	}
	if n := d.dedup.memory.firstTicket.Len(); n != 0 {
		t.Error("the first ticket is still reserved")
	}
}

// However an event ends, it releases all its reservations.
func TestMemory_releasesReservations(t *testing.T) {
	refusal := trengotest.Respond(http.StatusForbidden, "application/json", `{}`)
	gone := trengotest.Respond(http.StatusUnprocessableEntity, "application/json", `{}`)
	for name, fault := range map[string]trengotest.Fault{
		"everything succeeds":              {},
		"everything is refused":            refusal,
		"contacts are gone":                gone,
		"responses are lost":               trengotest.LostAfter(),
		"nothing arrives":                  trengotest.NoConnection(),
		"responses arrive after the event": trengotest.Slow(time.Minute),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, d := newMemoryTest(t, DestinationConfig{CreateMissingContacts: true, MaxMessages: 10, Concurrency: 4})
				srv.SetRateLimit(100_000)
				srv.Behavior.Latency = time.Second
				contact := srv.AddContact(trengotest.Contact{Email: "a0@example.com"})
				srv.InjectFunc(func(r trengotest.Request) trengotest.Fault {
					if r.Seq%3 == 0 || r.Method == http.MethodPost {
						return fault
					}
					return trengotest.Fault{}
				})
				var wg sync.WaitGroup
				for i := range 200 {
					kind := []string{"identify", "track"}[i%2]
					ev := memoryTestEvent(kind, strconv.Itoa(i), fmt.Sprintf("a%d@example.com", i%7))
					if i%5 == 0 {
						ev.Context.ExternalIDs = []ExternalID{{Type: "trengoContactId", ID: strconv.FormatInt(contact.ID, 10)}}
					}
					wg.Go(func() {
						ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*time.Second/2)
						defer cancel()
						_, _ = d.Process(ctx, ev)
					})
				}
				wg.Wait()
				requireNoReservations(t, d)
			})
		})
	}
}

func TestMemory_releasesReservationsOfProcessAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, d := newMemoryTest(t, DestinationConfig{CreateMissingContacts: true})
		srv.Behavior.Latency = time.Second
		stream := func(yield func(*Event, error) bool) {
			for i, more := 0, true; more; i++ {
				more = yield(memoryTestEvent("track", strconv.Itoa(i), fmt.Sprintf("a%d@example.com", i%3)), nil)
			}
		}
		n := 0
		for range d.ProcessAll(t.Context(), stream) {
			if n++; n == 20 {
				break
			}
		}
		synctest.Wait()
		requireNoReservations(t, d)
	})
}

// A pending write is remembered until it is reconciled, and no longer.
func TestMemory_forgetsReconciledWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, d := newMemoryTest(t, DestinationConfig{CreateMissingContacts: true})
		lose := func(r trengotest.Request) trengotest.Fault {
			if r.Method == http.MethodPost {
				return trengotest.LostBefore()
			}
			return trengotest.Fault{}
		}
		pending := func() [2]int {
			return [2]int{d.dedup.memory.pendingContacts.Len(), d.dedup.memory.pendingTickets.Len()}
		}
		ev := memoryTestEvent("track", "1", "ann@example.com")
		for _, step := range []struct {
			what  string
			fault func(trengotest.Request) trengotest.Fault
			want  [2]int
			err   error
		}{
			{"the response for the contact is lost", lose, [2]int{1, 0}, ErrOutcomeUnknown},
			{"only the contact can be created", func(r trengotest.Request) trengotest.Fault {
				if r.Path == "/tickets" {
					return lose(r)
				}
				return trengotest.Fault{}
			}, [2]int{0, 1}, ErrOutcomeUnknown},
			{"everything succeeds", nil, [2]int{0, 0}, nil},
		} {
			srv.InjectFunc(step.fault)
			if _, err := d.Process(t.Context(), ev); !errors.Is(err, step.err) {
				t.Fatalf("%s: error %v", step.what, err)
			}
			if got := pending(); got != step.want {
				t.Errorf("%s: pending contacts and tickets are %v, want %v", step.what, got, step.want)
			}
			time.Sleep(reconcileAfter)
		}
	})
}

// Everything that a Destination remembers is bounded.
func TestMemory_isBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const people, messages = 5, 7
		srv, d := newMemoryTest(t, DestinationConfig{CreateMissingContacts: true, ResolveUserIDs: true, MaxPeople: people, MaxMessages: messages})
		srv.SetRateLimit(100_000)
		for i := range 60 {
			email := fmt.Sprintf("a%d@example.com", i)
			for message, kind := range []string{"identify", "track", "track", "track"} {
				switch message {
				case 2: // the response for this ticket is lost
					srv.Inject(trengotest.LostBefore())
				case 3: // and that for this contact
					email = "b" + email
					srv.Inject(trengotest.Fault{}, trengotest.LostBefore())
				}
				ev := memoryTestEvent(kind, fmt.Sprint(i, message), email)
				ev.UserID = email
				_, _ = d.Process(t.Context(), ev)
			}
		}
		for what, size := range map[string]struct{ got, want int }{
			"contacts":         {d.dedup.memory.contacts.Len(), people},
			"names":            {d.dedup.memory.names.Len(), people},
			"users":            {d.dedup.memory.users.users.Len(), people},
			"messages":         {d.dedup.memory.results.Len(), messages},
			"pending contacts": {d.dedup.memory.pendingContacts.Len(), messages},
			"pending tickets":  {d.dedup.memory.pendingTickets.Len(), messages},
		} {
			if size.got != size.want {
				t.Errorf("%d %s in memory, want %d", size.got, what, size.want)
			}
		}
		requireNoReservations(t, d)
	})
}
