package input

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"unicode"
)

// MaxText is how much of a line or value is kept: a little over the longest
// event that trengo.ParseEvent accepts, so that it still rejects an event that is
// too long.
const MaxText = 4<<20 + 1024

// An element is a line or value of the input, without white space around it. It
// may hold several events.
type element struct {
	line        int // where it begins
	text        []byte
	isTruncated bool
	checksum    string
}

// A reader reads the elements of an input once.
type reader struct {
	form     Form
	elements interface{ next() (element, error) } // the error is io.EOF at the end
	peeked   *element
	checksum hash.Hash // of what a stream has held so far; nil for a file
}

func newReader(raw io.Reader) (*reader, error) {
	text, err := decode(raw)
	if err != nil {
		return nil, err
	}
	form, text, err := detectForm(text)
	if err != nil {
		return nil, err
	}
	r := &reader{form: form}
	if form == Lines {
		r.elements = &lines{text: text}
	} else {
		r.elements = &values{text: text, line: 1, form: form}
	}
	return r, nil
}

func (r *reader) next() (element, error) {
	el, err := r.peek()
	if err != nil {
		return el, err
	}
	r.peeked = nil
	if r.checksum != nil {
		r.checksum.Write(el.text)
		r.checksum.Write([]byte("\n"))
		if !el.isTruncated {
			el.checksum = hex.EncodeToString(r.checksum.Sum(nil)[:8])
		}
	}
	return el, nil
}

// peek returns the element that next returns next.
func (r *reader) peek() (element, error) {
	if r.peeked == nil {
		el, err := r.elements.next()
		if err != nil {
			return element{}, err
		}
		r.peeked = &el
	}
	return *r.peeked, nil
}

// lines reads JSON lines. Blank ones are left out.
type lines struct {
	text  *bufio.Reader
	line  int
	atEnd bool
}

func (l *lines) next() (element, error) {
	for !l.atEnd {
		text, err := readLine(l.text)
		l.atEnd = errors.Is(err, io.EOF)
		l.line++
		if err != nil && !l.atEnd {
			return element{}, atLine(l.line, err)
		}
		// Where files were joined, each may have begun with a byte order mark.
		text = bytes.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' })
		if len(text) > 0 {
			return element{line: l.line, text: text, isTruncated: l.atEnd && !json.Valid(text)}, nil
		}
	}
	return element{}, io.EOF
}

// readLine reads a line of any length but keeps at most MaxText bytes. The
// library has a function like this, repeated here because examples use only its
// public API.
func readLine(r *bufio.Reader) ([]byte, error) {
	var text []byte
	for {
		part, err := r.ReadSlice('\n')
		text = append(text, part[:min(len(part), MaxText-len(text))]...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimRight(text, "\r\n"), err
		}
	}
}
