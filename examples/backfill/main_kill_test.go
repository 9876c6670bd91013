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

	"github.com/trengo-go/trengo/examples/backfill/internal/failed"
	"github.com/trengo-go/trengo/trengotest"
)

// The events of TestKill are an identify and four tracks for each person. Some
// tracks do not open a ticket, and some are invalid.
const (
	killPeople = 400
	killEvents = 5 * killPeople
	kills      = 10
)

func killInput() (text string, tickets, invalid int) {
	var b strings.Builder
	for round := range killEvents / killPeople {
		for person := range killPeople {
			n := round*killPeople + person
			switch {
			case round == 0:
				fmt.Fprintf(&b, `{"type":"identify","traits":{"email":"p%d@example.com","name":"P %d"}}`+"\n", person, person)
			case n%50 == 7:
				fmt.Fprintf(&b, `{"type":"track","event":"Order Completed","properties":{"order_id":%d}}`+"\n", n)
				invalid++
			case n%50 == 8:
				fmt.Fprintf(&b, `{"type":"track","event":"Product Viewed","properties":{"email":"p%d@example.com"}}`+"\n", person)
			default:
				fmt.Fprintf(&b, `{"type":"track","event":"Order Completed","properties":{"email":"p%d@example.com","order_id":%d}}`+"\n", person, n)
				tickets++
			}
		}
	}
	return b.String(), tickets, invalid
}

// A countingServer counts requests and signals when there were enough.
type countingServer struct {
	*trengotest.Server
	mu         sync.Mutex
	requests   int
	threshold  int
	reached    chan struct{} // closed at the threshold
	inFlight   int           // POSTs of tickets
	maxTickets int           // in flight at once
}

func newCountingServer(t *testing.T) (*countingServer, *httptest.Server) {
	t.Helper()
	s := &countingServer{Server: trengotest.New()}
	s.SetRateLimit(1_000_000)
	s.Behavior.Latency = 3 * time.Millisecond
	s.AddChannel(trengotest.Channel{ID: demoChannel, Type: "EMAIL"})
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	return s, srv
}

func (s *countingServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	opensTicket := r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/tickets")
	s.mu.Lock()
	s.requests++
	if s.requests == s.threshold {
		close(s.reached)
	}
	if opensTicket {
		s.inFlight++
		s.maxTickets = max(s.maxTickets, s.inFlight)
	}
	s.mu.Unlock()
	defer func() {
		if opensTicket {
			s.mu.Lock()
			s.inFlight--
			s.mu.Unlock()
		}
	}()
	s.Server.ServeHTTP(w, r)
}

// after returns a channel that is closed after n more requests.
func (s *countingServer) after(n int) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.threshold, s.reached = s.requests+n, make(chan struct{})
	return s.reached
}

func toolArgs(t *testing.T, events string, srv *httptest.Server) []string {
	t.Helper()
	config := writeFile(t, filepath.Join(t.TempDir(), "config.json"), demoConfig)
	return []string{"-events", events, "-config", config, "-base-url", srv.URL + "/api/v2"}
}

var (
	inDoubtPattern = regexp.MustCompile(`(\d+) more were in flight`)
	resumePattern  = regexp.MustCompile(`resuming after (\d+) finished`)
)

// A tool that is killed again and again at random moments processes every
// event, and repeats only events that were in flight at a kill.
func TestKill(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, seed))
	server, srv := newCountingServer(t)
	text, tickets, invalid := killInput()
	events := writeFile(t, filepath.Join(t.TempDir(), "events.jsonl"), text)
	args := toolArgs(t, events, srv)

	// Without a kill the tool sends a few requests more than this range.
	moments := make([]int, kills)
	for i := range moments {
		moments[i] = 1 + random.IntN((2*killPeople+tickets)*95/100)
	}
	slices.Sort(moments)
	var report strings.Builder
	totalInDoubt, before := 0, 0
	for i := range kills + 1 {
		stop := (<-chan struct{})(nil)
		if i < kills {
			stop = server.after(max(1, moments[i]-before))
			before = moments[i]
		}
		stdout, stderr, _ := runTool(t, args, stop, os.Kill)
		inDoubt := numberIn(inDoubtPattern, stderr)
		if inDoubt > concurrency {
			t.Errorf("%d events in doubt", inDoubt)
		}
		totalInDoubt += inDoubt
		fmt.Fprintf(&report, "  run %2d resumed after %4d events, %2d more in doubt\n", i+1, numberIn(resumePattern, stderr), inDoubt)
		if i == kills {
			for _, row := range []string{fmt.Sprintf("done %d", killEvents-invalid), fmt.Sprintf("failed %d", invalid), "left 0"} {
				if !strings.Contains(strings.Join(strings.Fields(stdout), " "), row) {
					t.Errorf("no %q in\n%s", row, stdout)
				}
			}
		}
	}

	subjects := map[string]int{}
	for _, ticket := range server.Tickets() {
		subjects[ticket.Subject]++
	}
	duplicates := len(server.Tickets()) - len(subjects)
	t.Logf("seed %d: %d events, killed %d times, %d requests, at most %d tickets at once\n%s  %d tickets, %d in doubt, %d duplicates",
		seed, killEvents, kills, server.requests, server.maxTickets, report.String(), len(subjects), totalInDoubt, duplicates)
	if len(subjects) != tickets {
		t.Errorf("%d different tickets, want %d", len(subjects), tickets)
	}
	if duplicates > totalInDoubt {
		t.Errorf("%d duplicate tickets, but %d events in doubt", duplicates, totalInDoubt)
	}
	if contacts := server.Contacts(); len(contacts) != killPeople {
		t.Errorf("%d contacts, want %d", len(contacts), killPeople)
	}
	checkFailedOnce(t, events+".failed", invalid)
}

// The signals of a terminal and of a service manager reach the tool, and leave
// nothing in doubt.
func TestSignal(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not have such signals")
	}
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			server, srv := newCountingServer(t)
			text, tickets, _ := killInput()
			args := toolArgs(t, writeFile(t, filepath.Join(t.TempDir(), "events.jsonl"), text), srv)
			_, stderr, status := runTool(t, args, server.after(1000), signal)
			if status != exitFailed || !strings.Contains(stderr, "stopped: interrupted") {
				t.Errorf("status %d, standard error\n%s", status, stderr)
			}
			_, stderr, status = runTool(t, args, nil, nil)
			if status != exitFailed || numberIn(resumePattern, stderr) == 0 || numberIn(inDoubtPattern, stderr) != 0 {
				t.Errorf("second run: status %d, standard error\n%s", status, stderr)
			}
			if n := len(server.Tickets()); n != tickets {
				t.Errorf("%d tickets, want %d", n, tickets)
			}
		})
	}
}

// Under nohup, a terminal that closes does not end the tool. Nor does a reader of
// the output that ends, as tee does with the terminal.
func TestSignal_ignored(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not have such signals")
	}
	for name, script := range map[string]string{
		"nohup":         `trap "" HUP; exec "$0" "$@"`,
		"closed output": `{ "$0" "$@" 2>&1; echo $? >&3; } 3>&2 | true`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, srv := newCountingServer(t)
			text, tickets, _ := killInput()
			args := toolArgs(t, writeFile(t, filepath.Join(t.TempDir(), "events.jsonl"), text), srv)
			tool := exec.CommandContext(t.Context(), "sh", append([]string{"-c", script, os.Args[0]}, args...)...)
			tool.Env = append(os.Environ(), runAsTool+"=1", "TRENGO_API_TOKEN="+trengotest.Token)
			var errs bytes.Buffer
			tool.Stderr = &errs
			started := server.after(100)
			if err := tool.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- tool.Wait() }()
			select {
			case <-started:
				if name == "nohup" {
					if err := tool.Process.Signal(syscall.SIGHUP); err != nil {
						t.Error(err)
					}
				}
				<-ended // some events fail
			case err := <-ended:
				t.Errorf("the tool ended early: %v", err)
			}
			if n := len(server.Tickets()); n != tickets || strings.Contains(errs.String(), "interrupted") {
				t.Errorf("%d tickets, want %d; standard error\n%s", n, tickets, errs.String())
			}
		})
	}
}

// runTool runs the tool until it ends, or sends it a signal at stop.
func runTool(t *testing.T, args []string, stop <-chan struct{}, signal os.Signal) (stdout, stderr string, status int) {
	t.Helper()
	tool := exec.CommandContext(t.Context(), os.Args[0], args...)
	tool.Env = append(os.Environ(), runAsTool+"=1", "TRENGO_API_TOKEN="+trengotest.Token)
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
			t.Errorf("the tool ended before the signal: %v\n%s", err, errs.String())
		}
	}
	return out.String(), errs.String(), tool.ProcessState.ExitCode()
}

func numberIn(pattern *regexp.Regexp, text string) int {
	match := pattern.FindStringSubmatch(text)
	if match == nil {
		return 0
	}
	n, _ := strconv.Atoi(match[1])
	return n
}

// checkFailedOnce checks that the failed file has want events, each once.
func checkFailedOnce(t *testing.T, path string, want int) {
	t.Helper()
	seen := map[int]int{}
	for text := range strings.Lines(readFile(t, path)) {
		_, failure := failed.Unwrap([]byte(text))
		if seen[failure.Line]++; failure.Line == 0 || seen[failure.Line] > 1 {
			t.Errorf("the failed file has %s", text)
		}
	}
	if len(seen) != want {
		t.Errorf("%d events in the failed file, want %d", len(seen), want)
	}
}
