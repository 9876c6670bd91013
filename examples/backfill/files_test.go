package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/trengo-go/trengo/examples/backfill/internal/failed"
	"github.com/trengo-go/trengo/examples/backfill/internal/input"
	"github.com/trengo-go/trengo/trengotest"
)

// on calls f at the first ticket.
func (fx *fixture) onFirstTicket(f func()) {
	var once sync.Once
	fx.InjectFunc(func(r trengotest.Request) trengotest.Fault {
		if isNewTicket(r) {
			once.Do(f)
		}
		return trengotest.Fault{}
	})
}

func skipOnWindows(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not have such files")
	}
}

// A link to another file of the run is that file, whatever its name.
func TestOpenFiles_links(t *testing.T) {
	t.Parallel()
	skipOnWindows(t)
	links := map[string]func(target, link string) error{"symbolic link": os.Symlink, "hard link": os.Link}
	for kind, link := range links {
		for name, roles := range map[string]func(s *settings) (target string, role *string){
			"failed file is the input":      func(s *settings) (string, *string) { return s.events, &s.failed },
			"failed file is the config":     func(s *settings) (string, *string) { return s.config, &s.failed },
			"failed file is the checkpoint": func(s *settings) (string, *string) { return s.checkpoint, &s.failed },
			"checkpoint is the input":       func(s *settings) (string, *string) { return s.events, &s.checkpoint },
			"checkpoint is the config":      func(s *settings) (string, *string) { return s.config, &s.checkpoint },
			"input is the config":           func(s *settings) (string, *string) { return s.config, &s.events },
		} {
			t.Run(name+" by a "+kind, func(t *testing.T) {
				t.Parallel()
				fx := newFixture(t, orders(1, 2))
				target, role := roles(&fx.settings)
				if target == fx.settings.checkpoint {
					writeFile(t, target, "")
				}
				before := readFile(t, target)
				*role = filepath.Join(t.TempDir(), "link")
				if err := link(target, *role); err != nil {
					t.Fatal(err)
				}
				fx.replay().check(t, exitUsage, "is set for two purposes")
				fx.plan().check(t, exitUsage, "is set for two purposes")
				if readFile(t, target) != before {
					t.Error("the file was changed")
				}
			})
		}
	}
}

func TestOpenFiles_linkToMissingCheckpoint(t *testing.T) {
	t.Parallel()
	skipOnWindows(t)
	fx := newFixture(t, orders(1, 2))
	if err := os.Symlink(fx.settings.checkpoint, fx.settings.failed); err != nil {
		t.Fatal(err)
	}
	fx.replay().check(t, exitUsage, "is set for two purposes")
}

func TestOpenFiles_redirectedInput(t *testing.T) {
	t.Parallel()
	fx := newFixture(t, orders(1, 2))
	stdin := must(os.Open(fx.settings.events))
	defer stdin.Close()
	fx.settings.failed, fx.settings.events = fx.settings.events, "-"
	redirected := func(_ *settings, std *stdio, _ chan<- os.Signal) { std.stdin = stdin }
	fx.replay(redirected).check(t, exitUsage, "is set for two purposes")
	if readFile(t, fx.settings.failed) != orders(1, 2) {
		t.Error("the input was changed")
	}
}

// Two runs never write to one failed file.
func TestFailures_isLocked(t *testing.T) {
	t.Parallel()
	skipOnWindows(t)
	synctest.Test(t, func(t *testing.T) {
		first := newFixture(t, "{}\n"+orders(1, 2))
		first.addPeople(1, 2)
		second := newFixture(t, "{}\n{}\n")
		second.settings.failed = first.settings.failed
		first.onFirstTicket(func() {
			second.replay().check(t, exitUsage, first.settings.failed+": another backfill process is using it")
		})
		first.replay().check(t, exitFailed, "done 2", "failed 1")
		second.replay().check(t, exitUsage, "not empty")
	})
}

// A file that is not a failed file is neither cut nor made private.
func TestFailures_ofSomebodyElse(t *testing.T) {
	t.Parallel()
	line := string(must(failed.Wrap(input.Event{Text: []byte(`{}`)}, "A", errInDoubt))) + "\n"
	for name, text := range map[string]string{
		"text":                   "notes\nmore notes",
		"text without a line":    "notes",
		"events":                 orders(1),
		"blank line":             line + "\n",
		"text behind failures":   line + line + "notes\n",
		"part behind failures":   line + "{\"_failure",
		"another key":            "{\"_failed_before\":{}}\n",
		"failures behind a text": "notes\n" + line,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fx := newFixture(t, orders(1, 2))
				fx.addPeople(1, 2)
				fx.replay(withLimit(1)).check(t, exitOK, "done 1")
				fx.settings.failed = filepath.Join(t.TempDir(), "notes")
				if err := os.WriteFile(fx.settings.failed, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				before := readFile(t, fx.settings.checkpoint)
				fx.replay().check(t, exitUsage, "this is not a file of failed events: set another -failed")
				if readFile(t, fx.settings.failed) != text || readFile(t, fx.settings.checkpoint) != before {
					t.Error("a file was changed")
				}
				if info, err := os.Stat(fx.settings.failed); err != nil || info.Mode().Perm()&0o044 == 0 {
					t.Errorf("mode %v, error %v", info.Mode(), err)
				}
			})
		})
	}
}

// Whatever a kill left of the last line is removed.
func TestFailures_partialLine(t *testing.T) {
	t.Parallel()
	line := string(must(failed.Wrap(input.Event{Text: []byte(`{}`)}, "A", errInDoubt)))
	for size := 0; size <= len(line); size += 7 {
		fx := newFixture(t, `{"type":"page"}`+"\n{}\n")
		fx.replay(withLimit(1)).check(t, exitOK, "done 1")
		writeFile(t, fx.settings.failed, line+"\n"+line[:size])
		fx.replay().check(t, exitFailed, "done 1", "failed 1")
		if text := readFile(t, fx.settings.failed); strings.Count(text, "\n") != 2 || !strings.HasPrefix(text, line+"\n{") {
			t.Errorf("cut at %d:\n%s", size, text)
		}
	}
}

// Files that others could read before are private from the first run on.
func TestOpenFiles_makesPrivate(t *testing.T) {
	t.Parallel()
	skipOnWindows(t)
	fx := newFixture(t, "{}\n{}\n")
	for _, path := range []string{fx.settings.failed, fx.settings.checkpoint} {
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	fx.replay(withLimit(1)).check(t, exitFailed, "failed 1")
	check := func() {
		t.Helper()
		for _, path := range []string{fx.settings.failed, fx.settings.checkpoint} {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: mode %v, error %v", filepath.Base(path), info.Mode(), err)
			}
		}
	}
	check()
	if err := errors.Join(os.Chmod(fx.settings.failed, 0o666), os.Chmod(fx.settings.checkpoint, 0o640)); err != nil {
		t.Fatal(err)
	}
	fx.replay().check(t, exitFailed, "failed 2")
	check()
}

// A file is read as it was when the run began.
func TestReplay_inputChangesMeanwhile(t *testing.T) {
	t.Parallel()
	text := orders(upTo(9)...) // lines of one length
	const rewritten = "the input was rewritten meanwhile"
	tests := []struct {
		name, after string
		want        string // empty if the run ends well
		done        int
	}{
		{"grows", text + orders(10, 11), "", 9},
		{"grows by a part of a line", text + `{"type":`, "", 9},
		{"is rewritten", orders(1, 2, 3, 4, 5, 6, 7, 9, 8), rewritten, 9},
		{"is rewritten and grows", orders(1, 2, 3, 4, 5, 6, 7, 9, 8, 10), rewritten, 9},
		{"is rewritten with more events", strings.Repeat(`{"type":"page"}`+"\n", len(text)/16), "line 10: " + rewritten, 9},
		{"shrinks", orders(1, 2, 3), rewritten, 3},
		{"is emptied", "", rewritten, 0},
		{"becomes an array", "[" + strings.ReplaceAll(strings.TrimSpace(text), "\n", ",") + "]\n", "line 1: the array does not end", 9},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fx := newFixture(t, text)
				fx.addPeople(upTo(11)...)
				c, stopped := fx.replayWithFiles(func(files, chan<- os.Signal) { writeFile(t, fx.settings.events, tt.after) })
				if (stopped == nil) != (tt.want == "") || stopped != nil && !strings.Contains(stopped.Error(), tt.want) {
					t.Errorf("stopped with %v", stopped)
				}
				if c.done() != tt.done || c.left() != 9-tt.done {
					t.Errorf("%d done, %d left", c.done(), c.left())
				}
			})
		})
	}
}

// The plan has read the file once more when the run reads it.
func TestReplay_inputChangesAfterThePlan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		page := `{"type":"page"}` + "\n"
		text := orders(1) + strings.Repeat(page, 5_000)
		for after, want := range map[string]string{
			text + page:                                "",
			text[:len(text)-4] + ` }` + "\n":           "the input was rewritten meanwhile",
			orders(1) + strings.Repeat("{}\n", 1_000):  "the input was rewritten meanwhile",
			orders(1) + strings.Repeat("{}\n", 30_000): "the input was rewritten meanwhile",
		} {
			fx := newFixture(t, text)
			fx.addPeople(1)
			var once sync.Once
			r := fx.replay(func(_ *settings, std *stdio, _ chan<- os.Signal) {
				stderr := std.stderr
				std.stderr = writerFunc(func(p []byte) (int, error) {
					once.Do(func() { writeFile(t, fx.settings.events, after) })
					return stderr.Write(p)
				})
			})
			if want == "" {
				r.check(t, exitOK, "done 5001", "left 0")
			} else {
				r.check(t, exitFailed, "stopped: ", want)
			}
			if regexp.MustCompile(`-\d`).MatchString(r.stdout) || want != "" && strings.Contains(r.stderr, "the same command resumes") {
				t.Errorf("output\n%s%s", r.stdout, r.stderr)
			}
			fx.checkTickets(1)
		}
	})
}

// What is recorded survives, wherever the files go.
func TestReplay_filesAreRemovedMeanwhile(t *testing.T) {
	t.Parallel()
	skipOnWindows(t)
	tests := []struct {
		name     string
		path     func(*settings) *string
		remove   func(path string) error
		restored string // appended to the path
	}{
		{"checkpoint", func(s *settings) *string { return &s.checkpoint }, os.Remove, ""},
		{"failed file", func(s *settings) *string { return &s.failed }, os.Remove, ""},
		{"moved checkpoint", func(s *settings) *string { return &s.checkpoint }, func(path string) error { return os.Rename(path, path+".old") }, ""},
		{"replaced checkpoint", func(s *settings) *string { return &s.checkpoint }, func(path string) error {
			return errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600))
		}, ".restored"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				people := upTo(200)
				fx := newFixture(t, "{}\n"+orders(people...))
				fx.addPeople(people...)
				path := tt.path(&fx.settings)
				fx.onFirstTicket(func() {
					if err := tt.remove(*path); err != nil {
						t.Error(err)
					}
				})
				r := fx.replay()
				r.check(t, exitFailed, "stopped: "+*path+" was removed or replaced during the run what "+*path+" held is now in "+*path+tt.restored+" ")
				if strings.Count(r.stderr, "was removed") != 1 {
					t.Errorf("standard error\n%s", r.stderr)
				}
				if n := len(fx.Tickets()); n > 150 {
					t.Errorf("%d tickets before it stopped", n)
				}
				*path += tt.restored
				second := fx.replay()
				second.check(t, exitFailed, "done 200", "failed 1", "left 0")
				if strings.Contains(second.stderr, "in flight") {
					t.Errorf("an event is in doubt:\n%s", second.stderr)
				}
				fx.checkTickets(people...)
				if n := len(fx.failedLines()); n != 1 {
					t.Errorf("%d failed events", n)
				}
			})
		})
	}
}

// A file that a run could not read again is refused, and nothing waits for a
// named pipe.
func TestOpenFiles_notRegular(t *testing.T) {
	t.Parallel()
	skipOnWindows(t)
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := exec.Command("mkfifo", pipe).Run(); err != nil {
		t.Skip("mkfifo is not there")
	}
	for name, path := range map[string]string{"named pipe": pipe, "device": os.DevNull, "directory": t.TempDir()} {
		for role, set := range map[string]func(s *settings){
			"checkpoint":  func(s *settings) { s.checkpoint = path },
			"failed file": func(s *settings) { s.failed = path },
			"input":       func(s *settings) { s.events = path },
		} {
			t.Run(role+" that is a "+name, func(t *testing.T) {
				t.Parallel()
				fx := newFixture(t, orders(1))
				set(&fx.settings)
				fx.replay().check(t, exitUsage, path+": not a regular file")
				if len(fx.Requests()) > 0 {
					t.Error("requests are sent")
				}
			})
		}
	}
}
