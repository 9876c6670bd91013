package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
)

// unknown is the number of events of standard input, which can be read only
// once.
const unknown = -1

// An input is the JSON lines to replay.
type input struct {
	text   *bufio.Reader
	events int // or unknown
	// digest identifies the input when a later run resumes.
	digest  string
	file    *os.File  // nil means standard input
	earlier checksums // of standard input, from earlier runs
}

func openInput(path string, stdin io.Reader) (*input, error) {
	if path == "-" {
		return openStream(stdin)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	in, err := openFile(file)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return in, nil
}

// openFile reads the file twice. The first pass counts the events and fails on
// a file that cannot be read to its end, before anything is sent.
func openFile(file *os.File) (*input, error) {
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, errors.New("not a regular file: pipe it in with -events -"))
	}
	hash := sha256.New()
	text, err := decompress(io.TeeReader(file, hash))
	if err != nil {
		return nil, err
	}
	in := &input{text: text, file: file}
	for _, err := range in.lines() {
		if err != nil {
			return nil, err
		}
		in.events++
	}
	in.digest = hex.EncodeToString(hash.Sum(nil))
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	in.text, err = decompress(file)
	return in, err
}

// openStream identifies a stream by its first line only: the stream cannot be
// read twice, and its writer may pause at any point. The checksums of the lines
// that a later run skips identify the rest.
func openStream(stdin io.Reader) (*input, error) {
	text, err := decompress(stdin)
	if err != nil {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	first, err := readLine(text)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	whole := io.MultiReader(bytes.NewReader(append(first, '\n')), text)
	if errors.Is(err, io.EOF) {
		whole = bytes.NewReader(first)
	}
	return &input{text: bufio.NewReader(whole), events: unknown, digest: streamDigest(first)}, nil
}

// lines yields the lines that are not blank. It yields an error and ends at a
// line that differs from what earlier runs read.
func (in *input) lines() iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		read := sha256.New()
		for number := 1; ; number++ {
			text, err := readLine(in.text)
			atEnd := errors.Is(err, io.EOF)
			if err != nil && !atEnd {
				yield(line{}, fmt.Errorf("line %d: %w", number, err))
				return
			}
			if number == 1 {
				text = bytes.TrimPrefix(text, []byte("\ufeff"))
			}
			l := line{number: number, text: bytes.TrimSpace(text)}
			if in.file == nil {
				read.Write(l.text)
				read.Write([]byte("\n"))
				l.checksum = hex.EncodeToString(read.Sum(nil)[:8])
				l.isTruncated = atEnd && !json.Valid(l.text)
			}
			if err := in.earlier.verify(l, atEnd); err != nil {
				yield(line{}, fmt.Errorf("line %d: %w", number, err))
				return
			}
			if len(l.text) > 0 && !yield(l, nil) || atEnd {
				return
			}
		}
	}
}

func (in *input) close() error {
	if in.file == nil {
		return nil
	}
	return in.file.Close()
}

// A line is a line of the input.
type line struct {
	number int // from 1
	text   []byte
	// checksum covers a stream up to the end of this line. It is empty for a
	// file, which its digest identifies as a whole.
	checksum string
	// isTruncated says that the stream ended within the line.
	isTruncated bool
}

func streamDigest(firstLine []byte) string {
	sum := sha256.Sum256(bytes.TrimSpace(firstLine))
	return "first line " + hex.EncodeToString(sum[:])
}

// decompress detects gzip by the first bytes: a file name may mislead, and a
// pipe does not have one.
func decompress(r io.Reader) (*bufio.Reader, error) {
	const size = 64 << 10
	plain := bufio.NewReaderSize(r, size)
	if magic, _ := plain.Peek(2); string(magic) != "\x1f\x8b" {
		return plain, nil // the next read returns any error of Peek
	}
	unzipped, err := gzip.NewReader(plain)
	if err != nil {
		return nil, err
	}
	return bufio.NewReaderSize(unzipped, size), nil
}

// maxLine is a little over the longest event that trengo.ParseEvent accepts, so
// that ParseEvent still rejects an event that is too long.
const maxLine = 4<<20 + 1024

// readLine reads a line of any length but keeps at most maxLine bytes. The
// library has a function like this, repeated here because examples use only its
// public API.
func readLine(r *bufio.Reader) ([]byte, error) {
	var text []byte
	for {
		part, err := r.ReadSlice('\n')
		text = append(text, part[:min(len(part), maxLine-len(text))]...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimRight(text, "\r\n"), err
		}
	}
}
