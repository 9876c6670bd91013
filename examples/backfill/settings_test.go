package main

import "testing"

// The lower of the user's limit and Trengo's counts.
func TestSettings_currentLimit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ user, trengo, want int }{{0, 0, 120}, {0, 60, 60}, {0, 300, 300}, {100, 0, 100}, {100, 60, 60}, {100, 300, 100}} {
		fx := newFixture(t, orders(1))
		fx.addPeople(1)
		fx.SetRateLimit(tt.trengo)
		s := fx.settings
		s.rateLimit = tt.user
		config := must(s.readConfig())
		client, _, err := s.connect(config, new(stats))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Contacts.Get(t.Context(), 460000001); err != nil {
			t.Fatal(err)
		}
		if got := s.currentLimit(client)(); got != tt.want {
			t.Errorf("user %d, Trengo %d: limit %d, want %d", tt.user, tt.trengo, got, tt.want)
		}
	}
}
