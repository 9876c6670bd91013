package trengo

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/trengo-go/trengo/internal/handlebars"
)

// maxSubject is the length, in characters, at which a subject is cut.
const maxSubject = 255

// eventTemplates holds the track events that open a ticket: by the event's
// exact name the template of the ticket's subject, nil for tickets without a
// subject. It is not changed once compiled and is safe for concurrent use.
type eventTemplates map[string]*handlebars.Template

// compileEventTemplates compiles the templates of the listed events, by the
// names of the events. Events with a blank template open tickets without a
// subject. If withSubjects is false, all events do, and no template is
// compiled. The error names every template that does not compile: its event
// and the tag.
func compileEventTemplates(templates map[string]string, withSubjects bool) (eventTemplates, error) {
	compiled := make(eventTemplates, len(templates))
	var mistakes []error
	for _, event := range slices.Sorted(maps.Keys(templates)) {
		compiled[event] = nil
		if !withSubjects || strings.TrimSpace(templates[event]) == "" {
			continue
		}
		template, err := handlebars.Compile(templates[event])
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("the template of %q: %w", event, err))
			continue
		}
		compiled[event] = template
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	return compiled, nil
}

// lists reports whether the track event of that name opens a ticket.
func (t eventTemplates) lists(event string) bool {
	_, listed := t[event]
	return listed
}

// subject returns the subject of the event's ticket: one line of at most
// maxSubject characters. It is empty if the ticket gets none.
func (t eventTemplates) subject(ev *Event) string {
	template := t[ev.Event]
	if template == nil {
		return ""
	}
	return cleanSubject(template.Render(ev.Event, ev.Properties))
}

// cleanSubject turns text into one line without control characters and without
// whitespace around it, and cuts it after maxSubject characters.
func cleanSubject(text string) string {
	if !isPrintableASCII(text) {
		text = strings.Map(controlToSpace, text)
	}
	text = firstRunes(strings.TrimFunc(text, isSpace), maxSubject)
	return strings.TrimRightFunc(text, isSpace)
}

// isPrintableASCII saves most subjects the slower strings.Map.
func isPrintableASCII(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// controlToSpace is for strings.Map, which also replaces invalid UTF-8.
func controlToSpace(r rune) rune {
	if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
		return ' '
	}
	return r
}

// isSpace reports whether r is whitespace. JavaScript counts the byte order
// mark as whitespace, Go does not.
func isSpace(r rune) bool {
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
