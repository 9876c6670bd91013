package trengo_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// The later pages of a search go before what came after it.
func TestProcess_pagesOfASearchStayTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, creating)
		d.Behavior.Latency = 100 * time.Millisecond
		d.warmUp()
		for i := range 60 {
			d.AddContact(trengotest.Contact{Email: fmt.Sprintf("%dann@example.com", i)})
		}
		time.Sleep(2 * time.Minute)
		var wg sync.WaitGroup
		for range 62 {
			wg.Go(func() { _ = d.client.Do(t.Context(), trengo.Request{Path: "/users"}, nil) })
		}
		synctest.Wait()
		d.ResetRequests()
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			if _, err := d.destination.Process(ctx, trackFor("1", annsMail)); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		for range 20 {
			wg.Go(func() { _ = d.client.Do(t.Context(), trengo.Request{Path: "/users"}, nil) })
		}
		wg.Wait()
		begun, between := false, 0
		for _, r := range d.Requests() {
			switch {
			case r.Path == "/contacts":
				begun = true
			case isTicket(r):
				if between > 1 {
					t.Errorf("%d others were served between the search and the ticket", between)
				}
				return
			case begun && r.Method == http.MethodGet:
				between++
			}
		}
		t.Error("no ticket")
	})
}
