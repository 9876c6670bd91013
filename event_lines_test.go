package trengo_test

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
)

// readAll writes down what a loop over the events of r gets: the user of an
// event, or an error.
func readAll(r io.Reader) (got []string) {
	for ev, err := range trengo.ReadEvents(r) {
		if (ev == nil) == (err == nil) {
			got = append(got, "either an event or an error, not both")
		}
		if err != nil {
			got = append(got, err.Error())
			continue
		}
		got = append(got, ev.UserID)
	}
	return got
}

func lineOf(userID string) string { return `{"type":"identify","userId":"` + userID + `"}` }

func TestReadEvents(t *testing.T) {
	t.Parallel()
	const bom = "\ufeff"
	tests := []struct {
		name, lines string
		want        []string
	}{
		{"nothing", "", nil},
		{"blank lines alone", "\n\r\n \t\n\n", nil},
		{"one event", lineOf("1") + "\n", []string{"1"}},
		{"the last line without its end", lineOf("1") + "\n" + lineOf("2"), []string{"1", "2"}},
		{"blank lines between", "\n" + lineOf("1") + "\n\n \t \n" + lineOf("2") + "\n\n", []string{"1", "2"}},
		{"lines that end as on Windows", lineOf("1") + "\r\n\r\n" + lineOf("2") + "\r\n", []string{"1", "2"}},
		{"blanks around an event", " \t" + lineOf("1") + "  \n", []string{"1"}},
		{"a byte order mark", bom + lineOf("1") + "\n" + lineOf("2"), []string{"1", "2"}},
		{"a byte order mark alone", bom, nil},
		{"a byte order mark in its own line", bom + "\n" + lineOf("1"), []string{"1"}},
		{"a byte order mark later", lineOf("1") + "\n" + bom + lineOf("2"), []string{"1", "trengo line 2: it is no JSON object"}},
		{"a bad line between", lineOf("1") + "\n{\n" + lineOf("3"), []string{"1", "trengo line 2: it is broken JSON", "3"}},
		{"a bad line after blank ones", "\n\n[]\n" + lineOf("4"), []string{"trengo line 3: it is no JSON object", "4"}},
		{"a bad first line", bom + "x\n" + lineOf("2"), []string{"trengo line 1: it is no JSON object", "2"}},
		{"a bad last line without its end", lineOf("1") + "\n" + `{"type":`, []string{"1", "trengo line 2: it is broken JSON"}},
		{"several bad lines", "{}\n{}\n", []string{"trengo line 1: it has no type", "trengo line 2: it has no type"}},
		{"two events in a line", lineOf("1") + lineOf("1") + "\n" + lineOf("2"), []string{"trengo line 1: something follows the JSON object", "2"}},
		{"an event over two lines", "{\"type\":\n\"identify\"}\n", []string{"trengo line 1: it is broken JSON", "trengo line 2: it is no JSON object"}},
		{"a line of 4 MB", eventOfSize(maxEvent) + "\n" + lineOf("2"), []string{"u", "2"}},
		{"a line of 4 MB that ends as on Windows", eventOfSize(maxEvent) + "\r\n" + lineOf("2"), []string{"u", "2"}},
		{"a line of one byte more", eventOfSize(maxEvent+1) + "\n" + lineOf("2"), []string{"trengo line 1: it is longer than 4 MB", "2"}},
		{"a last line of 10 MB without its end", lineOf("1") + "\n" + eventOfSize(10<<20), []string{"1", "trengo line 2: it is longer than 4 MB"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var want []string
			for _, line := range tt.want {
				if number, why, ok := strings.Cut(strings.TrimPrefix(line, "trengo "), ": "); ok {
					line = "trengo: " + number + ": invalid event: " + why
				}
				want = append(want, line)
			}
			if diff := cmp.Diff(want, readAll(strings.NewReader(tt.lines))); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if len(tt.lines) > 1<<10 {
				return
			}
			for how, r := range map[string]io.Reader{
				"byte by byte":               iotest.OneByteReader(strings.NewReader(tt.lines)),
				"with the end in the answer": iotest.DataErrReader(strings.NewReader(tt.lines)),
			} {
				if diff := cmp.Diff(want, readAll(r)); diff != "" {
					t.Errorf("events, read %s (-want +got):\n%s", how, diff)
				}
			}
		})
	}
}

func TestReadEvents_errorsAreInvalidEvents(t *testing.T) {
	t.Parallel()
	for _, err := range trengo.ReadEvents(strings.NewReader("{}\n")) {
		if !errors.Is(err, trengo.ErrInvalidEvent) || trengo.Retryable(err) {
			t.Errorf("error is %v, want a permanent ErrInvalidEvent", err)
		}
	}
}

func TestReadEvents_readerFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is broken")
	for name, rest := range map[string]string{
		"between two lines":           "",
		"in a line":                   `{"type":"ident`,
		"at the end of a whole event": lineOf("2"),
		"in a line that is too long":  eventOfSize(maxEvent + 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			var last error
			for ev, err := range trengo.ReadEvents(io.MultiReader(strings.NewReader(lineOf("1")+"\n"+rest), iotest.ErrReader(broken))) {
				if err == nil {
					got = append(got, ev.UserID)
					continue
				}
				got, last = append(got, err.Error()), err
			}
			if diff := cmp.Diff([]string{"1", "trengo: line 2: the disk is broken"}, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if !errors.Is(last, broken) || errors.Is(last, trengo.ErrInvalidEvent) {
				t.Errorf("error is %v, want that of the reader", last)
			}
		})
	}
}

// endless is a reader that never comes to an end.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, lineOf("1")+"\n")
	e.read += n
	return n, nil
}

func TestReadEvents_break(t *testing.T) {
	t.Parallel()
	source := &endless{}
	seen := 0
	for ev, err := range trengo.ReadEvents(source) {
		if err != nil || ev.UserID != "1" {
			t.Fatal(ev, err)
		}
		if seen++; seen == 3 {
			break
		}
	}
	if size := len(lineOf("1")) + 1; source.read != 3*size {
		t.Errorf("%d bytes read for three lines of %d", source.read, size)
	}
	for range trengo.ReadEvents(strings.NewReader("{}\n{}\n")) {
		if seen++; seen > 4 {
			t.Error("the sequence goes on after a break at an error")
		}
		break
	}
}

// Not parallel: it counts what the whole program allocates.
func TestReadEvents_lineTooLongInBoundedMemory(t *testing.T) {
	const megabytes = 64
	part := eventOfSize(1 << 20)
	var line []io.Reader
	for range megabytes {
		line = append(line, strings.NewReader(part))
	}
	line = append(line, strings.NewReader("\n"+lineOf("2")+"\n"))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := readAll(io.MultiReader(line...))
	runtime.ReadMemStats(&after)
	want := []string{"trengo: line 1: invalid event: it is longer than 4 MB", "2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > megabytes/2 {
		t.Errorf("%d MB were allocated for a line of %d MB", used, megabytes)
	}
}
