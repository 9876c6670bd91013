package main

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

const wantOutput = `RudderStack delivers 8 events. An in-memory Trengo takes the place of an
account.

Ann signs up.
  contact created: contact 460000001
  API requests: 2

Ann adds her last name.
  contact updated: contact 460000001
  API requests: 1

Ann places an order.
  ticket created: contact 460000001, ticket 970000001
  API requests: 2

RudderStack delivers the same order again.
  ticket created: contact 460000001, ticket 970000001
  (handled before: nothing was sent)
  API requests: 0

Ann asks for help.
  ticket created: contact 460000001, ticket 970000002
  API requests: 1

Ann looks at a product. No template is set for that event.
  skipped: event not in the template map
  API requests: 0

Ben, who never signed up, places an order.
  failed: trengo: contact not found
  API requests: 1

An order arrives without an email.
  failed: trengo: missing identifier: the event does not have an email
  API requests: 0

After 7 API requests, the in-memory Trengo has

  contact 460000001  Ann Lee, ann@example.com
  ticket  970000001  Order 1001
  ticket  970000002  Help wanted
`

func TestRun(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != wantOutput {
		t.Errorf("the output is\n%s\nwant\n%s", got, wantOutput)
	}
	for line := range strings.Lines(out.String()) {
		if width := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); width > 80 {
			t.Errorf("a line of %d columns: %s", width, line)
		}
	}
}
