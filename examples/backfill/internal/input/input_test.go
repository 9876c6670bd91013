package input

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
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

// open opens an input whose lines and values trengo takes apart.
func open(t *testing.T, path string, stdin io.Reader) *Input {
	t.Helper()
	in, err := Open(path, stdin, trengo.SplitEvents)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	})
	return in
}

func splitNothing(text []byte) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) { yield(text, nil) }
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "events")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestInput_lines(t *testing.T) {
	t.Parallel()
	long := `{"type":"` + strings.Repeat("x", 5<<20) + `"}`
	texts := map[string]string{
		"empty":                "",
		"only blank lines":     "\n \r\n\n",
		"one line":             `{"type":"page"}`,
		"several lines":        "{\"type\":\"a\"}\n{\"type\":\"b\"}\n",
		"bad lines":            "{\"type\":\"a\"}\n{\"type\":\n[\ntext\n{\"type\":\"b\"}\n",
		"blank lines":          "\n\n{\"type\":\"a\"}\n  \n{\"type\":\"b\"}\n\n",
		"other line ends":      "{\"type\":\"a\"}\r\n\r\n{\"type\":\"b\"}\r\n",
		"byte order mark":      "\ufeff{\"type\":\"a\"}\n{\"type\":\"b\"}",
		"oversized line":       "{\"type\":\"a\"}\n" + long + "\n{\"type\":\"b\"}\n",
		"oversized first line": long + "\n{\"type\":\"b\"}\n",
	}
	for name, text := range texts {
		want := readWithLibrary(text)
		for form, data := range map[string]string{"plain": text, "gzip": compress(t, text), "two gzip members": compress(t, text[:len(text)/2]) + compress(t, text[len(text)/2:])} {
			t.Run(name+", "+form, func(t *testing.T) {
				t.Parallel()
				file := open(t, writeFile(t, data), nil)
				if file.Count != len(want) || file.Form != Lines {
					t.Errorf("%d events of %s counted, want %d", file.Count, file.Form, len(want))
				}
				stream := open(t, "-", slowReader(data))
				for source, in := range map[string]*Input{"file": file, "stream": stream} {
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
func readAll(t *testing.T, in *Input) []string {
	t.Helper()
	all := []string{}
	for ev, err := range in.Events() {
		if err != nil {
			t.Fatal(err)
		}
		event, err := trengo.ParseEvent(ev.Text)
		if err != nil {
			all = append(all, strings.Replace(err.Error(), "trengo: ", fmt.Sprintf("trengo: line %d: ", ev.Line), 1))
		} else {
			all = append(all, event.Type)
		}
	}
	return all
}

func TestInput_digest(t *testing.T) {
	t.Parallel()
	digest := func(text string) string { return open(t, writeFile(t, text), nil).Digest }
	before := digest("{}\n{}\n")
	if changed := digest("{}\n[]\n"); before == changed || before != digest("{}\n{}\n") {
		t.Error("the content does not identify a file")
	}
	stream := func(text string) string { return open(t, "-", strings.NewReader(text)).Digest }
	if stream("{}\n{}\n") != stream("{}\nc") || stream("{}\n") == stream(`{"a":1}`+"\n") {
		t.Error("the first line does not identify a stream")
	}
	if stream("[\n1,2]") != stream("[1,3]") || stream("[1]") == stream("[2]") {
		t.Error("the first value does not identify a stream")
	}
}
