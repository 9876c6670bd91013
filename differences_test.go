package trengo_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// A difference is a row of the README's table of differences from
// RudderStack's own Trengo destination.
type difference struct {
	name  string
	prove func(*testing.T, *shop)
}

// A shop is one channel of a Trengo with a destination for it.
type shop struct {
	*trengotest.Server
	cfg trengo.DestinationConfig
}

const shopChannel = 405980

func (s *shop) destination(t *testing.T) *trengo.Destination {
	t.Helper()
	destination, err := trengo.NewDestination(newClient(t, s.Server), s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	return destination
}

// order is a track event of Ann's.
func (s *shop) order() *trengo.Event {
	return &trengo.Event{Type: "track", Event: "Ev", MessageID: "m-1", Properties: map[string]any{"email": "ann@example.com"}}
}

func (s *shop) process(t *testing.T, event string) (trengo.Result, error) {
	t.Helper()
	destination := s.destination(t)
	ev, err := trengo.ParseEvent([]byte(event))
	if err != nil {
		return trengo.Result{}, err
	}
	return destination.Process(t.Context(), ev)
}

func (s *shop) must(t *testing.T, event string, want trengo.Action) trengo.Result {
	t.Helper()
	result, err := s.process(t, event)
	if err != nil || result.Action != want {
		t.Fatalf("%q with %v, want %q", result.Action, err, want)
	}
	return result
}

func (s *shop) mustFail(t *testing.T, event string, want error) {
	t.Helper()
	if result, err := s.process(t, event); !errors.Is(err, want) {
		t.Fatalf("%q with %v, want %v", result.Action, err, want)
	}
}

func (s *shop) add(name, email string) int64 {
	return s.AddContact(trengotest.Contact{Name: name, Email: email, ChannelIDs: []int64{shopChannel}}).ID
}

func (s *shop) mustHaveSent(t *testing.T, requests int) {
	t.Helper()
	if got := len(s.Requests()); got != requests {
		t.Errorf("%d requests, want %d", got, requests)
	}
}

var differences = []difference{
	{"Missing parts of a name are left out", func(t *testing.T, s *shop) {
		s.must(t, `{"type":"identify","traits":{"email":"ann@example.com","firstName":"Ann"}}`, trengo.ActionContactCreated)
		if name := s.Contacts()[0].Name; name != "Ann" {
			t.Errorf("name %q", name)
		}
	}},
	{"An event without a name leaves the name as it is", func(t *testing.T, s *shop) {
		s.add("Ann Lee", "ann@example.com")
		s.must(t, `{"type":"identify","traits":{"email":"ann@example.com"}}`, trengo.ActionContactUnchanged)
	}},
	{"An unchanged name costs no request", func(t *testing.T, s *shop) {
		s.add("Ann Lee", "ann@example.com")
		s.must(t, `{"type":"identify","traits":{"email":"ann@example.com","name":"Ann Lee"}}`, trengo.ActionContactUnchanged)
		s.mustHaveSent(t, 1)
	}},
	{"Searches are URL-encoded", func(t *testing.T, s *shop) {
		id := s.add("Ann", "ann+shop@example.com")
		if got := s.must(t, `{"type":"track","event":"Ev","properties":{"email":"ann+shop@example.com"}}`, trengo.ActionTicketCreated); got.ContactID != id {
			t.Errorf("ticket of contact %d, want %d", got.ContactID, id)
		}
	}},
	{"Only exact matches count", func(t *testing.T, s *shop) {
		s.add("Joann", "joann@example.com")
		s.mustFail(t, `{"type":"track","event":"Ev","properties":{"email":"ann@example.com"}}`, trengo.ErrContactNotFound)
	}},
	{"Other people among the hits do not stop an event", func(t *testing.T, s *shop) {
		s.add("Joann", "joann@example.com")
		id := s.add("Ann", "ann@example.com")
		if got := s.must(t, `{"type":"track","event":"Ev","properties":{"email":"ann@example.com"}}`, trengo.ActionTicketCreated); got.ContactID != id {
			t.Errorf("ticket of contact %d, want %d", got.ContactID, id)
		}
	}},
	{"Without an identifier nothing is searched", func(t *testing.T, s *shop) {
		s.add("null null", "null@example.com")
		s.mustFail(t, `{"type":"track","event":"Ev","properties":{}}`, trengo.ErrMissingIdentifier)
		s.mustHaveSent(t, 0)
	}},
	{"An external ID is never an email", func(t *testing.T, s *shop) {
		s.mustFail(t, `{"type":"identify","context":{"externalId":[{"type":"hubspotId","id":"hs-9@example.com"}]}}`, trengo.ErrMissingIdentifier)
	}},
	{"National phone numbers are rejected, spellings of one number are one person", func(t *testing.T, s *shop) {
		s.AddChannel(trengotest.Channel{ID: 406001, Type: "WA_BUSINESS"})
		s.cfg.ChannelID, s.cfg.ChannelIdentifier = 406001, trengo.IdentifierPhone
		s.mustFail(t, `{"type":"identify","traits":{"phone":"06 0000 0042"}}`, trengo.ErrMissingIdentifier)
		s.must(t, `{"type":"identify","traits":{"phone":"+31 6 0000 0042"}}`, trengo.ActionContactCreated)
		s.must(t, `{"type":"identify","traits":{"phone":"0031600000042"}}`, trengo.ActionContactUnchanged)
	}},
	{"An override must be an ID", func(t *testing.T, s *shop) {
		s.mustFail(t, `{"type":"identify","traits":{"email":"ann@example.com"},"context":{"externalId":[{"type":"trengoContactId","id":"5/../6"}]}}`, trengo.ErrInvalidEvent)
		s.mustHaveSent(t, 0)
	}},
	{"Subjects are plain text", func(t *testing.T, s *shop) {
		s.cfg.EventTemplates["Ev"] = "{{ problem }}"
		s.add("Ann", "ann@example.com")
		s.must(t, `{"type":"track","event":"Ev","properties":{"email":"ann@example.com","problem":"Can't log in"}}`, trengo.ActionTicketCreated)
		if subject := s.Tickets()[0].Subject; subject != "Can't log in" {
			t.Errorf("subject %q", subject)
		}
	}},
	{"Whole numbers keep all their digits", func(t *testing.T, s *shop) {
		s.cfg.EventTemplates["Ev"] = "{{ order }}"
		s.add("Ann", "ann@example.com")
		s.must(t, `{"type":"track","event":"Ev","properties":{"email":"ann@example.com","order":9007199254740993}}`, trengo.ActionTicketCreated)
		if subject := s.Tickets()[0].Subject; subject != "9007199254740993" {
			t.Errorf("subject %q", subject)
		}
	}},
	{"A broken template is an error at the start", func(t *testing.T, s *shop) {
		s.cfg.EventTemplates["Ev"] = "{{ event"
		if _, err := trengo.NewDestination(newClient(t, s.Server), s.cfg); err == nil {
			t.Error("no error")
		}
	}},
	{"Blocks and helpers of Handlebars are not supported", func(t *testing.T, s *shop) {
		s.cfg.EventTemplates["Ev"] = "{{#if paid}}Paid{{/if}}"
		if _, err := trengo.NewDestination(newClient(t, s.Server), s.cfg); err == nil {
			t.Error("no error")
		}
	}},
	{"A template needs no properties", func(t *testing.T, s *shop) {
		s.cfg.EventTemplates["Ev"] = "Fixed"
		s.add("Ann", "ann@example.com")
		s.must(t, `{"type":"track","event":"Ev","context":{"traits":{"email":"ann@example.com"}}}`, trengo.ActionTicketCreated)
	}},
	{"A track event may create the contact", func(t *testing.T, s *shop) {
		s.cfg.CreateMissingContacts = true
		s.must(t, `{"type":"track","event":"Ev","properties":{"email":"ann@example.com"}}`, trengo.ActionTicketCreated)
	}},
	{"A missing enableDedup means no duplicates, and Email means email", func(t *testing.T, _ *shop) {
		var cfg trengo.DestinationConfig
		if err := json.Unmarshal([]byte(`{"channelId":"405980","channelIdentifier":"Email"}`), &cfg); err != nil {
			t.Fatal(err)
		}
		if cfg.AllowDuplicates || cfg.ChannelIdentifier != trengo.IdentifierEmail {
			t.Errorf("config %+v", cfg)
		}
	}},
	{"A named contact counts with deduplication off, too", func(t *testing.T, s *shop) {
		s.cfg.AllowDuplicates = true
		id := s.add("Ann", "ann@example.com")
		event, _ := json.Marshal(map[string]any{
			"type": "identify", "traits": map[string]any{"name": "Ann Lee"},
			"context": map[string]any{"externalId": []any{map[string]any{"type": "trengoContactId", "id": id}}},
		})
		s.must(t, string(event), trengo.ActionContactUpdated)
	}},
	{"A ticket is never sent twice", func(t *testing.T, s *shop) {
		id := s.add("Ann", "ann@example.com")
		client := newClient(t, s.Server)
		s.Inject(trengotest.LostAfter())
		_, err := client.Tickets.Create(t.Context(), trengo.TicketCreateParams{ContactID: id, ChannelID: shopChannel})
		if !errors.Is(err, trengo.ErrOutcomeUnknown) || len(s.Tickets()) != 1 {
			t.Errorf("%d tickets with %v", len(s.Tickets()), err)
		}
	}},
	{"Two first events of a person make one contact", func(t *testing.T, s *shop) {
		s.AddChannel(trengotest.Channel{ID: 406001, Type: "WA_BUSINESS"})
		s.cfg.ChannelID, s.cfg.ChannelIdentifier = 406001, trengo.IdentifierPhone
		s.Behavior.PhoneMatch = trengotest.PhoneMatchNever
		destination := s.destination(t)
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				ev := &trengo.Event{Type: "identify", Traits: map[string]any{"phone": "+31600000042"}}
				if _, err := destination.Process(t.Context(), ev); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := len(s.Contacts()); n != 1 {
			t.Errorf("%d contacts", n)
		}
	}},
	{"A redelivered message is not processed again", func(t *testing.T, s *shop) {
		s.add("Ann", "ann@example.com")
		destination := s.destination(t)
		for delivery := range 2 {
			result, err := destination.Process(t.Context(), s.order())
			if err != nil || result.Duplicate != (delivery == 1) {
				t.Errorf("delivery %d: %+v, %v", delivery+1, result, err)
			}
		}
		if n := len(s.Tickets()); n != 1 {
			t.Errorf("%d tickets", n)
		}
	}},
	{"A ticket whose response was lost is found", func(t *testing.T, s *shop) {
		s.add("Ann", "ann@example.com")
		s.InjectFunc(func(r trengotest.Request) trengotest.Fault {
			if r.Method == http.MethodPost {
				return trengotest.LostAfter()
			}
			return trengotest.Fault{}
		})
		result, err := s.destination(t).Process(t.Context(), s.order())
		if err != nil || len(s.Tickets()) != 1 || result.TicketID != s.Tickets()[0].ID {
			t.Errorf("%+v, %v with %d tickets", result, err, len(s.Tickets()))
		}
	}},
	{"A known person costs no search", func(t *testing.T, s *shop) {
		s.add("Ann", "ann@example.com")
		destination := s.destination(t)
		for range 2 {
			s.ResetRequests()
			ev := s.order()
			ev.MessageID = ""
			if _, err := destination.Process(t.Context(), ev); err != nil {
				t.Error(err)
			}
		}
		s.mustHaveSent(t, 1)
	}},
	{"Retry-After is obeyed", func(t *testing.T, s *shop) {
		s.Inject(trengotest.TooManyRequests("20"))
		began := time.Now()
		s.must(t, `{"type":"identify","traits":{"email":"ann@example.com"}}`, trengo.ActionContactCreated)
		if waited := time.Since(began); waited != 20*time.Second {
			t.Errorf("waited %s", waited)
		}
	}},
	{"Bad data is a permanent error", func(t *testing.T, s *shop) {
		_, err := s.process(t, `{"type":5}`)
		if !errors.Is(err, trengo.ErrInvalidEvent) || trengo.Retryable(err) {
			t.Errorf("error %v", err)
		}
		var cfg trengo.DestinationConfig
		if err := json.Unmarshal([]byte(`{"channelId":1,"eventTemplateMap":[null]}`), &cfg); err != nil {
			t.Errorf("error %v", err)
		}
	}},
	{"Errors hold no personal data", func(t *testing.T, s *shop) {
		s.Inject(trengotest.Respond(422, "application/json", `{"message":"ann@example.com is taken"}`))
		_, err := s.process(t, `{"type":"identify","traits":{"email":"ann@example.com"}}`)
		if err == nil || strings.Contains(err.Error(), "ann@") {
			t.Errorf("error %v", err)
		}
	}},
}

func TestDifferences(t *testing.T) {
	for _, d := range differences {
		t.Run(d.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &shop{
					Server: trengotest.New(),
					cfg:    trengo.DestinationConfig{ChannelID: shopChannel, EventTemplates: map[string]string{"Ev": ""}},
				}
				s.AddChannel(trengotest.Channel{ID: shopChannel, Type: "EMAIL"})
				d.prove(t, s)
			})
		})
	}
}

func TestReadme_namesEveryDifference(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "## How it differs")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, d := range differences {
		if !strings.Contains(section, "\n| "+d.name+" |") {
			t.Errorf("the README has no row %q", d.name)
		}
	}
	if rows := strings.Count(section, "\n| ") - 1; rows != len(differences) {
		t.Errorf("the README has %d rows, of which %d are proved", rows, len(differences))
	}
}
