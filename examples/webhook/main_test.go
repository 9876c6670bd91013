package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// runAsProgram is an environment variable. With it, the test binary runs main
// instead of the tests, so that signals reach a process without a build.
const runAsProgram = "WEBHOOK_TEST_RUN_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(runAsProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// With all settings the service reads the environment and its files, and serves.
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
