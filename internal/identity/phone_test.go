package identity_test

import (
	"strings"
	"testing"

	"github.com/trengo-go/trengo/internal/identity"
)

func TestPhone(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		value         string
		key           string // empty: not usable
		international bool
	}{
		"E.164":                              {"+31612345678", "31612345678", true},
		"bare digits":                        {"31612345678", "31612345678", false},
		"00":                                 {"0031612345678", "31612345678", true},
		"00 and spaces":                      {"00 31 6 1234 5678", "31612345678", true},
		"trunk zero in parentheses":          {"+31 (0)6 12345678", "31612345678", true},
		"dots that group":                    {"+33.1.42.68.53.00", "33142685300", true},
		"dots that group, last group zeros":  {"+31.6.1234.0000", "31612340000", true},
		"one dot that groups":                {"+1.4155550123", "14155550123", true},
		"one dot before zeros, short before": {"+314155.00", "31415500", true},
		"hyphens and parentheses":            {"+1 (415) 555-0123", "14155550123", true},
		"non-breaking hyphens":               {"+1 415\u2011555\u20110123", "14155550123", true},
		"format characters":                  {"\u202a+31612345678\u202c", "31612345678", true},
		"fraction of a zero":                 {"4795550123.0", "4795550123", false},
		"fraction of zeros":                  {"+31612345678.00", "31612345678", true},
		"fraction behind formatting":         {"+31 6 12345678.0", "31612345678", true},
		"fraction and a space":               {"31612345678.0 ", "31612345678", false},
		"fraction of a short number":         {"1234567.0", "1234567", false},
		"fraction that is not zero":          {"31612345678.5", "316123456785", false},
		"area code before a slash":           {"+49 30/1234567", "49301234567", true},
		"area code before a slash, 00":       {"0049 30/1234567", "49301234567", true},
		"longest area code before a slash":   {"+4912345/6789", "49123456789", true},
		"8 digits before a slash":            {"+49123456/7890", "491234567890", true},
		"bare area code before a slash":      {"123456/7890", "1234567890", false},

		"9 digits before a slash":       {"+491234567/8901", "", false},
		"7 bare digits before a slash":  {"1234567/8901", "", false},
		"two numbers":                   {"1234567 / 7654321", "", false},
		"two endings":                   {"+31612345678/79", "", false},
		"two endings behind 00":         {"0031612345678/79", "", false},
		"3 digits behind a slash":       {"030/123", "", false},
		"slash at the end":              {"+31612345678/", "", false},
		"two numbers behind area codes": {"030/1234567/7654321", "", false},
		"two numbers, comma":            {"+31612345678,+31687654321", "", false},
		"two numbers, plus":             {"+31612345678 +31687654321", "", false},
		"letters":                       {"call me", "", false},
		"extension":                     {"+31612345678x12", "", false},
		"empty":                         {"", "", false},
		"formatting alone":              {"+() -./", "", false},
		"national":                      {"0612345678", "", false},
		"6 digits":                      {"+123456", "", false},
		"16 digits":                     {"+1234567890123456", "", false},
		"full-width digits":             {"\uff0b\uff13\uff11\uff16", "", false},
	} {
		key, international, problem := identity.Phone(tt.value)
		if key != tt.key || international != tt.international || (problem == "") != (tt.key != "") {
			t.Errorf("%s: %q gives %q, international: %t, problem %q; want %q, %t",
				name, tt.value, key, international, problem, tt.key, tt.international)
		}
	}
}

func FuzzPhone(f *testing.F) {
	for _, seed := range []string{"+31612345678", "0031 6", "1234567.0", "030/1234567", "+(0)1", "00/1234567", "+1/234567.00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		key, international, problem := identity.Phone(value)
		if (key == "") == (problem == "") {
			t.Fatalf("key %q and problem %q", key, problem)
		}
		if problem != "" {
			return
		}
		if strings.Trim(key, "0123456789") != "" || key[0] == '0' {
			t.Errorf("%q gives %q", value, key)
		}
		spelling := key
		if international {
			spelling = "+" + key
		}
		if again, _, _ := identity.Phone(spelling); again != key || identity.PhoneKey(value) != key {
			t.Errorf("%q gives %q, which gives %q; a contact with it has the key %q", value, key, again, identity.PhoneKey(value))
		}
	})
}
