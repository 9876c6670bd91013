package bench

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"text/tabwriter"
)

var (
	printOnly = flag.Bool("printonly", false, "measure costs in 5 rounds instead of 20, and do not fail on them")
	nextJSON  = flag.Bool("jsonv2", false, "measure what events cost in a build with GOEXPERIMENT=jsonv2 instead")
)

// A cost is a figure with a bound. The figure is a ratio wherever it can be,
// because a ratio differs little between machines.
type cost struct {
	name    string // begins with a number, by which -bench selects it
	bound   bound
	measure func(m *meter) float64
}

// costs is what the library may cost.
var costs = []cost{
	{"1 plan a templated ticket, contact named, against json.Unmarshal", atMost(1.00), emailTicket.againstUnmarshal},
	{"2a plan a phone ticket, contact named, against json.Unmarshal", atMost(0.80), phoneTicket.againstUnmarshal},
	{"2b plan an identify, contact named, against json.Unmarshal", atMost(0.85), namedIdentify.againstUnmarshal},
	{"3a skip a page, 1.3 KB, against json.Unmarshal", atMost(0.70), skippedPage.againstUnmarshal},
	{"3b skip an unlisted track, 1.3 KB, against json.Unmarshal", atMost(0.70), skippedTrack.againstUnmarshal},
	{"3c skip a page, 10 KB, against json.Unmarshal", atMost(0.50), skippedPage.enlarged().againstUnmarshal},
	{"3d skip an unlisted track, 10 KB, against json.Unmarshal", atMost(0.50), skippedTrack.enlarged().againstUnmarshal},
	{"4 handler, array of 100 skipped pages, each against json.Unmarshal", atMost(1.00), skippedArray},

	{"5a heap for each of 100,000 remembered people, bytes", atMost(280), once(heapFor100Thousand)},
	{"5b heap for each of 1,000,000 remembered people, bytes", atMost(280), once(heapForMillion)},
	{"6a resident after 100,000 people, 100,000 remembered, MB", atMost(45), once(residentAfter100Thousand)},
	{"6b resident after 1,000,000 people, 100,000 remembered, MB", atMost(45), once(residentAfterMillion)},

	{"7a event of a random known person, of 1,000,000 against 1,000", atMost(2.00), againstFewPeople},
	{"7b event of a random known person of 1,000, ns", atMost(3000), fewPeopleAlone},
	{"8a backfill -plan, a line of 1,000,000 against 10,000", atMost(1.10), backfillGrowth},
	{"8b backfill -plan, 1,000,000 lines, lines per CPU second", atLeast(40_000), backfillSpeed},
	{"9a ProcessAll of unchanged identifies, speed of 2 cores against 1", atLeast(1.00), twoCores},
	{"9b ProcessAll of an unchanged identify, ns of time", atMost(5000), processAllTime},
}

// nextJSONCosts are the first rows in a build with GOEXPERIMENT=jsonv2, the
// default of a later Go, against json.Unmarshal in a build without it. They are
// only printed.
var nextJSONCosts = []cost{
	{"1 plan a templated ticket, with jsonv2", atMost(0.80), inNextJSON("1", emailTicket)},
	{"2a plan a phone ticket, with jsonv2", atMost(0.50), inNextJSON("2a", phoneTicket)},
	{"2b plan an identify, with jsonv2", atMost(0.55), inNextJSON("2b", namedIdentify)},
	{"3a skip a page, 1.3 KB, with jsonv2", atMost(0.30), inNextJSON("3a", skippedPage)},
	{"3b skip an unlisted track, 1.3 KB, with jsonv2", atMost(0.30), inNextJSON("3b", skippedTrack)},
	{"3c skip a page, 10 KB, with jsonv2", atMost(0.30), inNextJSON("3c", skippedPage.enlarged())},
	{"3d skip an unlisted track, 10 KB, with jsonv2", atMost(0.30), inNextJSON("3d", skippedTrack.enlarged())},
}

// A bound is the most that a figure may be, or the least.
type bound struct {
	limit float64
	least bool
}

func atMost(limit float64) bound  { return bound{limit: limit} }
func atLeast(limit float64) bound { return bound{limit: limit, least: true} }

func (b bound) holds(figure float64) bool {
	if b.least {
		return figure >= b.limit
	}
	return figure <= b.limit
}

func (b bound) String() string {
	if b.least {
		return "at least " + format(b.limit)
	}
	return "at most " + format(b.limit)
}

// format writes ratios with two decimals and everything else without any.
func format(figure float64) string {
	if figure < 20 {
		return fmt.Sprintf("%.2f", figure)
	}
	return fmt.Sprintf("%.0f", figure)
}

// BenchmarkCost prints the costs as a table and fails if a bound does not hold.
func BenchmarkCost(b *testing.B) {
	rounds, enforced, rows := 20, !*printOnly, costs
	if *printOnly {
		rounds = 5
	}
	if *nextJSON {
		enforced, rows = false, nextJSONCosts
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "cost: CPU time, median of %d rounds, %s, %d CPUs\tfigure\tbound\t\n", rounds, runtime.Version(), runtime.NumCPU())
	for _, c := range rows {
		b.Run(c.name, func(b *testing.B) {
			var figure float64
			for b.Loop() {
				figure = c.measure(&meter{B: b, rounds: rounds})
			}
			b.ReportMetric(figure, "figure")
			b.ReportMetric(0, "ns/op")
			verdict := ""
			if !c.bound.holds(figure) {
				verdict = "does not hold"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", c.name, format(figure), c.bound, verdict)
			if verdict != "" && enforced {
				b.Errorf("%s, want %s", format(figure), c.bound)
			}
		})
	}
	w.Flush()
	fmt.Fprint(os.Stdout, "\n", table.String(), "\n")
}

func TestBound(t *testing.T) {
	for _, c := range []struct {
		bound  bound
		figure float64
		want   bool
	}{
		{atMost(2), 2, true},
		{atMost(2), 2.01, false},
		{atLeast(2), 2, true},
		{atLeast(2), 1.99, false},
	} {
		if got := c.bound.holds(c.figure); got != c.want {
			t.Errorf("%v, %s: %t", c.figure, c.bound, got)
		}
	}
}
