package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/trengotest"
)

func TestSettings_mistakes(t *testing.T) {
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
		want   []string // in standard error
	}{
		{name: "help", args: []string{"-h"}, status: exitOK, want: []string{"WEBHOOK_SECRETS", "-config", "-unknown"}},
		{name: "unknown flag", args: []string{"-x"}, status: exitUsage, want: []string{"-x"}},
		{name: "invalid level", args: []string{"-log-level", "loud"}, status: exitUsage, want: []string{"log-level"}},
		{
			name: "several mistakes", args: []string{"-addr", "8080", "-unknown", "maybe", "-drain", "-1s", "-config", "nowhere", "events"},
			env:    map[string]string{"TRENGO_API_TOKEN": "token"},
			status: exitUsage, want: []string{"unexpected arguments", "-addr", "-unknown", "-drain", "nowhere", "anyone could write"},
		},
		{
			name: "token alone", env: map[string]string{"TRENGO_API_TOKEN": "token"},
			status: exitUsage, want: []string{"WEBHOOK_SECRETS", "WEBHOOK_CONFIG"},
		},
		{
			name: "secret without a token", env: map[string]string{"WEBHOOK_SECRETS": "Bearer hush"},
			status: exitUsage, want: []string{"TRENGO_API_TOKEN"},
		},
		{
			name: "signing secret without a token", env: map[string]string{"WEBHOOK_SEGMENT_SECRET": "hush"},
			status: exitUsage, want: []string{"TRENGO_API_TOKEN"},
		},
		{
			name: "two tokens", env: map[string]string{"TRENGO_API_TOKEN": "token", "TRENGO_API_TOKEN_FILE": emptyFile, "WEBHOOK_SECRETS": "hush", "WEBHOOK_CONFIG": config},
			status: exitUsage, want: []string{"TRENGO_API_TOKEN and TRENGO_API_TOKEN_FILE are both set", "the file is empty"},
		},
		{
			name: "missing token file", env: map[string]string{"TRENGO_API_TOKEN_FILE": "nowhere", "WEBHOOK_SECRETS": "hush", "WEBHOOK_CONFIG": config},
			status: exitUsage, want: []string{"TRENGO_API_TOKEN_FILE: open nowhere"},
		},
		{
			name: "unreadable config", args: []string{"-config", broken},
			status: exitUsage, want: []string{broken, "channelId", "enableDedup"},
		},
		{
			name: "invalid token", args: []string{"-config", config},
			env:    map[string]string{"TRENGO_API_TOKEN": "hush token", "WEBHOOK_SECRETS": "hash"},
			status: exitUsage, want: []string{"the token has a character"},
		},
		{
			name: "config with mistakes", args: []string{"-config", incomplete},
			env:    map[string]string{"TRENGO_API_TOKEN": "hush", "WEBHOOK_SECRETS": "hash"},
			status: exitUsage, want: []string{"channel id", "neither email nor phone", `the template of "Ev"`},
		},
		{
			name: "invalid secret", args: []string{"-config", config},
			env:    map[string]string{"TRENGO_API_TOKEN": "token", "WEBHOOK_SECRETS": "hush, ,hash"},
			status: exitUsage, want: []string{"secret 1"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			// If it serves by mistake, it stops at once.
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			var stdout, stderr bytes.Buffer
			status := run(ctx, tt.args, func(name string) string { return tt.env[name] }, &stdout, &stderr)
			if status != tt.status || stdout.Len() > 0 {
				t.Errorf("status %d, want %d; standard output %q", status, tt.status, stdout.String())
			}
			for _, text := range tt.want {
				if !strings.Contains(stderr.String(), text) {
					t.Errorf("no %q in\n%s", text, stderr.String())
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

func TestSettings_helpFits(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	run(t.Context(), []string{"-h"}, noEnv, &stdout, &stderr)
	for line := range strings.Lines(strings.ReplaceAll(stderr.String(), "    \t", "        ")) {
		if width := len(strings.TrimSuffix(line, "\n")); width > 80 {
			t.Errorf("a line of %d columns: %s", width, line)
		}
	}
}

// The token file is read again for every request.
func TestSettings_tokenFileIsReplaced(t *testing.T) {
	t.Parallel()
	s := &settings{tokenFile: t.TempDir() + "/token"}
	srv := trengotest.New()
	srv.SetTokens("new")
	client, err := s.newClient(trengo.WithHTTPClient(srv.HTTPClient()), trengo.WithMaxWait(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	for token, works := range map[string]bool{"old": false, "new\n": true, "": false} {
		writeFile(t, s.tokenFile, token)
		if err := client.Do(t.Context(), trengo.Request{Path: "/labels"}, nil); (err == nil) != works {
			t.Errorf("with %q: %v", token, err)
		}
	}
}
