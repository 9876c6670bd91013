package trengophone_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/nyaruka/phonenumbers"

	"github.com/trengo-go/trengo/trengophone"
)

// The numbers are examples of their numbering plans.
var countries = []struct {
	region, want string
	spellings    []string // as people of the country write it
}{
	{"NL", "+31612345678", []string{"06 12345678", "06-12345678", "0612345678", "(06) 12 34 56 78", "612345678", "31612345678", "31 (0)6 12345678"}},
	{"NL", "+31101234567", []string{"010 123 4567", "010/1234567", "(010) 1234567"}},
	{"BE", "+32470123456", []string{"0470/12.34.56", "0470 12 34 56", "32470123456"}},
	{"DE", "+4930123456", []string{"030/123456", "(030) 123456", "030 12 34 56", "030-123456"}},
	{"DE", "+4915123456789", []string{"0151 23456789", "01512/3456789", "4915123456789", "49 (0)151 23456789", "15123456789"}},
	{"AT", "+43664123456", []string{"0664/123456", "0664 123456", "43664123456"}},
	{"CH", "+41781234567", []string{"078 123 45 67", "078/123 45 67", "41781234567"}},
	{"FR", "+33612345678", []string{"06 12 34 56 78", "06.12.34.56.78", "0612345678", "33612345678"}},
	{"GB", "+447400123456", []string{"07400 123456", "(07400) 123456", "447400123456", "44 (0)7400 123456"}},
	{"IE", "+353850123456", []string{"085 012 3456", "(085) 012 3456", "353850123456"}},
	{"ES", "+34612345678", []string{"612 34 56 78", "612-345-678", "34612345678"}},
	{"PT", "+351912345678", []string{"912 345 678", "351912345678"}},
	{"IT", "+393123456789", []string{"312 345 6789", "3123456789", "393123456789"}},
	{"IT", "+390212345678", []string{"02 1234 5678", "02/12345678"}},
	{"SE", "+46701234567", []string{"070-123 45 67", "0701234567", "46701234567"}},
	{"NO", "+4740612345", []string{"40 61 23 45", "406 12 345", "4740612345"}},
	{"DK", "+4534412345", []string{"34 41 23 45", "34412345", "4534412345"}},
	{"FI", "+358412345678", []string{"041 2345678", "358412345678"}},
	{"PL", "+48512345678", []string{"512 345 678", "512-345-678", "48512345678"}},
	{"CZ", "+420601123456", []string{"601 123 456", "420601123456"}},
	{"TR", "+905012345678", []string{"0501 234 56 78", "0 (501) 234 56 78", "905012345678"}},
	{"US", "+12015550123", []string{"(201) 555-0123", "201-555-0123", "201.555.0123", "201/555-0123", "2015550123", "1 201 555 0123", "1-201-555-0123", "12015550123"}},
	{"CA", "+15062345678", []string{"(506) 234-5678", "1 506 234 5678"}},
	{"BR", "+5511961234567", []string{"(11) 96123-4567", "11961234567", "011 96123-4567", "5511961234567"}},
	{"AR", "+5491123456789", []string{"011 15-2345-6789", "5491123456789"}},
	{"MX", "+522221234567", []string{"222 123 4567", "522221234567"}},
	{"AU", "+61412345678", []string{"0412 345 678", "61412345678"}},
	{"NZ", "+64211234567", []string{"021 123 4567", "64211234567"}},
	{"JP", "+819012345678", []string{"090-1234-5678", "０９０－１２３４－５６７８", "819012345678"}},
	{"CN", "+8613123456789", []string{"131 2345 6789", "13123456789", "8613123456789"}},
	{"HK", "+85251234567", []string{"5123 4567", "85251234567"}},
	{"IN", "+918123456789", []string{"081234 56789", "81234 56789", "८१२३४५६७८९", "918123456789"}},
	{"ID", "+62812345678", []string{"0812-345-678", "62812345678"}},
	{"ZA", "+27711234567", []string{"071 123 4567", "27711234567"}},
	{"AE", "+971501234567", []string{"050 123 4567", "٠٥٠ ١٢٣ ٤٥٦٧", "971501234567"}},
	{"IL", "+972502345678", []string{"050-234-5678", "972502345678"}},
	{"RU", "+79123456789", []string{"8 (912) 345-67-89", "912 345-67-89", "79123456789"}},
	{"KR", "+821020000000", []string{"010-2000-0000", "821020000000"}},
}

func TestRegion_countries(t *testing.T) {
	t.Parallel()
	for _, tt := range countries {
		t.Run(tt.region+" "+tt.want, func(t *testing.T) {
			t.Parallel()
			normalize := trengophone.Region(tt.region)
			for _, phone := range tt.spellings {
				if got := normalize(phone); got != tt.want {
					t.Errorf("%q: got %q, want %s", phone, got, tt.want)
				}
			}
		})
	}
}

// A number in international form means the same everywhere.
func TestRegion_internationalForms(t *testing.T) {
	t.Parallel()
	for _, region := range []string{"US", "NL", "DE", "JP", "AU", "NO", "IT", "BR"} {
		t.Run(region, func(t *testing.T) {
			t.Parallel()
			normalize := trengophone.Region(region)
			for _, tt := range countries {
				digits := tt.want[1:]
				for _, phone := range []string{
					tt.want, "00" + digits, "00 " + digits[:2] + " " + digits[2:], "(+" + digits[:2] + ") " + digits[2:],
					"+" + digits[:2] + "-" + digits[2:5] + "." + digits[5:], "tel:" + tt.want, "\u202a" + tt.want + "\u202c", tt.want + ".0", `"` + tt.want + `";`,
				} {
					if got := normalize(phone); got != tt.want {
						t.Errorf("%q: got %q, want %s", phone, got, tt.want)
					}
				}
			}
		})
	}
}

func TestRegion(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, region, phone, want string }{
		{"a region in lower case", "us", "(201) 555-0123", "+12015550123"},
		{"a number of a neighbor with the same country code", "US", "(506) 234-5678", "+15062345678"},
		{"a + in full width", "NL", "＋３１６１２３４５６７８", "+31612345678"},
		{"a (0) behind the country code", "NL", "+31 (0)6 12345678", "+31612345678"},
		{"a 0 behind the country code", "NL", "+3106 12345678", "+31612345678"},
		{"a 0 behind the country code that belongs there", "NL", "+39 02 1234 5678", "+390212345678"},
		{"the international prefix of the region", "US", "011 31 6 12345678", "+31612345678"},
		{"the international prefix of Australia", "AU", "0011 31 6 12345678", "+31612345678"},
		{"the international prefix of another region", "NL", "011 31 6 12345678", ""},
		{"00 where people dial 001", "HK", "00 31 6 12345678", "+31612345678"},
		{"001 where people dial it", "HK", "001 31 6 12345678", "+31612345678"},
		{"001 that may be 00 and a 1", "HK", "0012015550123", ""},
		{"a number of no country", "NL", "+800 1234 5678", "+80012345678"},
		{"a minus between the digits", "NL", "06\u221212345678", "+31612345678"},
		{"characters that nobody sees", "NL", "\ufeff06\u200b12345678\u200e", "+31612345678"},
		{"a line break around it", "NL", "\r\n06 12345678\r\n", "+31612345678"},

		{"digits of two scripts", "NL", "06 1234567٨", "+31612345678"},
		{"digits beyond 16 bits", "NL", "𝟎𝟔𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖", "+31612345678"},
		{"superscript digits", "NL", "061234567⁸", ""},
		{"numbers of Chinese", "NL", "〇六一二三四五六七八", ""},
		{"a country code that may be an area code", "DE", "4915123456789", "+4915123456789"},
		{"the same behind a 0", "DE", "04915 123456", "+494915123456"},

		{"a Norwegian number without a +", "NL", "4740612345", ""},
		{"a Dutch number without a +", "US", "31612345678", ""},
		{"an American number without a +", "NO", "2015550123", ""},
		{"a number of another region in national form", "US", "06 12345678", ""},
		{"too short for the region", "US", "555-0123", ""},
		{"too long for the region", "NL", "06 123456789", ""},
		{"too short behind a +", "NL", "+31 6 1234567", ""},
		{"an area code that is not in use", "US", "(123) 555-0123", ""},
		{"a country code that is not in use", "US", "+999 123456789", ""},
		{"two +", "NL", "++31612345678", ""},
		{"a + between the digits", "NL", "31+612345678", ""},

		{"two numbers with a slash", "DE", "030 1234567 / 030 7654321", ""},
		{"two local numbers with a slash", "DE", "1234567/7654321", ""},
		{"two endings", "DE", "+49 30 1234567/89", ""},
		{"a slash behind the area code", "DE", "+49 30/1234567", "+49301234567"},
		{"a slash behind the area code after 00", "DE", "0049 33701/12345", "+493370112345"},
		{"a slash and nothing behind it", "NL", "06 12345678 / ", ""},
		{"two numbers with a space", "DE", "1234567 7654321", ""},
		{"two numbers with a comma", "NL", "06 12345678, 06 87654321", ""},
		{"two numbers with +", "NL", "+31612345678 +31687654321", ""},
		{"two numbers with a word", "NL", "06 12345678 or 06 87654321", ""},

		{"an extension with x", "US", "(201) 555-0123 x12", ""},
		{"an extension with ext.", "US", "(201) 555-0123 ext. 5", ""},
		{"an extension as a parameter", "US", "tel:+1-201-555-0123;ext=5", ""},
		{"an extension with #", "US", "201-555-0123#5", ""},
		{"an extension in brackets", "DE", "(030) 1234567 (12)", ""},
		{"a vanity number", "US", "1-800-FLOWERS", ""},
		{"letters behind a number", "NL", "0612345abc", ""},
		{"a label", "NL", "mobile 06 12345678", ""},
		{"words", "NL", "call me", ""},
		{"an email", "NL", "0612345678@example.com", ""},
		{"a short number for emergencies", "NL", "112", ""},

		{"a fraction of zero", "US", "2015550123.0", "+12015550123"},
		{"a fraction of zero that would fit", "DE", "0301234567.0", "+49301234567"},
		{"a fraction of zeros", "DE", "49301234567.000000", "+49301234567"},
		{"a fraction that is not zero", "DE", "0301234567.5", ""},
		{"points between the digits", "FR", "01.23.45.67.00", "+33123456700"},
		{"an exponent", "US", "2.015550123E9", ""},

		{"nothing", "NL", "", ""},
		{"spaces", "NL", " \t", ""},
		{"a + alone", "NL", "+", ""},
		{"00 alone", "NL", "00", ""},
		{"zeros", "NL", "0000000000", ""},
		{"not UTF-8", "NL", "06 12345678\xff", ""},
		{"very long", "DE", strings.Repeat("030 1234567 ", 100_000), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := trengophone.Region(tt.region)(tt.phone); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// The example numbers of all regions, as libphonenumber writes them, and as a
// sender writes them that leaves out the +.
func TestRegion_allRegions(t *testing.T) {
	t.Parallel()
	for region := range phonenumbers.GetSupportedRegions() {
		normalize := trengophone.Region(region)
		for _, kind := range []phonenumbers.PhoneNumberType{phonenumbers.MOBILE, phonenumbers.FIXED_LINE} {
			example := phonenumbers.GetExampleNumberForType(region, kind)
			if example == nil {
				continue
			}
			want := phonenumbers.Format(example, phonenumbers.E164)
			spellings := []string{
				want, want[1:],
				phonenumbers.Format(example, phonenumbers.INTERNATIONAL), phonenumbers.Format(example, phonenumbers.RFC3966),
			}
			// That of a mobile number of Argentina leads back to no number.
			if region != "AR" || kind != phonenumbers.MOBILE {
				spellings = append(spellings, phonenumbers.Format(example, phonenumbers.NATIONAL))
			}
			for _, phone := range spellings {
				if got := normalize(phone); got != want {
					t.Errorf("%s: %q: got %q, want %s", region, phone, got, want)
				}
			}
		}
	}
}

func TestRegion_unknown(t *testing.T) {
	t.Parallel()
	for _, region := range []string{"", "UK", "USA", "Netherlands", "31", "001", "ZZ", " NL"} {
		t.Run(region, func(t *testing.T) {
			t.Parallel()
			if trengophone.IsRegion(region) {
				t.Error("IsRegion says that it is one")
			}
			defer func() {
				text, _ := recover().(string)
				if !strings.HasPrefix(text, "trengophone: ") {
					t.Errorf("recovered %q", text)
				}
			}()
			trengophone.Region(region)
		})
	}
}

func TestIsRegion(t *testing.T) {
	t.Parallel()
	for _, tt := range countries {
		if !trengophone.IsRegion(tt.region) || !trengophone.IsRegion(strings.ToLower(tt.region)) {
			t.Errorf("%s is not a region", tt.region)
		}
	}
}

func TestRegion_concurrentUse(t *testing.T) {
	t.Parallel()
	normalize := trengophone.Region("NL")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if got := normalize("06 12345678"); got != "+31612345678" {
					t.Errorf("got %q", got)
				}
				trengophone.Region("US")("(201) 555-0123")
			}
		})
	}
	wg.Wait()
}

func FuzzRegion(f *testing.F) {
	for _, tt := range countries {
		f.Add(tt.region, tt.want)
		f.Add(tt.region, tt.spellings[0])
	}
	f.Add("DE", "1234567 / 7654321")
	f.Add("US", "tel:+1-201-555-0123;ext=5")
	f.Fuzz(func(t *testing.T, region, phone string) {
		if !trengophone.IsRegion(region) {
			return
		}
		normalize := trengophone.Region(region)
		got := normalize(phone)
		if got == "" {
			return
		}
		digits, plus := strings.CutPrefix(got, "+")
		if !plus || len(digits) > 15 || digits[0] == '0' || strings.Trim(digits, "0123456789") != "" {
			t.Fatalf("%q: got %q", phone, got)
		}
		for _, spelling := range []string{got, "00" + digits, " " + got + ".0 "} {
			// 00 may be another prefix of the region, and a few numbers are too
			// short for a fraction to be one.
			mayFail := strings.HasPrefix(spelling, "00") || len(digits) < 7
			if again := normalize(spelling); again != got && (again != "" || !mayFail) {
				t.Fatalf("%q: got %q, and for %q %q", phone, got, spelling, again)
			}
		}
	})
}
