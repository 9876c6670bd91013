package changes

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	_ "github.com/trengo-go/trengo/internal/testkit" // all system tests know its flag -soak
)

var before = flag.String("before", "", "the `commit` to compare with")

// Events as the SDKs and sources of RudderStack and Segment send them, and what
// version 0.1.0 did with each.
var (
	//go:embed testdata/events.jsonl
	events []byte
	//go:embed testdata/v0.1.0.jsonl.gz
	version010 []byte
)

// Every event that does something else than in version 0.1.0 does so because of
// a rule, and each rule has an event that shows it.
func TestChanges_areExplained(t *testing.T) {
	t.Parallel()
	text, counts, unexplained, err := report(t.Context(), events, unzip(t, version010))
	if err != nil {
		t.Fatal(err)
	}
	if unexplained > 0 {
		t.Error(text)
	}
	for _, r := range rules {
		if counts[r.name] == 0 {
			t.Errorf("the events do not show that %s", r.name)
		}
	}
}

// TestChanges_ofFile compares the events of a file with those of a commit.
func TestChanges_ofFile(t *testing.T) {
	if *before == "" {
		t.Skip("without -before there is nothing to compare with")
	}
	file, err := filepath.Abs(*eventsFile)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text, _, unexplained, err := report(t.Context(), data, recordBefore(t, *before, file))
	if err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + text)
	if unexplained > 0 {
		t.Errorf("%d changes are not explained", unexplained)
	}
}

func unzip(t *testing.T, compressed []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
