package limit

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
)

const (
	serverLimit  = 120
	serverWindow = time.Minute
)

// slow is a round trip that is long compared with the pace of the limit.
const slow = 5 * time.Second

var roundTrips = []time.Duration{time.Millisecond, 200 * time.Millisecond, slow}

// A situation is a server to which requests take some time, and whose window is
// open since some time.
type situation struct {
	*fixtures.Fixture
	t         *testing.T
	roundTrip time.Duration
	since     time.Duration
	figures   *figures
}

// Errorf adds to the message which situation it is.
func (s *situation) Errorf(format string, args ...any) {
	s.t.Helper()
	s.t.Errorf("window open since %s: %s", s.since, fmt.Sprintf(format, args...))
}

// atAlignments runs the test in a bubble for each round trip and at each step of
// the server's window. Without -soak the steps are longer.
func atAlignments(t *testing.T, step time.Duration, test func(s *situation)) {
	t.Helper()
	if !testkit.Soak() {
		const longest = 20 * time.Second // so that there are three alignments
		step = min(5*step, longest)
	}
	for _, roundTrip := range roundTrips {
		t.Run("round trip "+roundTrip.String(), func(t *testing.T) {
			t.Parallel()
			var f figures
			for since := time.Duration(0); since < serverWindow; since += step {
				synctest.Test(t, func(t *testing.T) {
					s := &situation{Fixture: fixtures.New(t), t: t, roundTrip: roundTrip, since: since, figures: &f}
					s.Behavior.Latency = roundTrip
					s.SpendRateLimit(0)
					time.Sleep(since)
					test(s)
				})
			}
			f.log(t)
		})
	}
}

// refused returns how many requests were refused with a 429.
func (s *situation) refused() int { return testkit.CountStatus(s.Server, http.StatusTooManyRequests) }

// figures are the results of a test at several alignments.
type figures struct {
	units  []string
	values map[string][]float64
}

// add adds a result. Results with the same unit belong together.
func (f *figures) add(value float64, unit string) {
	if f.values == nil {
		f.values = map[string][]float64{}
	}
	if !slices.Contains(f.units, unit) {
		f.units = append(f.units, unit)
	}
	f.values[unit] = append(f.values[unit], value)
}

func (f *figures) log(t *testing.T) {
	t.Helper()
	for _, unit := range f.units {
		values := f.values[unit]
		slices.Sort(values)
		t.Logf("%.2f %.2f %.2f %s (least, median, greatest of %d)",
			values[0], values[len(values)/2], values[len(values)-1], unit, len(values))
	}
}

// A backlog is calls that many goroutines make as fast as the client lets them.
type backlog struct {
	mu    sync.Mutex
	ended []time.Time // when each call returned
}

func (b *backlog) note() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = append(b.ended, time.Now())
}

// between returns how many calls returned in an interval.
func (b *backlog) between(from, to time.Time) (n int) {
	for _, at := range b.ended {
		if !at.Before(from) && at.Before(to) {
			n++
		}
	}
	return n
}

func (b *backlog) run(t *testing.T, client *trengo.Client, calls, goroutines int) {
	t.Helper()
	var remaining atomic.Int64
	remaining.Store(int64(calls))
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for remaining.Add(-1) >= 0 {
				if err := client.Do(t.Context(), trengo.Request{Path: "/contacts"}, nil); err != nil {
					t.Error(err)
				}
				b.note()
			}
		})
	}
	wg.Wait()
}
