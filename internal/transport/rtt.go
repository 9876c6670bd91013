package transport

import "time"

// rtt estimates the round-trip time of an attempt from the latest responses.
//
// Invariant, checked by TestRTT_invariant: min <= the latest sample <= max.
// Both are zero before the first response.
//
// max follows a slow response at once and a fast one gradually: a prediction
// that is too late only makes a call fail early, one that is too early makes a
// call miss its deadline. min does the opposite: calls are failed because of
// it, so it must not be too long.
type rtt struct {
	min, max     time.Duration
	lastResponse time.Time // zero before the first response
}

// add takes in the round-trip time of a response that has just arrived.
func (r *rtt) add(now time.Time, sample time.Duration) {
	r.max = max(sample, r.max-(r.max-sample)/8)
	r.min += (sample - r.min) / 8
	if r.lastResponse.IsZero() || sample < r.min {
		r.min = sample
	}
	r.lastResponse = now
}

// cannotMeet reports whether even a fast response would arrive after the
// deadline. It is false if the last response is older than min: something has
// to be sent to show whether the server has become faster.
func (r *rtt) cannotMeet(now, deadline time.Time) bool {
	return !deadline.IsZero() && deadline.Sub(now) < r.min && now.Sub(r.lastResponse) < r.min
}
