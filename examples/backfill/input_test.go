package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trengo-go/trengo"
)

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

func TestInput(t *testing.T) {
	t.Parallel()
	long := `{"type":"` + strings.Repeat("x", 5<<20) + `"}`
	texts := map[string]string{
		"empty":                "",
		"one line":             `{"type":"page"}`,
		"several lines":        "{\"type\":\"a\"}\n{\"type\":\"b\"}\n",
		"blank lines":          "\n\n{\"type\":\"a\"}\n  \n{\"type\":\"b\"}\n\n",
		"other line ends":      "{\"type\":\"a\"}\r\n\r\n{\"type\":\"b\"}\r\n",
		"byte order mark":      "\ufeff{\"type\":\"a\"}\n{\"type\":\"b\"}",
		"oversized line":       "{\"type\":\"a\"}\n" + long + "\n{\"type\":\"b\"}\n",
		"oversized first line": long + "\n{\"type\":\"b\"}\n",
		"one byte":             "{",
	}
	for name, text := range texts {
		want := readWithLibrary(text)
		for form, data := range map[string]string{"plain": text, "gzip": compress(t, text), "two gzip members": compress(t, text[:len(text)/2]) + compress(t, text[len(text)/2:])} {
			t.Run(name+", "+form, func(t *testing.T) {
				t.Parallel()
				path := writeFile(t, filepath.Join(t.TempDir(), "events"), data)
				file := must(openInput(path, nil))
				defer file.close()
				if file.events != len(want) {
					t.Errorf("%d events counted, want %d", file.events, len(want))
				}
				stream := must(openInput("-", slowReader(data)))
				for source, in := range map[string]*input{"file": file, "stream": stream} {
					if diff := cmp.Diff(want, readAll(t, in)); diff != "" {
						t.Errorf("%s (-want +got):\n%s", source, diff)
					}
				}
			})
		}
	}
}

// slowReader returns a few bytes at a time, as a pipe may.
func slowReader(data string) io.Reader {
	r, w := io.Pipe()
	go func() {
		for chunk := range chunks(data) {
			if _, err := io.WriteString(w, chunk); err != nil {
				return
			}
		}
		w.Close()
	}()
	return r
}

func chunks(data string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for size := 1; len(data) > 0; size += size/2 + 1 {
			size = min(size, len(data))
			if !yield(data[:size]) {
				return
			}
			data = data[size:]
		}
	}
}

// readWithLibrary returns what trengo.ReadEvents yields for a text.
func readWithLibrary(text string) []string {
	all := []string{}
	for event, err := range trengo.ReadEvents(strings.NewReader(text)) {
		if err != nil {
			all = append(all, err.Error())
		} else {
			all = append(all, event.Type)
		}
	}
	return all
}

// readAll returns what readWithLibrary returns, by way of an input.
func readAll(t *testing.T, in *input) []string {
	t.Helper()
	all := []string{}
	for l, err := range in.lines() {
		if err != nil {
			t.Fatal(err)
		}
		event, err := trengo.ParseEvent(l.text)
		if err != nil {
			all = append(all, strings.Replace(err.Error(), "trengo: ", fmt.Sprintf("trengo: line %d: ", l.number), 1))
		} else {
			all = append(all, event.Type)
		}
	}
	return all
}

func TestInput_digest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	digest := func(text string) string {
		in := must(openInput(writeFile(t, filepath.Join(dir, "events"), text), nil))
		defer in.close()
		return in.digest
	}
	before := digest("a\nb\n")
	if changed := digest("a\nc\n"); before == changed || before != digest("a\nb\n") {
		t.Error("the content does not identify a file")
	}
	stream := func(text string) string { return must(openInput("-", strings.NewReader(text))).digest }
	if stream("a\nb\n") != stream("a\nc") || stream("a\n") == stream("b\n") {
		t.Error("the first line does not identify a stream")
	}
}

// A read error ends the run, and the next one resumes.
func TestInput_readError(t *testing.T) {
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
