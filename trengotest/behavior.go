package trengotest

import "time"

// PhoneMatch says when creating a contact with a phone number finds one that
// exists instead of making a new one.
type PhoneMatch int

const (
	// PhoneMatchString finds the contact whose stored phone is the same string
	// (a leading + is added to digits before). A number that is formatted in
	// another way makes a duplicate.
	PhoneMatchString PhoneMatch = iota

	// PhoneMatchDigits compares digits, so that no duplicates arise.
	PhoneMatchDigits

	// PhoneMatchNever makes a new contact every time.
	PhoneMatchNever
)

// Behavior holds what is not known of the real Trengo, or known to vary. Its zero
// value is the likeliest Trengo, with answers that take no time.
type Behavior struct {
	// Latency is how long every answer takes: half of it passes before the
	// server acts, half after. A request whose sender gives up in the first half
	// is acted on all the same, as it is on its way.
	Latency time.Duration

	// UnknownRouteStatus is the status of the web page that answers a path which
	// is not part of the API. 0 means 404; 200 is the one that catches clients.
	UnknownRouteStatus int

	// HTMLErrors makes a web page of the body of every 429 and 5xx, those of
	// faults included.
	HTMLErrors bool

	// JSONUnauthorized answers a bad token in JSON even if the request does not
	// accept it. Otherwise such a request gets a web page.
	JSONUnauthorized bool

	// OmitRateLimitReset leaves X-RateLimit-Reset out of a 429. Otherwise it
	// holds seconds since 1970.
	OmitRateLimitReset bool

	// ContactCreatedStatus is the status of a contact create that made one.
	// 0 means 200.
	ContactCreatedStatus int

	// ContactFoundStatus is the status of a contact create that found the contact
	// there already. 0 means 200.
	ContactFoundStatus int

	// OverwriteName gives a contact that a create found the name in that create.
	// Otherwise it keeps its own.
	OverwriteName bool

	// PhoneMatch says when a contact create finds a phone.
	PhoneMatch PhoneMatch

	// CaseSensitiveSearch makes the term of a search mind upper and lower case.
	CaseSensitiveSearch bool

	// SearchDelay is how long a contact that a request made stays hidden from
	// searches by term. A create with its identifier finds it at once, and so
	// does a search for contacts that were put there by AddContact.
	SearchDelay time.Duration

	// ContactChannelFilter makes the list of contacts honour channel_id.
	// Otherwise it is ignored.
	ContactChannelFilter bool

	// RepeatPages makes every list ignore page and answer with its first one, so
	// that a list of more than one page never ends.
	RepeatPages bool

	// Totals sends every list with last_page and total. Otherwise the lists of
	// contacts and tickets come without.
	Totals bool

	// LinksURL is the scheme and host in the links of lists. "" means
	// "https://app.trengo.com". The URL of an httptest.Server makes the links
	// work there.
	LinksURL string

	// Zone is the zone of the timestamps that GET answers give without one, and
	// of a filter by date. Nil means Europe/Amsterdam.
	Zone *time.Location

	// PostZone is the zone of the timestamps without one in answers to POST.
	// Nil means UTC.
	PostZone *time.Location

	// Dutch words the messages of a 422 in Dutch: Trengo words them in the
	// language of the token's user.
	Dutch bool

	// EmptyStatus is the status of answers without a body, such as those to
	// deletes. 0 means 200; the other likely one is 204.
	EmptyStatus int

	// RepeatNotFound answers 404 to an assignment, close, reopen or label that
	// would change nothing. Otherwise it succeeds.
	RepeatNotFound bool
}
