package checkpoint

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/trengo-go/trengo/examples/backfill/internal/input"
)

// A Kind is what a record says of an event.
type Kind string

// The records of a checkpoint, as they stand in the file: each on a line, with
// the number of the event, its line in the input and, for a stream, the checksum
// up to that line.
const (
	Started  Kind = "begun"  // written before an event that is unsafe to repeat
	Released Kind = "freed"  // the event had no effect: it may be repeated
	Done     Kind = "done"   // written after the event had its effect
	Failed   Kind = "failed" // written after the event went to the failed file
)

// recordConfig is followed by the config that the events behind it are replayed
// with.
const recordConfig = "config "

var errNotRecord = errors.New("this is not a record of a checkpoint")

// A record is one line of a checkpoint.
type record struct {
	kind     Kind
	position input.Position
	checksum string
}

func (r record) text() []byte {
	text := fmt.Appendf(nil, "%s %d %s", r.kind, r.position.Number, r.position)
	if r.checksum != "" {
		text = append(append(text, ' '), r.checksum...)
	}
	return text
}

func parseRecord(text string) (record, error) {
	fields := strings.Fields(text)
	if len(fields) != 3 && len(fields) != 4 {
		return record{}, errNotRecord
	}
	number, err := strconv.Atoi(fields[1])
	if err != nil {
		return record{}, errNotRecord
	}
	r := record{kind: Kind(fields[0])}
	if r.position, err = input.ParsePosition(number, fields[2]); err != nil {
		return record{}, errNotRecord
	}
	if len(fields) == 4 {
		r.checksum = fields[3]
	}
	return r, nil
}

// A state is the content of a checkpoint.
type state struct {
	finished  ranges // done or failed
	failed    int
	started   map[int]input.Position // neither released nor finished
	checksums checksums
	config    Config
}

func newState() state {
	return state{started: map[int]input.Position{}, checksums: checksums{}}
}

func (s *state) apply(r record) error {
	number := r.position.Number
	delete(s.started, number)
	switch r.kind {
	case Started:
		s.started[number] = r.position
	case Released:
	case Done:
		s.finished.add(number)
	case Failed:
		s.finished.add(number)
		s.failed++
	default:
		return errNotRecord
	}
	s.checksums.add(number, r.checksum, &s.finished)
	return nil
}

// readState reads a checkpoint, and returns how many of its bytes are complete
// lines: a process that is killed during a write leaves a partial one.
func readState(r io.Reader, want Header) (s state, complete int64, err error) {
	s = newState()
	lines := bufio.NewReader(r)
	for number := 1; ; number++ {
		text, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			if number == 1 && !strings.HasPrefix(headerPrefix, text) && !strings.HasPrefix(text, headerPrefix) {
				return s, complete, errNotCheckpoint // do not truncate a file of someone else
			}
			return s, complete, nil
		}
		if err != nil {
			return s, complete, err
		}
		if err := s.applyLine(number, text, want); err != nil {
			return s, complete, fmt.Errorf("line %d: %w", number, err)
		}
		complete += int64(len(text))
	}
}

func (s *state) applyLine(number int, text string, want Header) error {
	if number == 1 {
		have, err := want.check(text)
		s.config = have.Config
		return err
	}
	if config, isConfig := strings.CutPrefix(text, recordConfig); isConfig {
		s.config = nil
		if json.Unmarshal([]byte(config), &s.config) != nil {
			return errNotRecord
		}
		return nil
	}
	r, err := parseRecord(text)
	if err != nil {
		return err
	}
	return s.apply(r)
}
