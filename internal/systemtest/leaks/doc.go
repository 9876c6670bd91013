// Package leaks tests that calls leave nothing behind on real connections: no
// open response body, no busy connection, no goroutine. Connections are used
// again.
//
//	go test ./internal/systemtest/leaks
package leaks
