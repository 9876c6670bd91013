package trengophone_test

import (
	"fmt"
	"strings"

	"github.com/trengo-go/trengo/trengophone"
)

func ExampleRegion() {
	// trengo.DestinationConfig{NormalizePhone: normalize}
	normalize := trengophone.Region("US")

	fmt.Println(normalize("(201) 555-0123"))
	fmt.Println(normalize("+31 6 12345678"))
	fmt.Printf("%q\n", normalize("555-0123"))
	// Output:
	// +12015550123
	// +31612345678
	// ""
}

// A number in international form that the numbering plans do not know may be
// right all the same: plans change.
func ExampleRegion_unknownNumbers() {
	region := trengophone.Region("MX")
	normalize := func(phone string) string {
		number := region(phone)
		if number == "" && strings.HasPrefix(phone, "+") {
			return phone
		}
		return number
	}

	fmt.Println(normalize("222 123 4567"))
	fmt.Println(normalize("+52 1 222 123 4567")) // as mobile numbers were written until 2019
	fmt.Printf("%q\n", normalize("123 4567"))
	// Output:
	// +522221234567
	// +52 1 222 123 4567
	// ""
}
