package trengo_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// withDeadline makes calls that have ten seconds each, and counts those that
// were sent, those that were refused, and those that were told to wait and
// missed their deadline.
func withDeadline(t *testing.T, client *trengo.Client, callers int) (served, refused, missed int) {
	t.Helper()
	var counts [3]atomic.Int32
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			err := client.Do(ctx, trengo.Request{Path: "/contacts"}, nil)
			switch {
			case err == nil:
				counts[0].Add(1)
			case errors.Is(err, trengo.ErrRateLimited):
				counts[1].Add(1)
			default:
				counts[2].Add(1)
			}
		})
	}
	wg.Wait()
	return int(counts[0].Load()), int(counts[1].Load()), int(counts[2].Load())
}

// Whose turn is put off by what others do is told so; only what was already on
// its way is not.
func TestLimit_deadlinesBesideSomebodyElse(t *testing.T) {
	t.Parallel()
	atLimit(t, 10*time.Second, func(t *testing.T, srv *trengotest.Server, _, since time.Duration) {
		client := newClient(t, srv)
		var b backlog
		b.run(t, client, 30, 30)
		time.AfterFunc(3*time.Second, func() { srv.SpendRateLimit(serverLimit) })
		served, refused, missed := withDeadline(t, client, 500)
		t.Logf("window open since %s: %d served, %d refused, %d missed", since, served, refused, missed)
		if missed > 0 || served < 30 {
			t.Errorf("window open since %s: %d served, %d missed their deadline", since, served, missed)
		}
	})
}

// A client that has had no answer yet does not know how long one takes.
func TestLimit_deadlinesOfANewClient(t *testing.T) {
	t.Parallel()
	atLimit(t, 10*time.Second, func(t *testing.T, srv *trengotest.Server, _, since time.Duration) {
		served, refused, missed := withDeadline(t, newClient(t, srv), 500)
		t.Logf("window open since %s: %d served, %d refused, %d missed", since, served, refused, missed)
		if missed > 0 || served < 60 {
			t.Errorf("window open since %s: %d served, %d missed their deadline", since, served, missed)
		}
	})
}
