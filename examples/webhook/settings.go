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

// The values of -unknown: what to do with a track event of a person whom Trengo
// does not know.
const (
	unknownRetry  = "retry"
	unknownCreate = "create"
	unknownFail   = "fail"
)

// settings hold the flags, the environment and the config file.
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
	signingSecret string

	fake   *trengotest.Server // replaces Trengo; nil if there is a token
	limits limits
}

func newSettings() *settings { return &settings{limits: defaultLimits} }

func (s *settings) flags(getenv func(string) string) *flag.FlagSet {
	flags := flag.NewFlagSet("webhook", flag.ContinueOnError)
	flags.StringVar(&s.addr, "addr", cmp.Or(getenv("WEBHOOK_ADDR"), ":8080"), "listen on `host:port`; also WEBHOOK_ADDR")
	flags.StringVar(&s.configPath, "config", getenv("WEBHOOK_CONFIG"), "a `file` with RudderStack's destination config; also WEBHOOK_CONFIG")
	flags.StringVar(&s.unknown, "unknown", unknownRetry,
		"the `action` for a track event of a person whom Trengo does not know:\nretry (RudderStack delivers it again for hours, and delays the later\nevents of the user), create (the contact) or\nfail (the event is lost)")
	flags.DurationVar(&s.drain, "drain", 0, "how long /healthz returns 503 before the service stops accepting\nconnections; set it to the time that a load balancer needs to notice")
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
    	the personal access token; without it, an in-memory Trengo is used
  TRENGO_API_TOKEN_FILE
    	a file with the token, which may be replaced at any time
  WEBHOOK_SECRETS
    	the accepted values of the Authorization header, each in full, such as
    	"Bearer s3cret"; separate several with commas to replace one
  WEBHOOK_SEGMENT_SECRET
    	the shared secret of senders that sign their requests as Segment does

Flags:
`

// load reads the environment and the files, and checks all settings. The error
// lists every mistake.
func (s *settings) load(arguments int, getenv func(string) string) error {
	s.token, s.tokenFile = getenv("TRENGO_API_TOKEN"), getenv("TRENGO_API_TOKEN_FILE")
	s.signingSecret = getenv("WEBHOOK_SEGMENT_SECRET")
	if list := getenv("WEBHOOK_SECRETS"); list != "" {
		for secret := range strings.SplitSeq(list, ",") {
			s.secrets = append(s.secrets, strings.TrimSpace(secret))
		}
	}
	var mistakes []error
	if arguments > 0 {
		mistakes = append(mistakes, errors.New("unexpected arguments: every value belongs to a flag"))
	}
	if _, _, err := net.SplitHostPort(s.addr); err != nil {
		mistakes = append(mistakes, fmt.Errorf("-addr: %w", err))
	}
	if s.unknown != unknownRetry && s.unknown != unknownCreate && s.unknown != unknownFail {
		mistakes = append(mistakes, errors.New("-unknown must be retry, create or fail"))
	}
	if s.drain < 0 {
		mistakes = append(mistakes, errors.New("-drain must not be negative"))
	}
	mistakes = append(mistakes, s.readConfig(), s.selectTrengo())
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

// selectTrengo chooses the real Trengo or the fake. A service that lacks a
// setting must not start: neither open to everyone, nor as a demo that loses
// real events.
func (s *settings) selectTrengo() error {
	secured := len(s.secrets) > 0 || s.signingSecret != ""
	if s.token == "" && s.tokenFile == "" {
		if secured {
			return errors.New("a secret is set, but neither TRENGO_API_TOKEN nor TRENGO_API_TOKEN_FILE is")
		}
		s.useFake()
		return nil
	}
	var mistakes []error
	if s.token != "" && s.tokenFile != "" {
		mistakes = append(mistakes, errors.New("TRENGO_API_TOKEN and TRENGO_API_TOKEN_FILE are both set"))
	}
	if s.tokenFile != "" {
		if _, err := s.readToken(); err != nil {
			mistakes = append(mistakes, fmt.Errorf("TRENGO_API_TOKEN_FILE: %w", err))
		}
	}
	if !secured {
		mistakes = append(mistakes, errors.New("neither WEBHOOK_SECRETS nor WEBHOOK_SEGMENT_SECRET is set: anyone could write to Trengo"))
	}
	if s.configPath == "" {
		mistakes = append(mistakes, errors.New("a token is set, but neither -config nor WEBHOOK_CONFIG is"))
	}
	return errors.Join(mistakes...)
}

func (s *settings) useFake() {
	if s.configPath == "" {
		s.config = demoConfig()
	}
	s.fake = newFake(s.config)
	s.secrets = []string{newDemoSecret()}
}

// readToken is called for every request to Trengo. The file is small and local
// enough for that.
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

func (s *settings) newClient(opts ...trengo.Option) (*trengo.Client, error) {
	token := s.token
	switch {
	case s.fake != nil:
		token, opts = trengotest.Token, append(opts, trengo.WithHTTPClient(s.fake.HTTPClient()))
	case s.tokenFile != "":
		opts = append(opts, trengo.WithTokenSource(func(context.Context) (string, error) { return s.readToken() }))
	}
	return trengo.NewClient(token, opts...)
}
