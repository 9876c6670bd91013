//go:build race

package trengo_test

// underRace makes the longest tests shorter: with the race detector they take
// ten times as long, and a part of them has all the interleavings there are.
const underRace = true
