package limit

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
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
)

// outcomes counts calls that had a deadline.
type outcomes struct {
	served  atomic.Int32
	refused atomic.Int32 // with ErrRateLimited
	missed  atomic.Int32 // they waited, and failed at their deadline
}

// callWithDeadline makes 500 calls that have ten seconds each. Each refusal is
// passed to the function, with the time the call took.
func (s *situation) callWithDeadline(client *trengo.Client, refusal func(err error, took time.Duration)) *outcomes {
	s.t.Helper()
	var o outcomes
	var wg sync.WaitGroup
	for range 500 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
			defer cancel()
			began := time.Now()
			err := client.Do(ctx, trengo.Request{Path: "/contacts"}, nil)
			switch {
			case err == nil:
				o.served.Add(1)
			case errors.Is(err, trengo.ErrRateLimited):
				o.refused.Add(1)
				refusal(err, time.Since(began))
			default:
				o.missed.Add(1)
			}
		})
	}
	wg.Wait()
	s.figures.add(float64(o.served.Load()), "served")
	s.figures.add(float64(o.refused.Load()), "refused")
	return &o
}

// checkOutcomes fails if a call waited and missed its deadline, or if too few
// were served.
func (s *situation) checkOutcomes(o *outcomes, minServed int32) {
	s.t.Helper()
	if served, missed := o.served.Load(), o.missed.Load(); missed > 0 || served < minServed {
		s.Errorf("%d served, want at least %d; %d waited and missed their deadline", served, minServed, missed)
	}
}

// Calls that cannot be sent before their deadline fail at once, and their error
// says when to come back.
func TestLimit_deadlines(t *testing.T) {
	t.Parallel()
	atAlignments(t, time.Second, func(s *situation) {
		client := s.NewClient()
		new(backlog).run(s.t, client, 30, 30)
		o := s.callWithDeadline(client, func(err error, took time.Duration) {
			if advice := fixtures.ErrorOf(s.t, err).RetryAfter; took > 10*time.Millisecond || advice <= 0 {
				s.Errorf("refused after %s with the advice to wait %s", took, advice)
			}
		})
		s.checkOutcomes(o, 30)
	})
}

// Calls that wait are refused as soon as others delay them too much. Those that
// are on their way are not.
func TestLimit_deadlinesWhileOthersUseTheToken(t *testing.T) {
	t.Parallel()
	atAlignments(t, 10*time.Second, func(s *situation) {
		client := s.NewClient()
		new(backlog).run(s.t, client, 30, 30)
		time.AfterFunc(3*time.Second, func() { s.SpendRateLimit(serverLimit) })
		s.checkOutcomes(s.callWithDeadline(client, func(error, time.Duration) {}), 30)
	})
}

// A client without any response so far does not know the round trip.
func TestLimit_deadlinesOfANewClient(t *testing.T) {
	t.Parallel()
	atAlignments(t, 10*time.Second, func(s *situation) {
		s.checkOutcomes(s.callWithDeadline(s.NewClient(), func(error, time.Duration) {}), 60)
	})
}

// A request without time for a response would have an unknown outcome. It is
// not sent, even if the limit leaves room.
func TestLimit_noTimeForTheResponse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := fixtures.New(t)
		client := srv.NewClient(trengo.WithMaxRetries(0))
		call := func(latency, left time.Duration) error {
			srv.Behavior.Latency = latency
			ctx, cancel := context.WithTimeout(t.Context(), left)
			defer cancel()
			return client.Do(ctx, trengo.Request{Method: http.MethodPost, Path: "/tickets"}, nil)
		}
		responded := trengo.ErrUnprocessable // the response to a request without a body
		if err := call(200*time.Millisecond, time.Second); !errors.Is(err, responded) {
			t.Fatal(err)
		}
		err := call(200*time.Millisecond, 100*time.Millisecond)
		if errors.Is(err, trengo.ErrOutcomeUnknown) || !errors.Is(err, context.DeadlineExceeded) || fixtures.ErrorOf(t, err).Attempts > 0 {
			t.Errorf("with time for half a round trip: %v", err)
		}
		if n := len(srv.Requests()); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
		// One slow response does not count as the rule.
		if err := call(2*time.Second, 3*time.Second); !errors.Is(err, responded) {
			t.Error(err)
		}
		if err := call(200*time.Millisecond, 500*time.Millisecond); !errors.Is(err, responded) {
			t.Errorf("after a slow response: %v", err)
		}
		// Slow responses do not keep calls away for ever.
		for range 20 {
			call(2*time.Second, 3*time.Second)
		}
		time.Sleep(time.Minute)
		if err := call(50*time.Millisecond, 100*time.Millisecond); !errors.Is(err, responded) {
			t.Errorf("a minute after slow responses: %v", err)
		}
	})
}
