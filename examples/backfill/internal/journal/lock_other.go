//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package journal

import "os"

// lock does nothing: the standard library cannot lock a file on these systems.
func lock(*os.File) error { return nil }

func unlock(*os.File) error { return nil }
