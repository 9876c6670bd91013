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
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

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
	source, err := os.ReadFile("example_readme_test.go")
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
