package main

import (
	"testing"

	"github.com/trengo-go/trengo/examples/backfill/internal/input"
)

func TestStats_end(t *testing.T) {
	t.Parallel()
	tests := []struct{ total, before, limit, want int }{
		{2000, 0, 0, 2000},
		{2000, 500, 0, 2000},
		{2000, 500, 100, 600},
		{2000, 1950, 100, 2000},
		{input.Unknown, 500, 100, input.Unknown},
	}
	for _, tt := range tests {
		st := new(stats)
		st.start(tt.total, tt.before, 0, tt.limit)
		if got := st.snapshot().end; got != tt.want {
			t.Errorf("%+v: end %d", tt, got)
		}
	}
}
