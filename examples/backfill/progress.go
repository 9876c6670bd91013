package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/trengo-go/trengo/examples/backfill/internal/checkpoint"
	"github.com/trengo-go/trengo/examples/backfill/internal/input"
)

// stdio is what a run is started from and watched on.
type stdio struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	terminal       bool // stderr is one
	// signals is called when a run starts. After stop, a signal ends the
	// process, as by default.
	signals func() (received <-chan os.Signal, stop func())
}

// isTerminal is as precise as the standard library allows.
func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// How often the progress is shown: on a terminal in a line that is rewritten,
// elsewhere as a new line, because it may be a log.
const (
	terminalInterval = 250 * time.Millisecond
	logInterval      = 10 * time.Second
)

// A progress shows how far a run has come.
type progress struct {
	stats     *stats
	limit     func() int // requests a minute
	startedAt time.Time
	terminal  bool

	mu    sync.Mutex
	out   io.Writer
	width int // of the line on the terminal
}

// run shows the progress until ctx ends.
func (p *progress) run(ctx context.Context) {
	interval := logInterval
	if p.terminal {
		interval = terminalInterval
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			text := progressLine(p.stats.snapshot(), time.Since(p.startedAt), p.limit())
			if p.terminal {
				p.rewrite(text)
			} else {
				p.print(text)
			}
		case <-ctx.Done():
			p.print("")
			return
		}
	}
}

// rewrite replaces the line on the terminal. It overwrites the rest with
// blanks, because not every terminal can clear a line.
func (p *progress) rewrite(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, "\r%-*s", p.width, text)
	p.width = len(text)
}

// print replaces the line on the terminal with one that stays. An empty text
// only clears it.
func (p *progress) print(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.width > 0 {
		fmt.Fprintf(p.out, "\r%*s\r", p.width, "")
		p.width = 0
	}
	if text != "" {
		fmt.Fprintln(p.out, text)
	}
}

// printResume says where a run resumes and what the last one left in doubt.
func (p *progress) printResume(cp *checkpoint.Checkpoint, hold bool) {
	if cp.IsNew {
		return
	}
	finished, failed := cp.Count()
	p.print(fmt.Sprintf("resuming after %d finished events, %d of them failed", finished, failed))
	if len(cp.Changes) > 0 {
		p.print("the config has changed since the last run: " + strings.Join(cp.Changes, ", "))
	}
	if len(cp.InDoubt) == 0 {
		return
	}
	action := "replaying them again, which may open a second ticket"
	if hold {
		action = "moving them to the failed file"
	}
	p.print(fmt.Sprintf("%d more were in flight when a run ended; %s: %s", len(cp.InDoubt), action, input.ListPositions(cp.InDoubt, len(cp.InDoubt))))
}

// progressLine includes the time that this run still takes at the limit, if the
// number of events is known.
func progressLine(c counts, elapsed time.Duration, limit int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d", c.done())
	if c.total != input.Unknown {
		fmt.Fprintf(&b, " of %d", c.total)
	}
	fmt.Fprintf(&b, " done, %d failed", c.failures)
	if c.waiting > 0 {
		fmt.Fprintf(&b, ", %d waiting for a retry", c.waiting)
	}
	if elapsed > 0 {
		fmt.Fprintf(&b, ", %.0f a minute", float64(c.finished)/elapsed.Minutes())
	}
	if c.total != input.Unknown && c.finished > 0 {
		requests := float64(c.end-c.before-c.finished) * float64(c.requests) / float64(c.finished)
		fmt.Fprintf(&b, ", %s left", formatTime(requests, limit))
	}
	return b.String()
}

// formatTime says how long a number of requests takes.
func formatTime(requests float64, perMinute int) string {
	d := time.Duration(requests / float64(perMinute) * float64(time.Minute))
	switch {
	case d.Round(time.Second) < time.Minute:
		return fmt.Sprintf("%.0fs", d.Seconds())
	case d.Round(time.Minute) < time.Hour:
		return fmt.Sprintf("%.0fm", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.1fh", d.Hours())
	default:
		return fmt.Sprintf("%.1f days", d.Hours()/24)
	}
}
