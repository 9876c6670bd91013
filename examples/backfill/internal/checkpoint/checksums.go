package checkpoint

import (
	"errors"
	"fmt"

	"github.com/trengo-go/trengo/examples/backfill/internal/input"
)

// The reasons why a stream cannot be resumed.
var (
	ErrOtherStream = errors.New("this is not the stream that an earlier run read, or it has changed: set another -checkpoint")
	ErrEndsEarly   = errors.New("the stream ends before the last event that an earlier run finished")
)

// checksums are those of a stream from its start to the end of some lines, by
// the number of an event in that line: the last event of each range of finished
// ones, and each started event.
type checksums map[int]string

// add stores the checksum of a finished or started event. It drops the checksum
// of the event before within a range, which the later one includes.
func (s checksums) add(number int, checksum string, finished *ranges) {
	if checksum == "" {
		return
	}
	s[number] = checksum
	if !finished.has(number) {
		return
	}
	if finished.has(number + 1) {
		delete(s, number)
	}
	if finished.has(number - 1) {
		delete(s, number-1)
	}
}

func (s checksums) verify(ev input.Event) error {
	checksum, known := s[ev.Number]
	switch {
	case known && checksum != ev.Checksum && !ev.IsTruncated:
		return fmt.Errorf("line %s: %w", ev.Position, ErrOtherStream)
	case known && checksum == ev.Checksum:
		delete(s, ev.Number)
	}
	return nil
}

func (s checksums) verifyEnd() error {
	if len(s) > 0 {
		return ErrEndsEarly
	}
	return nil
}
