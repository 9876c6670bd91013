package trengo

import (
	"context"
	"encoding/json"
	"errors"
)

// A service groups the calls of one resource. Each exported service is a
// service by another name.
type service struct{ requester *requester }

// do sends a request and decodes its response; a nil decode ignores it. A service
// that NewClient did not make, nil among them, fails.
func (s *service) do(ctx context.Context, r Request, decode func([]byte) error) error {
	if s == nil {
		s = &service{}
	}
	return s.requester.do(ctx, r, decode)
}

// A resource is something that has an ID.
type resource interface{ id() int64 }

// resourcePtr is the constraint of functions that make resources.
type resourcePtr[T any] interface {
	*T
	resource
}

// send sends a request and returns the resource in its response. It returns
// either a resource with an ID or an error.
func send[T any, P resourcePtr[T]](ctx context.Context, s *service, r Request) (P, error) {
	out := P(new(T))
	err := s.do(ctx, r, func(body []byte) error {
		*out = *new(T) // an earlier attempt may have filled a part of it
		if err := unmarshalLeniently(body, out); err != nil {
			return err
		}
		if out.id() == 0 {
			return errNoID
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

var errNoID = safeText("a response without an ID")

// unmarshalLeniently leaves a field empty that has the wrong type: Trengo's
// fields change their types with the year and the method, and PHP sends [] for
// an empty object. A response with an ID is better than none.
func unmarshalLeniently(data []byte, out any) error {
	err := json.Unmarshal(data, out)
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		return nil
	}
	return err
}
