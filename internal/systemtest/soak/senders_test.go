package soak

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/trengo-go/trengo"
	"github.com/trengo-go/trengo/internal/testkit/fixtures"
)

const maxArray = 20

// post sends a body to the handler, as a sender that may give up early.
func (s *soak) post(r *rand.Rand, body string) (status int) {
	ctx, cancel := context.WithCancel(s.t.Context())
	if r.IntN(100) < soakImpatient {
		ctx, cancel = context.WithTimeout(ctx, time.Duration(r.Int64N(int64(2*time.Second))))
	}
	defer cancel()
	_, response := fixtures.Serve(s.t, s.handler, fixtures.EventRequest(ctx, body))
	return response.Status
}

// sendSingly delivers events one at a time until there are none left.
func (s *soak) sendSingly(r *rand.Rand) {
	for ev := range s.ready {
		s.end(r, ev, "single", s.post(r, s.json(r, ev)) == http.StatusOK)
	}
}

// sendArrays delivers what is ready in arrays. One status covers an array, and
// all of it comes again unless that is 200.
func (s *soak) sendArrays(r *rand.Rand) {
	for ev := range s.ready {
		events := append([]*event{ev}, s.moreReady()...)
		var bodies []string
		for _, ev := range events {
			bodies = append(bodies, s.json(r, ev))
		}
		done := s.post(r, "["+strings.Join(bodies, ",")+"]") == http.StatusOK
		for _, ev := range events {
			s.end(r, ev, "array", done)
		}
	}
}

// moreReady returns the events that get ready within a few seconds.
func (s *soak) moreReady() (events []*event) {
	timeout := time.After(3 * time.Second)
	for len(events) < maxArray-1 {
		select {
		case ev, ok := <-s.ready:
			if !ok {
				return events
			}
			events = append(events, ev)
		case <-timeout:
			return events
		}
	}
	return events
}

// stream processes events from a queue, as a consumer that is stopped every now
// and then: what it has not finished comes again.
func (s *soak) stream(r *rand.Rand) {
	for more := true; more; {
		more = s.consume(r, time.Minute+time.Duration(r.Int64N(int64(20*time.Minute))))
	}
}

// consume processes events for some time, and reports whether there may be more.
func (s *soak) consume(r *rand.Rand, length time.Duration) (more bool) {
	ctx, cancel := context.WithTimeout(s.t.Context(), length)
	defer cancel()
	more = true
	var mu sync.Mutex
	unfinished := map[string]*event{}
	events := func(yield func(*trengo.Event, error) bool) {
		for {
			select {
			case <-ctx.Done():
				return
			case ev, ok := <-s.ready:
				if !ok {
					more = false
					return
				}
				next := s.event(r, ev)
				mu.Lock()
				unfinished[next.MessageID] = ev
				mu.Unlock()
				if !yield(next, nil) {
					return
				}
			}
		}
	}
	retries := rand.New(rand.NewPCG(r.Uint64(), 0))
	for outcome := range s.destination.ProcessAll(ctx, events) {
		s.note(outcome)
		mu.Lock()
		ev := unfinished[outcome.Event.MessageID]
		delete(unfinished, outcome.Event.MessageID)
		mu.Unlock()
		s.end(retries, ev, "stream", outcome.Err == nil)
	}
	for _, ev := range unfinished {
		s.end(retries, ev, "stream", false)
	}
	return more
}
