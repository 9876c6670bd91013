package trengo_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"strings"
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

func TestHandler_statusOfAnEvent(t *testing.T) {
	t.Parallel()
	done := func(action string) fixtures.HandlerResponse {
		return fixtures.HandlerResponse{Status: 200, Action: action}
	}
	failed := func(status int, err string) fixtures.HandlerResponse {
		return fixtures.HandlerResponse{Status: status, Error: err}
	}
	track, identify := fixtures.Track("1", fixtures.AnnEmail), fixtures.Identify("1", fixtures.AnnEmail, "Anna")
	invalid := *track
	invalid.Type = ""
	anonymous := fixtures.Track("1", "")
	unknown := fixtures.Track("1", fixtures.BobEmail)
	skipped := *track
	skipped.Event = "Unlisted"
	override := fixtures.OnChannel(fixtures.Track("1", fixtures.AnnEmail), 0)
	cases := []struct {
		name  string
		event *trengo.Event
		cfg   trengo.HandlerConfig
		fault trengotest.Fault // of the last request
		want  fixtures.HandlerResponse
	}{
		{"a track", track, fixtures.AllowAll, trengotest.Fault{}, done("ticket_created")},
		{"an identify", identify, fixtures.AllowAll, trengotest.Fault{}, done("contact_updated")},
		{"an unlisted event", &skipped, fixtures.AllowAll, trengotest.Fault{}, fixtures.HandlerResponse{Status: 200, Action: "skipped", Reason: "event not in the template map"}},
		{"an event without a type", &invalid, fixtures.AllowAll, trengotest.Fault{}, failed(400, "trengo: invalid event: it does not have a type")},
		{"an override that is not an ID", override, fixtures.AllowAll, trengotest.Fault{}, failed(400, "trengo: invalid event: trengoChannelId in context.externalId is not an ID")},
		{"no identifier", anonymous, fixtures.AllowAll, trengotest.Fault{}, failed(400, "trengo: missing identifier: the event does not have an email")},
		{"an unknown contact", unknown, fixtures.AllowAll, trengotest.Fault{}, failed(400, "trengo: contact not found")},
		{"an unknown contact that may be created later", unknown, trengo.HandlerConfig{AllowUnauthenticated: true, RetryContactNotFound: true}, trengotest.Fault{}, failed(503, "trengo: contact not found")},
		{"values that Trengo rejects", track, fixtures.AllowAll, trengotest.Respond(422, "application/json", `{"errors":{"subject":["no"]}}`), failed(400, "trengo: POST /tickets: 422 Unprocessable Entity; invalid fields: subject")},
		{"a route that does not exist", track, fixtures.AllowAll, trengotest.Respond(405, "", ""), failed(400, "trengo: POST /tickets: 405 Method Not Allowed")},
		{"a method that Trengo does not implement", track, fixtures.AllowAll, trengotest.Respond(501, "", ""), failed(503, "trengo: POST /tickets: 501 Not Implemented")},
		{"a firewall's page", track, fixtures.AllowAll, trengotest.RespondHTML(403), failed(503, "trengo: POST /tickets: 403 Forbidden")},
		{"a maintenance page", track, fixtures.AllowAll, trengotest.RespondHTML(404), failed(503, "trengo: POST /tickets: 404 Not Found")},
		{"a page that rejects the values", track, fixtures.AllowAll, trengotest.RespondHTML(422), failed(503, "trengo: POST /tickets: 422 Unprocessable Entity")},
		{"a maintenance page instead of a rename", identify, fixtures.AllowAll, trengotest.RespondHTML(404), failed(503, "trengo: PUT /contacts/460000002: 404 Not Found")},
		{"a connection to another server", track, fixtures.AllowAll, trengotest.Respond(421, "application/json", `{"message":"No."}`), failed(503, "trengo: POST /tickets: 421 Misdirected Request")},
		{"a redirect of a rename", identify, fixtures.AllowAll, trengotest.RespondHTML(302), failed(503, "trengo: PUT /contacts/460000002: 302 Found")},
		{"a redirect of a ticket", track, fixtures.AllowAll, trengotest.RespondHTML(302), failed(503, `trengo: ticket of contact 460000002 on channel 405980 for the event "Ordered": POST /tickets: 302 Found; outcome unknown`)},
		{"a rejected token", track, fixtures.AllowAll, trengotest.Respond(401, "", ""), failed(503, "trengo: POST /tickets: 401 Unauthorized")},
		{"a token without permission", track, fixtures.AllowAll, trengotest.Respond(403, "", ""), failed(503, "trengo: POST /tickets: 403 Forbidden")},
		{"no connection", track, fixtures.AllowAll, trengotest.NoConnection(), failed(503, "trengo: POST /tickets: dial: connection refused")},
		{"a rename that times out in Trengo", identify, fixtures.AllowAll, trengotest.Respond(408, "", ""), failed(503, "trengo: PUT /contacts/460000002: 408 Request Timeout; outcome unknown")},
		{"too many requests", track, fixtures.AllowAll, trengotest.TooManyRequests("60"), failed(429, "trengo: POST /tickets: 429 Too Many Requests; retry after 1m0s")},
		{"a rename whose response was lost", identify, fixtures.AllowAll, trengotest.LostAfter(), failed(503, "trengo: PUT /contacts/460000002: read: connection reset by peer; outcome unknown")},
		{"a ticket with an unknown outcome", track, fixtures.AllowAll, trengotest.Respond(502, "", ""), failed(503, `trengo: ticket of contact 460000002 on channel 405980 for the event "Ordered": POST /tickets: 502 Bad Gateway; outcome unknown`)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := fixtures.NewWebhook(t, c.cfg)
				w.WarmUp()
				w.AddContact(trengotest.Contact{Name: "Ann", Email: fixtures.AnnEmail, ChannelIDs: []int64{fixtures.EmailChannel}})
				w.Inject(trengotest.Fault{}, c.fault) // the search, then the next request
				if diff := cmp.Diff(c.want, w.Post(fixtures.EventJSON(t, c.event))); diff != "" {
					t.Errorf("response (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff([]fixtures.EventOutcome{{Status: c.want.Status, Err: c.want.Error}}, w.Outcomes); diff != "" {
					t.Errorf("outcomes (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestHandler_severalContacts(t *testing.T) {
	t.Parallel()
	w := fixtures.NewWebhook(t, fixtures.AllowAll)
	for range 2 {
		w.AddContact(trengotest.Contact{Email: fixtures.AnnEmail})
	}
	want := fixtures.HandlerResponse{Status: 400, Error: "trengo: ambiguous contact: 460000002, 460000001"}
	if diff := cmp.Diff(want, w.Post(fixtures.EventJSON(t, fixtures.Track("1", fixtures.AnnEmail)))); diff != "" {
		t.Errorf("response (-want +got):\n%s", diff)
	}
}

func TestHandler_panic(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"%s", "[%s]"} {
		w := fixtures.NewWebhook(t, fixtures.AllowAll, fixtures.IdentifyByPhone, func(cfg *trengo.DestinationConfig) {
			cfg.NormalizePhone = func(string) string { panic("ann@example.com") }
		})
		response := w.Post(strings.Replace(body, "%s", fixtures.EventJSON(t, fixtures.Track("1", fixtures.AnnPhone)), 1))
		if response.Status != 500 || len(w.Outcomes) != 1 || w.Outcomes[0].Status != 500 {
			t.Errorf("response %+v, outcomes %+v", response, w.Outcomes)
		}
		if strings.Contains(w.Outcomes[0].Err, "ann") {
			t.Error("the error shows the value of the panic")
		}
	}
}

// The bug behind a panic may be fixed while RudderStack still redelivers, so its
// status counts for more than a permanent failure. An outage counts for more.
func TestHandler_panicInAnArray(t *testing.T) {
	t.Parallel()
	const panics, missing = "+31600000009", ""
	for name, c := range map[string]struct {
		other string
		want  []int
		all   int
	}{
		"with a permanent failure": {missing, []int{500, 400}, 500},
		"with an outage of Trengo": {fixtures.AnnPhone, []int{500, 503}, 503},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := fixtures.NewWebhook(t, fixtures.AllowAll, fixtures.IdentifyByPhone, func(cfg *trengo.DestinationConfig) {
				cfg.NormalizePhone = func(phone string) string {
					if phone == panics {
						panic("unexpected number")
					}
					return phone
				}
			})
			w.InjectFunc(func(trengotest.Request) trengotest.Fault { return trengotest.NoConnection() })
			got := w.Post(fixtures.ArrayJSON(t, fixtures.Track("1", panics), fixtures.Track("2", c.other)))
			if diff := cmp.Diff(c.want, got.Statuses()); diff != "" || got.Status != c.all {
				t.Errorf("status %d, want %d; of events (-want +got):\n%s", got.Status, c.all, diff)
			}
		})
	}
}

func TestHandler_duplicate(t *testing.T) {
	t.Parallel()
	w := fixtures.NewWebhook(t, fixtures.AllowAll, fixtures.CreateMissing)
	event := fixtures.EventJSON(t, fixtures.Track("1", fixtures.AnnEmail))
	w.Post(event)
	want := fixtures.HandlerResponse{Status: 200, Action: "ticket_created", Duplicate: true}
	if diff := cmp.Diff(want, w.Post(event)); diff != "" {
		t.Errorf("response (-want +got):\n%s", diff)
	}
	if n := len(w.Tickets()); n != 1 {
		t.Errorf("%d tickets", n)
	}
}

// Retry-After is what Trengo asked for, or when there is room in the queue.
func TestHandler_retryAfter(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  trengotest.Fault
		before int // requests just before
		want   string
	}{
		"429 with Retry-After": {trengotest.TooManyRequests("17"), 0, "17"},
		"the queue is full":    {trengotest.Fault{}, 61, "1"}, // half a second, rounded up
		"an outage":            {trengotest.NoConnection(), 0, ""},
		"success":              {trengotest.Fault{}, 0, ""},
		"a permanent failure":  {trengotest.Respond(422, "", ""), 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := fixtures.NewWebhook(t, trengo.HandlerConfig{AllowUnauthenticated: true, Timeout: 100 * time.Millisecond})
				w.AddContact(trengotest.Contact{Name: "Ann", Email: fixtures.AnnEmail})
				w.MustProcess(fixtures.Identify("", fixtures.AnnEmail, "")) // caches the contact
				for i, array := range []string{"%s", "[%s," + fixtures.SkippedEvent + "]"} {
					time.Sleep(time.Minute)
					for range c.before {
						_ = w.Client.Do(t.Context(), trengo.Request{Path: "/contacts"}, nil)
					}
					w.Inject(c.fault)
					event := fixtures.EventJSON(t, fixtures.Identify("", fixtures.AnnEmail, "Ann "+strconv.Itoa(i)))
					header, response := fixtures.Serve(t, w.Handler, fixtures.EventRequest(t.Context(), strings.Replace(array, "%s", event, 1)))
					if got := header.Get("Retry-After"); got != c.want {
						t.Errorf("Retry-After is %q, want %q, with %+v", got, c.want, response)
					}
				}
			})
		})
	}
}

func TestHandler_statusOfAnArray(t *testing.T) {
	t.Parallel()
	const (
		done    = fixtures.AnnEmail
		noType  = ""
		missing = "carol@example.com"
		noRoom  = "limited@example.com"
		outage  = "down@example.com"
		unknown = "unknown@example.com"
	)
	for name, c := range map[string]struct {
		who  []string
		want []int
		all  int
	}{
		"all succeed":           {[]string{done, done}, []int{200, 200}, 200},
		"one fails permanently": {[]string{done, missing, done}, []int{200, 400, 200}, 400},
		"one is invalid":        {[]string{noType, done}, []int{400, 200}, 400},
		"one meets an outage, one fails permanently": {[]string{missing, outage}, []int{400, 503}, 503},
		"one ends with an unknown outcome":           {[]string{unknown, done}, []int{503, 200}, 503},
		"one finds no room, one meets an outage":     {[]string{outage, done, noRoom}, []int{503, 200, 429}, 429},
		"all of these":                               {[]string{done, missing, noType, outage, noRoom}, []int{200, 400, 400, 503, 429}, 429},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				// One at a time, so that no event follows the pause that Trengo asks
				// for.
				w := fixtures.NewWebhook(t, fixtures.AllowAll, fixtures.Concurrency(1))
				w.WarmUp()
				faults := map[int64]trengotest.Fault{}
				for i, who := range []string{done, noRoom, outage, unknown} {
					contact := w.AddContact(trengotest.Contact{Email: who})
					faults[contact.ID] = []trengotest.Fault{{}, trengotest.TooManyRequests("60"), trengotest.NoConnection(), trengotest.LostAfter()}[i]
				}
				w.InjectFunc(func(r trengotest.Request) trengotest.Fault {
					if testkit.IsTicketCreation(r) {
						return faults[contactIn(t, r.Body)]
					}
					if r.Method == http.MethodGet && r.Path == "/tickets" {
						return trengotest.Respond(500, "", "")
					}
					return trengotest.Fault{}
				})
				var events []*trengo.Event
				for i, who := range c.who {
					ev := fixtures.Track(strconv.Itoa(i), who)
					if who == noType {
						ev.Type = ""
					}
					events = append(events, ev)
				}
				got := w.Post(fixtures.ArrayJSON(t, events...))
				if diff := cmp.Diff(c.want, got.Statuses()); diff != "" || got.Status != c.all {
					t.Errorf("status %d, want %d; of events (-want +got):\n%s", got.Status, c.all, diff)
				}
				for i, outcome := range w.Outcomes {
					if outcome.Index != i || outcome.Status != got.Events[i].Status || outcome.Err != got.Events[i].Error {
						t.Errorf("outcome %d is %+v, its response %+v", i, outcome, got.Events[i])
					}
				}
				if len(w.Outcomes) != len(c.who) {
					t.Errorf("%d outcomes for %d events", len(w.Outcomes), len(c.who))
				}
			})
		})
	}
}

// contactIn returns the contact ID in the body of a ticket creation.
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

// When an array is delivered again, events that succeeded are not repeated.
func TestHandler_arrayDeliveredAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := fixtures.NewWebhook(t, fixtures.AllowAll, fixtures.CreateMissing)
		w.WarmUp()
		people := []string{fixtures.AnnEmail, fixtures.BobEmail, "carol@example.com", "dan@example.com"}
		var events []*trengo.Event
		for i, who := range people {
			w.MustProcess(fixtures.Identify("", who, "")) // creates the contact
			events = append(events, fixtures.Track(strconv.Itoa(i), who))
		}
		before := len(w.Tickets())
		body := fixtures.ArrayJSON(t, events...)
		w.Inject(trengotest.Fault{}, trengotest.NoConnection())
		if got := w.Post(body); got.Status != 503 {
			t.Errorf("response %+v", got)
		}
		if n := len(w.Tickets()) - before; n != 3 {
			t.Errorf("%d tickets, want those of three", n)
		}
		w.ResetRequests()
		got := w.Post(body)
		duplicates := 0
		for _, event := range got.Events {
			if event.Duplicate {
				duplicates++
			}
		}
		if got.Status != 200 || duplicates != 3 || len(w.Requests()) != 1 {
			t.Errorf("%d duplicates, %d requests, response %+v", duplicates, len(w.Requests()), got)
		}
		if n := len(w.Tickets()) - before; n != len(people) {
			t.Errorf("%d tickets", n)
		}
	})
}

// If an event will be delivered again, later events of the person are held back,
// even those that need no request. Otherwise the redelivery would undo them.
func TestHandler_arrayKeepsTheOrder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  trengotest.Fault
		status int
		why    string
	}{
		"an outage": {trengotest.NoConnection(), 503, "dial: connection refused"},
		"no room":   {trengotest.TooManyRequests("60"), 429, "429 Too Many Requests; retry after 1m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := fixtures.NewWebhook(t, fixtures.AllowAll)
				w.AddContact(trengotest.Contact{Name: "Ann", Email: fixtures.AnnEmail})
				w.MustProcess(fixtures.Identify("", fixtures.AnnEmail, "")) // caches the contact
				body := fixtures.ArrayJSON(t,
					fixtures.Identify("1", fixtures.AnnEmail, "Anna"),
					fixtures.Identify("2", "ANN@example.com", "Ann"),
					fixtures.Track("3", ""), // without a person, so it is not held back
				)
				w.Inject(c.fault)
				got := w.Post(body)
				if diff := cmp.Diff([]int{c.status, c.status, 400}, got.Statuses()); diff != "" {
					t.Errorf("statuses (-want +got):\n%s", diff)
				}
				if want := "trengo: held back behind another event of the same person: PUT /contacts/460000001: " + c.why; got.Events[1].Error != want {
					t.Errorf("error %q, want %q", got.Events[1].Error, want)
				}
				time.Sleep(time.Minute)
				if got := w.Post(body); got.Status != 400 {
					t.Errorf("response %+v", got)
				}
				if name := w.Contacts()[0].Name; name != "Ann" {
					t.Errorf("the name is %q, want that of the last event", name)
				}
			})
		})
	}
}

// A later event of an array may create the contact of an earlier one.
func TestHandler_arrayCreatesMissingContact(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := fixtures.NewWebhook(t, trengo.HandlerConfig{AllowUnauthenticated: true, RetryContactNotFound: true})
		body := fixtures.ArrayJSON(t, fixtures.Track("1", fixtures.AnnEmail), fixtures.Identify("2", fixtures.AnnEmail, "Ann"), fixtures.Track("3", fixtures.AnnEmail))
		if diff := cmp.Diff([]int{503, 200, 200}, w.Post(body).Statuses()); diff != "" {
			t.Errorf("statuses of the first delivery (-want +got):\n%s", diff)
		}
		if got := w.Post(body); got.Status != 200 || len(w.Tickets()) != 2 {
			t.Errorf("%d tickets, response %+v", len(w.Tickets()), got)
		}
	})
}

// An event whose contact is missing costs a search only once, however often the
// array is delivered. Otherwise there might never be room for the other events.
func TestHandler_arraysWithMissingContacts(t *testing.T) {
	t.Parallel()
	const arrays, events, missing, maxDeliveries = 8, 100, 80, 60
	for name, c := range map[string]struct {
		cfg  trengo.HandlerConfig
		want int
	}{
		"permanent failures": {fixtures.AllowAll, 400},
		"retried":            {trengo.HandlerConfig{AllowUnauthenticated: true, RetryContactNotFound: true}, 503},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := fixtures.NewWebhook(t, fixtures.AllowAll)
				w.Behavior.Latency = 200 * time.Millisecond
				handler := fixtures.NewHandler(t, w.Destination, c.cfg)
				var wg sync.WaitGroup
				for a := range arrays {
					var all []*trengo.Event
					for i := range events {
						who := fmt.Sprintf("%d-%d@example.com", a, i)
						if i >= missing {
							w.AddContact(trengotest.Contact{Email: who})
						}
						all = append(all, fixtures.Track(who, who))
					}
					body := fixtures.ArrayJSON(t, all...)
					wg.Go(func() {
						for deliveries := 1; ; deliveries++ {
							_, got := fixtures.Serve(t, handler, fixtures.EventRequest(t.Context(), body))
							if got.Status != 429 {
								if got.Status != c.want {
									t.Errorf("status %d, want %d", got.Status, c.want)
								}
								return
							}
							if deliveries == maxDeliveries {
								t.Errorf("array %d had no room in %d deliveries", a, deliveries)
								return
							}
							time.Sleep(5 * time.Minute)
						}
					})
				}
				wg.Wait()
				if tickets := len(w.Tickets()); tickets != arrays*(events-missing) {
					t.Errorf("%d tickets", tickets)
				}
				// Events with a contact need two requests, the others one.
				if sent, least := len(w.Requests()), arrays*(events+events-missing); sent > 2*least {
					t.Errorf("%d requests, where %d are enough", sent, least)
				}
			})
		})
	}
}

// A contact that was missing is found as soon as this process has created it. One
// that was created elsewhere is found an hour later.
func TestHandler_arrayWithContactCreatedLater(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		create func(*fixtures.Webhook)
		wait   time.Duration
	}{
		"by this process": {func(w *fixtures.Webhook) { w.MustProcess(fixtures.Identify("", fixtures.AnnEmail, "Ann")) }, 0},
		"elsewhere":       {func(w *fixtures.Webhook) { w.AddContact(trengotest.Contact{Email: fixtures.AnnEmail}) }, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := fixtures.NewWebhook(t, trengo.HandlerConfig{AllowUnauthenticated: true, RetryContactNotFound: true})
				body := fixtures.ArrayJSON(t, fixtures.Track("1", fixtures.AnnEmail), fixtures.Track("2", ""))
				w.Post(body)
				c.create(w)
				if c.wait > 0 {
					if got := w.Post(body); got.Events[0].Status != 503 {
						t.Errorf("response %+v", got)
					}
					time.Sleep(c.wait)
				}
				if got := w.Post(body); got.Events[0].Status != 200 {
					t.Errorf("response %+v", got)
				}
			})
		})
	}
}

// Without a messageId, a failed event is not confused with another one.
func TestHandler_arrayWithoutMessageIDs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := fixtures.NewWebhook(t, fixtures.AllowAll)
		w.AddContact(trengotest.Contact{Email: fixtures.AnnEmail})
		for range 2 {
			got := w.Post(fixtures.ArrayJSON(t, fixtures.Track("", fixtures.BobEmail), fixtures.Track("", fixtures.AnnEmail)))
			if diff := cmp.Diff([]int{400, 200}, got.Statuses()); diff != "" {
				t.Errorf("statuses (-want +got):\n%s", diff)
			}
		}
	})
}

// A permanent failure is not delivered again, so it does not hold back later events.
func TestHandler_arrayContinuesAfterPermanentFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := fixtures.NewWebhook(t, fixtures.AllowAll)
		got := w.Post(fixtures.ArrayJSON(t, fixtures.Track("1", fixtures.AnnEmail), fixtures.Identify("2", fixtures.AnnEmail, "Ann"), fixtures.Track("3", fixtures.AnnEmail)))
		if diff := cmp.Diff([]int{400, 200, 200}, got.Statuses()); diff != "" || got.Status != 400 {
			t.Errorf("status %d; of events (-want +got):\n%s", got.Status, diff)
		}
	})
}

// Events of different people are processed at once, up to the concurrency.
func TestHandler_arrayConcurrency(t *testing.T) {
	t.Parallel()
	for concurrency, want := range map[int]time.Duration{1: 4 * time.Second, 2: 2 * time.Second, 16: time.Second} {
		synctest.Test(t, func(t *testing.T) {
			w := fixtures.NewWebhook(t, fixtures.AllowAll, fixtures.Concurrency(concurrency))
			w.Behavior.Latency = time.Second
			var events []*trengo.Event
			for range 4 {
				events = append(events, fixtures.ForContact(fixtures.Identify("", "", "Ann"), w.AddContact(trengotest.Contact{}).ID))
			}
			began := time.Now()
			if got := w.Post(fixtures.ArrayJSON(t, events...)); got.Status != 200 {
				t.Errorf("response %+v", got)
			}
			if took := time.Since(began); took != want {
				t.Errorf("with a concurrency of %d it took %s, want %s", concurrency, took, want)
			}
		})
	}
}

func TestHandler_arraySize(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{0: 400, 1: 400, 1000: 400, 1001: 413} {
		w := fixtures.NewWebhook(t, fixtures.AllowAll)
		got := w.Post("[" + strings.TrimSuffix(strings.Repeat("null,", n), ",") + "]")
		if got.Status != want {
			t.Errorf("%d events: status %d, want %d", n, got.Status, want)
		}
		if refused := want == 413; refused == (len(got.Events) == n) && n > 0 {
			t.Errorf("%d events: %d results", n, len(got.Events))
		}
	}
}

// An array that is refused for its size uses no more memory than others.
func TestHandler_arrayOfMillions(t *testing.T) {
	handler := fixtures.NewHandler(t, fixtures.NewDeployment(t).Destination, fixtures.AllowAll)
	body := "[" + strings.Repeat("0,", 2<<20-2) + "0]"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, got := fixtures.Serve(t, handler, fixtures.EventRequest(t.Context(), body))
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; got.Status != 413 || allocated > 64<<20 {
		t.Errorf("status %d, %d MB allocated", got.Status, allocated>>20)
	}
}

func TestHandler_invalidArrays(t *testing.T) {
	t.Parallel()
	w := fixtures.NewWebhook(t, fixtures.AllowAll)
	for _, body := range []string{"[", "[{}", "[{},", "[{},]", "[,{}]", "[{}{}]", "[{}}", "[{}] []", "[{}]]", "[{}],", "[{\"a\":}]", "[tru]"} {
		want := fixtures.HandlerResponse{Status: 400, Error: "trengo: invalid event: it is not a JSON object"}
		if diff := cmp.Diff(want, w.Post(body)); diff != "" {
			t.Errorf("response to %s (-want +got):\n%s", body, diff)
		}
	}
}

// RudderStack's HTTP Webhook destination sends empty arrays if its mapping is empty.
// A 200 would lose all events.
func TestHandler_emptyArray(t *testing.T) {
	t.Parallel()
	recorder := httptest.NewRecorder()
	fixtures.NewWebhook(t, fixtures.AllowAll).Handler.ServeHTTP(recorder, fixtures.EventRequest(t.Context(), "[ ]"))
	if body := recorder.Body.String(); body != "{\"status\":400,\"error\":\"the array is empty: in RudderStack's HTTP Webhook destination, map the whole event, $ to $\"}\n" {
		t.Errorf("body %q", body)
	}
}

// How a body is encoded.
const (
	plain = iota
	gzipped
	falselyGzipped // plain, with a header that claims gzip
)

// documentedStatuses are those that NewHandler documents, except for a panic,
// another method and a body that is too slow.
var documentedStatuses = []int{
	http.StatusOK, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType,
	http.StatusTooManyRequests, http.StatusServiceUnavailable,
}

func FuzzHandler(f *testing.F) {
	const ann = `{"type":"identify","messageId":"1","traits":{"email":"ann@example.com","name":"Ann"}}`
	const order = `{"type":"track","event":"Ev","properties":{"email":"ann@example.com"}}`
	for _, seed := range []string{
		ann, order, "[" + ann + "," + order + "," + ann + "]", "[]", " \r\n[ ]", "[null,5,[],{}]", "[" + ann, "[" + ann + "]x",
		`{"type":"page"}`, "", "null", "{", `{"type":"identify","traits":{"phone":"+31600000001"}}`,
		`[{"type":"track","event":"Ev","context":{"externalId":{"type":"trengoContactId","id":5}}},` + ann + `]`,
	} {
		for _, encoding := range []byte{plain, gzipped, falselyGzipped} {
			f.Add([]byte(seed), encoding, "application/json")
		}
	}
	f.Add([]byte(ann), byte(plain), "application/vnd.x+json; charset=utf-8")
	f.Add([]byte(ann), byte(plain), "text/plain")
	f.Add([]byte(ann), byte(plain), "application/json;")
	f.Fuzz(func(t *testing.T, body []byte, encoding byte, contentType string) {
		fixture := fixtures.New(t)
		fixture.SetRateLimit(fixtures.Unlimited)
		destination := fixture.NewDestination(trengo.DestinationConfig{
			EventTemplates: map[string]string{"Ev": "{{ properties }}"},
		})
		var outcomes []error
		handler := fixtures.NewHandler(t, destination, trengo.HandlerConfig{
			AllowUnauthenticated: true, MaxBodyBytes: 1 << 10,
			OnOutcome: func(o trengo.Outcome, _ int) { outcomes = append(outcomes, o.Err) },
		})
		sent := string(body)
		if encoding == gzipped {
			sent = fixtures.Gzip(sent)
		}
		request := fixtures.EventRequest(t.Context(), sent)
		request.Header["Content-Type"] = []string{contentType}
		if encoding != plain {
			request.Header.Set("Content-Encoding", "gzip")
		}
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		checkResponse(t, recorder, body, outcomes)
		if len(fixture.Contacts()) > len(outcomes) || len(fixture.Tickets()) > len(outcomes) {
			t.Errorf("%d events created %d contacts and %d tickets", len(outcomes), len(fixture.Contacts()), len(fixture.Tickets()))
		}
	})
}

// checkResponse checks the response to a body whose events had these errors.
func checkResponse(t *testing.T, recorder *httptest.ResponseRecorder, body []byte, outcomes []error) {
	t.Helper()
	status, line := recorder.Code, recorder.Body.Bytes()
	if !slices.Contains(documentedStatuses, status) {
		t.Errorf("status %d", status)
	}
	var response struct {
		Status int
		Events []struct{ Status int }
	}
	if err := json.Unmarshal(line, &response); err != nil || response.Status != status || bytes.IndexByte(line, '\n') != len(line)-1 {
		t.Errorf("status %d with a response that is not its line of JSON: %q", status, line)
	}
	var events []json.RawMessage
	isArray := json.Unmarshal(body, &events) == nil && events != nil
	if isArray && outcomes != nil && (len(outcomes) != len(events) || len(response.Events) != len(events)) || !isArray && response.Events != nil {
		t.Errorf("%d events, %d outcomes and %d results", len(events), len(outcomes), len(response.Events))
	}
	failed := slices.ContainsFunc(outcomes, func(err error) bool { return err != nil })
	if isOK := status == http.StatusOK; isOK && (failed || outcomes == nil && len(events) > 0) {
		t.Errorf("status 200, and the outcomes are %v", outcomes)
	} else if !isOK && outcomes != nil && !failed {
		t.Errorf("status %d, and every event succeeded", status)
	}
	for i, event := range response.Events {
		if (event.Status == http.StatusOK) != (outcomes[i] == nil) {
			t.Errorf("event %d has status %d and error %v", i, event.Status, outcomes[i])
		}
	}
}
