package identity

// BarePhone is the problem of a phone number that came without + or 00, under a
// [BarePhones] that does not take its digits for international.
const BarePhone = "does not begin with + or 00 and may lack its country code: " +
	"see DestinationConfig.NormalizePhone and package trengophone, or DestinationConfig.BarePhones"

// BarePhones is what a phone number of an event means whose digits come without
// + or 00. The zero value means [BarePhonesLong].
type BarePhones string

// Whichever is chosen, some bare digits are read wrongly or refused.
const (
	// BarePhonesLong takes 11 digits or more for a number with its country code
	// and refuses fewer. National numbers of most countries have at most 10
	// digits. Those of China and Brazil have 11 and are still taken for
	// numbers of other countries; countries with short numbers, such as Norway
	// and Denmark, have international numbers of 10 digits, which are refused.
	BarePhonesLong BarePhones = "long"

	// BarePhonesInternational takes all bare digits for a number with its
	// country code, as RudderStack does. A national number written without
	// a leading 0, such as (479) 555-0123 of the United States, is then the
	// number of somebody else: here of a Norwegian.
	BarePhonesInternational BarePhones = "international"

	// BarePhonesRefuse refuses all bare digits, also those of senders that
	// leave out the +.
	BarePhonesRefuse BarePhones = "refuse"
)

// longBarePhone is the number of digits from which [BarePhonesLong] takes a
// number for international.
const longBarePhone = 11

// CheckBarePhone decides about bare digits: the key of a phone number that
// [Phone] did not find to be international. Problem is empty if they are usable
// under the policy, [BarePhone] otherwise. An unknown policy refuses them.
func CheckBarePhone(digits string, policy BarePhones) (problem string) {
	switch policy {
	case BarePhonesInternational:
		return ""
	case BarePhonesLong, "":
		if len(digits) >= longBarePhone {
			return ""
		}
	case BarePhonesRefuse:
	}
	return BarePhone
}
