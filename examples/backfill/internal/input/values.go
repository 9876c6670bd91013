package input

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

var errSyntax = errors.New("this is not valid JSON, and the input cannot be read beyond it")

// values reads arrays and objects one after another, whatever the lines. The
// elements of an array are those of the input: an array may be longer than the
// memory. A syntax error ends the input, because what follows cannot be told
// apart.
type values struct {
	text *bufio.Reader
	line int
	form Form

	inArray      bool
	afterElement bool // of the array: a comma or its end follows
	afterComma   bool
}

func (v *values) next() (element, error) {
	for {
		c, err := v.skipSpace()
		switch {
		case errors.Is(err, io.EOF) && v.inArray:
			return element{}, v.fail(v.line, errors.New("the array does not end"))
		case errors.Is(err, io.EOF):
			return element{}, io.EOF
		case err != nil:
			return element{}, atLine(v.line, err)
		case !v.inArray && c == '[':
			v.inArray, v.afterElement, v.afterComma = true, false, false
		case v.inArray && c == ']' && !v.afterComma:
			v.inArray = false
		case v.inArray && c == ',' && v.afterElement:
			v.afterElement, v.afterComma = false, true
		case v.inArray && v.afterElement, !v.inArray && c != '{':
			return element{}, v.fail(v.line, errSyntax)
		default:
			v.afterElement, v.afterComma = true, false
			return v.readValue(c)
		}
	}
}

// fail adds the line, and why the form was chosen.
func (v *values) fail(line int, err error) error {
	if v.form == Objects {
		err = fmt.Errorf("%w (its first line is not a complete object: so it was not read as JSON lines)", err)
	}
	return atLine(line, err)
}

// skipSpace returns the first byte that is not white space.
func (v *values) skipSpace() (byte, error) {
	for {
		c, err := v.text.ReadByte()
		switch {
		case err != nil:
			return 0, err
		case c == '\n':
			v.line++
		case c == byteOrderMark[0]: // where files were joined
			if rest, _ := v.text.Peek(2); string(rest) != string(byteOrderMark[1:]) {
				return c, nil
			}
			if _, err := v.text.Discard(2); err != nil {
				return 0, err
			}
		case c != ' ' && c != '\t' && c != '\r':
			return c, nil
		}
	}
}

// readValue reads the value that begins with c. It keeps no more of it than it
// takes to see that the value is too long for an event.
func (v *values) readValue(c byte) (element, error) {
	el := element{line: v.line}
	var end valueEnd
	for {
		if len(el.text) < MaxText {
			el.text = append(el.text, c)
		}
		if end.isAt(c) || end.isLiteral() && v.literalEnds() {
			return el, v.check(el, false)
		}
		var err error
		if c, err = v.text.ReadByte(); errors.Is(err, io.EOF) {
			return el, v.check(el, true)
		} else if err != nil {
			return el, atLine(v.line, err)
		}
		if c == '\n' {
			v.line++
		}
	}
}

func (v *values) literalEnds() bool {
	next, _ := v.text.Peek(1)
	return len(next) == 0 || strings.IndexByte(",] \t\r\n", next[0]) >= 0
}

// check returns the error of a value that is not valid JSON, with the line of
// the mistake.
func (v *values) check(el element, atEnd bool) error {
	var wrong *json.SyntaxError
	if !errors.As(json.Unmarshal(el.text, new(json.RawMessage)), &wrong) {
		return nil
	}
	isPart := atEnd || len(el.text) == MaxText
	switch before := el.text[:max(0, wrong.Offset-1)]; {
	case !isPart || len(before) < len(el.text)-1:
		return v.fail(el.line+bytes.Count(before, []byte("\n")), errSyntax)
	case atEnd:
		return v.fail(v.line, fmt.Errorf("the value that begins in line %d does not end", el.line))
	}
	return nil // too long for an event, and valid as far as it was kept
}

// A valueEnd tells where a value ends, by its brackets and quotes alone.
type valueEnd struct {
	depth    int
	inString bool
	escaped  bool
}

// isAt reports whether the value ends with c, its next byte.
func (e *valueEnd) isAt(c byte) bool {
	switch {
	case e.escaped:
		e.escaped = false
	case e.inString && c == '\\':
		e.escaped = true
	case c == '"':
		e.inString = !e.inString
	case e.inString:
	case c == '{' || c == '[':
		e.depth++
	case c == '}' || c == ']':
		e.depth--
	default:
		return false
	}
	return e.depth <= 0 && !e.inString
}

// isLiteral reports whether the value is a number, true, false or null.
func (e *valueEnd) isLiteral() bool { return e.depth == 0 && !e.inString }
