package changes

import (
	"bytes"
	"embed"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// recorder is the part of this package that an earlier version runs.
//
//go:embed record_test.go
var recorder embed.FS

// recordBefore returns the records of an earlier version of this module.
func recordBefore(t *testing.T, commit, file string) []byte {
	t.Helper()
	tree, folder := filepath.Join(t.TempDir(), "before"), filepath.FromSlash("internal/systemtest/changes")
	run(t, "", "git", "worktree", "add", "--detach", tree, commit)
	t.Cleanup(func() { run(t, "", "git", "worktree", "remove", "--force", tree) })
	if err := os.RemoveAll(filepath.Join(tree, folder)); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(tree, folder), recorder); err != nil {
		t.Fatal(err)
	}
	records := filepath.Join(t.TempDir(), "records")
	run(t, tree, "go", "test", "./"+filepath.ToSlash(folder), "-run", "TestRecord", "-events", file, "-records", records)
	data, err := os.ReadFile(records)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// run runs a command in a folder.
func run(t *testing.T, folder, name string, args ...string) {
	t.Helper()
	var output bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = folder, &output, &output
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v: %s", name, args[0], err, output.Bytes())
	}
}
