// Package router tests the handler in front of a simulated Trengo and behind a
// simulated router of RudderStack: rudder-server's workers, its timeouts and its
// retries, with the figures from its source. Time is virtual.
//
// TestRouter delivers thousands of events in each scenario: bursts, events in
// arrays, an outage, a revoked token, restarts and kills. No event is lost, no
// contact or ticket is created twice (but for what was in flight at a kill), the
// rate limit is kept, and neither the requests nor the time are far above the
// least possible. -v prints the figures of each scenario.
//
// The largest scenarios run at a quarter of their size without the -soak flag,
// and then without a bound on the time:
//
//	go test ./internal/systemtest/router
//	go test ./internal/systemtest/router -soak -v
package router
