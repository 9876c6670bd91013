package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// A failure says why an event is in the failed file. There it is the first key
// of the event, which readers of events ignore.
type failure struct {
	Line   int    `json:"line"`
	Replay string `json:"replay"` // the replay that Line belongs to
	Reason string `json:"reason"`
	// Text is the line itself if it was not a JSON object.
	Text string `json:"text,omitempty"`
}

const failurePrefix = `{"_failed":`

// wrap returns the event with the reason of its failure.
func wrap(l line, replayID string, reason error) ([]byte, error) {
	f := failure{Line: l.number, Replay: replayID, Reason: reason.Error()}
	rest := []byte("}")
	switch {
	case len(l.text) >= maxLine:
		// The end of the line is lost. The line number leads to the original.
	case l.text[0] != '{' || !json.Valid(l.text):
		f.Text = string(l.text)
	default:
		if rest = bytes.TrimSpace(l.text[1:]); rest[0] != '}' {
			rest = append([]byte(","), rest...)
		}
	}
	data, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	return append(append([]byte(failurePrefix), data...), rest...), nil
}

// unwrap returns the event as it was before wrap, and its failure. The failure
// is zero if the text does not come from a failed file.
func unwrap(text []byte) (event []byte, f failure) {
	after, ok := bytes.CutPrefix(text, []byte(failurePrefix))
	if !ok {
		return text, failure{}
	}
	decoder := json.NewDecoder(bytes.NewReader(after))
	if err := decoder.Decode(&f); err != nil {
		return text, failure{}
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

// failures is the failed file. It holds events, so only its owner may read it.
type failures struct {
	journal
	replayID string
}

// openFailures opens the failed file of a replay. For a new replay the file
// must be empty. Otherwise onFailure is called with the line of each event of
// this replay that is already in it.
func openFailures(path, replayID string, isNew bool, onFailure func(line int) error) (*failures, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	f := &failures{journal: journal{file: file}, replayID: replayID}
	if err := f.prepare(file, isNew, onFailure); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return f, nil
}

func (f *failures) prepare(file *os.File, isNew bool, onFailure func(line int) error) error {
	if isNew {
		info, err := file.Stat()
		if err == nil && info.Size() > 0 {
			err = errors.New("the file for failed events is not empty: move it away, or set another -failed")
		}
		return err
	}
	var err error
	if f.complete, err = readFailures(file, f.replayID, onFailure); err != nil {
		return err
	}
	return truncate(file, f.complete)
}

func (f *failures) add(l line, reason error) error {
	text, err := wrap(l, f.replayID, reason)
	if err != nil {
		return err
	}
	return f.write(text)
}

// readFailures returns how many bytes of a failed file are complete lines.
func readFailures(r io.Reader, replayID string, onFailure func(line int) error) (complete int64, err error) {
	lines := bufio.NewReader(r)
	for {
		text, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return complete, nil
		}
		if err != nil {
			return complete, err
		}
		complete += int64(len(text))
		if _, failed := unwrap(text); failed.Replay == replayID {
			if err := onFailure(failed.Line); err != nil {
				return complete, err
			}
		}
	}
}
