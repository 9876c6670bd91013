package main

import (
	"errors"
	"io"
)

// A journal is a file that grows by complete lines. Each is written at once, so
// that a kill leaves at most one partial line.
type journal struct {
	file     journalFile
	complete int64 // how many bytes are complete lines
	err      error // of the first write that failed
}

// A journalFile is an [os.File].
type journalFile interface {
	io.WriteSeeker
	Truncate(size int64) error
	Sync() error
	Close() error
}

// write appends a line. After a failed write it writes nothing any more: a line
// after a partial one could not be read.
func (j *journal) write(text []byte) error {
	if j.err != nil {
		return j.err
	}
	n, err := j.file.Write(append(text, '\n'))
	if err == nil {
		j.complete += int64(n)
		return nil
	}
	j.err = err
	_ = truncate(j.file, j.complete) // if this fails, the next run does it
	return err
}

// truncate cuts the file to size and continues writing there.
func truncate(file journalFile, size int64) error {
	if err := file.Truncate(size); err != nil {
		return err
	}
	_, err := file.Seek(size, io.SeekStart)
	return err
}

func (j *journal) sync() error { return j.file.Sync() }

func (j *journal) close() error { return errors.Join(j.file.Sync(), j.file.Close()) }
