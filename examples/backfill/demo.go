package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/examples/backfill/internal/failed"
	"github.com/trengo-go/trengo/trengotest"
)

const demoChannel = 405980

const demoConfig = `{
  "channelId": "405980",
  "channelIdentifier": "email",
  "enableDedup": true,
  "eventTemplateMap": [
    {"from": "Order Completed", "to": "Order {{ order_id }}"}
  ]
}
`

// demoEvents makes up 40 people who each identify themselves and order three
// times, page events that are skipped, and two events that fail.
func demoEvents() []byte {
	var b bytes.Buffer
	for round := range 5 {
		for person := range 40 {
			email := fmt.Sprintf("person%d@example.com", person)
			switch {
			case round == 0:
				fmt.Fprintf(&b, `{"type":"identify","messageId":"i-%d","traits":{"email":%q,"name":"Person %d"}}`, person, email, person)
			case round == 4:
				fmt.Fprintf(&b, `{"type":"page","messageId":"p-%d","context":{"traits":{"email":%q}}}`, person, email)
			case round == 2 && person == 7:
				b.WriteString(`{"type":"track","event":"Order Completed","properties":{"order_id":`)
			case round == 3 && person == 11:
				fmt.Fprintf(&b, `{"type":"track","messageId":"t-%d-%d","event":"Order Completed","properties":{"order_id":%d}}`, round, person, 1000*round+person)
			default:
				fmt.Fprintf(&b, `{"type":"track","messageId":"t-%d-%d","event":"Order Completed","context":{"traits":{"email":%q}},"properties":{"order_id":%d}}`, round, person, email, 1000*round+person)
			}
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

// runDemo replays the made-up events in two runs.
func runDemo(s settings, std stdio) (status int, err error) {
	dir, err := os.MkdirTemp("", "backfill")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s.events, s.config = filepath.Join(dir, "events.jsonl"), filepath.Join(dir, "config.json")
	s.token, s.transport = trengotest.Token, trengo.WithHTTPClient(newDemoServer().HTTPClient())
	err = errors.Join(
		os.WriteFile(s.events, demoEvents(), 0o600),
		os.WriteFile(s.config, []byte(demoConfig), 0o600),
		s.check(),
	)
	if err != nil {
		return 0, err
	}
	fmt.Fprint(std.stdout, "200 made-up events, and an in-memory Trengo that knows 10 of the 40 people\n\nThe plan (-plan)\n\n")
	if _, err := planFile(s, std); err != nil || s.plan {
		return exitOK, err
	}
	// Standard error would name files that are removed at the end.
	stderr := std.stderr
	std.stderr, std.terminal = io.Discard, false
	first := s
	first.limit = 120
	for _, run := range []struct {
		title string
		settings
	}{
		{"The first run, which ends early (-limit 120)", first},
		{"The second run, which resumes where the first ended", s},
	} {
		fmt.Fprintf(std.stdout, "\n%s\n\n", run.title)
		_, stopped, err := replayOnce(run.settings, std)
		if err != nil {
			return 0, err
		}
		if stopped != nil {
			fmt.Fprintln(stderr, "backfill: stopped:", stopped)
			return exitFailed, nil
		}
	}
	fmt.Fprint(std.stdout, "\nThe failed events (-failed), which can be fixed and replayed with -events\n\n")
	return exitOK, printReasons(s.failed, std.stdout)
}

func printReasons(path string, out io.Writer) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for text := range bytes.Lines(data) {
		var line struct {
			Failure failed.Failure `json:"_failed"`
		}
		if err := json.Unmarshal(text, &line); err != nil {
			return err
		}
		fmt.Fprintf(out, "      line %-5d %s\n", line.Failure.Line, line.Failure.Reason)
	}
	return nil
}

// newDemoServer returns the in-memory Trengo that replaces an account. Its rate
// limit is too high to wait for.
func newDemoServer() *trengotest.Server {
	server := trengotest.New()
	server.SetRateLimit(1_000_000)
	server.AddChannel(trengotest.Channel{ID: demoChannel, Type: "EMAIL", Title: "Support"})
	for person := range 10 {
		server.AddContact(trengotest.Contact{
			Name:       fmt.Sprintf("Person %d", person),
			Email:      fmt.Sprintf("person%d@example.com", person),
			ChannelIDs: []int64{demoChannel},
		})
	}
	return server
}
