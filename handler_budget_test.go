package trengo_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

const (
	budget     = 8 * time.Second
	senderWait = 10 * time.Second // RudderStack's
)

// More than the limit allows: what cannot be done in time is refused at once,
// and has sent no ticket.
func TestHandler_refusesAtOnceWhatHasNoRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWebhook(t, anybody)
		w.Behavior.Latency = 200 * time.Millisecond
		w.warmUp()
		const events = 300
		contacts := make([]int64, events)
		for i := range contacts {
			contacts[i] = w.AddContact(trengotest.Contact{}).ID
		}
		time.Sleep(time.Minute)
		before := len(w.Tickets())
		handler := newHandler(t, w.destination, anybody)
		var done, refused atomic.Int32
		var wg sync.WaitGroup
		for i, id := range contacts {
			wg.Go(func() {
				began := time.Now()
				_, got := serve(t, handler, delivery(t.Context(), wire(t, aboutContact(trackFor(strconv.Itoa(i), ""), id))))
				took := time.Since(began)
				switch got.Status {
				case http.StatusOK:
					done.Add(1)
				case http.StatusTooManyRequests:
					refused.Add(1)
					if took > 10*time.Millisecond {
						t.Errorf("refused after %s", took)
					}
				default:
					t.Errorf("answer %+v", got)
				}
				if took > budget {
					t.Errorf("answered after %s", took)
				}
			})
		}
		wg.Wait()
		if made := len(w.Tickets()) - before; made != int(done.Load()) {
			t.Errorf("%d tickets of %d events that were done", made, done.Load())
		}
		// Half the limit at once, and two a second for what is left of the budget.
		if done.Load() < 60+14 || done.Load()+refused.Load() != events {
			t.Errorf("%d done, %d refused", done.Load(), refused.Load())
		}
	})
}

// Held back, a refusal is answered when the budget is used up, and everything
// else at once.
func TestHandler_holdRefusals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWebhook(t, trengo.HandlerConfig{AllowUnauthenticated: true, DelayRateLimited: true})
		w.AddContact(trengotest.Contact{Email: annsMail})
		w.must(identifyFor("", annsMail, "")) // so that it is known
		answerTo := func(body string, fault trengotest.Fault) (int, time.Duration) {
			time.Sleep(time.Minute)
			w.Inject(fault)
			began := time.Now()
			return w.post(body).Status, time.Since(began)
		}
		event, array := wire(t, identifyFor("", annsMail, "Anna")), wires(t, identifyFor("", annsMail, "Anna"))
		if status, took := answerTo(event, trengotest.TooManyRequests("60")); status != 429 || took != budget {
			t.Errorf("status %d after %s", status, took)
		}
		// Not all at the same moment, or the arrays would come again at one, too.
		answered := map[time.Duration]bool{}
		for range 10 {
			status, took := answerTo(array, trengotest.TooManyRequests("60"))
			if status != 429 || took > budget {
				t.Errorf("an array: status %d after %s", status, took)
			}
			answered[took] = true
		}
		if len(answered) < 5 {
			t.Errorf("arrays were answered after %v", answered)
		}
		if status, took := answerTo(event, trengotest.NoConnection()); status != 503 || took != 0 {
			t.Errorf("status %d after %s", status, took)
		}
		if status, took := answerTo(event, trengotest.Fault{}); status != 200 || took != 0 {
			t.Errorf("status %d after %s", status, took)
		}
	})
}

// A ticket whose answer had not come when the budget ran out, or was lost, may be
// there.
func TestHandler_ticketThatMayBeThere(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]trengotest.Fault{
		"cut off":              trengotest.Slow(time.Minute),
		"lost and not created": trengotest.LostBefore(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWebhook(t, anybody)
				w.warmUp()
				w.AddContact(trengotest.Contact{Email: annsMail})
				w.fail("POST /tickets", fault)
				event := wire(t, trackFor("1", annsMail))
				began := time.Now()
				if got := w.post(event); got.Status != 503 {
					t.Errorf("answer %+v", got)
				}
				if took := time.Since(began); took > budget {
					t.Errorf("answered after %s", took)
				}
				time.Sleep(2 * time.Minute)
				if got := w.post(event); got.Status != 200 {
					t.Errorf("answer to the next delivery %+v", got)
				}
				w.wantTickets(460000002, 1)
			})
		})
	}
}

// A search that the budget cut off is Trengo's fault; waiting all the time for
// another event of the person is not.
func TestHandler_budgetRunsOutBeforeTheTicket(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		another bool
		want    reply
	}{
		"in the search": {false, reply{Status: 503, Error: "trengo: GET /contacts: timeout"}},
		"in line":       {true, reply{Status: 429, Error: "trengo: waiting for another event of the same person: context deadline exceeded"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWebhook(t, anybody)
				w.warmUp()
				w.AddContact(trengotest.Contact{Email: annsMail})
				w.Behavior.Latency = 20 * time.Second
				if c.another {
					go w.process(identifyFor("1", annsMail, ""))
					synctest.Wait()
				}
				began := time.Now()
				if diff := cmp.Diff(c.want, w.post(wire(t, trackFor("2", annsMail)))); diff != "" {
					t.Errorf("answer (-want +got):\n%s", diff)
				}
				if took := time.Since(began); took != budget {
					t.Errorf("answered after %s", took)
				}
				w.wantTickets(460000002, 0)
				time.Sleep(time.Minute)
			})
		})
	}
}

// The gate that a 429 shuts can come down on calls that were told to wait.
func TestHandler_gateShutsWhileWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWebhook(t, anybody)
		w.warmUp()
		w.AddContact(trengotest.Contact{ID: 17})
		time.Sleep(time.Minute)
		var wg sync.WaitGroup
		for range 60 {
			wg.Go(func() { _ = w.client.Do(t.Context(), trengo.Request{Path: "/contacts/17"}, nil) })
		}
		wg.Wait()
		w.SpendRateLimit(120)
		handler := newHandler(t, w.destination, anybody)
		for i := range 3 {
			wg.Go(func() {
				_, got := serve(t, handler, delivery(t.Context(), wire(t, aboutContact(trackFor(strconv.Itoa(i), ""), 17))))
				if got.Status != 429 {
					t.Errorf("answer %+v", got)
				}
			})
		}
		wg.Wait()
		w.wantTickets(17, 0)
	})
}

// A sender that has gone is not worked for any longer.
func TestHandler_senderGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWebhook(t, anybody)
		w.warmUp()
		w.AddContact(trengotest.Contact{Email: annsMail})
		w.Behavior.Latency = 4 * time.Second
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, got := serve(t, w.handler, delivery(ctx, wire(t, trackFor("1", annsMail))))
		if took := time.Since(began); took != time.Second {
			t.Errorf("worked on for %s", took)
		}
		w.ResetRequests()
		time.Sleep(senderWait)
		if n := len(w.Requests()); n != 0 {
			t.Errorf("%d requests after the answer %+v", n, got)
		}
	})
}

// Nothing is sent after the answer, whatever it was.
func TestHandler_worksOnNothingAfterTheAnswer(t *testing.T) {
	t.Parallel()
	for latency := 500 * time.Millisecond; latency < 12*time.Second; latency += 500 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			w := newWebhook(t, anybody, creating)
			w.Behavior.Latency = latency
			began := time.Now()
			got := w.post(wires(t, trackFor("1", annsMail), trackFor("2", bobsMail), identifyFor("3", annsMail, "Ann")))
			if took := time.Since(began); took > budget {
				t.Errorf("latency %s: answered after %s", latency, took)
			}
			effects := len(w.Tickets())
			if done := got.Status == http.StatusOK; done && effects != 2 {
				t.Errorf("latency %s: answered 200 with %d tickets", latency, effects)
			}
			w.ResetRequests()
			time.Sleep(time.Hour)
			if n := len(w.Requests()); n != 0 {
				t.Errorf("latency %s: %d requests after the answer", latency, n)
			}
		})
	}
}

// A token that does not come in time is no want of room.
func TestHandler_slowTokenSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := trengotest.New()
		client := newClient(t, srv, trengo.WithTokenSource(func(ctx context.Context) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		}))
		d, err := trengo.NewDestination(client, trengo.DestinationConfig{ChannelID: 1})
		if err != nil {
			t.Fatal(err)
		}
		_, got := serve(t, newHandler(t, d, anybody), delivery(t.Context(), wire(t, identifyFor("1", annsMail, ""))))
		if diff := cmp.Diff(reply{Status: 503, Error: "trengo: GET /contacts: no token: timeout"}, got); diff != "" {
			t.Errorf("answer (-want +got):\n%s", diff)
		}
	})
}

// A ticket that may have been sent is more than a want of room.
func TestHandler_lostTicketAndNoRoomToLookForIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWebhook(t, anybody)
		w.warmUp()
		w.AddContact(trengotest.Contact{Email: annsMail})
		w.Inject(trengotest.Fault{}, trengotest.LostAfter(), trengotest.TooManyRequests("60"))
		event := wire(t, trackFor("1", annsMail))
		if got := w.post(event); got.Status != 503 || !strings.Contains(got.Error, "429") {
			t.Errorf("answer %+v", got)
		}
		// The next delivery does not get as far as looking, either.
		if got := w.post(event); got.Status != 503 {
			t.Errorf("answer %+v", got)
		}
		time.Sleep(2 * time.Minute)
		if got := w.post(event); got.Status != 200 {
			t.Errorf("answer %+v", got)
		}
		w.wantTickets(460000002, 1)
	})
}
