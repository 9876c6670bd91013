package limit

import (
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
	"github.com/trengo-go/trengo/trengotest"
)

// TestLimit_sideBySide lets the common ways to keep to a limit work on the same
// backlog at the same server for half an hour.
func TestLimit_sideBySide(t *testing.T) {
	t.Parallel()
	const (
		length     = 30 * time.Minute
		goroutines = 64
	)
	perMinute := func(n float64) rate.Limit { return rate.Limit(n / 60) }
	ways := []struct {
		name    string
		limiter *rate.Limiter // nil: the client of this module
	}{
		{"this module", nil},
		{"rate.Limiter, 2/s, burst 120", rate.NewLimiter(perMinute(120), 120)},
		{"rate.Limiter, 110/min, burst 10", rate.NewLimiter(perMinute(110), 10)},
		{"rate.Limiter, two thirds of the limit", rate.NewLimiter(perMinute(80), 1)},
	}
	ours := 0
	for _, way := range ways {
		synctest.Test(t, func(t *testing.T) {
			srv := fixtures.New(t)
			srv.Behavior.Latency = 200 * time.Millisecond
			call := plainCall(t, srv, way.limiter)
			if way.limiter == nil {
				client := srv.NewClient()
				call = func() bool {
					return client.Do(t.Context(), trengo.Request{Path: "/contacts"}, nil) == nil
				}
			}
			end := time.Now().Add(length)
			var b backlog
			var wg sync.WaitGroup
			for range goroutines {
				wg.Go(func() {
					for time.Now().Before(end) {
						if call() {
							b.note()
						}
					}
				})
			}
			wg.Wait()
			served := b.between(time.Time{}, end)
			refused := testkit.CountStatus(srv.Server, http.StatusTooManyRequests)
			t.Logf("%-40s %6.1f calls a minute, %5.2f %% 429s", way.name,
				float64(served)/length.Minutes(), 100*float64(refused)/float64(len(srv.Requests())))
			if way.limiter == nil {
				ours = served
				if refused > 0 {
					t.Errorf("%d 429s", refused)
				}
			}
			if served > ours {
				t.Errorf("%s serves %d calls, this module %d", way.name, served, ours)
			}
		})
	}
}

// plainCall returns a function that makes a call with a limiter, and waits after
// a 429 as long as it says. It reports whether the call was served.
func plainCall(t *testing.T, srv *fixtures.Fixture, limiter *rate.Limiter) func() bool {
	t.Helper()
	client := srv.HTTPClient()
	return func() bool {
		if err := limiter.Wait(t.Context()); err != nil {
			t.Error(err)
			return false
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, trengotest.BaseURL+"/contacts", nil)
		if err != nil {
			t.Error(err)
			return false
		}
		req.Header.Set("Authorization", "Bearer "+trengotest.Token)
		req.Header.Set("Accept", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			t.Error(err)
			return false
		}
		defer resp.Body.Close()
		if resp.StatusCode == http.StatusTooManyRequests {
			seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
			time.Sleep(time.Duration(seconds) * time.Second)
			return false
		}
		return true
	}
}
