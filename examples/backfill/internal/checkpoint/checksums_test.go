package checkpoint

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/trengo-go/trengo/examples/backfill/internal/input"
)

// Whatever the order of the records, the checksums cover every line up to the
// last finished or started one.
func TestChecksums(t *testing.T) {
	t.Parallel()
	for range 200 {
		const lines = 12
		s := newState()
		last := 0
		for range rand.IntN(3 * lines) {
			number := 1 + rand.IntN(lines)
			kind := []Kind{Started, Released, Done, Failed}[rand.IntN(4)]
			if s.finished.has(number) {
				continue
			}
			if err := s.apply(record{kind, input.Position{Number: number}, fmt.Sprint("checksum ", number)}); err != nil {
				t.Fatal(err)
			}
			last = max(last, number)
		}
		if last > 0 && s.checksums[last] == "" {
			t.Errorf("no checksum for line %d: %v", last, s)
		}
		for i, iv := range s.finished.intervals {
			if s.checksums[iv.last] == "" {
				t.Errorf("no checksum for the end of interval %d: %v", i, s)
			}
			for number := iv.first; number < iv.last; number++ {
				if s.checksums[number] != "" {
					t.Errorf("a superfluous checksum for line %d: %v", number, s)
				}
			}
		}
	}
}
