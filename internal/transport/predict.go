package transport

import (
	"context"
	"time"
)

// foresee says whether an attempt that is to be made after a wait could still
// be sent in time, as far as is known now. If it could not, room is when it
// would be its turn, or 0 if the wait alone is too long.
func (p *pacer) foresee(ctx context.Context, wait, maxWait time.Duration) (room time.Duration, inTime bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	bound := latest(ctx, now, p.roundTrip, maxWait)
	// An attempt that comes later is not served earlier.
	if room, inTime = p.predict(now, bound, partOf(ctx)); !inTime {
		return room, false
	}
	return 0, bound.IsZero() || !now.Add(wait).After(bound)
}
