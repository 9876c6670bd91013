package bench

import (
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
)

var (
	fewPeople  = newRemote("1,000 people", func(t *testing.T) batch { return randomPeople(t, 1_000) })
	manyPeople = newRemote("1,000,000 people", func(t *testing.T) batch { return randomPeople(t, 1_000_000) })
)

func againstFewPeople(m *meter) float64 {
	return m.slow().ratio(manyPeople.start(m), fewPeople.start(m))
}

func fewPeopleAlone(m *meter) float64 { return m.median(fewPeople.start(m)) }

// randomPeople handles new messages of random people who are all remembered.
// Only the handling is measured, not the making of events.
func randomPeople(t *testing.T, people int) batch {
	t.Helper()
	const chunks, chunkSize = 25, 1_000
	_, destination := newCrowd(t, people, 1_250_000, 0)
	random, message := rand.New(rand.NewPCG(1, 2)), people
	chunk := make([]*trengo.Event, chunkSize)
	for i := range chunk {
		chunk[i] = identify(0, 0)
	}
	return func() (perEvent float64) {
		for range chunks {
			for _, ev := range chunk {
				person := random.IntN(people)
				message++
				ev.MessageID, ev.Traits["email"], ev.Traits["name"] = strconv.Itoa(message), email(person), name(person)
			}
			before := testkit.CPUTime()
			for _, ev := range chunk {
				processUnchanged(t, destination, ev)
			}
			perEvent += float64(testkit.CPUTime()-before) / (chunks * chunkSize)
		}
		return perEvent
	}
}

// twoCores compares times instead of CPU times, so other work on the machine
// changes it.
func twoCores(m *meter) float64 {
	if runtime.NumCPU() < 2 {
		m.Skip("there is one core")
	}
	run := unchangedIdentifies(m)
	return m.ratio(run(1), run(2))
}

func processAllTime(m *meter) float64 { return m.median(unchangedIdentifies(m)(runtime.GOMAXPROCS(0))) }

// unchangedIdentifies returns the batches in which ProcessAll handles such events
// on so many cores. They take the nanoseconds of an event.
func unchangedIdentifies(m *meter) func(cores int) batch {
	m.Helper()
	all := runtime.GOMAXPROCS(0)
	m.Cleanup(func() { runtime.GOMAXPROCS(all) })
	const people = 1_000
	destination := newSeasonedDestination(m, newInstantClient(m), people, trengo.DestinationConfig{})
	stream, message := make([]*trengo.Event, people), people
	for i := range stream {
		stream[i] = identify(i, 0)
	}
	return func(cores int) batch {
		return func() float64 {
			for _, ev := range stream {
				message++
				ev.MessageID = strconv.Itoa(message)
			}
			runtime.GOMAXPROCS(cores)
			began := time.Now()
			for outcome := range destination.ProcessAll(m.Context(), fixtures.Events(stream...)) {
				if outcome.Err != nil || outcome.Result.Duplicate || outcome.Result.Action != trengo.ActionContactUnchanged {
					m.Fatal(outcome)
				}
			}
			return float64(time.Since(began)) / float64(len(stream))
		}
	}
}
