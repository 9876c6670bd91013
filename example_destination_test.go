package trengo_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"strings"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// An in-memory Trengo stands in for the account. With a real token, leave
// WithHTTPClient out.
func Example() {
	server := trengotest.New()
	server.AddChannel(trengotest.Channel{ID: 405980, Type: "EMAIL"})

	client, err := trengo.NewClient(trengotest.Token, trengo.WithHTTPClient(server.HTTPClient()))
	if err != nil {
		log.Fatal(err)
	}
	destination, err := trengo.NewDestination(client, trengo.DestinationConfig{
		ChannelID:             405980,
		EventTemplates:        map[string]string{"Order Completed": "Order {{ order_id }}"},
		CreateMissingContacts: true,
	})
	if err != nil {
		log.Fatal(err)
	}

	event, err := trengo.ParseEvent([]byte(`{
		"type": "track",
		"event": "Order Completed",
		"properties": {"email": "ann@example.com", "order_id": 1001}
	}`))
	if err != nil {
		log.Fatal(err)
	}
	result, err := destination.Process(context.Background(), event)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Action, server.Tickets()[0].Subject)
	// Output: ticket_created Order 1001
}

// supportDesk is a Destination for an in-memory Trengo that knows Ann.
func supportDesk() (*trengo.Destination, *trengotest.Server) {
	server := trengotest.New()
	server.AddChannel(trengotest.Channel{ID: 405980, Type: "EMAIL"})
	server.AddContact(trengotest.Contact{ID: 17, Name: "Ann", Email: "ann@example.com", ChannelIDs: []int64{405980}})
	client, err := trengo.NewClient(trengotest.Token, trengo.WithHTTPClient(server.HTTPClient()))
	if err != nil {
		log.Fatal(err)
	}
	destination, err := trengo.NewDestination(client, trengo.DestinationConfig{
		ChannelID:      405980,
		EventTemplates: map[string]string{"Support Requested": "{{ subject || Help wanted }}"},
	})
	if err != nil {
		log.Fatal(err)
	}
	return destination, server
}

// The config of RudderStack's own Trengo destination can be used as it is.
func ExampleNewDestination() {
	var config trengo.DestinationConfig
	err := json.Unmarshal([]byte(`{
		"channelId": "405980",
		"channelIdentifier": "email",
		"enableDedup": true,
		"eventTemplateMap": [
			{"from": "Product Purchased", "to": "{{ event }} from our store"},
			{"from": "Checked Out", "to": "{{#if paid}}Paid{{/if}}"}
		]
	}`), &config)
	if err != nil {
		log.Fatal(err)
	}

	client, err := trengo.NewClient("token")
	if err != nil {
		log.Fatal(err)
	}
	_, err = trengo.NewDestination(client, config)
	fmt.Println(err)

	config.EventTemplates["Checked Out"] = "Cart was checked out"
	_, err = trengo.NewDestination(client, config)
	fmt.Println(err)
	// Output:
	// trengo: invalid destination: the template of "Checked Out": tag `{{#if paid}}` is not supported: only {{ path }} and {{ path || default }} are
	// <nil>
}

func ExampleDestination_Process() {
	destination, _ := supportDesk()
	for _, data := range []string{
		`{"type": "identify", "traits": {"email": "ann@example.com", "name": "Ann Lee"}}`,
		`{"type": "identify", "traits": {"email": "bob@example.com", "firstName": "Bob"}}`,
		`{"type": "track", "event": "Support Requested", "traits": {"email": "ann@example.com"}}`,
		`{"type": "page", "name": "Cart"}`,
		`{"type": "identify", "traits": {"name": "Nobody"}}`,
	} {
		event, err := trengo.ParseEvent([]byte(data))
		if err != nil {
			log.Fatal(err)
		}
		result, err := destination.Process(context.Background(), event)
		switch {
		case errors.Is(err, trengo.ErrMissingIdentifier):
			fmt.Println("tell the sender:", err)
		case err != nil:
			log.Fatal(err)
		case result.Action == trengo.ActionSkipped:
			fmt.Println(result.Action, "-", result.Reason)
		default:
			fmt.Println(result.Action, result.ContactID, result.TicketID)
		}
	}
	// Output:
	// contact_updated 17 0
	// contact_created 460000001 0
	// ticket_created 17 970000001
	// skipped - neither identify nor track
	// tell the sender: trengo: missing identifier: the event has no email
}

// A plan shows what a configuration would do, and changes nothing.
func ExampleDestination_Plan() {
	destination, server := supportDesk()
	event, err := trengo.ParseEvent([]byte(`{
		"type": "track",
		"event": "Support Requested",
		"properties": {"email": "ann@example.com", "subject": "Where is my parcel?"}
	}`))
	if err != nil {
		log.Fatal(err)
	}
	plan, err := destination.Plan(context.Background(), event)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(plan.Action, "for contact", plan.ContactID)
	for _, write := range plan.Writes {
		fmt.Printf("%s %s %s\n", write.Method, write.Path, write.Body)
	}
	fmt.Println(len(server.Tickets()), "tickets")
	// Output:
	// ticket_created for contact 17
	// POST /tickets {"contact_id":17,"channel_id":405980,"subject":"Where is my parcel?"}
	// 0 tickets
}

// What has the wrong type is left out; only what is no event is an error.
func ExampleParseEvent() {
	event, err := trengo.ParseEvent([]byte(`{
		"type": "track",
		"event": "Order Completed",
		"userId": 1001,
		"traits": "none",
		"properties": {"order_id": 9007199254740993},
		"context": {"externalId": {"type": "trengoContactId", "id": 17}}
	}`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(event.UserID, event.Traits, event.Properties["order_id"], event.Context.ExternalIDs)

	_, err = trengo.ParseEvent([]byte(`{"type": 5}`))
	fmt.Println(err)
	// Output:
	// 1001 map[] 9007199254740993 [{trengoContactId 17}]
	// trengo: invalid event: it has no type
}

// A file or a body with one event a line. A bad line does not end the loop.
func ExampleReadEvents() {
	lines := strings.NewReader(`{"type": "identify", "userId": "1001"}
{"type": "identify", "userId":

{"type": "page", "userId": "1002"}
`)
	for event, err := range trengo.ReadEvents(lines) {
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(event.Type, event.UserID)
	}
	// Output:
	// identify 1001
	// trengo: line 2: invalid event: it is broken JSON
	// page 1002
}

// The loop for any stream, such as Kafka or Pub/Sub, whose messages are events
// as RudderStack sends them: what is done and what will never work is
// acknowledged, everything else is left to come again. Where a message cannot
// be left, as in a partition of Kafka, wait and handle it again before the
// next: for as long as the error says, or else for a minute, after which a lost
// write is settled.
func ExampleRetryable() {
	destination, server := supportDesk()
	// Tickets meet an outage of Trengo.
	server.InjectFunc(func(r trengotest.Request) trengotest.Fault {
		if r.Method == http.MethodPost && r.Path == "/tickets" {
			return trengotest.RespondHTML(http.StatusServiceUnavailable)
		}
		return trengotest.Fault{}
	})

	messages := []string{
		`{"messageId": "1", "type": "identify", "traits": {"email": "ann@example.com", "name": "Ann Lee"}}`,
		`{"messageId": "2", "type": "track", "event": "Support Requested", "traits": {"email": "bob@example.com"}}`,
		`{"messageId": "3", "type": "track", "event": "Support Requested", "traits": {"email": "ann@example.com"}}`,
	}
	for i, message := range messages {
		event, err := trengo.ParseEvent([]byte(message))
		if err == nil {
			_, err = destination.Process(context.Background(), event)
		}
		switch {
		case err == nil:
			fmt.Println("acknowledge", i)
		case trengo.Retryable(err):
			fmt.Println("leave", i, "-", err)
		default:
			fmt.Println("acknowledge", i, "-", err)
		}
	}
	// Output:
	// acknowledge 0
	// acknowledge 1 - trengo: contact not found
	// leave 2 - trengo: ticket of contact 17 on channel 405980 for the event "Support Requested": POST /tickets: 503 Service Unavailable; outcome unknown
}
