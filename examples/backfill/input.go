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

// unknown is the number of events of an input that can be read only once.
const unknown = -1

// An input is JSON lines that are there to be replayed.
type input struct {
	text   *bufio.Reader
	events int // or unknown
	// digest recognises the input when a later run goes on.
	digest string
	file   *os.File // nil: standard input
	before sums     // of what earlier runs read of standard input
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

// openFile reads the file twice. The first time counts its events, and finds
// out that it cannot be read to its end before anything is sent.
func openFile(file *os.File) (*input, error) {
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, errors.New("no regular file; pipe it in, with -events -"))
	}
	hash := sha256.New()
	text, err := decompressed(io.TeeReader(file, hash))
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
	in.text, err = decompressed(file)
	return in, err
}

// openStream recognises a stream by its first line, for a start: there is no
// reading it twice, and no knowing how long its writer takes for more. The
// lines that a later run skips are recognised by their sums.
func openStream(stdin io.Reader) (*input, error) {
	text, err := decompressed(stdin)
	if err != nil {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	first, err := readLine(text)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	again := io.MultiReader(bytes.NewReader(append(first, '\n')), text)
	if errors.Is(err, io.EOF) {
		again = bytes.NewReader(first)
	}
	return &input{text: bufio.NewReader(again), events: unknown, digest: streamDigest(first)}, nil
}

func streamDigest(firstLine []byte) string {
	sum := sha256.Sum256(bytes.TrimSpace(firstLine))
	return "first line " + hex.EncodeToString(sum[:])
}

// decompressed goes by the first bytes: names lie, and a pipe has none.
func decompressed(r io.Reader) (*bufio.Reader, error) {
	const size = 64 << 10
	plain := bufio.NewReaderSize(r, size)
	if magic, _ := plain.Peek(2); string(magic) != "\x1f\x8b" {
		return plain, nil // what is too short for a look fails when it is read
	}
	unzipped, err := gzip.NewReader(plain)
	if err != nil {
		return nil, err
	}
	return bufio.NewReaderSize(unzipped, size), nil
}

// A line is one of the input, with its number, from 1.
type line struct {
	number int
	text   []byte
	// sum is that of a stream to the end of this line. A file has none, because
	// it is recognised as a whole.
	sum string
	// isCut says that the stream ended within the line.
	isCut bool
}

// lines yields the lines that are not blank. It fails where they are not those
// that earlier runs read.
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
				l.sum = hex.EncodeToString(read.Sum(nil)[:8])
				l.isCut = atEnd && !json.Valid(l.text)
			}
			if err := in.before.check(l, atEnd); err != nil {
				yield(line{}, fmt.Errorf("line %d: %w", number, err))
				return
			}
			if len(l.text) > 0 && !yield(l, nil) || atEnd {
				return
			}
		}
	}
}

// maxLine is a little over the longest event that trengo.ParseEvent reads, so
// that it sees what is too long.
const maxLine = 4<<20 + 1024

// readLine reads to the end of a line, without keeping more than maxLine.
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

func (in *input) close() error {
	if in.file == nil {
		return nil
	}
	return in.file.Close()
}
