package input

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

const pretty = `[
  {
    "type": "track",
    "event": "}]\\\" 🛒"
  },

  {"type": "page"}, {"type": "page"},
  5
]
`

// events returns where the events of an input are, and their text; at the end,
// the error.
func events(in *Input) []string {
	all := []string{}
	for ev, err := range in.Events() {
		if err != nil {
			return append(all, err.Error())
		}
		text := strings.Join(strings.Fields(string(ev.Text)), " ")
		if ev.Err != nil {
			text = ev.Err.Error()
		}
		all = append(all, fmt.Sprintf("%d %s: %s", ev.Number, ev.Position, text))
	}
	return all
}

func TestOpen_forms(t *testing.T) {
	t.Parallel()
	const noObject = "trengo: invalid event: it is not a JSON object"
	prettyEvents := []string{`1 2: { "type": "track", "event": "}]\\\" 🛒" }`, `2 7: {"type": "page"}`, `3 7.2: {"type": "page"}`, "4 8: " + noObject}
	tests := []struct {
		name, text string
		form       Form
		want       []string
	}{
		{"pretty-printed array", pretty, Array, prettyEvents},
		{"array behind blank lines", "\n \n" + pretty, Array, []string{strings.Replace(prettyEvents[0], "1 2:", "1 4:", 1), `2 9: {"type": "page"}`, `3 9.2: {"type": "page"}`, "4 10: " + noObject}},
		{"array on one line", `[{"type":"a"},{"type":"b"}]`, Array, []string{`1 1: {"type":"a"}`, `2 1.2: {"type":"b"}`}},
		{"array on each line", "[{\"type\":\"a\"},{\"type\":\"b\"}]\n[{\"type\":\"c\"}]\n", Array, []string{`1 1: {"type":"a"}`, `2 1.2: {"type":"b"}`, `3 2: {"type":"c"}`}},
		{"arrays of arrays", "[[{\"type\":\"a\"}],\n[{\"type\":\"b\"},{\"type\":\"c\"}]]", Array, []string{`1 1: {"type":"a"}`, `2 2: {"type":"b"}`, `3 2.2: {"type":"c"}`}},
		{"array of batches", "[{\"batch\":[{\"type\":\"a\"},{\"type\":\"b\"}]},\n{\"type\":\"c\"}]", Array, []string{`1 1: {"type":"a"}`, `2 1.2: {"type":"b"}`, `3 2: {"type":"c"}`}},
		{"empty array", "[ ]\n", Array, []string{}},
		{"array of other values", "[null, 1.5e3,true,\"a]\\\"\", []]", Array, []string{"1 1: " + noObject, "2 1.2: " + noObject, "3 1.3: " + noObject, "4 1.4: " + noObject, "5 1.5: " + noObject}},
		{"pretty-printed objects", "{\n\"type\": \"a\"\n}\n{\n\"type\": \"b\"\n}\n", Objects, []string{`1 1: { "type": "a" }`, `2 4: { "type": "b" }`}},
		{"objects on one line", `{"type":"a"} {"type":"b"}{"type":"c"}`, Objects, []string{`1 1: {"type":"a"}`, `2 1.2: {"type":"b"}`, `3 1.3: {"type":"c"}`}},
		{"object, then an array", "{\n\"type\":\"a\"}\n[{\"type\":\"b\"}]", Objects, []string{`1 1: { "type":"a"}`, `2 3: {"type":"b"}`}},
		{"pretty-printed batch", "{\n\"batch\":[\n{\"type\":\"a\"},\n{\"type\":\"b\"}]}", Objects, []string{`1 1: {"type":"a"}`, `2 1.2: {"type":"b"}`}},
		{"joined files with byte order marks", "\ufeff{\n\"type\":\"a\"}\n\ufeff{\"type\":\"b\"}", Objects, []string{`1 1: { "type":"a"}`, `2 3: {"type":"b"}`}},
		{"old Macintosh line ends", "{\"type\":\"a\"}\r{\"type\":\"b\"}\r", Objects, []string{`1 1: {"type":"a"}`, `2 1.2: {"type":"b"}`}},
		{"JSON lines", "{\"type\":\"a\"}\n{\"type\":\"b\"}\n", Lines, []string{`1 1: {"type":"a"}`, `2 2: {"type":"b"}`}},
		{"JSON lines with byte order marks", "\ufeff{\"type\":\"a\"}\n\ufeff{\"type\":\"b\"}\n", Lines, []string{`1 1: {"type":"a"}`, `2 2: {"type":"b"}`}},
		{"JSON lines with batches", "{\"batch\":[{\"type\":\"a\"},{\"type\":\"b\"}]}\n\n{\"payload\":{\"type\":\"c\"}}\n[{\"type\":\"d\"}]", Lines, []string{`1 1: {"type":"a"}`, `2 1.2: {"type":"b"}`, `3 3: {"type":"c"}`, `4 4: {"type":"d"}`}},
		{"JSON lines with an unknown envelope", "{\"detail\":{\"type\":\"a\"}}\n", Lines, []string{"1 1: trengo: invalid event: it is an envelope of EventBridge: send only its detail"}},
	}
	for _, tt := range tests {
		for encoding, encode := range encodings {
			t.Run(tt.name+", "+encoding, func(t *testing.T) {
				t.Parallel()
				data := encode(tt.text)
				for source, data := range map[string]string{"plain": data, "gzip": compress(t, data)} {
					file := open(t, writeFile(t, data), nil)
					if file.Form != tt.form || file.Count != len(tt.want) {
						t.Errorf("%s: %d events of %s", source, file.Count, file.Form)
					}
					for range 2 { // a file can be read again
						if diff := cmp.Diff(tt.want, events(file)); diff != "" {
							t.Errorf("file, %s (-want +got):\n%s", source, diff)
						}
					}
					if diff := cmp.Diff(tt.want, events(open(t, "-", slowReader(data)))); diff != "" {
						t.Errorf("stream, %s (-want +got):\n%s", source, diff)
					}
				}
			})
		}
	}
}

var encodings = map[string]func(string) string{
	"UTF-8":                                 func(text string) string { return text },
	"UTF-16, little-endian":                 func(text string) string { return encodeUTF16(binary.LittleEndian, "\ufeff"+text) },
	"UTF-16, big-endian":                    func(text string) string { return encodeUTF16(binary.BigEndian, "\ufeff"+text) },
	"UTF-16, little-endian, without a mark": func(text string) string { return encodeUTF16(binary.LittleEndian, strings.TrimPrefix(text, "\ufeff")) },
	"UTF-16, big-endian, without a mark":    func(text string) string { return encodeUTF16(binary.BigEndian, strings.TrimPrefix(text, "\ufeff")) },
	"UTF-8 with a byte order mark in front": func(text string) string { return "\ufeff" + strings.TrimPrefix(text, "\ufeff") },
}

func encodeUTF16(order binary.AppendByteOrder, text string) string {
	var data []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		data = order.AppendUint16(data, unit)
	}
	return string(data)
}

// Half a surrogate pair costs only the character.
func TestOpen_brokenUTF16(t *testing.T) {
	t.Parallel()
	units := func(text string, units ...uint16) string {
		data := []byte(encodeUTF16(binary.LittleEndian, `{"type":"`))
		for _, unit := range units {
			data = binary.LittleEndian.AppendUint16(data, unit)
		}
		return string(data) + encodeUTF16(binary.LittleEndian, text)
	}
	for _, tt := range []struct{ name, data, want string }{
		{"high half alone", units(`x"}`, 0xd83d), `1 1: {"type":"�x"}`},
		{"low half alone", units(`x"}`, 0xdd12), `1 1: {"type":"�x"}`},
		{"halves the wrong way round", units(`"}`, 0xdd12, 0xd83d), `1 1: {"type":"��"}`},
		{"two high halves, then a low one", units(`"}`, 0xd83d, 0xd83d, 0xdd12), `1 1: {"type":"�🔒"}`},
		{"replacement character after a high half", units(`"}`, 0xd83d, 0xfffd), `1 1: {"type":"��"}`},
		{"replacement character", units(`"}`, 0xfffd), `1 1: {"type":"�"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff([]string{tt.want}, events(open(t, "-", strings.NewReader(tt.data)))); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
	if _, err := Open("-", strings.NewReader(units(`"}`)+"\x0a"), nil); err == nil || !strings.Contains(err.Error(), "ends within a character") {
		t.Errorf("an odd number of bytes: error %v", err)
	}
}

// What is not JSON is refused at once, and named.
func TestOpen_notEvents(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, data, want string }{
		{"comma-separated", "type,userId,email\ntrack,u1,ann\n", "it looks like a table (CSV)"},
		{"semicolon-separated", "type;userId\n", "it looks like a table (CSV)"},
		{"tab-separated", "type\tuserId\n", "it looks like a table (CSV)"},
		{"quoted table", "\"type\",\"userId\"\n", "it looks like a table (CSV)"},
		{"table in UTF-16", encodeUTF16(binary.LittleEndian, "\ufefftype,userId\n"), "it looks like a table (CSV)"},
		{"text", "hello\n", "it looks like plain text"},
		{"YAML", "- type: track\n", "it looks like plain text"},
		{"HTML", "<!DOCTYPE html>\n", "it looks like HTML or XML"},
		{"number", "5\n", "it looks like JSON, but neither an object nor an array"},
		{"string", `"{}"`, "it looks like JSON, but neither an object nor an array"},
		{"null", "null\n{}\n", "it looks like JSON, but neither an object nor an array"},
		{"ZIP", "PK\x03\x04\x14\x00\x00\x00", "it looks like a ZIP archive or a spreadsheet"},
		{"gzip within gzip", compress(t, compress(t, "{}")), "it looks like a gzip file within a gzip file"},
		{"Zstandard", "\x28\xb5\x2f\xfd\x04\x00", "it looks like a Zstandard file"},
		{"bzip2", "BZh91AY&SY", "it looks like a bzip2 file"},
		{"xz", "\xfd7zXZ\x00\x00", "it looks like an xz file"},
		{"Parquet", "PAR1\x15\x04\x15", "it looks like a Parquet file"},
		{"Avro", "Obj\x01\x04\x16", "it looks like an Avro file"},
		{"UTF-32", "{\x00\x00\x00\"\x00\x00\x00", "it looks like text in UTF-32"},
		{"UTF-32 with a mark", "\xff\xfe\x00\x00{\x00\x00\x00", "it looks like text in UTF-32"},
		{"UTF-32, big-endian", "\x00\x00\x00{\x00\x00\x00}", "it looks like text in UTF-32"},
		{"zeros", strings.Repeat("\x00", 1000), "it looks like binary data"},
		{"Latin-1", "caf\xe9 ol\xe9\n", "it looks like binary data, or text in another encoding"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Open(writeFile(t, tt.data), nil, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("file: error %v", err)
			}
			_, err = Open("-", slowReader(tt.data), nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("stream: error %v", err)
			}
		})
	}
}

// A syntax error ends an array or a sequence of objects, with its line.
func TestOpen_syntaxErrors(t *testing.T) {
	t.Parallel()
	const (
		syntax = "this is not valid JSON, and the input cannot be read beyond it"
		why    = " (its first line is not a complete object: so it was not read as JSON lines)"
	)
	long := strings.Repeat(`{"a": 1},`+"\n", MaxText/64)
	tests := []struct{ name, text, want string }{
		{"missing comma", "[{},\n{}\n{}]", "line 3: " + syntax},
		{"missing element", "[{},\n,{}]", "line 2: " + syntax},
		{"comma before the end", "[{},\n]", "line 2: " + syntax},
		{"comma at the start", "[\n,{}]", "line 2: " + syntax},
		{"wrong bracket", "[{\"a\":\n[}\n]", "line 2: " + syntax},
		{"single quotes", "[{},\n{'a':1}]", "line 2: " + syntax},
		{"unknown word", "[{},\nNone]", "line 2: " + syntax},
		{"line end in a string", "[{},\n{\"a\":\"b\nc\"}]", "line 2: " + syntax},
		{"missing brace", "[{\"a\":1,\n{\"b\":2}\n]", "line 2: " + syntax},
		{"missing brace in a long array", "[{\"a\":1,\n" + long + "]", "line 2: " + syntax},
		{"missing end", "[{},\n{}\n", "line 3: the array does not end"},
		{"missing end of an element", "[{},\n{\"a\":\n\n", "line 4: the value that begins in line 2 does not end"},
		{"text after an array", "[{}]\nx", "line 2: " + syntax},
		{"commas between objects", "{},\n{}\n", "line 1: " + syntax + why},
		{"truncated first line", "{\"type\":\"tr\n{\"type\":\"track\"}\n", "line 1: " + syntax + why},
		{"broken object", "{\n\"a\":1\n}\n{\nb\n}\n", "line 5: " + syntax + why},
		{"brace", "{", "line 1: the value that begins in line 1 does not end" + why},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Open(writeFile(t, tt.text), nil, splitNothing)
			if err == nil || !strings.HasSuffix(err.Error(), ": "+tt.want) {
				t.Errorf("file: error %v", err)
			}
			in, err := Open("-", slowReader(tt.text), splitNothing)
			if err == nil {
				all := events(in)
				if last := all[len(all)-1]; last != tt.want {
					t.Errorf("stream: %q", last)
				}
			} else if !strings.HasSuffix(err.Error(), ": "+tt.want) {
				t.Errorf("stream: error %v", err)
			}
		})
	}
}

// An element that is too long for an event costs only itself, whatever the
// length of its line.
func TestOpen_longElement(t *testing.T) {
	t.Parallel()
	long := `{"a":"` + strings.Repeat("]", MaxText) + `"}`
	for name, text := range map[string]string{
		"in an array":   `[{"type":"a"},` + long + "\n" + `,{"type":"b"}]`,
		"among objects": "{\n\"type\":\"a\"}" + long + "\n" + `{"type":"b"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			types := readAll(t, open(t, writeFile(t, text), nil))
			if len(types) != 3 || types[0] != "a" || !strings.HasSuffix(types[1], "longer than 4 MB") || types[2] != "b" {
				t.Errorf("events %q", types)
			}
		})
	}
}
