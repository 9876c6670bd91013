package main

import (
	"bytes"
	"fmt"
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

func TestReplay_goesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, orders(upTo(9)...)+"{\n\n"+orders(10, 11))
		d.know(upTo(11)...)
		limited := func(s *settings, _ *console, _ chan<- os.Signal) { s.limit = 4 }
		d.replay(limited).must(t, exitOK, "done 4", "left 8", "the same command goes on")
		d.replay(limited).must(t, exitOK, "going on after 4 finished events, 0 of them failed", "done 8", "left 4")
		d.replay().must(t, exitFailed, "going on after 8", "done 11", "failed 1", "left 0", d.settings.failed)
		d.ResetRequests()
		d.replay().must(t, exitFailed, "going on after 12", "done 11", "failed 1", "left 0")
		if n := len(d.Requests()); n > 0 {
			t.Errorf("%d requests when all was done", n)
		}
		d.mustHaveTickets(upTo(11)...)
	})
}

// What Trengo does not answer is tried again, and blamed on no event.
func TestReplay_outage(t *testing.T) {
	for _, events := range []int{3, 200} {
		t.Run(strconv.Itoa(events), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, orders(upTo(events)...))
				d.know(upTo(events)...)
				back := time.Now().Add(10 * time.Minute)
				d.InjectFunc(func(trengotest.Request) trengotest.Fault {
					if time.Now().Before(back) {
						return trengotest.RespondHTML(http.StatusBadGateway)
					}
					return trengotest.Fault{}
				})
				d.replay().must(t, exitOK, fmt.Sprintf("done %d", events), "failed 0")
				d.mustHaveTickets(upTo(events)...)
			})
		})
	}
}

func TestReplay_outageWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, orders(upTo(200)...))
		d.know(upTo(200)...)
		d.InjectFunc(func(r trengotest.Request) trengotest.Fault {
			if r.Seq < 50 {
				return trengotest.Fault{}
			}
			return trengotest.NoConnection()
		})
		began := time.Now()
		stopped := d.replay()
		done := len(d.Tickets())
		stopped.must(t, exitFailed, "stopped: nothing comes through", fmt.Sprintf("done %d", done), "failed 0", fmt.Sprintf("left %d", 200-done), "the same command goes on")
		if took := time.Since(began); took > time.Hour {
			t.Errorf("it took %s to see", took)
		}
		d.InjectFunc(nil)
		again := d.replay()
		again.must(t, exitOK, "done 200", "failed 0")
		if strings.Contains(again.stderr, "under way") {
			t.Errorf("what was never sent is in doubt:\n%s", again.stderr)
		}
		d.mustHaveTickets(upTo(200)...)
	})
}

func TestReplay_refusedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, orders(upTo(200)...))
		d.SetTokens("another")
		d.replay().must(t, exitFailed, "stopped: the token is refused", "failed 0", "left 200")
		if n := len(d.Requests()); n > 2*maxStreak { // some were begun before the first was refused
			t.Errorf("%d requests with a token that is refused", n)
		}
	})
}

// A ticket whose answer is lost is settled, though its event has no messageId.
func TestReplay_lostAnswer(t *testing.T) {
	for name, fault := range map[string]trengotest.Fault{"before": trengotest.LostBefore(), "after": trengotest.LostAfter(), "late": trengotest.Late(50 * time.Second)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, orders(upTo(20)...))
				d.know(upTo(20)...)
				var tickets atomic.Int64
				d.InjectFunc(func(r trengotest.Request) trengotest.Fault {
					if isNewTicket(r) && tickets.Add(1) == 5 {
						return fault
					}
					return trengotest.Fault{}
				})
				d.replay().must(t, exitOK, "done 20", "failed 0", "left 0")
				d.mustHaveTickets(upTo(20)...)
			})
		})
	}
}

// An event that fails while others come through is to blame itself.
func TestReplay_failsTimeAfterTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, orders(upTo(30)...))
		d.know(upTo(30)...)
		d.InjectFunc(failing(7))
		began := time.Now()
		d.replay().must(t, exitFailed, "done 29", "failed 1", "left 0")
		if reason := d.failedLines()[7]; !strings.Contains(reason, "502") {
			t.Errorf("reason %q", reason)
		}
		if took := time.Since(began); took < 21*time.Minute {
			t.Errorf("given up after %s", took)
		}
	})
}

// An event is not tried again before the time that Trengo names.
func TestReplay_retryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, orders(1))
		d.know(1)
		began := time.Now()
		refused := 0
		d.InjectFunc(func(_ trengotest.Request) trengotest.Fault {
			if time.Since(began) < 40*time.Minute {
				refused++
				return trengotest.TooManyRequests("2400")
			}
			return trengotest.Fault{}
		})
		d.replay().must(t, exitOK, "done 1")
		if took := time.Since(began); refused != 1 || took < 40*time.Minute || took > 41*time.Minute {
			t.Errorf("%d requests refused, and done after %s", refused, took)
		}
	})
}

func TestReplay_tooManyFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := upTo(300)
		d := newDesk(t, orders(people...))
		d.know(people...)
		var bad []int
		for _, person := range people {
			if person%2 == 0 {
				bad = append(bad, person)
			}
		}
		d.InjectFunc(failing(bad...))
		d.replay().must(t, exitFailed, "stopped: more than 100 events at a time fail", "failed 0")
	})
}

// failing lets every search for these people fail.
func failing(people ...int) func(trengotest.Request) trengotest.Fault {
	bad := map[string]bool{}
	for _, person := range people {
		bad[fmt.Sprintf("p%d@example.com", person)] = true
	}
	return func(r trengotest.Request) trengotest.Fault {
		if bad[r.Query.Get("term")] {
			return trengotest.RespondHTML(http.StatusBadGateway)
		}
		return trengotest.Fault{}
	}
}

// The first signal lets what is under way come to its end.
func TestReplay_interrupted(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, orders(upTo(100)...))
				d.know(upTo(100)...)
				d.Behavior.Latency = 2 * time.Second
				d.replay(func(_ *settings, _ *console, signals chan<- os.Signal) {
					time.AfterFunc(11*time.Second, func() { signals <- signal })
				}).must(t, exitFailed, "stopping when what is under way is finished", "stopped: interrupted", "failed 0", "the same command goes on")
				done := len(d.Tickets())
				if done == 0 || done > 60 {
					t.Errorf("%d tickets when it was stopped", done)
				}
				again := d.replay()
				again.must(t, exitOK, fmt.Sprintf("going on after %d finished", done), "done 100", "left 0")
				if strings.Contains(again.stderr, "under way") {
					t.Errorf("something is in doubt:\n%s", again.stderr)
				}
				d.mustHaveTickets(upTo(100)...)
			})
		})
	}
}

// An identify that may create a contact twice is in doubt, as a ticket is.
func TestReplay_interruptedDuplicates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, `{"type":"identify","traits":{"email":"p1@example.com","name":"Person 1"}}`+"\n")
		writeFile(t, d.settings.config, strings.Replace(demoConfig, `"enableDedup": true`, `"enableDedup": false`, 1))
		d.Behavior.Latency = 20 * time.Second
		d.replay(func(_ *settings, _ *console, signals chan<- os.Signal) {
			time.AfterFunc(time.Second, func() { signals <- os.Interrupt; signals <- os.Interrupt })
		}).must(t, exitFailed, "stopped: interrupted", "left 1")
		d.replay(func(s *settings, _ *console, _ chan<- os.Signal) { s.hold = true }).must(t, exitFailed, "1 more were under way", "failed 1", "left 0")
		if n := len(d.Contacts()); n > 1 {
			t.Errorf("%d contacts of one event", n)
		}
	})
}

// The second signal cancels it, and says so in the next run.
func TestReplay_interruptedTwice(t *testing.T) {
	for _, hold := range []bool{false, true} {
		t.Run(fmt.Sprintf("hold %t", hold), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, orders(upTo(40)...))
				d.know(upTo(40)...)
				var tickets atomic.Int64
				d.InjectFunc(func(r trengotest.Request) trengotest.Fault {
					if isNewTicket(r) && tickets.Add(1) == 1 {
						return trengotest.Slow(20 * time.Second)
					}
					return trengotest.Fault{}
				})
				began := time.Now()
				d.replay(func(_ *settings, _ *console, signals chan<- os.Signal) {
					time.AfterFunc(time.Second, func() { signals <- os.Interrupt; signals <- os.Interrupt })
				}).must(t, exitFailed, "stopped: interrupted")
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("it took %s to stop", took)
				}
				slow := d.Tickets()[0].Subject
				status, doubled := exitOK, 2
				if hold {
					status, doubled = exitFailed, 1
				}
				d.replay(func(s *settings, _ *console, _ chan<- os.Signal) { s.hold = hold }).must(t, status, "1 more were under way", "left 0")
				have := 0
				for _, ticket := range d.Tickets() {
					if ticket.Subject == slow {
						have++
					}
				}
				if have != doubled {
					t.Errorf("%d tickets of the event that was cancelled, want %d", have, doubled)
				}
				if n := len(d.failedLines()); hold != (n == 1) {
					t.Errorf("%d failed events", n)
				}
			})
		})
	}
}

// What is in doubt stays so until it is done, whatever else happens to it.
func TestReplay_staysInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, orders(upTo(40)...))
		d.know(upTo(40)...)
		d.settings.remember = 30 * time.Second // so that the second try begins with a search
		var tickets atomic.Int64
		d.InjectFunc(func(r trengotest.Request) trengotest.Fault {
			switch {
			case tickets.Load() >= 20:
				return trengotest.NoConnection()
			case isNewTicket(r) && tickets.Add(1) == 20:
				return trengotest.LostAfter()
			}
			return trengotest.Fault{}
		})
		d.replay().must(t, exitFailed, "stopped: nothing comes through", "failed 0")
		d.InjectFunc(nil)
		d.SetTokens("another")
		d.replay().must(t, exitFailed, "1 more were under way", "stopped: the token is refused")
		d.SetTokens(d.settings.token)
		d.replay(func(s *settings, _ *console, _ chan<- os.Signal) { s.hold = true }).must(t, exitFailed, "1 more were under way", "done 39", "failed 1")
		d.mustHaveTickets(upTo(40)...)
	})
}

// When a run is over, a signal ends the process again: nobody else is there to
// obey it.
func TestReplay_letsGoOfSignals(t *testing.T) {
	d := newDesk(t, orders(1))
	d.know(1)
	obeyed := false
	out := writerFunc(func(p []byte) (int, error) {
		if obeyed {
			t.Errorf("signals are still taken when it prints %q", p)
		}
		return len(p), nil
	})
	d.replay(func(_ *settings, con *console, _ chan<- os.Signal) {
		con.stdout = out
		con.signals = func() (<-chan os.Signal, func()) {
			obeyed = true
			return make(chan os.Signal), func() { obeyed = false }
		}
	}).must(t, exitOK)
	if obeyed {
		t.Error("signals are still taken")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// A stream that says nothing does not keep a run from stopping.
func TestReplay_interruptedWhileItReads(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.WriteString(orders(1, 2)); err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, "")
	d.know(1, 2)
	d.settings.events = "-"
	begun := make(chan struct{}, 2)
	d.InjectFunc(func(r trengotest.Request) trengotest.Fault {
		if isNewTicket(r) {
			begun <- struct{}{}
		}
		return trengotest.Fault{}
	})
	d.replay(func(_ *settings, con *console, signals chan<- os.Signal) {
		con.stdin = r
		go func() {
			<-begun
			<-begun
			signals <- os.Interrupt
		}()
	}).must(t, exitFailed, "done 2", "stopped: interrupted")
}

// The output is as large as the work, not as the input.
func TestReplay_manyEvents(t *testing.T) {
	const events = 20_000
	d := newDesk(t, "")
	d.settings.events = "-"
	d.replay(func(_ *settings, con *console, _ chan<- os.Signal) {
		con.stdin = bytes.NewReader(bytes.Repeat([]byte(`{"type":"page"}`+"\n"), events))
	}).must(t, exitOK, fmt.Sprintf("done %d", events))
	cp, err := peekCheckpoint(d.settings.checkpoint, header{Version: checkpointVersion, Input: streamDigest([]byte(`{"type":"page"}`)), Channel: demoChannel})
	if err != nil || cp.finished.size != events || len(cp.finished.runs) != 1 || len(cp.sums) != 1 {
		t.Errorf("%d events in %d runs, %d sums, error %v", cp.finished.size, len(cp.finished.runs), len(cp.sums), err)
	}
}
