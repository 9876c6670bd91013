package trengo_test

import (
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// TestLimit_sideBySide lets the usual ways to keep to a limit work off the same
// backlog at the same server for half an hour.
func TestLimit_sideBySide(t *testing.T) {
	const (
		length     = 30 * time.Minute
		goroutines = 64
	)
	perMinute := func(n float64) rate.Limit { return rate.Limit(n / 60) }
	ways := []struct {
		name    string
		limiter *rate.Limiter // nil: the client of this package
	}{
		{"this package", nil},
		{"rate.Limiter, 2/s, burst 120", rate.NewLimiter(perMinute(120), 120)},
		{"rate.Limiter, 110/min, burst 10", rate.NewLimiter(perMinute(110), 10)},
		{"rate.Limiter, two thirds of the limit", rate.NewLimiter(perMinute(80), 1)},
	}
	most := 0
	for _, way := range ways {
		synctest.Test(t, func(t *testing.T) {
			srv := trengotest.New()
			srv.Behavior.Latency = 200 * time.Millisecond
			call := plainCall(t, srv, way.limiter)
			if way.limiter == nil {
				client := newClient(t, srv)
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
			refused := tooMany(srv)
			t.Logf("%-40s %6.1f calls a minute, %5.2f %% 429s", way.name,
				float64(served)/length.Minutes(), 100*float64(refused)/float64(len(srv.Requests())))
			if way.limiter == nil {
				most = served
				if refused > 0 {
					t.Errorf("%d 429s", refused)
				}
			}
			if served > most {
				t.Errorf("%s serves %d calls, this package %d", way.name, served, most)
			}
		})
	}
}

// plainCall is a client with a limiter that waits as long as a 429 says.
func plainCall(t *testing.T, srv *trengotest.Server, limiter *rate.Limiter) func() bool {
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
			time.Sleep(retryAfterOf(resp))
			return false
		}
		return true
	}
}
