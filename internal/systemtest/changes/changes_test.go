package main

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"strings"
	"testing"
)

// Events as the SDKs and sources of RudderStack and Segment send them, and what
// version 0.1.0 did with each.
var (
	//go:embed testdata/events.jsonl
	events []byte
	//go:embed testdata/v0.1.0.jsonl.gz
	version010 []byte
)

func recordsOf010(t *testing.T) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(version010))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Every event that does something else than in version 0.1.0 does so because of
// a rule, and no rule is a list of cases that do not occur.
func TestChanges_areExplained(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := compare(t.Context(), &out, events, recordsOf010(t), true); err != nil {
		t.Errorf("%v:\n%s", err, out.String())
	}
	for _, r := range rules {
		if !strings.Contains(out.String(), "  "+r.name+"\n") {
			t.Errorf("no event shows that %s", r.name)
		}
	}
}
