// Quickstart turns RudderStack events into Trengo contacts and tickets and
// prints what became of each. It needs no account: an in-memory Trengo takes
// the place of the real one.
//
//	go run ./examples/quickstart
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

const emailChannel = 405980

// A delivery is an event as it arrives from RudderStack, and what led to it.
type delivery struct{ story, event string }

// RudderStack gives every event a messageId and keeps it when it delivers the
// event again.
var deliveries = []delivery{
	{
		"Ann signs up.",
		`{"type":"identify","messageId":"1","traits":{"email":"ann@example.com","name":"Ann"}}`,
	},
	{
		"Ann adds her last name.",
		`{"type":"identify","messageId":"2","traits":{"email":"ann@example.com","name":"Ann Lee"}}`,
	},
	{
		"Ann places an order.",
		`{"type":"track","messageId":"3","event":"Order Completed","properties":{"email":"ann@example.com","order_id":1001}}`,
	},
	{
		"RudderStack delivers the same order again.",
		`{"type":"track","messageId":"3","event":"Order Completed","properties":{"email":"ann@example.com","order_id":1001}}`,
	},
	{
		"Ann asks for help.",
		`{"type":"track","messageId":"4","event":"Support Requested","properties":{"email":"ann@example.com"}}`,
	},
	{
		"Ann looks at a product. No template is set for that event.",
		`{"type":"track","messageId":"5","event":"Product Viewed","properties":{"email":"ann@example.com"}}`,
	},
	{
		"Ben, who never signed up, places an order.",
		`{"type":"track","messageId":"6","event":"Order Completed","properties":{"email":"ben@example.com","order_id":1002}}`,
	},
	{
		"An order arrives without an email.",
		`{"type":"track","messageId":"7","event":"Order Completed","properties":{"order_id":1003}}`,
	},
}

func run(ctx context.Context, out io.Writer) error {
	server := trengotest.New()
	server.AddChannel(trengotest.Channel{ID: emailChannel, Type: "EMAIL"})

	// With a real account, pass your token and leave WithHTTPClient out.
	client, err := trengo.NewClient(trengotest.Token, trengo.WithHTTPClient(server.HTTPClient()))
	if err != nil {
		return err
	}
	destination, err := trengo.NewDestination(client, trengo.DestinationConfig{
		ChannelID: emailChannel,
		EventTemplates: map[string]string{ // these open tickets, with these subjects
			"Order Completed":   "Order {{ order_id }}",
			"Support Requested": "{{ subject || Help wanted }}",
		},
	})
	if err != nil {
		return err
	}

	fmt.Fprintf(out, "RudderStack delivers %d events. An in-memory Trengo takes the place of an\naccount.\n", len(deliveries))
	for _, d := range deliveries {
		before := len(server.Requests())
		result, err := process(ctx, destination, []byte(d.event))
		fmt.Fprintf(out, "\n%s\n  %s\n", d.story, describe(result, err))
		fmt.Fprintf(out, "  API requests: %d\n", len(server.Requests())-before)
	}
	printAccount(out, server)
	return nil
}

// process handles one event. After an error, deliver the event again later if
// [trengo.Retryable] is true for the error: otherwise it would fail again.
func process(ctx context.Context, destination *trengo.Destination, data []byte) (trengo.Result, error) {
	event, err := trengo.ParseEvent(data)
	if err != nil {
		return trengo.Result{}, err
	}
	return destination.Process(ctx, event)
}

func describe(result trengo.Result, err error) string {
	switch {
	case err != nil:
		return "failed: " + err.Error()
	case result.Action == trengo.ActionSkipped:
		return "skipped: " + result.Reason
	}
	text := strings.ReplaceAll(string(result.Action), "_", " ") + fmt.Sprintf(": contact %d", result.ContactID)
	if result.TicketID != 0 {
		text += fmt.Sprintf(", ticket %d", result.TicketID)
	}
	if result.Duplicate {
		text += "\n  (handled before: nothing was sent)"
	}
	return text
}

func printAccount(out io.Writer, server *trengotest.Server) {
	fmt.Fprintf(out, "\nAfter %d API requests, the in-memory Trengo has\n\n", len(server.Requests()))
	for _, contact := range server.Contacts() {
		fmt.Fprintf(out, "  contact %d  %s, %s\n", contact.ID, contact.Name, contact.Email)
	}
	for _, ticket := range server.Tickets() {
		fmt.Fprintf(out, "  ticket  %d  %s\n", ticket.ID, cmp.Or(ticket.Subject, "(no subject)"))
	}
}
