package main

import (
	"os"
	"strings"
	"testing"
)

func TestRunDemo(t *testing.T) {
	t.Parallel()
	for golden, args := range map[string][]string{"run.txt": nil, "plan.txt": {"-plan"}} {
		t.Run(golden, func(t *testing.T) {
			t.Parallel()
			std, stdout, stderr, _ := newStdio("")
			if status := run(args, "", std); status != exitOK || stderr.String() != "" {
				t.Errorf("status %d, standard error %q", status, stderr)
			}
			checkGolden(t, golden, stdout.String())
		})
	}
}

// An interrupt of the first run also prevents the second.
func TestRunDemo_interrupted(t *testing.T) {
	t.Parallel()
	std, stdout, stderr, signals := newStdio("")
	signals <- os.Interrupt
	if status := run(nil, "", std); status != exitFailed || stderr.String() != "backfill: stopped: interrupted\n" {
		t.Errorf("status %d, standard error %q", status, stderr)
	}
	if text := stdout.String(); !strings.Contains(text, "The first run") || strings.Contains(text, "The second run") {
		t.Errorf("standard output\n%s", text)
	}
}
