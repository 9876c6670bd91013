package trengo_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"net"
	"net/http"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// processMessage's body is the code at the top of the package documentation.
func processMessage(ctx context.Context, token string, message []byte) error {
	client, err := trengo.NewClient(token)
	if err != nil {
		return err
	}
	destination, err := trengo.NewDestination(client, trengo.DestinationConfig{ChannelID: 405980})
	if err != nil {
		return err
	}
	event, err := trengo.ParseEvent(message)
	if err != nil {
		return err
	}
	result, err := destination.Process(ctx, event)
	fmt.Println(result.Action, result.Reason)
	return err
}

func Example_message() {
	// A page event is skipped without a request.
	err := processMessage(context.Background(), trengotest.Token, []byte(`{"type": "page"}`))
	fmt.Println(err)
	// Output:
	// skipped neither identify nor track
	// <nil>
}

func TestDoc_codeIsTested(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("doc_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(doc), "\n//\n//\t")
	code, _, _ = strings.Cut(code, "\n//\n")
	code = strings.ReplaceAll(code, "\n//", "\n")
	if !strings.Contains(code, "NewClient") || !strings.Contains(string(source), code) {
		t.Errorf("not in doc_test.go:\n%s", code)
	}
}

// askForReview opens a ticket for the person with that email.
func askForReview(ctx context.Context, client *trengo.Client, channelID int64, email string) (int64, error) {
	contact, err := client.Contacts.Create(ctx, trengo.ContactCreateParams{
		ChannelID:  channelID,
		Identifier: email, // returns the contact with that email, or creates one
	})
	if err != nil {
		return 0, err
	}
	ticket, err := client.Tickets.Create(ctx, trengo.TicketCreateParams{
		ContactID: contact.ID,
		ChannelID: channelID,
		Subject:   "How did we do?",
	})
	if errors.Is(err, trengo.ErrOutcomeUnknown) {
		return 0, fmt.Errorf("look at contact %d before you try again: %w", contact.ID, err)
	}
	if err != nil {
		return 0, err
	}
	return ticket.ID, nil
}

// newDestination takes the config that RudderStack keeps for its own
// destination.
func newDestination(client *trengo.Client, config []byte) (*trengo.Destination, error) {
	var cfg trengo.DestinationConfig
	if err := json.Unmarshal(config, &cfg); err != nil {
		return nil, err
	}
	return trengo.NewDestination(client, cfg)
}

// handle processes one message of a stream and reports whether the message can
// be acknowledged.
func handle(ctx context.Context, destination *trengo.Destination, message []byte) (done bool) {
	event, err := trengo.ParseEvent(message)
	if err == nil {
		var result trengo.Result
		result, err = destination.Process(ctx, event)
		fmt.Println(result.Action, result.ContactID, result.TicketID)
	}
	return !trengo.Retryable(err) // a permanent failure is acknowledged, too
}

func Example_client() {
	srv := trengotest.New()
	srv.AddChannel(trengotest.Channel{ID: 405980, Type: "EMAIL"})
	client, err := trengo.NewClient(trengotest.Token, trengo.WithHTTPClient(srv.HTTPClient()))
	if err != nil {
		fmt.Println(err)
		return
	}
	ticketID, err := askForReview(context.Background(), client, 405980, "ann@example.com")
	fmt.Println(ticketID, err)
	// Output: 970000001 <nil>
}

func Example_destination() {
	srv := trengotest.New()
	srv.AddChannel(trengotest.Channel{ID: 405980, Type: "EMAIL"})
	client, err := trengo.NewClient(trengotest.Token, trengo.WithHTTPClient(srv.HTTPClient()))
	if err != nil {
		fmt.Println(err)
		return
	}
	destination, err := newDestination(client, []byte(`{
		"channelId": "405980",
		"channelIdentifier": "email",
		"eventTemplateMap": [{"from": "Order Completed", "to": "Order {{ order_id }}"}]
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, message := range []string{
		`{"type": "identify", "traits": {"email": "ann@example.com", "name": "Ann Lee"}}`,
		`{"type": "track", "event": "Order Completed", "properties": {"email": "ann@example.com", "order_id": 1001}}`,
	} {
		fmt.Println("done:", handle(context.Background(), destination, []byte(message)))
	}
	fmt.Println(srv.Tickets()[0].Subject)
	// Output:
	// contact_created 460000001 0
	// done: true
	// ticket_created 460000001 970000001
	// done: true
	// Order 1001
}

// The main function of the program in the README. It is compiled and not run:
// without output it is not a test.
func Example_program() {
	client, err := trengo.NewClient(os.Getenv("TRENGO_API_TOKEN"))
	if err != nil {
		log.Fatal(err)
	}
	destination, err := trengo.NewDestination(client, trengo.DestinationConfig{
		ChannelID:      405980, // an email channel
		EventTemplates: map[string]string{"Order Completed": "Order {{ order_id }}"},
	})
	if err != nil {
		log.Fatal(err)
	}
	event, err := trengo.ParseEvent([]byte(`{"type": "identify", "messageId": "m-1",
		"traits": {"email": "ann@example.com", "name": "Ann Lee"}}`))
	if err != nil {
		log.Fatal(err)
	}
	result, err := destination.Process(context.Background(), event)
	fmt.Println(result.Action, result.ContactID, err)
}

// The code in the README is the code above, so it compiles and runs.
func TestReadme_codeIsTested(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("doc_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(readme), "```go\n")[1:]
	if len(blocks) < 3 {
		t.Errorf("%d blocks of code", len(blocks))
	}
	for _, block := range blocks {
		code, _, _ := strings.Cut(block, "```")
		if _, body, isProgram := strings.Cut(code, "\nfunc main() {"); isProgram {
			checkImports(t, code, string(source))
			code = "\nfunc Example_program() {" + body
		}
		if !strings.Contains(string(source), code) {
			t.Errorf("not in the tested source:\n%s", code)
		}
	}
}

// checkImports fails the test unless a program imports what it uses. The tested
// source contains the program's functions and compiles, so it imports all that
// they use.
func checkImports(t *testing.T, program, source string) {
	t.Helper()
	tree, imports := parseGo(t, program)
	used := make(map[string]bool)
	ast.Inspect(tree, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok {
			if name, ok := selector.X.(*ast.Ident); ok {
				used[name.Name] = true
			}
		}
		return true
	})
	_, available := parseGo(t, source)
	want := slices.DeleteFunc(available, func(importPath string) bool { return !used[path.Base(importPath)] })
	if diff := cmp.Diff(want, imports); diff != "" {
		t.Errorf("imports of the program (-want +got):\n%s", diff)
	}
}

func parseGo(t *testing.T, source string) (tree *ast.File, imports []string) {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), "", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range tree.Imports {
		importPath, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		imports = append(imports, importPath)
	}
	return tree, imports
}

func TestAskForReview_lostResponse(t *testing.T) {
	srv := trengotest.New()
	srv.AddChannel(trengotest.Channel{ID: 405980, Type: "EMAIL"})
	client, err := trengo.NewClient(trengotest.Token, trengo.WithHTTPClient(srv.HTTPClient()))
	if err != nil {
		t.Fatal(err)
	}
	srv.Inject(trengotest.Fault{}, trengotest.LostAfter()) // the second request: the ticket
	_, err = askForReview(t.Context(), client, 405980, "ann@example.com")
	if !errors.Is(err, trengo.ErrOutcomeUnknown) || len(srv.Tickets()) != 1 {
		t.Errorf("%d tickets with error %v", len(srv.Tickets()), err)
	}
}

// A difference is a row of the README's table of differences from
// RudderStack's own Trengo destination.
type difference struct {
	name  string
	prove func(*testing.T, *shop)
}

// A shop is a Trengo and the configuration of a destination for it. The template
// of "Ev" is empty.
type shop struct {
	*fixtures.Fixture
	cfg trengo.DestinationConfig
}

// order returns a track event of Ann.
func (s *shop) order() *trengo.Event {
	return &trengo.Event{Type: "track", Event: "Ev", MessageID: "m-1", Properties: map[string]any{"email": "ann@example.com"}}
}

// process processes an event with a new destination.
func (s *shop) process(t *testing.T, event string) (trengo.Result, error) {
	t.Helper()
	destination := s.NewDestination(s.cfg)
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
	return s.AddContact(trengotest.Contact{Name: name, Email: email, ChannelIDs: []int64{fixtures.EmailChannel}}).ID
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
	{"An external ID is an email only if its type says so", func(t *testing.T, s *shop) {
		s.mustFail(t, `{"type":"identify","context":{"externalId":[{"type":"hubspotId","id":"hs-9@example.com"}]}}`, trengo.ErrMissingIdentifier)
	}},
	{"National phone numbers are rejected, spellings of one number are one person", func(t *testing.T, s *shop) {
		s.cfg.ChannelIdentifier = trengo.IdentifierPhone
		s.mustFail(t, `{"type":"identify","traits":{"phone":"06 0000 0042"}}`, trengo.ErrMissingIdentifier)
		s.must(t, `{"type":"identify","traits":{"phone":"+31 6 0000 0042"}}`, trengo.ActionContactCreated)
		s.must(t, `{"type":"identify","traits":{"phone":"0031600000042"}}`, trengo.ActionContactUnchanged)
	}},
	{"An address is read with its display name or as a mailto link", func(t *testing.T, s *shop) {
		s.add("Ann Lee", "ann@example.com")
		s.must(t, `{"type":"identify","traits":{"email":"Ann Lee <ann@example.com>","name":"Ann Lee"}}`, trengo.ActionContactUnchanged)
		s.must(t, `{"type":"identify","traits":{"email":"mailto:ann@example.com?subject=Hi","name":"Ann Lee"}}`, trengo.ActionContactUnchanged)
	}},
	{"Words that programs write for a missing name are not one", func(t *testing.T, s *shop) {
		s.add("Ann Lee", "ann@example.com")
		s.must(t, `{"type":"identify","traits":{"email":"ann@example.com","firstName":"undefined","lastName":"undefined"}}`, trengo.ActionContactUnchanged)
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
		if _, err := trengo.NewDestination(s.NewClient(), s.cfg); err == nil {
			t.Error("no error")
		}
	}},
	{"Blocks and helpers of Handlebars are not supported", func(t *testing.T, s *shop) {
		s.cfg.EventTemplates["Ev"] = "{{#if paid}}Paid{{/if}}"
		if _, err := trengo.NewDestination(s.NewClient(), s.cfg); err == nil {
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
		client := s.NewClient()
		s.Inject(trengotest.LostAfter())
		_, err := client.Tickets.Create(t.Context(), trengo.TicketCreateParams{ContactID: id, ChannelID: fixtures.EmailChannel})
		if !errors.Is(err, trengo.ErrOutcomeUnknown) || len(s.Tickets()) != 1 {
			t.Errorf("%d tickets with %v", len(s.Tickets()), err)
		}
	}},
	{"Two first events of a person make one contact", func(t *testing.T, s *shop) {
		s.cfg.ChannelIdentifier = trengo.IdentifierPhone
		s.Behavior.PhoneMatch = trengotest.PhoneMatchNever
		destination := s.NewDestination(s.cfg)
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
		destination := s.NewDestination(s.cfg)
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
		result, err := s.NewDestination(s.cfg).Process(t.Context(), s.order())
		if err != nil || len(s.Tickets()) != 1 || result.TicketID != s.Tickets()[0].ID {
			t.Errorf("%+v, %v with %d tickets", result, err, len(s.Tickets()))
		}
	}},
	{"A known person costs no search", func(t *testing.T, s *shop) {
		s.add("Ann", "ann@example.com")
		destination := s.NewDestination(s.cfg)
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
	{"Templates lead into traits, the context and the IDs of the message", func(t *testing.T, s *shop) {
		s.cfg.EventTemplates["Ev"] = "{{traits.firstName}} {{userId}} {{context.page.url}}"
		s.add("Ann Lee", "ann@example.com")
		s.must(t, `{"type":"track","event":"Ev","userId":"u-1","properties":{"email":"ann@example.com"},`+
			`"context":{"page":{"url":"https://example.com/cart"},"traits":{"firstName":"Ann"}}}`, trengo.ActionTicketCreated)
		if subject := s.Tickets()[0].Subject; subject != "Ann u-1 https://example.com/cart" {
			t.Errorf("subject %q", subject)
		}
	}},
	{"Emails, phone numbers and names are read under other spellings of their keys", func(t *testing.T, s *shop) {
		s.must(t, `{"type":"identify","traits":{"EMAIL":"ann@example.com","FIRST_NAME":"Ann","LAST_NAME":"Lee"}}`, trengo.ActionContactCreated)
		if c := s.Contacts()[0]; c.Email != "ann@example.com" || c.Name != "Ann Lee" {
			t.Errorf("%+v", c)
		}
	}},
	{"The properties of a track event can come before its traits", func(t *testing.T, s *shop) {
		s.cfg.TrackPropertiesFirst = true
		s.add("Agent", "agent@example.com")
		id := s.add("Ann Lee", "ann@example.com")
		got := s.must(t, `{"type":"track","event":"Ev","context":{"traits":{"email":"agent@example.com"}},"properties":{"email":"ann@example.com"}}`, trengo.ActionTicketCreated)
		if got.ContactID != id {
			t.Errorf("ticket of contact %d, want %d", got.ContactID, id)
		}
	}},
	{"An event that is almost listed says so", func(t *testing.T, s *shop) {
		if got := s.must(t, `{"type":"track","event":"EV "}`, trengo.ActionSkipped); !strings.Contains(got.Reason, `has "Ev"`) {
			t.Errorf("reason %q", got.Reason)
		}
	}},
	{"The contact and channel that an event names can be refused", func(t *testing.T, s *shop) {
		s.cfg.TrustOverrides = trengo.TrustOverridesNone
		id := s.add("Ann Lee", "ann@example.com")
		s.mustFail(t, fmt.Sprintf(`{"type":"identify","traits":{"email":"eve@example.com","name":"Eve"},"context":{"externalId":[{"type":"trengoContactId","id":%d}]}}`, id), trengo.ErrInvalidEvent)
		s.mustHaveSent(t, 0)
	}},
	{"A config is also read in a wrapper and with underscores in its keys", func(t *testing.T, s *shop) {
		if err := json.Unmarshal([]byte(`{"destination":{"config":{"api_token":"x","channel_id":"405980","event_template_map":[{"from":"Ev"}]}}}`), &s.cfg); err != nil {
			t.Fatal(err)
		}
		s.must(t, `{"type":"identify","traits":{"email":"ann@example.com"}}`, trengo.ActionContactCreated)
	}},
	{"A short email within hundreds of others is served, in at most five requests", func(t *testing.T, s *shop) {
		id := s.add("Ann", "ann@example.com")
		for i := range 500 {
			s.add("Joann", fmt.Sprintf("jo%dann@example.com", i))
		}
		if got := s.must(t, `{"type":"identify","traits":{"email":"ann@example.com","name":"Ann"}}`, trengo.ActionContactCreated); got.ContactID != id {
			t.Errorf("contact %d, want %d", got.ContactID, id)
		}
		s.mustHaveSent(t, 5)
	}},
	{"Of two contacts on the channel, the one with the bare email is meant", func(t *testing.T, s *shop) {
		id := s.add("Ann", "ann@example.com")
		s.add("Ann", "Ann <ann@example.com>")
		if got := s.must(t, `{"type":"track","event":"Ev","properties":{"email":"ann@example.com"}}`, trengo.ActionTicketCreated); got.ContactID != id {
			t.Errorf("ticket of contact %d, want %d", got.ContactID, id)
		}
	}},
	{"Case is ignored in all alphabets", func(t *testing.T, s *shop) {
		s.add("Jürgen", "jürgen@example.com")
		s.must(t, `{"type":"identify","traits":{"email":"JÜRGEN@example.com","name":"Jürgen"}}`, trengo.ActionContactUnchanged)
	}},
	{"A phone number that Trengo rewrites makes one contact", func(t *testing.T, s *shop) {
		s.cfg.ChannelIdentifier = trengo.IdentifierPhone
		s.Behavior.PhoneMatch = trengotest.PhoneMatchNever
		s.Behavior.RewritePhone = func(phone string) string { return strings.Replace(phone, "+549", "+54", 1) }
		destination := s.NewDestination(s.cfg)
		for i := range 3 {
			if _, err := destination.Process(t.Context(), fixtures.Identify(strconv.Itoa(i), "+5491112345678", "Ann")); err != nil {
				t.Error(err)
			}
		}
		if n := len(s.Contacts()); n != 1 {
			t.Errorf("%d contacts", n)
		}
	}},
	{"A part of a name does not replace a name", func(t *testing.T, s *shop) {
		s.add("Ann Lee", "ann@example.com")
		s.must(t, `{"type":"identify","traits":{"email":"ann@example.com","lastName":"Smith"}}`, trengo.ActionContactUnchanged)
	}},
	{"A user ID may lead to the contact, by option", func(t *testing.T, s *shop) {
		s.cfg.ResolveUserIDs = true
		destination := s.NewDestination(s.cfg)
		for _, ev := range []*trengo.Event{
			{Type: "identify", UserID: "u1", Traits: map[string]any{"email": "ann@example.com"}},
			{Type: "track", UserID: "u1", Event: "Ev"},
		} {
			if _, err := destination.Process(t.Context(), ev); err != nil {
				t.Fatal(err)
			}
		}
		if ticket := s.Tickets()[0]; ticket.ContactID != s.Contacts()[0].ID {
			t.Errorf("ticket of contact %d", ticket.ContactID)
		}
	}},
	{"A maintenance page or a firewall loses no event", func(t *testing.T, s *shop) {
		s.add("Ann", "ann@example.com")
		s.Inject(trengotest.Fault{}, trengotest.RespondHTML(http.StatusBadRequest))
		_, err := s.process(t, `{"type":"track","event":"Ev","properties":{"email":"ann@example.com"}}`)
		if !trengo.Retryable(err) || errors.Is(err, trengo.ErrOutcomeUnknown) {
			t.Errorf("error %v, want one to be delivered again", err)
		}
	}},
	{"An unknown host loses no event", func(t *testing.T, s *shop) {
		client := fixtures.NewClient(t, &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.DNSError{Err: "no such host", Name: "app.trengo.com", IsNotFound: true}
		}})
		destination, err := trengo.NewDestination(client, trengo.DestinationConfig{ChannelID: fixtures.EmailChannel, EventTemplates: map[string]string{"Ev": ""}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := destination.Process(t.Context(), s.order()); !trengo.Retryable(err) {
			t.Errorf("error %v, want one to be delivered again", err)
		}
	}},
	{"A customer's own ticket is not taken for a lost one", func(t *testing.T, s *shop) {
		id := s.add("Ann", "ann@example.com")
		destination := s.NewDestination(s.cfg)
		own := s.AddTicket(trengotest.Ticket{ContactID: id, ChannelID: fixtures.EmailChannel, Subject: s.cfg.EventTemplates["Ev"]})
		s.AddMessage(trengotest.Message{TicketID: own.ID, Text: "Hello"})
		s.Inject(trengotest.Fault{}, trengotest.Fault{}, trengotest.LostAfter()) // the third request: the ticket
		got, err := destination.Process(t.Context(), s.order())
		if err != nil || got.TicketID == own.ID {
			t.Errorf("%+v with error %v, want another ticket than %d", got, err, own.ID)
		}
	}},
	{"A batch or a line of RudderStack's archive is taken apart", func(t *testing.T, s *shop) {
		handler := fixtures.NewHandler(t, s.NewDestination(s.cfg), trengo.HandlerConfig{AllowUnauthenticated: true})
		body := `{"batch":[{"userId":"u1","payload":{"type":"identify"}}],"context":{"traits":{"email":"ann@example.com"}}}`
		if _, got := fixtures.Serve(t, handler, fixtures.EventRequest(t.Context(), body)); got.Status != http.StatusOK || len(s.Contacts()) != 1 {
			t.Errorf("%+v with %d contacts", got, len(s.Contacts()))
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
				d.prove(t, &shop{
					Fixture: fixtures.New(t),
					cfg:     trengo.DestinationConfig{EventTemplates: map[string]string{"Ev": ""}},
				})
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
			t.Errorf("the README lacks the row %q", d.name)
		}
	}
	if rows := strings.Count(section, "\n| ") - 1; rows != len(differences) {
		t.Errorf("the README has %d rows, TestDifferences has %d", rows, len(differences))
	}
}
