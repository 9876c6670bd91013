//go:build !unix

package bench

import "time"

var started = time.Now()

// cpuTime returns the time since the start of this process, because package
// syscall does not tell its CPU time here. Other work on the machine adds to it.
func cpuTime() time.Duration { return time.Since(started) }
