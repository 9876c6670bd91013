// Package changes shows what a change of the code means for real events. It puts a
// file of events, one per line, through an earlier version and through this one,
// and prints each event whose outcome, contact or request body differs, with the
// rule that explains it:
//
//	go test ./internal/systemtest/changes -v -events FILE -before 5a2a397
//
// It fails if a difference is not explained. The earlier version is checked out
// from the repository, which therefore needs its history. Without the flags, the
// events in testdata are compared with what version 0.1.0 did.
package changes
