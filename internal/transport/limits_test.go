package transport

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A statement is a response that states a limit.
type statement struct {
	after  time.Duration // since the one before
	route  string
	limit  int
	says   string
	rtt    time.Duration
	expect int // the limit that is believed then
}

func TestLimits(t *testing.T) {
	const long = disputedFor
	tests := []struct {
		name       string
		statements []statement
	}{
		{"a route with a limit of its own", []statement{
			{0, "contacts", 120, "", 0, 120},
			{0, "reports", 40, "", 0, 120},
			{0, "contacts", 120, "", 0, 120},
			{long - 1, "reports", 40, "", 0, 120}, // contradicted since it began
			{0, "contacts", 120, "", 0, 120},
			{0, "reports", 40, "", 0, 120},
		}},
		{"a route with a limit of its own, first of all", []statement{
			{0, "reports", 40, "", 0, 120},
			{time.Second, "contacts", 120, "", 0, 120},
			{time.Second, "reports", 40, "", 0, 120},
		}},
		{"a route with a limit of its own that it enforces", []statement{
			{0, "reports", 40, "", 0, 120},
			{time.Second, "contacts", 120, "", 0, 120},
			{time.Second, "reports", 40, "429", 0, 120},
			{time.Second, "reports", 40, "", 0, 120},
		}},
		{"two routes with a limit of their own are contradicted once", []statement{
			{0, "reports", 40, "", 0, 120},
			{0, "exports", 40, "", 0, 40},
			{0, "contacts", 120, "", 0, 120},
			{time.Second, "reports", 40, "", 0, 120},
			{0, "exports", 40, "", 0, 120},
			{time.Second, "contacts", 120, "", 0, 120},
		}},
		{"the limit is lowered", []statement{
			{0, "contacts", 120, "", 0, 120},
			{0, "tickets", 120, "", 0, 120},
			{time.Second, "contacts", 60, "", 0, 120},
			{0, "tickets", 60, "", 0, 60},
			{time.Second, "contacts", 60, "", 0, 60},
		}},
		{"the limit is lowered below that of a route", []statement{
			{0, "reports", 40, "", 0, 120},
			{0, "contacts", 120, "", 0, 120},
			{time.Second, "reports", 20, "", 0, 120},
			{0, "contacts", 20, "", 0, 20},
		}},
		{"two routes state two lower limits", []statement{
			{0, "reports", 40, "", 0, 120},
			{0, "contacts", 60, "", 0, 60},
		}},
		{"the limit is lowered while responses are on their way", []statement{
			{time.Hour, "contacts", 60, "", 0, 120},
			{time.Second, "tickets", 120, "", 5 * time.Second, 120}, // sent before
			{time.Second, "tickets", 60, "", 0, 60},
			{time.Second, "contacts", 120, "", 5 * time.Second, 60},
		}},
		{"only one route is used", []statement{
			{0, "contacts", 60, "", 0, 120},
			{long - 1, "contacts", 60, "", 0, 120},
			{1, "contacts", 60, "", 0, 60},
		}},
		{"only one route is used, with other ids in the path", []statement{
			{0, "contacts/{id}", 60, "", 0, 120},
			{0, "contacts/{id}", 60, "", 0, 120},
		}},
		{"only one route is used, which enforces it", []statement{
			{0, "contacts", 60, "", 0, 120},
			{0, "contacts", 60, "429", 0, 60},
		}},
		{"only one route is used, until nothing remains", []statement{
			{0, "contacts", 60, "", 0, 120},
			{0, "contacts", 60, "0 remain", 0, 60},
		}},
		{"only one route is used, and the limit is raised", []statement{
			{0, "contacts", 750, "", 0, 120},
			{0, "contacts", 750, "", 0, 750},
			{0, "contacts", 1, "", 0, 120},
			{0, "contacts", 750, "", 0, 120},
			{0, "contacts", 750, "", 0, 750},
		}},
		{"a route that is used up beside another", []statement{
			{0, "contacts", 120, "", 0, 120},
			{time.Minute, "reports", 40, "", 0, 120},
			{0, "reports", 40, "0 remain", 0, 120},
			{0, "reports", 40, "429", 0, 120},
		}},
		{"a gateway's responses that nothing remains", []statement{
			{0, "contacts", 1, "0 remain", 0, 120},
			{0, "contacts", 1, "0 remain", 0, 120},
		}},
		{"a gateway's response", []statement{
			{0, "contacts", 120, "", 0, 120},
			{0, "contacts", 1, "", 0, 120},
			{0, "contacts", 120, "", 0, 120},
			{long, "tickets", 1, "", 0, 120}, // not the second of two
			{0, "contacts", 120, "", 0, 120},
		}},
		{"a gateway's 429s", []statement{
			{0, "contacts", 1, "429", 0, 120},
			{0, "contacts", 1, "429", 0, 120},
			{0, "contacts", 120, "", 0, 120},
			{0, "contacts", 1, "429", 0, 120},
		}},
		{"a gateway's responses to two routes", []statement{
			{0, "contacts", 1, "", 0, 120},
			{0, "tickets", 1, "", 0, 1},
			{time.Minute, "contacts", 120, "", 0, 120},
		}},
		{"a gateway with a high limit", []statement{
			{0, "contacts", 10000, "", 0, 120},
			{0, "contacts", 120, "", 0, 120},
			{0, "tickets", 10000, "", 0, 120},
			{0, "tickets", 120, "", 0, 120},
		}},
		{"a route with a higher limit of its own", []statement{
			{0, "contacts", 120, "", 0, 120},
			{0, "webhooks", 1000, "", 0, 120},
			{0, "contacts", 120, "", 0, 120},
			{long - 1, "webhooks", 1000, "429", 0, 120},
		}},
		{"the limit is raised", []statement{
			{0, "contacts", 120, "", 0, 120},
			{0, "contacts", 750, "", 0, 120},
			{0, "tickets", 750, "", 0, 750},
			{0, "users", 750, "", 0, 750},
		}},
		{"a higher limit of one route is given up at once", []statement{
			{0, "webhooks", 1000, "", 0, 120},
			{0, "webhooks", 1000, "", 0, 1000},
			{0, "contacts", 120, "", 0, 120},
			{0, "webhooks", 1000, "", 0, 120},
			{0, "webhooks", 1000, "", 0, 120},
		}},
		{"a higher limit of one route that another confirms", []statement{
			{0, "webhooks", 1000, "", 0, 120},
			{long, "webhooks", 1000, "", 0, 1000},
			{0, "contacts", 1000, "", 0, 1000},
			{0, "tickets", 60, "", 0, 1000},
		}},
		{"a lower limit was believed by mistake", []statement{
			{0, "reports", 40, "", 0, 120},
			{long, "reports", 40, "", 0, 40},
			{0, "contacts", 100, "", 0, 100},
			{0, "tickets", 120, "", 0, 120},
		}},
		{"a lower limit is believed again after two minutes without another route", []statement{
			{0, "reports", 40, "", 0, 120},
			{0, "contacts", 120, "", 0, 120},
			{long - 1, "reports", 40, "", 0, 120},
			{1, "reports", 40, "", 0, 40},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
			l := newLimits(120)
			for i, s := range tt.statements {
				now = now.Add(s.after)
				info := rateInfo{received: true, route: s.route, limit: s.limit, rtt: s.rtt}
				switch s.says {
				case "429":
					info.pause = time.Second
				case "0 remain":
					info.hasRemaining = true
				}
				l.hear(now, info)
				if l.present != s.expect {
					t.Errorf("after statement %d, by %s: the limit is %d, want %d", i+1, s.route, l.present, s.expect)
				}
			}
		})
	}
}

// Responses that state no limit change nothing, and what is remembered is
// bounded.
func TestLimits_bounds(t *testing.T) {
	l := newLimits(120)
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	l.hear(now, rateInfo{received: true, route: "contacts"})
	for i := range 1000 {
		l.hear(now, rateInfo{received: true, route: "tickets", limit: 120})
		l.hear(now, rateInfo{received: true, route: strconv.Itoa(i), limit: 40})
		if l.present != 120 || len(l.claims) > maxClaims {
			t.Fatalf("after %d routes: limit %d, %d claims", i+1, l.present, len(l.claims))
		}
	}
}

// A gateway on the way states a limit of its own in one response, of any status
// and with any number that remains. No call is slowed.
func TestLimits_oneResponseOfAGateway(t *testing.T) {
	for _, status := range []int{200, 403, 503, 504} {
		for _, remaining := range []string{"", "0", "1", "119"} {
			for _, limit := range []string{"1", "10", "100000"} {
				t.Run(strconv.Itoa(status)+", "+remaining+" of "+limit+" remain", func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						header := http.Header{headerLimit: {limit}}
						if remaining != "" {
							header.Set(headerRemaining, remaining)
						}
						server := &windowed{limit: 120, rtt: 100 * time.Millisecond}
						var sent atomic.Int32
						e := newEngine(roundTripper(func(r *http.Request) (*http.Response, error) {
							resp, err := server.RoundTrip(r)
							if sent.Add(1) == 3 {
								resp.StatusCode, resp.Header = status, header
							}
							return resp, err
						}), func(o *Options) { o.MaxRetries = 0 })
						for range 3 {
							_, _ = e.Do(t.Context(), newCall(http.MethodGet, true))
						}
						began := time.Now()
						drain(t, e, 50, 50)
						if took := time.Since(began); took != server.rtt {
							t.Errorf("50 calls take %s, want one round trip", took)
						}
						if server.tooMany > 0 {
							t.Errorf("%d requests got a 429", server.tooMany)
						}
					})
				})
			}
		}
	}
}

// However the routes state limits of their own, all calls together keep to the
// limit and use it.
func TestLimits_routesWithALimitOfTheirOwn(t *testing.T) {
	for name, stated := range map[string]map[string]string{
		"lower":            {"/reports": "40"},
		"two lower":        {"/reports": "40", "/exports": "40"},
		"lower and higher": {"/reports": "40", "/webhooks": "1000"},
		"one":              {"/reports": "1"},
		"higher":           {"/webhooks": "1000"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &windowed{limit: 120, rtt: 200 * time.Millisecond}
				rng, mu := rand.New(rand.NewPCG(1, 1)), sync.Mutex{}
				e := newEngine(roundTripper(func(r *http.Request) (*http.Response, error) {
					resp, err := server.RoundTrip(r)
					if limit := stated[callOf(r.Context()).req.Route]; limit != "" {
						resp.Header.Set(headerLimit, limit)
						mu.Lock()
						defer mu.Unlock()
						n, _ := strconv.Atoi(limit)
						resp.Header.Set(headerRemaining, strconv.Itoa(rng.IntN(n)))
					}
					return resp, err
				}))
				routes := []string{"/contacts", "/tickets", "/reports", "/exports", "/webhooks"}
				var wg sync.WaitGroup
				served := 0
				began := time.Now()
				for worker := range 40 {
					wg.Go(func() {
						for i := worker; time.Since(began) < 20*time.Minute; i++ {
							if _, err := e.Do(t.Context(), callOn(routes[i%len(routes)])); err != nil {
								t.Error(failureOf(t, err))
							}
							mu.Lock()
							// At the start, two routes may be believed until a third contradicts.
							if time.Since(began) > 5*time.Minute {
								served++
							}
							mu.Unlock()
						}
					})
				}
				wg.Wait()
				t.Logf("%d calls in the last 15 minutes", served)
				if server.tooMany > 0 || server.most > 120 {
					t.Errorf("%d requests got a 429, up to %d counted in a window", server.tooMany, server.most)
				}
				if served < 15*118 {
					t.Errorf("%d calls in the last 15 minutes, want 118 a minute", served)
				}
			})
		})
	}
}
