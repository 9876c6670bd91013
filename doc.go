// Package trengo connects RudderStack to Trengo. It has two halves that can be
// used apart:
//
//   - [Client] is the Trengo REST API v2, rate limited and retried.
//   - [Destination] turns RudderStack events into Trengo contacts and tickets:
//     one by one ([Destination.Process]), a sequence of them
//     ([Destination.ProcessAll]), or as they come over HTTP ([NewHandler]).
//
// Trengo (https://trengo.com) is a help desk: contacts write on channels such
// as e-mail or WhatsApp, and their conversations are tickets. RudderStack
// (https://www.rudderstack.com) collects what customers do as events:
// identify says who someone is, track what they did.
//
// # What is promised
//
// In this order; everything else gives way to it.
//
//  1. The right contact. An event never touches a contact whose e-mail or
//     phone, as last read and at most [DestinationConfig.PeopleTTL] ago, is not its own.
//     A contact that the sender names (trengoContactId) is trusted.
//  2. Once. While one process lives and remembers, an event never creates a
//     second contact or a second ticket. Where that cannot be known, the
//     caller is told ([ErrOutcomeUnknown]), never guessed for. "Duplicates"
//     has the details.
//  3. Few requests. Trengo allows 120 a minute, so a request that is not sent
//     is throughput gained. An event of a known person costs one request if it
//     opens a ticket, and none if it changes nothing.
//
// And of personal data: the token, e-mails, phones and names never appear in
// the text of an error, in a log line or in what an observer is told.
//
// Client and Destination are safe for concurrent use, start no goroutine that
// outlives a call, and keep no state in the package. Changing what they were
// made from has no effect on them.
//
// # Retries
//
// What is sent again goes by what is safe to repeat, not by the verb. A call
// is repeatable if sending it twice does what sending it once does: all reads,
// updates and deletes, closing, reopening, assigning without a note, and
// creating a contact by e-mail, which finds the one that is there. Creating a
// ticket or a contact by phone, and assigning with a note, are not.
//
//	what happened                      repeatable call   other call
//	no connection was obtained         again             again
//	429                                again, after the stated wait (both)
//	timeout, reset, EOF, cut body      again             ErrOutcomeUnknown
//	  after the connection
//	500, 502, 503, 504                 again             ErrOutcomeUnknown
//	501, other 4xx, 3xx                no                no
//	2xx that cannot be read            again             ErrOutcomeUnknown
//	retries used up, and some attempt  ErrOutcomeUnknown ErrOutcomeUnknown
//	  of a write may have acted
//
// Retries wait exponentially longer, from 1 s to 30 s, with full jitter, or as
// long as Trengo asks. A pause of over five minutes (or [WithMaxWait]), or one
// that leaves no time for another attempt before the context's deadline, is
// never waited for: the call fails at once. Redirects are not followed.
//
// # Rate limit
//
// The limit is kept exactly, without a margin. There are as many slots as
// Trengo allows requests a minute: 120 until it says otherwise. An attempt
// takes a slot before it is sent and gives it back 60 seconds after its answer
// arrived (at once after a 429, which shuts the gate, and if it was not sent).
// Trengo counted it between those moments, so no minute of Trengo's
// clock can hold more of ours than there are slots, wherever that minute
// starts. Half of the limit can be sent at once; a backlog is evened out.
//
// The slots follow the limit that Trengo states in each answer. If an answer
// says that fewer requests remain than the client thinks, somebody else uses
// the token: the difference is held back until a later answer says otherwise,
// for a minute at most, and a backlog is sent that much slower, at half of the
// limit at least; bursts stay small for two minutes. A 429 holds everything
// back until its Retry-After has passed: for five minutes at most, or as long
// as [WithMaxWait] if that is longer.
//
// Calls that have to wait are served in order. One that could not be served
// before its deadline, or within [WithMaxWait], fails at once with
// [ErrRateLimited] instead of sleeping first, and [Error.RetryAfter] says when
// to come back. A caller that tries in a loop must wait that long. So fails one
// that waits already, as soon as it is known that its turn will come too late:
// others may use the token, Trengo may have become slow. A call with less time
// left than an answer takes at best is not sent; its error is a
// [context.DeadlineExceeded].
//
// An event of a [Destination] can need two or three calls. Unless all of them
// find room before the deadline it is not begun, as far as that can be told,
// and those that follow the first go before everything else that waits.
//
// # Whose contact
//
// Trengo searches for parts of names, e-mails and phones, so a search for
// ann@example.com also finds joann@example.com. Only a contact with the very
// e-mail (ignoring case) or the very digits of the phone is taken. Of several,
// the one on the target channel is; if that does not decide, the event is an
// [ErrAmbiguousContact], or goes to the newest if [DestinationConfig.AllowDuplicates].
//
// # Duplicates
//
// A [Destination] keeps three things from happening twice, as long as its
// process lives and within the sizes of its [DestinationConfig]:
//
//   - Two events of a new person at the same time. Events of one person, by
//     identifier and by contact, are handled one at a time, in the order of
//     the calls. An event by identifier and one that names the same contact
//     never run together, but in no promised order.
//   - A message that is delivered again. What was handled is answered from
//     memory; the key is messageId, type, event name, channel and person.
//     Failures and skips are not remembered. An event without a messageId is
//     handled every time.
//   - A write whose answer was lost. A contact is searched for again. A ticket
//     is looked for among the contact's tickets: one with the same channel
//     and subject, newer than all that were there before. If there is none
//     yet, the event ends with [ErrOutcomeUnknown] and nothing of the kind is
//     created for that person, until a look at least a minute after the
//     attempt finds none either: then it is created. So deliver such an event
//     again.
//
// To know which of a contact's tickets are old, a process lists the tickets of
// one contact before it creates its first: one request per process.
//
// Trengo itself keeps e-mails unique: creating a contact with a known e-mail
// returns the one that is there. Phones it may duplicate, and tickets always.
//
// What is not promised: several processes, or several Destinations, know
// nothing of each other, and a new process knows nothing of the one before.
// Two of them that handle the same message, or the first events of one person
// by phone, at the same time create both. Send the events of a person to one
// process, or accept that. A ticket is looked for under the contact for which
// it was meant: merging that contact into another meanwhile hides it. With
// [DestinationConfig.AllowDuplicates] contacts are created without a look, so a redelivery
// after a lost answer creates another.
//
// # Events over HTTP
//
// [NewHandler] serves RudderStack's Webhook and HTTP Webhook destinations. It
// answers before the sender gives up, once the work is done, and works on
// nothing afterwards. Its status makes RudderStack deliver again what may yet
// succeed, and nothing else: what is delivered again is answered from memory or
// looked for first, as "Duplicates" says. RudderStack keeps the order of a user
// id; of the events of one person that come under several, the last to come
// counts.
//
// # Templates
//
// A track event that is listed in [DestinationConfig.EventTemplates] opens a ticket, on
// an e-mail channel with a subject made from the template:
//
//	{{ event }} from our store             the name of the event
//	Order {{ order.id }}: {{ items.[0] }}  properties, by their path
//	{{ [order id] }} {{ "order id" }}      names that hold blanks
//	Hi {{ nickname || you }}               a default for what is missing
//	{{ properties }}                       all of them: key: value key: value
//	{{! a comment }}                       nothing
//
// {{{ x }}}, {{& x }}, {{ this.x }}, {{ ./x }} and {{~ x ~}} are read as in
// Handlebars, because configs of RudderStack hold them. What is missing or
// null prints nothing; numbers print as in JavaScript, but whole ones keep all
// their digits. Nothing is HTML-escaped: a subject is not HTML. Control
// characters become blanks, and a subject is cut at 255 characters. Everything
// else in double braces, such as blocks and helpers, is an error of
// [NewDestination].
//
// # Testing
//
// Package trengotest is an in-memory Trengo with faults on demand. Give its
// client to [WithHTTPClient], or its address to [WithBaseURL].
//
// # For contributors
//
//	trengo.go, options.go    Client, Do and the options
//	errors.go                Error and the sentinels
//	contact.go, ticket.go    one file for each resource of the API
//	list.go, value.go        pages, and values that Trengo is loose about
//	event.go                 what RudderStack sends
//	config.go                what its destination config says
//	identity.go              a person's e-mail, phone and name in an event
//	job.go                   what an event asks for
//	destination.go           what an event does: the decisions
//	plan.go                  what it would do
//	batch.go                 what a whole sequence does
//	handler.go               takes events over HTTP
//	receive.go               who may send, and what is read of it
//	delivery.go              the events of one request
//	dedup.go                 one event of a person at a time, once
//	match.go                 which contact is whose
//	settle.go                writes whose answer was lost
//	memory.go                what is remembered
//	template.go              subjects
//	internal/lru             a bounded map whose entries expire
//	internal/turn            lines in which callers wait for each other
//	internal/transport       slots, queue and retries; knows HTTP, not Trengo
//	trengotest               the in-memory Trengo
package trengo
