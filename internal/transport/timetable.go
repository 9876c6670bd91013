package transport

import "time"

// playedPerChange is how many waiters may be played again for each change. A
// shorter queue is played again after every change.
const playedPerChange = 128

// A timetable keeps the schedule of the whole queue: to play a queue of n for
// each of its n calls would take n² steps. Attempts that join the queue are
// added at its end. Grants follow it. Most other changes only let an attempt be
// sent earlier than it says.
//
// A long queue is not played again after every change, but after a number that
// grows with its length. Its predictions, which are far ahead, are out of date by
// as many changes.
type timetable struct {
	end       *schedule // behind the last attempt; nil if it has to be played again
	room      int       // for how many more attempts it lists free slots
	playedAt  time.Time
	changes   int         // since then
	mayBeLate bool        // changes may have made a waiter late
	buf       []time.Time // reused by the next schedule
}

// isCurrent reports whether the timetable of so many waiters still holds. A
// second that passes counts like a change: attempts may hang.
func (t *timetable) isCurrent(now time.Time, waiters int) bool {
	if t.end == nil {
		return false
	}
	age := now.Sub(t.playedAt)
	if t.changes == 0 && age < slack {
		return true
	}
	return t.changes+int(age/time.Second) < waiters/playedPerChange
}

// renew adopts a schedule that was played just now, and lists free slots for so
// many more attempts.
func (t *timetable) renew(now time.Time, end *schedule, room int) {
	t.end, t.room, t.playedAt = end, room, now
	t.changes, t.mayBeLate = 0, false
}

// add adds attempts at the end of the queue.
func (t *timetable) add(attempts int) {
	if t.room -= attempts; t.end == nil || t.room < 0 {
		t.end = nil
		return
	}
	t.end.advance(attempts)
}

// change notes a change after which attempts are sent as predicted or earlier.
func (t *timetable) change() { t.changes++ }

// delay notes a change that delays attempts.
func (t *timetable) delay() {
	t.changes++
	t.mayBeLate = true
}

// invalidate notes a change after which the predictions are of no use.
func (t *timetable) invalidate() {
	t.end = nil
	t.mayBeLate = true
}
