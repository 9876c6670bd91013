// Backfill replays a file of RudderStack events into Trengo.
//
// Without arguments it needs no account: it replays made-up events into an
// in-memory Trengo, in two runs. With TRENGO_API_TOKEN set, and with -events
// and -config, it replays your own events.
//
//	go run ./examples/backfill
//	go run ./examples/backfill -plan -events events.jsonl.gz -config config.json
//	TRENGO_API_TOKEN=... go run ./examples/backfill -events events.jsonl.gz -config config.json
//
// # Input
//
// If the first line is a complete JSON object, the input is JSON lines, and a bad
// line costs only itself. Otherwise it is JSON arrays or objects, over any number
// of lines, in which a mistake ends the input: in a file it is found before
// anything is sent. Anything else, such as a table, is refused. The input may be
// compressed with gzip, and in UTF-8 or UTF-16. Batches and the lines of
// RudderStack's archive are taken apart. An event whose integrations switch All
// off, but not Trengo on, is skipped, unless -ignore-integrations-all is set.
//
// With -plan, nothing is sent. It says what will fail or be skipped and why, and
// so does a run of a file before it starts. Line 12.3 is the third event that
// begins in line 12.
//
// # Stopping and resuming
//
// Ctrl-C, SIGTERM or SIGHUP finishes the events in flight and then ends the run. A
// second signal, unless it is SIGHUP, cancels them. The same command resumes where
// the last run ended, however it ended: a checkpoint file records each finished
// event.
//
// Events that were in flight when the process was killed are replayed again, at
// most 16 for each kill. The next run prints how many there are, and their
// lines. Such an event may open a second ticket; with -hold it goes to the
// failed file instead, for you to check. An event that is safe to repeat, such
// as an identify, is never in doubt.
//
// A checkpoint belongs to an input, a base URL, a channel and a kind of
// identifier. If another setting that matters has changed, a run names it and
// needs -accept-changes. The token does not matter.
//
// A file can be resumed only if it has not changed. While a run reads it, it may
// grow: a run reads it to the size that it had at the start, and reports at the
// end if that part was rewritten. Standard input can be resumed if it starts with
// the events that earlier runs finished; more may follow. The run ends at the
// first event that it can tell is different.
//
// A crash of the machine can lose the records of the last second. Events of one
// person are replayed in the order of the file, except for retries and for
// events that are replayed again: those may set a name back to an older one.
//
// # Failures
//
// An event that fails permanently goes to the failed file: the original event,
// with its line number and the reason in the first key, _failed. Fixed or not,
// that file can be replayed with -events. It contains personal data; printed
// output never does. Only its owner may read it, and only one run at a time may
// write to it.
//
// A transient failure is retried after a minute, 5 minutes and 15 minutes. Then
// the event goes to the failed file too. If at least three events fail like that
// and nothing else succeeds either, or if the token is rejected, the run ends and
// keeps these events for the next run.
//
// The run also ends before the next event if a file can no longer be written, or
// was removed: then it lists the events that are done but not recorded, and writes
// a removed file again.
//
// The exit status is 0 if everything succeeded, 1 if an event failed or the run
// ended early, and 2 if nothing was attempted. With -plan it is 1 if an event will
// fail.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// The exit statuses.
const (
	exitOK     = 0
	exitFailed = 1 // an event failed, or not all were replayed
	exitUsage  = 2 // nothing was attempted
)

func main() {
	// If the reader of the output is gone, the replay goes on all the same.
	signal.Ignore(syscall.SIGPIPE)
	std := stdio{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, terminal: isTerminal(os.Stderr), signals: signals}
	os.Exit(run(os.Args[1:], os.Getenv("TRENGO_API_TOKEN"), std))
}

func signals() (received <-chan os.Signal, stop func()) {
	ending := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as it is under nohup
		ending = append(ending, syscall.SIGHUP)
	}
	c := make(chan os.Signal, 2)
	signal.Notify(c, ending...)
	return c, func() { signal.Stop(c) }
}

func run(args []string, token string, std stdio) int {
	s := settings{token: token}
	switch err := s.parse(args, std); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	}
	if err := s.check(); err != nil {
		return usageError(std, err)
	}
	var status int
	var err error
	switch {
	case s.events == "":
		status, err = runDemo(s, std)
	case s.plan:
		status, err = planFile(s, std)
	default:
		status, err = replayFile(s, std)
	}
	if err != nil {
		return usageError(std, err)
	}
	return status
}

func usageError(std stdio, err error) int {
	fmt.Fprintln(std.stderr, "backfill:", err)
	return exitUsage
}
