package transport

import "context"

// A part is where a call stands in a piece of work that takes several calls
// before one deadline. Without it a backlog would be worked at for ever: calls
// that begin something would use up the limit, those that would end it find no
// room before the deadline, and all of it would begin anew.
//
// The zero value is a piece of work of its own.
type part struct {
	follows  bool // others came before it
	followed int  // by so many others
}

// mostFollowed is how many calls another one can ask room for.
const mostFollowed = 2

type partKey struct{}

func withPart(ctx context.Context, p part) context.Context {
	return context.WithValue(ctx, partKey{}, p)
}

func partOf(ctx context.Context) part {
	p, _ := ctx.Value(partKey{}).(part)
	return p
}

// Opening marks calls that are in vain unless so many others follow before the
// deadline, two at most. They are sent only if those have room, too.
func Opening(ctx context.Context, followed int) context.Context {
	return withPart(ctx, part{followed: min(followed, mostFollowed)})
}

// Following marks calls that follow another one, with so many still to come.
// They are served before those that do not: the work that they end has waited
// its turn already.
func Following(ctx context.Context, followed int) context.Context {
	return withPart(ctx, part{follows: true, followed: min(followed, mostFollowed)})
}

// Continuing marks calls that do the same as one with ctx, after it.
func Continuing(ctx context.Context) context.Context {
	p := partOf(ctx)
	if p == (part{}) {
		return ctx
	}
	p.follows = true
	return withPart(ctx, p)
}
