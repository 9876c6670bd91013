package changes

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A change is an event that does something else than before.
type change struct {
	line          []byte
	before, after record
}

type recordKey struct {
	line, nth int
	kind      string
}

func (r *record) key() recordKey { return recordKey{r.Line, r.Nth, r.Kind} }

// An effect is what of an event's outcome changed.
type effect string

const (
	refused    effect = "refused"     // it did something, and now is an error
	accepted   effect = "accepted"    // it was an error, and now does something
	otherError effect = "error"       // it is another kind of error
	action     effect = "action"      // it is skipped, or not any more
	reason     effect = "reason"      // it is skipped for another reason
	contact    effect = "contact"     // it is about another contact
	name       effect = "name"        // the contact gets another name
	subjectOf  effect = "subject"     // the ticket gets another subject
	renaming   effect = "renaming"    // whether a contact with a name is renamed
	otherwise  effect = "otherwise"   // it sends other requests, for no reason above
	tookApart  effect = "taken apart" // the line holds more or fewer events
)

// effects returns what changed, at least one effect for records that differ.
func (c change) effects() []effect {
	b, a := c.before, c.after
	switch {
	case b.Kind == "" || a.Kind == "":
		return []effect{tookApart}
	case b.Error == "" && a.Error != "":
		return []effect{refused}
	case b.Error != "" && a.Error == "":
		return []effect{accepted}
	case b.Error != a.Error:
		return []effect{otherError}
	case a.Error != "" || slices.Equal(b.First, a.First) && slices.Equal(b.Again, a.Again) && b.Action == a.Action && b.Reason == a.Reason:
		return nil
	case b.Action != a.Action:
		return []effect{action}
	case b.Reason != a.Reason:
		return []effect{reason}
	}
	var all []effect
	for _, field := range []struct {
		key    string
		effect effect
	}{{"identifier", contact}, {"contact_id", contact}, {"name", name}, {"subject", subjectOf}} {
		if !slices.Equal(bodyValues(b.First, field.key), bodyValues(a.First, field.key)) && !slices.Contains(all, field.effect) {
			all = append(all, field.effect)
		}
	}
	if len(all) == 0 && slices.Equal(b.First, a.First) && len(b.Again) != len(a.Again) {
		return []effect{renaming}
	}
	if len(all) == 0 {
		return []effect{otherwise}
	}
	return all
}

// bodyValues returns the values of one key in the bodies of requests.
func bodyValues(requests []string, key string) []string {
	var all []string
	for _, request := range requests {
		_, body, _ := strings.Cut(request, "{")
		var fields map[string]any
		if json.Unmarshal([]byte("{"+body), &fields) == nil && fields[key] != nil {
			all = append(all, fmt.Sprint(fields[key]))
		}
	}
	return all
}

// explain returns the rules that explain a change, and the effects without one.
func explain(c change) (names []string, unexplained []effect) {
	for _, e := range c.effects() {
		found := false
		for _, r := range rules {
			if slices.Contains(r.effects, e) && r.applies(c) {
				found = true
				if !slices.Contains(names, r.name) {
					names = append(names, r.name)
				}
			}
		}
		if !found {
			unexplained = append(unexplained, e)
		}
	}
	return names, unexplained
}

// changesSince returns the events that do something else than in old records.
func changesSince(ctx context.Context, data, old []byte) ([]change, error) {
	before := map[recordKey]record{}
	decoder := json.NewDecoder(bytes.NewReader(old))
	for decoder.More() {
		var r record
		if err := decoder.Decode(&r); err != nil {
			return nil, fmt.Errorf("reading the earlier records: %w", err)
		}
		before[r.key()] = r
	}
	byNumber := maps.Collect(lines(data))
	var all []change
	for r, err := range recordFile(ctx, data) {
		if err != nil {
			return nil, err
		}
		c := change{line: byNumber[r.Line], before: before[r.key()], after: r}
		delete(before, r.key())
		if len(c.effects()) > 0 {
			all = append(all, c)
		}
	}
	for key, r := range before {
		all = append(all, change{line: byNumber[key.line], before: r})
	}
	slices.SortStableFunc(all, func(x, y change) int { return cmp.Compare(x.number(), y.number()) })
	return all, nil
}

func (c change) number() int { return max(c.before.Line, c.after.Line) }

// report describes the events that changed since the old records, and counts how
// many changes each rule explains. It returns how many are not explained.
func report(ctx context.Context, data, old []byte) (text string, counts map[string]int, unexplained int, err error) {
	all, err := changesSince(ctx, data, old)
	if err != nil {
		return "", nil, 0, err
	}
	counts = map[string]int{}
	var out strings.Builder
	for _, c := range all {
		names, rest := explain(c)
		for _, name := range names {
			counts[name]++
			if slices.Contains(c.effects(), refused) {
				counts["refused: "+name]++
			}
		}
		if len(rest) > 0 {
			unexplained++
			names = append(names, fmt.Sprintf("NOT EXPLAINED: %v", rest))
		}
		fmt.Fprintf(&out, "line %d, %s channel: %s\n  before: %s\n  after:  %s\n",
			c.number(), cmp.Or(c.after.Kind, c.before.Kind), strings.Join(names, "; "), &c.before, &c.after)
	}
	fmt.Fprintf(&out, "%d changes, of which %d not explained\n", len(all), unexplained)
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&out, "%6d  %s\n", counts[name], name)
	}
	return out.String(), counts, unexplained, nil
}

func (r *record) String() string {
	if r.Error != "" {
		return r.ErrorText
	}
	text := cmp.Or(r.Action, "nothing")
	if r.Reason != "" {
		text += " (" + r.Reason + ")"
	}
	return text + " " + strings.Join(r.First, ", ") + "; then " + strings.Join(r.Again, ", ")
}
