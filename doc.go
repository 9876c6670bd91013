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
// Trengo is a help desk: contacts write on channels such as email, and their
// conversations are tickets. RudderStack collects events: identify says who a
// person is, track what a person did.
//
// # Guarantees
//
// In order of priority:
//
//  1. The right contact. An event only ever modifies a contact whose email or
//     phone number, as read within the last [DestinationConfig.PeopleTTL],
//     matches the event's, or one that the sender names (trengoContactId), unless
//     [DestinationConfig.TrustOverrides] forbids that.
//  2. At most once. Within one process, as far as its memory reaches, an event
//     never creates a second contact or ticket. If the outcome cannot be
//     determined, the call returns [ErrOutcomeUnknown] rather than guess. A
//     restart forgets what is pending.
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
// its HTTP method. Reads, updates, deletes, closing, reopening, assigning without
// a note and creating a contact by email, which returns the existing one, are
// repeatable. Creating a ticket or a contact by phone number, and assigning with
// a note, are not.
//
//	what happened                       repeatable call    other call
//	nothing was sent                    retried            retried
//	429                                 retried after the stated wait (both)
//	timeout, reset, EOF, cut body       retried            ErrOutcomeUnknown
//	408, 500, 502, 503, 504             retried            ErrOutcomeUnknown
//	3xx                                 not retried        ErrOutcomeUnknown
//	501, other 4xx                      not retried        not retried
//	2xx that cannot be read             retried            ErrOutcomeUnknown
//	2xx of another type than wanted     not retried; of a write: ErrOutcomeUnknown
//	used up, and a write may have acted ErrOutcomeUnknown  ErrOutcomeUnknown
//
// Pauses grow from 1 s to 30 s with full jitter, or last as long as Trengo asks.
// A call that would pause for more than five minutes (or [WithMaxWait]), or too
// close to its deadline, fails at once. Redirects are not followed. [Retryable] is
// true for them, and for a 4xx from a maintenance page or a firewall.
//
// # Rate limit
//
// The limit is enforced exactly, with no safety margin. There are as many slots
// as Trengo allows requests per minute: 120 until it states another limit. An
// attempt takes a slot before it is sent and returns it 60 seconds after its
// response. Because Trengo counts a request between those two moments, no
// 60-second window holds more requests than there are slots. Without a response
// it returns the slot a minute later. [WithRateLimit] describes bursts, other
// users of the token, and 429s.
//
// Waiting calls are served in order. One that cannot be served before its
// context's deadline, or within [WithMaxWait], fails at once with
// [ErrRateLimited]. A caller that loops must wait for [Error.RetryAfter]. An
// event that needs several calls is started only if all should fit before the
// deadline. Once started, its calls take precedence, but for pages of a search.
//
// # Matching contacts
//
// Trengo matches parts of names, emails and phone numbers: a search for
// ann@example.com also finds joann@example.com. Only an exact match counts: the
// same email ignoring case, or the same digits. If several match, the one on the
// target channel wins, then the one with nothing around its email. If that does
// not decide, or four requests do not read all hits, the event is an
// [ErrAmbiguousContact]; see [DestinationConfig.AllowDuplicates].
//
// # Duplicates
//
// A [Destination], whose documentation has details and limits, prevents these
// duplicates for the lifetime of its process:
//
//   - Two events of a new person at the same time: events of one person are
//     processed one at a time, in the order of the calls.
//   - A redelivered message: its result is returned from memory.
//   - A write whose response was lost: its effect is looked up before anything is
//     created again. Redeliver an event that ended with ErrOutcomeUnknown.
//   - A phone number that Trengo stores in another form.
//
// # Events over HTTP
//
// [NewHandler] serves RudderStack's webhook destinations. The status of a
// response makes RudderStack redeliver what may yet succeed, and nothing else.
//
// # Templates
//
// A track event that [DestinationConfig.EventTemplates] lists opens a ticket, on
// an email channel with a subject such as "Order {{ order.id }}".
//
// # Testing
//
// Package trengotest is an in-memory Trengo, with faults on demand.
package trengo
