package trengo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
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

// A destination is safe for concurrent use.
func TestDestination_concurrently(t *testing.T) {
	t.Parallel()
	f := fixtures.New(t)
	destination := f.NewWarmDestination(trengo.DestinationConfig{CreateMissingContacts: true})
	var all sync.WaitGroup
	for person := range 8 {
		event := fixtures.TrackJSON(fmt.Sprintf(`"messageId":"m-%d","properties":{"email":"p%[1]d@example.com"}`, person))
		all.Go(func() {
			if _, err := destination.Process(t.Context(), fixtures.ParseEvent(t, event)); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			if _, err := destination.Plan(t.Context(), fixtures.ParseEvent(t, event)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if contacts, tickets := len(f.Contacts()), len(f.Tickets()); contacts != 8 || tickets != 8 {
		t.Errorf("%d contacts and %d tickets for 8 people", contacts, tickets)
	}
}

// Every event of a zero Destination is an error.
func TestDestination_zero(t *testing.T) {
	t.Parallel()
	var destination trengo.Destination
	const want = "trengo: the Destination was not made by NewDestination"
	ev := fixtures.Identify("1", fixtures.AnnEmail, "Ann")
	_, err := destination.Process(t.Context(), ev)
	if diff := cmp.Diff(want, testkit.ErrorText(err)); diff != "" || trengo.Retryable(err) {
		t.Errorf("Process: error (-want +got):\n%s", diff)
	}
	_, err = destination.Plan(t.Context(), ev)
	if diff := cmp.Diff(want, testkit.ErrorText(err)); diff != "" {
		t.Errorf("Plan: error (-want +got):\n%s", diff)
	}
	outcomes := 0
	for outcome := range destination.ProcessAll(t.Context(), fixtures.Events(ev)) {
		outcomes++
		if diff := cmp.Diff(want, testkit.ErrorText(outcome.Err)); diff != "" {
			t.Errorf("ProcessAll: error (-want +got):\n%s", diff)
		}
	}
	if outcomes != 1 {
		t.Errorf("%d outcomes, want one", outcomes)
	}
}

// failRequests injects the fault into every request whose method and path begin
// with prefix.
func failRequests(f *fixtures.Fixture, prefix string, fault trengotest.Fault) {
	f.InjectFunc(func(r trengotest.Request) trengotest.Fault {
		if strings.HasPrefix(r.Method+" "+r.Path, prefix) {
			return fault
		}
		return trengotest.Fault{}
	})
}

// Errors of the client are returned with the contact ID that was known by then.
func TestDestination_clientErrors(t *testing.T) {
	// The personal data in this response must not reach the text of the error.
	const body = `{"message":"Ann Lee, ann@example.com, +31600000042","errors":{"identifier":["ann@example.com is taken"]}}`
	refusal := func(status int) trengotest.Fault { return trengotest.Respond(status, "application/json", body) }
	const (
		search = "GET /contacts"
		create = "POST /channels"
		rename = "PUT /contacts"
		ticket = "POST /tickets"
	)
	known := []trengotest.Contact{fixtures.EmailContact(11, "Ann", "ann@example.com")}
	missing := trengo.DestinationConfig{CreateMissingContacts: true}
	identify := fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com","phone":"+31600000042","name":"Ann Lee"}`)
	track := fixtures.TrackJSON(`"traits":{"email":"ann@example.com","name":"Ann Lee"}`)
	named := func(event string) string {
		return strings.Replace(event, `"traits"`, `"context":{"externalId":[{"type":"trengoContactId","id":99}]},"traits"`, 1)
	}
	byPhoneNumber := trengo.DestinationConfig{ChannelIdentifier: trengo.IdentifierPhone}
	tests := []struct {
		name      string
		cfg       trengo.DestinationConfig
		contacts  []trengotest.Contact
		event     string
		on        string // the requests that fail
		fault     trengotest.Fault
		err       error
		contactID int64 // in the result
		retryable bool
	}{
		{"identify: the search is refused", trengo.DestinationConfig{}, known, identify, search, refusal(401), trengo.ErrUnauthorized, 0, true},
		{"identify: the response to the search is a web page", trengo.DestinationConfig{}, known, identify, search, trengotest.RespondHTML(502), nil, 0, true},
		{"identify: the response to the search is not a list", trengo.DestinationConfig{}, known, identify, search, trengotest.Respond(200, "application/json", "{}"), nil, 0, true},
		{"identify: the create is refused", trengo.DestinationConfig{}, nil, identify, create, refusal(422), trengo.ErrUnprocessable, 0, false},
		{"identify: the channel does not exist", trengo.DestinationConfig{ChannelID: 1}, nil, identify, "", trengotest.Fault{}, trengo.ErrNotFound, 0, false},
		{"identify: the channel has another type", trengo.DestinationConfig{ChannelID: fixtures.PhoneChannel}, nil, identify, "", trengotest.Fault{}, trengo.ErrUnprocessable, 0, false},
		{"identify: the create with a phone number gets no response", byPhoneNumber, nil, identify, create, trengotest.LostBefore(), trengo.ErrOutcomeUnknown, 0, true},
		{"identify: the update is refused", trengo.DestinationConfig{}, known, identify, rename, refusal(422), trengo.ErrUnprocessable, 11, false},
		{"identify: the update is forbidden", trengo.DestinationConfig{}, known, identify, rename, refusal(403), trengo.ErrUnauthorized, 11, true},
		{"identify: the contact was deleted before the update", trengo.DestinationConfig{}, known, identify, rename, refusal(404), trengo.ErrNotFound, 11, false},
		{"identify: the update gets no response", trengo.DestinationConfig{}, known, identify, rename, trengotest.LostBefore(), trengo.ErrOutcomeUnknown, 11, true},
		{"identify: the named contact does not exist", trengo.DestinationConfig{}, known, named(identify), "", trengotest.Fault{}, trengo.ErrNotFound, 99, false},
		{"identify: the named contact does not exist, duplicates allowed", trengo.DestinationConfig{AllowDuplicates: true}, known, named(identify), "", trengotest.Fault{}, trengo.ErrNotFound, 99, false},
		{"identify: the contact that the create found cannot be updated", trengo.DestinationConfig{}, []trengotest.Contact{fixtures.EmailContact(11, "", "ANN@example.com")}, identify, rename, refusal(422), trengo.ErrUnprocessable, 11, false},
		{"track: the search is refused", trengo.DestinationConfig{}, known, track, search, refusal(403), trengo.ErrUnauthorized, 0, true},
		{"track: the search gets no connection", trengo.DestinationConfig{}, known, track, search, trengotest.NoConnection(), nil, 0, true},
		{"track: the create is refused", missing, nil, track, create, refusal(422), trengo.ErrUnprocessable, 0, false},
		{"track: the ticket is refused", trengo.DestinationConfig{}, known, track, ticket, refusal(422), trengo.ErrUnprocessable, 11, false},
		{"track: the ticket is refused after the create", missing, nil, track, ticket, refusal(422), trengo.ErrUnprocessable, fixtures.FirstContact, false},
		{"track: the ticket gets no response", trengo.DestinationConfig{}, known, track, ticket, trengotest.LostBefore(), trengo.ErrOutcomeUnknown, 11, true},
		{"track: Trengo is unavailable for the ticket", trengo.DestinationConfig{}, known, track, ticket, refusal(503), trengo.ErrOutcomeUnknown, 11, true},
		{"track: the channel does not exist", trengo.DestinationConfig{ChannelID: 1}, known, track, "", trengotest.Fault{}, trengo.ErrUnprocessable, 11, false},
		{"track: the named contact does not exist", trengo.DestinationConfig{}, known, named(track), "", trengotest.Fault{}, trengo.ErrUnprocessable, 99, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := fixtures.New(t, tt.contacts...)
				f.Behavior.CaseSensitiveSearch = true
				if tt.on != "" {
					failRequests(f, tt.on, tt.fault)
				}
				ev := fixtures.ParseEvent(t, tt.event)
				result, err := f.NewWarmDestination(tt.cfg).Process(t.Context(), ev)
				if tt.err != nil && !errors.Is(err, tt.err) {
					t.Errorf("error is %v, want %v", err, tt.err)
				}
				if got := fixtures.ErrorOf(t, err); strings.HasPrefix(tt.on, http.MethodGet) && got.Method != http.MethodGet {
					t.Errorf("error is not that of the search: %v", err)
				}
				if diff := cmp.Diff(trengo.Result{ContactID: tt.contactID}, result); diff != "" {
					t.Errorf("result (-want +got):\n%s", diff)
				}
				if got := trengo.Retryable(err); got != tt.retryable {
					t.Errorf("Retryable is %t for %v", got, err)
				}
				fixtures.CheckPrivate(t, err, ev, tt.contacts)
			})
		})
	}
}

// Plan fails if a read fails.
func TestDestination_planCannotRead(t *testing.T) {
	t.Parallel()
	f := fixtures.New(t, fixtures.EmailContact(11, "Ann", "ann@example.com"))
	failRequests(f, "GET", trengotest.Respond(http.StatusForbidden, "application/json", "{}"))
	destination := f.NewWarmDestination(trengo.DestinationConfig{})
	for _, event := range []string{fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com"}`), fixtures.TrackJSON(`"traits":{"email":"ann@example.com"}`)} {
		plan, err := destination.Plan(t.Context(), fixtures.ParseEvent(t, event))
		if !errors.Is(err, trengo.ErrUnauthorized) {
			t.Errorf("error is %v, want ErrUnauthorized", err)
		}
		if diff := cmp.Diff(trengo.Plan{}, plan); diff != "" {
			t.Errorf("plan (-want +got):\n%s", diff)
		}
	}
}

func TestDestination_contextEnds(t *testing.T) {
	t.Run("before the first request", func(t *testing.T) {
		f := fixtures.New(t)
		destination := f.NewWarmDestination(trengo.DestinationConfig{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		ev := fixtures.ParseEvent(t, fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com"}`))
		if _, err := destination.Process(ctx, ev); !errors.Is(err, context.Canceled) || !trengo.Retryable(err) {
			t.Errorf("Process fails with %v, want a canceled context", err)
		}
		if _, err := destination.Plan(ctx, ev); !errors.Is(err, context.Canceled) {
			t.Errorf("Plan fails with %v, want a canceled context", err)
		}
		if lines := f.RequestLines(); lines != nil {
			t.Errorf("requests %q", lines)
		}
	})
	t.Run("before the response to the ticket", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := fixtures.New(t, fixtures.EmailContact(11, "Ann", "ann@example.com"))
			failRequests(f, "POST /tickets", trengotest.Slow(time.Hour))
			destination := f.NewWarmDestination(trengo.DestinationConfig{})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			began := time.Now()
			result, err := destination.Process(ctx, fixtures.ParseEvent(t, fixtures.TrackJSON(`"traits":{"email":"ann@example.com"}`)))
			if took := time.Since(began); took != 10*time.Second {
				t.Errorf("it took %s", took)
			}
			if !errors.Is(err, trengo.ErrOutcomeUnknown) || result != (trengo.Result{ContactID: 11}) {
				t.Errorf("%+v with %v, want an unknown outcome", result, err)
			}
		})
	})
	t.Run("before there is room within the rate limit", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := fixtures.New(t)
			f.Inject(trengotest.TooManyRequests("50"))
			destination := f.NewWarmDestination(trengo.DestinationConfig{})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			_, err := destination.Process(ctx, fixtures.ParseEvent(t, fixtures.IdentifyJSON(`"traits":{"email":"ann@example.com"}`)))
			if !errors.Is(err, trengo.ErrRateLimited) || !trengo.Retryable(err) || fixtures.ErrorOf(t, err).RetryAfter != 50*time.Second {
				t.Errorf("error is %v, want a rate limit with a RetryAfter of 50 s", err)
			}
		})
	})
}

var update = flag.Bool("update", false, "rewrite the requests and results in testdata/golden")

// A scenario is a file in testdata/golden, in the format of txtar: a comment and
// five sections. They hold the configuration of RudderStack, the contacts at the
// beginning, the events, and the requests and result of each event, after its
// number.
//
// Each event is processed by a new destination. The events before it have changed
// the contacts and tickets.
type scenario struct {
	path     string
	comment  string
	sections map[string]string
}

var scenarioSections = []string{"config", "contacts", "events", "requests", "results"}

func readScenario(t *testing.T, path string) *scenario {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := &scenario{path: path, sections: make(map[string]string)}
	section := ""
	for line := range strings.Lines(strings.ReplaceAll(string(data), "\r\n", "\n")) {
		name, isMarker := strings.CutPrefix(strings.TrimSpace(line), "-- ")
		switch {
		case isMarker:
			section = strings.TrimSuffix(name, " --")
		case section == "":
			s.comment += line
		default:
			s.sections[section] += line
		}
	}
	return s
}

func (s *scenario) write(t *testing.T) {
	t.Helper()
	var b strings.Builder
	b.WriteString(s.comment)
	for _, section := range scenarioSections {
		fmt.Fprintf(&b, "-- %s --\n%s", section, s.sections[section])
	}
	if err := os.WriteFile(s.path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// jsonValues returns the JSON values in a section. A value may span lines.
func jsonValues[T any](t *testing.T, section string) (all []T) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(section))
	decoder.DisallowUnknownFields()
	for {
		var v T
		err := decoder.Decode(&v)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
}

// goldenPhoneChannel is the phone channel of the golden files.
const goldenPhoneChannel = 406010

func (s *scenario) fixture(t *testing.T) (f *fixtures.Fixture, contacts []trengotest.Contact) {
	t.Helper()
	type contact struct {
		ID       int64   `json:"id"`
		Name     string  `json:"name"`
		Email    string  `json:"email"`
		Phone    string  `json:"phone"`
		Channels []int64 `json:"channels"`
	}
	f = fixtures.New(t)
	f.AddChannel(trengotest.Channel{ID: goldenPhoneChannel, Type: "WA_BUSINESS"})
	for _, c := range jsonValues[contact](t, s.sections["contacts"]) {
		added := f.AddContact(trengotest.Contact{ID: c.ID, Name: c.Name, Email: c.Email, Phone: c.Phone, ChannelIDs: c.Channels})
		contacts = append(contacts, added)
	}
	return f, contacts
}

// process processes the events and returns the sections of their requests and
// results.
func (s *scenario) process(t *testing.T) (requests, results string) {
	t.Helper()
	var cfg trengo.DestinationConfig
	if err := json.Unmarshal([]byte(s.sections["config"]), &cfg); err != nil {
		t.Fatal(err)
	}
	f, contacts := s.fixture(t)
	var requestLines, resultLines strings.Builder
	for i, data := range jsonValues[json.RawMessage](t, s.sections["events"]) {
		f.ResetRequests()
		ev, err := trengo.ParseEvent(data)
		var result trengo.Result
		if err == nil {
			result, err = f.NewWarmDestination(cfg).Process(t.Context(), ev)
			fixtures.CheckPrivate(t, err, ev, contacts)
		}
		for _, line := range f.RequestLines() {
			fmt.Fprintf(&requestLines, "%d %s\n", i+1, line)
		}
		fmt.Fprintf(&resultLines, "%d %s\n", i+1, resultLine(result, err))
	}
	return requestLines.String(), resultLines.String()
}

func resultLine(result trengo.Result, err error) string {
	var b strings.Builder
	b.WriteString(string(result.Action))
	if result.Reason != "" {
		b.WriteString(": " + result.Reason)
	}
	if result.ContactID != 0 {
		fmt.Fprintf(&b, " contact %d", result.ContactID)
	}
	if result.TicketID != 0 {
		fmt.Fprintf(&b, " ticket %d", result.TicketID)
	}
	if err != nil {
		b.WriteString(" error: " + err.Error())
	}
	return strings.TrimSpace(b.String())
}

// A goldenRequest is a parsed line of requests. The order and escaping of keys
// and parameters do not matter.
type goldenRequest struct {
	Event, Method, Path string
	Query               url.Values
	Body                any
}

func goldenRequests(t *testing.T, lines string) (all []goldenRequest) {
	t.Helper()
	for line := range strings.Lines(lines) {
		fields := strings.SplitN(strings.TrimSpace(line), " ", 4)
		if len(fields) < 3 {
			t.Fatalf("%q is not a request", line)
		}
		target, err := url.Parse(fields[2])
		if err != nil {
			t.Fatal(err)
		}
		r := goldenRequest{Event: fields[0], Method: fields[1], Path: target.Path, Query: target.Query()}
		if len(fields) == 4 {
			decoder := json.NewDecoder(bytes.NewReader([]byte(fields[3])))
			decoder.UseNumber()
			if err := decoder.Decode(&r.Body); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, r)
	}
	return all
}

func TestGolden(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join("testdata", "golden", "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			s := readScenario(t, path)
			requests, results := s.process(t)
			if *update {
				s.sections["requests"], s.sections["results"] = requests, results
				s.write(t)
				return
			}
			if diff := cmp.Diff(goldenRequests(t, s.sections["requests"]), goldenRequests(t, requests)); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(s.sections["results"], results); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
		})
	}
}
