package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo/examples/backfill/internal/checkpoint"
	"github.com/trengo-go/trengo/examples/backfill/internal/input"
)

func TestCheckpoint_isLocked(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the standard library cannot lock a file on Windows")
	}
	fx := newFixture(t, orders(1))
	config := must(fx.settings.readConfig())
	h := fx.settings.header(&input.Input{Form: input.Lines, Digest: "x"}, config)
	cp := must(checkpoint.Open(fx.settings.checkpoint, h, false))
	if err := cp.WriteHeader(); err != nil {
		t.Fatal(err)
	}
	fx.replay().check(t, exitUsage, "another backfill process")
	if err := cp.Close(); err != nil {
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
		writeFile(t, fx.settings.checkpoint, strings.Replace(checkpoint, "failed 4 4\n", "", 1)+"begu")
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
	fx := newFixture(t, "{}\n")
	fx.replay().check(t, exitFailed, "failed 1")
	for _, path := range []string{fx.settings.failed, fx.settings.checkpoint} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, error %v", filepath.Base(path), info.Mode(), err)
		}
	}
}
