package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A fullDisk accepts room more bytes. After the first write that does not fit,
// there is room again.
type fullDisk struct {
	File
	room        int
	truncateErr error
}

func (d *fullDisk) Write(p []byte) (int, error) {
	if len(p) <= d.room {
		d.room -= len(p)
		return d.File.Write(p)
	}
	n, err := d.File.Write(p[:d.room])
	d.room = 1 << 20
	if err == nil {
		err = syscall.ENOSPC
	}
	return n, err
}

func (d *fullDisk) Truncate(size int64) error {
	if d.truncateErr != nil {
		return d.truncateErr
	}
	return d.File.Truncate(size)
}

// A partial line is removed, and nothing is written after it.
func TestJournal_fullDisk(t *testing.T) {
	t.Parallel()
	for _, truncateErr := range []error{nil, syscall.EIO} {
		t.Run(fmt.Sprintf("truncate: %v", truncateErr), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "journal")
			j, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			j.File = &fullDisk{File: j.File, room: len("first\nsec"), truncateErr: truncateErr}
			first, second, third := j.Write([]byte("first")), j.Write([]byte("second")), j.Write([]byte("third"))
			if first != nil || second == nil || third == nil {
				t.Errorf("errors %v, %v and %v", first, second, third)
			}
			if err := j.Close(); err != nil {
				t.Error(err)
			}
			want := "first\n"
			if truncateErr != nil {
				want = "first\nsec"
			}
			if got, err := os.ReadFile(path); err != nil || string(got) != want {
				t.Errorf("the file has %q, want %q; error %v", got, want, err)
			}
		})
	}
}
