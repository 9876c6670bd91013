package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

// The events of TestKill: 400 people, of each an identify and four tracks, of
// which one opens no ticket or cannot be handled now and then.
const (
	killPeople = 400
	killEvents = 5 * killPeople
	kills      = 10
)

func killInput() (text string, tickets, hopeless int) {
	var b strings.Builder
	for round := range killEvents / killPeople {
		for person := range killPeople {
			n := round*killPeople + person
			switch {
			case round == 0:
				fmt.Fprintf(&b, `{"type":"identify","traits":{"email":"p%d@example.com","name":"P %d"}}`+"\n", person, person)
			case n%50 == 7:
				fmt.Fprintf(&b, `{"type":"track","event":"Order Completed","properties":{"order_id":%d}}`+"\n", n)
				hopeless++
			case n%50 == 8:
				fmt.Fprintf(&b, `{"type":"track","event":"Looked Around","properties":{"email":"p%d@example.com"}}`+"\n", person)
			default:
				fmt.Fprintf(&b, `{"type":"track","event":"Order Completed","properties":{"email":"p%d@example.com","order_id":%d}}`+"\n", person, n)
				tickets++
			}
		}
	}
	return b.String(), tickets, hopeless
}

// A target is a server that counts requests, and says when there were enough.
type target struct {
	*trengotest.Server
	mu     sync.Mutex
	seen   int
	alarm  int
	rang   chan struct{}
	atWork int // POSTs of tickets
	most   int
}

func (s *target) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	opensTicket := r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/tickets")
	s.mu.Lock()
	s.seen++
	if s.seen == s.alarm {
		close(s.rang)
	}
	if opensTicket {
		s.atWork++
		s.most = max(s.most, s.atWork)
	}
	s.mu.Unlock()
	defer func() {
		if opensTicket {
			s.mu.Lock()
			s.atWork--
			s.mu.Unlock()
		}
	}()
	s.Server.ServeHTTP(w, r)
}

func newTarget(t *testing.T) (*target, *httptest.Server) {
	t.Helper()
	s := &target{Server: trengotest.New()}
	s.SetRateLimit(1_000_000)
	s.Behavior.Latency = 3 * time.Millisecond
	s.AddChannel(trengotest.Channel{ID: demoChannel, Type: "EMAIL"})
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return s, srv
}

func toolArgs(t *testing.T, events string, srv *httptest.Server) []string {
	t.Helper()
	config := writeFile(t, filepath.Join(t.TempDir(), "config.json"), demoConfig)
	return []string{"-events", events, "-config", config, "-base-url", srv.URL + "/api/v2"}
}

// after returns a channel that is closed after n more requests.
func (s *target) after(n int) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alarm, s.rang = s.seen+n, make(chan struct{})
	return s.rang
}

var (
	doubtful = regexp.MustCompile(`(\d+) more were under way`)
	goingOn  = regexp.MustCompile(`going on after (\d+) finished`)
)

// A tool that is killed, time and again, at any moment does every event, and
// none twice but those that were under way.
func TestKill(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, seed))
	trengo, srv := newTarget(t)
	text, tickets, hopeless := killInput()
	events := writeFile(t, filepath.Join(t.TempDir(), "events.jsonl"), text)
	args := toolArgs(t, events, srv)

	// It takes a little more requests than these without a kill.
	moments := make([]int, kills)
	for i := range moments {
		moments[i] = 1 + random.IntN((2*killPeople+tickets)*95/100)
	}
	slices.Sort(moments)
	var report strings.Builder
	inDoubt, before := 0, 0
	for i := range kills + 1 {
		stop := (<-chan struct{})(nil)
		if i < kills {
			stop = trengo.after(max(1, moments[i]-before))
			before = moments[i]
		}
		stdout, stderr, _ := runTool(t, args, stop, os.Kill)
		doubt := numberIn(doubtful, stderr)
		if doubt > concurrency {
			t.Errorf("%d events in doubt", doubt)
		}
		inDoubt += doubt
		fmt.Fprintf(&report, "  run %2d went on after %4d events, %2d of them in doubt\n", i+1, numberIn(goingOn, stderr), doubt)
		if i == kills {
			for _, row := range []string{fmt.Sprintf("done %d", killEvents-hopeless), fmt.Sprintf("failed %d", hopeless), "left 0"} {
				if !strings.Contains(strings.Join(strings.Fields(stdout), " "), row) {
					t.Errorf("no %q in\n%s", row, stdout)
				}
			}
		}
	}

	subjects := map[string]int{}
	for _, ticket := range trengo.Tickets() {
		subjects[ticket.Subject]++
	}
	doubled := len(trengo.Tickets()) - len(subjects)
	t.Logf("seed %d: %d events, killed %d times, %d requests, at most %d tickets at once\n%s  %d tickets, %d in doubt, %d doubled",
		seed, killEvents, kills, trengo.seen, trengo.most, report.String(), len(subjects), inDoubt, doubled)
	if len(subjects) != tickets {
		t.Errorf("%d different tickets, want %d", len(subjects), tickets)
	}
	if doubled > inDoubt {
		t.Errorf("%d doubled tickets, but %d in doubt", doubled, inDoubt)
	}
	if contacts := trengo.Contacts(); len(contacts) != killPeople {
		t.Errorf("%d contacts, want %d", len(contacts), killPeople)
	}
	mustHoldEachOnce(t, events+".failed", hopeless)
}

// The signals of a terminal and of a service manager reach the tool, and leave
// nothing in doubt.
func TestSignal(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such signals")
	}
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			trengo, srv := newTarget(t)
			text, tickets, _ := killInput()
			args := toolArgs(t, writeFile(t, filepath.Join(t.TempDir(), "events.jsonl"), text), srv)
			_, stderr, status := runTool(t, args, trengo.after(1000), signal)
			if status != exitFailed || !strings.Contains(stderr, "stopped: interrupted") {
				t.Errorf("status %d, standard error\n%s", status, stderr)
			}
			_, stderr, status = runTool(t, args, nil, nil)
			if status != exitFailed || numberIn(goingOn, stderr) == 0 || numberIn(doubtful, stderr) != 0 {
				t.Errorf("then status %d, standard error\n%s", status, stderr)
			}
			if n := len(trengo.Tickets()); n != tickets {
				t.Errorf("%d tickets, want %d", n, tickets)
			}
		})
	}
}

// runTool runs the tool to its end, or to where a signal brings it.
func runTool(t *testing.T, args []string, stop <-chan struct{}, signal os.Signal) (stdout, stderr string, status int) {
	t.Helper()
	tool := exec.CommandContext(t.Context(), os.Args[0], args...)
	tool.Env = append(os.Environ(), asTool+"=1", "TRENGO_API_TOKEN="+trengotest.Token)
	var out, errs bytes.Buffer
	tool.Stdout, tool.Stderr = &out, &errs
	if err := tool.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- tool.Wait() }()
	select {
	case <-stop:
		if err := tool.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
		<-ended
	case err := <-ended:
		if stop != nil {
			t.Errorf("it ended before it was stopped: %v\n%s", err, errs.String())
		}
	}
	return out.String(), errs.String(), tool.ProcessState.ExitCode()
}

func numberIn(pattern *regexp.Regexp, text string) int {
	found := pattern.FindStringSubmatch(text)
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(found[1])
	return n
}

func mustHoldEachOnce(t *testing.T, path string, want int) {
	t.Helper()
	seen := map[int]int{}
	for text := range strings.Lines(readFile(t, path)) {
		_, failed := unwrapped([]byte(text))
		if seen[failed.Line]++; failed.Line == 0 || seen[failed.Line] > 1 {
			t.Errorf("the failed file has %s", text)
		}
	}
	if len(seen) != want {
		t.Errorf("%d events in the failed file, want %d", len(seen), want)
	}
}
