package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// asTool makes the test binary the tool itself, for tests that need a process
// of their own to kill.
const asTool = "BACKFILL_TEST_AS_TOOL"

func TestMain(m *testing.M) {
	if os.Getenv(asTool) != "" {
		main()
	}
	os.Exit(m.Run())
}

// A screen is what a run prints.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// newConsole has nobody who sends signals, unless a test puts them in.
func newConsole(stdin string) (con console, stdout, stderr *screen, signals chan os.Signal) {
	stdout, stderr, signals = new(screen), new(screen), make(chan os.Signal, 2)
	con = console{
		stdin: strings.NewReader(stdin), stdout: stdout, stderr: stderr,
		signals: func() (<-chan os.Signal, func()) { return signals, func() {} },
	}
	return con, stdout, stderr, signals
}

func mustMatchGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != strings.ReplaceAll(string(want), "\r\n", "\n") {
		t.Errorf("the output is not that of %s:\n%s", path, got)
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

func TestDemo(t *testing.T) {
	for golden, args := range map[string][]string{"run.txt": nil, "plan.txt": {"-plan"}} {
		t.Run(golden, func(t *testing.T) {
			con, stdout, stderr, _ := newConsole("")
			if status := run(args, "", con); status != exitOK || stderr.String() != "" {
				t.Errorf("status %d, standard error %q", status, stderr)
			}
			mustMatchGolden(t, golden, stdout.String())
		})
	}
}

// Who stops the first run sees no second one.
func TestDemo_interrupted(t *testing.T) {
	con, stdout, stderr, signals := newConsole("")
	signals <- os.Interrupt
	if status := run(nil, "", con); status != exitFailed || stderr.String() != "backfill: stopped: interrupted\n" {
		t.Errorf("status %d, standard error %q", status, stderr)
	}
	if text := stdout.String(); !strings.Contains(text, "The first run") || strings.Contains(text, "The second run") {
		t.Errorf("standard output\n%s", text)
	}
}

func TestUsage(t *testing.T) {
	dir := t.TempDir()
	events := writeFile(t, filepath.Join(dir, "events"), `{"type":"page"}`)
	config := writeFile(t, filepath.Join(dir, "config"), `{"channelId":5}`)
	broken := writeFile(t, filepath.Join(dir, "broken"), `{"channelId":"abc"}`)
	missing := writeFile(t, filepath.Join(dir, "missing"), `{}`)
	cut := writeFile(t, filepath.Join(dir, "cut"), "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x4a\x04")
	own := func(more ...string) []string { return append([]string{"-events", events, "-config", config}, more...) }
	tests := []struct {
		name   string
		args   []string
		token  string
		status int
		says   string
	}{
		{name: "help", args: []string{"-h"}, status: exitOK, says: "-checkpoint"},
		{name: "an unknown flag", args: []string{"-x"}, status: exitUsage, says: "-x"},
		{name: "an argument without a flag", args: []string{"x"}, status: exitUsage, says: "no flag"},
		{name: "a token without events of one's own", token: "secret", status: exitUsage, says: "TRENGO_API_TOKEN"},
		{name: "events without a token", args: own(), status: exitUsage, says: "TRENGO_API_TOKEN is not set"},
		{name: "events without a config", args: []string{"-events", events}, token: "secret", status: exitUsage, says: "both"},
		{name: "a checkpoint for nothing", args: []string{"-checkpoint", "x"}, status: exitUsage, says: "-checkpoint"},
		{name: "a stream without a checkpoint", args: []string{"-events", "-", "-config", config}, token: "secret", status: exitUsage, says: "-checkpoint"},
		{name: "a negative limit", args: own("-limit", "-1"), token: "secret", status: exitUsage, says: "negative"},
		{name: "a negative rate limit", args: own("-rate-limit", "-1"), token: "secret", status: exitUsage, says: "negative"},
		{name: "no memory", args: own("-remember", "0s"), token: "secret", status: exitUsage, says: "-remember"},
		{name: "one file for two things", args: own("-failed", dir+"/./events"), token: "secret", status: exitUsage, says: "two things"},
		{name: "no such file", args: []string{"-events", "nowhere", "-config", config}, token: "secret", status: exitUsage, says: "nowhere"},
		{name: "a directory", args: []string{"-events", dir, "-config", config}, token: "secret", status: exitUsage, says: "no regular file"},
		{name: "a compressed file that is cut off", args: []string{"-events", cut, "-config", config}, token: "secret", status: exitUsage, says: "unexpected EOF"},
		{name: "a config that cannot be read", args: []string{"-events", events, "-config", broken}, token: "secret", status: exitUsage, says: "channelId"},
		{name: "a config that lacks something", args: []string{"-events", events, "-config", missing}, token: "secret", status: exitUsage, says: "channel id"},
		{name: "a plan with such a config", args: []string{"-plan", "-events", events, "-config", missing}, status: exitUsage, says: "channel id"},
		{name: "a token that is none", args: own(), token: "sec ret", status: exitUsage, says: "token"},
		{name: "an insecure address", args: own("-base-url", "http://example.com"), token: "secret", status: exitUsage, says: "https"},
		{name: "a failed file with something in it", args: own("-failed", broken), token: "secret", status: exitUsage, says: "not empty"},
		{name: "a checkpoint that is none", args: own("-checkpoint", broken), token: "secret", status: exitUsage, says: "no checkpoint"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			con, stdout, stderr, _ := newConsole("")
			if status := run(tt.args, tt.token, con); status != tt.status || !strings.Contains(stderr.String(), tt.says) {
				t.Errorf("status %d, standard error %q", status, stderr)
			}
			if stdout.String() != "" {
				t.Errorf("standard output %q", stdout)
			}
			if strings.Contains(stderr.String(), "sec ret") {
				t.Errorf("the token is in %q", stderr)
			}
		})
	}
	if text := readFile(t, broken); text != `{"channelId":"abc"}` {
		t.Errorf("a file that is somebody else's is now %q", text)
	}
}
