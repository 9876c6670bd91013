package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/examples/backfill/internal/failed"
	"github.com/trengo-go/trengo/examples/backfill/internal/input"
	"github.com/trengo-go/trengo/trengotest"
)

// A fixture is an in-memory Trengo with a directory of files to replay into it.
type fixture struct {
	*trengotest.Server
	settings   settings
	unrecorded []input.Position // of the last replayWithFiles
	t          *testing.T
}

func newFixture(t *testing.T, events string) *fixture {
	t.Helper()
	fx := &fixture{Server: trengotest.New(), t: t}
	fx.AddChannel(trengotest.Channel{ID: demoChannel, Type: "EMAIL"})
	dir := t.TempDir()
	fx.settings = settings{
		token:     trengotest.Token,
		transport: trengo.WithHTTPClient(fx.HTTPClient()),
		baseURL:   trengo.DefaultBaseURL,
		remember:  time.Hour,
		events:    writeFile(t, filepath.Join(dir, "events.jsonl"), events),
		config:    writeFile(t, filepath.Join(dir, "config.json"), demoConfig),
	}
	if err := fx.settings.check(); err != nil {
		t.Fatal(err)
	}
	return fx
}

// A change adapts a run before it starts. It may keep signals and send to it
// later.
type change = func(s *settings, std *stdio, signals chan<- os.Signal)

func withHold(hold bool) change {
	return func(s *settings, _ *stdio, _ chan<- os.Signal) { s.hold = hold }
}

func withLimit(events int) change {
	return func(s *settings, _ *stdio, _ chan<- os.Signal) { s.limit = events }
}

func withStdin(text string) change {
	return func(_ *settings, std *stdio, _ chan<- os.Signal) { std.stdin = strings.NewReader(text) }
}

func withSignals(after time.Duration, sent ...os.Signal) change {
	return func(_ *settings, _ *stdio, signals chan<- os.Signal) {
		time.AfterFunc(after, func() {
			for _, signal := range sent {
				signals <- signal
			}
		})
	}
}

// replay makes one run.
func (fx *fixture) replay(changes ...change) result {
	fx.t.Helper()
	std, stdout, stderr, signals := newStdio("")
	s := fx.settings
	for _, change := range changes {
		change(&s, &std, signals)
	}
	status, err := replayFile(s, std)
	if err != nil {
		status = usageError(std, err)
	}
	return result{status, stdout.String(), stderr.String()}
}

// plan makes a plan. It checks that nothing is sent.
func (fx *fixture) plan(changes ...change) result {
	fx.t.Helper()
	std, stdout, stderr, signals := newStdio("")
	s := fx.settings
	s.plan = true
	for _, change := range changes {
		change(&s, &std, signals)
	}
	before := len(fx.Requests())
	status, err := planFile(s, std)
	if err != nil {
		status = usageError(std, err)
	}
	if sent := len(fx.Requests()) - before; sent > 0 {
		fx.t.Errorf("a plan sends %d requests", sent)
	}
	return result{status, stdout.String(), stderr.String()}
}

// replaceConfig changes the config file.
func (fx *fixture) replaceConfig(before, after string) {
	fx.t.Helper()
	text := readFile(fx.t, fx.settings.config)
	if !strings.Contains(text, before) {
		fx.t.Fatalf("no %q in the config", before)
	}
	writeFile(fx.t, fx.settings.config, strings.ReplaceAll(text, before, after))
}

// replayWithFiles makes one run whose files prepare may change first. It
// returns what was counted, and why the run ended early.
func (fx *fixture) replayWithFiles(prepare func(files, chan<- os.Signal)) (counts, error) {
	fx.t.Helper()
	s := fx.settings
	std, _, _, signals := newStdio("")
	config := must(s.readConfig())
	st := new(stats)
	client, destination, err := s.connect(config, st)
	if err != nil {
		fx.t.Fatal(err)
	}
	f := must(openFiles(s, config, std.stdin))
	st.start(f.input.Count, 0, 0, 0)
	prepare(f, signals)
	p := &progress{stats: st, limit: s.currentLimit(client), startedAt: time.Now(), out: std.stderr}
	r := &replay{destination: destination, config: config, files: f, stats: st}
	stopped := runUntilStopped(p, signals, r.run)
	if err := f.close(); err != nil {
		fx.t.Error(err)
	}
	fx.unrecorded = r.unrecorded
	return st.snapshot(), stopped
}

// checkTickets checks that exactly these orders have one ticket each.
func (fx *fixture) checkTickets(orders ...int) {
	fx.t.Helper()
	var got, want []string
	for _, ticket := range fx.Tickets() {
		got = append(got, ticket.Subject)
	}
	for _, order := range orders {
		want = append(want, fmt.Sprintf("Order %d", order))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		fx.t.Errorf("tickets %q, want %q", got, want)
	}
}

// failedLines returns the line numbers in the failed file with their reasons.
func (fx *fixture) failedLines() map[int]string {
	fx.t.Helper()
	lines := map[int]string{}
	for text := range strings.Lines(readFile(fx.t, fx.settings.failed)) {
		var line struct {
			Failure failed.Failure `json:"_failed"`
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			fx.t.Errorf("the failed file has %q", text)
		}
		lines[line.Failure.Line] += line.Failure.Reason
	}
	return lines
}

// addPeople adds contacts to Trengo.
func (fx *fixture) addPeople(people ...int) {
	for _, person := range people {
		fx.AddContact(trengotest.Contact{
			Name: fmt.Sprintf("Person %d", person), Email: fmt.Sprintf("p%d@example.com", person), ChannelIDs: []int64{demoChannel},
		})
	}
}

// A result is the exit status and the output of a run.
type result struct {
	status         int
	stdout, stderr string
}

// check checks the status, that the output contains texts, and that it does not
// contain personal data.
func (r result) check(t *testing.T, status int, texts ...string) {
	t.Helper()
	if r.status != status {
		t.Errorf("status %d, want %d", r.status, status)
	}
	output := strings.Join(strings.Fields(r.stdout+r.stderr), " ")
	for _, text := range texts {
		if !strings.Contains(output, text) {
			t.Errorf("no %q in\n%s%s", text, r.stdout, r.stderr)
		}
	}
	for _, secret := range []string{"example.com", "Person"} {
		if strings.Contains(output, secret) {
			t.Errorf("%q is in\n%s%s", secret, r.stdout, r.stderr)
		}
	}
}

// orders are events without a messageId, one for each person.
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

// upTo returns the numbers from 1 to n.
func upTo(n int) []int {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i + 1
	}
	return numbers
}

func isNewTicket(r trengotest.Request) bool {
	return r.Method == http.MethodPost && r.Path == "/tickets"
}

// newStdio returns a stdio without a terminal. Its signals are those that the
// test sends.
func newStdio(stdin string) (std stdio, stdout, stderr *buffer, signals chan os.Signal) {
	stdout, stderr, signals = new(buffer), new(buffer), make(chan os.Signal, 2)
	std = stdio{
		stdin: strings.NewReader(stdin), stdout: stdout, stderr: stderr,
		signals: func() (<-chan os.Signal, func()) { return signals, func() {} },
	}
	return std, stdout, stderr, signals
}

// A buffer holds the output of a run. It is safe for concurrent use.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

var update = flag.Bool("update", false, "rewrite the golden files")

func checkGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := strings.ReplaceAll(readFile(t, path), "\r\n", "\n")
	if got != want {
		t.Errorf("the output differs from %s:\n%s", path, got)
	}
}

func writeFile(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
