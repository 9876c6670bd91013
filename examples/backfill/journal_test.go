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

// A fullDisk takes so many bytes more, and the rest when somebody has made
// room.
type fullDisk struct {
	*os.File
	room    int
	cutting error // what comes of cutting the file
}

func (d *fullDisk) Write(p []byte) (int, error) {
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

func (d *fullDisk) Truncate(size int64) error {
	if d.cutting != nil {
		return d.cutting
	}
	return d.File.Truncate(size)
}

// What was written in part is taken off, and nothing is written behind it.
func TestJournal_fullDisk(t *testing.T) {
	for _, cutting := range []error{nil, syscall.EIO} {
		t.Run(fmt.Sprintf("cutting: %v", cutting), func(t *testing.T) {
			file := must(os.CreateTemp(t.TempDir(), "journal"))
			j := &journal{file: &fullDisk{File: file, room: len("first\nsec"), cutting: cutting}}
			first, second, third := j.write([]byte("first")), j.write([]byte("second")), j.write([]byte("third"))
			if first != nil || second == nil || third == nil {
				t.Errorf("errors %v, %v and %v", first, second, third)
			}
			if err := j.close(); err != nil {
				t.Error(err)
			}
			want := "first\n"
			if cutting != nil {
				want = "first\nsec"
			}
			if got := readFile(t, file.Name()); got != want {
				t.Errorf("the file has %q, want %q", got, want)
			}
		})
	}
}

// A full disk ends a run, and the next goes on.
func TestReplay_fullDisk(t *testing.T) {
	tests := map[string]func(files) *journal{
		"checkpoint":  func(f files) *journal { return &f.checkpoint.journal },
		"failed file": func(f files) *journal { return &f.failures.journal },
	}
	for name, full := range tests {
		for room := 200; room <= 240; room += 8 { // a record is some 8 bytes
			t.Run(fmt.Sprintf("%s, %d", name, room), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := newDesk(t, strings.Repeat("broken\n", 3)+orders(upTo(40)...)+"broken\n")
					d.know(upTo(40)...)
					stopped := d.runWith(func(f files, _ chan<- os.Signal) {
						j := full(f)
						j.file = &fullDisk{File: j.file.(*os.File), room: room}
					})
					if stopped == nil || strings.Count(stopped.Error(), syscall.ENOSPC.Error()) != 1 {
						t.Errorf("it stopped with %v", stopped)
					}
					d.replay(func(s *settings, _ *console, _ chan<- os.Signal) { s.hold = true }).must(t, exitFailed, "left 0")
					want := map[int]bool{1: true, 2: true, 3: true, 44: true}
					for line, reason := range d.failedLines() {
						if !want[line] && reason != errInDoubt.Error() {
							t.Errorf("line %d: %s", line, reason)
						}
					}
					seen := map[string]bool{}
					for _, ticket := range d.Tickets() {
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

// What the disk did not take is said though the user stopped the run.
func TestReplay_fullDiskWhenInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, orders(upTo(100)...))
		d.know(upTo(100)...)
		d.Behavior.Latency = 2 * time.Second
		stopped := d.runWith(func(f files, signals chan<- os.Signal) {
			time.AfterFunc(11*time.Second, func() {
				signals <- os.Interrupt
				time.Sleep(time.Millisecond)
				f.checkpoint.mu.Lock()
				defer f.checkpoint.mu.Unlock()
				f.checkpoint.file = &fullDisk{File: f.checkpoint.file.(*os.File)}
			})
		})
		if stopped == nil || stopped.Error() != "interrupted\n"+syscall.ENOSPC.Error() {
			t.Errorf("it stopped with %v", stopped)
		}
	})
}

// runWith makes a run whose files a test has changed, and returns why it
// stopped.
func (d *desk) runWith(prepare func(files, chan<- os.Signal)) error {
	d.t.Helper()
	s := d.settings
	con, _, _, signals := newConsole("")
	config := must(s.readConfig())
	t := new(tally)
	client, destination, err := s.connect(config, t)
	if err != nil {
		d.t.Fatal(err)
	}
	f := must(s.openFiles(config, con.stdin))
	t.begin(f.input.events, 0, 0, 0)
	prepare(f, signals)
	p := &progress{tally: t, limit: s.limitOf(client), began: time.Now(), out: con.stderr}
	r := &replay{destination: destination, config: config, files: f, tally: t}
	stopped := watched(p, signals, r.run)
	if err := f.close(); err != nil {
		d.t.Error(err)
	}
	return stopped
}
