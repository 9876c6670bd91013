package input

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// A Form is how the events of an input are written.
type Form string

// The forms.
const (
	Lines   Form = "JSON lines"   // an object on each line; a bad line costs only itself
	Array   Form = "JSON array"   // one array or more
	Objects Form = "JSON objects" // one after another, over any number of lines
)

// detectForm chooses the form by the first line that is not blank. A complete
// object there means JSON lines for the whole input. The reader that it returns
// starts at the beginning again.
func detectForm(text *bufio.Reader) (Form, *bufio.Reader, error) {
	head, err := readHead(text)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", nil, err
	}
	form, err := formOf(head)
	return form, bufio.NewReaderSize(io.MultiReader(bytes.NewReader(head), text), bufferSize), err
}

// readHead reads as far as it takes to tell the form, and no further: the
// writer of a stream may pause, and an array may be a single line of any length.
func readHead(text *bufio.Reader) (head []byte, err error) {
	for {
		part, err := text.ReadSlice('\n')
		head = append(head, part...)
		lineEnds := !errors.Is(err, bufio.ErrBufferFull)
		if err != nil && lineEnds {
			return head, err
		}
		start := bytes.TrimSpace(head)
		if len(start) > 0 && (lineEnds || start[0] == '[') || len(head) > MaxText {
			return head, nil
		}
	}
}

func formOf(head []byte) (Form, error) {
	start := bytes.TrimSpace(head)
	switch {
	case len(start) == 0:
		return Lines, nil
	case len(start) > 1 && start[1] == 0:
		// JSON does not contain zero bytes, unless each character has several.
	case start[0] == '[':
		return Array, nil
	case start[0] == '{' && (json.Valid(start) || len(head) > MaxText):
		return Lines, nil
	case start[0] == '{':
		return Objects, nil
	}
	return "", fmt.Errorf("this is neither JSON lines nor a JSON array: it looks like %s", looksLike(start))
}

// looksLike says what the beginning of an unsuitable input seems to be.
func looksLike(start []byte) string {
	for _, known := range []struct{ prefix, what string }{
		{"\x1f\x8b", "a gzip file within a gzip file"},
		{"PK\x03\x04", "a ZIP archive or a spreadsheet"},
		{"BZh", "a bzip2 file"},
		{"\xfd7zXZ\x00", "an xz file"},
		{"\x28\xb5\x2f\xfd", "a Zstandard file"},
		{"\x04\x22\x4d\x18", "an LZ4 file"},
		{"PAR1", "a Parquet file"},
		{"Obj\x01", "an Avro file"},
		{"SQLite format 3", "an SQLite database"},
		{"%PDF", "a PDF file"},
		{"\xff\xfe\x00\x00", "text in UTF-32"},
		{"\x00\x00\xfe\xff", "text in UTF-32"},
		{"{\x00\x00\x00", "text in UTF-32"},
		{"[\x00\x00\x00", "text in UTF-32"},
		{"\x00\x00\x00{", "text in UTF-32"},
		{"\x00\x00\x00[", "text in UTF-32"},
		{"<", "HTML or XML"},
	} {
		if bytes.HasPrefix(start, []byte(known.prefix)) {
			return known.what
		}
	}
	firstLine, _, _ := bytes.Cut(start, []byte("\n"))
	switch {
	case bytes.Contains(start, []byte("ustar")) && bytes.IndexByte(start, 0) >= 0:
		return "a tar archive"
	case bytes.IndexByte(start, 0) >= 0:
		return "binary data"
	case json.Valid(firstLine):
		return "JSON, but neither an object nor an array"
	case bytes.ContainsAny(firstLine, ",;\t|"):
		return "a table (CSV)"
	case !utf8.Valid(firstLine):
		return "binary data, or text in another encoding than UTF-8 and UTF-16"
	}
	return "plain text"
}

func atLine(number int, err error) error { return fmt.Errorf("line %d: %w", number, err) }
