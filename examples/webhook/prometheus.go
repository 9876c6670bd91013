package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A family is all series of one metric. It is safe for concurrent use.
type family struct {
	name, help string
	labels     []string
	bounds     []float64 // of the buckets of a histogram; nil: it is a counter

	mu     sync.Mutex
	series map[string]*series // by their labels, as they are written
}

type series struct {
	sum     float64
	count   uint64
	buckets []uint64 // how many values are within each bound and not within the one before
}

func newCounter(name, help string, labels ...string) *family {
	return newHistogram(name, help, nil, labels...)
}

func newHistogram(name, help string, bounds []float64, labels ...string) *family {
	f := &family{name: name, help: help, labels: labels, bounds: bounds, series: map[string]*series{}}
	if len(labels) == 0 {
		// The only series there will be begins at 0, not at its first value.
		f.series[""] = f.newSeries()
	}
	return f
}

func (f *family) newSeries() *series { return &series{buckets: make([]uint64, len(f.bounds))} }

// add adds to a counter, or a value to a histogram.
func (f *family) add(value float64, labelValues ...string) {
	key := f.key(labelValues)
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.series[key]
	if s == nil {
		s = f.newSeries()
		f.series[key] = s
	}
	s.sum += value
	s.count++
	if i, _ := slices.BinarySearch(f.bounds, value); i < len(f.bounds) {
		s.buckets[i]++
	}
}

var escaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func (f *family) key(values []string) string {
	var b strings.Builder
	for i, label := range f.labels {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(label + `="` + escaper.Replace(values[i]) + `"`)
	}
	return b.String()
}

func (f *family) write(b *bytes.Buffer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	kind := "counter"
	if f.bounds != nil {
		kind = "histogram"
	}
	writeHead(b, f.name, f.help, kind)
	for _, key := range slices.Sorted(maps.Keys(f.series)) {
		s := f.series[key]
		if f.bounds == nil {
			writeSample(b, f.name, key, s.sum)
			continue
		}
		within := uint64(0)
		for i, bound := range f.bounds {
			within += s.buckets[i]
			writeSample(b, f.name+"_bucket", join(key, `le="`+number(bound)+`"`), float64(within))
		}
		writeSample(b, f.name+"_bucket", join(key, `le="+Inf"`), float64(s.count))
		writeSample(b, f.name+"_sum", key, s.sum)
		writeSample(b, f.name+"_count", key, float64(s.count))
	}
}

func writeGauge(b *bytes.Buffer, name, help string, value float64) {
	writeHead(b, name, help, "gauge")
	writeSample(b, name, "", value)
}

func writeHead(b *bytes.Buffer, name, help, kind string) {
	fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

func writeSample(b *bytes.Buffer, name, labels string, value float64) {
	if labels != "" {
		labels = "{" + labels + "}"
	}
	fmt.Fprintf(b, "%s%s %s\n", name, labels, number(value))
}

func join(labels, label string) string {
	if labels == "" {
		return label
	}
	return labels + "," + label
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
