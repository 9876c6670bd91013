package trengo

import (
	"context"

	"github.com/trengo-go/trengo/internal/transport"
)

// A callSequence is the calls of one operation, which share its deadline. It
// tells the rate limiter how many of them are still to come, so that no
// operation is started that cannot finish.
type callSequence struct {
	started   bool
	remaining int // writes that are still to come
}

// readContext returns the context of a read that is useless unless so many
// writes can follow it.
func (s *callSequence) readContext(ctx context.Context, writes int) context.Context {
	return s.next(ctx, max(s.remaining, writes))
}

func (s *callSequence) writeContext(ctx context.Context) context.Context {
	return s.next(ctx, max(0, s.remaining-1))
}

func (s *callSequence) next(ctx context.Context, remaining int) context.Context {
	first := !s.started
	s.started, s.remaining = true, remaining
	switch {
	case !first:
		return transport.WithContinuation(ctx, remaining)
	case remaining > 0:
		return transport.WithSequence(ctx, remaining)
	default:
		return ctx
	}
}
