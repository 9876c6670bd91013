// Package trengophone gives the phone numbers of a region their country code.
//
// Many senders have phone numbers as people of their country write them:
// (201) 555-0123. A destination of package trengo refuses those, because it
// cannot know the country. Where all such numbers are of one region, tell it:
//
//	destination, err := trengo.NewDestination(client, trengo.DestinationConfig{
//		ChannelID:         406001,
//		ChannelIdentifier: trengo.IdentifierPhone,
//		NormalizePhone:    trengophone.Region("US"),
//	})
//
// The numbering plans are those of Google's libphonenumber, as
// github.com/nyaruka/phonenumbers has them. They change every few weeks, so
// this package is a module of its own, whose dependencies users of package
// trengo do not inherit. It does not import package trengo.
package trengophone

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// IsRegion reports whether [Region] knows a region.
func IsRegion(region string) bool {
	return phonenumbers.GetSupportedRegions()[strings.ToUpper(region)]
}

// Region returns a function that turns a phone number into its international
// form, such as +12015550123, for trengo.DestinationConfig.NormalizePhone. A
// number in national form is one of the region, an ISO 3166-1 code of two
// letters such as US. Region panics if it does not know the region: check codes
// that are not constants with [IsRegion].
//
// The function reads numbers in national form, in international form with + or
// 00, or with the prefix that the region dials instead. Digits without any
// prefix are a national number or begin with the region's own country code.
// Where they could be both, as 4915123456789 in Germany, they are international
// in regions whose national numbers begin with a prefix, such as 0; in the
// others they are refused.
//
// The function returns an empty string for what is not usable: a number that
// its country's numbering plan does not have, two numbers, a number with an
// extension, letters. It reads digits of all scripts, keeps no state and is
// safe for concurrent use.
func Region(region string) func(phone string) string {
	if !IsRegion(region) {
		panic(fmt.Sprintf("trengophone: unknown region %q: want an ISO 3166-1 code of two letters, such as GB", region))
	}
	r := plan{region: strings.ToUpper(region)}
	r.countryCode = strconv.Itoa(phonenumbers.GetCountryCodeForRegion(r.region))
	r.nationalPrefix = phonenumbers.GetNddPrefixForRegion(r.region, true)
	return r.normalize
}

// A plan is what is to be known of a region's numbering plan.
type plan struct {
	region         string
	countryCode    string
	nationalPrefix string // empty if national numbers begin without one
}

func (p plan) normalize(phone string) string {
	digits, international, ok := readDigits(phone)
	if !ok {
		return ""
	}
	if international {
		return p.valid("+" + digits)
	}
	national := p.valid(digits)
	if after, ok := strings.CutPrefix(digits, "00"); ok {
		return onlyOne(national, p.valid("+"+after))
	}
	if !strings.HasPrefix(digits, p.countryCode) {
		return national
	}
	withCountryCode := p.valid("+" + digits)
	lacksPrefix := p.nationalPrefix != "" && !strings.HasPrefix(digits, p.nationalPrefix)
	if withCountryCode != "" && lacksPrefix {
		return withCountryCode
	}
	return onlyOne(national, withCountryCode)
}

// valid returns the international form of a number that its country's
// numbering plan has, empty for others.
func (p plan) valid(number string) string {
	parsed, err := phonenumbers.Parse(number, p.region)
	if err != nil || !phonenumbers.IsValidNumber(parsed) {
		return ""
	}
	return phonenumbers.Format(parsed, phonenumbers.E164)
}

// onlyOne returns the number that a value can be read as, empty if there are
// two.
func onlyOne(a, b string) string {
	switch {
	case a == "" || a == b:
		return b
	case b == "":
		return a
	}
	return ""
}
