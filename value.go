package trengo

import (
	"bytes"
	"time"
)

// A Flag is a boolean. Depending on the endpoint and the year, Trengo sends it
// as true, 1, "1" or "true". Anything else, including null, is false.
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

// A Timestamp is a time as Trengo sent it. Some responses state the zone, as in
// 2021-12-08T12:23:26.000000Z; others do not, as in 2021-12-08 13:23:26.
type Timestamp string

// Time parses the timestamp. If it does not state its zone, Time reads it in
// zone; nil means UTC. Recordings suggest that such a time is Amsterdam's local
// time (Europe/Amsterdam) in responses to a GET, whatever the zone of the
// token's user, and UTC in responses to a POST. Trengo documents neither. An
// empty timestamp is the zero time.
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
		return time.Time{}, withPrefix(safeText("a timestamp in an unknown format"))
	}
	return at, nil
}

// timeOrZero is Time for comparing the dates of one response with each other.
func (t Timestamp) timeOrZero() time.Time {
	at, err := t.Time(nil)
	if err != nil {
		return time.Time{}
	}
	return at
}

// isNear reports whether two dates of one response are at most d apart.
func (t Timestamp) isNear(u Timestamp, d time.Duration) bool {
	a, b := t.timeOrZero(), u.timeOrZero()
	return !a.IsZero() && !b.IsZero() && a.Sub(b).Abs() <= d
}
