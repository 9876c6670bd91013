package changes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// A record is what one event did with one kind of channel. This file uses only
// what the compared versions have in common, so that each can be recorded with it.
type record struct {
	Line   int    `json:"line"`
	Nth    int    `json:"nth,omitempty"` // event of the line, from zero
	Kind   string `json:"kind"`
	Action string `json:"action,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Error is the sentinel that the error matches, and ErrorText what it prints.
	Error     string `json:"error,omitempty"`
	ErrorText string `json:"errorText,omitempty"`
	// First are the writes at a Trengo without contacts. Again are those of the
	// same event once the contact is called somebody else.
	First []string `json:"first,omitempty"`
	Again []string `json:"again,omitempty"`
}

var sentinels = map[string]error{
	"invalid event":      trengo.ErrInvalidEvent,
	"missing identifier": trengo.ErrMissingIdentifier,
	"contact not found":  trengo.ErrContactNotFound,
	"ambiguous contact":  trengo.ErrAmbiguousContact,
	"unprocessable":      trengo.ErrUnprocessable,
	"not found":          trengo.ErrNotFound,
}

const subject = "{{ event }} from our store"

// channels are those of every recording, of which the first is the destination's.
// Events that name another channel name one that exists.
const (
	firstChannel = 405980
	lastChannel  = 405989
)

// recordFile yields what each event of a file with an event per line does. Every
// event meets a Trengo of its own.
func recordFile(ctx context.Context, data []byte) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		templates := eventTemplates(data)
		for number, line := range lines(data) {
			for _, kind := range []trengo.ChannelIdentifier{trengo.IdentifierEmail, trengo.IdentifierPhone} {
				nth := 0
				for ev, err := range trengo.ReadEvents(bytes.NewReader(line)) {
					r := record{Line: number, Nth: nth, Kind: string(kind)}
					nth++
					if err != nil {
						r.fail(err)
					} else if err := r.process(ctx, ev, trengo.DestinationConfig{
						ChannelID: firstChannel, ChannelIdentifier: kind, EventTemplates: templates, CreateMissingContacts: true,
					}); err != nil {
						yield(record{}, err)
						return
					}
					if !yield(r, nil) {
						return
					}
				}
			}
		}
	}
}

// eventTemplates lists the names of all events, each as it is first spelled.
func eventTemplates(data []byte) map[string]string {
	templates, listed := map[string]string{}, map[string]bool{}
	for _, line := range lines(data) {
		var named struct {
			Event any `json:"event"`
		}
		if json.Unmarshal(line, &named) != nil {
			continue
		}
		name, isText := named.Event.(string)
		if plain := strings.ToLower(strings.TrimSpace(name)); isText && plain != "" && !listed[plain] {
			listed[plain] = true
			templates[name] = subject
		}
	}
	return templates
}

// lines yields the lines of data that are not blank, with their numbers.
func lines(data []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		number := 0
		for line := range bytes.Lines(data) {
			number++
			if len(bytes.TrimSpace(line)) > 0 && !yield(number, line) {
				return
			}
		}
	}
}

func (r *record) fail(err error) {
	r.ErrorText = err.Error()
	r.Error = "other"
	for name, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			r.Error = name
		}
	}
}

// process sends the event twice: to a new Trengo, and after somebody has renamed
// the contact and all memory of the event is gone.
func (r *record) process(ctx context.Context, ev *trengo.Event, cfg trengo.DestinationConfig) error {
	server := trengotest.New()
	channelType := "EMAIL"
	if cfg.ChannelIdentifier == trengo.IdentifierPhone {
		channelType = "WA_BUSINESS"
	}
	for id := int64(firstChannel); id <= lastChannel; id++ {
		server.AddChannel(trengotest.Channel{ID: id, Type: channelType})
	}
	client, err := trengo.NewClient(trengotest.Token,
		trengo.WithHTTPClient(server.HTTPClient()), trengo.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return fmt.Errorf("making the client: %w", err)
	}
	for _, writes := range []*[]string{&r.First, &r.Again} {
		destination, err := trengo.NewDestination(client, cfg)
		if err != nil {
			return fmt.Errorf("making the destination: %w", err)
		}
		result, err := destination.Process(ctx, ev)
		*writes = writeLines(server)
		if writes == &r.First {
			r.Action, r.Reason = string(result.Action), result.Reason
			if err != nil {
				r.fail(err)
				return nil
			}
		}
		for _, contact := range server.Contacts() {
			if err := client.Do(ctx, trengo.Request{
				Method: http.MethodPut, Path: "/contacts/" + strconv.FormatInt(contact.ID, 10),
				Body: map[string]string{"name": "Somebody Else"},
			}, nil); err != nil {
				return fmt.Errorf("renaming the contact: %w", err)
			}
		}
		server.ResetRequests()
	}
	return nil
}

// writeLines returns the requests that changed something.
func writeLines(server *trengotest.Server) []string {
	var all []string
	for _, request := range server.Requests() {
		if request.Method != http.MethodGet {
			all = append(all, strings.TrimSpace(request.Method+" "+request.Path+" "+string(request.Body)))
		}
	}
	return all
}

// The flags of a recording.
var (
	eventsFile  = flag.String("events", "", "a `file` with an event per line")
	recordsFile = flag.String("records", "", "the `file` to which their records are written")
)

// TestRecord writes the records of a file of events as JSON lines.
func TestRecord(t *testing.T) {
	if *recordsFile == "" {
		t.Skip("without -records nothing is recorded")
	}
	data, err := os.ReadFile(*eventsFile)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	for r, err := range recordFile(t.Context(), data) {
		if err != nil {
			t.Fatal(err)
		}
		if err := encoder.Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(*recordsFile, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}
