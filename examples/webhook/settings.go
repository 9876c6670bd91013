package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// The ways to go with a track event of a person whom Trengo does not know.
const (
	unknownRetry  = "retry"
	unknownCreate = "create"
	unknownFail   = "fail"
)

// settings are what the flags, the environment and the config file say.
type settings struct {
	addr          string
	configPath    string
	config        trengo.DestinationConfig
	unknown       string
	drain         time.Duration
	logLevel      slog.Level
	token         string
	tokenFile     string
	secrets       []string
	segmentSecret string

	standIn *trengotest.Server // takes the place of Trengo; nil: there is a token
	limits  limits
}

func newSettings() *settings { return &settings{limits: defaultLimits} }

func (s *settings) flags(getenv func(string) string) *flag.FlagSet {
	flags := flag.NewFlagSet("webhook", flag.ContinueOnError)
	flags.StringVar(&s.addr, "addr", cmp.Or(getenv("WEBHOOK_ADDR"), ":8080"), "listen on `host:port`; also WEBHOOK_ADDR")
	flags.StringVar(&s.configPath, "config", getenv("WEBHOOK_CONFIG"), "a `file` with RudderStack's destination config; also WEBHOOK_CONFIG")
	flags.StringVar(&s.unknown, "unknown", unknownRetry,
		"which `way` to go with a track event of a person whom Trengo does not know:\nretry (RudderStack sends it again for hours and holds back the user's later events),\ncreate (the contact) or fail (the event is lost)")
	flags.DurationVar(&s.drain, "drain", 0, "how long /healthz says 503 before no connection is taken any more:\nwhat a load balancer needs to notice")
	flags.TextVar(&s.logLevel, "log-level", slog.LevelInfo, "the lowest `level` to log: debug, info, warn or error")
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	return flags
}

const usage = `Usage: webhook [flags]

Environment:
  TRENGO_API_TOKEN
    	the personal access token; without one an in-memory Trengo takes its place
  TRENGO_API_TOKEN_FILE
    	a file with the token, which may be replaced at any time
  WEBHOOK_SECRETS
    	the values that the Authorization header may have, as a whole, such as
    	"Bearer s3cret"; several, with commas between, let one be replaced
  WEBHOOK_SEGMENT_SECRET
    	the shared secret of senders that sign, as Segment does

Flags:
`

// read takes up what the flags leave to the environment and to files. The
// error names every mistake at once.
func (s *settings) read(arguments int, getenv func(string) string) error {
	s.token, s.tokenFile = getenv("TRENGO_API_TOKEN"), getenv("TRENGO_API_TOKEN_FILE")
	s.segmentSecret = getenv("WEBHOOK_SEGMENT_SECRET")
	if list := getenv("WEBHOOK_SECRETS"); list != "" {
		for secret := range strings.SplitSeq(list, ",") {
			s.secrets = append(s.secrets, strings.TrimSpace(secret))
		}
	}
	var mistakes []error
	if arguments > 0 {
		mistakes = append(mistakes, errors.New("there are arguments that belong to no flag"))
	}
	if _, _, err := net.SplitHostPort(s.addr); err != nil {
		mistakes = append(mistakes, fmt.Errorf("-addr: %w", err))
	}
	if s.unknown != unknownRetry && s.unknown != unknownCreate && s.unknown != unknownFail {
		mistakes = append(mistakes, errors.New("-unknown is neither retry nor create nor fail"))
	}
	if s.drain < 0 {
		mistakes = append(mistakes, errors.New("-drain is negative"))
	}
	mistakes = append(mistakes, s.readConfig(), s.choose())
	return errors.Join(mistakes...)
}

func (s *settings) readConfig() error {
	if s.configPath == "" {
		return nil
	}
	data, err := os.ReadFile(s.configPath)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &s.config); err != nil {
		return fmt.Errorf("%s: %w", s.configPath, err)
	}
	return nil
}

// choose decides between Trengo and the stand-in. A service that lacks one
// setting must not run: neither for everybody, nor as a demo that swallows
// real events.
func (s *settings) choose() error {
	secured := len(s.secrets) > 0 || s.segmentSecret != ""
	if s.token == "" && s.tokenFile == "" {
		if secured {
			return errors.New("there is a secret, and neither TRENGO_API_TOKEN nor TRENGO_API_TOKEN_FILE")
		}
		s.useStandIn()
		return nil
	}
	var mistakes []error
	if s.token != "" && s.tokenFile != "" {
		mistakes = append(mistakes, errors.New("TRENGO_API_TOKEN is set, and so is TRENGO_API_TOKEN_FILE"))
	}
	if s.tokenFile != "" {
		if _, err := s.readToken(); err != nil {
			mistakes = append(mistakes, fmt.Errorf("TRENGO_API_TOKEN_FILE: %w", err))
		}
	}
	if !secured {
		mistakes = append(mistakes, errors.New("neither WEBHOOK_SECRETS nor WEBHOOK_SEGMENT_SECRET is set: everybody could write to Trengo"))
	}
	if s.configPath == "" {
		mistakes = append(mistakes, errors.New("there is a token, and neither -config nor WEBHOOK_CONFIG"))
	}
	return errors.Join(mistakes...)
}

// readToken reads a file small and local enough to be read for every request
// to Trengo.
func (s *settings) readToken() (string, error) {
	data, err := os.ReadFile(s.tokenFile)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(data))
	if token == "" {
		return "", errors.New("the file is empty")
	}
	return token, nil
}

// newClient makes the client of the token, or of the stand-in.
func (s *settings) newClient(opts ...trengo.Option) (*trengo.Client, error) {
	token := s.token
	switch {
	case s.standIn != nil:
		token, opts = trengotest.Token, append(opts, trengo.WithHTTPClient(s.standIn.HTTPClient()))
	case s.tokenFile != "":
		opts = append(opts, trengo.WithTokenSource(func(context.Context) (string, error) { return s.readToken() }))
	}
	return trengo.NewClient(token, opts...)
}
