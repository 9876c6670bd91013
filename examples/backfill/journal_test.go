package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/examples/backfill/internal/input"
	"github.com/trengo-go/trengo/examples/backfill/internal/journal"
)

// A fullDisk accepts room more bytes. After the first write that does not fit,
// there is room again.
type fullDisk struct {
	journal.File
	mu   sync.Mutex
	room int
}

func (d *fullDisk) fill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room = 0
}

func (d *fullDisk) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(p) <= d.room {
		d.room -= len(p)
		return d.File.Write(p)
	}
	n, err := d.File.Write(p[:d.room])
	d.room = 1 << 20
	if err == nil {
		err = syscall.ENOSPC
	}
	return n, err
}

// A full disk ends a run, and the next one resumes.
func TestJournal_fullDiskEndsReplay(t *testing.T) {
	t.Parallel()
	tests := map[string]func(files) *journal.Journal{
		"checkpoint":  func(f files) *journal.Journal { return f.checkpoint.Journal },
		"failed file": func(f files) *journal.Journal { return f.failures.Journal },
	}
	for name, full := range tests {
		for room := 200; room <= 240; room += 8 { // a record has about 8 bytes
			t.Run(fmt.Sprintf("%s, %d", name, room), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					fx := newFixture(t, "{}\n"+strings.Repeat("broken\n", 2)+orders(upTo(40)...)+"broken\n")
					fx.addPeople(upTo(40)...)
					_, stopped := fx.replayWithFiles(func(f files, _ chan<- os.Signal) {
						j := full(f)
						j.File = &fullDisk{File: j.File, room: room}
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
		_, stopped := fx.replayWithFiles(func(f files, signals chan<- os.Signal) {
			disk := &fullDisk{File: f.checkpoint.File, room: 1 << 20}
			f.checkpoint.File = disk
			time.AfterFunc(11*time.Second, func() {
				signals <- os.Interrupt
				time.Sleep(time.Millisecond)
				disk.fill()
			})
		})
		if stopped == nil || stopped.Error() != "interrupted\n"+syscall.ENOSPC.Error() {
			t.Errorf("stopped with %v", stopped)
		}
	})
}

// Events that have their effect while nothing can be recorded are listed, and
// none is started after that.
func TestJournal_fullDiskListsUnrecorded(t *testing.T) {
	t.Parallel()
	identify := func(person int) string {
		return fmt.Sprintf(`{"type":"identify","traits":{"email":"p%d@example.com","name":"P"}}`+"\n", person)
	}
	var text strings.Builder
	for _, person := range upTo(60) {
		if text.WriteString(identify(person)); person%3 == 0 {
			text.WriteString(`{"type":"page"}` + "\n") // not worth a mention
		}
	}
	synctest.Test(t, func(t *testing.T) {
		fx := newFixture(t, text.String())
		fx.Behavior.Latency = time.Second
		stats, stopped := fx.replayWithFiles(func(f files, _ chan<- os.Signal) {
			f.checkpoint.File = &fullDisk{File: f.checkpoint.File, room: 100}
		})
		if !errors.Is(stopped, syscall.ENOSPC) {
			t.Errorf("stopped with %v", stopped)
		}
		// All that is created is either counted or listed.
		created := len(fx.Contacts())
		if recorded := stats.actions[trengo.ActionContactCreated]; len(fx.unrecorded) != created-recorded || len(fx.unrecorded) == 0 || created > recorded+concurrency {
			t.Errorf("%d contacts, %d recorded, %d listed", created, recorded, len(fx.unrecorded))
		}
		lines := strings.Split(text.String(), "\n")
		for _, p := range fx.unrecorded {
			if !strings.Contains(lines[p.Line-1], "identify") {
				t.Errorf("line %s is listed", p)
			}
		}
	})
}

func TestPrintPositions(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	printPositions(&out, "gone", nil)
	if out.String() != "" {
		t.Errorf("nothing is printed as %q", out.String())
	}
	printPositions(&out, "gone", []input.Position{{Number: 12, Line: 9, Index: 3}, {Number: 2, Line: 1, Index: 1}})
	if got, want := out.String(), "backfill: 2 events are gone: lines 1, 9.3\n"; got != want {
		t.Errorf("printed %q", got)
	}
}
