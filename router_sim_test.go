package trengo_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// simPatience is how long a simulation may take: longer means for ever.
const simPatience = 6 * time.Hour

// A simulation is RudderStack's router, the handler and Trengo together.
type simulation struct {
	loadPlan
	name   string
	arrays bool
	// meanwhile happens while events come and are delivered.
	meanwhile func(*simulation)
	// restarts says that processes follow each other. None knows what the one
	// before did and what it spent of the limit, so such a load has no replays.
	restarts bool
	hold     bool // refusals
	// most and longest are how many requests may be sent and how long it may
	// take, as a multiple of what is the least; 0: no matter, because much is in
	// vain.
	most, longest float64

	t       *testing.T
	srv     *trengotest.Server
	load    *load
	router  *router
	service *service
	began   time.Time

	mu      sync.Mutex
	tickets map[string]map[int64]bool // that a message was answered with
}

var (
	burst         = loadPlan{events: 5000, people: 1000, replays: true}
	burstByPhone  = loadPlan{kind: trengo.IdentifierPhone, events: 1500, people: 300, unordered: true, replays: true}
	burstInArrays = loadPlan{events: 5000, people: 1000, unordered: true, replays: true}
)

func simulations() []*simulation {
	return []*simulation{
		{name: "burst", most: 1.3, longest: 4, loadPlan: burst},
		{name: "burst, refusals held", hold: true, most: 1.3, longest: 1.5, loadPlan: burst},
		{name: "burst by phone", most: 1.15, longest: 4, loadPlan: burstByPhone},
		{name: "burst by phone, refusals held", hold: true, most: 1.15, longest: 1.5, loadPlan: burstByPhone},
		{name: "burst in arrays", arrays: true, most: 1.3, longest: 6, loadPlan: burstInArrays},
		{name: "burst in arrays, refusals held", hold: true, arrays: true, most: 1.3, longest: 4.5, loadPlan: burstInArrays},
		{
			name: "five times the limit", most: 1.15, longest: 1.5, meanwhile: hiccups,
			loadPlan: loadPlan{events: 6000, people: 1200, perMinute: 600, unordered: true, replays: true},
		},
		{name: "outage", meanwhile: outage, loadPlan: loadPlan{events: 1600, people: 400, perMinute: 40, unordered: true, replays: true}},
		{
			name: "outage by phone, refusals held", hold: true, meanwhile: outage,
			loadPlan: loadPlan{kind: trengo.IdentifierPhone, events: 1600, people: 400, perMinute: 40, replays: true},
		},
		{name: "revoked token", meanwhile: revokedToken, loadPlan: loadPlan{events: 1600, people: 400, perMinute: 40, replays: true}},
		{
			name: "graceful restart", restarts: true, most: 1.2, longest: 3, meanwhile: gracefulRestarts(1, 5*time.Minute),
			loadPlan: loadPlan{events: 5000, people: 1000, perMinute: 600, unordered: true},
		},
		{
			name: "graceful restarts by phone, refusals held", hold: true, restarts: true, meanwhile: gracefulRestarts(4, 3*time.Minute),
			loadPlan: loadPlan{kind: trengo.IdentifierPhone, events: 1200, people: 300, perMinute: 80},
		},
		{
			name: "kill", restarts: true, most: 1.2, longest: 3, meanwhile: kills(1, 2*time.Minute),
			loadPlan: loadPlan{events: 2000, people: 400, perMinute: 500, unordered: true},
		},
		{
			name: "kills by phone", restarts: true, meanwhile: kills(10, 70*time.Second),
			loadPlan: loadPlan{kind: trengo.IdentifierPhone, events: 1200, people: 300, perMinute: 80, unordered: true},
		},
	}
}

func TestRouter(t *testing.T) {
	t.Parallel()
	for _, sim := range simulations() {
		t.Run(sim.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				sim.t = t
				sim.run()
			})
		})
	}
}

// hiccups makes a few answers slow.
func hiccups(s *simulation) {
	s.srv.InjectFunc(func(r trengotest.Request) trengotest.Fault {
		if r.Seq%50 == 0 {
			return trengotest.Slow(2 * time.Second)
		}
		return trengotest.Fault{}
	})
}

// outage is half an hour without Trengo, in all the ways there are.
func outage(s *simulation) {
	s.srv.InjectFunc(func(r trengotest.Request) trengotest.Fault {
		switch since := r.Time.Sub(s.began); {
		case since < 5*time.Minute || since >= 35*time.Minute:
			return trengotest.Fault{}
		case since < 13*time.Minute:
			return trengotest.NoConnection()
		case since < 20*time.Minute:
			return trengotest.RespondHTML(http.StatusServiceUnavailable)
		case since < 25*time.Minute:
			return trengotest.Slow(time.Minute)
		default:
			return []trengotest.Fault{trengotest.LostAfter(), trengotest.LostBefore(), {}}[r.Seq%3]
		}
	})
}

func revokedToken(s *simulation) {
	time.Sleep(10 * time.Minute)
	s.srv.SetTokens("nobody-has-it")
	time.Sleep(20 * time.Minute)
	renewed := "renewed"
	s.srv.SetTokens(renewed)
	s.service.token.Store(&renewed)
}

// startUp is how long nobody listens between two processes.
const startUp = 3 * time.Second

func gracefulRestarts(times int, every time.Duration) func(*simulation) {
	return func(s *simulation) {
		for range times {
			time.Sleep(every)
			s.service.stop()
			time.Sleep(startUp)
			s.service.start()
		}
	}
}

func kills(times int, every time.Duration) func(*simulation) {
	return func(s *simulation) {
		for i := range times {
			// At another moment of a request's life each time.
			time.Sleep(every + time.Duration(i)*serviceLatency/4)
			s.service.kill()
			time.Sleep(startUp)
			s.service.start()
		}
	}
}

func (s *simulation) run() {
	s.srv = trengotest.New()
	s.srv.Behavior.Latency = serviceLatency
	s.srv.Behavior.PhoneMatch = trengotest.PhoneMatchNever // so that Trengo does not help out
	s.srv.AddChannel(trengotest.Channel{ID: deskMail, Type: "EMAIL"})
	s.srv.AddChannel(trengotest.Channel{ID: deskPhone, Type: "WA_BUSINESS"})
	cfg := trengo.DestinationConfig{
		ChannelID: deskMail, CreateMissingContacts: s.unordered, EventTemplates: map[string]string{loadEvent: loadSubject},
	}
	if s.kind == "" {
		s.kind = trengo.IdentifierEmail
	} else {
		byPhone(&cfg)
	}
	if underRace {
		s.events, s.people, s.most, s.longest = s.events/4, s.people/4, 0, 0
	}
	s.load = s.generate(1)
	s.load.seed(s.srv, cfg.ChannelID)
	s.tickets = map[string]map[int64]bool{}
	s.service = newService(s.t, s.srv, cfg, trengo.HandlerConfig{
		AllowUnauthenticated: true, RetryContactNotFound: !s.unordered, DelayRateLimited: s.hold, OnOutcome: s.note,
	})
	s.service.start()

	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	defer time.AfterFunc(simPatience, cancel).Stop()
	s.router = &router{transport: s.service, arrays: s.arrays}
	s.began = time.Now()
	s.router.start(ctx)
	var incidents sync.WaitGroup
	if s.meanwhile != nil {
		incidents.Go(func() { s.meanwhile(s) })
	}
	for _, ev := range s.load.events {
		if wait := ev.at - time.Since(s.began); wait > 0 {
			time.Sleep(wait)
		}
		s.router.enqueue(&ev.routerJob)
	}
	s.router.drain()
	incidents.Wait()
	s.check()
	s.print()
}

func (s *simulation) note(outcome trengo.Outcome, status int) {
	if status != http.StatusOK || outcome.Result.TicketID == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	message := outcome.Event.MessageID
	if s.tickets[message] == nil {
		s.tickets[message] = map[int64]bool{}
	}
	s.tickets[message][outcome.Result.TicketID] = true
}
