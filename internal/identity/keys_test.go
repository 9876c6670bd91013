package identity_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo/internal/identity"
)

func TestKeys_All(t *testing.T) {
	t.Parallel()
	keys := identity.Keys{"email", "emails", "emailAddress"}
	for _, tt := range []struct {
		name    string
		keys    identity.Keys
		objects []string
		want    []any
	}{
		{"the first key of all objects, then the others object by object", keys, []string{`{"emailAddress":1,"EMAIL":2,"emails":3}`, `{"Email":4,"email":5}`}, []any{3., 5., 1., 2., 4.}},
		{"other spellings by key and then alphabetically", keys, []string{`{"email_address":1,"email-address":2,"e-mail":3,"EMAIL":4,"$email":5}`}, []any{5., 4., 3., 2., 1.}},
		{"every value once", identity.Keys{"a", "A", "b", "_b"}, []string{`{"a":1,"A":2,"b":3,"_b":4,"B":5}`}, []any{1., 2., 3., 4., 5.}},
		{"null is a value", keys, []string{`{"email":null}`}, []any{nil}},
		{"other members do not count", keys, []string{`{"mail":1,"email2":2,"useremail":3,"email_id":4,"":5,"s":6,"_":7,"emailed":8}`}, nil},
		{"letters beyond ASCII are not folded", identity.Keys{"kelvin", "näme"}, []string{`{"\u212aelvin":1,"NÄME":2,"NäME":3}`}, []any{3.}},
		{"a path", identity.Keys{"contact.email"}, []string{`{"contact":{"email":1}}`}, []any{1.}},
		{"a name with a dot before a path", identity.Keys{"contact.email"}, []string{`{"contact":{"email":1},"contact.email":2}`}, []any{2.}},
		{"a path through a name with a dot", identity.Keys{"a.b.c"}, []string{`{"a.b":{"c":1}}`, `{"a":{"b.c":2}}`, `{"a":{"b":{"c":3}}}`}, []any{1., 2., 3.}},
		{"a path in other spellings", identity.Keys{"contact.email"}, []string{`{"Contact":{"EMAIL":1,"email":2},"contact":{"Email":3,"email":4}}`}, []any{4., 1., 2., 3.}},
		{"a path that ends early", identity.Keys{"contact.email"}, []string{`{"contact":"x"}`, `{"contact":null}`, `{"contact":[{"email":1}]}`, `{}`, `null`}, nil},
		{"dots without names", identity.Keys{"."}, []string{`{"":{"":1},"a":2}`}, []any{1.}},
		{"no keys", nil, []string{`{"email":1}`}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var objects []map[string]any
			for _, text := range tt.objects {
				var object map[string]any
				if err := json.Unmarshal([]byte(text), &object); err != nil {
					t.Fatal(err)
				}
				objects = append(objects, object)
			}
			all := slices.Collect(tt.keys.All(objects...))
			if diff := cmp.Diff(tt.want, all); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
			for n := range all {
				got := []any{}
				for value := range tt.keys.All(objects...) {
					if got = append(got, value); len(got) > n {
						break
					}
				}
				if diff := cmp.Diff(all[:n+1], got); diff != "" {
					t.Errorf("values until a break (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// Events that were built in Go have objects of other types.
func TestKeys_All_typedObjects(t *testing.T) {
	t.Parallel()
	type key string
	object := map[string]any{
		"a": map[string]string{"email": "1"}, "A": map[key]any{"Email": "2"},
		"_a": map[int]string{1: "x"}, "-a": map[string]string(nil), "a-": struct{ Email string }{"x"},
	}
	got := slices.Collect(identity.Keys{"a.email"}.All(object))
	if diff := cmp.Diff([]any{"1", "2"}, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

func TestSameKey(t *testing.T) {
	t.Parallel()
	groups := [][]string{
		{"firstName", "firstname", "FIRST_NAME", "First Name", "first-name", "$first_name", "_firstName_", "FirstNames"},
		{"emailAddress", "Email Addresses", "EMAIL_ADDRESSES", "e-mail address"},
		{"email", "emails", "EMAILS", "E-Mail"},
		{"phone2", "Phone 2"},
		{"na\u00efve"},
	}
	for i, group := range groups {
		for _, a := range group {
			for j, others := range groups {
				for _, b := range others {
					if got := identity.SameKey(a, b); got != (i == j) {
						t.Errorf("SameKey(%q, %q) = %t", a, b, got)
					}
				}
			}
			for _, empty := range []string{"", "_", "s", "ES", "$es"} {
				if identity.SameKey(a, empty) || identity.SameKey(empty, a) || identity.SameKey("", empty) {
					t.Errorf("%q is a spelling of %q", empty, a)
				}
			}
		}
	}
}
