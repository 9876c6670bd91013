package identity_test

import (
	"strings"
	"testing"

	"github.com/trengo-go/trengo/internal/identity"
)

func TestEmail(t *testing.T) {
	t.Parallel()
	const ann = "ann@example.com"
	for name, tt := range map[string]struct{ value, want string }{
		"bare":                                 {"ann@example.com", ann},
		"upper case":                           {"ANN@Example.COM", ann},
		"spaces around":                        {" \tann@example.com\r\n", ann},
		"display name":                         {"Ann Lee <ann@example.com>", ann},
		"quoted display name":                  {`"Lee, Ann" <ann@example.com>`, ann},
		"display name without a space":         {"Ann<ann@example.com>", ann},
		"the address as display name":          {"Ann@example.com <ann@example.com>", ann},
		"the quoted address as display name":   {`"ann@example.com" <ann@example.com>`, ann},
		"angle brackets":                       {"<ann@example.com>", ann},
		"spaces in angle brackets":             {"Ann < ann@example.com >;", ann},
		"mailto":                               {"mailto:ann@example.com", ann},
		"mailto with a subject":                {"MAILTO:ann@example.com?subject=x&body=y@z", ann},
		"mailto with an escape":                {"mailto:ann%40example.com", ann},
		"mailto in angle brackets":             {"<mailto:ann@example.com>", ann},
		"semicolon behind":                     {"ann@example.com;", ann},
		"comma and dot behind":                 {"ann@example.com,.", ann},
		"dot behind":                           {"ann@example.com.", ann},
		"double quotes":                        {`"ann@example.com"`, ann},
		"single quotes":                        {`'ann@example.com'`, ann},
		"typographic quotes":                   {"“ann@example.com”", ann},
		"parentheses":                          {"(ann@example.com)", ann},
		"square brackets":                      {"[ann@example.com]", ann},
		"zero-width space inside":              {"ann\u200b@example.com", ann},
		"byte order mark before":               {"\ufeffann@example.com", ann},
		"soft hyphen inside":                   {"ann@exam\u00adple.com", ann},
		"direction marks around":               {"\u202aann@example.com\u202c", ann},
		"no-break space behind":                {"ann@example.com\u00a0", ann},
		"plus and dots":                        {"ann.lee+shop@example.co.uk", "ann.lee+shop@example.co.uk"},
		"apostrophe inside":                    {"o'brien@example.com", "o'brien@example.com"},
		"underscore before":                    {"_ann@example.com", "_ann@example.com"},
		"dot before stays":                     {".ann@example.com", ".ann@example.com"},
		"host without a dot":                   {"ann@localhost", "ann@localhost"},
		"letters beyond ASCII stay as written": {"Änne@Exämple.com", "Änne@exämple.com"},
		"Kelvin sign is not a k":               {"\u212aate@example.com", "\u212aate@example.com"},
		"long s is not an s":                   {"\u017fam@example.com", "\u017fam@example.com"},

		"empty":                           {"", ""},
		"spaces":                          {"  ", ""},
		"a name":                          {"Ann Lee", ""},
		"an @ alone":                      {"@", ""},
		"nothing before the @":            {"@example.com", ""},
		"nothing behind the @":            {"ann@", ""},
		"two @":                           {"ann@lee@example.com", ""},
		"space inside":                    {"ann lee@example.com", ""},
		"space behind the @":              {"ann@ example.com", ""},
		"no-break space inside":           {"ann\u00a0lee@example.com", ""},
		"two addresses, comma":            {"ann@example.com,bob@example.com", ""},
		"two addresses, semicolon":        {"ann@example.com; bob@example.com", ""},
		"two addresses, space":            {"ann@example.com bob@example.com", ""},
		"two addresses in angle brackets": {"Ann <ann@example.com>, Bob <bob@example.com>", ""},
		"another address as display name": {"bob@example.com <ann@example.com>", ""},
		"another address in the name":     {"Bob (bob@example.com) <ann@example.com>", ""},
		"text behind the angle brackets":  {"<ann@example.com> work", ""},
		"angle bracket inside":            {"ann<@example.com", ""},
		"colon inside":                    {"ann:lee@example.com", ""},
		"quote inside":                    {`ann"lee@example.com`, ""},
		"quoted local part":               {`"ann lee"@example.com`, ""},
		"parenthesis inside":              {"ann(home)@example.com", ""},
		"line break inside":               {"ann@example.com\r\nBcc: bob@example.com", ""},
		"NUL inside":                      {"ann\x00@example.com", ""},
		"DEL inside":                      {"ann\x7f@example.com", ""},
		"escaped line break in a mailto":  {"mailto:ann%0a@example.com", ""},
		"two addresses in a mailto":       {"mailto:ann@example.com,bob@example.com", ""},
		"another scheme":                  {"sip:ann@example.com", ""},
		"URL with a user":                 {"https://ann@example.com", ""},
	} {
		key, problem := identity.Email(tt.value)
		if key != tt.want || (problem == "") != (tt.want != "") {
			t.Errorf("%s: %q gives %q, problem %q; want %q", name, tt.value, key, problem, tt.want)
		}
		if strings.Contains(problem, "ann") || strings.Contains(problem, "bob") {
			t.Errorf("%s: the problem quotes the email: %s", name, problem)
		}
	}
}

// What a contact is stored with matches the events of the same address, and no
// others.
func TestEmailKey(t *testing.T) {
	t.Parallel()
	for _, stored := range []string{"ann@example.com", " Ann@Example.com ", "Ann <ann@example.com>", "ann@example.com\u200b"} {
		if got := identity.EmailKey(stored); got != "ann@example.com" {
			t.Errorf("%q has the key %q", stored, got)
		}
	}
	for _, stored := range []string{"", "Ann", "ann@example.com, bob@example.com", "ann@", "joann@example.com"} {
		if got := identity.EmailKey(stored); got == "ann@example.com" {
			t.Errorf("%q has the key of another contact", stored)
		}
	}
}

func FuzzEmail(f *testing.F) {
	for _, seed := range []string{"ann@example.com", `"A, B" <a@b>`, "mailto:a%40b?c=d", "<<a@b>>", "a@b\u200b;", "%40@%40", "\u212a@k"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		key, problem := identity.Email(value)
		if (key == "") == (problem == "") {
			t.Fatalf("key %q and problem %q", key, problem)
		}
		if problem != "" {
			return
		}
		if again, problem := identity.Email(key); again != key || problem != "" {
			t.Errorf("the key %q of %q has the key %q, problem %q", key, value, again, problem)
		}
		if identity.EmailKey(value) != key {
			t.Errorf("a contact with the email %q is another person than the event", value)
		}
		if strings.Count(key, "@") != 1 || strings.ContainsAny(key, "<>();,:\" \r\n\x00") || strings.ToLower(key) != key && strings.ContainsAny(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
			t.Errorf("%q gives %q", value, key)
		}
	})
}
