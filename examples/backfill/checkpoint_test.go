package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

func TestSpans(t *testing.T) {
	for range 200 {
		var s spans
		want := map[int]bool{}
		for range rand.IntN(60) {
			n := 1 + rand.IntN(30)
			s.add(n)
			want[n] = true
		}
		gaps := 0
		for n := range 33 {
			if s.has(n) != want[n] {
				t.Fatalf("%d is in it: %t, in %v", n, s.has(n), s)
			}
			if want[n] && !want[n-1] {
				gaps++
			}
		}
		if s.size != len(want) || len(s.runs) != gaps {
			t.Fatalf("size %d and %d runs, want %d and %d: %v", s.size, len(s.runs), len(want), gaps, s)
		}
	}
}

// A checkpoint that ends anywhere is that of an earlier moment.
func TestReadState_cutAnywhere(t *testing.T) {
	h := header{Version: checkpointVersion, Input: "x", Channel: 5}
	text := h.text() + "\nbegun 1\nbegun 12 0123456789abcdef\ndone 12 0123456789abcdef\nfailed 3\nbegun 2\nfreed 2\ndone 1\n"
	for size := range len(text) + 1 {
		s, whole, err := readState(strings.NewReader(text[:size]), h)
		if err != nil {
			t.Fatalf("%q: %v", text[:size], err)
		}
		if want := strings.LastIndex(text[:size], "\n") + 1; int(whole) != want {
			t.Errorf("%q: %d whole bytes, want %d", text[:size], whole, want)
		}
		if s.finished.size > strings.Count(text[:size], "\n") {
			t.Errorf("%q: %v", text[:size], s)
		}
	}
	s, _, _ := readState(strings.NewReader(text), h)
	if s.finished.size != 3 || s.failed != 1 || len(s.begun) != 0 || !s.finished.has(12) || s.sums[12] != "0123456789abcdef" {
		t.Errorf("%+v", s)
	}
}

func TestReadState_refuses(t *testing.T) {
	h := header{Version: checkpointVersion, Input: "x", Channel: 5}
	tests := []struct{ name, text, says string }{
		{"another input", header{checkpointVersion, "y", 5}.text() + "\n", "another input"},
		{"another channel", header{checkpointVersion, "x", 6}.text() + "\n", "channel 6"},
		{"another version", header{checkpointVersion + 1, "x", 5}.text() + "\n", "version 2"},
		{"another file", "{\"channelId\": 5}\n", "no checkpoint"},
		{"another file without a line", "{\"channelId\": 5}", "no checkpoint"},
		{"no number", h.text() + "\ndone x\ndone 1\n", "line 2"},
		{"no record", h.text() + "\ndone 1\n\x00\x00\ndone 2\n", "line 3"},
		{"no such record", h.text() + "\nundone 1\n", "line 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, _, err := readState(strings.NewReader(tt.text), h); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestCheckpoint_isLocked(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no lock in the standard library")
	}
	d := newDesk(t, orders(1))
	h := header{Version: checkpointVersion, Input: "x", Channel: 5}
	cp, err := openCheckpoint(d.settings.checkpoint, h)
	if err != nil {
		t.Fatal(err)
	}
	if err := cp.start(); err != nil {
		t.Fatal(err)
	}
	if _, err := openCheckpoint(d.settings.checkpoint, h); err == nil || !strings.Contains(err.Error(), "another backfill") {
		t.Errorf("a second one: %v", err)
	}
	if err := cp.close(); err != nil {
		t.Fatal(err)
	}
	d.replay().must(t, exitUsage, "another input")
}

// What a run was about to write when it was killed is made up for.
func TestReplay_cutFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, orders(1, 2)+"broken\nbroken, too\n"+orders(5))
		d.know(1, 2, 5)
		d.replay(func(s *settings, _ *console, _ chan<- os.Signal) { s.limit = 4 }).must(t, exitFailed, "done 2", "failed 2", "left 1")
		whole := readFile(t, d.settings.failed)
		checkpoint := readFile(t, d.settings.checkpoint)
		// The second failure was written and not recorded, a third event was
		// about to be begun, and a failure half written.
		first, _, _ := strings.Cut(whole, "\n")
		writeFile(t, d.settings.failed, whole+first[:20])
		writeFile(t, d.settings.checkpoint, strings.Replace(checkpoint, "failed 4\n", "", 1)+"begu")
		d.replay().must(t, exitFailed, "going on after 4 finished events, 2 of them failed", "done 3", "failed 2", "left 0")
		d.replay().must(t, exitFailed, "going on after 5 finished events, 2 of them failed", "left 0")
		if diff := cmp.Diff(whole, readFile(t, d.settings.failed)); diff != "" {
			t.Errorf("the failed file (-want +got):\n%s", diff)
		}
		d.mustHaveTickets(1, 2, 5)
	})
}

// A run that could not begin leaves nothing that the next would go on from.
func TestReplay_refusedBeforeItBegan(t *testing.T) {
	d := newDesk(t, orders(1, 2))
	stale := string(must(wrapped(line{number: 1, text: []byte(`{}`)}, "A", errInDoubt))) + "\n"
	writeFile(t, d.settings.failed, stale)
	for range 2 {
		d.replay().must(t, exitUsage, "not empty")
	}
	if readFile(t, d.settings.failed) != stale {
		t.Error("the failed file was changed")
	}
}

// The failed file of another replay says nothing about this one.
func TestReplay_othersFailedFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other := newDesk(t, "broken\nbroken\nbroken\n")
		other.replay().must(t, exitFailed, "failed 3")
		d := newDesk(t, orders(1, 2, 3))
		d.know(1, 2, 3)
		d.replay(func(s *settings, _ *console, _ chan<- os.Signal) { s.limit = 1 }).must(t, exitOK, "done 1")
		d.settings.failed = other.settings.failed
		d.replay().must(t, exitOK, "done 3", "failed 0")
		d.mustHaveTickets(1, 2, 3)
	})
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func TestReplay_filesArePrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such permissions")
	}
	d := newDesk(t, "broken\n")
	d.replay().must(t, exitFailed, "failed 1")
	for _, path := range []string{d.settings.failed, d.settings.checkpoint} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, error %v", filepath.Base(path), info.Mode(), err)
		}
	}
}
