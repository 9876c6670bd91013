package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
)

func planOf(t *testing.T, config trengo.DestinationConfig, events string) estimate {
	t.Helper()
	p, err := newPlanner(config, trengo.DefaultRateLimit)
	if err != nil {
		t.Fatal(err)
	}
	for text := range strings.Lines(events) {
		p.add([]byte(text))
	}
	return p.estimate
}

func TestPlanner(t *testing.T) {
	const (
		identify = `{"type":"identify","traits":{"email":"ann@example.com","name":"Ann"}}` + "\n"
		renamed  = `{"type":"identify","traits":{"email":"ANN@example.com","name":"Ann Lee"}}` + "\n"
		nameless = `{"type":"identify","traits":{"email":"ann@example.com"}}` + "\n"
		track    = `{"type":"track","event":"Ev","properties":{"email":" ann@example.com"}}` + "\n"
		unlisted = `{"type":"track","event":"Other","properties":{"email":"ann@example.com"}}` + "\n"
		named    = `{"type":"track","event":"Ev","context":{"externalId":[{"type":"trengoContactId","id":7}]}}` + "\n"
		naming   = `{"type":"identify","traits":{"name":"Bo"},"context":{"externalId":[{"type":"trengoContactId","id":7}]}}` + "\n"
		elsewise = `{"type":"track","event":"Ev","properties":{"email":"ann@example.com"},"context":{"externalId":[{"type":"trengoChannelId","id":6}]}}` + "\n"
		phone    = `{"type":"identify","traits":{"phone":"+31612345678","name":"Ann"}}` + "\n"
		phones   = `{"type":"track","event":"Ev","traits":{"phone":"31612345678"}}` + "\n" + `{"type":"track","event":"Ev","traits":{"phone":"0031 6 12345678"}}` + "\n"
		nobodys  = `{"type":"track","event":"Ev"}` + "\n"
	)
	plain := trengo.DestinationConfig{ChannelID: 5, PeopleTTL: time.Hour, EventTemplates: map[string]string{"Ev": "{{ x }}"}}
	creating, duplicating := plain, plain
	creating.CreateMissingContacts = true
	duplicating.AllowDuplicates = true
	phoning := plain
	phoning.ChannelIdentifier = trengo.IdentifierPhone
	tests := []struct {
		name        string
		config      trengo.DestinationConfig
		events      string
		least, most int
		people      int
	}{
		{"nothing to do", plain, unlisted + nobodys + "{\n" + `{"type":"page"}` + "\n", 0, 0, 0},
		{"an identify", plain, identify, 1, 2, 1},
		{"the same again", plain, identify + identify, 1, 2, 1},
		{"another name", plain, identify + renamed, 2, 3, 1},
		{"without a name", plain, nameless, 1, 2, 1},
		{"a name later", plain, nameless + identify, 1, 3, 1},
		{"no name later", plain, identify + nameless, 1, 2, 1},
		{"a track", plain, track, 3, 3, 1},
		{"two tracks", plain, track + track, 4, 4, 1},
		{"a track after an identify", plain, identify + track, 3, 4, 1},
		{"a track before an identify", plain, track + identify, 3, 4, 1},
		{"a track that may create", creating, track + track, 4, 5, 1},
		{"duplicates", duplicating, identify + identify + track, 4, 4, 1},
		{"a named contact", plain, named + named, 3, 3, 1},
		{"a named contact's name", plain, naming + naming + named, 3, 3, 1},
		{"spellings of a phone", phoning, phone + phones, 4, 5, 1},
		{"another channel", plain, track + elsewise, 5, 5, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := planOf(t, tt.config, tt.events)
			if got.least != tt.least || got.most != tt.most || got.people != tt.people {
				t.Errorf("%d to %d requests for %d people, want %d to %d for %d", got.least, got.most, got.people, tt.least, tt.most, tt.people)
			}
		})
	}
}

// The least and the most are what a replay takes, if Trengo knows everybody or
// nobody.
func TestPlanner_isWhatAReplayTakes(t *testing.T) {
	for _, known := range []bool{false, true} {
		t.Run(fmt.Sprintf("known %t", known), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, randomEvents(300, 40))
				d.settings.create = true
				d.SetRateLimit(1_000_000)
				if known {
					d.know(upTo(40)...)
				}
				config := must(d.settings.readConfig())
				plan := planOf(t, config, readFile(t, d.settings.events))
				want := plan.most
				if known {
					want = plan.least
				}
				d.replay().must(t, exitOK, "left 0", fmt.Sprintf("API requests %d", want), fmt.Sprintf("tickets %d", plan.tickets), fmt.Sprintf("skipped %d", plan.skipped))
			})
		})
	}
}

// Somebody who comes again after longer than they are remembered is searched
// for again.
func TestPlanner_forgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := upTo(400)
		d := newDesk(t, orders(people...)+orders(people...)+orders(1))
		d.know(people...)
		d.settings.remember = 5 * time.Minute // in which there are 600 requests
		config := must(d.settings.readConfig())
		plan := planOf(t, config, readFile(t, d.settings.events))
		d.replay().must(t, exitOK, fmt.Sprintf("API requests %d", plan.most))
		if searches := plan.most - plan.least; searches != 401 { // everybody once, and the first of them twice
			t.Errorf("%d further searches", searches)
		}
	})
}

// randomEvents are of people who tell their names before anything else.
func randomEvents(events, people int) string {
	random := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for _, person := range upTo(people) {
		fmt.Fprintf(&b, `{"type":"identify","traits":{"email":"p%d@example.com","name":"Person %d"}}`+"\n", person, person)
	}
	for range events {
		person := 1 + random.IntN(people)
		switch random.IntN(4) {
		case 0:
			fmt.Fprintf(&b, `{"type":"identify","traits":{"email":"p%d@example.com","name":"Person %d"}}`+"\n", person, person)
		case 1:
			b.WriteString(`{"type":"page"}` + "\n")
		default:
			b.WriteString(order(person))
		}
	}
	return b.String()
}

func TestPlanFile(t *testing.T) {
	d := newDesk(t, orders(upTo(9)...))
	d.know(upTo(9)...)
	d.settings.plan = true
	plan := func(prepare func(*settings)) string {
		con, stdout, _, _ := newConsole(orders(1, 2))
		s := d.settings
		prepare(&s)
		if err := planFile(s, con); err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(stdout.String()), " ")
	}
	mustSay := func(got string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in %s", want, got)
			}
		}
	}
	mustSay(plan(func(*settings) {}), "events to replay 9", "done before 0", "at least 19", "time at 120 a minute 10s to 10s")
	mustSay(plan(func(s *settings) { s.limit, s.rateLimit = 4, 30 }), "events to replay 4", "at least 9", "time at 30 a minute 18s to 18s")
	mustSay(plan(func(s *settings) { s.events, s.checkpoint = "-", "" }), "events to replay 2", "at least 5")
	if len(d.Requests()) > 0 {
		t.Error("a plan sends requests")
	}
	if _, err := os.Stat(d.settings.checkpoint); err == nil {
		t.Error("a plan leaves a checkpoint")
	}
	d.replay(func(s *settings, _ *console, _ chan<- os.Signal) { s.limit = 6 }).must(t, exitOK)
	mustSay(plan(func(*settings) {}), "events to replay 3", "done before 6", "at least 7")
}

// A plan does not wait for a rate limit that it will meet only later.
func TestPlanner_waitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if got := planOf(t, trengo.DestinationConfig{ChannelID: demoChannel, PeopleTTL: time.Hour, EventTemplates: map[string]string{"Order Completed": ""}}, orders(upTo(2000)...)); got.least != 4001 {
			t.Errorf("%d requests", got.least)
		}
	})
}
