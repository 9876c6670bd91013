package trengo

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/valyala/fasttemplate"
)

// maxSubject is how many characters of a subject are sent.
const maxSubject = 255

// tagMark, twice, stands for a tag in the text that fasttemplate gets. NUL is
// free for that: as a control character it becomes a blank in every subject.
const tagMark = "\x00"

// subjectTemplate makes the subjects of one event's tickets. It is compiled
// once and safe for concurrent use.
type subjectTemplate struct {
	text *fasttemplate.Template
	tags []subjectTag // in their order in text
}

// subjectTag is one {{ path }} or {{ path || fallback }}.
type subjectTag struct {
	path     []pathSegment
	fallback string

	// inMessage is set by ||. RudderStack replaces such a tag before Trengo's
	// destination runs, and its path starts at the whole message, not at the
	// properties: users write {{ event.properties.plan || "free" }}.
	inMessage bool
}

// pathSegment is one step of a path: a name in an object, or an index into a
// list if it is a number.
type pathSegment struct {
	name  string
	index int // -1: the name is not a number
}

// compileSubject reads the dialect of Handlebars that RudderStack configs
// hold. Blank text makes blank subjects. An error names the tag that is not
// understood.
func compileSubject(text string) (*subjectTemplate, error) {
	p := subjectParser{rest: text}
	for p.literal(); p.rest != ""; p.literal() {
		source := p.rest
		if strings.HasSuffix(text[:len(text)-len(source)], `\`) {
			return nil, tagError(`\` + source)
		}
		if !p.tag() {
			return nil, tagError(source)
		}
	}
	compiled, err := fasttemplate.NewTemplate(p.text.String(), tagMark, tagMark)
	if err != nil {
		return nil, err
	}
	return &subjectTemplate{text: compiled, tags: p.tags}, nil
}

// tagError reports the tag at the start of source.
func tagError(source string) error {
	body, _, closed := strings.Cut(source, "}}")
	if !closed {
		return fmt.Errorf("tag %#q is not closed", source)
	}
	return fmt.Errorf("tag %#q is not supported: only {{ path }} and {{ path || default }} are", body+"}}")
}

// render makes the subject of one event, ready to be sent. A nil template
// makes an empty one.
func (t *subjectTemplate) render(event string, properties map[string]any) string {
	if t == nil {
		return ""
	}
	subject := valuePrinter{left: maxValues}
	subject.out.Grow(maxSubject)
	next := 0
	// No error is possible: memory takes whatever is written.
	_, _ = t.text.ExecuteFunc(&subject.out, func(io.Writer, string) (int, error) {
		tag := t.tags[next]
		next++
		before := subject.out.Len()
		subject.value(tag.find(event, properties))
		if subject.out.Len() == before {
			subject.out.WriteString(tag.fallback)
		}
		return subject.out.Len() - before, nil
	})
	return cleanSubject(subject.out.String())
}

// find returns what the tag stands for, nil if there is no such thing. A
// property hides a built-in of its name.
//
// A path to another part of the message (event.context.ip) finds nothing:
// subjects are made of the event's name and properties alone. It is no error,
// because such a tag says itself what to print instead.
func (t subjectTag) find(event string, properties map[string]any) any {
	path := t.path
	if own, ok := properties[path[0].name]; ok {
		return follow(own, path[1:])
	}
	if t.inMessage && len(path) > 1 && path[0].name == "event" {
		path = path[1:]
	}
	switch path[0].name {
	case "event":
		return follow(event, path[1:])
	case "properties":
		if t.inMessage && len(path) > 1 {
			return follow(properties, path[1:])
		}
		return follow(allProperties(properties), path[1:])
	}
	return nil
}

// follow returns what lies at the end of path, nil if the path leads nowhere.
func follow(v any, path []pathSegment) any {
	for _, segment := range path {
		switch parent := jsonValue(v).(type) {
		case map[string]any:
			v = parent[segment.name]
		case []any:
			if segment.index < 0 || segment.index >= len(parent) {
				return nil
			}
			v = parent[segment.index]
		default:
			return nil
		}
	}
	return v
}

// cleanSubject makes one line of text: no control characters, no blanks
// around it, no more than maxSubject characters.
func cleanSubject(text string) string {
	if !isPrintableASCII(text) {
		text = strings.Map(controlToBlank, text)
	}
	text = firstRunes(strings.TrimFunc(text, isBlank), maxSubject)
	return strings.TrimRightFunc(text, isBlank)
}

// isPrintableASCII spares most subjects the slower look at each rune.
func isPrintableASCII(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// controlToBlank is for strings.Map, which also replaces what is not UTF-8.
func controlToBlank(r rune) rune {
	if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
		return ' '
	}
	return r
}

// isBlank knows the blanks of JavaScript, which has one more than Go.
func isBlank(r rune) bool {
	return unicode.IsSpace(r) || r == '\ufeff'
}

func firstRunes(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for i := range text {
		if n == 0 {
			return text[:i]
		}
		n--
	}
	return text
}

// subjectParser turns a template's source into text for fasttemplate and the
// tags that belong there.
type subjectParser struct {
	rest  string // not yet read
	text  strings.Builder
	tags  []subjectTag
	strip bool // the last tag ended with ~}}
}

// literal reads up to the next tag.
func (p *subjectParser) literal() {
	text, _, _ := strings.Cut(p.rest, "{{")
	p.rest = p.rest[len(text):]
	if p.strip {
		text = strings.TrimLeftFunc(text, isBlank)
	}
	if strings.HasPrefix(p.rest, "{{~") {
		text = strings.TrimRightFunc(text, isBlank)
	}
	p.text.WriteString(strings.ReplaceAll(text, tagMark, " "))
}

// tag reads a tag, and reports whether it is one that we know.
func (p *subjectParser) tag() bool {
	p.accept("{{")
	p.accept("~") // literal has seen it
	if p.accept("!") {
		return p.comment()
	}
	// Three braces and & ask for text that is not HTML-escaped. A subject
	// never is.
	braced := p.accept("{")
	if !braced {
		p.accept("&")
	}
	tag, ok := p.expression()
	if !ok || braced && !p.accept("}") {
		return false
	}
	p.tags = append(p.tags, tag)
	p.text.WriteString(tagMark + tagMark)
	p.strip = p.accept("~")
	return p.accept("}}")
}

// comment reads a comment after its !. One that begins with -- may hold
// braces: it ends at --}}.
func (p *subjectParser) comment() bool {
	long := strings.HasPrefix(p.rest, "--")
	for {
		body, rest, closed := strings.Cut(p.rest, "}}")
		if !closed {
			return false
		}
		p.rest = rest
		body, p.strip = strings.CutSuffix(body, "~")
		if !long || strings.HasSuffix(body, "--") {
			return true
		}
	}
}

// expression reads what stands between the braces.
func (p *subjectParser) expression() (tag subjectTag, ok bool) {
	p.skipBlanks()
	if tag.path, ok = p.path(); !ok {
		return tag, false
	}
	p.skipBlanks()
	if tag.inMessage = p.accept("||"); tag.inMessage {
		tag.fallback, ok = p.fallback()
	}
	return tag, ok
}

// path reads a whole name in quotes, or names joined by points.
func (p *subjectParser) path() ([]pathSegment, bool) {
	if p.accept(`"`) {
		name, rest, closed := strings.Cut(p.rest, `"`)
		p.rest = rest
		return []pathSegment{newPathSegment(name)}, closed
	}
	source := p.rest
	if !p.accept("./") {
		p.accept("this.")
	}
	var path []pathSegment
	for {
		name, ok := p.name()
		if !ok {
			return nil, false
		}
		path = append(path, newPathSegment(name))
		if !p.accept(".") {
			return path, !isHelper(source[:len(source)-len(p.rest)])
		}
	}
}

// name reads one name: bare, or in square brackets, which may hold any
// character.
func (p *subjectParser) name() (name string, ok bool) {
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

// fallback reads the default after ||, as RudderStack does: quotes are
// dropped wherever they stand.
func (p *subjectParser) fallback() (text string, ok bool) {
	text, _, ok = strings.Cut(p.rest, "}}")
	text = strings.TrimRight(text, "~}") // how a tag may begin to end
	p.rest = p.rest[len(text):]
	ok = ok && !strings.Contains(text, "{{")
	return strings.TrimFunc(strings.ReplaceAll(text, `"`, ""), isBlank), ok
}

func (p *subjectParser) skipBlanks() {
	p.rest = strings.TrimLeftFunc(p.rest, isBlank)
}

func (p *subjectParser) accept(prefix string) (ok bool) {
	p.rest, ok = strings.CutPrefix(p.rest, prefix)
	return ok
}

func newPathSegment(name string) pathSegment {
	index, err := strconv.Atoi(name)
	if err != nil {
		index = -1
	}
	return pathSegment{name: name, index: index}
}

// endsName reports whether r cannot be part of a bare name in Handlebars.
func endsName(r rune) bool {
	return isBlank(r) || strings.ContainsRune("!\"#%&'()*+,./;<=>@[\\]^`{|}~", r)
}

// isHelper reports whether Handlebars calls a function where path stands
// alone. The property is had by {{this.if}}.
func isHelper(path string) bool {
	switch path {
	case "if", "else", "unless", "each", "with", "lookup", "log", "helperMissing", "blockHelperMissing":
		return true
	}
	return false
}
