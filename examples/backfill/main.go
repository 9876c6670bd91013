// Backfill replays a file of RudderStack events into Trengo: one JSON object a
// line, plain or compressed with gzip.
//
// Without arguments it needs no account: it replays made-up events into an
// in-memory Trengo, in two runs. With TRENGO_API_TOKEN set, -events and
// -config, it replays yours.
//
//	go run ./examples/backfill
//	go run ./examples/backfill -plan -events events.jsonl.gz -config config.json
//	TRENGO_API_TOKEN=... go run ./examples/backfill -events events.jsonl.gz -config config.json
//
// # Stopping and going on
//
// Ctrl-C or SIGTERM finishes what is under way and ends; a second one cancels
// it. The same command goes on where the last run ended, however that ended:
// a checkpoint file has a record of each event that is finished. An event that
// was under way when the process was killed is done again, at most 16 for each
// kill; the next run says how many and which lines. That may open a ticket
// twice: with -hold these events go into the failed file instead, for somebody
// to look. (Where repeating does no harm, as with an identify, nothing is in
// doubt.)
//
// A file goes on only if nothing in it was changed. Standard input goes on if it
// brings the lines again that earlier runs finished, and more if there are more:
// the run ends at the line at which it sees that they are others.
//
// A crash of the machine can take the records of its last second along. Events
// of one person are replayed in the order of the file, except those that are
// done again or tried again: a name may be set back by that.
//
// # Failures
//
// What fails for good goes into the failed file: the event as it was, with the
// number of its line and the reason as its first key, _failed. Mended or not,
// that file can be fed in again, with -events. It holds personal data; nothing
// that is printed does.
//
// What may come right is tried again a minute, 5 minutes and 15 minutes later,
// and then goes into the failed file, too. If nothing else comes through
// either, or the token is refused, the replay ends without giving these events
// up: the next run has them again.
//
// The exit status is 0 if all is well, 1 if an event failed or the replay
// ended before its end, 2 if nothing was tried.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/trengo-go/trengo"
)

// The exit statuses.
const (
	exitOK     = 0
	exitFailed = 1 // an event failed, or not all were replayed
	exitUsage  = 2 // nothing was tried
)

func main() {
	con := console{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, terminal: isTerminal(os.Stderr), signals: signals}
	os.Exit(run(os.Args[1:], os.Getenv("TRENGO_API_TOKEN"), con))
}

func signals() (received <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 2)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	return c, func() { signal.Stop(c) }
}

func run(args []string, token string, con console) int {
	s := settings{token: token}
	switch err := s.parse(args, con); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	}
	if err := s.check(); err != nil {
		return usageError(con, err)
	}
	var err error
	status := exitOK
	switch {
	case s.events == "":
		status, err = demonstrate(s, con)
	case s.plan:
		err = planFile(s, con)
	default:
		status, err = replayFile(s, con)
	}
	if err != nil {
		return usageError(con, err)
	}
	return status
}

func usageError(con console, problem error) int {
	fmt.Fprintln(con.stderr, "backfill:", problem)
	return exitUsage
}

// settings are what the user asks for.
type settings struct {
	token      string
	events     string
	config     string
	checkpoint string
	failed     string
	baseURL    string
	plan       bool
	hold       bool
	create     bool
	limit      int
	rateLimit  int
	remember   time.Duration

	transport trengo.Option // to the in-memory Trengo; nil: to the real one
}

// parse has told the user what is wrong when it returns an error.
func (s *settings) parse(args []string, con console) error {
	flags := flag.NewFlagSet("backfill", flag.ContinueOnError)
	flags.SetOutput(con.stderr)
	flags.StringVar(&s.events, "events", "", "a `file` of events, one JSON object a line, plain or .gz; - for standard input, which to go on has to bring the same lines again; default: made-up ones")
	flags.StringVar(&s.config, "config", "", "a `file` with RudderStack's destination config")
	flags.StringVar(&s.checkpoint, "checkpoint", "", "the `file` that says which events are finished; default: that of -events with .checkpoint")
	flags.StringVar(&s.failed, "failed", "", "the `file` for failed events; default: that of -events with .failed")
	flags.StringVar(&s.baseURL, "base-url", trengo.DefaultBaseURL, "where Trengo's API is")
	flags.BoolVar(&s.plan, "plan", false, "estimate requests and time, and send nothing")
	flags.BoolVar(&s.hold, "hold", false, "put events that a kill left in doubt into the failed file instead of doing them again")
	flags.BoolVar(&s.create, "create-missing", false, "let a track event of an unknown person create the contact")
	flags.IntVar(&s.limit, "limit", 0, "end after so many `events`; 0 for all")
	flags.IntVar(&s.rateLimit, "rate-limit", 0, "send at most so many `requests` a minute; 0 for what Trengo allows")
	flags.DurationVar(&s.remember, "remember", time.Hour, "believe for so long what was read of a person; longer saves searches if many people come again")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		err := errors.New("there are arguments that belong to no flag")
		usageError(con, err)
		return err
	}
	return nil
}

// check finds what makes no sense, and fills in the names of the files.
func (s *settings) check() error {
	switch {
	case s.limit < 0 || s.rateLimit < 0:
		return errors.New("-limit and -rate-limit are not negative")
	case s.remember <= 0:
		return errors.New("-remember is positive")
	case (s.events == "") != (s.config == ""):
		return errors.New("name both -events and -config, or neither")
	case s.events == "" && s.token != "":
		return errors.New("with TRENGO_API_TOKEN set, name your -events and -config: the made-up ones are not for an account")
	case s.events == "" && (s.checkpoint != "" || s.failed != ""):
		return errors.New("the made-up events leave no -checkpoint and no -failed")
	case s.events == "":
		return nil
	case s.token == "" && !s.plan:
		return errors.New("TRENGO_API_TOKEN is not set; without it there is -plan, and examples/quickstart, which tries events out in memory")
	case s.events == "-" && !s.plan && (s.checkpoint == "" || s.failed == ""):
		return errors.New("with -events -, name a -checkpoint and a -failed")
	}
	if s.checkpoint == "" && s.events != "-" {
		s.checkpoint = s.events + ".checkpoint"
	}
	if s.failed == "" {
		s.failed = s.events + ".failed"
	}
	return mustDiffer(s.events, s.config, s.checkpoint, s.failed)
}

func mustDiffer(paths ...string) error {
	seen := map[string]bool{}
	for _, path := range paths {
		absolute, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		if seen[absolute] {
			return fmt.Errorf("%s is named for two things", path)
		}
		seen[absolute] = true
	}
	return nil
}

func (s *settings) readConfig() (trengo.DestinationConfig, error) {
	var config trengo.DestinationConfig
	data, err := os.ReadFile(s.config)
	if err != nil {
		return config, err
	}
	if err := json.Unmarshal(data, &config); err != nil {
		return config, fmt.Errorf("%s: %w", s.config, err)
	}
	config.CreateMissingContacts = s.create
	config.PeopleTTL = s.remember
	config.Concurrency = concurrency
	return config, nil
}
