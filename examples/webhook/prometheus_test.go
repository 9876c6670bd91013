package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

func TestFamily_labels(t *testing.T) {
	t.Parallel()
	f := newCounter("x_total", "Help.", "path", "text")
	f.add(1, `C:\new`, "say \"hi\"\nänd bye")
	f.add(0.5, "", "")
	var b bytes.Buffer
	f.write(&b)
	const want = `# HELP x_total Help.
# TYPE x_total counter
x_total{path="",text=""} 0.5
x_total{path="C:\\new",text="say \"hi\"\nänd bye"} 1
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	checkText(t, b.String())
}

var (
	sampleLine = regexp.MustCompile(`^([a-z_]+)(\{[a-z_]+="([^"\\]|\\[\\"n])*"(,[a-z_]+="([^"\\]|\\[\\"n])*")*\})? ([0-9.e+-]+|\+Inf)$`)
	headerLine = regexp.MustCompile(`^# (HELP|TYPE) ([a-z_]+) .+$`)
)

// checkText reports what Prometheus would reject.
func checkText(t *testing.T, text string) {
	t.Helper()
	if !strings.HasSuffix(text, "\n") {
		t.Error("the last line is not terminated")
	}
	seen := map[string]bool{}
	family := ""
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if seen[line] {
			t.Errorf("twice: %s", line)
		}
		seen[line] = true
		if header := headerLine.FindStringSubmatch(line); header != nil {
			family = header[2]
			continue
		}
		sample := sampleLine.FindStringSubmatch(line)
		if sample == nil || !strings.HasPrefix(sample[1], family) {
			t.Errorf("under %s: %s", family, line)
		}
	}
}
