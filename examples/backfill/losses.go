package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/trengo-go/trengo/examples/backfill/internal/input"
)

// losses are the events of a plan that will not have an effect, by the reason.
type losses map[string]*loss

// A loss is the events that are lost for one reason.
type loss struct {
	reason string
	events int
	first  []input.Position
}

const (
	maxReasons   = 50 // bounds the memory if an event can make up a reason
	maxPositions = 8  // fit into a line of 80 columns
	otherReasons = "will fail or be skipped for other reasons"
)

func (l *losses) add(reason string, position input.Position) {
	if *l == nil {
		*l = losses{}
	}
	if (*l)[reason] == nil {
		if len(*l) >= maxReasons {
			reason = otherReasons
		}
		(*l)[reason] = cmp.Or((*l)[reason], &loss{reason: reason})
	}
	lost := (*l)[reason]
	lost.events++
	if len(lost.first) < maxPositions {
		lost.first = append(lost.first, position)
	}
}

// print prints the most frequent reasons first.
func (l *losses) print(out io.Writer) {
	byEvents := func(a, b *loss) int {
		return cmp.Or(b.events-a.events, cmp.Compare(a.reason, b.reason))
	}
	for _, lost := range slices.SortedFunc(maps.Values(*l), byEvents) {
		fmt.Fprintf(out, "      %8d  %s\n                %s\n", lost.events, lost.reason, input.ListPositions(lost.first, lost.events))
	}
}
