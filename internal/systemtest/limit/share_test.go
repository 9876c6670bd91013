package limit

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
)

// Two processes with a backlog share the token evenly.
func TestLimit_twoProcesses(t *testing.T) {
	t.Parallel()
	step, length := 5*time.Second, 10*time.Minute
	if testkit.Soak() {
		step, length = time.Second, 30*time.Minute
	}
	atAlignments(t, step, func(s *situation) { s.checkShare(length, 0) })
}

// A process that finds another one at work gets its share of the token.
func TestLimit_secondProcessStartsLater(t *testing.T) {
	t.Parallel()
	atAlignments(t, 12*time.Second, func(s *situation) { s.checkShare(20*time.Minute, 3*time.Second) })
}

// A share is the use that two processes made of one limit.
type share struct {
	throughput float64 // part of the limit
	refused    float64 // part of the requests
	smaller    float64 // part of the served calls that the process with fewer of them made
}

func (s share) String() string {
	return fmt.Sprintf("%.1f %% of the limit, %.2f %% 429s, the smaller share is %.1f %%", 100*s.throughput, 100*s.refused, 100*s.smaller)
}

// checkShare lets two clients with one token work on a backlog each. The second
// one starts later by the delay.
func (s *situation) checkShare(length, delay time.Duration) {
	s.t.Helper()
	end := time.Now().Add(length)
	var processes [2]backlog
	var wg sync.WaitGroup
	for i := range processes {
		client := s.NewClient(trengo.WithMaxRetries(100))
		for range 64 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * delay)
				for time.Now().Before(end) {
					if err := client.Do(s.t.Context(), trengo.Request{Path: "/contacts"}, nil); err != nil {
						s.t.Error(err)
					}
					processes[i].note()
				}
			})
		}
	}
	wg.Wait()
	one, other := processes[0].between(time.Time{}, end), processes[1].between(time.Time{}, end)
	result := share{
		throughput: float64(one+other) / (length.Minutes() * serverLimit),
		refused:    float64(s.refused()) / float64(len(s.Requests())),
		smaller:    float64(min(one, other)) / float64(one+other),
	}
	s.figures.add(100*result.throughput, "% of the limit")
	s.figures.add(100*result.refused, "% 429s")
	s.figures.add(100*result.smaller, "% the smaller share")
	if s.roundTrip == slow {
		// A client cannot do better with responses that are seconds old: when the
		// last request of a window is counted, those of the last five seconds have
		// none yet, and a Retry-After is counted from five seconds ago.
		return
	}
	if result.throughput < 0.93 || result.refused > 0.02 || result.smaller < 0.4 {
		s.Errorf("%s, want at least 93 %%, at most 2 %% and at least 40 %%", result)
	}
}
