package identity_test

import (
	"strings"
	"testing"

	"github.com/trengo-go/trengo/internal/identity"
)

func TestCheckBarePhone(t *testing.T) {
	t.Parallel()
	const refused = identity.BarePhone
	for _, tt := range []struct {
		name    string
		policy  identity.BarePhones
		digits  string
		problem string
	}{
		{"7 digits by default", "", "5550123", refused},
		{"10 digits by default", "", "4795550123", refused},
		{"11 digits by default", "", "14795550123", ""},
		{"15 digits by default", "", "123456789012345", ""},
		{"10 digits, long", identity.BarePhonesLong, "4795550123", refused},
		{"11 digits, long", identity.BarePhonesLong, "31600000042", ""},
		{"7 digits, international", identity.BarePhonesInternational, "5550123", ""},
		{"10 digits, international", identity.BarePhonesInternational, "4795550123", ""},
		{"15 digits, international", identity.BarePhonesInternational, "123456789012345", ""},
		{"7 digits, refuse", identity.BarePhonesRefuse, "5550123", refused},
		{"11 digits, refuse", identity.BarePhonesRefuse, "31600000042", refused},
		{"15 digits, refuse", identity.BarePhonesRefuse, "123456789012345", refused},
		{"an unknown policy", "Long", "31600000042", refused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if problem := identity.CheckBarePhone(tt.digits, tt.policy); problem != tt.problem {
				t.Errorf("got %q, want %q", problem, tt.problem)
			}
		})
	}
}

// By default, national forms are refused, and international ones are not: but
// for those of countries whose numbers are short.
func TestCheckBarePhone_countries(t *testing.T) {
	t.Parallel()
	for _, tt := range countries {
		for _, value := range tt.bare {
			key, _, problem := identity.Phone(value)
			if problem != "" {
				t.Errorf("%s, %q: %s", tt.country, value, problem)
			}
			if identity.CheckBarePhone(key, "") == "" {
				t.Errorf("%s: %q is taken for international", tt.country, value)
			}
		}
		if problem := identity.CheckBarePhone(tt.key, ""); (problem != "") != (len(tt.key) < 11) {
			t.Errorf("%s: the problem of %q is %q", tt.country, tt.key, problem)
		}
	}
}

// The text says what a person can do.
func TestBarePhone_namesTheWaysOut(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"DestinationConfig.BarePhones", "DestinationConfig.NormalizePhone", "trengophone"} {
		if problem := identity.CheckBarePhone("5550123", ""); !strings.Contains(problem, name) {
			t.Errorf("%q does not name %s", problem, name)
		}
	}
}
