package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/trengo-go/trengo"
)

// replayFile is one run. The error says why nothing was tried.
func replayFile(s settings, con console) (status int, err error) {
	failed, stopped, err := replayOnce(s, con)
	if stopped == nil && failed == 0 {
		return exitOK, err
	}
	return exitFailed, err
}

// replayOnce says how many events have failed, and why the run ended before
// its end.
func replayOnce(s settings, con console) (failed int, stopped, err error) {
	config, err := s.readConfig()
	if err != nil {
		return 0, nil, err
	}
	t := new(tally)
	client, destination, err := s.connect(config, t)
	if err != nil {
		return 0, nil, err
	}
	f, err := s.openFiles(config, con.stdin)
	if err != nil {
		return 0, nil, err
	}
	before, failures := f.checkpoint.count()
	t.begin(f.input.events, before, failures, s.limit)
	p := &progress{tally: t, limit: s.limitOf(client), began: time.Now(), terminal: con.terminal, out: con.stderr}
	p.sayWhereItGoesOn(f.checkpoint, s.hold)
	r := &replay{destination: destination, config: config, files: f, hold: s.hold, limit: s.limit, tally: t}
	received, letGo := con.signals()
	stopped = watched(p, received, r.run)
	letGo()
	c := t.snapshot()
	stopped = errors.Join(stopped, f.close()) // what the disk did not take shows here at the latest
	c.print(con.stdout)
	sayHowToGoOn(con.stderr, s, c, stopped)
	return c.failures, stopped, nil
}

// files are what a run reads and writes.
type files struct {
	input      *input
	checkpoint *checkpoint
	failures   *failures
}

func (s *settings) openFiles(config trengo.DestinationConfig, stdin io.Reader) (f files, err error) {
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
	f.input.before = maps.Clone(f.checkpoint.state.sums)
	if f.failures, err = openFailures(s.failed, f.checkpoint.header.replay(), f.checkpoint.isNew, f.checkpoint.failedBefore); err != nil {
		return f, err
	}
	return f, f.checkpoint.start()
}

// close closes what was opened: the failed file is on the disk before the
// checkpoint says so.
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

func (s *settings) connect(config trengo.DestinationConfig, t *tally) (*trengo.Client, *trengo.Destination, error) {
	opts := []trengo.Option{
		trengo.WithBaseURL(s.baseURL),
		trengo.WithObserver(func(trengo.Attempt) { t.request() }),
		s.transport,
	}
	if s.rateLimit > 0 {
		opts = append(opts, trengo.WithRateLimit(s.rateLimit))
	}
	client, err := trengo.NewClient(s.token, opts...)
	if err != nil {
		return nil, nil, err
	}
	destination, err := trengo.NewDestination(client, config)
	return client, destination, err
}

// limitOf is the current limit: what Trengo says, but never above the user's.
func (s *settings) limitOf(client *trengo.Client) func() int {
	return func() int {
		limit := client.RateLimit().Limit
		if limit == 0 || s.rateLimit > 0 && s.rateLimit < limit {
			return s.perMinute()
		}
		return limit
	}
}

func (s *settings) perMinute() int {
	if s.rateLimit > 0 {
		return s.rateLimit
	}
	return trengo.DefaultRateLimit
}

// watched runs something that the user may stop, and shows how far it is.
func watched(p *progress, signals <-chan os.Signal, run func(ctx, force context.Context) error) error {
	ctx, stop := context.WithCancelCause(context.Background())
	force, cancel := context.WithCancel(context.Background())
	over, end := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { p.show(over) })
	watching.Go(func() {
		for _, obey := range []func(){
			func() {
				p.say("stopping when what is under way is finished; once more to cancel that")
				stop(errInterrupted)
			},
			cancel,
		} {
			select {
			case <-signals:
				obey()
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

func (p *progress) sayWhereItGoesOn(cp *checkpoint, hold bool) {
	if cp.isNew {
		return
	}
	finished, failed := cp.count()
	p.say(fmt.Sprintf("going on after %d finished events, %d of them failed", finished, failed))
	if len(cp.inDoubt) == 0 {
		return
	}
	then := "they are done again, and their tickets may come twice"
	if hold {
		then = "they go into the failed file"
	}
	p.say(fmt.Sprintf("%d more were under way when a run ended; %s: lines %s", len(cp.inDoubt), then, listed(cp.inDoubt)))
}

func listed(numbers []int) string {
	texts := make([]string, len(numbers))
	for i, n := range numbers {
		texts[i] = strconv.Itoa(n)
	}
	return strings.Join(texts, ", ")
}

func sayHowToGoOn(out io.Writer, s settings, c counts, stopped error) {
	if stopped != nil {
		fmt.Fprintln(out, "backfill: stopped:", stopped)
	}
	if (stopped != nil || c.left() > 0) && !errors.Is(stopped, errOtherStream) {
		fmt.Fprintln(out, "backfill: the same command goes on from here")
	}
	if c.failures > 0 {
		fmt.Fprintf(out, "backfill: the failed events are in %s with their reasons; feed it in with -events\n", s.failed)
	}
}

// planFile estimates what a run would take.
func planFile(s settings, con console) error {
	config, err := s.readConfig()
	if err != nil {
		return err
	}
	p, err := newPlanner(config, s.perMinute())
	if err != nil {
		return err
	}
	in, err := openInput(s.events, con.stdin)
	if err != nil {
		return err
	}
	defer func() { _ = in.close() }()
	var before state
	if s.checkpoint != "" {
		if before, err = peekCheckpoint(s.checkpoint, headerOf(in, config.ChannelID)); err != nil {
			return err
		}
		in.before = before.sums
	}
	for l, err := range in.lines() {
		if err != nil {
			return err
		}
		if before.finished.has(l.number) {
			continue
		}
		if s.limit > 0 && p.estimate.events == s.limit {
			break
		}
		text, _ := unwrapped(l.text)
		p.add(text)
	}
	p.estimate.print(con.stdout, before.finished.size, s.perMinute())
	return nil
}
