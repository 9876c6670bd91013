//go:build !race

package testkit

// UnderRace reports whether the race detector is on. It makes long tests ten
// times slower and finds what it can find in a part of them.
const UnderRace = false
