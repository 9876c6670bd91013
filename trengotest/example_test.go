package trengotest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

// helpDesk is the code under test: a small service that opens tickets.
type helpDesk struct {
	client  *http.Client
	baseURL string
	token   string
}

// open opens a ticket for the contact with the identifier. It creates the contact if
// there is none.
func (d helpDesk) open(ctx context.Context, channelID int64, identifier, subject string) (int64, error) {
	var contact, ticket struct {
		ID int64 `json:"id"`
	}
	path := fmt.Sprintf("/channels/%d/contacts", channelID)
	if err := d.post(ctx, path, map[string]any{"identifier": identifier}, &contact); err != nil {
		return 0, err
	}
	body := map[string]any{"channel_id": channelID, "contact_id": contact.ID, "subject": subject}
	err := d.post(ctx, "/tickets", body, &ticket)
	return ticket.ID, err
}

func (d helpDesk) post(ctx context.Context, path string, body, out any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.baseURL+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+d.token)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/json")
	resp, err := d.client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode/100 != 2 {
		return errors.New("help desk returned " + resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

// A service that talks to Trengo through an http.Client gets the client of a Server.
// The test then inspects the Server.
func Example() {
	server := trengotest.New()
	channel := server.AddChannel(trengotest.Channel{Type: "EMAIL", Title: "Support"})
	server.AddContact(trengotest.Contact{Name: "Ann Example", Email: "ann@example.com"})

	desk := helpDesk{client: server.HTTPClient(), baseURL: trengotest.BaseURL, token: trengotest.Token}
	id, err := desk.open(context.Background(), channel.ID, "ann@example.com", "Where is my parcel?")
	fmt.Println(id, err)

	for _, t := range server.Tickets() {
		fmt.Println(t.Status, t.Subject)
	}
	fmt.Println(len(server.Contacts()), "contact")
	// Output:
	// 970000001 <nil>
	// ASSIGNED Where is my parcel?
	// 1 contact
}

// A lost response leaves the client in doubt: the ticket exists, but the client got an
// error.
func ExampleServer_Inject() {
	server := trengotest.New()
	channel := server.AddChannel(trengotest.Channel{Type: "EMAIL", Title: "Support"})
	desk := helpDesk{client: server.HTTPClient(), baseURL: trengotest.BaseURL, token: trengotest.Token}

	server.Inject(trengotest.Fault{}, trengotest.LostAfter()) // the second request
	_, err := desk.open(context.Background(), channel.ID, "ann@example.com", "Where is my parcel?")

	fmt.Println("error:", err != nil)
	fmt.Println("tickets:", len(server.Tickets()))
	for _, r := range server.Requests() {
		fmt.Printf("%s %s: status %d, fault %q\n", r.Method, r.Path, r.Status, r.Fault)
	}
	// Output:
	// error: true
	// tickets: 1
	// POST /channels/406001/contacts: status 200, fault ""
	// POST /tickets: status 0, fault "LostAfter"
}

// A Server as the transport of a client needs no network and takes the time from
// package time. Within synctest.Test, an hour takes no real time.
func ExampleServer_RoundTrip() {
	server := trengotest.New()
	server.SetRateLimit(2)
	channel := server.AddChannel(trengotest.Channel{Type: "EMAIL", Title: "Support"})
	client := &http.Client{Transport: server}
	desk := helpDesk{client: client, baseURL: trengotest.BaseURL, token: trengotest.Token}

	for range 2 {
		_, err := desk.open(context.Background(), channel.ID, "ann@example.com", "Where is my parcel?")
		fmt.Println("error:", err)
	}
	server.Inject(trengotest.Slow(time.Hour))
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err := desk.open(ctx, channel.ID, "ann@example.com", "Where is my parcel?")
	fmt.Println("timeout:", errors.Is(err, context.DeadlineExceeded))
	// Output:
	// error: <nil>
	// error: help desk returned 429 Too Many Requests
	// timeout: true
}

// Code that needs an address gets that of an httptest.Server.
func ExampleServer_ServeHTTP() {
	server := trengotest.New()
	channel := server.AddChannel(trengotest.Channel{Type: "SMS", Title: "Texts"})
	web := httptest.NewServer(server)
	defer web.Close()

	desk := helpDesk{client: web.Client(), baseURL: web.URL + "/api/v2", token: trengotest.Token}
	_, err := desk.open(context.Background(), channel.ID, "31600000001", "Delivery times")
	fmt.Println(err)
	for _, c := range server.Contacts() {
		fmt.Println(c.ID, c.Phone)
	}
	// Output:
	// <nil>
	// 460000001 +31600000001
}

// A webhook receiver is tested with deliveries that carry Trengo's signature.
func ExampleNewDelivery() {
	receiver := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seconds, _, _ := strings.Cut(r.Header.Get(trengotest.SignatureHeader), ";")
		fmt.Println(seconds, string(body))
		w.WriteHeader(http.StatusAccepted)
	})

	event := url.Values{"ticket_id": {"970000001"}, "label_name": {"Urgent"}}
	delivery := trengotest.NewDelivery("https://hooks.example.com/", "signing-secret", time.Unix(1_767_600_000, 0), event)
	recorder := httptest.NewRecorder()
	receiver.ServeHTTP(recorder, delivery)
	fmt.Println(recorder.Code)
	// Output:
	// 1767600000 label_name=Urgent&ticket_id=970000001
	// 202
}
