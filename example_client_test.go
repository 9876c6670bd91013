package trengo_test

import (
	"context"
	"errors"
	"expvar"
	"fmt"
	"log"
	"net/http"
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

	// All mistakes are found at once, and before anything is sent.
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
		// A search finds parts of names and e-mails: compare what it finds.
		if strings.EqualFold(contact.Email, email) {
			fmt.Println(contact.ID, contact.Name)
			break // no further page is asked for
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
	srv.Inject(trengotest.LostAfter()) // the ticket is made, but the answer is lost

	ctx := context.Background()
	in := trengo.TicketCreateParams{ContactID: contact.ID, ChannelID: channel.ID, Subject: "Order 1001"}
	ticket, err := client.Tickets.Create(ctx, in)
	if errors.Is(err, trengo.ErrOutcomeUnknown) {
		fmt.Println(err)
		// Creating again could make a second ticket, so look first.
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
		log.Fatal(err) // it may yet come: look again in a minute
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
			fmt.Println("come back in", failed.RetryAfter)
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
	// come back in 30s
}

func ExampleWithObserver() {
	srv := trengotest.New()
	contact := srv.AddContact(trengotest.Contact{Name: "Ann"})
	requests := new(expvar.Map) // safe for concurrent use, as an observer must be
	client, err := trengo.NewClient(trengotest.Token,
		trengo.WithHTTPClient(srv.HTTPClient()),
		trengo.WithObserver(func(a trengo.Attempt) {
			requests.Add(fmt.Sprintf("method=%q,route=%q,status=\"%d\"", a.Method, a.Route, a.Status), 1)
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
	var token atomic.Value // written by whatever reads your secrets
	token.Store("old")
	client, err := trengo.NewClient("", // the source has it
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

// A tracer stands for that of OpenTelemetry: otelhttp.NewTransport(next) takes
// the place of tracer{next}, without a dependency of this module.
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
	// There is a span for each attempt, within that of the context.
	_, err = client.Contacts.Get(context.Background(), 460000001)
	fmt.Println(err)
	// Output:
	// span begins: GET
	// span ends: 404
	// trengo: GET /contacts/460000001: 404 Not Found
}
