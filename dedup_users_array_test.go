package trengo_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

var retryNotFound = trengo.HandlerConfig{AllowUnauthenticated: true, RetryContactNotFound: true}

// The events of a user are in order within an array, and behind one that will be
// delivered again they are held back.
func TestHandler_arrayOfUsers(t *testing.T) {
	const ann, bob = fixtures.AnnEmail, fixtures.BobEmail
	outage := func(request string) func(*fixtures.Webhook) {
		return func(w *fixtures.Webhook) { w.FailNext(request, trengotest.NoConnection()) }
	}
	for name, tt := range map[string]struct {
		setUp     func(*fixtures.Webhook)
		events    []*trengo.Event
		want      []int
		heldBack  []int // indices
		tickets   int   // after the first delivery
		wantAgain []int // of a second delivery
	}{
		"a track event right behind its identify": {
			events: []*trengo.Event{identifyUser("1", "u1", ann), trackUser("2", "u1", "")},
			want:   []int{200, 200}, tickets: 1, wantAgain: []int{200, 200},
		},
		"a track event right behind an identify that fails": {
			setUp:  outage("create"),
			events: []*trengo.Event{identifyUser("1", "u1", ann), trackUser("2", "u1", "")},
			want:   []int{503, 503}, heldBack: []int{1}, wantAgain: []int{200, 200},
		},
		"the same person under two users": {
			setUp:  outage("create"),
			events: []*trengo.Event{identifyUser("1", "u1", ann), identifyUser("2", "u2", ann), trackUser("3", "u2", ""), trackUser("4", "u1", "")},
			want:   []int{503, 503, 503, 503}, heldBack: []int{1, 2, 3}, wantAgain: []int{200, 200, 200, 200},
		},
		"two people whom a later event connects do not hold each other back": {
			setUp:  outage("create"),
			events: []*trengo.Event{identifyUser("1", "u1", ann), identifyUser("2", "u2", bob), trackUser("3", "u2", ""), identifyUser("4", "u1", bob), trackUser("5", "u2", "")},
			want:   []int{503, 200, 200, 503, 200}, heldBack: []int{3}, tickets: 2, wantAgain: []int{200, 200, 200, 200, 200},
		},
		"what is behind an event that was held back": {
			setUp:  outage("create"),
			events: []*trengo.Event{identifyUser("1", "u1", ann), identifyUser("2", "u1", bob), identifyUser("3", "u3", bob), trackUser("4", "u3", "")},
			want:   []int{503, 503, 503, 503}, heldBack: []int{1, 2, 3}, wantAgain: []int{200, 200, 200, 200},
		},
		"an identify that comes after its track event": {
			events: []*trengo.Event{trackUser("1", "u1", ""), identifyUser("2", "u1", ann), trackUser("3", "u1", "")},
			want:   []int{503, 200, 200}, tickets: 1, wantAgain: []int{200, 200, 200},
		},
		"an identify without an email before the one with it": {
			events: []*trengo.Event{identifyUser("1", "u1", ""), identifyUser("2", "u1", ann)},
			want:   []int{400, 200}, wantAgain: []int{200, 200},
		},
		"an unknown user does not hold anybody back": {
			events: []*trengo.Event{trackUser("1", "u1", ""), trackUser("2", "u1", ""), identifyUser("3", "u2", ann), trackUser("4", "u2", "")},
			want:   []int{503, 503, 200, 200}, tickets: 1, wantAgain: []int{503, 503, 200, 200},
		},
		"guests do not hold each other back": {
			setUp:  outage("create"),
			events: []*trengo.Event{identifyUser("1", "guest", ann), identifyUser("2", "guest", bob)},
			want:   []int{503, 200}, wantAgain: []int{200, 200},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// One worker, so that the fault meets the first event.
				w := fixtures.NewWebhook(t, retryNotFound, resolveUserIDs, fixtures.Concurrency(1))
				w.WarmUp()
				before := len(w.Tickets())
				if tt.setUp != nil {
					tt.setUp(w)
				}
				body := fixtures.ArrayJSON(t, tt.events...)
				got := w.Post(body)
				if diff := cmp.Diff(tt.want, got.Statuses()); diff != "" {
					t.Errorf("statuses (-want +got):\n%s", diff)
				}
				var heldBack []int
				for i, event := range got.Events {
					if strings.Contains(event.Error, "held back") {
						heldBack = append(heldBack, i)
					}
				}
				if diff := cmp.Diff(tt.heldBack, heldBack); diff != "" {
					t.Errorf("held back (-want +got):\n%s", diff)
				}
				if tickets := len(w.Tickets()) - before; tickets != tt.tickets {
					t.Errorf("%d tickets, want %d", tickets, tt.tickets)
				}
				time.Sleep(time.Minute)
				if diff := cmp.Diff(tt.wantAgain, w.Post(body).Statuses()); diff != "" {
					t.Errorf("statuses of the second delivery (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A missing user is retried only if the handler is told so.
func TestHandler_unknownUser(t *testing.T) {
	t.Parallel()
	for status, cfg := range map[int]trengo.HandlerConfig{http.StatusBadRequest: fixtures.AllowAll, http.StatusServiceUnavailable: retryNotFound} {
		w := fixtures.NewWebhook(t, cfg, resolveUserIDs)
		if got := w.Post(fixtures.EventJSON(t, trackUser("1", "u1", ""))); got.Status != status {
			t.Errorf("status %d, want %d", got.Status, status)
		}
		if got := w.Post(fixtures.EventJSON(t, trackUser("2", "guest", ""))); got.Status != http.StatusBadRequest {
			t.Errorf("status %d for a guest", got.Status)
		}
	}
}

// Many mixed events, alone and in arrays, come to the contact that a plain model
// of the rule says, or fail.
func TestResolveUserIDs_model(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			const ttl = 10 * time.Minute
			r := rand.New(rand.NewPCG(seed, 1))
			w := fixtures.NewWebhook(t, fixtures.AllowAll, resolveUserIDs, func(cfg *trengo.DestinationConfig) { cfg.PeopleTTL = ttl })
			w.SetRateLimit(100_000)
			model := make(userModel)
			resolved := 0
			for n := 0; n < 150; {
				var events []*trengo.Event
				var want []string
				for range 1 + r.IntN(6) {
					ev := randomUserEvent(r, n)
					events = append(events, ev)
					want = append(want, model.apply(ev, ttl))
					n++
				}
				before := len(w.Tickets())
				got := w.Post(fixtures.ArrayJSON(t, events...))
				var tickets []string
				for _, ticket := range w.Tickets()[before:] {
					tickets = append(tickets, emailOf(w.Deployment, trengo.Result{ContactID: ticket.ContactID}))
				}
				var wantTickets []string
				for i, ev := range events {
					if ev.Type == "track" && got.Events[i].Status == http.StatusOK {
						wantTickets = append(wantTickets, want[i])
						if ev.Traits["email"] == "" {
							resolved++
						}
					}
				}
				slices.Sort(tickets)
				slices.Sort(wantTickets)
				if diff := cmp.Diff(wantTickets, tickets); diff != "" {
					t.Fatalf("seed %d, event %d: tickets (-want +got):\n%s", seed, n, diff)
				}
				time.Sleep(time.Duration(r.IntN(200)) * time.Second)
			}
			if resolved == 0 {
				t.Errorf("seed %d: no event was resolved", seed)
			}
		})
	}
}

func randomUserEvent(r *rand.Rand, n int) *trengo.Event {
	user, email := fmt.Sprintf("u%d", r.IntN(4)), ""
	if r.IntN(3) > 0 {
		// Most users have one email.
		email = fmt.Sprintf("a%s@example.com", user[1:])
		if r.IntN(12) == 0 {
			email = fmt.Sprintf("a%d@example.com", r.IntN(4))
		}
	}
	if r.IntN(2) == 0 {
		return identifyUser(strconv.Itoa(n), user, email)
	}
	return trackUser(strconv.Itoa(n), user, email)
}

// A userModel is all that was seen of users: user, email, time.
type userModel map[string]map[string]time.Time

// apply returns the email of the person whom an event is about; empty if that is
// not known.
func (m userModel) apply(ev *trengo.Event, ttl time.Duration) string {
	email, _ := ev.Traits["email"].(string)
	if email != "" {
		if m[ev.UserID] == nil {
			m[ev.UserID] = make(map[string]time.Time)
		}
		m[ev.UserID][email] = time.Now()
		return email
	}
	found := ""
	for email, at := range m[ev.UserID] {
		switch {
		case time.Since(at) >= ttl:
		case found != "":
			return "" // several
		default:
			found = email
		}
	}
	return found
}
