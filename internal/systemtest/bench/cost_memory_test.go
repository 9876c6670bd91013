package bench

import (
	"bytes"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
)

var (
	heapFor100Thousand       = newRemote("heap, 100,000 remembered", heapPerPerson(100_000))
	heapForMillion           = newRemote("heap, 1,000,000 remembered", heapPerPerson(1_000_000))
	residentAfter100Thousand = newRemote("resident, 100,000 seen", residentAfter(100_000))
	residentAfterMillion     = newRemote("resident, 1,000,000 seen", residentAfter(1_000_000))
)

// once measures memory, which other work on the machine does not change.
func once(r *remote) func(m *meter) float64 {
	return func(m *meter) float64 { return r.start(m)() }
}

// newCrowd returns the client and the destination of a process that has handled
// an event of so many people, as fast as Trengo allows. Everything that fits into
// its memory is still remembered. Only for a [remote].
func newCrowd(t *testing.T, people, maxPeople, maxMessages int) (*trengo.Client, *trengo.Destination) {
	t.Helper()
	const year = 365 * 24 * time.Hour // longer than that takes
	client := fixtures.NewClient(t, testkit.RoundTripperFunc(instantTrengo))
	return client, newSeasonedDestination(t, client, people, trengo.DestinationConfig{
		MaxPeople: maxPeople, PeopleTTL: year, MaxMessages: maxMessages, MessageTTL: year,
		ResolveUserIDs: true,
	})
}

func heapPerPerson(people int) func(*testing.T) batch {
	return func(t *testing.T) batch {
		return func() float64 {
			client, destination := newCrowd(t, people, people, people)
			with := heap()
			runtime.KeepAlive(destination)
			without := heap()
			runtime.KeepAlive(client) // its memory is not a person's
			return (float64(with) - float64(without)) / float64(people)
		}
	}
}

// residentAfter measures a destination of the default size.
func residentAfter(people int) func(*testing.T) batch {
	return func(t *testing.T) batch {
		return func() float64 {
			_, destination := newCrowd(t, people, 0, 0)
			megabytes := residentMemory(t)
			runtime.KeepAlive(destination)
			return megabytes
		}
	}
}

// residentMemory returns megabytes, without what the collector has freed.
func residentMemory(t *testing.T) float64 {
	t.Helper()
	debug.FreeOSMemory()
	pages, err := os.ReadFile("/proc/self/statm")
	if err == nil {
		if fields := bytes.Fields(pages); len(fields) > 1 {
			resident, _ := strconv.Atoi(string(fields[1]))
			return float64(resident) * float64(os.Getpagesize()) / 1e6
		}
	}
	kilobytes, err := exec.Command("ps", "-o", "rss=", "-p", strconv.Itoa(os.Getpid())).Output()
	if err != nil {
		t.Fatal(err)
	}
	resident, _ := strconv.Atoi(string(bytes.TrimSpace(kilobytes)))
	return float64(resident) * 1024 / 1e6
}
