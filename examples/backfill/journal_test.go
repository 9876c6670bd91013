package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A fullDisk accepts room more bytes. After the first write that does not fit,
// there is room again.
type fullDisk struct {
	journalFile
	room        int
	truncateErr error
}

func (d *fullDisk) Write(p []byte) (int, error) {
	if len(p) <= d.room {
		d.room -= len(p)
		return d.journalFile.Write(p)
	}
	n, err := d.journalFile.Write(p[:d.room])
	d.room = 1 << 20
	if err == nil {
		err = syscall.ENOSPC
	}
	return n, err
}

func (d *fullDisk) Truncate(size int64) error {
	if d.truncateErr != nil {
		return d.truncateErr
	}
	return d.journalFile.Truncate(size)
}

// A partial line is removed, and nothing is written after it.
func TestJournal_fullDisk(t *testing.T) {
	t.Parallel()
	for _, truncateErr := range []error{nil, syscall.EIO} {
		t.Run(fmt.Sprintf("truncate: %v", truncateErr), func(t *testing.T) {
			t.Parallel()
			file := must(os.CreateTemp(t.TempDir(), "journal"))
			j := &journal{file: &fullDisk{journalFile: file, room: len("first\nsec"), truncateErr: truncateErr}}
			first, second, third := j.write([]byte("first")), j.write([]byte("second")), j.write([]byte("third"))
			if first != nil || second == nil || third == nil {
				t.Errorf("errors %v, %v and %v", first, second, third)
			}
			if err := j.close(); err != nil {
				t.Error(err)
			}
			want := "first\n"
			if truncateErr != nil {
				want = "first\nsec"
			}
			if got := readFile(t, file.Name()); got != want {
				t.Errorf("the file has %q, want %q", got, want)
			}
		})
	}
}

// A full disk ends a run, and the next one resumes.
func TestJournal_fullDiskEndsReplay(t *testing.T) {
	t.Parallel()
	tests := map[string]func(files) *journal{
		"checkpoint":  func(f files) *journal { return &f.checkpoint.journal },
		"failed file": func(f files) *journal { return &f.failures.journal },
	}
	for name, full := range tests {
		for room := 200; room <= 240; room += 8 { // a record has about 8 bytes
			t.Run(fmt.Sprintf("%s, %d", name, room), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					fx := newFixture(t, strings.Repeat("broken\n", 3)+orders(upTo(40)...)+"broken\n")
					fx.addPeople(upTo(40)...)
					stopped := fx.replayWithFiles(func(f files, _ chan<- os.Signal) {
						j := full(f)
						j.file = &fullDisk{journalFile: j.file, room: room}
					})
					if stopped == nil || strings.Count(stopped.Error(), syscall.ENOSPC.Error()) != 1 {
						t.Errorf("stopped with %v", stopped)
					}
					fx.replay(withHold(true)).check(t, exitFailed, "left 0")
					want := map[int]bool{1: true, 2: true, 3: true, 44: true}
					for line, reason := range fx.failedLines() {
						if !want[line] && reason != errInDoubt.Error() {
							t.Errorf("line %d: %s", line, reason)
						}
					}
					seen := map[string]bool{}
					for _, ticket := range fx.Tickets() {
						if seen[ticket.Subject] {
							t.Errorf("%q twice", ticket.Subject)
						}
						seen[ticket.Subject] = true
					}
				})
			})
		}
	}
}

// A write error is reported even if the user stopped the run.
func TestJournal_fullDiskAfterInterrupt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fx := newFixture(t, orders(upTo(100)...))
		fx.addPeople(upTo(100)...)
		fx.Behavior.Latency = 2 * time.Second
		stopped := fx.replayWithFiles(func(f files, signals chan<- os.Signal) {
			time.AfterFunc(11*time.Second, func() {
				signals <- os.Interrupt
				time.Sleep(time.Millisecond)
				f.checkpoint.mu.Lock()
				defer f.checkpoint.mu.Unlock()
				f.checkpoint.file = &fullDisk{journalFile: f.checkpoint.file}
			})
		})
		if stopped == nil || stopped.Error() != "interrupted\n"+syscall.ENOSPC.Error() {
			t.Errorf("stopped with %v", stopped)
		}
	})
}
