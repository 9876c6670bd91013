package trengo

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/trengo-go/trengo/internal/handlebars"
	"github.com/trengo-go/trengo/internal/identity"
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
