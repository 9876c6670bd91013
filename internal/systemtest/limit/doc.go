// Package limit tests the client's rate limit against a server that counts
// requests per window, as Trengo does: how much of the limit is used, that it
// is not exceeded, how processes share a token, and what happens to calls that
// cannot be sent in time. Time is virtual.
//
// The result depends on the second of the server's window at which the client
// begins. With the -soak flag the tests look at every second, and print the
// least, the median and the greatest figure; without it, at a few.
//
//	go test ./internal/systemtest/limit
//	go test ./internal/systemtest/limit -soak -v
//
// TestLimit_sideBySide compares the client with common ways to keep to a limit,
// and TestLimit_twoProcesses measures two clients with one token.
package limit
