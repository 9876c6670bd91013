package trengo_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

var update = flag.Bool("update", false, "write the requests and results of testdata/golden anew")

// A scenario is a file of testdata/golden, in the format of txtar: what it
// shows, and then in sections the config of RudderStack, the contacts that
// are there before, the events, and what becomes of each: the requests and
// the result, behind the event's number.
//
// Every event meets a Destination that was made for it, at a Trengo that the
// events before it have changed.
type scenario struct {
	path  string
	about string
	parts map[string]string
}

var scenarioParts = []string{"config", "contacts", "events", "requests", "results"}

func readScenario(t *testing.T, path string) *scenario {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := &scenario{path: path, parts: make(map[string]string)}
	part := ""
	for line := range strings.Lines(strings.ReplaceAll(string(data), "\r\n", "\n")) {
		name, isMark := strings.CutPrefix(strings.TrimSpace(line), "-- ")
		switch {
		case isMark:
			part = strings.TrimSuffix(name, " --")
		case part == "":
			s.about += line
		default:
			s.parts[part] += line
		}
	}
	return s
}

func (s *scenario) write(t *testing.T) {
	t.Helper()
	var b strings.Builder
	b.WriteString(s.about)
	for _, part := range scenarioParts {
		fmt.Fprintf(&b, "-- %s --\n%s", part, s.parts[part])
	}
	if err := os.WriteFile(s.path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// jsonValues reads the JSON values of a part, each wherever it begins and ends.
func jsonValues[T any](t *testing.T, part string) (all []T) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(part))
	decoder.DisallowUnknownFields()
	for {
		var v T
		err := decoder.Decode(&v)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
}

func (s *scenario) trengo(t *testing.T) (srv *trengotest.Server, contacts []trengotest.Contact) {
	t.Helper()
	type contact struct {
		ID       int64   `json:"id"`
		Name     string  `json:"name"`
		Email    string  `json:"email"`
		Phone    string  `json:"phone"`
		Channels []int64 `json:"channels"`
	}
	for _, c := range jsonValues[contact](t, s.parts["contacts"]) {
		contacts = append(contacts, trengotest.Contact{ID: c.ID, Name: c.Name, Email: c.Email, Phone: c.Phone, ChannelIDs: c.Channels})
	}
	return newTrengo(contacts...), contacts
}

// play runs the events and returns what became of them.
func (s *scenario) play(t *testing.T) (requests, results string) {
	t.Helper()
	var cfg trengo.DestinationConfig
	if err := json.Unmarshal([]byte(s.parts["config"]), &cfg); err != nil {
		t.Fatal(err)
	}
	srv, contacts := s.trengo(t)
	var sent, became strings.Builder
	for i, data := range jsonValues[json.RawMessage](t, s.parts["events"]) {
		srv.ResetRequests()
		ev, err := trengo.ParseEvent(data)
		var result trengo.Result
		if err == nil {
			result, err = destinationOn(t, srv, cfg).Process(t.Context(), ev)
			mustTellNothing(t, err, ev, contacts)
		}
		for _, line := range requestLines(srv) {
			fmt.Fprintf(&sent, "%d %s\n", i+1, line)
		}
		fmt.Fprintf(&became, "%d %s\n", i+1, resultLine(result, err))
	}
	return sent.String(), became.String()
}

func resultLine(result trengo.Result, err error) string {
	var b strings.Builder
	b.WriteString(string(result.Action))
	if result.Reason != "" {
		b.WriteString(": " + result.Reason)
	}
	if result.ContactID != 0 {
		fmt.Fprintf(&b, " contact %d", result.ContactID)
	}
	if result.TicketID != 0 {
		fmt.Fprintf(&b, " ticket %d", result.TicketID)
	}
	if err != nil {
		b.WriteString(" error: " + err.Error())
	}
	return strings.TrimSpace(b.String())
}

// A goldenRequest is a line of requests by its meaning, so that the order of
// keys and parameters, and how they are escaped, do not matter.
type goldenRequest struct {
	Event, Method, Path string
	Query               url.Values
	Body                any
}

func goldenRequests(t *testing.T, lines string) (all []goldenRequest) {
	t.Helper()
	for line := range strings.Lines(lines) {
		fields := strings.SplitN(strings.TrimSpace(line), " ", 4)
		if len(fields) < 3 {
			t.Fatalf("%q is no request", line)
		}
		target, err := url.Parse(fields[2])
		if err != nil {
			t.Fatal(err)
		}
		r := goldenRequest{Event: fields[0], Method: fields[1], Path: target.Path, Query: target.Query()}
		if len(fields) == 4 {
			decoder := json.NewDecoder(bytes.NewReader([]byte(fields[3])))
			decoder.UseNumber()
			if err := decoder.Decode(&r.Body); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, r)
	}
	return all
}

func TestDestination_golden(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join("testdata", "golden", "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			s := readScenario(t, path)
			requests, results := s.play(t)
			if *update {
				s.parts["requests"], s.parts["results"] = requests, results
				s.write(t)
				return
			}
			if diff := cmp.Diff(goldenRequests(t, s.parts["requests"]), goldenRequests(t, requests)); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(s.parts["results"], results); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
		})
	}
}
