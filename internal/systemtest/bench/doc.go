// Package bench measures what this module costs: the CPU time and memory of
// events against encoding/json and against fewer people, calls against net/http,
// and the requests that a stream of events takes against the fewest possible. A
// benchmark fails if its figure is over its bound.
//
//	go test -run '^$' -bench Cost ./internal/systemtest/bench
//	go test -run '^$' -bench 'Cost/^7' ./internal/systemtest/bench
//	go test -run '^$' -bench Cost ./internal/systemtest/bench -printonly
//	go test -run '^$' -bench Cost ./internal/systemtest/bench -jsonv2
//	go test -run '^$' -bench 'TicketsCreate|Loopback|Ticket|Requests' ./internal/systemtest/bench
//
// The first takes some minutes on an idle machine and prints the table of
// costs. The second measures the rows that begin with a 7. With -printonly all
// rows take fewer rounds, and none fails. With -jsonv2 two builds are compared:
// events in one with GOEXPERIMENT=jsonv2, and json.Unmarshal in one without.
//
// To add a cost, add a row to costs and the function that measures it. What needs
// a memory of its own, such as a million people, runs in a remote.
package bench
