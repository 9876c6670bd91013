package trengo_test

import (
	"context"
	"encoding/json"
	"errors"
	"expvar"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

func ExampleNewClient() {
	srv := trengotest.New() // stands in for Trengo
	client, err := trengo.NewClient(
		trengotest.Token,                        // yours is under Settings, Apps & Integrations
		trengo.WithHTTPClient(srv.HTTPClient()), // not needed with the real Trengo
		trengo.WithUserAgent("shop/1.2"),
		trengo.WithMaxWait(time.Minute),
	)
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Contacts.Get(context.Background(), 460000001)
	fmt.Println(err)

	// One error names all mistakes, before anything is sent.
	_, err = trengo.NewClient("", trengo.WithTimeout(-time.Second))
	fmt.Println(err)
	// Output:
	// trengo: GET /contacts/460000001: 404 Not Found
	// trengo: invalid client: the timeout -1s is not positive
	// the token is empty
}

func ExampleContactsService_List() {
	srv := trengotest.New()
	srv.AddContact(trengotest.Contact{Name: "Ann", Email: "Ann@example.com"})
	srv.AddContact(trengotest.Contact{Name: "Jo Ann", Email: "joann@example.com"})
	client, err := trengo.NewClient(trengotest.Token, trengo.WithHTTPClient(srv.HTTPClient()))
	if err != nil {
		log.Fatal(err)
	}
	const email = "ann@example.com"
	for contact, err := range client.Contacts.List(context.Background(), trengo.ContactListOptions{Term: email}) {
		if err != nil {
			log.Fatal(err)
		}
		// A search also matches parts of names and emails: compare the result.
		if strings.EqualFold(contact.Email, email) {
			fmt.Println(contact.ID, contact.Name)
			break // no other page is requested
		}
	}
	// Output: 460000001 Ann
}

func ExampleTicketsService_Create() {
	srv := trengotest.New()
	channel := srv.AddChannel(trengotest.Channel{Type: "EMAIL", Title: "Support"})
	client, err := trengo.NewClient(trengotest.Token, trengo.WithHTTPClient(srv.HTTPClient()))
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	contact, err := client.Contacts.Create(ctx, trengo.ContactCreateParams{
		ChannelID: channel.ID, Identifier: "ann@example.com", Name: "Ann",
	})
	if err != nil {
		log.Fatal(err)
	}
	ticket, err := client.Tickets.Create(ctx, trengo.TicketCreateParams{
		ContactID: contact.ID, ChannelID: channel.ID, Subject: "Order 1001",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ticket.ID, ticket.Status, ticket.Subject)
	// Output: 970000001 ASSIGNED Order 1001
}

func ExampleTicketsService_Create_unknownOutcome() {
	srv := trengotest.New()
	channel := srv.AddChannel(trengotest.Channel{Type: "EMAIL"})
	contact := srv.AddContact(trengotest.Contact{Email: "ann@example.com"})
	client, err := trengo.NewClient(trengotest.Token, trengo.WithHTTPClient(srv.HTTPClient()))
	if err != nil {
		log.Fatal(err)
	}
	srv.Inject(trengotest.LostAfter()) // the ticket is created, but the response is lost

	ctx := context.Background()
	in := trengo.TicketCreateParams{ContactID: contact.ID, ChannelID: channel.ID, Subject: "Order 1001"}
	ticket, err := client.Tickets.Create(ctx, in)
	if errors.Is(err, trengo.ErrOutcomeUnknown) {
		fmt.Println(err)
		// Creating it again could result in a second ticket, so look first.
		opts := trengo.TicketListOptions{ContactID: in.ContactID, ChannelIDs: []int64{in.ChannelID}}
		for found, listErr := range client.Tickets.List(ctx, opts) {
			if listErr != nil {
				log.Fatal(listErr)
			}
			if found.Subject == in.Subject {
				ticket, err = found, nil
				break
			}
		}
	}
	if err != nil {
		log.Fatal(err) // it may still appear: look again in a minute
	}
	fmt.Println(ticket.ID, ticket.Subject)
	// Output:
	// trengo: POST /tickets: read: connection reset by peer; outcome unknown
	// 970000001 Order 1001
}

func ExampleClient_Do() {
	srv := trengotest.New()
	client, err := trengo.NewClient(trengotest.Token, trengo.WithHTTPClient(srv.HTTPClient()))
	if err != nil {
		log.Fatal(err)
	}
	var label trengo.Label
	err = client.Do(context.Background(), trengo.Request{
		Method: http.MethodPost,
		Path:   "/labels",
		Body:   map[string]string{"name": "Urgent", "color": "#5D9CEC"},
	}, &label)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(label.ID, label.Name, label.Color)
	// Output: 1700001 Urgent #5D9CEC
}

func ExampleError() {
	srv := trengotest.New()
	channel := srv.AddChannel(trengotest.Channel{Type: "EMAIL"})
	client, err := trengo.NewClient(trengotest.Token,
		trengo.WithHTTPClient(srv.HTTPClient()), trengo.WithMaxWait(time.Second))
	if err != nil {
		log.Fatal(err)
	}
	create := func(identifier string) {
		_, err := client.Contacts.Create(context.Background(), trengo.ContactCreateParams{
			ChannelID: channel.ID, Identifier: identifier,
		})
		var failed *trengo.Error
		switch {
		case errors.As(err, &failed) && errors.Is(err, trengo.ErrRateLimited):
			fmt.Println("retry in", failed.RetryAfter)
		case errors.As(err, &failed):
			fmt.Println(failed)
			fmt.Println(failed.Fields["identifier"]) // may hold personal data: not for logs
		}
	}
	create("+31600000001")
	srv.Inject(trengotest.TooManyRequests("30"))
	create("ann@example.com")
	// Output:
	// trengo: POST /channels/406001/contacts: 422 Unprocessable Entity; invalid fields: identifier
	// [The identifier must be a valid email address.]
	// retry in 30s
}

func ExampleWithObserver() {
	srv := trengotest.New()
	contact := srv.AddContact(trengotest.Contact{Name: "Ann"})
	requests := new(expvar.Map) // safe for concurrent use, as an observer must be
	client, err := trengo.NewClient(trengotest.Token,
		trengo.WithHTTPClient(srv.HTTPClient()),
		trengo.WithObserver(func(_ context.Context, a trengo.Attempt) {
			requests.Add(fmt.Sprintf("method=%q,route=%q,status=\"%d\"", a.Method, a.Route, a.StatusCode), 1)
		}))
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	_, _ = client.Contacts.Get(ctx, contact.ID)
	_, _ = client.Contacts.Get(ctx, contact.ID)
	_, _ = client.Tickets.Get(ctx, 1)
	requests.Do(func(kv expvar.KeyValue) {
		fmt.Printf("trengo_requests_total{%s} %s\n", kv.Key, kv.Value)
	})
	// Output:
	// trengo_requests_total{method="GET",route="/contacts/{id}",status="200"} 2
	// trengo_requests_total{method="GET",route="/tickets/{id}",status="404"} 1
}

func ExampleWithTokenSource() {
	srv := trengotest.New()
	srv.SetTokens("old")
	contact := srv.AddContact(trengotest.Contact{Name: "Ann"})
	var token atomic.Value // updated by the code that reads your secrets
	token.Store("old")
	client, err := trengo.NewClient("", // the source has the token
		trengo.WithHTTPClient(srv.HTTPClient()),
		trengo.WithTokenSource(func(context.Context) (string, error) {
			return token.Load().(string), nil
		}))
	if err != nil {
		log.Fatal(err)
	}
	get := func() {
		got, err := client.Contacts.Get(context.Background(), contact.ID)
		fmt.Println(got != nil, err)
	}
	get()
	srv.SetTokens("new")
	get()
	token.Store("new")
	get()
	// Output:
	// true <nil>
	// false trengo: GET /contacts/460000001: 401 Unauthorized
	// true <nil>
}

// A tracer stands in for OpenTelemetry: use otelhttp.NewTransport(next) in place
// of tracer{next}. This module does not depend on it.
type tracer struct{ next http.RoundTripper }

func (t tracer) RoundTrip(r *http.Request) (*http.Response, error) {
	fmt.Println("span begins:", r.Method)
	resp, err := t.next.RoundTrip(r)
	if err == nil {
		fmt.Println("span ends:", resp.StatusCode)
	}
	return resp, err
}

func ExampleWithHTTPClient_tracing() {
	srv := trengotest.New()
	client, err := trengo.NewClient(trengotest.Token,
		trengo.WithHTTPClient(&http.Client{Transport: tracer{next: srv}}))
	if err != nil {
		fmt.Println(err)
		return
	}
	// Each attempt has a span within the span of the context.
	_, err = client.Contacts.Get(context.Background(), 460000001)
	fmt.Println(err)
	// Output:
	// span begins: GET
	// span ends: 404
	// trengo: GET /contacts/460000001: 404 Not Found
}

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

// supportDesk returns a Destination for an in-memory Trengo with one contact.
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

// NewDestination accepts the configuration of RudderStack's own Trengo destination.
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
			fmt.Println("permanent:", err)
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
	// permanent: trengo: missing identifier: the event does not have an email
}

// A plan shows what an event would do, and changes nothing.
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

// A field of the wrong type is empty. Only data that is not an event is an error.
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
	// 1001 map[] 9007199254740993 [{trengoContactId 17 }]
	// trengo: invalid event: it does not have a type
}

// A file or body with one event per line. An invalid line does not end the loop.
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
	// trengo: line 2: invalid event: it is not valid JSON
	// page 1002
}

// The loop for a stream, such as Kafka or Pub/Sub, whose messages are events as
// RudderStack sends them. Messages that succeed or fail permanently are
// acknowledged; all others are redelivered. Where a message cannot be skipped, as
// in a Kafka partition, wait and process it again before the next: for the time
// in the error, or else for a minute, after which a lost write is settled.
func ExampleRetryable() {
	destination, server := supportDesk()
	// Trengo is unavailable for tickets.
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
			fmt.Println("redeliver", i, "-", err)
		default:
			fmt.Println("acknowledge", i, "-", err)
		}
	}
	// Output:
	// acknowledge 0
	// acknowledge 1 - trengo: contact not found
	// redeliver 2 - trengo: ticket of contact 17 on channel 405980 for the event "Support Requested": POST /tickets: 503 Service Unavailable; outcome unknown
}

func ExampleNewHandler() {
	srv := trengotest.New() // stands in for Trengo
	srv.AddChannel(trengotest.Channel{ID: 405980, Type: "EMAIL"})
	client, err := trengo.NewClient(trengotest.Token, trengo.WithHTTPClient(srv.HTTPClient()))
	if err != nil {
		log.Fatal(err)
	}
	destination, err := trengo.NewDestination(client, trengo.DestinationConfig{ChannelID: 405980})
	if err != nil {
		log.Fatal(err)
	}
	handler, err := trengo.NewHandler(destination, trengo.HandlerConfig{
		Secrets: []string{"Bearer s3cret"}, // yours comes from the environment
		OnOutcome: func(outcome trengo.Outcome, status int) {
			if status == http.StatusBadRequest {
				fmt.Println("will not be redelivered:", outcome.Err)
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/events", handler)

	for _, body := range []string{
		`{"type": "identify", "traits": {"email": "ann@example.com", "name": "Ann"}}`,
		`{"type": "identify", "traits": {"name": "Ben"}}`,
	} {
		// What RudderStack sends.
		request := httptest.NewRequest(http.MethodPost, "/events", strings.NewReader(body))
		request.Header.Set("Authorization", "Bearer s3cret")
		request.Header.Set("Content-Type", "application/json")
		recorder := httptest.NewRecorder()
		mux.ServeHTTP(recorder, request)
		fmt.Print(recorder.Code, " ", recorder.Body)
	}
	// Output:
	// 200 {"status":200,"action":"contact_created"}
	// will not be redelivered: trengo: missing identifier: the event does not have an email
	// 400 {"status":400,"error":"trengo: missing identifier: the event does not have an email"}
}
