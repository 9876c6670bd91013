// Package input reads the events to replay: from JSON lines, a JSON array, or
// JSON objects one after another, plain or compressed with gzip, in UTF-8 or
// UTF-16.
package input

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"os"
)

// Unknown is the number of events of standard input, which can be read only
// once.
const Unknown = -1

// ErrRewritten is returned at the end of a file that differs from what it was at
// the first pass.
var ErrRewritten = errors.New("the input was rewritten meanwhile: it differs from what was counted before the start")

// A Splitter takes a line or value of the input apart, which may hold several
// events.
type Splitter = func([]byte) iter.Seq2[json.RawMessage, error]

// An Event is one event of the input.
type Event struct {
	Position
	Text []byte
	// Err says why Text cannot be an event, if that is known already.
	Err error
	// Checksum covers a stream up to the end of the text that holds this event.
	// It is empty for a file, which its digest identifies as a whole, and for a
	// truncated line, which the next run may read completely.
	Checksum string
	// IsTruncated says that the stream ended within the line.
	IsTruncated bool
}

// An Input is a file or stream of events.
type Input struct {
	// Form is how the events are written. It is chosen once, by the first line.
	Form Form
	// Count is how many events there are, or Unknown.
	Count int
	// Digest identifies the input when a later run resumes.
	Digest string

	split  Splitter
	file   *os.File
	size   int64   // of the file at the first pass
	stream *reader // standard input, instead of a file
}

// Open opens a file, or stdin if path is "-". It reads a file to its end: the
// first pass counts the events and fails on a file that cannot be read
// completely, before anything is sent.
func Open(path string, stdin io.Reader, split Splitter) (*Input, error) {
	if path == "-" {
		in, err := openStream(stdin, split)
		if err != nil {
			return nil, fmt.Errorf("standard input: %w", err)
		}
		return in, nil
	}
	// Opening a named pipe would wait for its writer.
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file: pipe it in with -events -", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	in, err := openFile(file, split)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return in, nil
}

func openFile(file *os.File, split Splitter) (*Input, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	in := &Input{Count: Unknown, split: split, file: file, size: info.Size()}
	events := 0
	for _, err := range in.Events() {
		if err != nil {
			return nil, err
		}
		events++
	}
	in.Count = events
	return in, nil
}

// openStream identifies a stream by its first line or value only: the stream
// cannot be read twice, and its writer may pause at any point. The checksums of
// the events that a later run skips identify the rest.
func openStream(stdin io.Reader, split Splitter) (*Input, error) {
	r, err := newReader(stdin)
	if err != nil {
		return nil, err
	}
	first, err := r.peek()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	r.checksum = sha256.New()
	return &Input{Form: r.form, Count: Unknown, Digest: streamDigest(first.text), split: split, stream: r}, nil
}

func streamDigest(first []byte) string {
	sum := sha256.Sum256(first)
	return "first " + hex.EncodeToString(sum[:])
}

// Events yields the events. It yields an error and ends where the input cannot
// be read any further. The events of a file can be read again, those of a stream
// cannot.
func (in *Input) Events() iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if in.stream != nil {
			in.read(in.stream, yield)
			return
		}
		digest := sha256.New()
		raw, r, err := in.rewind(digest)
		switch {
		case err != nil:
			yield(Event{}, err)
		case in.read(r, yield):
			if err := in.checkDigest(raw, digest); err != nil {
				yield(Event{}, err)
			}
		}
	}
}

// rewind starts a pass over the file, which never goes beyond the size of the
// first. raw is the file as it is, which the reader decodes.
func (in *Input) rewind(digest hash.Hash) (raw io.Reader, r *reader, err error) {
	if _, err := in.file.Seek(0, io.SeekStart); err != nil {
		return nil, nil, err
	}
	raw = io.TeeReader(io.LimitReader(in.file, in.size), digest)
	r, err = newReader(raw)
	if err != nil {
		return nil, nil, err
	}
	in.Form = r.form
	return raw, r, nil
}

// checkDigest compares the file with the first pass, or notes what that read.
func (in *Input) checkDigest(raw io.Reader, digest hash.Hash) error {
	if _, err := io.Copy(io.Discard, raw); err != nil {
		return err
	}
	sum := hex.EncodeToString(digest.Sum(nil))
	if in.Digest == "" {
		in.Digest = sum
	}
	if in.Digest != sum {
		return ErrRewritten
	}
	return nil
}

// read yields the events of a pass. It reports whether it came to the end.
func (in *Input) read(r *reader, yield func(Event, error) bool) bool {
	position := Position{}
	for {
		el, err := r.next()
		if errors.Is(err, io.EOF) {
			return true
		}
		if err != nil {
			yield(Event{}, err)
			return false
		}
		if el.line != position.Line {
			position.Line, position.Index = el.line, 0
		}
		for text, err := range in.events(el) {
			position.Number++
			position.Index++
			if in.Count != Unknown && position.Number > in.Count {
				yield(Event{}, fmt.Errorf("line %d: %w", el.line, ErrRewritten))
				return false
			}
			if !yield(Event{Position: position, Text: text, Err: err, Checksum: el.checksum, IsTruncated: el.isTruncated}, nil) {
				return false
			}
		}
	}
}

// events yields the events of an element. What cannot be taken apart is one
// event, with the reason.
func (in *Input) events(el element) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if len(el.text) >= MaxText {
			yield(el.text, nil) // it is incomplete, and too long for an event
			return
		}
		for text, err := range in.split(el.text) {
			if !yield(text, err) {
				return
			}
		}
	}
}

// Stat describes the file; nil for a stream.
func (in *Input) Stat() (os.FileInfo, error) {
	if in.file == nil {
		return nil, nil
	}
	return in.file.Stat()
}

// Close closes the file.
func (in *Input) Close() error {
	if in.file == nil {
		return nil
	}
	return in.file.Close()
}
