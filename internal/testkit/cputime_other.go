//go:build !unix

package testkit

import "time"

var started = time.Now()

// CPUTime returns the time since the start of this process, because package
// syscall does not tell its CPU time here. Other work on the machine adds to it.
func CPUTime() time.Duration { return time.Since(started) }
