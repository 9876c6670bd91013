package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// runAsTool is an environment variable. With it, the test binary runs main
// instead of the tests, for tests that need a process to kill.
const runAsTool = "BACKFILL_TEST_RUN_AS_TOOL"

func TestMain(m *testing.M) {
	if os.Getenv(runAsTool) != "" {
		main()
	}
	os.Exit(m.Run())
}

func TestRun_usage(t *testing.T) {
	t.Parallel()
	// In the arguments, DIR is the directory of these files.
	files := map[string]string{
		"events":     `{"type":"page"}`,
		"config":     `{"channelId":5}`,
		"broken":     `{"channelId":"abc"}`,
		"incomplete": `{}`,
		"truncated":  "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x4a\x04",
	}
	withFiles := func(more ...string) []string {
		return append([]string{"-events", "DIR/events", "-config", "DIR/config"}, more...)
	}
	tests := []struct {
		name   string
		args   []string
		token  string
		status int
		want   string // in standard error
	}{
		{name: "help", args: []string{"-h"}, status: exitOK, want: "-checkpoint"},
		{name: "unknown flag", args: []string{"-x"}, status: exitUsage, want: "-x"},
		{name: "argument without a flag", args: []string{"x"}, status: exitUsage, want: "unexpected arguments"},
		{name: "token without events", token: "secret", status: exitUsage, want: "TRENGO_API_TOKEN"},
		{name: "events without a token", args: withFiles(), status: exitUsage, want: "TRENGO_API_TOKEN is not set"},
		{name: "events without a config", args: []string{"-events", "DIR/events"}, token: "secret", status: exitUsage, want: "both"},
		{name: "checkpoint without events", args: []string{"-checkpoint", "x"}, status: exitUsage, want: "-checkpoint"},
		{name: "standard input without a checkpoint", args: []string{"-events", "-", "-config", "DIR/config"}, token: "secret", status: exitUsage, want: "-checkpoint"},
		{name: "negative limit", args: withFiles("-limit", "-1"), token: "secret", status: exitUsage, want: "negative"},
		{name: "negative rate limit", args: withFiles("-rate-limit", "-1"), token: "secret", status: exitUsage, want: "negative"},
		{name: "zero remember", args: withFiles("-remember", "0s"), token: "secret", status: exitUsage, want: "-remember"},
		{name: "one file for two purposes", args: withFiles("-failed", "DIR/./events"), token: "secret", status: exitUsage, want: "two purposes"},
		{name: "missing file", args: []string{"-events", "nowhere", "-config", "DIR/config"}, token: "secret", status: exitUsage, want: "nowhere"},
		{name: "directory", args: []string{"-events", "DIR", "-config", "DIR/config"}, token: "secret", status: exitUsage, want: "not a regular file"},
		{name: "truncated gzip file", args: []string{"-events", "DIR/truncated", "-config", "DIR/config"}, token: "secret", status: exitUsage, want: "unexpected EOF"},
		{name: "unreadable config", args: []string{"-events", "DIR/events", "-config", "DIR/broken"}, token: "secret", status: exitUsage, want: "channelId"},
		{name: "incomplete config", args: []string{"-events", "DIR/events", "-config", "DIR/incomplete"}, token: "secret", status: exitUsage, want: "channel ID"},
		{name: "plan with an incomplete config", args: []string{"-plan", "-events", "DIR/events", "-config", "DIR/incomplete"}, status: exitUsage, want: "channel ID"},
		{name: "invalid token", args: withFiles(), token: "sec ret", status: exitUsage, want: "token"},
		{name: "insecure base URL", args: withFiles("-base-url", "http://example.com"), token: "secret", status: exitUsage, want: "https"},
		{name: "failed file that is not empty", args: withFiles("-failed", "DIR/broken"), token: "secret", status: exitUsage, want: "not empty"},
		{name: "checkpoint that is another file", args: withFiles("-checkpoint", "DIR/broken"), token: "secret", status: exitUsage, want: "not a checkpoint"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, text := range files {
				writeFile(t, filepath.Join(dir, name), text)
			}
			var args []string
			for _, arg := range tt.args {
				args = append(args, strings.Replace(arg, "DIR", dir, 1))
			}
			std, stdout, stderr, _ := newStdio("")
			if status := run(args, tt.token, std); status != tt.status || !strings.Contains(stderr.String(), tt.want) {
				t.Errorf("status %d, standard error %q", status, stderr)
			}
			if stdout.String() != "" {
				t.Errorf("standard output %q", stdout)
			}
			if strings.Contains(stderr.String(), "sec ret") {
				t.Errorf("the token is in %q", stderr)
			}
			for name, want := range files {
				if got := readFile(t, filepath.Join(dir, name)); got != want {
					t.Errorf("the file %s was changed to %q", name, got)
				}
			}
		})
	}
}

func TestRun_helpFits(t *testing.T) {
	t.Parallel()
	std, _, stderr, _ := newStdio("")
	run([]string{"-h"}, "", std)
	for line := range strings.Lines(strings.ReplaceAll(stderr.String(), "    \t", "        ")) {
		if width := len(strings.TrimSuffix(line, "\n")); width > 80 {
			t.Errorf("a line of %d columns: %s", width, line)
		}
	}
}
