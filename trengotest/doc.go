// Package trengotest is an in-memory Trengo, the help desk, for tests and
// examples. It is to the Trengo REST API v2 what [net/http/httptest] is to HTTP.
//
// A [Server] keeps contacts, tickets and messages, checks what it is sent,
// counts requests in a window of one minute, pages its lists and answers in the
// shapes the real service answers in, oddities included. It can also be told to
// fail: see [Server.Inject].
//
// # Two ways in
//
// A Server is an [http.RoundTripper]. Code that takes an [http.Client] is tested
// without a socket, at any base URL:
//
//	trengo := trengotest.New()
//	channel := trengo.AddChannel(trengotest.Channel{Type: "EMAIL", Title: "Support"})
//	client := trengo.HTTPClient()
//
// This way works in a bubble of [testing/synctest], where minutes of rate limit
// pass in no time: the Server takes the time from package time alone and starts
// no goroutine. Only what is acted on some time after it came ([Late], and
// [Behavior].Latency) is left to a timer, so that it happens without its sender.
//
// A Server is also an [http.Handler], for everything that needs an address:
//
//	srv := httptest.NewServer(trengo)
//	defer srv.Close()
//	baseURL := srv.URL + "/api/v2"
//
// Both ways may be used at once on one Server.
//
// # Seeding and reading back
//
// [Server.AddChannel], [Server.AddContact], [Server.AddTicket] and
// [Server.AddMessage] put things there without a request; [Server.Contacts],
// [Server.Tickets] and their like read them back, and [Server.Requests] tells
// what the Server was asked. Everything else (labels, teams, custom fields,
// webhooks, …) is made as at Trengo, with a request.
//
// # What is known and what is not
//
// The answers follow what is publicly known of the API. Where that leaves a
// choice, [Behavior] holds it, and its zero value is the likeliest one. Code that
// passes with one Behavior and fails with another leans on something that nobody
// has promised.
//
// Paths that the Server does not know answer with a web page, as they do at
// Trengo. Not there are: profiles, the upload of files, voice, team chat,
// the help centre, reporting and boards. No webhook is sent; [NewDelivery] makes
// one.
package trengotest
