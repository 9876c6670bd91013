package handlebars

import (
	"fmt"
	"strings"
	"unicode"
)

// mark, twice, takes the place of an expression in the text for fasttemplate.
// The parser keeps NUL out of the rest of that text.
const mark = "\x00"

// A parser splits the source of a template into the text for fasttemplate and
// the expressions that belong at its marks.
type parser struct {
	rest        string // of the source, not yet parsed
	text        strings.Builder
	expressions []expression
	trimNext    bool // the last tag ended with ~}}
}

// parse parses a whole template.
func (p *parser) parse(source string) error {
	p.rest = source
	for p.content(); p.rest != ""; p.content() {
		tag := p.rest
		if strings.HasSuffix(strings.TrimSuffix(source, tag), `\`) {
			return tagError(`\` + tag)
		}
		if !p.tag() {
			return tagError(tag)
		}
	}
	return nil
}

// content parses the text before the next tag.
func (p *parser) content() {
	text, _, _ := strings.Cut(p.rest, "{{")
	p.rest = p.rest[len(text):]
	if p.trimNext {
		text = strings.TrimLeftFunc(text, isSpace)
	}
	if strings.HasPrefix(p.rest, "{{~") {
		text = strings.TrimRightFunc(text, isSpace)
	}
	p.text.WriteString(strings.ReplaceAll(text, mark, " "))
}

// tag parses a tag and reports whether it is supported.
func (p *parser) tag() bool {
	p.accept("{{")
	p.accept("~") // content has trimmed the text before it
	if p.accept("!") {
		return p.comment()
	}
	// In Handlebars, a third brace and & turn HTML-escaping off. It is always
	// off here.
	braced := p.accept("{")
	if !braced {
		p.accept("&")
	}
	e, ok := p.expression()
	if !ok || braced && !p.accept("}") {
		return false
	}
	p.expressions = append(p.expressions, e)
	p.text.WriteString(mark + mark)
	p.trimNext = p.accept("~")
	return p.accept("}}")
}

// comment parses the rest of a comment after its !. A comment that begins with
// !-- may hold braces: it ends at --}}.
func (p *parser) comment() bool {
	long := strings.HasPrefix(p.rest, "--")
	for {
		body, rest, closed := strings.Cut(p.rest, "}}")
		if !closed {
			return false
		}
		p.rest = rest
		body, p.trimNext = strings.CutSuffix(body, "~")
		if !long || strings.HasSuffix(body, "--") {
			return true
		}
	}
}

// expression parses what stands between the braces of a tag.
func (p *parser) expression() (e expression, ok bool) {
	p.skipSpace()
	if e.path, ok = p.path(); !ok {
		return e, false
	}
	p.skipSpace()
	if e.hasDefault = p.accept("||"); e.hasDefault {
		e.defaultText, ok = p.defaultText()
	}
	return e, ok
}

// path parses a string literal, which is a path of one segment, or segments
// that are joined by dots.
func (p *parser) path() ([]segment, bool) {
	if p.accept(`"`) {
		name, rest, closed := strings.Cut(p.rest, `"`)
		p.rest = rest
		return []segment{newSegment(name)}, closed
	}
	source := p.rest
	if !p.accept("./") {
		p.accept("this.")
	}
	var path []segment
	for {
		name, ok := p.segmentName()
		if !ok {
			return nil, false
		}
		path = append(path, newSegment(name))
		if !p.accept(".") {
			return path, !isHelper(strings.TrimSuffix(source, p.rest))
		}
	}
}

// segmentName parses the name of a segment, with or without brackets.
func (p *parser) segmentName() (name string, ok bool) {
	if p.accept("[") {
		name, p.rest, ok = strings.Cut(p.rest, "]")
		return name, ok
	}
	end := strings.IndexFunc(p.rest, endsName)
	if end < 0 {
		return "", false
	}
	name, p.rest = p.rest[:end], p.rest[end:]
	return name, name != "" && name != "this"
}

// defaultText parses the default after ||. As in RudderStack, it loses double
// quotes anywhere and whitespace around it.
func (p *parser) defaultText() (text string, ok bool) {
	text, _, ok = strings.Cut(p.rest, "}}")
	text = strings.TrimRight(text, "~}") // they belong to the end of the tag
	p.rest = p.rest[len(text):]
	ok = ok && !strings.Contains(text, "{{")
	return strings.TrimFunc(strings.ReplaceAll(text, `"`, ""), isSpace), ok
}

func (p *parser) skipSpace() {
	p.rest = strings.TrimLeftFunc(p.rest, isSpace)
}

// accept skips prefix if the source goes on with it, and reports whether it
// does.
func (p *parser) accept(prefix string) (ok bool) {
	p.rest, ok = strings.CutPrefix(p.rest, prefix)
	return ok
}

// tagError returns the error for the tag at the start of source.
func tagError(source string) error {
	body, _, closed := strings.Cut(source, "}}")
	if !closed {
		return fmt.Errorf("tag %#q is not closed", source)
	}
	return fmt.Errorf("tag %#q is not supported: only {{ path }} and {{ path || default }} are", body+"}}")
}

// endsName reports whether Handlebars does not allow r in a segment without
// brackets.
func endsName(r rune) bool {
	return isSpace(r) || strings.ContainsRune("!\"#%&'()*+,./;<=>@[\\]^`{|}~", r)
}

// isSpace reports whether r is whitespace. JavaScript counts the byte order
// mark as whitespace, Go does not.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || r == '\ufeff'
}

// isHelper reports whether Handlebars reads a tag with this path alone as a
// call of a built-in helper, or as a part of a block, and not as a property.
func isHelper(path string) bool {
	switch path {
	case "if", "else", "unless", "each", "with", "lookup", "log", "helperMissing", "blockHelperMissing":
		return true
	}
	return false
}
