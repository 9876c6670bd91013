package trengo_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// askForReview opens a ticket for whoever has the e-mail.
func askForReview(ctx context.Context, client *trengo.Client, channelID int64, email string) (int64, error) {
	contact, err := client.Contacts.Create(ctx, trengo.ContactCreateParams{
		ChannelID:  channelID,
		Identifier: email, // finds the contact that has it, or creates one
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

// handle takes one message of a stream and says whether it is done with.
func handle(ctx context.Context, destination *trengo.Destination, message []byte) (done bool) {
	event, err := trengo.ParseEvent(message)
	if err == nil {
		var result trengo.Result
		result, err = destination.Process(ctx, event)
		fmt.Println(result.Action, result.ContactID, result.TicketID)
	}
	return !trengo.Retryable(err) // what fails for good is done with, too
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
		if !strings.Contains(string(source), code) {
			t.Errorf("not in the tested source:\n%s", code)
		}
	}
}

func TestAskForReview_lostAnswer(t *testing.T) {
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
