package main

import (
	"context"
	"errors"
	"flag"
	"time"

	"github.com/trengo-go/trengo"
)

// settings hold the flags and the token.
type settings struct {
	token      string
	events     string
	config     string
	checkpoint string
	failed     string
	baseURL    string
	plan       bool
	hold       bool
	accept     bool
	create     bool
	ignoreAll  bool
	limit      int
	rateLimit  int
	remember   time.Duration

	transport trengo.Option // to the in-memory Trengo; nil means the real one
}

// parse reads the flags. It has already printed the error that it returns.
func (s *settings) parse(args []string, std stdio) error {
	flags := flag.NewFlagSet("backfill", flag.ContinueOnError)
	flags.SetOutput(std.stderr)
	flags.StringVar(&s.events, "events", "", "a `file` of events: JSON lines, an array or objects, plain or .gz;\n- for standard input, which must repeat the finished events to resume;\ndefault: made-up events")
	flags.StringVar(&s.config, "config", "", "a `file` with RudderStack's destination config")
	flags.StringVar(&s.checkpoint, "checkpoint", "", "the `file` that records finished events;\ndefault: that of -events with .checkpoint")
	flags.StringVar(&s.failed, "failed", "", "the `file` for failed events;\ndefault: that of -events with .failed")
	flags.StringVar(&s.baseURL, "base-url", trengo.DefaultBaseURL, "the URL of Trengo's API")
	flags.BoolVar(&s.plan, "plan", false, "estimate requests and time, say what will fail, and send nothing")
	flags.BoolVar(&s.hold, "hold", false, "send events that a kill left in doubt to the failed file\ninstead of replaying them again")
	flags.BoolVar(&s.accept, "accept-changes", false, "resume although the config has changed since the last run")
	flags.BoolVar(&s.create, "create-missing", false, "let a track event of an unknown person create the contact")
	flags.BoolVar(&s.ignoreAll, "ignore-integrations-all", false, "replay also events whose sender switched all integrations off")
	flags.IntVar(&s.limit, "limit", 0, "stop after this many `events`; zero means no limit")
	flags.IntVar(&s.rateLimit, "rate-limit", 0, "send at most this many `requests` a minute;\nzero means as many as Trengo allows")
	flags.DurationVar(&s.remember, "remember", time.Hour, "how long to trust what was read of a person;\nlonger saves searches if many people return")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		err := errors.New("unexpected arguments: every value belongs to a flag")
		usageError(std, err)
		return err
	}
	return nil
}

// check rejects settings that contradict each other, and fills in the names of
// the files.
func (s *settings) check() error {
	switch {
	case s.limit < 0 || s.rateLimit < 0:
		return errors.New("-limit and -rate-limit must not be negative")
	case s.remember <= 0:
		return errors.New("-remember must be positive")
	case (s.events == "") != (s.config == ""):
		return errors.New("set both -events and -config, or neither")
	case s.events == "" && s.token != "":
		return errors.New("with TRENGO_API_TOKEN set, set -events and -config too: the made-up events are not for a real account")
	case s.events == "" && (s.checkpoint != "" || s.failed != ""):
		return errors.New("the made-up events do not use -checkpoint and -failed")
	case s.events == "":
		return nil
	case s.token == "" && !s.plan:
		return errors.New("TRENGO_API_TOKEN is not set: without it, only -plan works with your events")
	case s.events == "-" && !s.plan && (s.checkpoint == "" || s.failed == ""):
		return errors.New("with -events -, set -checkpoint and -failed")
	}
	if s.checkpoint == "" && s.events != "-" {
		s.checkpoint = s.events + ".checkpoint"
	}
	if s.failed == "" {
		s.failed = s.events + ".failed"
	}
	return nil
}

func (s *settings) connect(config trengo.DestinationConfig, st *stats) (*trengo.Client, *trengo.Destination, error) {
	opts := []trengo.Option{
		trengo.WithBaseURL(s.baseURL),
		trengo.WithObserver(func(context.Context, trengo.Attempt) { st.addRequest() }),
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

// currentLimit returns the current limit in requests a minute: Trengo's, but
// never above -rate-limit.
func (s *settings) currentLimit(client *trengo.Client) func() int {
	return func() int {
		limit := client.RateLimit().Limit
		if limit == 0 || s.rateLimit > 0 && s.rateLimit < limit {
			return s.initialLimit()
		}
		return limit
	}
}

// initialLimit is the limit before Trengo has stated one.
func (s *settings) initialLimit() int {
	if s.rateLimit > 0 {
		return s.rateLimit
	}
	return trengo.DefaultRateLimit
}
