package changes

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A rule explains changes. Its condition looks at the event as it came, not at
// what the code made of it, so that a change elsewhere is not explained by it.
type rule struct {
	name    string
	effects []effect
	applies func(change) bool
}

// whom are the effects of rules about identifiers.
var whom = []effect{refused, accepted, otherError, contact}

var rules = []rule{
	{"a phone number without + or 00 that may lack its country code is refused", whom, refusedWith("may lack its country code")},
	{"a fraction of zeros is not a part of a phone number", whom, func(c change) bool { return c.anyValue(phoneKeys, matching(fraction)) }},
	{"two phone numbers, or one with an extension, are refused", whom, refusedWith("may be two numbers")},
	{"a phone number is read in any script, with a scheme, without what surrounds it", []effect{accepted, otherError, contact}, func(c change) bool {
		return c.anyValue(phoneKeys, matching(decorated))
	}},
	{"an email is taken out of what surrounds it", []effect{accepted, otherError, contact}, func(c change) bool { return c.anyValue(emailKeys, matching(surrounded)) }},
	{"an email that is not one address is refused", whom, refusedWith("the email is not")},
	{"a letter beyond ASCII never equals one of ASCII", []effect{contact}, func(c change) bool {
		return c.anyValue(emailKeys, func(s string) bool { return strings.ContainsAny(s, "\u212a\u017f\u0130") })
	}},
	{"lists of emails and phone numbers are read", whom, change.hasList},
	{"an external ID whose type says email or phone identifies the person", whom, change.hasTypedExternalID},
	{"other spellings of a key are read", append(whom, name), change.hasOtherSpelling},
	{"keys of the envelope count as they are spelled", []effect{refused, accepted, otherError, contact, name, subjectOf, action}, change.hasStrayKey},
	{"words for a missing name are not a name", []effect{name}, func(c change) bool { return c.anyValue(nameKeys, matching(placeholder)) }},
	{"names are one visible line of 255 characters", []effect{name}, func(c change) bool { return c.anyValue(nameKeys, needsCleaning) }},
	{"a part of a name does not rename a contact", []effect{renaming}, change.hasNamePart},
	{"subjects do not contain characters that hide or reorder text", []effect{subjectOf}, func(c change) bool { return c.anyValue([]string{"event"}, needsCleaning) }},
	{"record events are refused", []effect{refused}, refusedWith("record events are not supported")},
	{"envelopes are taken apart", []effect{accepted, otherError, tookApart}, change.isEnvelope},
	{"the reason names an event of nearly that name", []effect{reason}, func(c change) bool { return strings.Contains(c.after.Reason, c.before.Reason) }},
}

var (
	emailKeys = []string{"email", "emails"}
	phoneKeys = []string{"phone", "phones"}
	nameKeys  = []string{"name", "firstname", "firstName", "first_name", "lastname", "lastName", "last_name"}

	fraction    = regexp.MustCompile(`^[^.]*\d[^.]*\.0+\s*$`)
	decorated   = regexp.MustCompile(`(?i)^\W*(tel|callto|sms|whatsapp):|[^\x20-\x7e]|^['"\[<(]|['"\]>;,]$`)
	surrounded  = regexp.MustCompile(`(?i)[<>()"'\[\];:,/?|]|mailto|[^\x20-\x7e]|[.]$`)
	placeholder = regexp.MustCompile(`(^|\s)(undefined|null|NaN|N/A)(\s|$)`)
)

func refusedWith(text string) func(change) bool {
	return func(c change) bool { return strings.Contains(c.after.ErrorText, text) }
}

func matching(pattern *regexp.Regexp) func(string) bool { return pattern.MatchString }

// needsCleaning reports whether a text is changed before it is sent.
func needsCleaning(s string) bool {
	return utf8.RuneCountInString(s) > 255 || strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r)
	})
}

func (c change) event() any {
	var ev any
	if json.Unmarshal([]byte(strings.TrimPrefix(string(c.line), "\ufeff")), &ev) != nil {
		return nil
	}
	return ev
}

// A member is a key of an object somewhere in an event, with its value.
type member struct {
	key   string
	value any
}

// members yields all members of all objects in an event, but for the parts of the
// context that say nothing of the person, such as the name of the library.
func members(v any) iter.Seq[member] {
	return func(yield func(member) bool) { walk(v, yield) }
}

var personalContext = []string{"traits", "externalId", "externalIds"}

func walk(v any, yield func(member) bool) bool {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if context, isObject := value.(map[string]any); isObject && key == "context" {
				context = maps.Clone(context)
				maps.DeleteFunc(context, func(part string, _ any) bool {
					return !slices.ContainsFunc(personalContext, func(personal string) bool { return strings.EqualFold(part, personal) })
				})
				value = context
			}
			if !yield(member{key, value}) || !walk(value, yield) {
				return false
			}
		}
	case []any:
		for _, value := range v {
			if !walk(value, yield) {
				return false
			}
		}
	}
	return true
}

// anyValue reports whether the value of one of the keys, or an element of it,
// meets a condition as text.
func (c change) anyValue(keys []string, condition func(string) bool) bool {
	for m := range members(c.event()) {
		if !slices.Contains(keys, m.key) {
			continue
		}
		list, isList := m.value.([]any)
		if !isList {
			list = []any{m.value}
		}
		for _, value := range list {
			if condition(fmt.Sprint(value)) {
				return true
			}
		}
	}
	return false
}

func (c change) hasList() bool {
	for m := range members(c.event()) {
		_, isList := m.value.([]any)
		if m.key == "emails" || m.key == "phones" || isList && (m.key == "email" || m.key == "phone") {
			return true
		}
	}
	return false
}

func (c change) hasTypedExternalID() bool {
	for m := range members(c.event()) {
		if m.key != "type" && m.key != "identifierType" {
			continue
		}
		if kind, isText := m.value.(string); isText && (kind == "email" || kind == "phone") {
			return true
		}
	}
	return false
}

// hasOtherSpelling reports whether a key of an object of traits or properties
// means an email, a phone number or a name, but is not one that always counted.
func (c change) hasOtherSpelling() bool {
	known := slices.Concat(emailKeys, phoneKeys, nameKeys)
	for m := range members(c.event()) {
		plain := strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) {
				return unicode.ToLower(r)
			}
			return -1
		}, m.key)
		if slices.Contains(known, m.key) {
			continue
		}
		for _, word := range []string{"email", "mail", "phone", "mobile", "name"} {
			if strings.Contains(plain, word) {
				return true
			}
		}
	}
	return false
}

func (c change) hasStrayKey() bool {
	known := []string{"type", "messageId", "userId", "anonymousId", "event", "traits", "properties", "context", "integrations", "externalId", "externalIds", "Trengo"}
	for m := range members(c.event()) {
		for _, key := range known {
			if m.key != key && strings.EqualFold(m.key, key) {
				return true
			}
		}
	}
	return false
}

// hasNamePart reports whether the event has a first or last name without the other.
func (c change) hasNamePart() bool {
	whole := c.anyValue([]string{"name"}, func(s string) bool { return !placeholder.MatchString(s) && strings.TrimSpace(s) != "" })
	return !whole && c.anyValue(nameKeys[1:], func(s string) bool { return strings.TrimSpace(s) != "" })
}

func (c change) isEnvelope() bool {
	fields, isObject := c.event().(map[string]any)
	_, isArray := c.event().([]any)
	return isArray || isObject && fields["type"] == nil
}
