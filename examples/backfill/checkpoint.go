package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A header is the first line of a checkpoint. It identifies the replay.
type header struct {
	Version int    `json:"backfill"`
	Input   string `json:"input"`
	Channel int64  `json:"channel"`
}

const checkpointVersion = 1

var errNotCheckpoint = errors.New("this is not a checkpoint")

func headerOf(in *input, channelID int64) header {
	return header{Version: checkpointVersion, Input: in.digest, Channel: channelID}
}

func (h header) text() string {
	return fmt.Sprintf(`{"backfill":%d,"input":%q,"channel":%d}`, h.Version, h.Input, h.Channel)
}

// replayID is a short name for the replay.
func (h header) replayID() string {
	sum := sha256.Sum256([]byte(h.text()))
	return hex.EncodeToString(sum[:4])
}

// check returns an error if text is the first line of something other than a
// checkpoint of this replay.
func (h header) check(text string) error {
	var have header
	switch err := json.Unmarshal([]byte(text), &have); {
	case err != nil || have.Version == 0:
		return errNotCheckpoint
	case have.Version != h.Version:
		return fmt.Errorf("this is a checkpoint of version %d, not %d", have.Version, h.Version)
	case have.Input != h.Input:
		return errors.New("this is the checkpoint of another input, or the input has changed: set another -checkpoint")
	case have.Channel != h.Channel:
		return fmt.Errorf("this is the checkpoint of a replay to channel %d: set another -checkpoint", have.Channel)
	}
	return nil
}

// The records of a checkpoint, as they stand in the file: each on a line, with
// the number of the event's line in the input and, for a stream, the checksum
// up to that line.
const (
	recordStarted  = "begun"  // written before an event that is unsafe to repeat
	recordReleased = "freed"  // the event had no effect: it may be repeated
	recordDone     = "done"   // written after the event had its effect
	recordFailed   = "failed" // written after the event went to the failed file
)

// A state is the content of a checkpoint.
type state struct {
	finished  ranges // done or failed
	failed    int
	started   map[int]bool // neither released nor finished
	checksums checksums
}

func (s *state) apply(kind string, number int, checksum string) error {
	delete(s.started, number)
	switch kind {
	case recordStarted:
		s.started[number] = true
	case recordReleased:
	case recordDone:
		s.finished.add(number)
	case recordFailed:
		s.finished.add(number)
		s.failed++
	default:
		return errors.New("not a checkpoint record")
	}
	s.checksums.add(number, checksum, &s.finished)
	return nil
}

// readState reads a checkpoint, and returns how many of its bytes are complete
// lines: a process that is killed during a write leaves a partial one.
func readState(r io.Reader, want header) (s state, complete int64, err error) {
	s.started, s.checksums = map[int]bool{}, checksums{}
	lines := bufio.NewReader(r)
	for number := 1; ; number++ {
		text, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			if number == 1 && !strings.HasPrefix(want.text(), text) {
				return s, complete, errNotCheckpoint // do not truncate a file of someone else
			}
			return s, complete, nil
		}
		if err != nil {
			return s, complete, err
		}
		if number == 1 {
			err = want.check(text)
		} else {
			kind, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
			eventLine, checksum, _ := strings.Cut(rest, " ")
			var event int
			if event, err = strconv.Atoi(eventLine); err == nil {
				err = s.apply(kind, event, checksum)
			}
		}
		if err != nil {
			return s, complete, fmt.Errorf("line %d: %w", number, err)
		}
		complete += int64(len(text))
	}
}

// peekCheckpoint reads a checkpoint without changing it. A missing file is not
// an error.
func peekCheckpoint(path string, want header) (state, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return state{}, nil
	}
	if err != nil {
		return state{}, err
	}
	defer func() { _ = file.Close() }()
	s, _, err := readState(file, want)
	if err != nil {
		return state{}, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// A checkpoint records which events of the input need not be replayed. It is
// valid whenever the process ends.
//
// A kill loses at most the record that it interrupts: the kernel keeps the
// others. What a crash of the machine can lose depends on how often the caller
// calls sync.
type checkpoint struct {
	mu sync.Mutex // events start and finish in different goroutines
	journal
	header  header
	state   state
	isNew   bool
	inDoubt []int // lines of events that an earlier run started and did not finish
}

func openCheckpoint(path string, h header) (*checkpoint, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	c, err := newCheckpoint(file, h)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), lockedFile{file}.Close())
	}
	return c, nil
}

// A lockedFile releases its lock when it is closed. Closing it is not enough: a
// child process that is just being started shares the file, and so the lock.
type lockedFile struct{ *os.File }

func (f lockedFile) Close() error { return errors.Join(unlock(f.File), f.File.Close()) }

func newCheckpoint(file *os.File, h header) (*checkpoint, error) {
	if err := lock(file); err != nil {
		return nil, err
	}
	s, complete, err := readState(file, h)
	if err != nil {
		return nil, err
	}
	if err := truncate(file, complete); err != nil {
		return nil, err
	}
	return &checkpoint{
		journal: journal{file: lockedFile{file}, complete: complete},
		header:  h,
		state:   s,
		isNew:   complete == 0,
		inDoubt: slices.Sorted(maps.Keys(s.started)),
	}, nil
}

// writeHeader writes the header of a new checkpoint. It is called once
// everything else is ready: with the header, the next run resumes.
func (c *checkpoint) writeHeader() error {
	if !c.isNew {
		return nil
	}
	return c.write([]byte(c.header.text()))
}

func (c *checkpoint) add(kind string, l line) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	text, checksum := kind+" "+strconv.Itoa(l.number), l.checksum
	if l.isTruncated {
		checksum = "" // the next run may read the complete line
	}
	if checksum != "" {
		text += " " + checksum
	}
	if err := c.write([]byte(text)); err != nil {
		return err
	}
	return c.state.apply(kind, l.number, checksum)
}

func (c *checkpoint) isFinished(number int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.finished.has(number)
}

// addMissingFailure adds the record of an event in the failed file, if an
// earlier run was killed before it could write that.
func (c *checkpoint) addMissingFailure(number int) error {
	if c.isFinished(number) {
		return nil
	}
	return c.add(recordFailed, line{number: number})
}

// count returns how many events are finished, and how many of those failed.
func (c *checkpoint) count() (finished, failed int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.finished.size, c.state.failed
}

func (c *checkpoint) wasInDoubt(number int) bool {
	_, found := slices.BinarySearch(c.inDoubt, number)
	return found
}
