package trengo_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
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

// What cannot be answered before its deadline would have an unknown outcome, so
// it is not sent, even if the limit leaves room.
func TestLimit_tooLateToBeAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := trengotest.New()
		client := newClient(t, srv, trengo.WithMaxRetries(0))
		call := func(latency, left time.Duration) error {
			srv.Behavior.Latency = latency
			ctx, cancel := context.WithTimeout(t.Context(), left)
			defer cancel()
			return client.Do(ctx, trengo.Request{Method: http.MethodPost, Path: "/tickets"}, nil)
		}
		answered := trengo.ErrUnprocessable
		if err := call(200*time.Millisecond, time.Second); !errors.Is(err, answered) {
			t.Fatal(err)
		}
		err := call(200*time.Millisecond, 100*time.Millisecond)
		if errors.Is(err, trengo.ErrOutcomeUnknown) || !errors.Is(err, context.DeadlineExceeded) || errorOf(t, err).Attempts > 0 {
			t.Errorf("with half a round trip left: %v", err)
		}
		if n := len(srv.Requests()); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
		// One slow answer is not taken for the rule.
		if err := call(2*time.Second, 3*time.Second); !errors.Is(err, answered) {
			t.Error(err)
		}
		if err := call(200*time.Millisecond, 500*time.Millisecond); !errors.Is(err, answered) {
			t.Errorf("after a slow answer: %v", err)
		}
		// What was slow once does not keep everybody away for ever.
		for range 20 {
			call(2*time.Second, 3*time.Second)
		}
		time.Sleep(time.Minute)
		if err := call(50*time.Millisecond, 100*time.Millisecond); !errors.Is(err, answered) {
			t.Errorf("a minute later: %v", err)
		}
	})
}
