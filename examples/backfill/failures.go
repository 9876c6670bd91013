package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// A failure is why an event is in the failed file. It is the first key of the
// event there, which everything that reads events ignores.
type failure struct {
	Line   int    `json:"line"`
	Replay string `json:"replay"` // which one: a line says nothing to another
	Reason string `json:"reason"`
	// Text is the line itself where it was no JSON object.
	Text string `json:"text,omitempty"`
}

const failurePrefix = `{"_failed":`

// wrapped is an event with the reason of its failure.
func wrapped(l line, replay string, reason error) ([]byte, error) {
	f := failure{Line: l.number, Replay: replay, Reason: strings.TrimPrefix(reason.Error(), "trengo: ")}
	rest := []byte("}")
	switch {
	case len(l.text) >= maxLine:
		// Its end is lost; whoever mends it has the line's number.
	case l.text[0] != '{' || !json.Valid(l.text):
		f.Text = string(l.text)
	default:
		if rest = bytes.TrimSpace(l.text[1:]); rest[0] != '}' {
			rest = append([]byte(","), rest...)
		}
	}
	why, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	return append(append([]byte(failurePrefix), why...), rest...), nil
}

// unwrapped is the event as it was before it failed, and why it did; the zero
// failure if the text is not from a failed file.
func unwrapped(text []byte) (event []byte, f failure) {
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

// failures is the failed file. It holds events, so nobody else may read it.
type failures struct {
	journal
	replay string
}

// openFailures opens the failed file of a replay that begins, or that goes on:
// then known is told the numbers of the lines that are there already.
func openFailures(path, replay string, begins bool, known func(number int) error) (*failures, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	f := &failures{journal: journal{file: file}, replay: replay}
	if err := f.prepare(file, begins, known); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return f, nil
}

func (f *failures) prepare(file *os.File, begins bool, known func(number int) error) error {
	if begins {
		info, err := file.Stat()
		if err == nil && info.Size() > 0 {
			err = errors.New("the file for failed events is not empty: move it away, or name another with -failed")
		}
		return err
	}
	var err error
	if f.whole, err = readFailures(file, f.replay, known); err != nil {
		return err
	}
	return cutTo(file, f.whole)
}

func readFailures(r io.Reader, replay string, known func(number int) error) (whole int64, err error) {
	lines := bufio.NewReader(r)
	for {
		text, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return whole, nil
		}
		if err != nil {
			return whole, err
		}
		whole += int64(len(text))
		if _, failed := unwrapped(text); failed.Replay == replay {
			if err := known(failed.Line); err != nil {
				return whole, err
			}
		}
	}
}

func (f *failures) add(l line, reason error) error {
	text, err := wrapped(l, f.replay, reason)
	if err != nil {
		return err
	}
	return f.write(text)
}
