package router

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// simulationTimeout is how long a simulation may take in virtual time. One that
// takes longer would take for ever.
const simulationTimeout = 6 * time.Hour

// A simulation is RudderStack's router, the handler and Trengo together.
type simulation struct {
	loadConfig
	name    string
	large   bool // runs at its size only with -soak
	batches bool
	// incidents happen while events arrive and are delivered.
	incidents func(*simulation)
	// restarts says that one process follows another. A new process knows
	// neither what was handled before it nor what was spent of the limit, so
	// such a load does not contain replays.
	restarts bool
	delay    bool // HandlerConfig.DelayRateLimited
	// maxRequests and maxDuration are bounds as multiples of the least possible.
	// Zero means none: many attempts must fail.
	maxRequests, maxDuration float64

	t       *testing.T
	srv     *fixtures.Fixture
	load    *load
	router  *router
	service *service
	began   time.Time

	mu      sync.Mutex
	tickets map[string]map[int64]bool // that were reported for a message
}

var (
	burst        = loadConfig{events: 5000, people: 1000, replays: true}
	phoneBurst   = loadConfig{kind: trengo.IdentifierPhone, events: 1500, people: 300, unordered: true, replays: true}
	batchedBurst = loadConfig{events: 5000, people: 1000, unordered: true, replays: true}
)

func simulations() []*simulation {
	return []*simulation{
		{name: "burst", large: true, maxRequests: 1.3, maxDuration: 4, loadConfig: burst},
		{name: "burst, refusals delayed", large: true, delay: true, maxRequests: 1.3, maxDuration: 1.5, loadConfig: burst},
		{name: "burst, phone numbers", large: true, maxRequests: 1.15, maxDuration: 4, loadConfig: phoneBurst},
		{name: "burst, phone numbers, refusals delayed", large: true, delay: true, maxRequests: 1.15, maxDuration: 1.5, loadConfig: phoneBurst},
		{name: "burst in arrays", large: true, batches: true, maxRequests: 1.3, maxDuration: 6, loadConfig: batchedBurst},
		{
			name: "burst in arrays, refusals delayed", large: true, delay: true, batches: true,
			maxRequests: 1.3, maxDuration: 4.5, loadConfig: batchedBurst,
		},
		{
			name: "five times the limit", large: true, maxRequests: 1.15, maxDuration: 1.5, incidents: slowResponses,
			loadConfig: loadConfig{events: 6000, people: 1200, perMinute: 600, unordered: true, replays: true},
		},
		{
			name: "outage", incidents: outage,
			loadConfig: loadConfig{events: 1600, people: 400, perMinute: 40, unordered: true, replays: true},
		},
		{
			name: "outage, phone numbers, refusals delayed", delay: true, incidents: outage,
			loadConfig: loadConfig{kind: trengo.IdentifierPhone, events: 1600, people: 400, perMinute: 40, replays: true},
		},
		{
			name: "revoked token", incidents: revokedToken,
			loadConfig: loadConfig{events: 1600, people: 400, perMinute: 40, replays: true},
		},
		{
			name: "graceful restart", large: true, restarts: true, maxRequests: 1.2, maxDuration: 3,
			incidents:  gracefulRestarts(1, 5*time.Minute),
			loadConfig: loadConfig{events: 5000, people: 1000, perMinute: 600, unordered: true},
		},
		{
			name: "graceful restarts, phone numbers, refusals delayed", delay: true, restarts: true,
			incidents:  gracefulRestarts(4, 3*time.Minute),
			loadConfig: loadConfig{kind: trengo.IdentifierPhone, events: 1200, people: 300, perMinute: 80},
		},
		{
			name: "kill", large: true, restarts: true, maxRequests: 1.2, maxDuration: 3, incidents: kills(1, 2*time.Minute),
			loadConfig: loadConfig{events: 2000, people: 400, perMinute: 500, unordered: true},
		},
		{
			name: "kills, phone numbers", restarts: true, incidents: kills(10, 70*time.Second),
			loadConfig: loadConfig{kind: trengo.IdentifierPhone, events: 1200, people: 300, perMinute: 80, unordered: true},
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

// slowResponses makes a few responses slow.
func slowResponses(s *simulation) {
	s.srv.InjectFunc(func(r trengotest.Request) trengotest.Fault {
		if r.Seq%50 == 0 {
			return trengotest.Slow(2 * time.Second)
		}
		return trengotest.Fault{}
	})
}

// outage takes Trengo away for half an hour, in several ways.
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

// revokedToken revokes the token after ten minutes. The service gets a new one
// 20 minutes later.
func revokedToken(s *simulation) {
	time.Sleep(10 * time.Minute)
	s.srv.SetTokens("not-the-service's")
	time.Sleep(20 * time.Minute)
	renewed := "renewed"
	s.srv.SetTokens(renewed)
	s.service.token.Store(&renewed)
}

// startUp is the time without a process between two of them.
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
			// Each kill meets requests at another point.
			time.Sleep(every + time.Duration(i)*serviceLatency/4)
			s.service.kill()
			time.Sleep(startUp)
			s.service.start()
		}
	}
}

func (s *simulation) run() {
	s.srv = fixtures.New(s.t)
	s.srv.Behavior.Latency = serviceLatency
	s.srv.Behavior.PhoneMatch = trengotest.PhoneMatchNever // so that Trengo prevents no duplicates
	if s.kind == "" {
		s.kind = trengo.IdentifierEmail
	}
	if testkit.UnderRace || s.large && !testkit.Soak() {
		// The end of a load, with few events left, is most of a small one's time.
		s.events, s.people, s.maxDuration = s.events/4, s.people/4, 0
	}
	s.load = s.generate(1)
	s.load.addContacts(s.srv)
	s.tickets = map[string]map[int64]bool{}
	s.service = newService(s.t, s.srv, trengo.DestinationConfig{
		ChannelIdentifier: s.kind, CreateMissingContacts: s.unordered,
		EventTemplates: map[string]string{loadEventName: loadSubject},
	}, trengo.HandlerConfig{
		AllowUnauthenticated: true, RetryContactNotFound: !s.unordered, DelayRateLimited: s.delay, OnOutcome: s.note,
	})
	s.service.start()

	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	defer time.AfterFunc(simulationTimeout, cancel).Stop()
	s.router = &router{transport: s.service, batches: s.batches}
	s.began = time.Now()
	s.router.start(ctx)
	var incidents sync.WaitGroup
	if s.incidents != nil {
		incidents.Go(func() { s.incidents(s) })
	}
	for _, ev := range s.load.events {
		if wait := ev.at - time.Since(s.began); wait > 0 {
			time.Sleep(wait)
		}
		s.router.enqueue(&ev.job)
	}
	s.router.drain()
	incidents.Wait()
	s.check()
	s.log()
}

// note records the ticket that the handler reports for a message.
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
