package transport

import "context"

// A part is where a call stands in a piece of work that takes several calls
// before one deadline. Without it a backlog would be worked at for ever: calls
// that begin something would use up the limit, those that would end it find no
// room before the deadline, and all of it would begin anew.
//
// A positive part is that of an opening call, and says how many follow it.
type part int

const (
	whole     part = 0 // a piece of work of its own
	following part = -1

	// mostFollowed is how many calls an opening one can ask room for.
	mostFollowed = 2
)

type partKey struct{}

// Opening marks calls that are in vain unless so many others follow before the
// deadline, two at most. They are sent only if those have room, too.
func Opening(ctx context.Context, followed int) context.Context {
	return context.WithValue(ctx, partKey{}, part(min(followed, mostFollowed)))
}

// Following marks calls that follow an opening one. They are served before the
// others: the work that they end has waited its turn already.
func Following(ctx context.Context) context.Context {
	return context.WithValue(ctx, partKey{}, following)
}

func partOf(ctx context.Context) part {
	how, _ := ctx.Value(partKey{}).(part)
	return how
}

// followed is how many calls are to follow one of this part.
func (how part) followed() int { return max(0, int(how)) }
