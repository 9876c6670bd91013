// Package handlebars renders the dialect of Handlebars in which RudderStack's
// Trengo destination writes its templates.
//
// A template is text with tags in double braces. It is rendered as plain text
// for one track event:
//
//	{{ event }}                     the name of the event
//	{{ order.id }}                  a property, by its path
//	{{ items.[0] }}, {{ items.0 }}  an element of a list
//	{{ product.[order id] }}        brackets: a segment of any characters but ]
//	{{ "order.id" }}                string literal: the whole name of a property
//	{{ this.if }}, {{ ./if }}       a property that has the name of a helper
//	{{ properties }}                all properties, sorted: "key: value key: value"
//	{{ userId }}, {{ traits.plan }} other parts of the message, by their path
//	{{ plan || free }}              a default, for a path that renders as nothing
//	{{{ x }}}, {{& x }}             the same as {{ x }}
//	{{~ x ~}}                       whitespace control: trims the text beside the tag
//	{{! x }}, {{!-- x --}}          a comment, which renders as nothing
//
// A property takes precedence over the built-ins: event, properties and the other
// parts of the message. Like properties, a part that is an object prints as all
// its members; unlike properties, it may be the start of a path. A path that leads
// nowhere or to null renders as nothing. Values print as with
// JavaScript's String, except that integers keep all their digits. Nothing is
// HTML-escaped.
//
// RudderStack itself replaces an expression with a default before the
// destination sees the template, and its paths start at the whole message. So
// in {{ event.properties.plan || free }} and {{ properties.plan || free }} the
// path leads to the property plan, and in {{ event.userId || none }} to the user ID. The default is all text up to the closing
// braces, without double quotes and without whitespace around it.
//
// Every other tag is an error of [Compile]: blocks, helpers with arguments, the
// name of a built-in helper alone, this alone, partials, decorators, raw
// blocks, subexpressions, hash arguments, paths with / or .., data variables
// such as @index. So is a backslash before a tag, with which Handlebars escapes
// the tag. A NUL in the text outside tags renders as a space.
package handlebars

import (
	"io"
	"strconv"

	"github.com/valyala/fasttemplate"
)

// initialSize is the capacity, in bytes, with which a rendering starts. Most
// texts fit, so that they are allocated once.
const initialSize = 256

// A Template renders the text for one event at a time. It does not change
// after [Compile] and is safe for concurrent use.
type Template struct {
	text        *fasttemplate.Template
	expressions []expression // in the order of their marks in text
}

// Compile parses a template. Empty source is valid and renders as nothing. The
// error quotes the first tag that is not closed or not supported.
func Compile(source string) (*Template, error) {
	var p parser
	if err := p.parse(source); err != nil {
		return nil, err
	}
	text, err := fasttemplate.NewTemplate(p.text.String(), mark, mark)
	if err != nil {
		return nil, err
	}
	return &Template{text: text, expressions: p.expressions}, nil
}

// A Message is what a template is rendered for. Its maps may be nil and may hold
// any Go value; what JSON cannot hold renders as nothing.
type Message struct {
	Event      string // the name of the event
	Properties map[string]any
	Parts      map[string]any // the other parts, by their names
}

// Render returns the template's text for a message, which it does not change. It
// renders at most 4,096 values, elements of lists included, and leaves out the
// rest.
func (t *Template) Render(m Message) string {
	out := printer{left: maxValues}
	out.text.Grow(initialSize)
	next := 0
	// A strings.Builder never fails, so neither does ExecuteFunc.
	_, _ = t.text.ExecuteFunc(&out.text, func(io.Writer, string) (int, error) {
		e := &t.expressions[next]
		next++
		before := out.text.Len()
		out.print(e.resolve(m))
		if out.text.Len() == before {
			out.text.WriteString(e.defaultText)
		}
		return out.text.Len() - before, nil
	})
	return out.text.String()
}

// An expression is {{ path }} or {{ path || default }}.
type expression struct {
	path        []segment
	hasDefault  bool
	defaultText string
}

// resolve returns the value at the end of the path, nil if there is none. A
// property takes precedence over a built-in of its name. With a default, the path
// may also start at the message.
func (e *expression) resolve(m Message) any {
	path := e.path
	if value, ok := m.Properties[path[0].name]; ok {
		return follow(value, path[1:])
	}
	if e.hasDefault && len(path) > 1 && path[0].name == "event" {
		path = path[1:]
	}
	name, rest := path[0].name, path[1:]
	switch name {
	case "event":
		return follow(m.Event, rest)
	case "properties":
		if e.hasDefault && len(rest) > 0 {
			return follow(m.Properties, rest)
		}
		return follow(allMembers(m.Properties), rest)
	}
	part := m.Parts[name]
	if object, isObject := jsonValue(part).(map[string]any); isObject && len(rest) == 0 {
		return allMembers(object)
	}
	return follow(part, rest)
}

// A segment is one step of a path: a key of an object, or an index into a list
// if it is a number.
type segment struct {
	name  string
	index int // -1 if the name is not a number
}

func newSegment(name string) segment {
	index, err := strconv.Atoi(name)
	if err != nil {
		index = -1
	}
	return segment{name: name, index: index}
}

// follow returns the value at the end of path, nil if there is none.
func follow(v any, path []segment) any {
	for _, s := range path {
		switch parent := jsonValue(v).(type) {
		case map[string]any:
			v = parent[s.name]
		case []any:
			if s.index < 0 || s.index >= len(parent) {
				return nil
			}
			v = parent[s.index]
		default:
			return nil
		}
	}
	return v
}
