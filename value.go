package trengo

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"time"
)

// A Flag is a yes or no, which Trengo sends as true, 1, "1" or "true"
// depending on the endpoint and the year. Anything else, null included, is
// false.
type Flag bool

// UnmarshalJSON never fails.
func (f *Flag) UnmarshalJSON(data []byte) error {
	switch string(bytes.Trim(data, `"`)) {
	case "true", "1":
		*f = true
	default:
		*f = false
	}
	return nil
}

// An Int is a whole number, which Trengo sends as 30 or "30" depending on the
// endpoint and the year. Anything else, null included, is 0.
type Int int64

// UnmarshalJSON never fails.
func (n *Int) UnmarshalJSON(data []byte) error {
	value, err := strconv.ParseInt(string(bytes.Trim(data, `"`)), 10, 64)
	if err != nil {
		value = 0 // and not the largest number
	}
	*n = Int(value)
	return nil
}

// A Timestamp is a time as Trengo sent it. Some answers state the zone, as in
// 2021-12-08T12:23:26.000000Z; others do not, as in 2021-12-08 13:23:26.
type Timestamp string

// Time parses the timestamp. One without a zone is read in zone; nil stands
// for UTC. Recordings suggest that such a time is Amsterdam's wall clock
// (Europe/Amsterdam) in answers to a GET, whatever the zone of the token's
// user, and UTC in answers to a POST; Trengo documents neither. An empty
// timestamp is the zero time.
func (t Timestamp) Time(zone *time.Location) (time.Time, error) {
	if t == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339Nano, string(t)); err == nil {
		return at, nil
	}
	if zone == nil {
		zone = time.UTC
	}
	at, err := time.ParseInLocation(time.DateTime, string(t), zone)
	if err != nil {
		return time.Time{}, ownError("a timestamp of an unknown form")
	}
	return at, nil
}

// A resource is something with an id.
type resource interface{ id() int64 }

// decodeResource returns a decoder of one object. Trengo's fields change
// their types with the year and the verb, and PHP sends [] for an empty
// object: a field that does not fit is left empty, because an answer with an
// id is better than none.
func decodeResource[T any, P interface {
	*T
	resource
}](out P) func([]byte) error {
	return func(body []byte) error {
		*out = *new(T) // an earlier answer may have been refused halfway
		if err := unmarshalLeniently(body, out); err != nil {
			return err
		}
		if out.id() == 0 {
			return errNoID
		}
		return nil
	}
}

var errNoID = ownError("an answer without an id")

func unmarshalLeniently(data []byte, out any) error {
	err := json.Unmarshal(data, out)
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		return nil
	}
	return err
}
