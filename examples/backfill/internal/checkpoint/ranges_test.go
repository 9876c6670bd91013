package checkpoint

import (
	"math/rand/v2"
	"testing"
)

func TestRanges(t *testing.T) {
	t.Parallel()
	for range 200 {
		var r ranges
		want := map[int]bool{}
		for range rand.IntN(60) {
			n := 1 + rand.IntN(30)
			r.add(n)
			want[n] = true
		}
		intervals := 0
		for n := range 33 {
			if r.has(n) != want[n] {
				t.Fatalf("has(%d) = %t, in %v", n, r.has(n), r)
			}
			if want[n] && !want[n-1] {
				intervals++
			}
		}
		if r.size != len(want) || len(r.intervals) != intervals {
			t.Fatalf("size %d and %d intervals, want %d and %d: %v", r.size, len(r.intervals), len(want), intervals, r)
		}
	}
}
