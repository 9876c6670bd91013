package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/examples/backfill/internal/input"
	"github.com/trengo-go/trengo/trengotest"
)

func planOf(t *testing.T, config trengo.DestinationConfig, events string) estimate {
	t.Helper()
	p, err := newPlanner(config, trengo.DefaultRateLimit)
	if err != nil {
		t.Fatal(err)
	}
	for text := range strings.Lines(events) {
		p.add(input.Event{Text: []byte(text)})
	}
	return p.estimate
}

func TestPlanner(t *testing.T) {
	t.Parallel()
	const (
		identify     = `{"type":"identify","traits":{"email":"ann@example.com","name":"Ann"}}` + "\n"
		renamed      = `{"type":"identify","traits":{"email":"ANN@example.com","name":"Ann Lee"}}` + "\n"
		nameless     = `{"type":"identify","traits":{"email":"ann@example.com"}}` + "\n"
		track        = `{"type":"track","event":"Ev","properties":{"email":" ann@example.com"}}` + "\n"
		unlisted     = `{"type":"track","event":"Other","properties":{"email":"ann@example.com"}}` + "\n"
		trackByID    = `{"type":"track","event":"Ev","context":{"externalId":[{"type":"trengoContactId","id":7}]}}` + "\n"
		identifyByID = `{"type":"identify","traits":{"name":"Bo"},"context":{"externalId":[{"type":"trengoContactId","id":7}]}}` + "\n"
		otherChannel = `{"type":"track","event":"Ev","properties":{"email":"ann@example.com"},"context":{"externalId":[{"type":"trengoChannelId","id":6}]}}` + "\n"
		phone        = `{"type":"identify","traits":{"phone":"+31612345678","name":"Ann"}}` + "\n"
		phones       = `{"type":"track","event":"Ev","traits":{"phone":"31612345678"}}` + "\n" + `{"type":"track","event":"Ev","traits":{"phone":"0031 6 12345678"}}` + "\n"
		anonymous    = `{"type":"track","event":"Ev"}` + "\n"
	)
	plain := trengo.DestinationConfig{ChannelID: 5, PeopleTTL: time.Hour, EventTemplates: map[string]string{"Ev": "{{ x }}"}}
	creating, duplicating, byPhone := plain, plain, plain
	creating.CreateMissingContacts = true
	duplicating.AllowDuplicates = true
	byPhone.ChannelIdentifier = trengo.IdentifierPhone
	tests := []struct {
		name     string
		config   trengo.DestinationConfig
		events   string
		min, max int // requests
		people   int
	}{
		{"nothing to do", plain, unlisted + anonymous + "{\n" + `{"type":"page"}` + "\n", 0, 0, 0},
		{"identify", plain, identify, 1, 2, 1},
		{"identify twice", plain, identify + identify, 1, 2, 1},
		{"another name", plain, identify + renamed, 2, 3, 1},
		{"without a name", plain, nameless, 1, 2, 1},
		{"name later", plain, nameless + identify, 1, 3, 1},
		{"no name later", plain, identify + nameless, 1, 2, 1},
		{"track", plain, track, 3, 3, 1},
		{"track twice", plain, track + track, 4, 4, 1},
		{"track after identify", plain, identify + track, 3, 4, 1},
		{"track before identify", plain, track + identify, 3, 4, 1},
		{"track that may create", creating, track + track, 4, 5, 1},
		{"duplicates", duplicating, identify + identify + track, 4, 4, 1},
		{"track by contact ID", plain, trackByID + trackByID, 3, 3, 1},
		{"identify by contact ID", plain, identifyByID + identifyByID + trackByID, 3, 3, 1},
		{"spellings of a phone number", byPhone, phone + phones, 4, 5, 1},
		{"another channel", plain, track + otherChannel, 5, 5, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := planOf(t, tt.config, tt.events)
			if got.minRequests != tt.min || got.maxRequests != tt.max || got.people != tt.people {
				t.Errorf("%d to %d requests for %d people, want %d to %d for %d", got.minRequests, got.maxRequests, got.people, tt.min, tt.max, tt.people)
			}
		})
	}
}

// A replay takes the minimum if Trengo knows everyone, and the maximum if it
// knows no one.
func TestPlanner_matchesReplay(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{false, true} {
		t.Run(fmt.Sprintf("known %t", known), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fx := newFixture(t, randomEvents(300, 40))
				fx.settings.create = true
				fx.SetRateLimit(1_000_000)
				if known {
					fx.addPeople(upTo(40)...)
				}
				config := must(fx.settings.readConfig())
				plan := planOf(t, config, readFile(t, fx.settings.events))
				want := plan.maxRequests
				if known {
					want = plan.minRequests
				}
				fx.replay().check(t, exitOK, "left 0", fmt.Sprintf("API requests %d", want), fmt.Sprintf("tickets %d", plan.tickets), fmt.Sprintf("skipped %d", plan.skipped))
			})
		})
	}
}

// A person who returns after -remember is searched for again.
func TestPlanner_forgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		people := upTo(400)
		fx := newFixture(t, orders(people...)+orders(people...)+orders(1))
		fx.addPeople(people...)
		fx.settings.remember = 5 * time.Minute // the time of 600 requests
		config := must(fx.settings.readConfig())
		plan := planOf(t, config, readFile(t, fx.settings.events))
		fx.replay().check(t, exitOK, fmt.Sprintf("API requests %d", plan.maxRequests))
		if searches := plan.maxRequests - plan.minRequests; searches != 401 { // everyone once more, and the first person twice
			t.Errorf("%d further searches", searches)
		}
	})
}

// randomEvents begin with an identify of each person.
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
	t.Parallel()
	fx := newFixture(t, orders(upTo(9)...))
	fx.addPeople(upTo(9)...)
	fx.settings.plan = true
	plan := func(prepare func(*settings)) string {
		std, stdout, _, _ := newStdio(orders(1, 2))
		s := fx.settings
		prepare(&s)
		if _, err := planFile(s, std); err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(stdout.String()), " ")
	}
	check := func(got string, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if !strings.Contains(got, text) {
				t.Errorf("no %q in %s", text, got)
			}
		}
	}
	check(plan(func(*settings) {}), "events to replay 9", "done before 0", "at least 19", "time at 120 a minute 10s to 10s")
	check(plan(func(s *settings) { s.limit, s.rateLimit = 4, 30 }), "events to replay 4", "at least 9", "time at 30 a minute 18s to 18s")
	check(plan(func(s *settings) { s.events, s.checkpoint = "-", "" }), "events to replay 2", "at least 5")
	if len(fx.Requests()) > 0 {
		t.Error("a plan sends requests")
	}
	if _, err := os.Stat(fx.settings.checkpoint); err == nil {
		t.Error("a plan leaves a checkpoint")
	}
	fx.replay(withLimit(6)).check(t, exitOK)
	check(plan(func(*settings) {}), "events to replay 3", "done before 6", "at least 7")
}

// A plan does not wait for the rate limit.
func TestPlanner_doesNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		config := trengo.DestinationConfig{ChannelID: demoChannel, PeopleTTL: time.Hour, EventTemplates: map[string]string{"Order Completed": ""}}
		start := time.Now()
		if got := planOf(t, config, orders(upTo(2000)...)); got.minRequests != 4001 {
			t.Errorf("%d requests", got.minRequests)
		}
		if elapsed := time.Since(start); elapsed > time.Second {
			t.Errorf("a plan waits for %s", elapsed)
		}
	})
}

// A plan lists what would be lost, by the reason, and so does a run before it
// sends anything.
func TestPlanFile_losses(t *testing.T) {
	t.Parallel()
	const unknownType = `{"type":"page"}` + "\n"
	text := unknownType + orders(2, 3) + "{broken\n" + `{"batch":[` + strings.TrimSpace(order(5)) + `,{"type":"track","event":"Order Completed"},{"type":"screen"}]}` + "\n" +
		"[]\n" + `{"type":"identify","traits":{"email":"p8@example.com"}}` + "\n" + order(8) + strings.Repeat("{broken\n", 12) + `{"detail":{}}` + "\n"
	synctest.Test(t, func(t *testing.T) {
		fx := newFixture(t, text)
		fx.addPeople(upTo(9)...)
		losses := []string{
			"13 will fail: trengo: invalid event: it is not valid JSON lines 4, 9, 10, 11, 12, 13, 14, 15 and 5 more",
			"2 skipped: neither identify nor track lines 1, 5.3",
			"1 will fail: trengo: missing identifier: the event does not have an email line 5.2",
			"1 will fail: trengo: invalid event: it is not a JSON object line 6",
			"1 will fail: trengo: invalid event: it is an envelope of EventBridge: send only its detail line 21",
			"3 may fail: Trengo may not know the person (see -create-missing) lines 2, 3, 5",
		}
		plan := fx.plan()
		plan.check(t, exitFailed, append(losses, "events to replay 23", "will fail 16", "skipped 2", "What will not reach Trengo")...)
		fx.InjectFunc(func(trengotest.Request) trengotest.Fault { return trengotest.RespondHTML(http.StatusBadGateway) })
		early := fx.replay(withSignals(0, os.Interrupt))
		early.check(t, early.status, append(losses, "of 23 events, 16 will fail and 2 will be skipped")...)
		fx.InjectFunc(nil)
		fx.replay().check(t, exitFailed, "failed 16", "left 0")
		fx.plan().check(t, exitOK, "events to replay 0", "done before 23")
		fx.checkTickets(2, 3, 5, 8)
	})
}

// With the contacts created, or identified before, nobody is unknown.
func TestPlanFile_knownPeople(t *testing.T) {
	t.Parallel()
	fx := newFixture(t, orders(1))
	fx.settings.create = true
	if plan := fx.plan(); plan.status != exitOK || strings.Contains(plan.stdout, "What will not reach Trengo") {
		t.Errorf("status %d, plan\n%s", plan.status, plan.stdout)
	}
}

// An event can make up no more reasons than the memory has room for.
func TestLosses_bounded(t *testing.T) {
	t.Parallel()
	var all losses
	for n := range 10_000 {
		all.add(fmt.Sprintf("reason %d", n), input.Position{Number: n + 1, Line: n + 1})
	}
	var out strings.Builder
	all.print(&out)
	if lines := strings.Count(out.String(), "\n"); len(all) > maxReasons+1 || lines > 2*(maxReasons+1) || !strings.Contains(out.String(), "9950  "+otherReasons) {
		t.Errorf("%d reasons on %d lines:\n%s", len(all), lines, out.String())
	}
}
