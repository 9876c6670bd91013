package transport

import (
	"math"
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	for _, tt := range []struct {
		limit, others int
		want          float64 // per minute
	}{{120, 0, 120}, {120, 20, 100}, {120, 60, 60}, {120, 120, 60}, {1, 0, 1}, {1, 1, 0.5}} {
		if got := float64(pace(tt.limit, tt.others)) * window.Seconds(); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("limit %d, %d of them used by others: %g per minute, want %g", tt.limit, tt.others, got, tt.want)
		}
	}
}

func TestBurst(t *testing.T) {
	for _, tt := range []struct {
		limit  int
		shared bool
		want   int
	}{{120, false, 60}, {120, true, 6}, {1, false, 1}, {1, true, 1}} {
		if got := burst(tt.limit, tt.shared); got != tt.want {
			t.Errorf("limit %d, shared %t: a burst of %d, want %d", tt.limit, tt.shared, got, tt.want)
		}
	}
}

// An attempt is allowed at the earliest moment, and not a millisecond before.
func TestPacer_earliest(t *testing.T) {
	start := time.Now()
	for name, gate := range map[string]time.Duration{"open": 0, "closed for less than a token takes": 100 * time.Millisecond, "closed for a minute": time.Minute} {
		t.Run(name, func(t *testing.T) {
			p := newPacer(120)
			for range 60 {
				if !p.allow(start) {
					t.Fatal("a burst is not allowed")
				}
			}
			p.closeGate(start.Add(gate))
			p.closeGate(start) // does not open it
			at := p.earliest(start)
			if want := start.Add(max(gate, 500*time.Millisecond)); at.Before(want) || at.After(want.Add(time.Millisecond)) {
				t.Errorf("earliest after %s, want %s", at.Sub(start), want.Sub(start))
			}
			if p.allow(at.Add(-time.Millisecond)) {
				t.Error("allowed before that")
			}
			if !p.allow(at) {
				t.Error("not allowed then")
			}
		})
	}
}

// Rounding does not make a timer fire before an attempt is allowed.
func TestPacer_rounding(t *testing.T) {
	start := time.Now()
	for limit := 1; limit <= 1000; limit++ {
		p := newPacer(limit)
		at := start
		for range burst(limit, false) {
			p.allow(at)
		}
		for range 5 {
			if at = p.earliest(at); !p.allow(at) {
				t.Fatalf("limit %d: not allowed after %s", limit, at.Sub(start))
			}
		}
	}
}

func TestPacer_sharing(t *testing.T) {
	now := time.Now()
	p := newPacer(120)
	if p.expireSharing(now) {
		t.Error("ended before it began")
	}
	p.noteSharing(now)
	p.adjust(now, 120, 30)
	if p.bucket.Burst() != 6 || float64(p.bucket.Limit()) != 1.5 {
		t.Errorf("burst %d at %g per second, want 6 at 1.5", p.bucket.Burst(), float64(p.bucket.Limit()))
	}
	if p.expireSharing(now.Add(sharedFor - 1)) {
		t.Error("ended too early")
	}
	if !p.expireSharing(now.Add(sharedFor)) || p.expireSharing(now.Add(sharedFor)) {
		t.Error("want it to end once")
	}
	p.adjust(now.Add(sharedFor), 120, 0)
	if p.bucket.Burst() != 60 {
		t.Errorf("burst %d, want 60", p.bucket.Burst())
	}
}
