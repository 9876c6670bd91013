package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

// A desk is an in-memory Trengo with a directory of files to replay into it.
type desk struct {
	*trengotest.Server
	settings settings
	t        *testing.T
}

// A ran is what a run left.
type ran struct {
	status         int
	stdout, stderr string
}

func newDesk(t *testing.T, events string) *desk {
	t.Helper()
	d := &desk{Server: trengotest.New(), t: t}
	d.AddChannel(trengotest.Channel{ID: demoChannel, Type: "EMAIL"})
	dir := t.TempDir()
	d.settings = settings{
		token:     trengotest.Token,
		transport: trengo.WithHTTPClient(d.HTTPClient()),
		baseURL:   trengo.DefaultBaseURL,
		remember:  time.Hour,
		events:    writeFile(t, filepath.Join(dir, "events.jsonl"), events),
		config:    writeFile(t, filepath.Join(dir, "config.json"), demoConfig),
	}
	if err := d.settings.check(); err != nil {
		t.Fatal(err)
	}
	return d
}

// replay makes a run, which a test may change or send signals to.
func (d *desk) replay(prepare ...func(*settings, *console, chan<- os.Signal)) ran {
	d.t.Helper()
	con, stdout, stderr, signals := newConsole("")
	s := d.settings
	for _, f := range prepare {
		f(&s, &con, signals)
	}
	status, err := replayFile(s, con)
	if err != nil {
		status = usageError(con, err)
	}
	return ran{status, stdout.String(), stderr.String()}
}

// must checks the status and what was printed.
func (r ran) must(t *testing.T, status int, says ...string) {
	t.Helper()
	if r.status != status {
		t.Errorf("status %d, want %d", r.status, status)
	}
	printed := strings.Join(strings.Fields(r.stdout+r.stderr), " ")
	for _, text := range says {
		if !strings.Contains(printed, text) {
			t.Errorf("no %q in\n%s%s", text, r.stdout, r.stderr)
		}
	}
	for _, secret := range []string{"example.com", "Person"} {
		if strings.Contains(printed, secret) {
			t.Errorf("%q is in\n%s%s", secret, r.stdout, r.stderr)
		}
	}
}

// mustHaveTickets checks that exactly these orders have a ticket each.
func (d *desk) mustHaveTickets(orders ...int) {
	d.t.Helper()
	var have, want []string
	for _, ticket := range d.Tickets() {
		have = append(have, ticket.Subject)
	}
	for _, order := range orders {
		want = append(want, fmt.Sprintf("Order %d", order))
	}
	slices.Sort(have)
	slices.Sort(want)
	if !slices.Equal(have, want) {
		d.t.Errorf("tickets %q, want %q", have, want)
	}
}

// failedLines are those of the failed file, with their reasons.
func (d *desk) failedLines() map[int]string {
	d.t.Helper()
	lines := map[int]string{}
	for text := range strings.Lines(readFile(d.t, d.settings.failed)) {
		var failed struct {
			Failure failure `json:"_failed"`
		}
		if err := json.Unmarshal([]byte(text), &failed); err != nil {
			d.t.Errorf("the failed file has %q", text)
		}
		lines[failed.Failure.Line] += failed.Failure.Reason
	}
	return lines
}

// orders are events that are found by nothing but their e-mail.
func orders(people ...int) string {
	var b strings.Builder
	for _, person := range people {
		b.WriteString(order(person))
	}
	return b.String()
}

func order(person int) string {
	return fmt.Sprintf(`{"type":"track","event":"Order Completed","properties":{"email":"p%d@example.com","order_id":%d}}`+"\n", person, person)
}

func upTo(n int) []int {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i + 1
	}
	return numbers
}

// know lets Trengo know people.
func (d *desk) know(people ...int) {
	for _, person := range people {
		d.AddContact(trengotest.Contact{
			Name: fmt.Sprintf("Person %d", person), Email: fmt.Sprintf("p%d@example.com", person), ChannelIDs: []int64{demoChannel},
		})
	}
}

func isNewTicket(r trengotest.Request) bool {
	return r.Method == http.MethodPost && r.Path == "/tickets"
}
