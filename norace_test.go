//go:build !race

package trengo_test

const underRace = false
