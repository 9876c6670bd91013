// Package faults tests what becomes of calls and events when requests to Trengo
// fail:
//
//   - TestFaultMatrix delivers an event while one of its requests fails, and
//     once more two minutes later. The person has one contact and each message
//     one ticket in the end, and no effect is hidden from the caller.
//   - TestStress delivers 10,000 events twice from 64 goroutines while 1 % of
//     the requests fail. Every event takes effect exactly once.
//   - TestRetryTable sends every kind of call into every kind of failure and
//     compares what happens with the table in the package documentation.
//   - TestSockets repeats failures that need a real socket.
//
// The first two run on a smaller scale without the -soak flag:
//
//	go test ./internal/systemtest/faults
//	go test ./internal/systemtest/faults -soak -v
package faults
