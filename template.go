package trengo

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/trengo-go/trengo/internal/handlebars"
	"github.com/trengo-go/trengo/internal/identity"
)

// maxSubject is the length, in characters, at which a subject is cut.
const maxSubject = 255

// eventTemplates holds the track events that open a ticket. It is not changed
// once compiled and is safe for concurrent use.
type eventTemplates struct {
	// templates holds, by the event's exact name, the template of the ticket's
	// subject, nil for tickets without a subject.
	templates map[string]*handlebars.Template
	similar   map[string]string // a listed name by its looseName
}

// compileEventTemplates compiles the templates of the listed events, by the
// names of the events. Events with a blank template open tickets without a
// subject. If withSubjects is false, all events do, and no template is
// compiled. The error names every template that does not compile: its event
// and the tag.
func compileEventTemplates(templates map[string]string, withSubjects bool) (*eventTemplates, error) {
	compiled := &eventTemplates{
		templates: make(map[string]*handlebars.Template, len(templates)),
		similar:   make(map[string]string, len(templates)),
	}
	var mistakes []error
	for _, event := range slices.Sorted(maps.Keys(templates)) {
		compiled.templates[event] = nil
		compiled.similar[looseName(event)] = event
		if !withSubjects || strings.TrimSpace(templates[event]) == "" {
			continue
		}
		template, err := handlebars.Compile(templates[event])
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("the template of %q: %w", event, err))
			continue
		}
		compiled.templates[event] = template
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	return compiled, nil
}

// lists reports whether the track event of that name opens a ticket.
func (t *eventTemplates) lists(event string) bool {
	_, listed := t.templates[event]
	return listed
}

// reasonToSkip returns why the track event of that name does not open a ticket;
// empty if it does. The reason does not have the name, which anybody can send, but
// the listed one that is similar.
func (t *eventTemplates) reasonToSkip(event string) string {
	if t.lists(event) {
		return ""
	}
	if listed, ok := t.similar[looseName(event)]; ok {
		return fmt.Sprintf("%s, which has %q: the name must be exactly that", skippedEvent, listed)
	}
	return skippedEvent
}

// warn logs listed names that look like a mistake: with spaces around them, or
// different from another one only in case or such spaces.
func (t *eventTemplates) warn(logger *slog.Logger) {
	seen := make(map[string]string, len(t.templates))
	for _, event := range slices.Sorted(maps.Keys(t.templates)) {
		trimmed := strings.TrimFunc(event, isInvisible)
		if trimmed != event {
			logger.Warn("trengo event name with spaces around it", slog.String("event", event))
		}
		key := strings.ToLower(trimmed)
		if other, ok := seen[key]; ok {
			logger.Warn("trengo event names that look the same", slog.String("event", event), slog.String("other", other))
		}
		seen[key] = event
	}
}

// looseName is the same for names that people take for one, such as
// "Order Completed" and "order_completed".
func looseName(event string) string {
	return strings.Map(func(r rune) rune {
		if isInvisible(r) || r == '_' || r == '-' {
			return -1
		}
		return unicode.ToLower(r)
	}, event)
}

func isInvisible(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

// subject returns the subject of the event's ticket: one line of at most
// maxSubject characters. It is empty if the ticket gets none.
func (t *eventTemplates) subject(ev *Event) string {
	template := t.templates[ev.Event]
	if template == nil {
		return ""
	}
	return identity.CleanLine(template.Render(templateMessage(ev)), maxSubject)
}

// templateMessage returns what the paths of a template lead into. The traits of a
// track event are often those of its context.
func templateMessage(ev *Event) handlebars.Message {
	traits := map[string]any{}
	maps.Copy(traits, ev.Context.Traits)
	maps.Copy(traits, ev.Traits)
	return handlebars.Message{
		Event:      ev.Event,
		Properties: ev.Properties,
		Parts: map[string]any{
			"messageId":   ev.MessageID,
			"userId":      ev.UserID,
			"anonymousId": ev.AnonymousID,
			"traits":      traits,
			"context":     ev.Context.object(),
		},
	}
}
