package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func runQuickstart(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, "", strings.NewReader(stdin), &out, &errs)
	return status, out.String(), errs.String()
}

func TestBundledRuns(t *testing.T) {
	for golden, args := range map[string][]string{"run.txt": nil, "plan.txt": {"-plan"}} {
		t.Run(golden, func(t *testing.T) {
			status, got, stderr := runQuickstart(t, "", args...)
			if status != exitOK || stderr != "" {
				t.Errorf("status %d, standard error %q", status, stderr)
			}
			path := filepath.Join("testdata", golden)
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
		})
	}
}

func TestBundledEvents(t *testing.T) {
	events := 0
	for _, b := range bundledRuns() {
		data := new(bytes.Buffer)
		if _, err := data.ReadFrom(b.events); err != nil {
			t.Fatal(err)
		}
		events += bytes.Count(data.Bytes(), []byte("\n"))
	}
	if events < 20 {
		t.Errorf("%d events", events)
	}
}

func TestOwnEvents(t *testing.T) {
	const good = `{"type":"identify","traits":{"phone":"+31 600000042","name":"Ann"}}
{"type":"track","event":"Ev","properties":{"phone":"0031600000042"},"context":{"externalId":[{"type":"trengoChannelId","id":77}]}}
{"type":"track","event":"Ev","context":{"externalId":[{"type":"trengoContactId","id":"88"}]}}
`
	config := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(config, []byte(`{"channelId":5,"channelIdentifier":"phone","eventTemplateMap":[{"from":"Ev"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		events string
		status int
		lines  []string
	}{
		{"all are fine", good, exitOK, []string{"events                    3", "tickets                   2", "failed                    0"}},
		{"a line is broken", good + "{\n" + good, exitFailed, []string{"line 4: invalid event", "events                    7", "failed                    1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, stdout, stderr := runQuickstart(t, tt.events, "-events", "-", "-config", config)
			if status != tt.status || stderr != "" {
				t.Errorf("status %d, want %d; standard error %q", status, tt.status, stderr)
			}
			for _, line := range tt.lines {
				if !strings.Contains(stdout, line) {
					t.Errorf("no %q in\n%s", line, stdout)
				}
			}
		})
	}
}

func TestUsage(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(broken, []byte(`{"channelId":"abc"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		args   []string
		token  string
		status int
		says   string
	}{
		{name: "help", args: []string{"-h"}, status: exitOK, says: "-events"},
		{name: "an unknown flag", args: []string{"-x"}, status: exitUsage, says: "-x"},
		{name: "an argument without a flag", args: []string{"x"}, status: exitUsage, says: "no flag"},
		{name: "a file that is not there", args: []string{"-events", "nowhere"}, status: exitUsage, says: "nowhere"},
		{name: "a config that cannot be read", args: []string{"-config", broken}, status: exitUsage, says: "channelId"},
		{name: "a token without events of one's own", token: "secret", status: exitUsage, says: "TRENGO_API_TOKEN"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			status := run(t.Context(), tt.args, tt.token, strings.NewReader(""), &stdout, &stderr)
			if status != tt.status || !strings.Contains(stderr.String(), tt.says) {
				t.Errorf("status %d, standard error %q", status, stderr.String())
			}
			if stdout.Len() > 0 {
				t.Errorf("standard output %q", stdout.String())
			}
		})
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	if status := run(ctx, nil, "", strings.NewReader(""), &stdout, &stderr); status != exitOK {
		t.Errorf("status %d", status)
	}
	if !strings.Contains(stdout.String(), "events                    0") {
		t.Errorf("an interrupted run went on:\n%s", stdout.String())
	}
}
