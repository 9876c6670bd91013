package identity

import "strings"

// Email reads an email as an event has it. The key is the same for all
// spellings. If the email is not usable, problem says why without quoting it.
func Email(value string) (key, problem string) {
	key = EmailKey(value)
	local, domain, _ := strings.Cut(key, "@")
	if local == "" || domain == "" || strings.Contains(domain, "@") {
		return "", "does not have text on both sides of one @"
	}
	return key, ""
}

// EmailKey returns the key of an email without checking it.
func EmailKey(email string) string { return strings.ToLower(strings.TrimSpace(email)) }
