package limit

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
)

// TestLimit_crowdedSearches lets somebody fill in web forms 600 times, with emails
// in which those of eight others occur. The events of these eight must cost
// everybody else no more than without.
func TestLimit_crowdedSearches(t *testing.T) {
	t.Parallel()
	const length = 30 * time.Minute
	quiet, attacked := runCrowd(t, length, 0), runCrowd(t, length, 600)
	for _, run := range []struct {
		name string
		crowdFigures
	}{{"without the contacts", quiet}, {"with the contacts", attacked}} {
		t.Logf("%-20s  others: %5.1f events a minute; the eight: %d of %d events served, %.2f searches and creations for each",
			run.name, float64(run.others)/length.Minutes(), run.served, run.events, float64(run.requests)/float64(run.events))
		if run.refused > 0 || run.wrong > 0 {
			t.Errorf("%s: %d events took somebody else's contact or failed otherwise, %d requests refused", run.name, run.wrong, run.refused)
		}
	}
	const percent = 98
	if least := quiet.others * percent / 100; attacked.others < least {
		t.Errorf("%d events of others, want at least %d", attacked.others, least)
	}
	if least := attacked.events * percent / 100; attacked.served < least {
		t.Errorf("%d of %d events of the eight served, want at least %d", attacked.served, attacked.events, least)
	}
}

type crowdFigures struct {
	others                int32 // events of others that were served
	events, served, wrong int32 // of the eight
	requests              int   // searches and creations for them
	refused               int   // requests
}

// runCrowd sends track events of others as fast as they are served, and one event
// a second for each of the eight: every fourth an identify event.
func runCrowd(t *testing.T, length time.Duration, crowd int) (f crowdFigures) {
	t.Helper()
	const short, others = 8, 50
	synctest.Test(t, func(t *testing.T) {
		srv := fixtures.New(t)
		srv.Behavior.Latency = 200 * time.Millisecond
		email := func(n int) string { return strings.Repeat("a", n) + "@example.com" }
		for i := range short {
			srv.AddContact(fixtures.EmailContact(int64(i+1), "Owner", email(i+1)))
		}
		for i := range others {
			srv.AddContact(fixtures.EmailContact(int64(1000+i), "Other", fmt.Sprintf("other%d@example.org", i)))
		}
		time.Sleep(time.Second) // the attacker's contacts are newer
		for i := range crowd {
			srv.AddContact(fixtures.EmailContact(0, "Somebody", fmt.Sprint(i, ".", email(short+1))))
		}
		destination := srv.NewDestination(trengo.DestinationConfig{})
		end := time.Now().Add(length)
		var events, served, wrong, othersServed atomic.Int32
		var wg sync.WaitGroup
		for i := range others {
			wg.Go(func() {
				for n := 0; time.Now().Before(end); n++ {
					_, err := destination.Process(t.Context(), fixtures.Track(fmt.Sprint(i, "-", n), fmt.Sprintf("other%d@example.org", i)))
					if err == nil && time.Now().Before(end) {
						othersServed.Add(1)
					}
				}
			})
		}
		for i := range short {
			wg.Go(func() {
				for n := 0; time.Now().Before(end); n++ {
					ev := fixtures.Track(fmt.Sprint("short", i, "-", n), email(i+1))
					if n%4 == 1 {
						ev = fixtures.Identify(fmt.Sprint("short", i, "-", n), email(i+1), "Owner")
					}
					result, err := destination.Process(t.Context(), ev)
					events.Add(1)
					switch {
					case err == nil && result.ContactID == int64(i+1):
						served.Add(1)
					case err == nil || !errors.Is(err, trengo.ErrAmbiguousContact):
						wrong.Add(1)
					}
					time.Sleep(time.Second)
				}
			})
		}
		wg.Wait()
		f = crowdFigures{others: othersServed.Load(), events: events.Load(), served: served.Load(), wrong: wrong.Load()}
		f.refused = testkit.CountStatus(srv.Server, http.StatusTooManyRequests)
		for _, r := range srv.Requests() {
			isSearch := r.Method == http.MethodGet && strings.HasPrefix(r.Query.Get("term"), "a")
			if isSearch || strings.HasSuffix(r.Path, "/contacts") && r.Method == http.MethodPost {
				f.requests++
			}
		}
	})
	return f
}
