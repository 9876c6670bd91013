package identity

import "strings"

// SamePhone reports whether two phone numbers, given by their keys, are one number
// written in two ways: whether the digits are the same once a 0 or a mobile digit
// directly behind the country code is dropped from either. It is false wherever
// that does not prove it.
//
// The 0 is the one of the national form. It counts for countries without a number
// that begins with a single 0: +44 07700 900123 is +44 7700 900123, but +39 06
// 1234567 in Rome is not +39 6 1234567.
//
// The mobile digits are the 9 of Argentina and the 1 of Mexico, which some networks
// require and others refuse: +54 9 11 1234 5678 is +54 11 1234 5678. Elsewhere such
// a digit tells a mobile phone from the landline of somebody else, or does not
// stand behind the country code, as the 9 of Brazil.
func SamePhone(a, b string) bool {
	return min(len(a), len(b)) >= minPhoneDigits && dropOptionalDigit(a) == dropOptionalDigit(b)
}

// OtherPhone returns the key under which a phone number may be known besides its
// own, or nothing. The two are [SamePhone].
func OtherPhone(key string) string {
	if len(key) < minPhoneDigits {
		return ""
	}
	for _, mobile := range mobileDigits {
		if national, ok := strings.CutPrefix(key, mobile.country); ok && mobile.isNational(national) {
			return mobile.country + mobile.digit + national
		}
	}
	if other := dropOptionalDigit(key); other != key && len(other) >= minPhoneDigits {
		return other
	}
	return ""
}

func dropOptionalDigit(key string) string {
	for _, mobile := range mobileDigits {
		if national, ok := strings.CutPrefix(key, mobile.country+mobile.digit); ok && mobile.isNational(national) {
			return mobile.country + national
		}
	}
	country, national := cutCountry(key)
	if national, ok := strings.CutPrefix(national, "0"); ok && !strings.HasPrefix(national, "0") {
		return country + national
	}
	return key
}

// A mobileDigit may stand between a country code and a national number of ten
// digits that begins with an area code, so that it cannot be a part of either.
type mobileDigit struct{ country, digit, areaCodes string }

var mobileDigits = [...]mobileDigit{
	{country: "54", digit: "9", areaCodes: "123"},
	{country: "52", digit: "1", areaCodes: "23456789"},
}

func (m mobileDigit) isNational(number string) bool {
	const nationalDigits = 10
	return len(number) == nationalDigits && strings.Contains(m.areaCodes, number[:1])
}

// cutCountry splits a key behind its country code. National is empty if the
// country is not one of trunkZeroCountries.
func cutCountry(key string) (country, national string) {
	const longest = 3 // no country code begins with another one
	for length := range longest {
		country, national = key[:length+1], key[length+1:]
		if strings.Contains(trunkZeroCountries, " "+country+" ") {
			return country, national
		}
	}
	return key, ""
}

// trunkZeroCountries holds the country codes whose national form begins with a 0
// that is not a part of the number. Those where that is true of some numbers only
// are not among them, such as those of Italy, Rwanda and Gabon, nor are those
// where a 0 was never written.
const trunkZeroCountries = " 20 27 31 32 33 40 41 43 44 46 49 51 53 54 55 57 58 60 61 62 63 64 66 81 82 84 86 90 91 92 93 94 95 98" +
	" 211 212 213 218 231 232 233 234 243 249 251 252 254 255 256 260 261 262 263 264 265 291" +
	" 353 355 358 359 370 373 374 377 380 381 382 383 385 386 387 389 421 423" +
	" 508 590 591 593 594 595 596 598 686 850 855 856 880 886" +
	" 961 962 963 964 966 967 970 971 972 976 977 994 995 996 "
