package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/trengo-go/trengo/examples/backfill/internal/checkpoint"
	"github.com/trengo-go/trengo/examples/backfill/internal/input"
)

// replayFile makes one run. The error says why nothing was attempted.
func replayFile(s settings, std stdio) (status int, err error) {
	failed, stopped, err := replayOnce(s, std)
	if stopped == nil && failed == 0 {
		return exitOK, err
	}
	return exitFailed, err
}

// replayOnce makes one run and prints its result. It returns how many events
// have failed in all runs, and why this run ended early.
func replayOnce(s settings, std stdio) (failed int, stopped, err error) {
	config, err := s.readConfig()
	if err != nil {
		return 0, nil, err
	}
	st := new(stats)
	client, destination, err := s.connect(config, st)
	if err != nil {
		return 0, nil, err
	}
	f, err := openFiles(s, config, std.stdin)
	if err != nil {
		return 0, nil, err
	}
	before, failures := f.checkpoint.Count()
	st.start(f.input.Count, before, failures, s.limit)
	p := &progress{stats: st, limit: s.currentLimit(client), startedAt: time.Now(), terminal: std.terminal, out: std.stderr}
	p.printResume(f.checkpoint, s.hold)
	if err := printLosses(std.stderr, s, config, f); err != nil {
		return 0, nil, errors.Join(err, f.close())
	}
	r := &replay{destination: destination, config: config, files: f, hold: s.hold, limit: s.limit, stats: st}
	received, stopSignals := std.signals()
	stopped = runUntilStopped(p, received, r.run)
	stopSignals()
	c := st.snapshot()
	stopped = errors.Join(stopped, f.close()) // a write error may surface only now
	c.print(std.stdout)
	printPositions(std.stderr, "done, but the checkpoint does not say so: the next run replays them, or with -hold moves tickets to the failed file", r.unrecorded)
	printPositions(std.stderr, "waiting for a retry, which the next run makes", r.queue.waitingPositions())
	printNextSteps(std.stderr, s, c, stopped)
	return c.failures, stopped, nil
}

// printPositions lists events that an operator has to know of.
func printPositions(out io.Writer, what string, events []input.Position) {
	if len(events) > 0 {
		fmt.Fprintf(out, "backfill: %d events are %s: %s\n", len(events), what, input.ListPositions(events, len(events)))
	}
}

// runUntilStopped calls run and shows its progress. The first signal ends the
// first context of run, the second signal ends the second one.
func runUntilStopped(p *progress, signals <-chan os.Signal, run func(ctx, force context.Context) error) error {
	ctx, stop := context.WithCancelCause(context.Background())
	force, cancel := context.WithCancel(context.Background())
	over, end := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { p.run(over) })
	watching.Go(func() {
		if waitForSignal(over, signals) != nil {
			p.print("stopping after the events in flight; a second signal cancels them")
			stop(errInterrupted)
		}
		// A terminal that closes may send more than one of these.
		received := waitForSignal(over, signals)
		for received == syscall.SIGHUP {
			received = waitForSignal(over, signals)
		}
		if received != nil {
			cancel()
		}
	})
	defer func() {
		end()
		watching.Wait()
		stop(nil)
		cancel()
	}()
	return run(ctx, force)
}

// waitForSignal returns nil if ctx ends first.
func waitForSignal(ctx context.Context, signals <-chan os.Signal) os.Signal {
	select {
	case received := <-signals:
		return received
	case <-ctx.Done():
		return nil
	}
}

func printNextSteps(out io.Writer, s settings, c counts, stopped error) {
	if stopped != nil {
		fmt.Fprintln(out, "backfill: stopped:", stopped)
	}
	if (stopped != nil || c.left() > 0) && !isOtherInput(stopped) {
		fmt.Fprintln(out, "backfill: the same command resumes from here")
	}
	if c.failures > 0 {
		fmt.Fprintf(out, "backfill: the failed events and their reasons are in %s; replay it with -events\n", s.failed)
	}
}

// isOtherInput reports whether a run ended because the input is not the one that
// an earlier run, or the first pass, read.
func isOtherInput(stopped error) bool {
	return errors.Is(stopped, checkpoint.ErrOtherStream) || errors.Is(stopped, input.ErrRewritten)
}
