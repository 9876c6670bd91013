package trengotest

import "strings"

// storedPhone returns a phone number as Trengo stores it. A leading digit gets a +
// before it; everything else stays as it was sent, including spaces.
func storedPhone(sent string) string {
	if sent != "" && sent[0] >= '0' && sent[0] <= '9' {
		return "+" + sent
	}
	return sent
}

func digitsOf(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
}

// formatPhone formats a phone number for display: "+31 6 00000001",
// "+972 50-000-0001". A number that is not international only gets one more +.
func formatPhone(phone string) string {
	digits := digitsOf(phone)
	if digits == "" {
		return phone
	}
	if digits[0] == '0' || len(digits) < 8 || len(digits) > 15 {
		return "+" + phone
	}
	country := digits[:countryCodeLength(digits)]
	number := digits[len(country):]
	if country == "31" && number[0] == '6' {
		return "+31 6 " + number[1:]
	}
	return "+" + country + " " + dashed(number)
}

// dashed separates the last four digits and the three before them. The number has at
// least five digits.
func dashed(number string) string {
	i := len(number) - 4
	if i <= 3 {
		return number[:i] + "-" + number[i:]
	}
	return number[:i-3] + "-" + number[i-3:i] + "-" + number[i:]
}

// twoDigitCountries holds the calling codes of two digits, each after a space. 1 and
// 7 are the codes of one digit; all others have three.
const twoDigitCountries = " 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49" +
	" 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98"

func countryCodeLength(digits string) int {
	switch {
	case digits[0] == '1' || digits[0] == '7':
		return 1
	case strings.Contains(twoDigitCountries, " "+digits[:2]):
		return 2
	default:
		return 3
	}
}
