// Webhook is a service that takes events from RudderStack's Webhook and HTTP
// Webhook destinations and turns them into Trengo contacts and tickets.
//
//	POST /events   an event, or an array of them, as JSON
//	GET  /healthz  200, and 503 from the moment at which it is to end
//	GET  /metrics  in the text format of Prometheus
//
// Without TRENGO_API_TOKEN it needs no account: it runs on an in-memory
// Trengo, makes up a secret and prints a command to try it with.
//
//	go run ./examples/webhook
//	TRENGO_API_TOKEN=... WEBHOOK_SECRETS='Bearer s3cret' go run ./examples/webhook -config config.json
//
// Tokens and secrets come from the environment, because everybody on the
// machine can read the arguments of a program. -h lists all settings. Logs
// are JSON on standard error, without personal data.
//
// SIGTERM and SIGINT let it finish what it has accepted, which may take 13
// seconds: 8 for the work and 5 for the answer to be read. It waits for -drain
// and up to 18 seconds; a second signal ends it at once.
//
// It speaks plain HTTP: TLS is the business of a reverse proxy, which should
// pass on /events and nothing else.
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
	"syscall"
)

// The exit statuses.
const (
	exitOK     = 0
	exitFailed = 1 // it could not listen, or did not end in time
	exitUsage  = 2 // nothing was tried
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// From then on a signal does what it does by itself: it kills.
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
	if err := s.read(flags.NArg(), getenv); err != nil {
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
	logger.Info("listening", "addr", listener.Addr().String(), "demo", s.standIn != nil)
	if s.standIn != nil {
		introduce(stdout, s.secrets[0], listener.Addr())
	}
	if err := svc.serve(ctx, listener); err != nil {
		logger.Error("failed", "error", err)
		return exitFailed
	}
	logger.Info("ended")
	return exitOK
}
