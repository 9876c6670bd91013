package identity

import (
	"net/url"
	"strings"
	"unicode"
)

// Email reads an email as an event has it: a bare address, or one with a display
// name, in angle brackets, in a mailto link, in quotes or with punctuation around
// it. The key is the same for all spellings. If the email is not usable, problem
// says why without quoting it.
func Email(value string) (key, problem string) {
	address, ok := bareAddress(value)
	if !ok {
		return "", "is not one address with text on both sides of its @"
	}
	return lowerASCII(address), ""
}

// EmailKey returns the key of an email as a contact has it. It does not require
// the email to be usable.
func EmailKey(email string) string {
	if address, ok := bareAddress(email); ok {
		return lowerASCII(address)
	}
	return lowerASCII(strings.TrimSpace(email))
}

// bareAddress takes the one address out of value.
func bareAddress(value string) (address string, ok bool) {
	value = strings.TrimSpace(dropFormat(value))
	if strings.ContainsFunc(value, unicode.IsControl) {
		return "", false
	}
	displayName, address := cutAngleBrackets(value)
	address = trimPunctuation(cutMailto(trimPunctuation(address)))
	if !isAddress(address) {
		return "", false
	}
	// A display name with an @ is a second address, unless it is the same one.
	displayName = trimPunctuation(displayName)
	if strings.Contains(displayName, "@") && lowerASCII(displayName) != lowerASCII(address) {
		return "", false
	}
	return address, true
}

// cutAngleBrackets splits "Ann <ann@example.com>". Without one pair of brackets
// the whole value is the address.
func cutAngleBrackets(value string) (displayName, address string) {
	before, rest, opened := strings.Cut(value, "<")
	inside, after, closed := strings.Cut(rest, ">")
	if !opened || !closed || strings.ContainsAny(inside, "<>") || trimPunctuation(after) != "" {
		return "", value
	}
	return before, inside
}

// cutMailto returns the address of a mailto link.
func cutMailto(value string) string {
	const scheme = "mailto:"
	if len(value) < len(scheme) || lowerASCII(value[:len(scheme)]) != scheme {
		return value
	}
	address, _, _ := strings.Cut(value[len(scheme):], "?")
	if plain, err := url.PathUnescape(address); err == nil {
		return plain
	}
	return address
}

// trimPunctuation removes what stands around an address in running text. A dot
// before the address could belong to it.
func trimPunctuation(value string) string {
	const around = " \t\u00a0\"'`“”„‟‘’‚‛«»‹›;,:<>()[]{}"
	return strings.TrimRight(strings.Trim(value, around), around+".!?")
}

func isAddress(address string) bool {
	local, domain, _ := strings.Cut(address, "@")
	return local != "" && domain != "" && !strings.Contains(domain, "@") &&
		!strings.ContainsAny(address, "<>();,:\"") &&
		!strings.ContainsFunc(address, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
}

// dropFormat removes invisible characters, which come with copied text.
func dropFormat(value string) string {
	if !strings.ContainsFunc(value, isFormat) {
		return value
	}
	return strings.Map(func(r rune) rune {
		if isFormat(r) {
			return -1
		}
		return r
	}, value)
}

func isFormat(r rune) bool { return r > unicode.MaxASCII && unicode.Is(unicode.Cf, r) }

// lowerASCII leaves all letters but A to Z as they are: folding others makes one
// address of two, such as those with a K and with the Kelvin sign.
func lowerASCII(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return strings.Map(func(r rune) rune {
				if 'A' <= r && r <= 'Z' {
					return r + 'a' - 'A'
				}
				return r
			}, s)
		}
	}
	return s
}
