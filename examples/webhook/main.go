// Webhook is a service that receives events from RudderStack's Webhook and HTTP
// Webhook destinations and turns them into Trengo contacts and tickets.
//
//	POST /events   an event, or an array of events, as JSON
//	GET  /healthz  200, or 503 once the service is shutting down
//	GET  /metrics  metrics in the text format of Prometheus
//
// Without TRENGO_API_TOKEN it needs no account: it uses an in-memory Trengo and
// a random secret, and prints a command to try.
//
//	go run ./examples/webhook
//	TRENGO_API_TOKEN=... WEBHOOK_SECRETS='Bearer s3cret' go run ./examples/webhook -config config.json
//
// Tokens and secrets come from the environment, because every user of the
// machine can read the arguments of a process. -h lists all settings. Logs are
// JSON on standard error, without personal data.
//
// After SIGTERM or SIGINT the service finishes the requests it has accepted. A
// request takes up to 13 seconds: 8 for the work and 5 for reading the response.
// The shutdown takes -drain and up to 18 seconds. A second signal ends the
// process at once.
//
// The service speaks plain HTTP. Put a TLS reverse proxy in front that forwards
// only /events.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// The exit statuses.
const (
	exitOK     = 0
	exitFailed = 1 // it could not listen, or did not shut down in time
	exitUsage  = 2 // nothing was attempted
)

// memoryLimit is for the case that all connections deliver events of 4 MB at once: the
// garbage collector works harder before memory grows beyond it. Events that are
// processed take up to 256 MB, see [trengo.HandlerConfig.MaxDecodedBytes]; the rest is
// for the bodies of those that wait.
const memoryLimit = 448 << 20

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal, the next one has its default effect: it ends the
	// process.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	s := newSettings()
	flags := s.flags(getenv)
	flags.SetOutput(stderr)
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitOK
		}
		return exitUsage
	}
	if err := s.load(flags.NArg(), getenv); err != nil {
		fmt.Fprintln(stderr, "webhook:", err)
		return exitUsage
	}
	logger := newLogger(stderr, s.logLevel)
	svc, err := newService(s, logger)
	if err != nil {
		fmt.Fprintln(stderr, "webhook:", err)
		return exitUsage
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.addr)
	if err != nil {
		fmt.Fprintln(stderr, "webhook:", err)
		return exitFailed
	}
	logger.Info("listening", "addr", listener.Addr().String(), "demo", s.fake != nil)
	if s.fake != nil {
		printUsage(stdout, s.secrets[0], listener.Addr())
	}
	if err := svc.serve(ctx, listener); err != nil {
		logger.Error("failed", "error", err)
		return exitFailed
	}
	logger.Info("stopped")
	return exitOK
}
