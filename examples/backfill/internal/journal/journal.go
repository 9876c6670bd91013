// Package journal keeps files that grow by complete lines, and that one process
// at a time may use.
package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// ErrRemoved is returned when a file is not where it was opened any more. Whatever
// is written to it would be lost.
var ErrRemoved = errors.New("was removed or replaced during the run")

// A Journal is a file that grows by complete lines. Each is written at once, so
// that a kill leaves at most one partial line. It is not safe for concurrent use.
type Journal struct {
	// File is what the journal writes to: the opened file, unless a test
	// replaces it.
	File File

	path     string
	file     *os.File
	info     os.FileInfo // of file, which identifies it
	complete int64       // how many bytes are complete lines
	err      error       // of the first write that failed
	removed  bool        // Sync has returned ErrRemoved
}

// A File is an [os.File].
type File interface {
	io.WriteSeeker
	Truncate(size int64) error
	Sync() error
	Close() error
}

// Open opens and locks a regular file, or creates it. It does not change the
// file: that is up to Start, once the caller knows that the file is its own.
func Open(path string) (*Journal, error) {
	if info, err := os.Stat(path); err == nil {
		// Opening a named pipe could wait for its other end.
		if err := checkRegular(info); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &Journal{File: file, path: path, file: file}
	if j.info, err = file.Stat(); err == nil {
		err = checkRegular(j.info)
	}
	if err == nil {
		err = lock(file)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return j, nil
}

func checkRegular(info os.FileInfo) error {
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file: the next run could not read it again")
	}
	return nil
}

// Content returns a reader of the file as it was when it was opened.
func (j *Journal) Content() io.Reader { return io.NewSectionReader(j.file, 0, j.info.Size()) }

// Size is the size of the file when it was opened.
func (j *Journal) Size() int64 { return j.info.Size() }

// Start makes the file private, cuts it to its complete lines, and continues
// there. It is called before the first Write.
func (j *Journal) Start(complete int64) error {
	const private = 0o600
	if j.info.Mode().Perm() != private {
		if err := j.file.Chmod(private); err != nil {
			return err
		}
	}
	j.complete = complete
	return truncate(j.File, complete)
}

// Write appends a line. After a failed write it writes nothing any more: a line
// after a partial one could not be read.
func (j *Journal) Write(text []byte) error {
	if j.err != nil {
		return j.err
	}
	n, err := j.File.Write(append(text, '\n'))
	if err == nil {
		j.complete += int64(n)
		return nil
	}
	j.err = err
	_ = truncate(j.File, j.complete) // if this fails, the next run does it
	return err
}

// Err returns the error of the first write that failed.
func (j *Journal) Err() error { return j.err }

// truncate cuts the file to size and continues writing there.
func truncate(file File, size int64) error {
	if err := file.Truncate(size); err != nil {
		return err
	}
	_, err := file.Seek(size, io.SeekStart)
	return err
}

// Sync waits until the lines are on the disk. The error is [ErrRemoved] if the
// next run would not find them.
func (j *Journal) Sync() error {
	info, err := os.Stat(j.path)
	if err != nil || !os.SameFile(info, j.info) {
		j.removed = true
		return fmt.Errorf("%s %w", j.path, ErrRemoved)
	}
	return j.File.Sync()
}

// Close syncs the file, unlocks and closes it. If it was removed, Close writes it
// again, and the error says where.
func (j *Journal) Close() error {
	wasKnown := j.removed
	err := j.Sync()
	if wasKnown {
		err = nil
	}
	if j.removed {
		err = errors.Join(err, j.restore())
	}
	return errors.Join(err, j.Discard())
}

// Discard unlocks and closes the file without an effect on it. Closing is not
// enough to unlock: a child process that is just being started shares the file,
// and so the lock.
func (j *Journal) Discard() error { return errors.Join(unlock(j.file), j.file.Close()) }

// restore writes what a removed file held to a new one. The error says which.
func (j *Journal) restore() error {
	for _, path := range []string{j.path, j.path + ".restored"} {
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil {
			_, err = io.Copy(file, io.NewSectionReader(j.file, 0, j.complete))
			err = errors.Join(err, file.Sync(), file.Close())
		}
		if err == nil {
			err = fmt.Errorf("what %s held is now in %s", j.path, path)
		}
		return err
	}
	return fmt.Errorf("what %s held is lost: %s.restored exists, too", j.path, j.path)
}

// IsFile reports whether the journal is that file.
func (j *Journal) IsFile(info os.FileInfo) bool { return os.SameFile(j.info, info) }
