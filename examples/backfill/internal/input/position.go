package input

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Position says where an event stands in the input.
type Position struct {
	Number int // of the event, from 1
	Line   int // where its text begins, from 1
	Index  int // which event of that line it is, from 1
}

// String returns the line, and which event of the line unless it is the first:
// 12 or 12.3.
func (p Position) String() string {
	if p.Index <= 1 {
		return strconv.Itoa(p.Line)
	}
	return fmt.Sprintf("%d.%d", p.Line, p.Index)
}

// ParsePosition reads what String returned for an event with this number.
func ParsePosition(event int, text string) (Position, error) {
	line, index, several := strings.Cut(text, ".")
	p := Position{Number: event, Index: 1}
	var err error
	if p.Line, err = strconv.Atoi(line); err == nil && several {
		p.Index, err = strconv.Atoi(index)
	}
	return p, err
}

// ListPositions returns the lines of events in order: "line 12" or "lines 1, 12.3
// and 40 more" if there are more in total than positions.
func ListPositions(positions []Position, total int) string {
	sorted := slices.SortedFunc(slices.Values(positions), func(a, b Position) int { return a.Number - b.Number })
	texts := make([]string, len(sorted))
	for i, p := range sorted {
		texts[i] = p.String()
	}
	label := "line "
	if total > 1 {
		label = "lines "
	}
	text := label + strings.Join(texts, ", ")
	if more := total - len(positions); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
