package identity_test

import (
	"strings"
	"testing"

	"github.com/trengo-go/trengo/internal/identity"
)

func TestSamePhone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, a, b string
		want       bool
	}{
		{"Argentina: the mobile digit of Buenos Aires", "5491112345678", "541112345678", true},
		{"Argentina: the mobile digit of Córdoba", "5493511234567", "543511234567", true},
		{"Argentina: the 0 of the national form", "5401112345678", "541112345678", true},
		{"Argentina: the mobile digit instead of the 0", "5401112345678", "5491112345678", true},
		{"Argentina: both digits", "54091112345678", "541112345678", false},
		{"Argentina: two mobile digits", "54991112345678", "5491112345678", false},
		{"Argentina: the 15 of the national form", "54111512345678", "5491112345678", false},
		{"Argentina: another number", "5491112345678", "541112345679", false},
		{"Argentina: a number that is too short", "549111234567", "54111234567", false},
		{"Argentina: a toll-free number", "5498001234567", "548001234567", false},
		{"Mexico: the mobile digit", "5215512345678", "525512345678", true},
		{"Mexico: the mobile digit of Monterrey", "5218112345678", "528112345678", true},
		{"Mexico: the former 01", "52015512345678", "525512345678", false},
		{"Mexico: the former 044", "520445512345678", "525512345678", false},
		{"Mexico: a 0 that was never written", "5205512345678", "525512345678", false},
		{"Mexico: another number", "5215512345678", "525512345679", false},
		{"Mexico: a number that is too long", "52155123456789", "5255123456789", false},

		{"Netherlands", "310612345678", "31612345678", true},
		{"United Kingdom", "4407700900123", "447700900123", true},
		{"Germany", "49030123456", "4930123456", true},
		{"France", "330142685300", "33142685300", true},
		{"Belgium", "320470123456", "32470123456", true},
		{"Switzerland", "410781234567", "41781234567", true},
		{"Austria", "4306641234567", "436641234567", true},
		{"Sweden", "460701234567", "46701234567", true},
		{"Romania", "400712345678", "40712345678", true},
		{"Turkey", "9005321234567", "905321234567", true},
		{"India", "9109812345678", "919812345678", true},
		{"Indonesia", "6208123456789", "628123456789", true},
		{"Japan", "8109012345678", "819012345678", true},
		{"South Korea", "8201012345678", "821012345678", true},
		{"China", "86013912345678", "8613912345678", true},
		{"Australia", "610412345678", "61412345678", true},
		{"South Africa", "270821234567", "27821234567", true},
		{"Egypt", "2001001234567", "201001234567", true},
		{"Nigeria", "23408012345678", "2348012345678", true},
		{"Morocco", "2120612345678", "212612345678", true},
		{"Israel", "9720501234567", "972501234567", true},
		{"United Arab Emirates", "9710501234567", "971501234567", true},
		{"Finland", "3580401234567", "358401234567", true},
		{"Ireland", "3530851234567", "353851234567", true},
		{"Philippines", "6309171234567", "639171234567", true},
		{"Brazil", "55011987654321", "5511987654321", true},
		{"Uruguay", "598099123456", "59899123456", true},

		{"Italy, where the 0 is a part of the number", "39061234567", "3961234567", false},
		{"San Marino, where the 0 is a part of the number", "3780549123456", "378549123456", false},
		{"Ivory Coast, where the 0 is a part of the number", "2250712345678", "225712345678", false},
		{"Congo, where the 0 is a part of the number", "242061234567", "24261234567", false},
		{"Gabon, where the 0 is a part of the number", "24106123456", "2416123456", false},
		{"Benin, where the 0 is a part of the number", "2290190123456", "229190123456", false},
		{"Rwanda, where the 0 is a part of some numbers", "250061234567", "25061234567", false},
		{"Norway, where the 0 is a part of short numbers", "47012345678", "4712345678", false},
		{"United States, where the trunk digit is a 1", "114155550123", "14155550123", false},
		{"United States: a 0", "104155550123", "14155550123", false},
		{"Russia, where the trunk digit is an 8", "789161234567", "79161234567", false},
		{"Hungary, where the trunk digits are 06", "3606301234567", "36301234567", false},
		{"Spain, which does not have a trunk digit", "340612345678", "34612345678", false},
		{"Brazil: the mobile digit stands behind the area code", "5511987654321", "551187654321", false},
		{"Chile: the 9 is a part of the number", "56987654321", "5687654321", false},
		{"Peru: the 9 is a part of the number", "51987654321", "5187654321", false},
		{"Philippines: the 9 is a part of the number", "639171234567", "63171234567", false},
		{"Egypt: the 1 is a part of the number", "201001234567", "20001234567", false},
		{"China: the 1 is a part of the number", "8613912345678", "863912345678", false},
		{"Colombia: the 3 is a part of the number", "573001234567", "57001234567", false},
		{"Netherlands: the 6 is a part of the number", "31612345678", "3112345678", false},
		{"Netherlands: two zeros", "3100612345678", "31612345678", false},
		{"Netherlands: a 0 in another place", "316012345678", "31612345678", false},
		{"Netherlands: a digit at the end", "316123456789", "31612345678", false},
		{"Netherlands: the national form alone", "0612345678", "31612345678", false},
		{"two countries", "31612345678", "32612345678", false},
		{"a country code that does not exist", "2100612345678", "210612345678", false},
		{"a + before the national form", "1612345678", "612345678", false},
		{"the same number", "31612345678", "31612345678", true},
		{"short numbers", "310612", "31612", false},
		{"a number and nothing", "31612345678", "", false},
		{"nothing and nothing", "", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, pair := range [][2]string{{tt.a, tt.b}, {tt.b, tt.a}} {
				if got := identity.SamePhone(pair[0], pair[1]); got != tt.want {
					t.Errorf("%s and %s: got %t", pair[0], pair[1], got)
				}
			}
		})
	}
}

func TestOtherPhone(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"541112345678":  "5491112345678",
		"5491112345678": "541112345678",
		"5401112345678": "541112345678",
		"525512345678":  "5215512345678",
		"5215512345678": "525512345678",
		"310612345678":  "31612345678",
		"31612345678":   "", // only a mistake adds a 0
		"39061234567":   "",
		"14155550123":   "",
		"3101234":       "",
		"31012":         "",
		"":              "",
	} {
		got := identity.OtherPhone(key)
		if got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
		if got != "" && !identity.SamePhone(key, got) {
			t.Errorf("%s and %s are not the same", key, got)
		}
	}
}

// Two numbers are the same only if one digit behind the country code tells them
// apart, and such a digit is either a 0, Argentina's 9 or Mexico's 1.
func FuzzSamePhone(f *testing.F) {
	f.Add("5491112345678", "541112345678")
	f.Add("310612345678", "31612345678")
	f.Add("5401112345678", "5491112345678")
	f.Add("39061234567", "3961234567")
	f.Add("1", "0000000")
	f.Fuzz(func(t *testing.T, a, b string) {
		same := identity.SamePhone(a, b)
		if same != identity.SamePhone(b, a) {
			t.Fatalf("%q and %q: the order matters", a, b)
		}
		if !same || a == b {
			return
		}
		if len(a) < len(b) {
			a, b = b, a
		}
		const longestCountry = 3
		if len(a)-len(b) > 1 || !strings.HasSuffix(a, b[longestCountry+1:]) {
			t.Fatalf("%q and %q differ in more than a digit behind the country code", a, b)
		}
	})
}
