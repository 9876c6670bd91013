package trengo

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trengo-go/trengo/internal/identity"
)

// A ChannelIdentifier is what distinguishes the contacts of a channel.
type ChannelIdentifier string

// The kinds of identifier.
const (
	IdentifierEmail ChannelIdentifier = "email"
	IdentifierPhone ChannelIdentifier = "phone"
)

// A DestinationConfig configures a [Destination]. It can be decoded from the
// JSON of RudderStack's own Trengo destination as it is; keys that are not
// named here, the token among them, are ignored.
//
// # Templates
//
// A template makes the subject of a ticket on an email channel:
//
//	{{ event }} from our store             the name of the event
//	Order {{ order.id }}: {{ items.[0] }}  properties, by their path
//	{{ [order id] }} {{ "order id" }}      names that contain spaces
//	Hi {{ nickname || you }}               a default for what is missing or empty
//	{{ properties }}                       all of them: key: value key: value
//	{{ traits.firstName }} {{ userId }}    other parts of the message
//	{{! a comment }}                       nothing
//
// The other parts are messageId, userId, anonymousId, context, such as
// {{ context.page.url }}, and traits, which include those of the context. A property
// of such a name counts before them.
//
// {{{ x }}}, {{& x }}, {{ this.x }}, {{ ./x }} and {{~ x ~}} are read as in
// Handlebars, because RudderStack configs contain them; ~ removes white space. A value
// that is missing or null prints nothing. Numbers print as in JavaScript, but
// whole numbers keep all their digits. Nothing is HTML-escaped: a subject is not
// HTML. Control characters become spaces. A subject is cut at 255 characters; an
// empty one is not sent. Everything else in double braces, such as blocks,
// helpers and partials, is an error of [NewDestination].
type DestinationConfig struct {
	// ChannelID is the channel on which contacts and tickets are created.
	// Required. RudderStack: channelId, a number or its digits.
	ChannelID int64

	// ChannelIdentifier is what distinguishes contacts on such channels: an
	// email (the default) or a phone number. Only tickets on email channels
	// get a subject. RudderStack: channelIdentifier.
	ChannelIdentifier ChannelIdentifier

	// AllowDuplicates makes every identify create a contact without looking
	// for existing ones. Trengo itself still keeps emails unique, but not
	// phone numbers. If several contacts on the target channel match an event,
	// the newest is taken instead of an [ErrAmbiguousContact]. RudderStack:
	// enableDedup, which is the opposite; a missing key means no duplicates.
	AllowDuplicates bool

	// EventTemplates lists the track events that open a ticket, by their exact
	// name, with the template of the subject. An empty template makes no
	// subject. The documentation of the type describes templates. RudderStack:
	// eventTemplateMap, a list of from and to, in which the last entry for a
	// name wins.
	EventTemplates map[string]string

	// CreateMissingContacts makes a track event of an unknown person create
	// the contact. Otherwise the event is an [ErrContactNotFound]. RudderStack
	// does not have this setting.
	CreateMissingContacts bool

	// ResolveUserIDs lets an event without an email or phone number be about the
	// contact of its user ID: that of the email or phone number with which the
	// user ID came, on the same channel and within PeopleTTL. Traits, context.traits
	// and typed external IDs say whose a user ID is; properties do not. A user ID
	// that came with several people is not used, nor one that does not tell
	// people apart, such as guest, 0 or undefined, or one that is also the
	// anonymous ID. Only hashes and contact IDs are remembered, in this process.
	//
	// Without a known contact, a track event is an [ErrContactNotFound], also
	// with CreateMissingContacts, and [HandlerConfig.RetryContactNotFound] has it
	// delivered again; an identify is an [ErrMissingIdentifier]. An email or
	// phone number that cannot be used is not replaced by the user ID. With this
	// option NormalizePhone is called several times for an event. RudderStack
	// does not have this setting.
	ResolveUserIDs bool

	// BarePhones is what the digits of an event's phone number mean that come
	// without + or 00. The default, [BarePhonesLong], rejects fewer than 11. It
	// does not apply to existing contacts, nor to what NormalizePhone returns.
	// RudderStack does not have this setting.
	BarePhones BarePhones

	// NormalizePhone replaces the built-in rule, which removes formatting and
	// rejects national numbers, for example by trengophone.Region. It receives
	// the phone number as the event has it and returns it in international
	// form, such as +31600000001, or an empty string if it is not usable. It is
	// called concurrently.
	NormalizePhone func(string) string

	// EmailKeys and PhoneKeys say under which keys an event has an email or a
	// phone number. The first key counts before the others, in traits,
	// context.traits, properties and context.externalId. Then, in each of the
	// first three, come the other keys, and after them other spellings of all
	// keys: in another case, in the plural, or with other spaces, hyphens,
	// underscores or dollar signs. Keys that are spellings of the first count as
	// the first. A key with dots is also a path, such as contact.email. The first
	// usable value counts, among the first 100. Empty means email, emails and
	// emailAddress; phone, phones and phoneNumber.
	// RudderStack reads email and phone.
	EmailKeys []string
	PhoneKeys []string

	// NameKeys, FirstNameKeys and LastNameKeys say the same of names, which are
	// never read from properties: there a name is that of a product. Empty means
	// name and fullName; firstName, firstname, first_name and givenName;
	// lastName, lastname, last_name and familyName. RudderStack does not read
	// fullName, givenName, familyName and other spellings.
	NameKeys      []string
	FirstNameKeys []string
	LastNameKeys  []string

	// TrackPropertiesFirst looks for the email or phone number of a track event
	// in its properties before its traits, for senders whose traits describe an
	// agent and whose properties describe the customer. If the traits have
	// another identifier, their name is not the customer's. RudderStack does
	// not have this setting: its order is traits, context.traits, properties.
	TrackPropertiesFirst bool

	// HonorIntegrationsAll skips an event whose integrations switch All off,
	// unless they switch Trengo on, by true or an object. Set it for events
	// from an archive. Live events have passed RudderStack's filter already. An
	// event that switches Trengo off is always skipped.
	HonorIntegrationsAll bool

	// TrustOverrides says which IDs in an event's context.externalId count. The
	// default is [TrustOverridesBoth], as in RudderStack: then whoever can
	// write events can rename any contact.
	TrustOverrides TrustOverrides

	// AllowedChannels limits which channels events may name by
	// trengoChannelId, beside ChannelID. An event that names another one is an
	// [ErrInvalidEvent]. Empty means any channel.
	AllowedChannels []int64

	// MaxPeople limits how many people's contacts are remembered, and
	// PeopleTTL for how long after they were last read. Zero means 100,000
	// people and one hour. What is remembered saves requests. The same limits
	// hold for user IDs; see ResolveUserIDs.
	MaxPeople int
	PeopleTTL time.Duration

	// MaxMessages limits how many processed messages are remembered, and
	// MessageTTL for how long. Zero means 100,000 messages and 24 hours. A
	// message that is delivered again after it was forgotten is processed
	// again. MaxMessages also limits how many tickets, and contacts, may have an
	// unknown outcome at once. Those are remembered until it is known; further
	// ones are refused with [ErrTooManyPending].
	MaxMessages int
	MessageTTL  time.Duration

	// Concurrency is how many events [Destination.ProcessAll] processes at
	// once. Zero means 16.
	Concurrency int
}

// BarePhones is what a phone number of an event means whose digits come without
// + or 00. Whichever is chosen, some are read wrongly or rejected.
type BarePhones = identity.BarePhones

const (
	// BarePhonesLong takes 11 digits or more for a number with its country
	// code and rejects fewer. National numbers of China and Brazil have 11
	// digits and are still taken for numbers of other countries. International
	// numbers of 10 digits, as those of Norway and Denmark are, are rejected.
	BarePhonesLong = identity.BarePhonesLong

	// BarePhonesInternational takes all of them for numbers with their country
	// code, as RudderStack does. A national number without a leading 0, such as
	// (479) 555-0123 of the United States, is then somebody else's: here that
	// of a Norwegian.
	BarePhonesInternational = identity.BarePhonesInternational

	// BarePhonesRefuse rejects all of them.
	BarePhonesRefuse = identity.BarePhonesRefuse
)

// TrustOverrides says which of the IDs count that an event may have in
// context.externalId: trengoChannelId names the channel, and trengoContactId the
// contact, whatever its email or phone number is.
//
// Anybody can write events of a source in a browser or an app, with any ID. Trust
// only what servers send.
//
// An event with an ID that is not trusted is an [ErrInvalidEvent], even if it also
// has an email: without the ID, the wrong contact or channel could be meant. The
// ID of the configured channel does no harm and is always accepted.
type TrustOverrides string

// What is trusted.
const (
	TrustOverridesNone    TrustOverrides = "none"
	TrustOverridesChannel TrustOverrides = "channel" // trengoChannelId
	TrustOverridesContact TrustOverrides = "contact" // trengoContactId
	TrustOverridesBoth    TrustOverrides = "both"
)

func (t TrustOverrides) trustsChannel() bool {
	return t == TrustOverridesChannel || t == TrustOverridesBoth
}

func (t TrustOverrides) trustsContact() bool {
	return t == TrustOverridesContact || t == TrustOverridesBoth
}

// The sizes of which zero in a DestinationConfig is the default.
const (
	defaultMaxPeople   = 100_000
	defaultPeopleTTL   = time.Hour
	defaultMaxMessages = 100_000
	defaultMessageTTL  = 24 * time.Hour
	defaultConcurrency = 16
)

// setDefaults replaces zeros.
func (cfg *DestinationConfig) setDefaults() {
	cfg.MaxPeople = orDefault(cfg.MaxPeople, defaultMaxPeople)
	cfg.PeopleTTL = orDefault(cfg.PeopleTTL, defaultPeopleTTL)
	cfg.MaxMessages = orDefault(cfg.MaxMessages, defaultMaxMessages)
	cfg.MessageTTL = orDefault(cfg.MessageTTL, defaultMessageTTL)
	cfg.Concurrency = orDefault(cfg.Concurrency, defaultConcurrency)
	cfg.ChannelIdentifier = orDefault(cfg.ChannelIdentifier, IdentifierEmail)
	cfg.BarePhones = orDefault(cfg.BarePhones, BarePhonesLong)
	cfg.TrustOverrides = orDefault(cfg.TrustOverrides, TrustOverridesBoth)
	cfg.AllowedChannels = slices.Clone(cfg.AllowedChannels)
	cfg.EmailKeys = keysOrDefault(cfg.EmailKeys, "email", "emails", "emailAddress")
	cfg.PhoneKeys = keysOrDefault(cfg.PhoneKeys, "phone", "phones", "phoneNumber")
	cfg.NameKeys = keysOrDefault(cfg.NameKeys, "name", "fullName")
	cfg.FirstNameKeys = keysOrDefault(cfg.FirstNameKeys, "firstName", "firstname", "first_name", "givenName")
	cfg.LastNameKeys = keysOrDefault(cfg.LastNameKeys, "lastName", "lastname", "last_name", "familyName")
}

// keysOrDefault returns a copy.
func keysOrDefault(keys []string, byDefault ...string) []string {
	if len(keys) == 0 {
		return byDefault
	}
	return slices.Clone(keys)
}

func orDefault[T comparable](value, byDefault T) T {
	if value == *new(T) {
		return byDefault
	}
	return value
}

func (cfg *DestinationConfig) validate() error {
	mistakes := []error{
		checkNotNegative("MaxPeople", cfg.MaxPeople),
		checkNotNegative("PeopleTTL", cfg.PeopleTTL),
		checkNotNegative("MaxMessages", cfg.MaxMessages),
		checkNotNegative("MessageTTL", cfg.MessageTTL),
		checkNotNegative("Concurrency", cfg.Concurrency),
		checkKeys("EmailKeys", cfg.EmailKeys),
		checkKeys("PhoneKeys", cfg.PhoneKeys),
		checkKeys("NameKeys", cfg.NameKeys),
		checkKeys("FirstNameKeys", cfg.FirstNameKeys),
		checkKeys("LastNameKeys", cfg.LastNameKeys),
		cfg.checkOverrides(),
	}
	if cfg.ChannelID <= 0 {
		mistakes = append(mistakes, errors.New("the channel ID is missing or not positive"))
	}
	if cfg.ChannelIdentifier != IdentifierEmail && cfg.ChannelIdentifier != IdentifierPhone {
		mistakes = append(mistakes, errors.New("the channel identifier is neither email nor phone"))
	}
	switch cfg.BarePhones {
	case BarePhonesLong, BarePhonesInternational, BarePhonesRefuse:
	default:
		mistakes = append(mistakes, errors.New("BarePhones is neither long, international nor refuse"))
	}
	return errors.Join(mistakes...)
}

func (cfg *DestinationConfig) checkOverrides() error {
	switch cfg.TrustOverrides {
	case TrustOverridesNone, TrustOverridesContact:
		if len(cfg.AllowedChannels) > 0 {
			return errors.New("AllowedChannels is set, but TrustOverrides does not trust channels")
		}
	case TrustOverridesChannel, TrustOverridesBoth:
		if slices.ContainsFunc(cfg.AllowedChannels, func(id int64) bool { return id <= 0 }) {
			return errors.New("AllowedChannels has an ID that is not positive")
		}
	default:
		return errors.New("TrustOverrides is neither none, channel, contact nor both")
	}
	return nil
}

// identifierKeys say where an event has what distinguishes contacts.
func (cfg *DestinationConfig) identifierKeys() identity.Keys {
	if cfg.ChannelIdentifier == IdentifierPhone {
		return cfg.PhoneKeys
	}
	return cfg.EmailKeys
}

func checkKeys(name string, keys []string) error {
	if slices.ContainsFunc(keys, func(key string) bool { return strings.TrimSpace(key) == "" }) {
		return fmt.Errorf("%s has an empty key", name)
	}
	return nil
}

func checkNotNegative[T int | int64 | time.Duration](name string, size T) error {
	if size < 0 {
		return fmt.Errorf("%s is negative", name)
	}
	return nil
}
