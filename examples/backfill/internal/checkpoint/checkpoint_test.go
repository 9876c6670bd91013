package checkpoint

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo/examples/backfill/internal/input"
)

func testHeader() Header {
	return NewHeader(&input.Input{Form: input.Lines, Digest: "x"}, Target{"https://trengo.test", 5, "email"}, Config{"enableDedup": "1"})
}

func textOf(t *testing.T, h Header) string {
	t.Helper()
	text, err := h.text()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestHeader_saysWhatItCounts(t *testing.T) {
	t.Parallel()
	const want = `{"backfill":2,"counts":"events","form":"JSON lines","input":"x","base_url":"https://trengo.test","channel":5,"identifier":"email","config":{"enableDedup":"1"}}`
	if got := textOf(t, testHeader()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestConfig_Changes(t *testing.T) {
	t.Parallel()
	before := Config{"same": "1", "changed": "1", "removed": "1"}
	now := Config{"same": "1", "changed": "2", "added": "1"}
	if diff := cmp.Diff([]string{"added", "changed", "removed"}, now.Changes(before)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if changes := now.Changes(now); len(changes) > 0 {
		t.Errorf("changes of the same config: %q", changes)
	}
}

// A checkpoint that is cut anywhere is the checkpoint of an earlier moment.
func TestReadState_cutAnywhere(t *testing.T) {
	t.Parallel()
	h := testHeader()
	text := textOf(t, h) + "\nbegun 1 1\nbegun 12 11.2 0123456789abcdef\ndone 12 11.2 0123456789abcdef\nfailed 3 3\nbegun 2 2\nfreed 2 2\ndone 1 1\n"
	for size := range len(text) + 1 {
		s, complete, err := readState(strings.NewReader(text[:size]), h)
		if err != nil {
			t.Fatalf("%q: %v", text[:size], err)
		}
		if want := strings.LastIndex(text[:size], "\n") + 1; int(complete) != want {
			t.Errorf("%q: %d complete bytes, want %d", text[:size], complete, want)
		}
		if s.finished.size > strings.Count(text[:size], "\n") {
			t.Errorf("%q: %v", text[:size], s)
		}
	}
	s, _, _ := readState(strings.NewReader(text), h)
	if s.finished.size != 3 || s.failed != 1 || len(s.started) != 0 || !s.finished.has(12) || s.checksums[12] != "0123456789abcdef" {
		t.Errorf("%+v", s)
	}
}

func TestReadState_invalid(t *testing.T) {
	t.Parallel()
	h := testHeader()
	with := func(change func(*Header)) string {
		other := testHeader()
		change(&other)
		return textOf(t, other) + "\n"
	}
	tests := []struct{ name, text, want string }{
		{"another input", with(func(h *Header) { h.Input = "y" }), "another input"},
		{"another form", with(func(h *Header) { h.Form = input.Array }), "another input"},
		{"another channel", with(func(h *Header) { h.Channel = 6 }), "channel 6 by email at https://trengo.test, not to channel 5 by"},
		{"another identifier", with(func(h *Header) { h.Identifier = "phone" }), "channel 5 by phone at"},
		{"another base URL", with(func(h *Header) { h.BaseURL = "https://sandbox.test" }), "https://sandbox.test"},
		{"another version", with(func(h *Header) { h.Version++ }), "version 3"},
		{"version 1", `{"backfill":1,"input":"x","channel":5}` + "\n", "version 1"},
		{"another file", "{\"channelId\": 5}\n", "not a checkpoint"},
		{"another file without a line end", "{\"channelId\": 5}", "not a checkpoint"},
		{"number that is text", textOf(t, h) + "\ndone x 1\ndone 1 1\n", "line 2"},
		{"line that is text", textOf(t, h) + "\ndone 1 x\ndone 1 1\n", "line 2"},
		{"binary record", textOf(t, h) + "\ndone 1 1\n\x00\x00\ndone 2 2\n", "line 3"},
		{"unknown record", textOf(t, h) + "\nundone 1 1\n", "line 2"},
		{"broken config", textOf(t, h) + "\nconfig {\n", "line 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, _, err := readState(strings.NewReader(tt.text), h); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// The state of a long replay stays small, whatever lines are blank.
func TestState_manyEvents(t *testing.T) {
	t.Parallel()
	s := newState()
	for number := 1; number <= 20_000; number++ {
		p := input.Position{Number: number, Line: 2 * number}
		for _, kind := range []Kind{Started, Done} {
			if err := s.apply(record{kind, p, "0123456789abcdef"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(s.finished.intervals) != 1 || len(s.checksums) != 1 || len(s.started) != 0 {
		t.Errorf("%d intervals, %d checksums, %d started", len(s.finished.intervals), len(s.checksums), len(s.started))
	}
}
