package transport

import "context"

// A sequence describes a call's position among several that share a deadline.
// Without it, under a backlog, first calls would use up the limit and no
// sequence would ever finish.
//
// The zero value is a sequence of one call.
type sequence struct {
	continuation bool // calls of the sequence were made before this one
	remaining    int  // calls of the sequence to be made after this one
}

// maxRemaining is how many calls another one can reserve slots for.
const maxRemaining = 2

type sequenceKey struct{}

func sequenceFrom(ctx context.Context) sequence {
	seq, _ := ctx.Value(sequenceKey{}).(sequence)
	return seq
}

func withSequence(ctx context.Context, seq sequence) context.Context {
	return context.WithValue(ctx, sequenceKey{}, seq)
}

// WithSequence marks the first call of a sequence: it is of no use unless so
// many more calls (at most two) follow before the deadline. It is sent only if
// all of them are expected to have room.
func WithSequence(ctx context.Context, remaining int) context.Context {
	return withSequence(ctx, sequence{remaining: min(remaining, maxRemaining)})
}

// WithContinuation marks a later call of a sequence, which so many more calls
// (at most two) follow. Continuations are sent before all other calls.
func WithContinuation(ctx context.Context, remaining int) context.Context {
	return withSequence(ctx, sequence{continuation: true, remaining: min(remaining, maxRemaining)})
}

// WithoutPrecedence marks a call that comes after one with ctx but waits like the
// first of a sequence: the request for the next page of a list. Others determine
// how many pages a list has, and their number must not keep everybody waiting.
func WithoutPrecedence(ctx context.Context) context.Context {
	seq := sequenceFrom(ctx)
	if !seq.continuation {
		return ctx
	}
	seq.continuation = false
	return withSequence(ctx, seq)
}
