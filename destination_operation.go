package trengo

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/trengo-go/trengo/internal/identity"
)

// An operation is what an event asks for, as far as that is known without a
// request.
type operation struct {
	event      *Event
	eventType  string           // normalized
	skipReason string           // why there is nothing to do; empty otherwise
	channelID  int64            // the target channel
	contactID  int64            // named by the sender; zero: to be found by identifier
	identifier personIdentifier // of the person, unless the sender named the contact
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
		op.name, op.wholeName = personName(ev, cfg)
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

func newMessageKey(op *operation) messageKey {
	if op.event.MessageID == "" {
		return noMessage
	}
	texts := []string{op.event.MessageID, op.eventType, op.event.Event, string(op.person.id[:])}
	return messageKey(fingerprintOf("message", texts, op.channelID, op.person.contactID))
}
