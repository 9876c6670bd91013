package trengotest_test

import (
	"fmt"
	"testing"

	"github.com/trengo-go/trengo/trengotest"
)

func TestServer_formattedPhone(t *testing.T) {
	t.Parallel()
	srv := newServer()
	a := newAPI(t, srv)
	for phone, want := range map[string]string{
		"+31600000001":      "+31 6 00000001",
		"31600000001":       "+31 6 00000001",
		"+31 200000001":     "+31 20-000-0001",
		"+15550000001":      "+1 555-000-0001",
		"+35300000":         "+353 0-0000",
		"+3530000":          "++3530000",
		"+3160000000000001": "++3160000000000001",
		"+4900000000":       "+49 0-000-0000",
		"+3580000":          "++3580000",
		"+35800000":         "+358 0-0000",
		"+97250000":         "+972 5-0000",
		"unknown":           "unknown",
	} {
		c := srv.AddContact(trengotest.Contact{Phone: phone})
		got := a.do("GET", fmt.Sprintf("/contacts/%d", c.ID), nil)
		if got.at("phone") != phone || got.at("formatted_phone") != want || got.at("identifier") != want {
			t.Errorf("%s: got formatted_phone %s and identifier %s, want %s", phone, got.at("formatted_phone"), got.at("identifier"), want)
		}
	}
}
