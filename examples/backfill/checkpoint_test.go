package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// A checkpoint that is cut anywhere is the checkpoint of an earlier moment.
func TestReadState_cutAnywhere(t *testing.T) {
	t.Parallel()
	h := header{Version: checkpointVersion, Input: "x", Channel: 5}
	text := h.text() + "\nbegun 1\nbegun 12 0123456789abcdef\ndone 12 0123456789abcdef\nfailed 3\nbegun 2\nfreed 2\ndone 1\n"
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
	h := header{Version: checkpointVersion, Input: "x", Channel: 5}
	tests := []struct{ name, text, want string }{
		{"another input", header{checkpointVersion, "y", 5}.text() + "\n", "another input"},
		{"another channel", header{checkpointVersion, "x", 6}.text() + "\n", "channel 6"},
		{"another version", header{checkpointVersion + 1, "x", 5}.text() + "\n", "version 2"},
		{"another file", "{\"channelId\": 5}\n", "not a checkpoint"},
		{"another file without a line end", "{\"channelId\": 5}", "not a checkpoint"},
		{"line number that is text", h.text() + "\ndone x\ndone 1\n", "line 2"},
		{"binary record", h.text() + "\ndone 1\n\x00\x00\ndone 2\n", "line 3"},
		{"unknown record", h.text() + "\nundone 1\n", "line 2"},
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

func TestCheckpoint_isLocked(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the standard library cannot lock a file on Windows")
	}
	fx := newFixture(t, orders(1))
	h := header{Version: checkpointVersion, Input: "x", Channel: 5}
	cp, err := openCheckpoint(fx.settings.checkpoint, h)
	if err != nil {
		t.Fatal(err)
	}
	if err := cp.writeHeader(); err != nil {
		t.Fatal(err)
	}
	if _, err := openCheckpoint(fx.settings.checkpoint, h); err == nil || !strings.Contains(err.Error(), "another backfill") {
		t.Errorf("opened twice: %v", err)
	}
	if err := cp.close(); err != nil {
		t.Fatal(err)
	}
	fx.replay().check(t, exitUsage, "another input")
}

// The next run completes the records that a killed run was about to write.
func TestCheckpoint_partialRecords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fx := newFixture(t, orders(1, 2)+"broken\nbroken, too\n"+orders(5))
		fx.addPeople(1, 2, 5)
		fx.replay(withLimit(4)).check(t, exitFailed, "done 2", "failed 2", "left 1")
		whole := readFile(t, fx.settings.failed)
		checkpoint := readFile(t, fx.settings.checkpoint)
		// The kill came after the second failure was written but not recorded,
		// within the record of a third event, and within another failure.
		first, _, _ := strings.Cut(whole, "\n")
		writeFile(t, fx.settings.failed, whole+first[:20])
		writeFile(t, fx.settings.checkpoint, strings.Replace(checkpoint, "failed 4\n", "", 1)+"begu")
		fx.replay().check(t, exitFailed, "resuming after 4 finished events, 2 of them failed", "done 3", "failed 2", "left 0")
		fx.replay().check(t, exitFailed, "resuming after 5 finished events, 2 of them failed", "left 0")
		if diff := cmp.Diff(whole, readFile(t, fx.settings.failed)); diff != "" {
			t.Errorf("the failed file (-want +got):\n%s", diff)
		}
		fx.checkTickets(1, 2, 5)
	})
}

func TestCheckpoint_isPrivate(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not have such permissions")
	}
	fx := newFixture(t, "broken\n")
	fx.replay().check(t, exitFailed, "failed 1")
	for _, path := range []string{fx.settings.failed, fx.settings.checkpoint} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, error %v", filepath.Base(path), info.Mode(), err)
		}
	}
}
