package bench

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func backfillGrowth(m *meter) float64 { return measureBackfill(m).growth }

func backfillSpeed(m *meter) float64 { return measureBackfill(m).linesPerSecond }

// backfillCost is what the two rows of the backfill say of the same runs.
var backfillCost struct{ growth, linesPerSecond float64 }

func measureBackfill(m *meter) struct{ growth, linesPerSecond float64 } {
	m.Helper()
	if backfillCost.growth != 0 {
		return backfillCost
	}
	const repeats = 10
	tool := buildBackfill(m)
	var growths, speeds []float64
	for range m.slow().rounds {
		long, short := tool.plan(m, 1_000_000), 0.0
		for range repeats {
			short += tool.plan(m, 10_000) / repeats
		}
		growths, speeds = append(growths, long/short), append(speeds, 1e9/long)
	}
	backfillCost.growth, backfillCost.linesPerSecond = median(growths), median(speeds)
	return backfillCost
}

// A backfill is the built example.
type backfill struct{ executable, config string }

func buildBackfill(tb testing.TB) backfill {
	tb.Helper()
	dir := tb.TempDir()
	tool := backfill{executable: filepath.Join(dir, "backfill.exe"), config: filepath.Join(dir, "config.json")}
	const config = `{"channelId":"405980","eventTemplateMap":[{"from":"Order Completed","to":"Order {{ order_id }}"}]}`
	if err := os.WriteFile(tool.config, []byte(config), 0o600); err != nil {
		tb.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-o", tool.executable, "github.com/trengo-go/trengo/examples/backfill").CombinedOutput(); err != nil {
		tb.Fatalf("%v: %s", err, out)
	}
	return tool
}

// plan plans a backfill and returns the CPU nanoseconds that the process of the
// example takes for a line.
func (b backfill) plan(tb testing.TB, lines int) float64 {
	tb.Helper()
	cmd := exec.Command(b.executable, "-plan", "-events", "-", "-config", b.config)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	w := bufio.NewWriter(stdin)
	writeVisits(tb, w, lines)
	if err := errors.Join(w.Flush(), stdin.Close(), cmd.Wait()); err != nil {
		tb.Fatal(err)
	}
	for label, want := range map[string]int{"skipped": lines / 2, "people": lines / 4, "tickets": lines / 4} {
		if !regexp.MustCompile(fmt.Sprintf(`(?m)^ +%s +%d$`, label, want)).MatchString(out.String()) {
			tb.Fatalf("want %d %s: %s", want, label, out.String())
		}
	}
	return float64(cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()) / float64(lines)
}

// writeVisits writes events of visits, four for each person: the person is
// identified, looks at something twice and buys it.
func writeVisits(tb testing.TB, w io.Writer, lines int) {
	tb.Helper()
	var visit []string
	for _, file := range []string{"identify", "page", "page", "track"} {
		line := string(eventCost{file: file}.data(tb)) + "\n"
		visit = append(visit, strings.Replace(line, `,"externalId":[{"type":"trengoContactId","id":"460000001"}]`, "", 1))
	}
	for i := range lines {
		person, message := strconv.Itoa(i/len(visit)), fmt.Sprintf("%08d", i)
		edit := strings.NewReplacer("ann@example.com", "ann"+person+"@example.com", "10a3d6b2", message)
		if _, err := edit.WriteString(w, visit[i%len(visit)]); err != nil {
			tb.Fatal(err)
		}
	}
}
