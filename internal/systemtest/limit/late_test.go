package limit

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// Trengo counts requests up to a minute after the client, or its caller, has
// given them up. For half a minute in every three, all are counted that late.
func TestLimit_abandonedAttempts(t *testing.T) {
	t.Parallel()
	const length = 15 * time.Minute
	tests := []struct {
		name    string
		late    time.Duration
		timeout time.Duration // besides the round trip
		cancel  bool          // by the caller's context
	}{
		{"timeout of a second", 50 * time.Second, time.Second, false},
		{"timeout of 30 seconds", 50 * time.Second, 30 * time.Second, false},
		{"canceled after three seconds", 50 * time.Second, 3 * time.Second, true},
		{"counted after a minute", 59 * time.Second, time.Second, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			atAlignments(t, 5*time.Second, func(s *situation) {
				began := time.Now()
				s.InjectFunc(func(r trengotest.Request) trengotest.Fault {
					if r.Time.Sub(began)%(3*time.Minute) < 30*time.Second {
						return trengotest.Late(tt.late)
					}
					return trengotest.Fault{}
				})
				timeout := tt.timeout + s.roundTrip
				givesUp := trengo.WithTimeout(timeout)
				if tt.cancel {
					givesUp = cancelSent(timeout)
				}
				client := s.NewClient(givesUp, trengo.WithMaxRetries(2))
				call := func() error {
					ctx, cancel := context.WithCancel(s.t.Context())
					defer cancel()
					return client.Do(context.WithValue(ctx, cancelKey{}, cancel), trengo.Request{Path: "/contacts"}, nil)
				}
				var b backlog
				var wg sync.WaitGroup
				for range 64 {
					wg.Go(func() {
						for time.Since(began) < length {
							if call() == nil {
								b.note()
							}
						}
					})
				}
				wg.Wait()
				time.Sleep(time.Minute) // the last ones are counted
				s.figures.add(float64(len(b.ended))/length.Minutes(), "responses a minute")
				if n := s.refused(); n > 0 {
					s.Errorf("%d 429s", n)
				}
			})
		})
	}
}

type cancelKey struct{}

// cancelSent cancels calls a while after they have got their slot.
func cancelSent(after time.Duration) trengo.Option {
	return trengo.WithTokenSource(func(ctx context.Context) (string, error) {
		time.AfterFunc(after, ctx.Value(cancelKey{}).(context.CancelFunc))
		return trengotest.Token, nil
	})
}

// After an outage in which no request got a response, the slots rest for two
// minutes at most. Then the whole limit is used again.
func TestLimit_afterAnOutage(t *testing.T) {
	t.Parallel()
	const (
		ends   = 10 * time.Minute
		length = ends + 10*time.Minute
	)
	for name, fault := range map[string]trengotest.Fault{
		"lost connections": trengotest.LostAfter(),
		"timeouts":         trengotest.Slow(time.Hour),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			atAlignments(t, 20*time.Second, func(s *situation) {
				began := time.Now()
				s.InjectFunc(func(r trengotest.Request) trengotest.Fault {
					if r.Time.Sub(began) < ends {
						return fault
					}
					return trengotest.Fault{}
				})
				client := s.NewClient()
				var b backlog
				var wg sync.WaitGroup
				for range 64 {
					wg.Go(func() {
						for time.Since(began) < length {
							if client.Do(s.t.Context(), trengo.Request{Path: "/contacts"}, nil) == nil {
								b.note()
							}
						}
					})
				}
				wg.Wait()
				ended := began.Add(ends)
				first := slices.MinFunc(b.ended, time.Time.Compare).Sub(ended)
				s.figures.add(float64(len(s.Requests())-len(b.ended))/ends.Minutes(), "requests a minute in the outage")
				s.figures.add(first.Seconds(), "seconds until the first response")
				s.figures.add(float64(b.between(ended, ended.Add(5*time.Minute))), "responses in the first five minutes")
				if first > 2*time.Minute+s.roundTrip {
					s.Errorf("the first response comes %s after the outage", first)
				}
				most := 5 * serverLimit * serverWindow.Seconds() / (serverWindow + s.roundTrip).Seconds()
				if n := b.between(ended.Add(5*time.Minute), ended.Add(10*time.Minute)); float64(n) < 0.9*most {
					s.Errorf("%d responses in the second five minutes, want 90 %% of %.0f", n, most)
				}
			})
		})
	}
}
