package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// directory is where the recorder is in each version that is compared.
const directory = "internal/systemtest/changes"

// recorder is the part of this program that an earlier version runs.
//
//go:embed doc.go main.go record.go
var recorder embed.FS

func main() {
	before := flag.String("before", "", "the `commit` to compare with")
	quiet := flag.Bool("quiet", false, "print counts only")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *before, *quiet, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, before string, quiet bool, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: changes -before commit [-quiet] file")
	}
	data, err := os.ReadFile(args[0])
	if err != nil {
		return fmt.Errorf("reading the events: %w", err)
	}
	if before == "" {
		return writeRecords(ctx, w, data)
	}
	old, err := recordBefore(ctx, before, args[0])
	if err != nil {
		return err
	}
	return compare(ctx, w, data, old, quiet)
}

// recordBefore returns the records of an earlier version of this module.
func recordBefore(ctx context.Context, commit, file string) (records []byte, err error) {
	file, err = filepath.Abs(file)
	if err != nil {
		return nil, fmt.Errorf("finding the events: %w", err)
	}
	tree, err := os.MkdirTemp("", "changes")
	if err != nil {
		return nil, fmt.Errorf("making a folder for the earlier version: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tree)) }()
	if _, err := output(ctx, "", "git", "worktree", "add", "--detach", tree, commit); err != nil {
		return nil, err
	}
	defer func() {
		_, removal := output(ctx, "", "git", "worktree", "remove", "--force", tree)
		err = errors.Join(err, removal)
	}()
	folder := filepath.Join(tree, filepath.FromSlash(directory))
	if err := os.RemoveAll(folder); err != nil {
		return nil, fmt.Errorf("making room for the recorder: %w", err)
	}
	if err := os.CopyFS(folder, recorder); err != nil {
		return nil, fmt.Errorf("copying the recorder: %w", err)
	}
	// What compares is not needed there, and may not compile with that version.
	stub := "package main\n\nimport (\n\t\"context\"\n\t\"io\"\n)\n\nfunc compare(context.Context, io.Writer, []byte, []byte, bool) error { return nil }\n"
	if err := os.WriteFile(filepath.Join(folder, "compare.go"), []byte(stub), 0o600); err != nil {
		return nil, fmt.Errorf("writing the recorder: %w", err)
	}
	return output(ctx, tree, "go", "run", "./"+directory, file)
}

// output runs a command in a folder and returns what it prints.
func output(ctx context.Context, folder, name string, args ...string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // git and go, with the arguments of whoever runs this
	cmd.Dir, cmd.Stdout, cmd.Stderr = folder, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s", name, args[0], err, stderr.Bytes())
	}
	return stdout.Bytes(), nil
}
