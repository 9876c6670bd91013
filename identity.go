package trengo

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode"
)

// A ChannelIdentifier is what tells the contacts of a channel apart.
type ChannelIdentifier string

// The kinds of identifier.
const (
	IdentifierEmail ChannelIdentifier = "email"
	IdentifierPhone ChannelIdentifier = "phone"
)

// An identifier is the normalised e-mail or phone of a person.
type identifier struct {
	kind ChannelIdentifier
	// key is the same for all spellings: the e-mail in lower case, the digits
	// of the phone.
	key string
	// international says that the phone came with + or 00.
	international bool
}

// address is what a contact is created with.
func (who identifier) address() string {
	if who.international {
		return "+" + who.key
	}
	return who.key
}

// isOf reports whether a contact has this identifier.
func (who identifier) isOf(c *Contact) bool {
	if who.kind == IdentifierPhone {
		digits, _ := phoneDigits(c.Phone)
		return digits == who.key
	}
	return normalizeEmail(c.Email) == who.key
}

// contradicts reports whether a contact visibly has another identifier.
func (who identifier) contradicts(c *Contact) bool {
	if who.kind == IdentifierPhone && c.Phone == "" || who.kind == IdentifierEmail && c.Email == "" {
		return false
	}
	return !who.isOf(c)
}

// identify finds the identifier of an event: the first usable value wins.
func (cfg *DestinationConfig) identify(ev *Event) (identifier, error) {
	read := readEmail
	if cfg.ChannelIdentifier == IdentifierPhone {
		read = cfg.readPhone
	}
	kind := string(cfg.ChannelIdentifier)
	why := "the event has no " + kind
	for _, source := range [...]map[string]any{ev.Traits, ev.Context.Traits, ev.Properties} {
		value := textOf(source[kind])
		if value == "" {
			continue
		}
		who, problem := read(value)
		if problem == "" {
			return who, nil
		}
		why = "the " + kind + " " + problem
	}
	return identifier{}, fmt.Errorf("%w: %s", ErrMissingIdentifier, why)
}

func readEmail(value string) (who identifier, problem string) {
	email := normalizeEmail(value)
	local, domain, _ := strings.Cut(email, "@")
	if local == "" || domain == "" || strings.Contains(domain, "@") {
		return who, "has no text on both sides of one @"
	}
	return identifier{kind: IdentifierEmail, key: email}, ""
}

func normalizeEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

func (cfg *DestinationConfig) readPhone(value string) (who identifier, problem string) {
	if cfg.NormalizePhone != nil {
		value = cfg.NormalizePhone(value)
	}
	digits, international := phoneDigits(value)
	switch {
	case strings.HasPrefix(digits, "0"):
		return who, "is in national form, which makes a broken contact: see DestinationConfig.NormalizePhone"
	case len(digits) < 7 || len(digits) > 15:
		return who, "has not 7 to 15 digits"
	}
	return identifier{kind: IdentifierPhone, key: digits, international: international}, ""
}

// phoneDigits takes off a phone's formatting, a leading + or 00, and a (0)
// between country code and number. What has anything else in it, such as a
// letter, has no digits. A leading 0 that is left marks a national number.
func phoneDigits(phone string) (digits string, international bool) {
	phone = strings.TrimLeftFunc(phone, isPhoneFormatting)
	rest, international := strings.CutPrefix(phone, "+")
	if before, after, ok := strings.Cut(rest, "(0)"); ok && strings.ContainsFunc(before, isDigit) {
		rest = before + after
	}
	var b strings.Builder
	for _, r := range rest {
		switch {
		case isDigit(r):
			b.WriteRune(r)
		case !isPhoneFormatting(r):
			return "", false
		}
	}
	digits = b.String()
	if !international {
		digits, international = strings.CutPrefix(digits, "00")
	}
	return digits, international
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func isPhoneFormatting(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune("()-./\u2010\u2011\u2012\u2013", r) || unicode.Is(unicode.Cf, r)
}

// The spellings of a person's names, in the order in which they are tried.
var (
	fullNameKeys  = []string{"name"}
	firstNameKeys = []string{"firstName", "firstname", "first_name"}
	lastNameKeys  = []string{"lastName", "lastname", "last_name"}
)

// name is the person's name, or whichever parts of it are there; empty if
// there are none.
func (ev *Event) name() string {
	if name := ev.trait(fullNameKeys); name != "" {
		return name
	}
	return strings.TrimSpace(ev.trait(firstNameKeys) + " " + ev.trait(lastNameKeys))
}

func (ev *Event) trait(keys []string) string {
	for _, source := range [...]map[string]any{ev.Traits, ev.Context.Traits} {
		for _, key := range keys {
			if value := textOf(source[key]); value != "" {
				return value
			}
		}
	}
	return ""
}

// textOf reads a value where text is expected: text without its outer blanks,
// a whole number as its digits, anything else as nothing.
func textOf(v any) string {
	switch v := v.(type) {
	case nil, bool:
		return ""
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		return wholeDigits(v.String())
	case float64:
		return wholeDigits(strconv.FormatFloat(v, 'g', -1, 64))
	}
	// Numbers of other types come only from events that were made by hand.
	switch r := reflect.ValueOf(v); {
	case r.CanInt():
		return wholeDigits(strconv.FormatInt(r.Int(), 10))
	case r.CanUint():
		return strconv.FormatUint(r.Uint(), 10)
	case r.CanFloat():
		return textOf(r.Float())
	case r.Kind() == reflect.String:
		return strings.TrimSpace(r.String())
	}
	return ""
}

// wholeDigits is nothing for what is more than digits: without its sign or its
// point a number would be another one.
func wholeDigits(number string) string {
	digits := digitsOf(number)
	if strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	return digits
}

// digitsOf writes a number that is whole without point and exponent.
func digitsOf(number string) string {
	if !strings.ContainsAny(number, ".eE") {
		return number
	}
	const exact = 1 << 53
	if f, err := strconv.ParseFloat(number, 64); err == nil && f == math.Trunc(f) && math.Abs(f) <= exact {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return number
}
