package trengo_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

// BenchmarkLimit_backlog and BenchmarkLimit_twoProcesses look at the limit at
// every second of the server's window, which takes longer than a test should.

func BenchmarkLimit_backlog(b *testing.B) {
	for b.Loop() {
		atEverySecond(b, func(t *testing.T, srv *trengotest.Server, roundTrip time.Duration) []figure {
			part := workOff(t, srv, roundTrip, 10_000)
			refused := tooMany(srv)
			if part < leastAlone || refused > 0 {
				t.Errorf("%.1f %% of the limit and %d 429s, want 99.5 %% and none", 100*part, refused)
			}
			return []figure{{"% of the limit", 100 * part}, {"429s", float64(refused)}}
		})
	}
}

func BenchmarkLimit_twoProcesses(b *testing.B) {
	for b.Loop() {
		atEverySecond(b, func(t *testing.T, srv *trengotest.Server, roundTrip time.Duration) []figure {
			s := shareToken(t, srv, 30, 0)
			if !s.holds(roundTrip) {
				t.Errorf("%s, want at least 93 %%, at most 2 %% and at least 40 %%", s)
			}
			return []figure{{"% of the limit", 100 * s.throughput}, {"% 429s", 100 * s.refused}, {"% the smaller share", 100 * s.smaller}}
		})
	}
}

type figure struct {
	unit  string
	value float64
}

// atEverySecond runs a situation with the server's window open since 0 to 59
// seconds, and prints its figures for each round trip.
func atEverySecond(b *testing.B, situation func(t *testing.T, srv *trengotest.Server, roundTrip time.Duration) []figure) {
	b.Helper()
	var tests []testing.InternalTest
	all := make([][][]figure, len(roundTrips))
	for i, roundTrip := range roundTrips {
		tests = append(tests, testing.InternalTest{Name: b.Name() + " round trip " + roundTrip.String(), F: func(t *testing.T) {
			t.Parallel()
			for since := time.Duration(0); since < serverWindow; since += time.Second {
				synctest.Test(t, func(t *testing.T) {
					srv := trengotest.New()
					srv.Behavior.Latency = roundTrip
					srv.SpendRateLimit(0)
					time.Sleep(since)
					all[i] = append(all[i], situation(t, srv, roundTrip))
				})
			}
		}})
	}
	// A bubble belongs to a test, and a benchmark has none.
	if !testing.RunTests(func(string, string) (bool, error) { return true, nil }, tests) {
		b.Error("a bound is broken")
	}
	for i, roundTrip := range roundTrips {
		for k, f := range all[i][0] {
			var values []float64
			for _, figures := range all[i] {
				values = append(values, figures[k].value)
			}
			slices.Sort(values)
			b.Logf("round trip %s: %.2f %.2f %.2f %s (least, median, most of %d)",
				roundTrip, values[0], values[len(values)/2], values[len(values)-1], f.unit, len(values))
		}
	}
}
