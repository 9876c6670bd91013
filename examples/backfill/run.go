package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"sync"
	"time"

	"github.com/trengo-go/trengo"
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
	before, failures := f.checkpoint.count()
	st.start(f.input.events, before, failures, s.limit)
	p := &progress{stats: st, limit: s.currentLimit(client), startedAt: time.Now(), terminal: std.terminal, out: std.stderr}
	p.printResume(f.checkpoint, s.hold)
	r := &replay{destination: destination, config: config, files: f, hold: s.hold, limit: s.limit, stats: st}
	received, stopSignals := std.signals()
	stopped = runUntilStopped(p, received, r.run)
	stopSignals()
	c := st.snapshot()
	stopped = errors.Join(stopped, f.close()) // a write error may surface only now
	c.print(std.stdout)
	printNextSteps(std.stderr, s, c, stopped)
	return c.failures, stopped, nil
}

// files are the files that a run reads and writes.
type files struct {
	input      *input
	checkpoint *checkpoint
	failures   *failures
}

func openFiles(s settings, config trengo.DestinationConfig, stdin io.Reader) (f files, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	if f.input, err = openInput(s.events, stdin); err != nil {
		return f, err
	}
	if f.checkpoint, err = openCheckpoint(s.checkpoint, headerOf(f.input, config.ChannelID)); err != nil {
		return f, err
	}
	f.input.earlier = maps.Clone(f.checkpoint.state.checksums)
	if f.failures, err = openFailures(s.failed, f.checkpoint.header.replayID(), f.checkpoint.isNew, f.checkpoint.addMissingFailure); err != nil {
		return f, err
	}
	return f, f.checkpoint.writeHeader()
}

// close closes the files that are open. The failed file comes first: it must be
// on the disk before the checkpoint says so.
func (f files) close() error {
	var errs []error
	if f.failures != nil {
		errs = append(errs, f.failures.close())
	}
	if f.checkpoint != nil {
		errs = append(errs, f.checkpoint.close())
	}
	if f.input != nil {
		errs = append(errs, f.input.close())
	}
	return errors.Join(errs...)
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
		for _, react := range []func(){
			func() {
				p.print("stopping after the events in flight; a second signal cancels them")
				stop(errInterrupted)
			},
			cancel,
		} {
			select {
			case <-signals:
				react()
			case <-over.Done():
			}
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

func printNextSteps(out io.Writer, s settings, c counts, stopped error) {
	if stopped != nil {
		fmt.Fprintln(out, "backfill: stopped:", stopped)
	}
	if (stopped != nil || c.left() > 0) && !errors.Is(stopped, errOtherStream) {
		fmt.Fprintln(out, "backfill: the same command resumes from here")
	}
	if c.failures > 0 {
		fmt.Fprintf(out, "backfill: the failed events and their reasons are in %s; replay it with -events\n", s.failed)
	}
}
