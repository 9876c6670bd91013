package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
)

// What a sandbox run finished is not left out of the real run.
func TestReplay_checkpointOfAnotherTarget(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(fx *fixture)
		want   string
	}{
		{"base URL", func(fx *fixture) { fx.settings.baseURL = "https://sandbox.trengo.test/api/v2" }, "not to channel 405980 by email at https://sandbox.trengo.test/api/v2: set another -checkpoint"},
		{"channel", func(fx *fixture) { fx.replaceConfig(`"405980"`, `"405981"`) }, "not to channel 405981 by email"},
		{"identifier", func(fx *fixture) { fx.replaceConfig(`"email"`, `"phone"`) }, "not to channel 405980 by phone"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fx := newFixture(t, orders(1, 2))
				fx.addPeople(1, 2)
				fx.replay(withLimit(1)).check(t, exitOK, "done 1")
				tt.change(fx)
				fx.settings.accept = true
				fx.replay().check(t, exitUsage, "this is the checkpoint of a replay to channel 405980 by email at https://app.trengo.com/api/v2", tt.want)
				fx.plan().check(t, exitUsage, tt.want)
				fx.checkTickets(1)
			})
		})
	}
}

// Neither another token nor another spelling of the base URL is another target.
func TestReplay_sameTarget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fx := newFixture(t, orders(1, 2, 3))
		fx.addPeople(1, 2, 3)
		fx.replay(withLimit(1)).check(t, exitOK, "done 1")
		fx.SetTokens("rotated")
		fx.settings.token = "rotated"
		fx.replay(withLimit(1)).check(t, exitOK, "done 2")
		fx.settings.baseURL = "HTTPS://App.Trengo.com:443/api/v2/"
		fx.settings.remember, fx.settings.rateLimit = 2*fx.settings.remember, 100
		second := fx.replay()
		second.check(t, exitOK, "done 3")
		if strings.Contains(second.stderr, "changed") {
			t.Errorf("a change is reported:\n%s", second.stderr)
		}
		fx.checkTickets(1, 2, 3)
	})
}

// A changed config is named, and has to be accepted once.
func TestReplay_changedConfig(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(fx *fixture)
		want   string
	}{
		{"template", func(fx *fixture) { fx.replaceConfig("Order {{", "Bestelling {{") }, "eventTemplateMap.Order Completed"},
		{"one more event", func(fx *fixture) {
			fx.replaceConfig(`"eventTemplateMap": [`, `"eventTemplateMap": [{"from": "Refund", "to": ""},`)
		}, "eventTemplateMap.Refund"},
		{"an event fewer and another more", func(fx *fixture) { fx.replaceConfig("Order Completed", "Refund") }, "eventTemplateMap.Order Completed, eventTemplateMap.Refund"},
		{"duplicates", func(fx *fixture) { fx.replaceConfig(`"enableDedup": true`, `"enableDedup": false`) }, "enableDedup"},
		{"missing contacts", func(fx *fixture) { fx.settings.create = true }, "-create-missing"},
		{"integrations", func(fx *fixture) { fx.settings.ignoreAll = true }, "-ignore-integrations-all"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fx := newFixture(t, orders(1, 2, 3))
				fx.addPeople(1, 2, 3)
				fx.replay(withLimit(1)).check(t, exitOK, "done 1")
				before := readFile(t, fx.settings.checkpoint)
				tt.change(fx)
				for range 2 {
					fx.replay().check(t, exitUsage, "the config has changed since the last run: "+tt.want+"; set -accept-changes")
				}
				fx.plan().check(t, exitOK, "the config has changed since the last run: "+tt.want+"; a run needs -accept-changes")
				if readFile(t, fx.settings.checkpoint) != before {
					t.Error("the checkpoint was changed")
				}
				fx.settings.accept = true
				fx.replay(withLimit(1)).check(t, exitOK, "the config has changed since the last run: "+tt.want, "done 2")
				fx.settings.accept = false
				fx.replay().check(t, exitOK, "resuming after 2", "done 3")
			})
		})
	}
}

// Every setting of a destination counts unless it is known not to matter.
func TestHashConfig(t *testing.T) {
	t.Parallel()
	config := trengo.DestinationConfig{
		ChannelID:             5,
		ChannelIdentifier:     trengo.IdentifierPhone,
		AllowDuplicates:       true,
		CreateMissingContacts: true,
		BarePhones:            trengo.BarePhonesRefuse,
		EventTemplates:        map[string]string{"A": "a", "B": ""},
		MaxPeople:             1,
		Concurrency:           1,
		NormalizePhone:        func(string) string { return "" },
	}
	got := slices.Sorted(maps.Keys(hashConfig(config)))
	want := []string{"-create-missing", "BarePhones", "enableDedup", "eventTemplateMap.A", "eventTemplateMap.B"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if n := len(hashConfig(trengo.DestinationConfig{})); n > 0 {
		t.Errorf("%d settings of an empty config", n)
	}
	if text := fmt.Sprint(hashConfig(config)); strings.Contains(text, "refuse") {
		t.Errorf("a value is in %s", text)
	}
}

func TestCanonicalURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://app.trengo.com/api/v2":      "https://app.trengo.com/api/v2",
		"HTTPS://App.Trengo.com:443/api/v2/": "https://app.trengo.com/api/v2",
		"http://127.0.0.1:8080/":             "http://127.0.0.1:8080",
		"http://localhost:80":                "http://localhost",
		"https://h:80":                       "https://h:80",
		"https://u:secret@h":                 "https://u:" + strings.Repeat("x", 5) + "@h",
		"%":                                  "%",
	} {
		if got := canonicalURL(text); got != want {
			t.Errorf("%s became %s", text, got)
		}
	}
}

// An archive holds events that RudderStack kept from Trengo.
func TestReplay_integrationsAll(t *testing.T) {
	t.Parallel()
	with := func(person int, integrations string) string {
		return strings.Replace(order(person), "{", `{"integrations":`+integrations+",", 1)
	}
	text := with(1, `{"All":false}`) + with(2, `{"All":false,"Trengo":true}`) + with(3, `{"All":false,"Trengo":{}}`) +
		with(4, `{"All":true}`) + with(5, `{"All":false,"Trengo":false}`) + with(6, `{"Trengo":false}`) + order(7) +
		`{"integrations":{"All":false},"batch":[` + strings.TrimSpace(order(8)) + "," + strings.TrimSpace(with(9, `{"All":true}`)) + "]}\n"
	for _, ignore := range []bool{false, true} {
		t.Run(fmt.Sprintf("ignored: %t", ignore), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fx := newFixture(t, text)
				fx.addPeople(upTo(9)...)
				fx.settings.ignoreAll = ignore
				want, skipped := []int{2, 3, 4, 7, 9}, 4
				if ignore {
					want, skipped = []int{1, 2, 3, 4, 7, 8, 9}, 2
				}
				fx.plan().check(t, exitOK, fmt.Sprintf("skipped %d", skipped))
				fx.replay().check(t, exitOK, fmt.Sprintf("skipped %d", skipped))
				fx.checkTickets(want...)
			})
		})
	}
}
