package main

import (
	"bytes"
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, content string) string {
		writeFile(t, filepath.Join(dir, name), content)
		return filepath.Join(dir, name)
	}
	config := file("config.json", `{"channelId":"405980"}`)
	broken := file("broken.json", `{"channelId":"abc","enableDedup":"maybe"}`)
	incomplete := file("incomplete.json", `{"channelIdentifier":"fax","eventTemplateMap":[{"from":"Ev","to":"{{#if x}}"}]}`)
	emptyFile := file("empty", "\n")
	tests := []struct {
		name   string
		args   []string
		env    map[string]string
		status int
		says   []string
	}{
		{name: "help", args: []string{"-h"}, status: exitOK, says: []string{"WEBHOOK_SECRETS", "-config", "-unknown"}},
		{name: "an unknown flag", args: []string{"-x"}, status: exitUsage, says: []string{"-x"}},
		{name: "a level that is none", args: []string{"-log-level", "loud"}, status: exitUsage, says: []string{"log-level"}},
		{
			name: "several mistakes", args: []string{"-addr", "8080", "-unknown", "maybe", "-drain", "-1s", "-config", "nowhere", "events"},
			env:    map[string]string{"TRENGO_API_TOKEN": "token"},
			status: exitUsage, says: []string{"no flag", "-addr", "-unknown", "-drain", "nowhere", "everybody could write"},
		},
		{
			name: "a token alone", env: map[string]string{"TRENGO_API_TOKEN": "token"},
			status: exitUsage, says: []string{"WEBHOOK_SECRETS", "WEBHOOK_CONFIG"},
		},
		{
			name: "a secret without a token", env: map[string]string{"WEBHOOK_SECRETS": "Bearer hush"},
			status: exitUsage, says: []string{"TRENGO_API_TOKEN"},
		},
		{
			name: "a signature without a token", env: map[string]string{"WEBHOOK_SEGMENT_SECRET": "hush"},
			status: exitUsage, says: []string{"TRENGO_API_TOKEN"},
		},
		{
			name: "two tokens", env: map[string]string{"TRENGO_API_TOKEN": "token", "TRENGO_API_TOKEN_FILE": emptyFile, "WEBHOOK_SECRETS": "hush", "WEBHOOK_CONFIG": config},
			status: exitUsage, says: []string{"and so is TRENGO_API_TOKEN_FILE", "the file is empty"},
		},
		{
			name: "a token file that is not there", env: map[string]string{"TRENGO_API_TOKEN_FILE": "nowhere", "WEBHOOK_SECRETS": "hush", "WEBHOOK_CONFIG": config},
			status: exitUsage, says: []string{"TRENGO_API_TOKEN_FILE: open nowhere"},
		},
		{
			name: "a config that cannot be read", args: []string{"-config", broken},
			status: exitUsage, says: []string{broken, "channelId", "enableDedup"},
		},
		{
			name: "a token that cannot be one", args: []string{"-config", config},
			env:    map[string]string{"TRENGO_API_TOKEN": "hush token", "WEBHOOK_SECRETS": "hash"},
			status: exitUsage, says: []string{"the token has a character"},
		},
		{
			name: "a config with mistakes", args: []string{"-config", incomplete},
			env:    map[string]string{"TRENGO_API_TOKEN": "hush", "WEBHOOK_SECRETS": "hash"},
			status: exitUsage, says: []string{"channel id", "neither email nor phone", `the template of "Ev"`},
		},
		{
			name: "a secret that cannot be one", args: []string{"-config", config},
			env:    map[string]string{"TRENGO_API_TOKEN": "token", "WEBHOOK_SECRETS": "hush, ,hash"},
			status: exitUsage, says: []string{"secret 1"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			// If it serves after all, it ends at once.
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			var stdout, stderr bytes.Buffer
			status := run(ctx, tt.args, func(name string) string { return tt.env[name] }, &stdout, &stderr)
			if status != tt.status || stdout.Len() > 0 {
				t.Errorf("status %d, want %d; standard output %q", status, tt.status, stdout.String())
			}
			for _, part := range tt.says {
				if !strings.Contains(stderr.String(), part) {
					t.Errorf("no %q in\n%s", part, stderr.String())
				}
			}
			for _, value := range []string{"hush", "hash"} {
				if strings.Contains(stderr.String(), value) {
					t.Errorf("the value %q is in\n%s", value, stderr.String())
				}
			}
		})
	}
}

// With everything set it serves, and reads the environment and its files.
func TestRun_realTrengo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	env := map[string]string{
		"TRENGO_API_TOKEN_FILE": filepath.Join(dir, "token"),
		"WEBHOOK_CONFIG":        filepath.Join(dir, "config.json"),
		"WEBHOOK_ADDR":          "127.0.0.1:0",
		"WEBHOOK_SECRETS":       "Bearer s3cret, Bearer s3cond",
	}
	for name, content := range map[string]string{"token": "t0ken\n", "config.json": `{"channelId":405980}`} {
		writeFile(t, filepath.Join(dir, name), content)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stdout, stderr buffer
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, nil, func(name string) string { return env[name] }, &stdout, &stderr)
	}()
	eventually(t, "listening", func() bool { return strings.Contains(stderr.String(), "listening") })
	cancel()
	if got := <-status; got != exitOK {
		t.Errorf("status %d", got)
	}
	if stdout.String() != "" || strings.Contains(stderr.String(), "t0ken") || strings.Contains(stderr.String(), "s3c") {
		t.Errorf("standard output %q, standard error\n%s", stdout.String(), stderr.String())
	}
}

func TestRun_addressInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), []string{"-addr", l.Addr().String()}, noEnv, &stdout, &stderr)
	if status != exitFailed || !strings.Contains(stderr.String(), "address already in use") && !strings.Contains(stderr.String(), "bind") {
		t.Errorf("status %d, standard error %q", status, stderr.String())
	}
}
