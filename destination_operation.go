package trengo

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/trengo-go/trengo/internal/identity"
)

// An operation is what an event asks for, as far as that is known without a
// request.
type operation struct {
	event      *Event
	eventType  string     // normalized
	skipReason string     // why there is nothing to do; empty otherwise
	channelID  int64      // the target channel
	contactID  int64      // named by the sender; zero: to be found by identifier
	identifier identifier // of the person, unless the sender named the contact
	// missing is set if the event lacks an identifier, and its user ID has to lead
	// to the contact.
	missing   *missingIdentifierError
	sighting  sighting
	person    personKey
	message   messageKey
	name      string // of the person; empty if the event does not have one
	wholeName bool   // name is not only a part, such as the first name
}

// parseOperation interprets an event.
func parseOperation(ev *Event, cfg *DestinationConfig, templates *eventTemplates) (*operation, error) {
	if ev == nil {
		return nil, invalidEvent("it is nil")
	}
	op := &operation{event: ev, channelID: cfg.ChannelID}
	var err error
	if op.eventType, op.skipReason, err = classify(ev, cfg, templates); err != nil || op.skipReason != "" {
		return op, err
	}
	if err := op.applyOverrides(cfg); err != nil {
		return nil, err
	}
	op.sighting = op.readSighting(cfg)
	if op.person, err = op.readPerson(cfg); err != nil {
		return nil, err
	}
	op.message = newMessageKey(op)
	if traitsAreOf(ev, op.identifier, cfg) {
		op.name, op.wholeName = ev.personName(cfg)
	}
	return op, nil
}

// classify returns the normalized type of an event, and why it is skipped if it is.
// It reads no more of the event than rawEvent.header has.
func classify(ev *Event, cfg *DestinationConfig, templates *eventTemplates) (eventType, skipReason string, err error) {
	if eventType, err = ev.normalizedType(); err != nil {
		return "", "", err
	}
	if err := checkIntegrations(ev.Integrations, cfg); err != nil {
		return "", "", err
	}
	skipReason = reasonToSkip(eventType, ev, cfg, templates)
	if eventType == typeRecord && skipReason == skippedType {
		// Skipped, it would look as if the whole sync had succeeded.
		return "", "", invalidEvent("record events are not supported: send identify or track events")
	}
	return eventType, skipReason, nil
}

// applyOverrides reads the channel and the contact that the sender named.
func (op *operation) applyOverrides(cfg *DestinationConfig) error {
	channelID, err := op.event.overrideID(overrideChannel)
	if err != nil {
		return err
	}
	if channelID != 0 && channelID != cfg.ChannelID {
		if !cfg.TrustOverrides.trustsChannel() {
			return untrusted(overrideChannel, "TrustOverrides")
		}
		if len(cfg.AllowedChannels) > 0 && !slices.Contains(cfg.AllowedChannels, channelID) {
			return untrusted(overrideChannel, "AllowedChannels")
		}
		op.channelID = channelID
	}
	if op.contactID, err = op.event.overrideID(overrideContact); err != nil {
		return err
	}
	if op.namesContact() && !cfg.TrustOverrides.trustsContact() {
		return untrusted(overrideContact, "TrustOverrides")
	}
	return nil
}

// untrusted is the error of an override. Without it, the event would go on to
// another channel or contact than the sender meant.
func untrusted(idType, option string) error {
	return invalidEvent(idType + " in context.externalId is not trusted: see DestinationConfig." + option)
}

// readPerson finds out whom the event is about.
func (op *operation) readPerson(cfg *DestinationConfig) (personKey, error) {
	if op.namesContact() {
		return contactPersonKey(op.contactID), nil
	}
	var err error
	if op.identifier, err = identifierOf(op.event, cfg); err == nil {
		return op.identifier.personKey(), nil
	}
	// An identifier that cannot be used may be that of somebody else.
	if !errors.As(err, &op.missing) || op.missing.unusable || op.sighting.user.isZero() {
		return personKey{}, err
	}
	return op.sighting.user, nil
}

// readSighting reads what the event says of its user ID. An ID that is also the
// anonymous ID is that of a device, which several people may use.
func (op *operation) readSighting(cfg *DestinationConfig) sighting {
	if !cfg.ResolveUserIDs {
		return sighting{}
	}
	userID := identity.UserID(op.event.UserID)
	if userID == "" || userID == strings.TrimSpace(op.event.AnonymousID) {
		return sighting{}
	}
	seen := sighting{user: userPersonKey(userID, op.channelID)}
	own := *op.event
	own.Properties = nil
	if found, err := identifierOf(&own, cfg); err == nil {
		seen.person, seen.declared = found.personKey(), true
	} else if found, err := identifierOf(op.event, cfg); err == nil {
		seen.person = found.personKey()
	}
	return seen
}

// The keys of an event's integrations that are read.
const (
	integrationName = "Trengo"
	integrationAll  = "All"
)

// checkIntegrations refuses an event that would be skipped if the name of the
// integration were spelled right.
func checkIntegrations(integrations map[string]any, cfg *DestinationConfig) error {
	for _, want := range [...]string{integrationName, integrationAll} {
		_, exact := integrations[want]
		if exact || want == integrationAll && (!cfg.HonorIntegrationsAll || switchesOn(integrations)) {
			continue
		}
		stray := ""
		for name, on := range integrations {
			if on == false && strings.EqualFold(name, want) && (stray == "" || name < stray) {
				stray = name
			}
		}
		if stray != "" {
			return strayKey("integrations."+stray, "integrations."+want)
		}
	}
	return nil
}

// switchesOn reports whether the integrations switch Trengo on by name. An object
// holds options for it.
func switchesOn(integrations map[string]any) bool {
	switch on := integrations[integrationName].(type) {
	case bool:
		return on
	case map[string]any:
		return true
	}
	return false
}

func reasonToSkip(eventType string, ev *Event, cfg *DestinationConfig, templates *eventTemplates) string {
	switch {
	case ev.Integrations[integrationName] == false:
		return skippedIntegration
	case cfg.HonorIntegrationsAll && ev.Integrations[integrationAll] == false && !switchesOn(ev.Integrations):
		return skippedByAll
	}
	switch eventType {
	case typeIdentify:
		return ""
	case typeTrack:
		return templates.reasonToSkip(ev.Event)
	default:
		return skippedType
	}
}

// namesContact reports whether the sender named the contact.
func (op *operation) namesContact() bool { return op.contactID != 0 }

// createFinds reports whether creating the person's contact is a way to find it:
// an identify event may create one, and Trengo reliably returns the existing
// contact of an email, but not of a phone number.
func (op *operation) createFinds() bool {
	return op.eventType == typeIdentify && op.identifier.kind == IdentifierEmail
}

// hasOnlyUserID reports whether nothing but the user ID says who the person is.
func (op *operation) hasOnlyUserID() bool { return op.missing != nil }

// mustExist reports whether the contact cannot be created, for lack of an
// identifier.
func (op *operation) mustExist() bool { return op.namesContact() || op.hasOnlyUserID() }

// userNotFound is the error of an event whose user ID does not lead to a contact.
func (op *operation) userNotFound(why string) error {
	if op.eventType == typeIdentify {
		// Nothing that may come later says more of this event's person.
		return fmt.Errorf("%w, and %s", op.missing, why)
	}
	return fmt.Errorf("%w: %s, and %s", ErrContactNotFound, op.missing.why, why)
}

// contactParams are what the person's contact is created with.
func (op *operation) contactParams() ContactCreateParams {
	return ContactCreateParams{ChannelID: op.channelID, Identifier: op.identifier.address(), Name: op.name}
}

// queueKeys are the queues in which the operation waits, in this order. One that
// waits for a contact that it names waits for nothing else: others come to wait
// for the contact while they hold their queues.
func (op *operation) queueKeys() []personKey {
	if op.namesContact() || op.sighting.user.isZero() || op.hasOnlyUserID() {
		return []personKey{op.person}
	}
	return []personKey{op.sighting.user, op.person}
}

// An identifier is the normalized email or phone number of a person.
type identifier struct {
	kind ChannelIdentifier
	// key is the same for all spellings: the email in lower case, the digits
	// of the phone number.
	key string
	// international reports whether the phone number came with + or 00.
	international bool
	// alias is the key of the phone number as Trengo stores it, if it is known
	// to rewrite the number; empty otherwise.
	alias string
}

// identifierOf returns the identifier of an event: the first usable value.
func identifierOf(ev *Event, cfg *DestinationConfig) (identifier, error) {
	noun, article := "email", "an "
	if cfg.ChannelIdentifier == IdentifierPhone {
		noun, article = "phone number", "a "
	}
	why, unusable := "", false
	for value := range identifierValues(ev, cfg) {
		found, problem := newIdentifier(value, cfg)
		if problem == "" {
			return found, nil
		}
		why = "the " + noun + " " + problem
		unusable = unusable || !identity.IsNobody(value)
	}
	if why == "" {
		why = "the event does not have " + article + noun
	}
	return identifier{kind: cfg.ChannelIdentifier}, &missingIdentifierError{why, unusable}
}

// A missingIdentifierError is an ErrMissingIdentifier.
type missingIdentifierError struct {
	why      string
	unusable bool // there is a value, but it is not an identifier
}

func (e *missingIdentifierError) Error() string { return ErrMissingIdentifier.Error() + ": " + e.why }

func (e *missingIdentifierError) Unwrap() error { return ErrMissingIdentifier }

// identifierValues yields the emails or phone numbers of an event in the order in
// which they count.
func identifierValues(ev *Event, cfg *DestinationConfig) iter.Seq[string] {
	sources := []map[string]any{ev.Traits, ev.Context.Traits, ev.Properties}
	if cfg.TrackPropertiesFirst && ev.isTrack() {
		sources = []map[string]any{ev.Properties, ev.Traits, ev.Context.Traits}
	}
	keys := cfg.identifierKeys()
	return atMost(maxIdentifierValues, func(yield func(string) bool) {
		for value := range textsOf(keys.First(sources...), keys.First) {
			if !yield(value) {
				return
			}
		}
		for i := range ev.Context.ExternalIDs {
			external := &ev.Context.ExternalIDs[i]
			if value := identity.Text(external.ID); value != "" && external.identifies(string(cfg.ChannelIdentifier)) && !yield(value) {
				return
			}
		}
		for value := range textsOf(keys.Rest(sources...), keys.All) {
			if !yield(value) {
				return
			}
		}
	})
}

// maxIdentifierValues bounds the work for an event: a list can have any number of
// values, each of which takes some time to be found unusable.
const maxIdentifierValues = 100

// atMost yields the first n of the values.
func atMost(n int, values iter.Seq[string]) iter.Seq[string] {
	return func(yield func(string) bool) {
		left := n
		for value := range values {
			if left == 0 || !yield(value) {
				return
			}
			left--
		}
	}
}

// traitsAreOf reports whether the traits can be those of that person. On track
// events whose properties come first, they may be another's.
func traitsAreOf(ev *Event, person identifier, cfg *DestinationConfig) bool {
	if !cfg.TrackPropertiesFirst || !ev.isTrack() {
		return true
	}
	keys := cfg.identifierKeys()
	for value := range atMost(maxIdentifierValues, textsOf(keys.All(ev.Traits, ev.Context.Traits), keys.All)) {
		if found, problem := newIdentifier(value, cfg); problem == "" && found.key != person.key {
			return false
		}
	}
	return true
}

// textsOf yields the texts in values, each of which is a text or a list.
func textsOf(values iter.Seq[any], members identity.Members) iter.Seq[string] {
	return func(yield func(string) bool) {
		for value := range values {
			for text := range identity.Texts(value, members) {
				if !yield(text) {
					return
				}
			}
		}
	}
}

func newIdentifier(value string, cfg *DestinationConfig) (found identifier, problem string) {
	found.kind = cfg.ChannelIdentifier
	if found.kind != IdentifierPhone {
		found.key, problem = identity.Email(value)
		return found, problem
	}
	if cfg.NormalizePhone != nil {
		value = cfg.NormalizePhone(value)
	}
	found.key, found.international, problem = identity.Phone(value)
	switch {
	case problem == identity.NationalPhone:
		problem += ": see DestinationConfig.NormalizePhone"
	case problem == "" && !found.international && cfg.NormalizePhone == nil:
		problem = identity.CheckBarePhone(found.key, cfg.BarePhones)
	}
	return found, problem
}

// noun is what errors call the identifier.
func (i identifier) noun() string {
	if i.kind == IdentifierPhone {
		return "phone number"
	}
	return "email"
}

func (i identifier) personKey() personKey {
	return personKey{id: fingerprintOf(string(i.kind), []string{i.key})}
}

// newContactIdentifier returns the identifier that a contact has. Its key is empty
// if the contact does not have one.
func newContactIdentifier(kind ChannelIdentifier, text string) identifier {
	if kind == IdentifierPhone {
		return identifier{kind: kind, key: identity.PhoneKey(text)}
	}
	return identifier{kind: kind, key: identity.EmailKey(text)}
}

// address is what a contact is created with.
func (i identifier) address() string {
	if i.international {
		return "+" + i.key
	}
	return i.key
}

// terms returns what to search for: if the first finds nobody, the next.
func (i identifier) terms() []string {
	if i.alias != "" {
		return []string{i.key, i.alias}
	}
	return []string{i.key}
}

// matches reports whether a contact has this identifier.
func (i identifier) matches(c *Contact) bool { return i.is(i.textOf(c)) }

// textOf returns what a contact has as an identifier of this kind.
func (i identifier) textOf(c *Contact) string {
	if i.kind == IdentifierPhone {
		return c.Phone
	}
	return c.Email
}

// is reports whether text is a spelling of this identifier. The zero identifier
// has none.
func (i identifier) is(text string) bool {
	key := newContactIdentifier(i.kind, text).key
	return key != "" && (key == i.key || key == i.alias)
}

// aliasIn returns the phone number of a contact that was created with this
// identifier, if it is the same number in another form.
func (i identifier) aliasIn(c *Contact) (alias string, ok bool) {
	alias = newContactIdentifier(i.kind, i.textOf(c)).key
	return alias, i.kind == IdentifierPhone && identity.SamePhone(i.key, alias)
}

// isUnique reports whether a contact that matches is the only one of its spelling
// on its channel: Trengo does not create a second contact with an email, but may
// do so with a phone number.
func (i identifier) isUnique(c *Contact) bool {
	return i.kind == IdentifierEmail && identity.IsBareEmail(c.Email, i.key)
}

// closest returns those contacts, of several that match, whose email is spelled
// most like the address: if there are any, those that have nothing around it,
// such as a display name, and of these the one in lower case.
func (i identifier) closest(matches []*Contact) []*Contact {
	if i.kind != IdentifierEmail {
		return matches
	}
	for _, isClose := range [...]func(*Contact) bool{
		func(c *Contact) bool { return c.Email == i.key },
		i.isUnique,
	} {
		if contacts := filterContacts(matches, isClose); len(contacts) > 0 {
			return contacts
		}
	}
	return matches
}

// contradicts reports whether a contact visibly has another identifier.
func (i identifier) contradicts(c *Contact) bool {
	return i.textOf(c) != "" && !i.matches(c)
}
