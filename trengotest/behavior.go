package trengotest

import "time"

// PhoneMatch determines when creating a contact with a phone number returns an
// existing contact instead of a new one.
type PhoneMatch int

const (
	// PhoneMatchString matches a contact if its stored phone number is the same
	// string. (Digits get a leading + before the comparison.) The same number in
	// another format creates a duplicate.
	PhoneMatchString PhoneMatch = iota

	// PhoneMatchDigits compares digits only, which prevents duplicates.
	PhoneMatchDigits

	// PhoneMatchNever creates a new contact every time.
	PhoneMatchNever
)

// Behavior sets what is unknown about the real Trengo, or known to vary. Its zero
// value is the most likely Trengo, with responses that take no time.
type Behavior struct {
	// Latency is the duration of every request: half of it passes before the
	// request is processed, half after. If the client gives up in the first half,
	// the request is processed all the same, because it is already on its way.
	Latency time.Duration

	// UnknownRouteStatus is the status of the web page that is sent for a path
	// outside the API. Zero means 404. A client that does not check the content
	// type fails with 200.
	UnknownRouteStatus int

	// HTMLErrors sends every 429 and 5xx as a web page, including those of faults.
	HTMLErrors bool

	// JSONUnauthorized rejects a bad token in JSON even if the request does not
	// accept JSON. Otherwise such a request gets a web page.
	JSONUnauthorized bool

	// OmitRateLimitReset omits the X-RateLimit-Reset header of a 429. Otherwise it
	// holds seconds since 1970.
	OmitRateLimitReset bool

	// ContactCreatedStatus is the status if creating a contact created one. Zero
	// means 200.
	ContactCreatedStatus int

	// ContactFoundStatus is the status if creating a contact returned an existing
	// one. Zero means 200.
	ContactFoundStatus int

	// OverwriteName renames an existing contact to the name in the create request.
	// Otherwise the contact keeps its name.
	OverwriteName bool

	// PhoneMatch determines when creating a contact with a phone number returns an
	// existing one.
	PhoneMatch PhoneMatch

	// RewritePhone, if it is not nil, returns the phone number with which a request
	// creates a contact instead of the one that would be stored, as a Trengo would
	// that knows the numbers of countries: "+5491112345678" becomes
	// "+541112345678". It does not change which existing contact matches, so by
	// default a second request with the same number creates a second contact.
	RewritePhone func(phone string) string

	// CaseSensitiveSearch makes the search term case-sensitive.
	CaseSensitiveSearch bool

	// SearchDelay is how long a search by term does not find a contact that a
	// request created. Creating a contact with the same identifier finds it at
	// once. Contacts added with AddContact are searchable at once.
	SearchDelay time.Duration

	// ContactChannelFilter applies the channel_id parameter to the list of
	// contacts. Otherwise the parameter is ignored.
	ContactChannelFilter bool

	// IgnorePerPage makes every list ignore the per_page parameter. Otherwise it is
	// honored up to 100, as it is known of the lists of tickets and messages.
	IgnorePerPage bool

	// RepeatPages makes every list ignore the page parameter and return its first
	// page, so that a list of more than one page never ends.
	RepeatPages bool

	// Totals adds last_page and total to every list. Otherwise the lists of
	// contacts and tickets lack them.
	Totals bool

	// IgnoreUpdatedAfter makes the list of tickets ignore the parameter
	// updated_at_gt, which few clients use.
	IgnoreUpdatedAfter bool

	// NullLatestMessage makes latest_message null in the list of tickets, as a
	// client of 2026 reports. Only the dates of messages remain.
	NullLatestMessage bool

	// AuditLines adds the history of a ticket to the list of its messages, as
	// items of type AUDIT.
	AuditLines bool

	// StoreSubject returns what is stored of the subject of a new ticket: it may be
	// cut, trimmed or encoded. Nil stores it as it is.
	StoreSubject func(subject string) string

	// LinksURL is the scheme and host of the links in lists. "" means
	// "https://app.trengo.com". Set it to the URL of an httptest.Server to make the
	// links work there.
	LinksURL string

	// Zone is the time zone of the timestamps without a zone in responses to GET,
	// and of filters by date. Nil means Europe/Amsterdam.
	Zone *time.Location

	// PostZone is the time zone of the timestamps without a zone in responses to
	// POST. Nil means UTC.
	PostZone *time.Location

	// Dutch writes the messages of a 422 in Dutch. Trengo uses the language of the
	// token's user.
	Dutch bool

	// EmptyStatus is the status of responses without a body, such as those to
	// DELETE. Zero means 200; the other likely status is 204.
	EmptyStatus int

	// RepeatNotFound returns 404 for an assignment, close, reopen or label that
	// would change nothing. Otherwise it succeeds.
	RepeatNotFound bool
}
