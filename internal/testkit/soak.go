package testkit

import "flag"

var soak = flag.Bool("soak", false, "run system tests at full length")

// Soak reports whether the -soak flag is set. A test that takes more than a few
// seconds runs at full length only then, and on a smaller scale otherwise:
//
//	go test ./internal/systemtest/... -soak
//
// Only the test binaries of packages that import testkit know the flag.
func Soak() bool { return *soak }
