package transport

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

func TestRTT_invariant(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 0))
		now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
		var r rtt
		if r.cannotMeet(now, now) {
			t.Fatal("a deadline cannot be met before the first response")
		}
		for range 100 {
			sample := time.Duration(rng.ExpFloat64() * float64(time.Second))
			now = now.Add(sample)
			r.add(now, sample)
			if r.min > sample || sample > r.max || !r.lastResponse.Equal(now) {
				t.Fatalf("seed %d: after a sample of %s: %+v", seed, sample, r)
			}
		}
	}
}

// max jumps to a slow response and falls by an eighth of the difference with
// each fast one; min does the opposite.
func TestRTT_follows(t *testing.T) {
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	var r rtt
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	steps := []struct{ sample, wantMin, wantMax int }{
		{100, 100, 100},
		{900, 200, 900},
		{100, 100, 800},
		{80, 80, 710},
		{880, 180, 880},
	}
	for i, step := range steps {
		r.add(now, ms(step.sample))
		if r.min != ms(step.wantMin) || r.max != ms(step.wantMax) {
			t.Errorf("after sample %d: %s to %s, want %s to %s", i+1, r.min, r.max, ms(step.wantMin), ms(step.wantMax))
		}
	}
}

func TestRTT_cannotMeet(t *testing.T) {
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	r := rtt{min: 2 * time.Second, max: 5 * time.Second, lastResponse: now}
	tests := []struct {
		name     string
		after    time.Duration // since the last response
		deadline time.Duration // from then on
		want     bool
	}{
		{"less than min is left", 0, 2*time.Second - 1, true},
		{"min is left", 0, 2 * time.Second, false},
		{"the last response is recent", 2*time.Second - 1, time.Second, true},
		{"the last response is as old as min", 2 * time.Second, time.Second, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			at := now.Add(tt.after)
			if got := r.cannotMeet(at, at.Add(tt.deadline)); got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
	if r.cannotMeet(now, time.Time{}) {
		t.Error("a call without a deadline cannot meet it")
	}
}

// Responses that are too slow for the callers' deadlines do not keep calls from
// being sent for longer than one response took.
func TestSlowResponsesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &windowed{limit: 120, rtt: 12 * time.Second}
		e := newEngine(server)
		drain(t, e, 20, 5)
		f := inEightSeconds(t, e, 0)
		if f == nil || !errors.Is(f.Cause, context.DeadlineExceeded) || f.Attempts > 0 {
			t.Errorf("with less time than a response takes: %+v", f)
		}
		server.rtt = 100 * time.Millisecond
		time.Sleep(12 * time.Second)
		for range 10 {
			if f := inEightSeconds(t, e, 2); f != nil {
				t.Errorf("when the server is fast again: %+v", f)
			}
		}
	})
}
