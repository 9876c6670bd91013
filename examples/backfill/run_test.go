package main

import (
	"os"
	"testing"
)

// After a run, a signal ends the process again: otherwise it would be ignored.
func TestReplayOnce_stopsSignals(t *testing.T) {
	t.Parallel()
	fx := newFixture(t, orders(1))
	fx.addPeople(1)
	received := false
	out := writerFunc(func(p []byte) (int, error) {
		if received {
			t.Errorf("signals are still received when it prints %q", p)
		}
		return len(p), nil
	})
	fx.replay(func(_ *settings, std *stdio, _ chan<- os.Signal) {
		std.stdout = out
		std.signals = func() (<-chan os.Signal, func()) {
			received = true
			return make(chan os.Signal), func() { received = false }
		}
	}).check(t, exitOK)
	if received {
		t.Error("signals are still received")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
