// Package failed keeps the file of events that failed for good. Each line is the
// event, with the reason in its first key, so that the file can be replayed.
package failed

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/trengo-go/trengo/examples/backfill/internal/input"
	"github.com/trengo-go/trengo/examples/backfill/internal/journal"
)

// A Failure says why an event is in the file. There it is the first key of the
// event, which readers of events ignore.
type Failure struct {
	Line   int    `json:"line"`   // of the input
	Event  int    `json:"event"`  // its number in the input
	Replay string `json:"replay"` // the replay that Line and Event belong to
	Reason string `json:"reason"`
	// Text is the text itself if it was not a JSON object.
	Text string `json:"text,omitempty"`
}

const prefix = `{"_failed":`

// Wrap returns the event with the reason of its failure, as one line.
func Wrap(ev input.Event, replayID string, reason error) ([]byte, error) {
	f := Failure{Line: ev.Line, Event: ev.Number, Replay: replayID, Reason: reason.Error()}
	rest := []byte("}")
	switch {
	case len(ev.Text) >= input.MaxText:
		// The end of the text is lost. The line leads to the original.
	case !bytes.HasPrefix(ev.Text, []byte("{")) || !json.Valid(ev.Text):
		f.Text = string(ev.Text)
	default:
		if rest = bytes.TrimSpace(oneLine(ev.Text[1:])); rest[0] != '}' {
			rest = append([]byte(","), rest...)
		}
	}
	data, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	return append(append([]byte(prefix), data...), rest...), nil
}

// oneLine returns valid JSON without line ends, which are white space there.
func oneLine(text []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\n"), []byte(" ")), []byte("\r"), []byte(" "))
}

// Unwrap returns the event as it was before Wrap, and its failure. The failure
// is zero if the text does not come from a failed file.
func Unwrap(text []byte) (event []byte, f Failure) {
	after, ok := bytes.CutPrefix(text, []byte(prefix))
	if !ok {
		return text, Failure{}
	}
	decoder := json.NewDecoder(bytes.NewReader(after))
	if err := decoder.Decode(&f); err != nil {
		return text, Failure{}
	}
	rest := bytes.TrimSpace(after[decoder.InputOffset():])
	switch {
	case f.Text != "":
		return []byte(f.Text), f
	case bytes.HasPrefix(rest, []byte(",")):
		return append([]byte("{"), rest[1:]...), f
	default:
		return append([]byte("{"), rest...), f
	}
}

// A File is the failed file. It holds events, so only its owner may read it.
type File struct {
	*journal.Journal
	replayID string
}

// Open opens the failed file of a replay. For a new replay the file must be
// empty. Otherwise onFailure is called with each event of this replay that is
// already in it.
func Open(path, replayID string, isNew bool, onFailure func(input.Position) error) (*File, error) {
	j, err := journal.Open(path)
	if err != nil {
		return nil, err
	}
	f := &File{Journal: j, replayID: replayID}
	if err := f.prepare(isNew, onFailure); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), j.Discard())
	}
	return f, nil
}

func (f *File) prepare(isNew bool, onFailure func(input.Position) error) error {
	if isNew && f.Size() > 0 {
		return errors.New("the file for failed events is not empty: move it away, or set another -failed")
	}
	// Nothing is recorded before the whole file is known to be one.
	failures, complete, err := readFailures(f.Content(), f.replayID)
	if err != nil {
		return err
	}
	for _, position := range failures {
		if err := onFailure(position); err != nil {
			return err
		}
	}
	return f.Start(complete)
}

// Add adds an event with the reason of its failure.
func (f *File) Add(ev input.Event, reason error) error {
	text, err := Wrap(ev, f.replayID, reason)
	if err != nil {
		return err
	}
	return f.Write(text)
}

// readFailures returns the failures of a replay, and how many bytes of the file
// are complete lines.
func readFailures(r io.Reader, replayID string) (failures []input.Position, complete int64, err error) {
	lines := bufio.NewReader(r)
	for number := 1; ; number++ {
		text, err := lines.ReadBytes('\n')
		atEnd := errors.Is(err, io.EOF)
		if err != nil && !atEnd {
			return nil, 0, err
		}
		// A kill may have left a part of the last line.
		if !bytes.HasPrefix(text, []byte(prefix)) && (!atEnd || !strings.HasPrefix(prefix, string(text))) {
			return nil, 0, fmt.Errorf("line %d: this is not a file of failed events: set another -failed", number)
		}
		if atEnd {
			return failures, complete, nil
		}
		complete += int64(len(text))
		if _, f := Unwrap(text); f.Replay == replayID {
			failures = append(failures, input.Position{Number: f.Event, Line: f.Line, Index: 1})
		}
	}
}
