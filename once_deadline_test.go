package trengo_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
)

// Under a load that leaves no room for most, an event that needs two requests is
// begun only if it can be ended: a search whose create is refused would be made
// again at the next delivery, and use up the limit for nothing.
func TestProcess_beginsOnlyWhatItCanEnd(t *testing.T) {
	t.Parallel()
	const people, perSecond, deadline = 1200, 10, 8 * time.Second
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, creating)
		d.Behavior.Latency = 200 * time.Millisecond
		d.warmUp()
		d.ResetRequests()
		var wg sync.WaitGroup
		var mu sync.Mutex
		done := 0
		for i := range people {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Second / perSecond)
				ctx, cancel := context.WithTimeout(t.Context(), deadline)
				defer cancel()
				who := fmt.Sprintf("%d@example.com", i)
				ev := identifyFor("", who, "")
				if i%2 == 0 {
					ev = trackFor("", who) // search, contact, ticket
				}
				_, err := d.destination.Process(ctx, ev)
				switch {
				case err == nil:
					mu.Lock()
					defer mu.Unlock()
					done++
				case !errors.Is(err, trengo.ErrRateLimited):
					t.Errorf("event %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		searches, contacts, tickets := 0, 0, 0
		for _, r := range d.Requests() {
			switch {
			case r.Method == http.MethodGet:
				searches++
			case isTicket(r):
				tickets++
			default:
				contacts++
			}
		}
		minutes := time.Duration(people / perSecond * int(time.Second)).Minutes()
		t.Logf("%d of %d events done in %.0f minutes, with %d searches, %d contacts and %d tickets", done, people, minutes, searches, contacts, tickets)
		if wasted := searches - contacts; wasted > searches/20 {
			t.Errorf("%d of %d searches were in vain", wasted, searches)
		}
		if used := float64(searches+contacts+tickets) / (minutes * serverLimit); used < 0.95 {
			t.Errorf("%.0f %% of the limit were used", 100*used)
		}
	})
}
