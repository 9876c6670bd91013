package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// A console is where a run is watched.
type console struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	terminal       bool // stderr is one
	// signals is called when there is something to finish. After stop they end
	// the process, as always.
	signals func() (received <-chan os.Signal, stop func())
}

// isTerminal goes by what the standard library can tell.
func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// How often the progress is shown: on a line of a terminal that is written
// anew, or on one more line of what may be a log.
const (
	terminalInterval = 250 * time.Millisecond
	logInterval      = 10 * time.Second
)

// A progress shows how far a run has come.
type progress struct {
	tally    *tally
	limit    func() int // requests a minute
	began    time.Time
	terminal bool

	mu    sync.Mutex
	out   io.Writer
	width int // of the line on the terminal
}

// show shows the progress until ctx ends.
func (p *progress) show(ctx context.Context) {
	interval := logInterval
	if p.terminal {
		interval = terminalInterval
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			text := progressLine(p.tally.snapshot(), time.Since(p.began), p.limit())
			if p.terminal {
				p.rewrite(text)
			} else {
				p.say(text)
			}
		case <-ctx.Done():
			p.say("")
			return
		}
	}
}

// rewrite replaces the line on the terminal. It does so with blanks: not every
// terminal knows the sequence that clears a line.
func (p *progress) rewrite(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, "\r%-*s", p.width, text)
	p.width = len(text)
}

// say writes a line that stays, unless it is empty, in place of the other.
func (p *progress) say(text string) {
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

// progressLine has the time left of this run at the limit, if what is left is
// known.
func progressLine(c counts, elapsed time.Duration, limit int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d", c.done())
	if c.total != unknown {
		fmt.Fprintf(&b, " of %d", c.total)
	}
	fmt.Fprintf(&b, " done, %d failed", c.failures)
	if c.waiting > 0 {
		fmt.Fprintf(&b, ", %d to be tried again", c.waiting)
	}
	if elapsed > 0 {
		fmt.Fprintf(&b, ", %.0f a minute", float64(c.finished)/elapsed.Minutes())
	}
	if c.total != unknown && c.finished > 0 {
		requests := float64(c.end-c.before-c.finished) * float64(c.requests) / float64(c.finished)
		fmt.Fprintf(&b, ", %s left", timeFor(requests, limit))
	}
	return b.String()
}

// timeFor is how long so many requests take.
func timeFor(requests float64, perMinute int) string {
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
