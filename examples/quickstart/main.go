// Quickstart turns RudderStack events into Trengo contacts and tickets and
// shows what became of each.
//
// Without arguments it needs no account: it runs made-up events against an
// in-memory Trengo. With -events and -config it takes your own; with
// TRENGO_API_TOKEN set, it writes them to the real Trengo.
//
//	go run ./examples/quickstart
//	go run ./examples/quickstart -plan
//	go run ./examples/quickstart -events events.jsonl -config config.json
//	TRENGO_API_TOKEN=... go run ./examples/quickstart -events - -config config.json < events.jsonl
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/trengo-go/trengo"
)

// The exit statuses.
const (
	exitOK     = 0
	exitFailed = 1 // an event of the user's failed
	exitUsage  = 2 // nothing was tried
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := run(ctx, os.Args[1:], os.Getenv("TRENGO_API_TOKEN"), os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

func run(ctx context.Context, args []string, token string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(stderr)
	eventsPath := flags.String("events", "", "a `file` of events, one JSON object a line; - for standard input; default: the bundled ones")
	configPath := flags.String("config", "", "a `file` with RudderStack's destination config; default: a bundled one")
	plan := flags.Bool("plan", false, "print the requests instead of sending the writes")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitOK
		}
		return exitUsage
	}
	if flags.NArg() > 0 {
		return usageError(stderr, "there are arguments that belong to no flag")
	}
	if token != "" && (*eventsPath == "" || *configPath == "") {
		return usageError(stderr, "with TRENGO_API_TOKEN set, name your -events and -config: the bundled ones are made up")
	}

	runs := bundledRuns()
	if *eventsPath != "" || *configPath != "" {
		own, err := ownRun(*eventsPath, *configPath, stdin)
		if err != nil {
			return usageError(stderr, err.Error())
		}
		defer own.events.Close()
		runs = []batch{own}
	}
	p := &printer{out: stdout, plan: *plan}
	if *plan {
		fmt.Fprint(stdout, "A plan: nothing is written, so no event sees what those before it would do.\n\n")
	}
	for _, b := range runs {
		if err := b.process(ctx, token, p); err != nil {
			return usageError(stderr, err.Error())
		}
	}
	p.summary()
	if p.failed > 0 && *eventsPath != "" {
		return exitFailed
	}
	return exitOK
}

func usageError(stderr io.Writer, problem string) int {
	fmt.Fprintln(stderr, "quickstart:", problem)
	return exitUsage
}

// A batch is events for one destination.
type batch struct {
	title  string
	config trengo.DestinationConfig
	events io.ReadCloser
}

func ownRun(eventsPath, configPath string, stdin io.Reader) (batch, error) {
	b := bundledRuns()[0]
	if configPath != "" {
		data, err := os.ReadFile(configPath)
		if err != nil {
			return batch{}, err
		}
		b.config = trengo.DestinationConfig{}
		if err := json.Unmarshal(data, &b.config); err != nil {
			return batch{}, err
		}
		b.title = configPath
	}
	switch eventsPath {
	case "":
	case "-":
		b.events = io.NopCloser(stdin)
	default:
		file, err := os.Open(eventsPath)
		if err != nil {
			return batch{}, err
		}
		b.events = file
	}
	return b, nil
}

// process takes the events in their order, one at a time.
func (b batch) process(ctx context.Context, token string, p *printer) error {
	opts := []trengo.Option{trengo.WithObserver(func(trengo.Attempt) { p.requests.Add(1) })}
	var demo *demoServer
	if token == "" {
		demo = newDemoServer(b.config)
		token, opts = demo.token(), append(opts, demo.option())
	}
	client, err := trengo.NewClient(token, opts...)
	if err != nil {
		return err
	}
	destination, err := trengo.NewDestination(client, b.config)
	if err != nil {
		return err
	}
	p.heading(b.title, b.config)
	for event, err := range trengo.ReadEvents(b.events) {
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			p.unreadable(err)
			continue
		}
		if demo != nil {
			demo.provideFor(event)
		}
		plan, err := b.do(ctx, destination, event, p.plan)
		p.event(event, plan, err)
	}
	if demo != nil {
		p.tickets(demo)
	}
	return nil
}

func (b batch) do(ctx context.Context, destination *trengo.Destination, event *trengo.Event, plan bool) (trengo.Plan, error) {
	if plan {
		return destination.Plan(ctx, event)
	}
	result, err := destination.Process(ctx, event)
	return trengo.Plan{Result: result}, err
}
