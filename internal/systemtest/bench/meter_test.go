package bench

import (
	"slices"
	"testing"

	"github.com/trengo-go/trengo/internal/testkit"
)

// A batch does some work and returns what it took, usually nanoseconds of CPU
// time.
type batch func() float64

// cpu returns the batch that does n things and takes the CPU time of one.
func cpu(n int, thing func()) batch {
	return func() float64 {
		before := testkit.CPUTime()
		for range n {
			thing()
		}
		return float64(testkit.CPUTime()-before) / float64(n)
	}
}

// A meter measures one cost. In each round two batches take turns, so that other
// work on the machine slows down both.
type meter struct {
	*testing.B

	rounds int
}

// turns are short, so that there are many in a round.
const turns = 40

// ratio returns what one batch takes, divided by what the other takes: the
// median of the rounds.
func (m *meter) ratio(ours, reference batch) float64 {
	return m.median(func() float64 {
		var a, b float64
		for i := range turns {
			if i%2 == 0 {
				a += ours()
				b += reference()
			} else {
				b += reference()
				a += ours()
			}
		}
		return a / b
	})
}

// median returns the median of what a batch takes in the rounds.
func (m *meter) median(round batch) float64 {
	figures := make([]float64, m.rounds)
	for i := range figures {
		figures[i] = round()
	}
	return median(figures)
}

// slow returns a meter for rounds that take many seconds in processes of their
// own. That is long enough for other work to disturb little, and for the
// collector to run in each round.
func (m *meter) slow() *meter {
	return &meter{B: m.B, rounds: max(1, m.rounds/5)}
}

func median(figures []float64) float64 {
	figures = slices.Sorted(slices.Values(figures))
	return (figures[(len(figures)-1)/2] + figures[len(figures)/2]) / 2
}

func TestMeter_ratio(t *testing.T) {
	figures := []float64{9, 1, 5, 100, 4} // of each round
	calls := 0
	ours := func() float64 { calls++; return figures[(calls-1)/turns] }
	m := &meter{rounds: len(figures)}
	if got := m.ratio(ours, func() float64 { return 2 }); got != 2.5 {
		t.Errorf("ratio %v, want 2.5", got)
	}
	if got := median([]float64{4, 1, 3, 2}); got != 2.5 {
		t.Errorf("median %v, want 2.5", got)
	}
}

func TestCPU(t *testing.T) {
	things := 0
	if took := cpu(100, func() {
		for range 100_000 {
			things++
		}
	})(); took <= 0 || things != 100*100_000 {
		t.Errorf("%v ns for %d things", took, things)
	}
}
