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

const insideChannel = 405980

// ReadOnly does what [Destination.Process] does with an event before it needs
// anybody's turn or anything remembered, for benchmarks to leave out.
func ReadOnly(d *Destination, ev *Event) error {
	_, err := d.read(ev)
	return err
}

func newInside(t *testing.T, cfg DestinationConfig) (*trengotest.Server, *Destination) {
	t.Helper()
	srv := trengotest.New()
	srv.AddChannel(trengotest.Channel{ID: insideChannel, Type: "EMAIL"})
	client, err := NewClient(trengotest.Token, WithHTTPClient(srv.HTTPClient()), WithMaxRetries(0))
	if err != nil {
		t.Fatal(err)
	}
	cfg.ChannelID = insideChannel
	cfg.EventTemplates = map[string]string{"Ordered": "Ordered"}
	destination, err := NewDestination(client, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return srv, destination
}

func insideEvent(kind, message, email string) *Event {
	return &Event{Type: kind, MessageID: message, Event: "Ordered", Traits: map[string]any{"email": email, "name": message}}
}

func mustBeEmpty(t *testing.T, d *Destination) {
	t.Helper()
	if n := d.memory.people.Len(); n != 0 {
		t.Errorf("%d people are still waited for", n)
	}
	if n := d.memory.firstTicket.Len(); n != 0 {
		t.Errorf("the first ticket is still waited for")
	}
}

// However an event ends, it leaves all lines it stood in.
func TestMemory_placesAreLeft(t *testing.T) {
	refusal := trengotest.Respond(http.StatusForbidden, "application/json", `{}`)
	gone := trengotest.Respond(http.StatusUnprocessableEntity, "application/json", `{}`)
	for name, fault := range map[string]trengotest.Fault{
		"everything succeeds":          {},
		"everything is refused":        refusal,
		"contacts are gone":            gone,
		"answers are lost":             trengotest.LostAfter(),
		"nothing arrives":              trengotest.NoConnection(),
		"answers come after the event": trengotest.Slow(time.Minute),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, d := newInside(t, DestinationConfig{CreateMissingContacts: true, MaxMessages: 10, Concurrency: 4})
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
					ev := insideEvent(kind, strconv.Itoa(i), fmt.Sprintf("a%d@example.com", i%7))
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
				mustBeEmpty(t, d)
			})
		})
	}
}

func TestMemory_placesAreLeftByProcessAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, d := newInside(t, DestinationConfig{CreateMissingContacts: true})
		srv.Behavior.Latency = time.Second
		stream := func(yield func(*Event, error) bool) {
			for i, more := 0, true; more; i++ {
				more = yield(insideEvent("track", strconv.Itoa(i), fmt.Sprintf("a%d@example.com", i%3)), nil)
			}
		}
		n := 0
		for range d.ProcessAll(t.Context(), stream) {
			if n++; n == 20 {
				break
			}
		}
		synctest.Wait()
		mustBeEmpty(t, d)
	})
}

// A lost write is remembered until it is settled, and no longer.
func TestMemory_lostWritesAreForgottenOnceSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, d := newInside(t, DestinationConfig{CreateMissingContacts: true})
		lose := func(r trengotest.Request) trengotest.Fault {
			if r.Method == http.MethodPost {
				return trengotest.LostBefore()
			}
			return trengotest.Fault{}
		}
		inMemory := func() [2]int { return [2]int{d.memory.lostContacts.entries.Len(), d.memory.lostTickets.entries.Len()} }
		ev := insideEvent("track", "1", "ann@example.com")
		for _, step := range []struct {
			what  string
			fault func(trengotest.Request) trengotest.Fault
			want  [2]int
			err   error
		}{
			{"the contact is lost", lose, [2]int{1, 0}, ErrOutcomeUnknown},
			{"only the contact could be created", func(r trengotest.Request) trengotest.Fault {
				if r.Path == "/tickets" {
					return lose(r)
				}
				return trengotest.Fault{}
			}, [2]int{0, 1}, ErrOutcomeUnknown},
			{"all is well", nil, [2]int{0, 0}, nil},
		} {
			srv.InjectFunc(step.fault)
			if _, err := d.Process(t.Context(), ev); !errors.Is(err, step.err) {
				t.Fatalf("%s: error %v", step.what, err)
			}
			if got := inMemory(); got != step.want {
				t.Errorf("%s: lost contacts and tickets in memory are %v, want %v", step.what, got, step.want)
			}
			time.Sleep(settleAfter)
		}
	})
}

// Nothing that a Destination remembers grows without bound.
func TestMemory_isBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const people, messages = 5, 7
		srv, d := newInside(t, DestinationConfig{CreateMissingContacts: true, MaxPeople: people, MaxMessages: messages})
		srv.SetRateLimit(100_000)
		for i := range 60 {
			email := fmt.Sprintf("a%d@example.com", i)
			for message, kind := range []string{"identify", "track", "track", "track"} {
				switch message {
				case 2: // this ticket gets lost
					srv.Inject(trengotest.LostBefore())
				case 3: // and this contact
					email = "b" + email
					srv.Inject(trengotest.Fault{}, trengotest.LostBefore())
				}
				_, _ = d.Process(t.Context(), insideEvent(kind, fmt.Sprint(i, message), email))
			}
		}
		for what, size := range map[string]struct{ got, want int }{
			"contacts":      {d.memory.contacts.(contactCache).known.entries.Len(), 2 * people},
			"messages":      {d.memory.handled.entries.Len(), messages},
			"lost contacts": {d.memory.lostContacts.entries.Len(), messages},
			"lost tickets":  {d.memory.lostTickets.entries.Len(), messages},
		} {
			if size.got != size.want {
				t.Errorf("%d %s in memory, want %d", size.got, what, size.want)
			}
		}
		mustBeEmpty(t, d)
	})
}
