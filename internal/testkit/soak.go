package testkit

import (
	"flag"
	"testing"
)

var soak = flag.Bool("soak", false, "run the tests that take longest, too")

// Soak skips a test unless the -soak flag is set. It is for tests of more than
// a few seconds, each of which has a shorter variant that always runs:
//
//	go test ./internal/systemtest/... -soak
//
// Only the test binaries of packages that import testkit know the flag.
func Soak(tb testing.TB) {
	tb.Helper()
	if !*soak {
		tb.Skip("takes long: runs with -soak")
	}
}
