package trengo_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

const bobsMail = "bob@example.com"

func isTicket(r trengotest.Request) bool {
	return r.Method == http.MethodPost && r.Path == "/tickets"
}

// statuses are those of an array's events.
func (r reply) statuses() (all []int) {
	for _, event := range r.Events {
		all = append(all, event.Status)
	}
	return all
}

func TestHandler_statusOfAnArray(t *testing.T) {
	t.Parallel()
	const (
		done      = annsMail
		noType    = ""
		stranger  = "carol@example.com"
		noRoom    = "limited@example.com"
		isDown    = "down@example.com"
		isUnknown = "unknown@example.com"
	)
	for name, c := range map[string]struct {
		who  []string
		want []int
		all  int
	}{
		"none":                                     {nil, nil, 200},
		"all are done":                             {[]string{done, done}, []int{200, 200}, 200},
		"one fails for good":                       {[]string{done, stranger, done}, []int{200, 400, 200}, 400},
		"one cannot be read":                       {[]string{noType, done}, []int{400, 200}, 400},
		"Trengo is down, and one fails for good":   {[]string{stranger, isDown}, []int{400, 503}, 503},
		"an outcome is unknown":                    {[]string{isUnknown, done}, []int{503, 200}, 503},
		"there is no room for one, Trengo is down": {[]string{isDown, done, noRoom}, []int{503, 200, 429}, 429},
		"everything at once":                       {[]string{done, stranger, noType, isDown, noRoom}, []int{200, 400, 400, 503, 429}, 429},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				// One at a time, so that a pause that Trengo asks for is the last
				// word.
				w := newWebhook(t, anybody, func(cfg *trengo.DestinationConfig) { cfg.Concurrency = 1 })
				w.warmUp()
				faults := map[int64]trengotest.Fault{}
				for i, who := range []string{done, noRoom, isDown, isUnknown} {
					contact := w.AddContact(trengotest.Contact{Email: who})
					faults[contact.ID] = []trengotest.Fault{{}, trengotest.TooManyRequests("60"), trengotest.NoConnection(), trengotest.LostAfter()}[i]
				}
				w.InjectFunc(func(r trengotest.Request) trengotest.Fault {
					if isTicket(r) {
						return faults[contactIn(t, r.Body)]
					}
					if r.Method == http.MethodGet && r.Path == "/tickets" {
						return trengotest.Respond(500, "", "")
					}
					return trengotest.Fault{}
				})
				var events []*trengo.Event
				for i, who := range c.who {
					ev := trackFor(strconv.Itoa(i), who)
					if who == noType {
						ev.Type = ""
					}
					events = append(events, ev)
				}
				got := w.post(wires(t, events...))
				if diff := cmp.Diff(c.want, got.statuses()); diff != "" || got.Status != c.all {
					t.Errorf("status %d, want %d, of events (-want +got):\n%s", got.Status, c.all, diff)
				}
				for i, outcome := range w.told {
					if outcome.Index != i || outcome.Status != got.Events[i].Status || outcome.Err != got.Events[i].Error {
						t.Errorf("outcome %d is %+v, and was answered %+v", i, outcome, got.Events[i])
					}
				}
				if len(w.told) != len(c.who) {
					t.Errorf("%d outcomes of %d events", len(w.told), len(c.who))
				}
			})
		})
	}
}

// contactIn reads whose ticket a request creates.
func contactIn(t *testing.T, body []byte) int64 {
	t.Helper()
	var in struct {
		ContactID int64 `json:"contact_id"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		t.Fatal(err)
	}
	return in.ContactID
}

// What was done is not done again when the array comes again.
func TestHandler_arrayAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWebhook(t, anybody, creating)
		w.warmUp()
		people := []string{annsMail, bobsMail, "carol@example.com", "dan@example.com"}
		var events []*trengo.Event
		for i, who := range people {
			w.must(identifyFor("", who, "")) // a contact
			events = append(events, trackFor(strconv.Itoa(i), who))
		}
		before := len(w.Tickets())
		body := wires(t, events...)
		w.Inject(trengotest.Fault{}, trengotest.NoConnection())
		if got := w.post(body); got.Status != 503 {
			t.Errorf("answer %+v", got)
		}
		if n := len(w.Tickets()) - before; n != 3 {
			t.Errorf("%d tickets, want those of three", n)
		}
		w.ResetRequests()
		got := w.post(body)
		duplicates := 0
		for _, event := range got.Events {
			if event.Duplicate {
				duplicates++
			}
		}
		if got.Status != 200 || duplicates != 3 || len(w.Requests()) != 1 {
			t.Errorf("%d duplicates and %d requests with %+v", duplicates, len(w.Requests()), got)
		}
		if n := len(w.Tickets()) - before; n != len(people) {
			t.Errorf("%d tickets", n)
		}
	})
}

// An event that will come again must not undo one after it, even if that would
// take no request.
func TestHandler_arrayKeepsAPersonsOrder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  trengotest.Fault
		status int
		why    string
	}{
		"Trengo is down": {trengotest.NoConnection(), 503, "dial: connection refused"},
		"no room":        {trengotest.TooManyRequests("60"), 429, "429 Too Many Requests; retry after 1m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWebhook(t, anybody)
				w.AddContact(trengotest.Contact{Name: "Ann", Email: annsMail})
				w.must(identifyFor("", annsMail, "")) // so that it is known
				body := wires(t,
					identifyFor("1", annsMail, "Anna"),
					identifyFor("2", "ANN@example.com", "Ann"),
					trackFor("3", ""), // nobody's, so nothing holds it back
				)
				w.Inject(c.fault)
				got := w.post(body)
				if diff := cmp.Diff([]int{c.status, c.status, 400}, got.statuses()); diff != "" {
					t.Errorf("statuses (-want +got):\n%s", diff)
				}
				if want := "trengo: held back behind another event of the same person: PUT /contacts/460000001: " + c.why; got.Events[1].Error != want {
					t.Errorf("error %q, want %q", got.Events[1].Error, want)
				}
				time.Sleep(time.Minute)
				if got := w.post(body); got.Status != 400 {
					t.Errorf("answer %+v", got)
				}
				if name := w.Contacts()[0].Name; name != "Ann" {
					t.Errorf("the contact is called %q, as an event before the last one said", name)
				}
			})
		})
	}
}

// An event whose contact is not known waits for what comes after it.
func TestHandler_arrayCreatesTheContactThatAnEventWaitsFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWebhook(t, trengo.HandlerConfig{AllowUnauthenticated: true, RetryContactNotFound: true})
		body := wires(t, trackFor("1", annsMail), identifyFor("2", annsMail, "Ann"), trackFor("3", annsMail))
		if diff := cmp.Diff([]int{503, 200, 200}, w.post(body).statuses()); diff != "" {
			t.Errorf("statuses of the first delivery (-want +got):\n%s", diff)
		}
		if got := w.post(body); got.Status != 200 || len(w.Tickets()) != 2 {
			t.Errorf("%d tickets with %+v", len(w.Tickets()), got)
		}
	})
}

// What fails for good costs its requests once, however often the array comes:
// otherwise there might never be room for the rest.
func TestHandler_arraysOfStrangersEnd(t *testing.T) {
	t.Parallel()
	const arrays, events, strangers, most = 8, 100, 80, 60
	for name, c := range map[string]struct {
		cfg  trengo.HandlerConfig
		want int
	}{
		"who are given up":      {anybody, 400},
		"who may be on the way": {trengo.HandlerConfig{AllowUnauthenticated: true, RetryContactNotFound: true}, 503},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWebhook(t, anybody)
				w.Behavior.Latency = 200 * time.Millisecond
				handler := newHandler(t, w.destination, c.cfg)
				var wg sync.WaitGroup
				for a := range arrays {
					var all []*trengo.Event
					for i := range events {
						who := fmt.Sprintf("%d-%d@example.com", a, i)
						if i >= strangers {
							w.AddContact(trengotest.Contact{Email: who})
						}
						all = append(all, trackFor(who, who))
					}
					body := wires(t, all...)
					wg.Go(func() {
						for deliveries := 1; ; deliveries++ {
							_, got := serve(t, handler, delivery(t.Context(), body))
							if got.Status != 429 {
								if got.Status != c.want {
									t.Errorf("status %d, want %d", got.Status, c.want)
								}
								return
							}
							if deliveries == most {
								t.Errorf("array %d was delivered %d times, and still finds no room", a, most)
								return
							}
							time.Sleep(5 * time.Minute)
						}
					})
				}
				wg.Wait()
				if tickets := len(w.Tickets()); tickets != arrays*(events-strangers) {
					t.Errorf("%d tickets", tickets)
				}
				// Those known cost two requests, the others one.
				if sent, least := len(w.Requests()), arrays*(events+events-strangers); sent > 2*least {
					t.Errorf("%d requests, where %d would do", sent, least)
				}
			})
		})
	}
}

// A stranger whose contact was created meanwhile is one no more, and one whom
// somebody else made known is found an hour later.
func TestHandler_arrayOfOneWhoIsKnownByNow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		create func(*webhook)
		wait   time.Duration
	}{
		"to this process": {func(w *webhook) { w.must(identifyFor("", annsMail, "Ann")) }, 0},
		"to Trengo":       {func(w *webhook) { w.AddContact(trengotest.Contact{Email: annsMail}) }, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWebhook(t, trengo.HandlerConfig{AllowUnauthenticated: true, RetryContactNotFound: true})
				body := wires(t, trackFor("1", annsMail), trackFor("2", ""))
				w.post(body)
				c.create(w)
				if c.wait > 0 {
					if got := w.post(body); got.Events[0].Status != 503 {
						t.Errorf("answer %+v", got)
					}
					time.Sleep(c.wait)
				}
				if got := w.post(body); got.Events[0].Status != 200 {
					t.Errorf("answer %+v", got)
				}
			})
		})
	}
}

// Events without a messageId are not told from each other.
func TestHandler_arrayWithoutMessageIDs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWebhook(t, anybody)
		w.AddContact(trengotest.Contact{Email: annsMail})
		for range 2 {
			got := w.post(wires(t, trackFor("", bobsMail), trackFor("", annsMail)))
			if diff := cmp.Diff([]int{400, 200}, got.statuses()); diff != "" {
				t.Errorf("statuses (-want +got):\n%s", diff)
			}
		}
	})
}

// An event that fails for good holds nobody back: it does not come again.
func TestHandler_arrayGoesOnAfterAPermanentError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWebhook(t, anybody)
		got := w.post(wires(t, trackFor("1", annsMail), identifyFor("2", annsMail, "Ann"), trackFor("3", annsMail)))
		if diff := cmp.Diff([]int{400, 200, 200}, got.statuses()); diff != "" || got.Status != 400 {
			t.Errorf("status %d, of events (-want +got):\n%s", got.Status, diff)
		}
	})
}

// Different people do not wait for each other, up to the concurrency.
func TestHandler_arrayConcurrency(t *testing.T) {
	t.Parallel()
	for concurrency, want := range map[int]time.Duration{1: 4 * time.Second, 2: 2 * time.Second, 16: time.Second} {
		synctest.Test(t, func(t *testing.T) {
			w := newWebhook(t, anybody, func(cfg *trengo.DestinationConfig) { cfg.Concurrency = concurrency })
			w.Behavior.Latency = time.Second
			var events []*trengo.Event
			for range 4 {
				events = append(events, aboutContact(identifyFor("", "", "Ann"), w.AddContact(trengotest.Contact{}).ID))
			}
			began := time.Now()
			if got := w.post(wires(t, events...)); got.Status != 200 {
				t.Errorf("answer %+v", got)
			}
			if took := time.Since(began); took != want {
				t.Errorf("with a concurrency of %d it took %s, want %s", concurrency, took, want)
			}
		})
	}
}

func TestHandler_arrayBounds(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{0: 200, 1: 400, 1000: 400, 1001: 413} {
		w := newWebhook(t, anybody)
		got := w.post("[" + strings.TrimSuffix(strings.Repeat("null,", n), ",") + "]")
		if got.Status != want {
			t.Errorf("%d events: status %d, want %d", n, got.Status, want)
		}
		if refused := want == 413; refused == (len(got.Events) == n) && n > 0 {
			t.Errorf("%d events: %d answers", n, len(got.Events))
		}
	}
}

// What is refused because it is too many costs no more than what is taken.
func TestHandler_arrayOfMillions(t *testing.T) {
	handler := newHandler(t, newDesk(t).destination, anybody)
	body := "[" + strings.Repeat("0,", 2<<20-2) + "0]"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, got := serve(t, handler, delivery(t.Context(), body))
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; got.Status != 413 || allocated > 64<<20 {
		t.Errorf("status %d, for %d MB", got.Status, allocated>>20)
	}
}

func TestHandler_brokenArrays(t *testing.T) {
	t.Parallel()
	w := newWebhook(t, anybody)
	for _, body := range []string{"[", "[{}", "[{},", "[{},]", "[,{}]", "[{}{}]", "[{}}", "[{}] []", "[{}]]", "[{}],", "[{\"a\":}]", "[tru]"} {
		want := reply{Status: 400, Error: "trengo: invalid event: it is no JSON object"}
		if diff := cmp.Diff(want, w.post(body)); diff != "" {
			t.Errorf("answer to %s (-want +got):\n%s", body, diff)
		}
	}
}

func TestHandler_emptyArrayHasEvents(t *testing.T) {
	t.Parallel()
	recorder := httptest.NewRecorder()
	newWebhook(t, anybody).handler.ServeHTTP(recorder, delivery(t.Context(), "[ ]"))
	if body := recorder.Body.String(); body != "{\"status\":200,\"events\":[]}\n" {
		t.Errorf("body %q", body)
	}
}
