// Package bench measures what this module adds to the work that a program would
// do by hand: events against encoding/json, calls against net/http, and the
// requests that a stream of events takes against the fewest possible. A
// benchmark fails if its figure is over its bound.
//
//	go test -run '^$' -bench . -benchmem ./internal/systemtest/bench
//	go test -run '^$' -bench Requests ./internal/systemtest/bench
//
// Compare two versions in turns, with benchstat.
package bench
