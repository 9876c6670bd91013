package bench

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"testing/synctest"
)

// A remote is a batch that runs in a process of its own, with a memory and a
// collector that nothing else uses. Its time is virtual: it can meet a million
// people at the pace that Trengo allows.
type remote struct {
	name  string
	begin func(*testing.T) batch
}

// remotes are what TestRemote can run.
var remotes = map[string]*remote{}

func newRemote(name string, begin func(*testing.T) batch) *remote {
	r := &remote{name: name, begin: begin}
	remotes[name] = r
	return r
}

const remoteEnv = "TRENGO_BENCH_REMOTE"

// start starts the process, which ends with the test.
func (r *remote) start(tb testing.TB) batch {
	tb.Helper()
	return r.startIn(tb, os.Args[0])
}

// startIn does that with another build of these tests.
func (r *remote) startIn(tb testing.TB, executable string) batch {
	tb.Helper()
	cmd := exec.Command(executable, "-test.run=^TestRemote$", "-test.timeout=0")
	cmd.Env = append(os.Environ(), remoteEnv+"="+r.name)
	cmd.Stderr = os.Stderr
	stdin, inErr := cmd.StdinPipe()
	stdout, outErr := cmd.StdoutPipe()
	if inErr != nil || outErr != nil {
		tb.Fatal(inErr, outErr)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	figures := bufio.NewReader(stdout)
	tb.Cleanup(func() {
		stdin.Close()
		_, _ = io.Copy(io.Discard, figures)
		_ = cmd.Wait()
	})
	return func() float64 {
		fmt.Fprintln(stdin)
		line, _ := figures.ReadString('\n')
		figure, err := strconv.ParseFloat(line[:max(0, len(line)-1)], 64)
		if err != nil {
			rest, _ := io.ReadAll(figures)
			tb.Fatalf("%s: %s%s", r.name, line, rest)
		}
		return figure
	}
}

// TestRemote is the process of a remote, and nothing otherwise. For each line of
// its input it runs a batch and prints what that took.
func TestRemote(t *testing.T) {
	r := remotes[os.Getenv(remoteEnv)]
	if r == nil {
		t.Skip("only a process of BenchmarkCost")
	}
	synctest.Test(t, func(t *testing.T) {
		run := r.begin(t)
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			fmt.Println(run())
		}
	})
}
