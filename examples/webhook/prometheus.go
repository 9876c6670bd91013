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

// A family is a metric with all its series. It is safe for concurrent use.
type family struct {
	name, help string
	labels     []string
	bounds     []float64 // of the buckets of a histogram; nil means a counter

	mu     sync.Mutex
	series map[string]*series // by their labels, in the text format
}

type series struct {
	sum     float64
	count   uint64
	buckets []uint64 // not cumulative: each value counts in one bucket
}

func newCounter(name, help string, labels ...string) *family {
	return newHistogram(name, help, nil, labels...)
}

func newHistogram(name, help string, bounds []float64, labels ...string) *family {
	f := &family{name: name, help: help, labels: labels, bounds: bounds, series: map[string]*series{}}
	if len(labels) == 0 {
		// The only series starts at 0, not at its first value: a rate over time
		// needs the value before that.
		f.series[""] = f.newSeries()
	}
	return f
}

func (f *family) newSeries() *series { return &series{buckets: make([]uint64, len(f.bounds))} }

// add adds value to a counter, or observes it in a histogram.
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
	writeHeader(b, f.name, f.help, kind)
	for _, key := range slices.Sorted(maps.Keys(f.series)) {
		s := f.series[key]
		if f.bounds == nil {
			writeSample(b, f.name, key, s.sum)
			continue
		}
		cumulative := uint64(0)
		for i, bound := range f.bounds {
			cumulative += s.buckets[i]
			writeSample(b, f.name+"_bucket", joinLabels(key, `le="`+formatFloat(bound)+`"`), float64(cumulative))
		}
		writeSample(b, f.name+"_bucket", joinLabels(key, `le="+Inf"`), float64(s.count))
		writeSample(b, f.name+"_sum", key, s.sum)
		writeSample(b, f.name+"_count", key, float64(s.count))
	}
}

func writeGauge(b *bytes.Buffer, name, help string, value float64) {
	writeHeader(b, name, help, "gauge")
	writeSample(b, name, "", value)
}

func writeHeader(b *bytes.Buffer, name, help, kind string) {
	fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

func writeSample(b *bytes.Buffer, name, labels string, value float64) {
	if labels != "" {
		labels = "{" + labels + "}"
	}
	fmt.Fprintf(b, "%s%s %s\n", name, labels, formatFloat(value))
}

func joinLabels(labels, label string) string {
	if labels == "" {
		return label
	}
	return labels + "," + label
}

func formatFloat(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
