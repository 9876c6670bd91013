//go:build unix

package testkit

import (
	"syscall"
	"time"
)

// CPUTime returns the CPU time of this process so far, that of the collector
// included.
func CPUTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
