// Package trengo connects RudderStack to Trengo:
//
//	client, err := trengo.NewClient(token)
//	if err != nil {
//		return err
//	}
//	destination, err := trengo.NewDestination(client, trengo.DestinationConfig{ChannelID: 405980})
//	if err != nil {
//		return err
//	}
//	event, err := trengo.ParseEvent(message)
//	if err != nil {
//		return err
//	}
//	result, err := destination.Process(ctx, event)
//
// It has two halves that can be used independently. [Client] is a rate-limited,
// retrying client for the Trengo REST API v2. [Destination] turns RudderStack
// events into Trengo contacts and tickets: one at a time ([Destination.Process]),
// as a sequence ([Destination.ProcessAll]), or over HTTP ([NewHandler]).
//
// Trengo (https://trengo.com) is a help desk: contacts write on channels such
// as email, and their conversations are tickets. RudderStack
// (https://www.rudderstack.com) collects events: identify says who a person is,
// track what a person did.
//
// # Guarantees
//
// In order of priority:
//
//  1. The right contact. An event only ever modifies a contact whose email or
//     phone number, as read within the last [DestinationConfig.PeopleTTL],
//     matches the event's, or one that the sender names (trengoContactId).
//  2. At most once. Within one process, as far as its memory reaches, an event
//     never creates a second contact or ticket. If the outcome cannot be
//     determined, the call returns [ErrOutcomeUnknown] rather than guess.
//  3. Few requests. An event of a known person costs one request if it opens a
//     ticket, and none if it changes nothing.
//
// Tokens, emails, phone numbers and names never appear in error texts, log lines
// or observer records. Client and Destination are safe for concurrent use, run
// no background goroutines of their own, keep no package state, and are not
// affected by later changes to what they were created from.
//
// # Retries
//
// Whether a request is retried depends on whether repeating it is safe, not on
// its HTTP method. A call is repeatable if sending it twice has the same effect
// as sending it once: all reads, updates and deletes, closing, reopening,
// assigning without a note, and creating a contact by email, which returns the
// existing contact. Creating a ticket, creating a contact by phone number, and
// assigning with a note are not repeatable.
//
//	what happened                       repeatable call    other call
//	no connection was obtained          retried            retried
//	429                                 retried after the stated wait (both)
//	timeout, reset, EOF, cut body       retried            ErrOutcomeUnknown
//	  after the connection
//	500, 502, 503, 504                  retried            ErrOutcomeUnknown
//	501, other 4xx, 3xx                 not retried        not retried
//	2xx that cannot be read             retried            ErrOutcomeUnknown
//	retries used up, and an attempt     ErrOutcomeUnknown  ErrOutcomeUnknown
//	  of a write may have acted
//
// Pauses grow from 1 s to 30 s with full jitter, or last as long as Trengo asks.
// A pause of more than five minutes (or [WithMaxWait]), or one that leaves no
// time for another attempt before the context's deadline, is never waited for:
// the call fails at once. Redirects are not followed.
//
// # Rate limit
//
// The limit is enforced exactly, with no safety margin. There are as many slots
// as Trengo allows requests per minute: 120 until it states another limit. An
// attempt takes a slot before it is sent and returns it 60 seconds after its
// response. Because Trengo counts a request between those two moments, no
// 60-second window, wherever it starts, holds more requests than there are
// slots. [WithRateLimit] describes bursts, other users of the token, and 429s.
//
// Waiting calls are served in order. A call that cannot be served before its
// context's deadline, or within [WithMaxWait], fails at once with
// [ErrRateLimited]. A caller that loops must wait for [Error.RetryAfter]. An
// event that needs several calls is started only if all of them are expected to
// fit before the deadline; once started, its remaining calls take precedence.
//
// # Matching contacts
//
// Trengo matches parts of names, emails and phone numbers: a search for
// ann@example.com also finds joann@example.com. Only an exact match counts: the
// same email ignoring case, or the same digits. If several match, the one on the
// target channel wins. If that does not decide, the event is an
// [ErrAmbiguousContact]; see [DestinationConfig.AllowDuplicates].
//
// # Duplicates
//
// A [Destination], whose documentation has details and limits, prevents three
// kinds of duplicates for the lifetime of its process:
//
//   - Two events of a new person at the same time: events of one person are
//     processed one at a time, in the order of the calls.
//   - A redelivered message: its result is returned from memory.
//   - A write whose response was lost: its effect is looked up before anything is
//     created again. Redeliver an event that ended with ErrOutcomeUnknown.
//
// # Events over HTTP
//
// [NewHandler] serves RudderStack's webhook destinations. The status of a
// response makes RudderStack redeliver what may yet succeed, and nothing else.
//
// # Templates
//
// A track event that [DestinationConfig.EventTemplates] lists opens a ticket, on
// an email channel with a subject made from its template, such as
// "Order {{ order.id }}". [DestinationConfig] describes the language.
//
// # Testing
//
// Package trengotest is an in-memory Trengo with fault injection. Give its
// client to [WithHTTPClient], or its address to [WithBaseURL].
package trengo
