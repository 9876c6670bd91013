package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/trengo-go/trengo/trengotest"
)

func TestReplay_resumes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fx := newFixture(t, orders(upTo(9)...)+"{\n\n"+orders(10, 11))
		fx.addPeople(upTo(11)...)
		fx.replay(withLimit(4)).check(t, exitOK, "done 4", "left 8", "the same command resumes")
		fx.replay(withLimit(4)).check(t, exitOK, "resuming after 4 finished events, 0 of them failed", "done 8", "left 4")
		fx.replay().check(t, exitFailed, "resuming after 8", "done 11", "failed 1", "left 0", fx.settings.failed)
		fx.ResetRequests()
		fx.replay().check(t, exitFailed, "resuming after 12", "done 11", "failed 1", "left 0")
		if n := len(fx.Requests()); n > 0 {
			t.Errorf("%d requests when all was done", n)
		}
		fx.checkTickets(upTo(11)...)
	})
}

// The events of an outage are retried, and none of them fails.
func TestReplay_outage(t *testing.T) {
	t.Parallel()
	for _, events := range []int{3, 200} {
		t.Run(strconv.Itoa(events), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fx := newFixture(t, orders(upTo(events)...))
				fx.addPeople(upTo(events)...)
				end := time.Now().Add(10 * time.Minute)
				fx.InjectFunc(func(trengotest.Request) trengotest.Fault {
					if time.Now().Before(end) {
						return trengotest.RespondHTML(http.StatusBadGateway)
					}
					return trengotest.Fault{}
				})
				fx.replay().check(t, exitOK, fmt.Sprintf("done %d", events), "failed 0")
				fx.checkTickets(upTo(events)...)
			})
		})
	}
}

func TestReplay_endlessOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fx := newFixture(t, orders(upTo(200)...))
		fx.addPeople(upTo(200)...)
		fx.InjectFunc(func(r trengotest.Request) trengotest.Fault {
			if r.Seq < 50 {
				return trengotest.Fault{}
			}
			return trengotest.NoConnection()
		})
		start := time.Now()
		first := fx.replay()
		done := len(fx.Tickets())
		first.check(t, exitFailed, "stopped: no request to Trengo succeeds", fmt.Sprintf("done %d", done), "failed 0", fmt.Sprintf("left %d", 200-done), "the same command resumes")
		if elapsed := time.Since(start); elapsed > time.Hour {
			t.Errorf("the run stopped only after %s", elapsed)
		}
		fx.InjectFunc(nil)
		second := fx.replay()
		second.check(t, exitOK, "done 200", "failed 0")
		if strings.Contains(second.stderr, "in flight") {
			t.Errorf("an event is in doubt that was never sent:\n%s", second.stderr)
		}
		fx.checkTickets(upTo(200)...)
	})
}

func TestReplay_rejectedToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fx := newFixture(t, orders(upTo(200)...))
		fx.SetTokens("another")
		fx.replay().check(t, exitFailed, "stopped: the token is rejected", "failed 0", "left 200")
		if n := len(fx.Requests()); n > 2*suspiciousFailures { // some start before the first is rejected
			t.Errorf("%d requests with a rejected token", n)
		}
	})
}

// A ticket whose response is lost is not created twice, although its event does
// not have a messageId.
func TestReplay_lostResponse(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]trengotest.Fault{"before": trengotest.LostBefore(), "after": trengotest.LostAfter(), "late": trengotest.Late(50 * time.Second)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fx := newFixture(t, orders(upTo(20)...))
				fx.addPeople(upTo(20)...)
				var tickets atomic.Int64
				fx.InjectFunc(func(r trengotest.Request) trengotest.Fault {
					if isNewTicket(r) && tickets.Add(1) == 5 {
						return fault
					}
					return trengotest.Fault{}
				})
				fx.replay().check(t, exitOK, "done 20", "failed 0", "left 0")
				fx.checkTickets(upTo(20)...)
			})
		})
	}
}

// An event that keeps failing while others succeed goes to the failed file.
func TestReplay_retriesUsedUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fx := newFixture(t, orders(upTo(30)...))
		fx.addPeople(upTo(30)...)
		fx.InjectFunc(failSearches(7))
		start := time.Now()
		fx.replay().check(t, exitFailed, "done 29", "failed 1", "left 0")
		if reason := fx.failedLines()[7]; !strings.Contains(reason, "502") {
			t.Errorf("reason %q", reason)
		}
		if elapsed := time.Since(start); elapsed < 21*time.Minute {
			t.Errorf("failed after %s", elapsed)
		}
	})
}

// An event is not retried before the time that Trengo asks for.
func TestReplay_retryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fx := newFixture(t, orders(1))
		fx.addPeople(1)
		start := time.Now()
		refused := 0
		fx.InjectFunc(func(_ trengotest.Request) trengotest.Fault {
			if time.Since(start) < 40*time.Minute {
				refused++
				return trengotest.TooManyRequests("2400")
			}
			return trengotest.Fault{}
		})
		fx.replay().check(t, exitOK, "done 1")
		if elapsed := time.Since(start); refused != 1 || elapsed < 40*time.Minute || elapsed > 41*time.Minute {
			t.Errorf("%d requests refused, and done after %s", refused, elapsed)
		}
	})
}

func TestReplay_tooManyFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		people := upTo(300)
		fx := newFixture(t, orders(people...))
		fx.addPeople(people...)
		var failing []int
		for _, person := range people {
			if person%2 == 0 {
				failing = append(failing, person)
			}
		}
		fx.InjectFunc(failSearches(failing...))
		fx.replay().check(t, exitFailed, "stopped: more than 100 events are waiting for a retry", "failed 0")
	})
}

// Whatever stands between here and Trengo: many events that fail alike are an
// outage, and a few that always do are to blame themselves.
func TestReplay_blocked(t *testing.T) {
	t.Parallel()
	blocks := map[string]trengotest.Fault{
		"a maintenance page":         trengotest.RespondHTML(http.StatusServiceUnavailable),
		"a firewall":                 trengotest.RespondHTML(http.StatusForbidden),
		"a firewall's 404":           trengotest.RespondHTML(http.StatusNotFound),
		"a redirect":                 trengotest.Respond(http.StatusFound, "text/html", "<html>"),
		"a proxy":                    trengotest.Respond(http.StatusProxyAuthRequired, "", ""),
		"another server":             trengotest.Respond(http.StatusMisdirectedRequest, "application/json", `{"message":"No."}`),
		"too early":                  trengotest.Respond(http.StatusTooEarly, "", ""),
		"not implemented":            trengotest.Respond(http.StatusNotImplemented, "application/json", `{"message":"No."}`),
		"a bad gateway without text": trengotest.Respond(http.StatusBadGateway, "text/plain", ""),
		"no connection":              trengotest.NoConnection(),
	}
	for name, block := range blocks {
		for _, tt := range []struct {
			name    string
			events  int
			blocked []int // empty means all of them
			failed  int
		}{
			{"all of many", 100, nil, 0},
			{"all of a few", outageEvents, nil, 0},
			{"the only one", 1, nil, 1},
			{"one at the start", 40, []int{1}, 1},
			{"one in the middle", 40, []int{20}, 1},
			{"one at the end", 40, []int{40}, 1},
			{"two at the end", 40, []int{39, 40}, 2},
			{"several in between", 90, []int{3, 9, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30}, 21},
		} {
			if name == "no connection" && tt.blocked != nil {
				continue // a subject cannot prevent one
			}
			t.Run(fmt.Sprintf("%s blocks %s", name, tt.name), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					fx := newFixture(t, orders(upTo(tt.events)...))
					fx.addPeople(upTo(tt.events)...)
					fx.SetRateLimit(1_000_000)
					fx.InjectFunc(func(trengotest.Request) trengotest.Fault { return block })
					if tt.blocked != nil {
						fx.InjectFunc(failTickets(block, tt.blocked...))
					}
					r := fx.replay()
					if tt.failed == 0 {
						r.check(t, exitFailed, "stopped: no request to Trengo succeeds any more", "failed 0", fmt.Sprintf("left %d", tt.events), "the same command resumes")
						if n := len(fx.Requests()); n > 1000 { // of the 2,000 of all attempts
							t.Errorf("%d requests", n)
						}
						fx.InjectFunc(nil)
						fx.replay().check(t, exitOK, fmt.Sprintf("done %d", tt.events), "failed 0")
						return
					}
					r.check(t, exitFailed, fmt.Sprintf("done %d", tt.events-tt.failed), fmt.Sprintf("failed %d", tt.failed), "left 0")
					for _, person := range tt.blocked {
						if fx.failedLines()[person] == "" {
							t.Errorf("line %d is not in the failed file", person)
						}
					}
				})
			})
		}
	}
}

// failTickets makes the tickets of these orders fail.
func failTickets(fault trengotest.Fault, orders ...int) func(trengotest.Request) trengotest.Fault {
	return func(r trengotest.Request) trengotest.Fault {
		for _, order := range orders {
			if isNewTicket(r) && strings.Contains(string(r.Body), fmt.Sprintf(`"Order %d"`, order)) {
				return fault
			}
		}
		return trengotest.Fault{}
	}
}

// failSearches makes every search for these people fail.
func failSearches(people ...int) func(trengotest.Request) trengotest.Fault {
	failing := map[string]bool{}
	for _, person := range people {
		failing[fmt.Sprintf("p%d@example.com", person)] = true
	}
	return func(r trengotest.Request) trengotest.Fault {
		if failing[r.Query.Get("term")] {
			return trengotest.RespondHTML(http.StatusBadGateway)
		}
		return trengotest.Fault{}
	}
}

// The first signal lets the events in flight finish.
func TestReplay_interrupted(t *testing.T) {
	t.Parallel()
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fx := newFixture(t, orders(upTo(100)...))
				fx.addPeople(upTo(100)...)
				fx.Behavior.Latency = 2 * time.Second
				fx.replay(withSignals(11*time.Second, signal)).
					check(t, exitFailed, "stopping after the events in flight", "stopped: interrupted", "failed 0", "the same command resumes")
				done := len(fx.Tickets())
				if done == 0 || done > 60 {
					t.Errorf("%d tickets when the run was stopped", done)
				}
				second := fx.replay()
				second.check(t, exitOK, fmt.Sprintf("resuming after %d finished", done), "done 100", "left 0")
				if strings.Contains(second.stderr, "in flight") {
					t.Errorf("an event is in doubt:\n%s", second.stderr)
				}
				fx.checkTickets(upTo(100)...)
			})
		})
	}
}

// An identify that may create a second contact is in doubt, like a ticket.
func TestReplay_interruptedDuplicates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fx := newFixture(t, `{"type":"identify","traits":{"email":"p1@example.com","name":"Person 1"}}`+"\n")
		writeFile(t, fx.settings.config, strings.Replace(demoConfig, `"enableDedup": true`, `"enableDedup": false`, 1))
		fx.Behavior.Latency = 20 * time.Second
		fx.replay(withSignals(time.Second, os.Interrupt, os.Interrupt)).check(t, exitFailed, "stopped: interrupted", "left 1")
		fx.replay(withHold(true)).check(t, exitFailed, "1 more were in flight", "failed 1", "left 0")
		if n := len(fx.Contacts()); n > 1 {
			t.Errorf("%d contacts of one event", n)
		}
	})
}

// The second signal cancels the events in flight, and the next run reports
// them.
func TestReplay_interruptedTwice(t *testing.T) {
	t.Parallel()
	for _, hold := range []bool{false, true} {
		t.Run(fmt.Sprintf("hold %t", hold), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fx := newFixture(t, orders(upTo(40)...))
				fx.addPeople(upTo(40)...)
				var tickets atomic.Int64
				fx.InjectFunc(func(r trengotest.Request) trengotest.Fault {
					if isNewTicket(r) && tickets.Add(1) == 1 {
						return trengotest.Slow(20 * time.Second)
					}
					return trengotest.Fault{}
				})
				start := time.Now()
				fx.replay(withSignals(time.Second, os.Interrupt, os.Interrupt)).check(t, exitFailed, "stopped: interrupted")
				if elapsed := time.Since(start); elapsed > 2*time.Second {
					t.Errorf("the run stopped only after %s", elapsed)
				}
				canceled := fx.Tickets()[0].Subject
				status, want := exitOK, 2
				if hold {
					status, want = exitFailed, 1
				}
				fx.replay(withHold(hold)).check(t, status, "1 more were in flight", "left 0")
				got := 0
				for _, ticket := range fx.Tickets() {
					if ticket.Subject == canceled {
						got++
					}
				}
				if got != want {
					t.Errorf("%d tickets of the canceled event, want %d", got, want)
				}
				if n := len(fx.failedLines()); hold != (n == 1) {
					t.Errorf("%d failed events", n)
				}
			})
		})
	}
}

// An event stays in doubt until it is done, even if a later attempt fails.
func TestReplay_staysInDoubt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fx := newFixture(t, orders(upTo(40)...))
		fx.addPeople(upTo(40)...)
		fx.settings.remember = 30 * time.Second // so that the retry starts with a search
		var tickets atomic.Int64
		fx.InjectFunc(func(r trengotest.Request) trengotest.Fault {
			switch {
			case tickets.Load() >= 20:
				return trengotest.NoConnection()
			case isNewTicket(r) && tickets.Add(1) == 20:
				return trengotest.LostAfter()
			}
			return trengotest.Fault{}
		})
		fx.replay().check(t, exitFailed, "stopped: no request to Trengo succeeds", "failed 0")
		fx.InjectFunc(nil)
		fx.SetTokens("another")
		fx.replay().check(t, exitFailed, "1 more were in flight", "stopped: the token is rejected")
		fx.SetTokens(fx.settings.token)
		fx.replay(withHold(true)).check(t, exitFailed, "1 more were in flight", "done 39", "failed 1")
		fx.checkTickets(upTo(40)...)
	})
}

// A terminal that closes may send its signal twice, which does not cancel the
// events in flight; another signal does.
func TestReplay_hangup(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		signals  []os.Signal
		canceled bool
	}{
		{"twice", []os.Signal{syscall.SIGHUP, syscall.SIGHUP, syscall.SIGHUP}, false},
		{"after an interrupt", []os.Signal{os.Interrupt, syscall.SIGHUP}, false},
		{"before an interrupt", []os.Signal{syscall.SIGHUP, syscall.SIGHUP, os.Interrupt}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fx := newFixture(t, orders(upTo(40)...))
				fx.addPeople(upTo(40)...)
				fx.InjectFunc(func(r trengotest.Request) trengotest.Fault {
					if isNewTicket(r) {
						return trengotest.Slow(20 * time.Second)
					}
					return trengotest.Fault{}
				})
				fx.replay(withSignals(time.Second, tt.signals...)).check(t, exitFailed, "stopped: interrupted")
				second := fx.replay()
				second.check(t, exitOK, "left 0")
				if inDoubt := strings.Contains(second.stderr, "in flight"); inDoubt != tt.canceled {
					t.Errorf("events in doubt: %t, want %t", inDoubt, tt.canceled)
				}
			})
		})
	}
}

// A stream that pauses does not keep a run from stopping.
func TestReplay_interruptedDuringRead(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.WriteString(orders(1, 2)); err != nil {
		t.Fatal(err)
	}
	fx := newFixture(t, "")
	fx.addPeople(1, 2)
	fx.settings.events = "-"
	started := make(chan struct{}, 2)
	fx.InjectFunc(func(r trengotest.Request) trengotest.Fault {
		if isNewTicket(r) {
			started <- struct{}{}
		}
		return trengotest.Fault{}
	})
	fx.replay(func(_ *settings, std *stdio, signals chan<- os.Signal) {
		std.stdin = r
		go func() {
			<-started
			<-started
			signals <- os.Interrupt
		}()
	}).check(t, exitFailed, "done 2", "stopped: interrupted")
}

// The state of a long replay stays small.
func TestReplay_manyEvents(t *testing.T) {
	t.Parallel()
	const events = 20_000
	fx := newFixture(t, "")
	fx.settings.events = "-"
	fx.replay(func(_ *settings, std *stdio, _ chan<- os.Signal) {
		std.stdin = bytes.NewReader(bytes.Repeat([]byte(`{"type":"page"}`+"\n"), events))
	}).check(t, exitOK, fmt.Sprintf("done %d", events))
	if text := readFile(t, fx.settings.checkpoint); strings.Count(text, "\n") != events+1 {
		t.Errorf("%d lines in the checkpoint", strings.Count(text, "\n"))
	}
	fx.replay(withStdin(strings.Repeat(`{"type":"page"}`+"\n", events+1))).
		check(t, exitOK, fmt.Sprintf("resuming after %d finished events", events), fmt.Sprintf("done %d", events+1))
}

// A read error ends the run, and the next one resumes.
func TestReplay_readError(t *testing.T) {
	t.Parallel()
	fx := newFixture(t, "")
	fx.addPeople(upTo(40)...)
	fx.SetRateLimit(1_000_000)
	fx.settings.events = "-"
	data := compress(t, orders(upTo(20)...)) + compress(t, orders(upTo(40)[20:]...))
	fx.replay(withStdin(data[:len(data)-20])).
		check(t, exitFailed, "stopped: the input cannot be read", "unexpected EOF", "failed 0")
	fx.replay(withStdin(data)).check(t, exitOK, "done 40", "failed 0")
	fx.checkTickets(upTo(40)...)
}

func compress(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
