package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/examples/backfill/internal/checkpoint"
	"github.com/trengo-go/trengo/examples/backfill/internal/failed"
	"github.com/trengo-go/trengo/examples/backfill/internal/input"
)

// files are the files that a run reads and writes.
type files struct {
	input      *input.Input
	checkpoint *checkpoint.Checkpoint
	failures   *failed.File
}

func openFiles(s settings, config trengo.DestinationConfig, stdin io.Reader) (f files, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	if err = s.checkDistinct(stdin); err != nil {
		return f, err
	}
	if f.input, err = openInput(s, stdin); err != nil {
		return f, err
	}
	if f.checkpoint, err = checkpoint.Open(s.checkpoint, s.header(f.input, config), s.accept); err != nil {
		return f, err
	}
	// Only now do both exist, if one is a link to the other.
	if info, statErr := os.Stat(s.failed); statErr == nil && f.checkpoint.IsFile(info) {
		return f, twoPurposes(s.failed)
	}
	if f.failures, err = failed.Open(s.failed, f.checkpoint.ReplayID(), f.checkpoint.IsNew, f.checkpoint.AddMissingFailure); err != nil {
		return f, err
	}
	return f, f.checkpoint.WriteHeader()
}

// close closes the files that are open. The failed file comes first: it must be
// on the disk before the checkpoint says so.
func (f files) close() error {
	var errs []error
	if f.failures != nil {
		errs = append(errs, f.failures.Close())
	}
	if f.checkpoint != nil {
		errs = append(errs, f.checkpoint.Close())
	}
	if f.input != nil {
		errs = append(errs, f.input.Close())
	}
	return errors.Join(errs...)
}

func openInput(s settings, stdin io.Reader) (*input.Input, error) {
	return input.Open(s.events, stdin, split)
}

// split takes a line or value of the input apart. It may come from a failed
// file.
func split(text []byte) iter.Seq2[json.RawMessage, error] {
	event, _ := failed.Unwrap(text)
	return trengo.SplitEvents(event)
}

// checkDistinct compares the files, not their names: a link may lead to another.
func (s *settings) checkDistinct(stdin io.Reader) error {
	paths := []string{s.config, s.checkpoint, s.failed}
	if s.events != "-" {
		paths = append(paths, s.events)
	}
	var seen []os.FileInfo
	if file, ok := stdin.(*os.File); ok && s.events == "-" {
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			seen = append(seen, info)
		}
	}
	names := map[string]bool{}
	for _, path := range paths {
		if path == "" {
			continue // -plan needs neither
		}
		absolute, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		if names[absolute] {
			return twoPurposes(path)
		}
		names[absolute] = true
		info, err := os.Stat(path)
		if err != nil {
			continue // it does not exist yet, or whoever opens it says why
		}
		for _, other := range seen {
			if os.SameFile(info, other) {
				return twoPurposes(path)
			}
		}
		seen = append(seen, info)
	}
	return nil
}

func twoPurposes(path string) error { return fmt.Errorf("%s is set for two purposes", path) }
