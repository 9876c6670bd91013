package identity

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	notOneAddress  = "is not one address with text on both sides of its @"
	brokenEncoding = "has characters that were lost in an encoding"
	emailTooLong   = "is too long"
)

const (
	// maxAddress is, in bytes, what RFC 5321 allows on both sides of the @.
	maxAddress = 64 + 1 + 255
	// maxEmailValue bounds the work for a value that may be a display name or a
	// mailto URI.
	maxEmailValue = 4 << 10
	// maxLayers bounds what stands around an address: nobody writes more.
	maxLayers = 8
)

// Email reads an email as an event has it. The key, the address in lower case,
// is the same for all spellings. If the email is not usable, problem says why
// without quoting it.
//
// The address is taken out of a display name with angle brackets, a mailto URI,
// quotes and punctuation around it; format characters are dropped, because
// nobody sees them. A value that is then still more than one bare address is
// not usable. Neither is one with characters that were lost in an encoding,
// because those of another person may be lost in the same way.
//
// A letter beyond ASCII never becomes one of ASCII: the sign for Kelvin is a k
// in lower case, and a Turkish İ an i, but their emails are those of other
// people. Nothing but case is ignored: neither marks nor the two forms of a
// small sigma. Domains are compared as they are written, not by their encoding
// for the DNS.
func Email(value string) (key, problem string) {
	if len(value) > maxEmailValue {
		return "", emailTooLong
	}
	address := bareAddress(value)
	local, domain, _ := strings.Cut(address, "@")
	switch {
	case local == "" || domain == "" || strings.Contains(domain, "@"),
		strings.ContainsAny(address, `<>();,:"`),
		strings.ContainsFunc(address, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		return "", notOneAddress
	case strings.ContainsRune(address, utf8.RuneError):
		return "", brokenEncoding
	}
	key = foldCase(address)
	if max(len(key), len(address)) > maxAddress {
		return "", emailTooLong
	}
	return key, ""
}

// EmailKey returns the key of a contact's email, read as [Email] reads those of
// events. An email that is not usable has a key that no event has.
func EmailKey(email string) string {
	if key, problem := Email(email); problem == "" {
		return key
	}
	return foldCase(strings.TrimSpace(email))
}

// IsBareEmail reports whether a contact's email is the address with that key in
// any case, without a display name or anything else around it but spaces.
func IsBareEmail(email, key string) bool { return foldCase(strings.TrimSpace(email)) == key }

// foldCase folds the case of letters, those of ASCII and the others apart.
func foldCase(s string) string {
	if !utf8.ValidString(s) { // strings.Map would make all broken characters alike
		return lowerASCII(s)
	}
	return strings.Map(func(r rune) rune {
		lower := unicode.ToLower(r)
		if r >= utf8.RuneSelf && lower < utf8.RuneSelf {
			return r
		}
		return lower
	}, s)
}

// bareAddress removes what stands around an address. If it finds several, or
// something else, it leaves too much for an address.
func bareAddress(text string) string {
	text = dropFormat(text)
	for range maxLayers {
		before := text
		text = trimOutside(text)
		text = cutMailto(text)
		text = cutComment(text)
		text = cutDisplayName(text)
		text = cutParameters(text)
		if text == before {
			break
		}
	}
	return text
}

// trimOutside removes spaces, quotes and punctuation that cannot belong to an
// address.
func trimOutside(text string) string {
	for {
		text = strings.TrimSpace(text)
		if inside := trimPair(text); inside != text {
			text = inside
		} else if rest := trimFirst(text); rest != text {
			text = rest
		} else if rest := trimLast(text); rest != text {
			text = rest
		} else {
			return text
		}
	}
}

// trimPair removes one pair of quotes or brackets around the whole. Each alone
// may belong to an address.
func trimPair(text string) string {
	for _, pair := range [...]string{"''", "``", "{}", `""`, "()", "[]", "<>"} {
		if len(text) > 1 && text[0] == pair[0] && text[len(text)-1] == pair[1] {
			return text[1 : len(text)-1]
		}
	}
	return text
}

// trimFirst removes one character that cannot begin an address.
func trimFirst(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	switch {
	case strings.ContainsRune(`",;:)]>`, first),
		first == '(' && !strings.Contains(text, ")"),
		first == '[' && !strings.Contains(text, "]"),
		first == '<' && !strings.Contains(text, ">"),
		first >= utf8.RuneSelf && unicode.In(first, unicode.Ps, unicode.Pe, unicode.Pi, unicode.Pf):
		return text[size:]
	}
	return text
}

// trimLast removes one character that cannot end an address.
func trimLast(text string) string {
	last, size := utf8.DecodeLastRuneInString(text)
	var belongs bool
	switch last {
	case '@':
		belongs = true
	case ')': // ends a comment
		belongs = strings.Contains(text, "(")
	case ']': // ends a domain literal
		belongs = strings.Contains(text, "[")
	case '>':
		belongs = strings.Contains(text, "<")
	default:
		belongs = !unicode.IsPunct(last)
	}
	if belongs {
		return text
	}
	return text[:len(text)-size]
}

// cutMailto takes the address out of a mailto URI.
func cutMailto(text string) string {
	const scheme = "mailto:"
	rest := text
	for len(rest) >= len(scheme) && lowerASCII(rest[:len(scheme)]) == scheme {
		rest = strings.TrimLeft(rest[len(scheme):], "/")
	}
	if rest == text {
		return text
	}
	address, _, _ := strings.Cut(rest, "?")
	if decoded, err := url.PathUnescape(address); err == nil {
		address = decoded
	}
	return dropFormat(address)
}

// cutComment removes a comment behind an address: ann@example.com (Ann Lee).
func cutComment(text string) string {
	inside, ok := strings.CutSuffix(text, ")")
	address, comment, found := strings.Cut(inside, "(")
	if !ok || !found || address == "" || strings.ContainsAny(comment, "()") || namesOther(comment, address) {
		return text
	}
	return address
}

// cutDisplayName takes the address out of angle brackets: Ann <ann@example.com>.
func cutDisplayName(text string) string {
	inside, ok := strings.CutSuffix(text, ">")
	name, address, found := strings.Cut(inside, "<")
	if !ok || !found || strings.ContainsAny(inside[len(name)+1:], "<>") || strings.Contains(name, ">") || namesOther(name, address) {
		return text
	}
	return address
}

// cutParameters removes what follows a domain behind a question mark.
func cutParameters(text string) string {
	_, domain, _ := strings.Cut(text, "@")
	_, parameters, found := strings.Cut(domain, "?")
	if !found || strings.Contains(domain, "@") || strings.ContainsAny(text, "<>") || strings.ContainsFunc(text, unicode.IsSpace) {
		return text
	}
	return text[:len(text)-len("?")-len(parameters)]
}

// namesOther reports whether text beside an address holds another one.
func namesOther(text, address string) bool {
	address = foldCase(bareAddress(address))
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(`<>()[]{},;"'`, r)
	}) {
		local, domain, _ := strings.Cut(word, "@")
		if local != "" && domain != "" && foldCase(bareAddress(word)) != address {
			return true
		}
	}
	return false
}

// dropFormat drops format characters, but for joiners between letters: the
// spelling of words in Persian and other languages needs them, and their
// domains can have them.
func dropFormat(text string) string {
	if !strings.ContainsFunc(text, isFormat) {
		return text
	}
	runes := []rune(text)
	kept := runes[:0]
	for i, r := range runes {
		joins := (r == zeroWidthNonJoiner || r == zeroWidthJoiner) &&
			len(kept) > 0 && isOtherLetter(kept[len(kept)-1]) && i+1 < len(runes) && isOtherLetter(runes[i+1])
		if joins || !isFormat(r) {
			kept = append(kept, r)
		}
	}
	return string(kept)
}

const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
)

func isFormat(r rune) bool { return unicode.Is(unicode.Cf, r) }

// isOtherLetter reports whether r is a part of a word, beyond ASCII.
func isOtherLetter(r rune) bool {
	return r >= utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsMark(r))
}
