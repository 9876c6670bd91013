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

// A header is the first line of a checkpoint: what it is a checkpoint of.
type header struct {
	Version int    `json:"backfill"`
	Input   string `json:"input"`
	Channel int64  `json:"channel"`
}

const checkpointVersion = 1

var errNoCheckpoint = errors.New("this is no checkpoint")

func headerOf(in *input, channelID int64) header {
	return header{Version: checkpointVersion, Input: in.digest, Channel: channelID}
}

func (h header) text() string {
	return fmt.Sprintf(`{"backfill":%d,"input":%q,"channel":%d}`, h.Version, h.Input, h.Channel)
}

// replay is short for the whole.
func (h header) replay() string {
	sum := sha256.Sum256([]byte(h.text()))
	return hex.EncodeToString(sum[:4])
}

// check says why a checkpoint with that first line is none of h.
func (h header) check(text string) error {
	var have header
	switch err := json.Unmarshal([]byte(text), &have); {
	case err != nil || have.Version == 0:
		return errNoCheckpoint
	case have.Version != h.Version:
		return fmt.Errorf("this is a checkpoint of version %d, not %d", have.Version, h.Version)
	case have.Input != h.Input:
		return errors.New("this is the checkpoint of another input, or the input was changed since: name another -checkpoint")
	case have.Channel != h.Channel:
		return fmt.Errorf("this is the checkpoint of a replay to channel %d: name another -checkpoint", have.Channel)
	}
	return nil
}

// The records of a checkpoint, each on a line with the number of an event's
// line in the input, and the sum of a stream up to there.
const (
	recordBegun  = "begun"  // written before an event that should not be repeated
	recordFreed  = "freed"  // it did not act: it may be repeated after all
	recordDone   = "done"   // written after the event had its effect
	recordFailed = "failed" // written after the event was put into the failed file
)

// A state is what a checkpoint says.
type state struct {
	finished spans // done or failed
	failed   int
	begun    map[int]bool // and neither freed nor finished
	sums     sums
}

func (s *state) apply(kind string, number int, sum string) error {
	delete(s.begun, number)
	switch kind {
	case recordBegun:
		s.begun[number] = true
	case recordFreed:
	case recordDone:
		s.finished.add(number)
	case recordFailed:
		s.finished.add(number)
		s.failed++
	default:
		return errors.New("no record of a checkpoint")
	}
	s.sums.add(number, sum, &s.finished)
	return nil
}

// readState reads a checkpoint, and says how many bytes of it are whole lines:
// a process that is killed while it writes leaves a part of one.
func readState(r io.Reader, want header) (s state, whole int64, err error) {
	s.begun, s.sums = map[int]bool{}, sums{}
	lines := bufio.NewReader(r)
	for number := 1; ; number++ {
		text, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			if number == 1 && !strings.HasPrefix(want.text(), text) {
				return s, whole, errNoCheckpoint // somebody else's file is not to be cut off
			}
			return s, whole, nil
		}
		if err != nil {
			return s, whole, err
		}
		if number == 1 {
			err = want.check(text)
		} else {
			kind, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
			place, sum, _ := strings.Cut(rest, " ")
			var event int
			if event, err = strconv.Atoi(place); err == nil {
				err = s.apply(kind, event, sum)
			}
		}
		if err != nil {
			return s, whole, fmt.Errorf("line %d: %w", number, err)
		}
		whole += int64(len(text))
	}
}

// peekCheckpoint reads a checkpoint that may not be there, and leaves it as it
// is.
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

// A checkpoint says which events of the input need not be replayed, at any
// moment at which the process may end.
//
// A kill loses no record but one that it tears: the kernel has the others. What
// a crash of the machine may take is for its user to bound, with sync.
type checkpoint struct {
	mu sync.Mutex // events begin in one goroutine and end in another
	journal
	header  header
	state   state
	isNew   bool
	inDoubt []int // begun by an earlier run, whose end is not known
}

func openCheckpoint(path string, h header) (*checkpoint, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	c, err := newCheckpoint(file, h)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return c, nil
}

func newCheckpoint(file *os.File, h header) (*checkpoint, error) {
	if err := lock(file); err != nil {
		return nil, err
	}
	s, whole, err := readState(file, h)
	if err != nil {
		return nil, err
	}
	if err := cutTo(file, whole); err != nil {
		return nil, err
	}
	return &checkpoint{
		journal: journal{file: file, whole: whole},
		header:  h,
		state:   s,
		isNew:   whole == 0,
		inDoubt: slices.Sorted(maps.Keys(s.begun)),
	}, nil
}

// start is called when everything else is ready: from then on the checkpoint
// is not new.
func (c *checkpoint) start() error {
	if !c.isNew {
		return nil
	}
	return c.write([]byte(c.header.text()))
}

func (c *checkpoint) add(kind string, l line) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	text, sum := kind+" "+strconv.Itoa(l.number), l.sum
	if l.isCut {
		sum = "" // the whole line may be there next time
	}
	if sum != "" {
		text += " " + sum
	}
	if err := c.write([]byte(text)); err != nil {
		return err
	}
	return c.state.apply(kind, l.number, sum)
}

func (c *checkpoint) isFinished(number int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.finished.has(number)
}

// failedBefore takes over what is in the failed file: a run may have been
// killed before it could record that here.
func (c *checkpoint) failedBefore(number int) error {
	if c.isFinished(number) {
		return nil
	}
	return c.add(recordFailed, line{number: number})
}

// count says how many events are finished, and how many of those failed.
func (c *checkpoint) count() (finished, failed int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.finished.size, c.state.failed
}

func (c *checkpoint) wasInDoubt(number int) bool {
	_, found := slices.BinarySearch(c.inDoubt, number)
	return found
}
