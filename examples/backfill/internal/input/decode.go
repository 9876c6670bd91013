package input

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const bufferSize = 64 << 10

var byteOrderMark = []byte("\ufeff")

// decode returns the input as UTF-8 without a byte order mark. It detects gzip
// and UTF-16 by the first bytes: a file name may mislead, and a pipe does not
// have one.
func decode(raw io.Reader) (*bufio.Reader, error) {
	text := bufio.NewReaderSize(raw, bufferSize)
	if magic, _ := text.Peek(2); string(magic) == "\x1f\x8b" {
		unzipped, err := gzip.NewReader(text)
		if err != nil {
			return nil, err
		}
		text = bufio.NewReaderSize(unzipped, bufferSize)
	}
	// The next read returns any error of Peek.
	start, _ := text.Peek(4)
	if order := utf16Order(start); order != nil {
		text = bufio.NewReaderSize(&utf16Reader{raw: text, order: order}, bufferSize)
	}
	for {
		mark, _ := text.Peek(len(byteOrderMark))
		if !bytes.Equal(mark, byteOrderMark) {
			return text, nil
		}
		if _, err := text.Discard(len(mark)); err != nil {
			return nil, err
		}
	}
}

// utf16Order returns the byte order of a text in UTF-16, nil for any other. JSON
// begins with an ASCII character, so every other byte of it is zero.
func utf16Order(start []byte) binary.ByteOrder {
	if len(start) < 2 || len(start) == 4 && (start[2] == 0 && start[3] == 0 || start[0] == 0 && start[1] == 0) {
		return nil // too short, or UTF-32
	}
	const begins = "{[ \t\r\n"
	switch first, second := start[0], start[1]; {
	case first == 0xff && second == 0xfe, second == 0 && strings.IndexByte(begins, first) >= 0:
		return binary.LittleEndian
	case first == 0xfe && second == 0xff, first == 0 && strings.IndexByte(begins, second) >= 0:
		return binary.BigEndian
	}
	return nil
}

// A utf16Reader turns UTF-16 into UTF-8.
type utf16Reader struct {
	raw     *bufio.Reader
	order   binary.ByteOrder
	high    rune   // a high surrogate that waits for its other half; zero if none
	encoded []byte // not yet read
}

// Read waits only for the first character: the writer of a stream may pause.
func (r *utf16Reader) Read(p []byte) (int, error) {
	for len(r.encoded) == 0 || r.raw.Buffered() >= 2 && len(r.encoded) < len(p) {
		var unit [2]byte
		_, err := io.ReadFull(r.raw, unit[:])
		switch {
		case errors.Is(err, io.ErrUnexpectedEOF):
			return 0, errors.New("the UTF-16 text ends within a character")
		case errors.Is(err, io.EOF) && r.high != 0:
			r.high = 0
			r.encoded = utf8.AppendRune(r.encoded, utf8.RuneError)
		case err != nil:
			return 0, err
		default:
			r.decode(rune(r.order.Uint16(unit[:])))
		}
	}
	n := copy(p, r.encoded)
	r.encoded = r.encoded[n:]
	return n, nil
}

// decode appends a character. Half a surrogate pair becomes U+FFFD.
func (r *utf16Reader) decode(unit rune) {
	const lowSurrogate = 0xdc00
	high := r.high
	r.high = 0
	if high != 0 {
		if pair := utf16.DecodeRune(high, unit); pair != utf8.RuneError {
			r.encoded = utf8.AppendRune(r.encoded, pair)
			return
		}
		r.encoded = utf8.AppendRune(r.encoded, utf8.RuneError)
	}
	if utf16.IsSurrogate(unit) && unit < lowSurrogate {
		r.high = unit
		return
	}
	r.encoded = utf8.AppendRune(r.encoded, unit) // a low surrogate alone as U+FFFD
}
