// Package trengotest provides an in-memory Trengo (the help desk) for tests and
// examples. It is to the Trengo REST API v2 what [net/http/httptest] is to HTTP.
//
// A [Server] stores contacts, tickets and messages, validates requests, enforces a
// rate limit, pages its lists and sends the same JSON as the real service, with its
// inconsistencies. It also fails on demand: see [Server.Inject].
//
// # Without a network
//
// A Server is an [http.RoundTripper]. Give its client to the code under test, with
// any base URL:
//
//	func TestCreateTicket(t *testing.T) {
//		t.Parallel()
//		server := trengotest.New()
//		channel := server.AddChannel(trengotest.Channel{Type: "EMAIL", Title: "Support"})
//		contact := server.AddContact(trengotest.Contact{Email: "ann@example.com"})
//		client, err := trengo.NewClient(trengotest.Token, trengo.WithHTTPClient(server.HTTPClient()))
//		if err != nil {
//			t.Fatal(err)
//		}
//
//		server.Inject(trengotest.LostAfter()) // the ticket is created, the response is lost
//		_, err = client.Tickets.Create(t.Context(), trengo.TicketCreateParams{
//			ContactID: contact.ID,
//			ChannelID: channel.ID,
//		})
//		if !errors.Is(err, trengo.ErrOutcomeUnknown) {
//			t.Errorf("got error %v, want ErrOutcomeUnknown", err)
//		}
//		if got := len(server.Tickets()); got != 1 {
//			t.Errorf("got %d tickets, want 1", got)
//		}
//	}
//
// This works in a bubble of [testing/synctest], where minutes of rate limiting take
// no real time: a Server takes the time from package time only and starts no
// goroutines. Only delayed processing ([Late] and [Behavior].Latency) runs on a
// timer, so that it happens even if the client is gone.
//
// # Over HTTP
//
// A Server is also an [http.Handler], for code that needs an address:
//
//	func TestGetContact(t *testing.T) {
//		t.Parallel()
//		server := trengotest.New()
//		added := server.AddContact(trengotest.Contact{Email: "ann@example.com"})
//		web := httptest.NewServer(server)
//		defer web.Close()
//		client, err := trengo.NewClient(trengotest.Token, trengo.WithBaseURL(web.URL+"/api/v2"))
//		if err != nil {
//			t.Fatal(err)
//		}
//
//		contact, err := client.Contacts.Get(t.Context(), added.ID)
//		if err != nil {
//			t.Fatal(err)
//		}
//		if contact.Email != added.Email {
//			t.Errorf("got email %q, want %q", contact.Email, added.Email)
//		}
//	}
//
// One Server can be used both ways at the same time.
//
// # Seeding and inspecting
//
// [Server.AddChannel], [Server.AddContact], [Server.AddTicket] and
// [Server.AddMessage] add data without a request. [Server.Contacts],
// [Server.Tickets] and similar methods return the stored data, and
// [Server.Requests] returns the requests that the Server received. Everything else
// (labels, teams, custom fields, webhooks, …) is created with a request, as at
// Trengo.
//
// # Known and unknown behavior
//
// The responses follow what is publicly known about the API. Where that leaves a
// choice, [Behavior] makes it configurable; its zero value is the most likely
// choice. Code that passes with one Behavior and fails with another depends on
// something that Trengo does not document.
//
// A path that the Server does not know gets a web page, as at Trengo. Not
// implemented: profiles, file uploads, voice, team chat, the help centre, reporting
// and boards. The Server does not send webhooks; [NewDelivery] creates one.
package trengotest
