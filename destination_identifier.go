package trengo

import (
	"iter"

	"github.com/trengo-go/trengo/internal/identity"
)

// A personIdentifier is the normalized email or phone number of a person.
type personIdentifier struct {
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

func newIdentifier(value string, cfg *DestinationConfig) (found personIdentifier, problem string) {
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

// newContactIdentifier returns the identifier that a contact has. Its key is empty
// if the contact does not have one.
func newContactIdentifier(kind ChannelIdentifier, text string) personIdentifier {
	if kind == IdentifierPhone {
		return personIdentifier{kind: kind, key: identity.PhoneKey(text)}
	}
	return personIdentifier{kind: kind, key: identity.EmailKey(text)}
}

// noun is what errors call the identifier.
func (i personIdentifier) noun() string {
	if i.kind == IdentifierPhone {
		return "phone number"
	}
	return "email"
}

func (i personIdentifier) article() string {
	if i.kind == IdentifierPhone {
		return "a"
	}
	return "an"
}

func (i personIdentifier) personKey() personKey {
	return personKey{id: fingerprintOf(string(i.kind), []string{i.key})}
}

// address is what a contact is created with.
func (i personIdentifier) address() string {
	if i.international {
		return "+" + i.key
	}
	return i.key
}

// terms returns what to search for: if the first finds nobody, the next.
func (i personIdentifier) terms() []string {
	if i.alias != "" {
		return []string{i.key, i.alias}
	}
	return []string{i.key}
}

// matches reports whether a contact has this identifier.
func (i personIdentifier) matches(c *Contact) bool { return i.is(i.textOf(c)) }

// textOf returns what a contact has as an identifier of this kind.
func (i personIdentifier) textOf(c *Contact) string {
	if i.kind == IdentifierPhone {
		return c.Phone
	}
	return c.Email
}

// is reports whether text is a spelling of this identifier. The zero identifier
// has none.
func (i personIdentifier) is(text string) bool {
	key := newContactIdentifier(i.kind, text).key
	return key != "" && (key == i.key || key == i.alias)
}

// aliasIn returns the phone number of a contact that was created with this
// identifier, if it is the same number in another form.
func (i personIdentifier) aliasIn(c *Contact) (alias string, ok bool) {
	alias = newContactIdentifier(i.kind, i.textOf(c)).key
	return alias, i.kind == IdentifierPhone && identity.SamePhone(i.key, alias)
}

// isUnique reports whether a contact that matches is the only one of its spelling
// on its channel: Trengo does not create a second contact with an email, but may
// do so with a phone number.
func (i personIdentifier) isUnique(c *Contact) bool {
	return i.kind == IdentifierEmail && identity.IsBareEmail(c.Email, i.key)
}

// closest returns those contacts, of several that match, whose email is spelled
// most like the address: if there are any, those that have nothing around it,
// such as a display name, and of these the one in lower case.
func (i personIdentifier) closest(matches []*Contact) []*Contact {
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
func (i personIdentifier) contradicts(c *Contact) bool {
	return i.textOf(c) != "" && !i.matches(c)
}

// identifierOf returns the identifier of an event: the first usable value.
func identifierOf(ev *Event, cfg *DestinationConfig) (personIdentifier, error) {
	none := personIdentifier{kind: cfg.ChannelIdentifier}
	why, unusable := "", false
	for value := range identifierValues(ev, cfg) {
		found, problem := newIdentifier(value, cfg)
		if problem == "" {
			return found, nil
		}
		why = "the " + none.noun() + " " + problem
		unusable = unusable || !identity.IsNobody(value)
	}
	if why == "" {
		why = "the event does not have " + none.article() + " " + none.noun()
	}
	return none, &missingIdentifierError{why, unusable}
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

// traitsAreOf reports whether the traits can be those of that person. On track
// events whose properties come first, they may be another's.
func traitsAreOf(ev *Event, person personIdentifier, cfg *DestinationConfig) bool {
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

func filterContacts(contacts []*Contact, keep func(*Contact) bool) (kept []*Contact) {
	for _, contact := range contacts {
		if keep(contact) {
			kept = append(kept, contact)
		}
	}
	return kept
}

// personName returns the person's name, or the parts of it that are there;
// empty if none are. It is whole unless a part is missing. Keys other than the
// first ones only count if the event does not have any of those.
func personName(ev *Event, cfg *DestinationConfig) (name string, whole bool) {
	names, firsts, lasts := identity.Keys(cfg.NameKeys), identity.Keys(cfg.FirstNameKeys), identity.Keys(cfg.LastNameKeys)
	traits := []map[string]any{ev.Traits, ev.Context.Traits}
	name, whole = usableName(names.First(traits...))
	if name == "" && !hasName(firsts.First(traits...)) && !hasName(lasts.First(traits...)) {
		name, whole = usableName(names.Rest(traits...))
	}
	if whole {
		return name, true
	}
	first, _ := usableName(firsts.All(traits...))
	last, _ := usableName(lasts.All(traits...))
	if whole = first != "" && last != ""; whole || name == "" {
		return identity.Name(first + " " + last), whole
	}
	return name, false
}

func hasName(values iter.Seq[any]) bool {
	name, _ := usableName(values)
	return name != ""
}

// usableName returns the first of the values that is a name, and whether it is
// without words that stand for a missing part.
func usableName(values iter.Seq[any]) (name string, whole bool) {
	for value := range values {
		text := identity.Text(value)
		if name := identity.Name(text); name != "" {
			return name, identity.IsWholeName(text)
		}
	}
	return "", false
}
