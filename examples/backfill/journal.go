package main

import (
	"errors"
	"io"
)

// A journal is a file that grows by whole lines. Each is one write, so that a
// kill tears at most the last.
type journal struct {
	file  journalFile
	whole int64 // how many bytes are whole lines
	err   error // of the first write that failed
}

// A journalFile is an [os.File].
type journalFile interface {
	io.WriteSeeker
	Truncate(size int64) error
	Sync() error
	Close() error
}

// write writes a line, or nothing any more after a write that failed: what
// came behind a part of a line could not be read.
func (j *journal) write(text []byte) error {
	if j.err != nil {
		return j.err
	}
	n, err := j.file.Write(append(text, '\n'))
	if err == nil {
		j.whole += int64(n)
		return nil
	}
	j.err = err
	_ = cutTo(j.file, j.whole) // or else the next run does it
	return err
}

// cutTo takes off the part of a line that was left. What is written then comes
// behind the rest.
func cutTo(file journalFile, whole int64) error {
	if err := file.Truncate(whole); err != nil {
		return err
	}
	_, err := file.Seek(whole, io.SeekStart)
	return err
}

func (j *journal) sync() error { return j.file.Sync() }

func (j *journal) close() error { return errors.Join(j.file.Sync(), j.file.Close()) }
